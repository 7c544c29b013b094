"""What is built to try a part of the table; each area builds what it needs of the others too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from local.providers.aws import (
    table,
    table_account,
    table_backup,
    table_data,
    table_delivery,
    table_edge,
    table_functions,
    table_monitoring,
    table_service,
    table_storage,
)
from local.providers.aws.rows import ResourceType
from tests.local.aws.build import Stack, build_everything
from tests.local.aws.build_account import build_account
from tests.local.aws.build_backup import build_backup
from tests.local.aws.build_delivery import build_delivery
from tests.local.aws.build_edge import build_edge
from tests.local.aws.build_functions import build_functions
from tests.local.aws.build_monitoring import build_monitoring
from tests.local.aws.build_service import build_service
from tests.local.aws.build_storage import build_storage


@dataclass(frozen=True)
class Area:
    """`build` creates each type of `rows` at least once; its argument goes into fixed names."""

    rows: Mapping[str, ResourceType]
    build: Callable[[Stack, str], None]


AREAS: Final = {
    "network and data": Area({**table.ROWS, **table_data.ROWS}, build_everything),
    "backup": Area(table_backup.ROWS, build_backup),
    "functions": Area(table_functions.ROWS, build_functions),
    "monitoring": Area(table_monitoring.ROWS, build_monitoring),
    "storage": Area(table_storage.ROWS, build_storage),
    "service": Area(table_service.ROWS, build_service),
    "edge": Area(table_edge.ROWS, build_edge),
    "delivery": Area(table_delivery.ROWS, build_delivery),
    "account": Area(table_account.ROWS, build_account),
}
