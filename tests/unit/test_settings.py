"""Every mistake in a stack file is found, explained, and all of them at once."""

import json
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from components.settings import (
    ENVIRONMENT_DEFAULTS,
    LOG_RETENTION_DAYS,
    NatStrategy,
    SettingsError,
    StackSettings,
    load_settings,
    merge,
    parse_settings,
)
from tests.unit.conftest import ROOT, deploy, stack_file

STACKS = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


def problems(values: dict[str, Any], *, stack: str = "staging", secrets: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack, values, secrets.split())
    assert str(caught.value).count("\n") == len(caught.value.problems)
    return list(caught.value.problems)


def problem(**network: object) -> str:
    (only,) = problems({"network": network})
    return only.removeprefix("aussie-markets:network.")


def test_the_environments_as_documented() -> None:
    staging, production = parse_settings("staging", {}), parse_settings("production", {})
    for settings in (staging, production):
        assert settings.stack.region == "ap-southeast-2"
        assert settings.stack.allowed_account_ids == ()
        assert settings.network.vpc_cidr == IPv4Network("10.0.0.0/16")
        assert settings.network.availability_zones == ("a", "b")
        assert [str(net) for net in settings.network.public_subnets] == [
            "10.0.1.0/24",
            "10.0.2.0/24",
        ]
        assert [str(net) for net in settings.network.private_subnets] == [
            "10.0.10.0/24",
            "10.0.20.0/24",
        ]
    assert staging.environment == "staging"
    assert production.environment == "production"
    assert staging.network.nat_strategy is NatStrategy.SINGLE
    assert production.network.nat_strategy is NatStrategy.ONE_PER_AZ
    assert not staging.network.interface_endpoints
    assert production.network.interface_endpoints
    assert staging.network.flow_log_retention_days == 30
    assert production.network.flow_log_retention_days == 365


def test_another_environment_starts_from_productions_defaults() -> None:
    demo = parse_settings("demo", {"network": {"nat_strategy": "Single"}})
    assert demo.environment == "demo"
    assert demo.network.nat_strategy is NatStrategy.SINGLE
    assert demo.network.flow_log_retention_days == 365


def test_the_environment_may_differ_from_the_stacks_name() -> None:
    settings = parse_settings("blue", {"stack": {"environment": "staging"}})
    assert settings.environment == "staging"
    assert settings.network.nat_strategy is NatStrategy.SINGLE


def test_settings_cannot_be_changed() -> None:
    settings = parse_settings("staging", {})
    with pytest.raises(ValueError, match="frozen"):
        settings.network.interface_endpoints = True  # type: ignore[misc]


def test_merge_goes_deep_and_replaces_lists() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert merge(base, {"a": {"c": [9]}, "e": {"f": 1}}) == {
        "a": {"b": 1, "c": [9]},
        "d": 3,
        "e": {"f": 1},
    }
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 3}


