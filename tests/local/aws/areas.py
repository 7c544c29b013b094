"""What is built to try a part of the table; each area builds what it needs of the others too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from local.providers.aws import table, table_data
from local.providers.aws.rows import ResourceType
from tests.local.aws.build import Stack, build_everything


@dataclass(frozen=True)
class Area:
    """`build` creates each type of `rows` at least once; its argument goes into fixed names."""

    rows: Mapping[str, ResourceType]
    build: Callable[[Stack, str], None]


AREAS: Final = {
    "network and data": Area({**table.ROWS, **table_data.ROWS}, build_everything),
}
