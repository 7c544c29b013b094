"""Typed configuration of a stack.

What is the same everywhere is the default of its field, what differs between environments
stands in `ENVIRONMENT_DEFAULTS`, and a stack file holds only what differs from both. A further
environment is one more stack file: `parse_settings` gives it production's defaults.

To add a component's settings: a module with a `Section` subclass, a field of `StackSettings`, its
differences in `ENVIRONMENT_DEFAULTS` and its key in `Pulumi.yaml`. The stack of what an account
has once is told by `AccountStackSettings`; everything about them but the sections is the same.
"""

import difflib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args, get_origin

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from components.naming import PROJECT
from components.settings.account import AccountSettings
from components.settings.api import ApiSettings
from components.settings.assets import AssetsSettings, check_assets
from components.settings.backup import BackupSettings, check_backup
from components.settings.cache import CacheSettings
from components.settings.cluster import ClusterSettings
from components.settings.database import DatabaseSettings
from components.settings.domain import DomainSettings, check_domain
from components.settings.edge import EdgeSettings
from components.settings.environments import (
    ACCOUNT_DEFAULTS,
    ENVIRONMENT_DEFAULTS,
    FALLBACK_ENVIRONMENT,
)
from components.settings.fields import Problem, Section
from components.settings.functions import FunctionsSettings
from components.settings.logs import LogsSettings
from components.settings.messages import MessagesSettings, check_messages
from components.settings.network import NetworkSettings
from components.settings.observability import ObservabilitySettings
from components.settings.parameters import ParametersSettings
from components.settings.secrets import SecretSettings
from components.settings.security import SecuritySettings
from components.settings.services import API, ServiceName, ServiceSettings, check_services
from components.settings.stack import StackSection


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration; pulumi prints the message without a traceback."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} configuration {noun}:{lines}")


# What a section may not say in some stacks.
_STACK_CHECKS: Final[Mapping[str, Callable[[Any, StackSection], None]]] = {
    "domain": check_domain,
    "assets": check_assets,
    "messages": check_messages,
}


class StackSettings(Section):
    """Everything that one stack can be told."""

    stack: StackSection
    network: NetworkSettings
    database: DatabaseSettings
    cache: CacheSettings
    parameters: ParametersSettings = ParametersSettings()
    logs: LogsSettings
    cluster: ClusterSettings
    api: ApiSettings
    services: dict[ServiceName, ServiceSettings] = Field(
        description="a mapping of names (at most 18 lower-case letters, digits and single hyphens) "
        "to services"
    )
    domain: DomainSettings = DomainSettings()
    security: SecuritySettings
    assets: AssetsSettings
    edge: EdgeSettings
    messages: MessagesSettings
    observability: ObservabilitySettings = ObservabilitySettings()
    backup: BackupSettings
    functions: FunctionsSettings
    secrets: SecretSettings

    @field_validator("domain", "assets", "messages")
    @classmethod
    def _section_suits_the_stack(cls, section: Section, info: ValidationInfo) -> Section:
        if "stack" in info.data:
            _STACK_CHECKS[str(info.field_name)](section, info.data["stack"])
        return section

    @field_validator("backup")
    @classmethod
    def _backups_suit_the_stack(
        cls, backup: BackupSettings, info: ValidationInfo
    ) -> BackupSettings:
        if "stack" in info.data and "database" in info.data:
            check_backup(backup, info.data["stack"], info.data["database"])
        return backup

    @field_validator("services")
    @classmethod
    def _services_go_together(
        cls, services: dict[str, ServiceSettings]
    ) -> dict[str, ServiceSettings]:
        check_services(services)
        return services

    @property
    def environment(self) -> str:
        """The environment: the stack's name unless a setting says otherwise."""
        return self.stack.environment

    @property
    def health_path(self) -> str:
        """Where the API says that it is well; `check_services` has seen that it answers HTTP."""
        http = self.services[API].http
        assert http is not None  # noqa: S101 - for the type checker
        return http.health_path


