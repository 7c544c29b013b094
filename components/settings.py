"""Typed configuration of a stack.

What is the same everywhere is the default of its field, what differs between environments
stands in `ENVIRONMENT_DEFAULTS`, and a stack file holds only what differs from both. A further
environment is one more stack file: `parse_settings` gives it production's defaults.

To add a component's settings: a `Section` subclass, a field of `StackSettings`, its differences
in `ENVIRONMENT_DEFAULTS` and its key in `Pulumi.yaml`.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, NoReturn, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from components.naming import PROJECT

# CloudWatch Logs, PutRetentionPolicy: every other number of days is refused.
LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# EC2, CreateVpc and CreateSubnet: the block of either is between these sizes.
LARGEST_PREFIX: Final = 16
SMALLEST_PREFIX: Final = 28

# Application Load Balancers user guide, "Subnets for your load balancer".
LOAD_BALANCER_PREFIX: Final = 27

# An unknown environment may hold real data, so it starts from the careful defaults.
FALLBACK_ENVIRONMENT: Final = "production"

ENVIRONMENT_DEFAULTS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "staging": {
        "network": {
            # A gateway is paid by the hour, and staging may lose its way out with one zone.
            "nat_strategy": "Single",
            # Paid by the hour, endpoint and zone; staging's traffic goes through the NAT gateway.
            "interface_endpoints": False,
            # As the API's logs: deployment documentation, "Log Groups".
            "flow_log_retention_days": 30,
        },
    },
    "production": {
        "network": {
            "nat_strategy": "OnePerAz",
            "interface_endpoints": True,
            "flow_log_retention_days": 365,
        },
    },
}


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration; pulumi prints the message without a traceback."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} configuration {noun}:{lines}")


@dataclass(frozen=True)
class _Problem:
    """One wrong value.

    `allowed` never contains configured values; `hint` may, and is left out for secrets.
    `index` names the wrong item of a list.
    """

    allowed: str
    hint: str = ""
    index: int | None = None


def _reject(*problems: _Problem) -> NoReturn:
    """Reject the field under validation; a validator can raise only once, hence the bundle."""
    raise PydanticCustomError("setting", "rejected", {"problems": problems})


def _parse_network(value: object) -> IPv4Network:
    allowed = (
        f"an IPv4 network between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}, such as 10.0.0.0/16"
    )
    if isinstance(value, IPv4Network):
        network = value
    else:
        # A bare number is an address to ipaddress, and a mistake in a stack file.
        if not isinstance(value, str) or "/" not in value:
            _reject(_Problem(allowed))
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            _reject(_Problem(allowed))
        if str(network) != value:
            _reject(_Problem(allowed, f"did you mean {network}?"))
    if not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
        _reject(_Problem(allowed))
    return network


def _check_retention(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        following = next((allowed for allowed in LOG_RETENTION_DAYS if allowed > days), None)
        hint = f"the next longer one is {following}" if following else "3653 is the longest"
        if days == 7 * 365:
            hint = "seven years are 2557 days, with the leap days"
        listed = ", ".join(str(allowed) for allowed in LOG_RETENTION_DAYS)
        _reject(_Problem(f"one of CloudWatch's {listed}", hint))
    return days


def _parse_account_id(value: object) -> str:
    # Unquoted ids arrive as numbers. A number of twelve digits cannot have lost a leading zero.
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{12}", text):
        _reject(_Problem("an account id of 12 digits, in quotes"))
    return text


def _check_zone(letter: object) -> object:
    # Every account sees at least the zones a to c of a region; f is the last letter in use.
    if letter not in tuple("abcdef"):
        _reject(_Problem("a zone's letter, a to f"))
    return letter


class Section(BaseModel):
    """Base of every section; a field's description says what is allowed and is shown to users."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Cidr = Annotated[IPv4Network, BeforeValidator(_parse_network)]
LogRetentionDays = Annotated[StrictInt, AfterValidator(_check_retention)]
AccountId = Annotated[str, BeforeValidator(_parse_account_id)]
ZoneLetter = Annotated[str, BeforeValidator(_check_zone)]


class NatStrategy(StrEnum):
    """How private subnets reach the internet; the values are those of `awsx.ec2.Vpc`."""

    NONE = "None"
    SINGLE = "Single"
    ONE_PER_AZ = "OnePerAz"


class StackSection(Section):
    """Where the stack is deployed, and for whom."""

    # Part of names; with 16 characters the longest auto-name of a role stays below IAM's 64.
    environment: Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])+$", max_length=16)] = Field(
        description="2 to 16 lower-case letters, digits and single hyphens, a letter first "
        "(without this setting it is the stack's name)"
    )
    # Deployment documentation, "AWS Account Setup". Service names and ARNs are those of the
    # commercial partition.
    region: Annotated[
        str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-(north|south|east|west|central)+-\d$")
    ] = Field(
        default="ap-southeast-2", description="a commercial AWS region, such as ap-southeast-2"
    )
    # Empty means whatever account the credentials belong to.
    allowed_account_ids: tuple[AccountId, ...] = Field(
        default=(), description="a list of account ids, each of 12 digits in quotes"
    )
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.:/=+@-]+$", max_length=256)] = Field(
        default="platform",
        description="a tag value: 1 to 256 letters, digits, spaces and _ . : / = + - @",
    )