@pytest.mark.parametrize("value", [None, {}])
def test_an_empty_section_changes_nothing(value: object) -> None:
    assert parse_settings("staging", {"network": value}) == parse_settings("staging", {})


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            {"vpc_cidr": "10.0.0.0/8"},
            'vpc_cidr = "10.0.0.0/8": must be an IPv4 network between /16 and /28, such as '
            "10.0.0.0/16",
        ),
        (
            {"public_subnets": ["10.0.1.0/24", "10.0.2.0/29"]},
            'public_subnets[1] = "10.0.2.0/29": must be an IPv4 network between /16 and /28, '
            "such as 10.0.0.0/16",
        ),
        (
            {"vpc_cidr": "10.0.0.1/16"},
            'vpc_cidr = "10.0.0.1/16": must be an IPv4 network between /16 and /28, such as '
            "10.0.0.0/16 (did you mean 10.0.0.0/16?)",
        ),
        (
            {"vpc_cidr": 10},
            "vpc_cidr = 10: must be an IPv4 network between /16 and /28, such as 10.0.0.0/16",
        ),
        (
            {"vpc_cidr": "fd00::/16"},
            'vpc_cidr = "fd00::/16": must be an IPv4 network between /16 and /28, such as '
            "10.0.0.0/16",
        ),
        (
            {"public_subnets": ["10.0.1.0/24", "10.1.2.0/24"]},
            'public_subnets[1] = "10.1.2.0/24": must be a network inside vpc_cidr (10.0.0.0/16)',
        ),
        (
            {"public_subnets": ["10.0.1.0/24", "10.0.1.128/25"]},
            'public_subnets[1] = "10.0.1.128/25": must be a network that overlaps no other '
            "subnet (it overlaps 10.0.1.0/24)",
        ),
        (
            {"public_subnets": ["10.0.1.0/24", "10.0.2.0/28"]},
            'public_subnets[1] = "10.0.2.0/28": must be at least a /27, for the load balancer',
        ),
        (
            {"private_subnets": ["10.0.0.0/22", "10.0.20.0/24"]},
            'private_subnets[0] = "10.0.0.0/22": must be a network that overlaps no other '
            "subnet (it overlaps 10.0.1.0/24)",
        ),
        (
            {"private_subnets": ["10.0.10.0/24"]},
            'private_subnets = ["10.0.10.0/24"]: must be one subnet per availability zone '
            "(subnets: 1, zones: 2)",
        ),
        (
            {"public_subnets": "10.0.1.0/24"},
            'public_subnets = "10.0.1.0/24": must be a list of IPv4 networks inside vpc_cidr, '
            "one per availability zone",
        ),
        (
            {"availability_zones": ["a"]},
            'availability_zones = ["a"]: must be at least two different zone letters, such as '
            "[a, b]",
        ),
        (
            {"availability_zones": ["a", "a"]},
            'availability_zones = ["a", "a"]: must be at least two different zone letters, '
            "such as [a, b]",
        ),
        (
            {"availability_zones": ["a", "ap-southeast-2b"]},
            'availability_zones[1] = "ap-southeast-2b": must be a zone\'s letter, a to f',
        ),
        (
            {"nat_strategy": "Two"},
            'nat_strategy = "Two": must be None, Single or OnePerAz',
        ),
        (
            {"nat_strategy": "None"},
            "interface_endpoints = false: must be true where nat_strategy is None",
        ),
        (
            {"interface_endpoints": "yes"},
            'interface_endpoints = "yes": must be true or false; true where nat_strategy is None',
        ),
        (
            {"flow_log_retention_days": True},
            "flow_log_retention_days = true: must be a number of days that CloudWatch accepts",
        ),
        (
            {"interface_endpoint": True},
            "interface_endpoint: unknown key (did you mean interface_endpoints?); allowed: "
            "vpc_cidr, availability_zones, public_subnets, private_subnets, nat_strategy, "
            "interface_endpoints, flow_log_retention_days",
        ),
    ],
)
def test_a_mistake_in_the_network(network: dict[str, Any], expected: str) -> None:
    assert problem(**network) == expected


def test_a_network_without_nat_gateways_needs_the_endpoints() -> None:
    settings = parse_settings(
        "staging", {"network": {"nat_strategy": "None", "interface_endpoints": True}}
    )
    assert settings.network.nat_strategy is NatStrategy.NONE


@pytest.mark.parametrize(
    ("days", "hint"),
    [
        (2555, "seven years are 2557 days, with the leap days"),
        (31, "the next longer one is 60"),
        (0, "the next longer one is 1"),
        (4000, "3653 is the longest"),
    ],
)
def test_retention_that_cloudwatch_refuses(days: int, hint: str) -> None:
    listed = ", ".join(str(allowed) for allowed in LOG_RETENTION_DAYS)
    assert problem(flow_log_retention_days=days) == (
        f"flow_log_retention_days = {days}: must be one of CloudWatch's {listed} ({hint})"
    )


