"""Typed configuration of a stack.

What is the same everywhere is the default of its field, what differs between environments
stands in `ENVIRONMENT_DEFAULTS`, and a stack file holds only what differs from both. A further
environment is one more stack file: `parse_settings` gives it production's defaults.

To add a component's settings: a module with a `Section` subclass, a field of `StackSettings`, its
differences in `ENVIRONMENT_DEFAULTS` and its key in `Pulumi.yaml`.
"""

import difflib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from components.naming import PROJECT
from components.settings.cache import CacheSettings
from components.settings.database import DatabaseSettings
from components.settings.environments import ENVIRONMENT_DEFAULTS, FALLBACK_ENVIRONMENT
from components.settings.fields import Problem, Section
from components.settings.network import NetworkSettings
from components.settings.parameters import ParametersSettings
from components.settings.secrets import SecretSettings
from components.settings.stack import StackSection


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration; pulumi prints the message without a traceback."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} configuration {noun}:{lines}")


class StackSettings(Section):
    """Everything that one stack can be told."""

    stack: StackSection
    network: NetworkSettings
    database: DatabaseSettings
    cache: CacheSettings
    parameters: ParametersSettings = ParametersSettings()
    secrets: SecretSettings

    @property
    def environment(self) -> str:
        """The environment: the stack's name unless a setting says otherwise."""
        return self.stack.environment


def secret_output(secret: SecretStr) -> pulumi.Output[str]:
    """A secret as resources take it: encrypted in the state, and hidden by the engine."""
    return pulumi.Output.secret(secret.get_secret_value())


def load_settings() -> StackSettings:
    """Read the running stack's configuration; raise `SettingsError` with every problem."""
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
    return parse_settings(pulumi.get_stack(), values, secrets)


def parse_settings(
    stack: str, values: Mapping[str, Any], secrets: Collection[str] = ()
) -> StackSettings:
    """Check `values`, a mapping per section, over the defaults of the stack's environment.

    `secrets` names the sections that are encrypted in the stack file; their values are not shown.
    """
    problems = [
        f"{PROJECT}:{name}: unknown key{_did_you_mean(name)}; "
        f"allowed: {', '.join(StackSettings.model_fields)}"
        for name in sorted(values.keys() - StackSettings.model_fields.keys())
    ]
    # A key without anything below it is null in YAML, and means no differences.
    given = {
        name: values[name] for name in StackSettings.model_fields if values.get(name) is not None
    }
    clear = given.get("secrets")
    if isinstance(clear, Mapping) and "secrets" not in secrets:
        problems.extend(
            f"{_key(('secrets', name))}: is not encrypted, so others may have read it; set "
            f"another with: {_set_secret(stack, name)}"
            for name in SecretSettings.model_fields
            if name in clear
        )
    hidden = {*secrets, "secrets"}
    merged = merge(_defaults(stack, given), given)
    errors: list[ErrorDetails] = []
    try:
        settings = StackSettings.model_validate(merged, context={})
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    # Raised outside the handler: the pydantic error holds the values and must not travel along.
    for error in errors:
        problems.extend(_describe(error, stack, hidden=str(error["loc"][0]) in hidden))
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


def _describe(error: ErrorDetails, stack: str, hidden: bool) -> Iterable[str]:
    """One line for each problem that a pydantic error stands for."""
    path = error["loc"]
    if error["type"] == "missing" and path[0] == "secrets":
        yield f"{_key(path)}: missing; set it with: {_set_secret(stack, str(path[-1]))}"
        return
    if error["type"] == "extra_forbidden":
        owner = _field_model(path[:-1])
        allowed = list(owner.model_fields) if owner else []
        close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        suggestion = f" (did you mean {close[0]}?)" if close else ""
        yield f"{_key(path)}: unknown key{suggestion}; allowed: {', '.join(allowed)}"
        return
    problems = error.get("ctx", {}).get("problems", (Problem(_allowed(path)),))
    for problem in problems:
        value, where = error["input"], path
        if problem.index is not None:
            value, where = value[problem.index], (*path, problem.index)
        shown = "[secret]" if hidden else _show(value)
        hint = f" ({problem.hint})" if problem.hint and not hidden else ""
        yield f"{_key(where)} = {shown}: must be {problem.allowed}{hint}"


def _field_model(path: Sequence[int | str]) -> type[BaseModel] | None:
    """The section that `path` leads to."""
    model: type[BaseModel] = StackSettings
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return None
        model = below[0]
    return model


def _allowed(path: Sequence[int | str]) -> str:
    """What the innermost field on `path` says about itself."""
    for end in range(len(path), 0, -1):
        owner = _field_model(path[: end - 1])
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


def _did_you_mean(name: str) -> str:
    """A suggestion for an unknown top-level key, also when its section was left out."""
    keys = {section: section for section in StackSettings.model_fields}
    for section in StackSettings.model_fields:
        model = _field_model([section])
        keys |= {field: f"{section}.{field}" for field in (model.model_fields if model else ())}
    close = difflib.get_close_matches(name, keys, n=1)
    return f" (did you mean {PROJECT}:{keys[close[0]]}?)" if close else ""