class NetworkSettings(Section):
    """The VPC. The blocks are those of the deployment documentation, "CloudFormation Templates"."""

    vpc_cidr: Cidr = Field(
        default=IPv4Network("10.0.0.0/16"), description="an IPv4 network, such as 10.0.0.0/16"
    )
    # Letters, so that another region needs no other zones. RDS and the load balancer need two.
    availability_zones: tuple[ZoneLetter, ...] = Field(
        default=("a", "b"),
        description="a list of at least two different zone letters, a to f",
    )
    public_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.1.0/24"), IPv4Network("10.0.2.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    private_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.10.0/24"), IPv4Network("10.0.20.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    nat_strategy: NatStrategy = Field(description="None, Single or OnePerAz")
    interface_endpoints: StrictBool = Field(
        description="true or false; true where nat_strategy is None"
    )
    flow_log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )

    @field_validator("availability_zones")
    @classmethod
    def _zones_differ(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(zones) < 2 or len(set(zones)) != len(zones):
            _reject(_Problem("at least two different zone letters, such as [a, b]"))
        return zones

    @field_validator("public_subnets", "private_subnets")
    @classmethod
    def _subnets_fit(
        cls, subnets: tuple[IPv4Network, ...], info: ValidationInfo
    ) -> tuple[IPv4Network, ...]:
        # info.data holds only the fields above that are right in every respect. The public subnets
        # travel in the context too, so that one that is rejected still shows what overlaps it.
        parsed = info.context if isinstance(info.context, dict) else info.data
        parsed[str(info.field_name)] = subnets
        problems: list[_Problem] = []
        zones = info.data.get("availability_zones")
        if zones is not None and len(subnets) != len(zones):
            problems.append(
                _Problem(
                    "one subnet per availability zone",
                    f"subnets: {len(subnets)}, zones: {len(zones)}",
                )
            )
        vpc = info.data.get("vpc_cidr")
        public = parsed.get("public_subnets", ())
        earlier = [] if info.field_name == "public_subnets" else list(public)
        for index, subnet in enumerate(subnets):
            if vpc is not None and not subnet.subnet_of(vpc):
                problems.append(_Problem("a network inside vpc_cidr", str(vpc), index))
            if info.field_name == "public_subnets" and subnet.prefixlen > LOAD_BALANCER_PREFIX:
                problems.append(
                    _Problem(
                        f"at least a /{LOAD_BALANCER_PREFIX}, for the load balancer", index=index
                    )
                )
            clash = next((other for other in earlier if other.overlaps(subnet)), None)
            if clash is not None:
                problems.append(
                    _Problem(
                        "a network that overlaps no other subnet", f"it overlaps {clash}", index
                    )
                )
            earlier.append(subnet)
        if problems:
            _reject(*problems)
        return subnets

    @field_validator("interface_endpoints")
    @classmethod
    def _tasks_reach_aws(cls, enabled: bool, info: ValidationInfo) -> bool:
        # Without either no task could pull its image or read its secrets.
        if not enabled and info.data.get("nat_strategy") is NatStrategy.NONE:
            _reject(_Problem("true where nat_strategy is None"))
        return enabled


class StackSettings(Section):
    """Everything that one stack can be told."""

    stack: StackSection
    network: NetworkSettings

    @property
    def environment(self) -> str:
        """The environment: the stack's name unless a setting says otherwise."""
        return self.stack.environment


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

    `secrets` names the sections whose values must not be shown.
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
    merged = merge(_defaults(stack, given), given)
    errors: list[ErrorDetails] = []
    try:
        settings = StackSettings.model_validate(merged, context={})
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    # Raised outside the handler: the pydantic error holds the values and must not travel along.
    for error in errors:
        problems.extend(_describe(error, hidden=str(error["loc"][0]) in secrets))
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
    return merge(base, {"stack": {"environment": stack}})


def _decode(raw: str | None) -> object:
    """Objects and lists arrive as JSON; what is neither is kept as the text that it is."""
    try:
        return json.loads(raw or "null")
    except ValueError:
        return raw


def _describe(error: ErrorDetails, hidden: bool) -> Iterable[str]:
    """One line for each problem that a pydantic error stands for."""
    path = error["loc"]
    if error["type"] == "extra_forbidden":
        owner = _field_model(path[:-1])
        allowed = list(owner.model_fields) if owner else []
        close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        suggestion = f" (did you mean {close[0]}?)" if close else ""
        yield f"{_key(path)}: unknown key{suggestion}; allowed: {', '.join(allowed)}"
        return
    problems = error.get("ctx", {}).get("problems", (_Problem(_allowed(path)),))
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