@pytest.mark.parametrize("days", LOG_RETENTION_DAYS)
def test_retention_that_cloudwatch_accepts(days: int) -> None:
    settings = parse_settings("staging", {"network": {"flow_log_retention_days": days}})
    assert settings.network.flow_log_retention_days == days


@pytest.mark.parametrize("name", ["Staging", "a", "a--b", "b-", "9to5", "x" * 17, "a_b", 7, []])
def test_names_that_are_no_environment(name: object) -> None:
    (line,) = problems({"stack": {"environment": name}})
    assert line == (
        f"aussie-markets:stack.environment = {json.dumps(name)}: must be 2 to 16 lower-case "
        "letters, digits and single hyphens, a letter first (without this setting it is the "
        "stack's name)"
    )


def test_a_stack_whose_name_is_no_environment_says_so() -> None:
    (line,) = problems({}, stack="Prod_1")
    assert line.startswith('aussie-markets:stack.environment = "Prod_1": must be')


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "Sydney", "ap-southeast-2a"])
def test_regions_that_are_not_supported(region: str) -> None:
    (line,) = problems({"stack": {"region": region}})
    assert line == (
        f'aussie-markets:stack.region = "{region}": must be a commercial AWS region, such as '
        "ap-southeast-2"
    )


def test_account_ids_may_have_lost_their_quotes_but_no_digits() -> None:
    settings = parse_settings("x1", {"stack": {"allowed_account_ids": [111122223333]}})
    assert settings.stack.allowed_account_ids == ("111122223333",)
    (line,) = problems({"stack": {"allowed_account_ids": ["012345678901", 12345678901]}})
    assert line == (
        "aussie-markets:stack.allowed_account_ids[1] = 12345678901: must be an account id of "
        "12 digits, in quotes"
    )


def test_an_owner_that_is_no_tag_value() -> None:
    (line,) = problems({"stack": {"owner": "platform; ops"}})
    assert line.startswith('aussie-markets:stack.owner = "platform; ops": must be a tag value')


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("netwrok", " (did you mean aussie-markets:network?)"),
        ("region", " (did you mean aussie-markets:stack.region?)"),
        ("zzz", ""),
    ],
)
def test_an_unknown_section(key: str, suggestion: str) -> None:
    (line,) = problems({key: "anything"})
    assert line == f"aussie-markets:{key}: unknown key{suggestion}; allowed: stack, network"


def test_a_section_that_is_no_mapping() -> None:
    (line,) = problems({"network": "10.0.0.0/16"})
    assert line == 'aussie-markets:network = "10.0.0.0/16": must be a mapping'


def test_everything_is_reported_at_once() -> None:
    lines = problems(
        {
            "netwrok": {},
            "stack": {"region": "Sydney", "allowed_account_ids": ["1"]},
            "network": {
                "public_subnets": ["10.1.1.0/24", "10.0.2.0/24", "10.0.2.0/25"],
                "private_subnets": ["10.0.10.0/24", "10.0.2.128/25"],
                "nat_strategy": "Two",
                "flow_log_retention_days": 2555,
            },
        }
    )
    assert [line.split(" = ")[0].split(": ")[0] for line in lines] == [
        "aussie-markets:netwrok",
        "aussie-markets:stack.region",
        "aussie-markets:stack.allowed_account_ids[0]",
        "aussie-markets:network.public_subnets",
        "aussie-markets:network.public_subnets[0]",
        "aussie-markets:network.public_subnets[2]",
        "aussie-markets:network.private_subnets[1]",
        "aussie-markets:network.nat_strategy",
        "aussie-markets:network.flow_log_retention_days",
    ]


def test_long_values_are_cut() -> None:
    assert '..."' not in problem(vpc_cidr="x" * 500)
    assert len(problem(vpc_cidr="x" * 500)) < 200


SENTINEL = "10.66.77.88"