class AccountStackSettings(Section):
    """Everything that the stack of what an account has once can be told."""

    stack: StackSection
    account: AccountSettings = Field(
        description="a mapping with registry, github, budget, trail, detection, zone and "
        "deletion_protection"
    )

    @property
    def environment(self) -> str:
        """What stands for the environment in names: the stack's name."""
        return self.stack.environment


AnySettings = TypeVar("AnySettings", StackSettings, AccountStackSettings)

_SECTIONS: Final = {*StackSettings.model_fields, *AccountStackSettings.model_fields}


def secret_output(secret: SecretStr) -> pulumi.Output[str]:
    """A secret as resources take it: encrypted in the state, and hidden by the engine."""
    return pulumi.Output.secret(secret.get_secret_value())


def load_settings() -> StackSettings:
    """Read the running stack's configuration; raise `SettingsError` with every problem."""
    return parse_settings(pulumi.get_stack(), *_configuration())


def load_account_settings() -> AccountStackSettings:
    """`load_settings` for the stack of what an account has once."""
    return parse_account_settings(pulumi.get_stack(), *_configuration())


def parse_settings(
    stack: str, values: Mapping[str, Any], secrets: Collection[str] = ()
) -> StackSettings:
    """Check `values`, a mapping per section, over the defaults of the stack's environment.

    `secrets` names the sections that are encrypted in the stack file; their values are not shown.
    """
    return _parse(StackSettings, stack, values, secrets)


def parse_account_settings(
    stack: str, values: Mapping[str, Any], secrets: Collection[str] = ()
) -> AccountStackSettings:
    """`parse_settings` for the stack of what an account has once."""
    return _parse(AccountStackSettings, stack, values, secrets)


def _configuration() -> tuple[dict[str, Any], set[str]]:
    """The running stack's values by section, and the sections that hold a secret."""
    config = pulumi.Config(PROJECT)
    start = f"{PROJECT}:"
    # The engine hands over each key of the stack file, also those the program does not know.
    keys = {*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}
    values = {
        key.removeprefix(start): _decode(config.get(key.removeprefix(start)))
        for key in keys
        if key.startswith(start)
    }
    # One secret inside an object makes its whole key secret, so its whole section is redacted.
    secrets = {name for name in values if runtime_config.is_config_secret(start + name)} | {
        key.removeprefix(start) for key in runtime_config.get_config_secret_keys_env()
    }
    return values, secrets


def _parse(
    model: type[AnySettings], stack: str, values: Mapping[str, Any], secrets: Collection[str]
) -> AnySettings:
    # Pulumi.yaml declares the sections of all stacks, so each stack gets the others' empty.
    foreign = {name for name in _SECTIONS - model.model_fields.keys() if not values.get(name)}
    problems = [
        f"{PROJECT}:{name}: unknown key{_did_you_mean(model, name)}; "
        f"allowed: {', '.join(model.model_fields)}"
        for name in sorted(values.keys() - model.model_fields.keys() - foreign)
    ]
    # A key without anything below it is null in YAML, and means no differences.
    given = {name: values[name] for name in model.model_fields if values.get(name) is not None}
    clear = given.get("secrets")
    if isinstance(clear, Mapping) and "secrets" not in secrets:
        problems.extend(
            f"{_key(('secrets', name))}: is not encrypted, so others may have read it; set "
            f"another with: {_set_secret(stack, name)}"
            for name in SecretSettings.model_fields
            if name in clear
        )
    hidden = {*secrets, "secrets"}
    defaults = _defaults(stack, given) if model is StackSettings else _account_defaults(stack)
    errors: list[ErrorDetails] = []
    try:
        settings = model.model_validate(merge(defaults, given), context={})
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    # Raised outside the handler: the pydantic error holds the values and must not travel along.
    for error in errors:
        problems.extend(_describe(model, error, stack, hidden=str(error["loc"][0]) in hidden))
    if problems:
        raise SettingsError(problems)
    return settings


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `base`: mappings key by key, everything else (lists too) as a whole."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return result


