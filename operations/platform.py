"""The names by which runbooks find a stack's resources: those of `components/naming.py`.

Written again here, since the functions in AWS carry this code without the program; a test holds the
two together.
"""

import re
from dataclasses import dataclass
from typing import Final

from operations.errors import InputError

PROJECT: Final = "aussie-markets"

_ENVIRONMENT: Final = re.compile(r"[a-z](-?[a-z0-9])+")


@dataclass(frozen=True)
class Platform:
    """One environment of the platform.

    Raises:
        InputError: `environment` is no name that a stack can have.
    """

    environment: str

    def __post_init__(self) -> None:
        if not _ENVIRONMENT.fullmatch(self.environment) or len(self.environment) > 16:
            raise InputError(
                f"--stack {self.environment!r}: must be the name of a stack, such as staging"
            )

    @property
    def database(self) -> str:
        return f"{PROJECT}-db-{self.environment}"

    @property
    def cluster(self) -> str:
        return f"{PROJECT}-cluster-{self.environment}"

    def service(self, name: str = "api") -> str:
        return f"{PROJECT}-{name}-{self.environment}"

    def parameter(self, name: str) -> str:
        return f"/{PROJECT}/{self.environment}/{name}"

    def release(self, service: str = "api") -> str:
        """The parameter that holds the image of a service."""
        return self.parameter(f"release/{service}-image")

    @property
    def parameters_path(self) -> str:
        return f"/{PROJECT}/{self.environment}"

    @property
    def audit_log_group(self) -> str:
        return f"/{PROJECT}/{self.environment}/audit"

    def key_alias(self, data_class: str) -> str:
        return f"alias/{PROJECT}-{self.environment}-{data_class}"