@pytest.mark.parametrize(
    "section",
    [
        {"vpc_cidr": f"{SENTINEL}/8"},
        {"vpc_cidr": "10.66.77.88/16", "public_subnets": "10.66.77.88"},
        {"public_subnets": [f"{SENTINEL}/32", "10.0.2.0/24"]},
        {"vpc_cidr": "10.66.77.88/30"},
        {"nat_strategy": SENTINEL},
        {"availability_zones": [SENTINEL, SENTINEL]},
        {"flow_log_retention_days": SENTINEL},
        SENTINEL,
    ],
)
def test_a_secret_is_never_shown(section: object) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("staging", {"network": section}, {"network"})
    text = str(caught.value) + repr(caught.value)
    assert "10.66" not in text
    assert "[secret]" in text
    # Nothing that a logger would print behind it either.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_hints_made_from_a_secret_are_not_shown_either() -> None:
    shown = problem(vpc_cidr="10.66.1.0/16")
    assert "10.66.0.0/16" in shown
    (hidden,) = problems({"network": {"vpc_cidr": "10.66.1.0/16"}}, secrets="network")
    assert "10.66" not in hidden


def run_with(config: dict[str, str], secrets: list[str], stack: str = "staging") -> StackSettings:
    pulumi.runtime.set_all_config(config, secrets)
    found: list[StackSettings] = []
    deploy(lambda: found.append(load_settings()), stack)
    return found[0]


def test_settings_come_from_the_stacks_configuration() -> None:
    settings = run_with(
        {
            "aussie-markets:network": '{"flow_log_retention_days": 90}',
            "aussie-markets:stack": "{}",
            "aws:region": "us-east-1",
        },
        [],
    )
    assert settings.network.flow_log_retention_days == 90
    assert settings.stack.region == "ap-southeast-2"


def test_secret_configuration_stays_secret_in_errors() -> None:
    with pytest.raises(SettingsError) as caught:
        run_with(
            {
                "aussie-markets:network": json.dumps({"nat_strategy": SENTINEL}),
                "aussie-markets:stack": SENTINEL,
                "aussie-markets:surplus": SENTINEL,
            },
            ["aussie-markets:network", "aussie-markets:stack", "aussie-markets:surplus"],
        )
    assert SENTINEL not in str(caught.value)
    assert len(caught.value.problems) == 3


def test_pulumi_prints_the_problems_alone() -> None:
    # The language host prints a RunError's message and no traceback.
    assert issubclass(SettingsError, pulumi.RunError)
    assert str(SettingsError(["one", "two"])) == "2 configuration problems:\n  one\n  two"


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_are_valid_and_hold_only_differences(stack: str) -> None:
    values = stack_file(stack)
    complete = parse_settings(stack, values)
    for section, content in values.items():
        for key in content:
            fewer = {**values, section: {k: v for k, v in content.items() if k != key}}
            assert parse_settings(stack, fewer) != complete, f"{section}.{key} is the default"


@pytest.mark.parametrize("environment", sorted(ENVIRONMENT_DEFAULTS))
def test_the_table_holds_only_what_differs(environment: str) -> None:
    for section, content in ENVIRONMENT_DEFAULTS[environment].items():
        for key in content:
            values = {json.dumps(table[section][key]) for table in ENVIRONMENT_DEFAULTS.values()}
            assert len(values) > 1, f"{section}.{key} is the same everywhere"


def test_the_project_declares_every_section_and_nothing_else() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert list(declared) == list(StackSettings.model_fields)
    for declaration in declared.values():
        assert declaration["type"] == "object"
        assert declaration["default"] == {}


def test_an_overlap_with_a_subnet_that_is_itself_wrong_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as failure:
        parse_settings(
            "staging",
            {
                "network": {
                    "public_subnets": ["10.0.1.0/24", "10.9.2.0/24"],
                    "private_subnets": ["10.0.1.0/25", "10.0.20.0/24"],
                }
            },
        )
    assert [problem.split(" = ")[0] for problem in failure.value.problems] == [
        "aussie-markets:network.public_subnets[1]",
        "aussie-markets:network.private_subnets[0]",
    ]