def _defaults(stack: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of the environment that `given` or else the stack's name stands for."""
    section = given.get("stack")
    environment = section.get("environment", stack) if isinstance(section, Mapping) else stack
    fallback = ENVIRONMENT_DEFAULTS[FALLBACK_ENVIRONMENT]
    base = (
        ENVIRONMENT_DEFAULTS.get(environment, fallback)
        if isinstance(environment, str)
        else fallback
    )
    return merge(base, {"stack": {"environment": stack}, "secrets": {}})


def _account_defaults(stack: str) -> dict[str, Any]:
    return merge(ACCOUNT_DEFAULTS, {"stack": {"environment": stack}})


def _decode(raw: str | None) -> object:
    """Objects and lists arrive as JSON; what is neither is kept as the text that it is."""
    try:
        return json.loads(raw or "null")
    except ValueError:
        return raw


def _set_secret(stack: str, name: str) -> str:
    """The command that sets a secret; without a value Pulumi asks for it, and does not show it."""
    value = "" if name == "stripe_secret_key" else ' "$(openssl rand -hex 32)"'
    return f"pulumi config set --stack {stack} --secret --path '{_key(('secrets', name))}'{value}"


def _describe(
    model: type[BaseModel], error: ErrorDetails, stack: str, hidden: bool
) -> Iterable[str]:
    """One line for each problem that a pydantic error stands for."""
    # pydantic says so where the key of a mapping is wrong, and not its value.
    path = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "missing" and path[0] == "secrets":
        yield f"{_key(path)}: missing; set it with: {_set_secret(stack, str(path[-1]))}"
        return
    if error["type"] == "missing":
        yield f"{_key(path)}: missing; must be {_allowed(model, path)}"
        return
    if error["type"] == "extra_forbidden":
        owner = _field_model(model, path[:-1])
        allowed = list(owner.model_fields) if owner else []
        close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        suggestion = f" (did you mean {close[0]}?)" if close else ""
        yield f"{_key(path)}: unknown key{suggestion}; allowed: {', '.join(allowed)}"
        return
    problems = error.get("ctx", {}).get("problems", (Problem(_allowed(model, path)),))
    for problem in problems:
        value, where = error["input"], path
        if problem.index is not None:
            value, where = value[problem.index], (*path, problem.index)
        shown = "[secret]" if hidden or problem.hidden else _show(value)
        hint = f" ({problem.hint})" if problem.hint and not hidden else ""
        yield f"{_key(where)} = {shown}: must be {problem.allowed}{hint}"


def _field_model(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """The section that `path` leads to from `model`, also through a mapping of sections."""
    among_names = False
    for part in path:
        if among_names:
            among_names = False
            continue
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return None
        model = below[0]
        among_names = field is not None and get_origin(field.annotation) is dict
    return None if among_names else model


def _allowed(model: type[BaseModel], path: Sequence[int | str]) -> str:
    """What the innermost field on `path` says about itself."""
    for end in range(len(path), 0, -1):
        owner = _field_model(model, path[: end - 1])
        field = owner.model_fields.get(str(path[end - 1])) if owner else None
        if field is not None:
            return field.description or "a mapping"
    return "a mapping"


def _key(path: Sequence[int | str]) -> str:
    """The path as `pulumi config set --path` takes it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"{PROJECT}:{text.removeprefix('.')}"


def _show(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _did_you_mean(model: type[BaseModel], name: str) -> str:
    """A suggestion for an unknown top-level key, also when its section was left out."""
    keys = {section: section for section in model.model_fields}
    for section in model.model_fields:
        below = _field_model(model, [section])
        keys |= {field: f"{section}.{field}" for field in (below.model_fields if below else ())}
    close = difflib.get_close_matches(name, keys, n=1)
    return f" (did you mean {PROJECT}:{keys[close[0]]}?)" if close else ""
