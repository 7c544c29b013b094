"""Every mistake in a stack file is found, explained, and all of them at once."""

import json
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from components.settings import (
    SettingsError,
    StackSettings,
    load_settings,
    merge,
    parse_settings,
)
from components.settings.database import INSTANCE_CLASS_MEMORY
from components.settings.environments import ENVIRONMENT_DEFAULTS
from components.settings.fields import LOG_RETENTION_DAYS
from components.settings.network import NatStrategy
from tests.unit.conftest import ROOT, SECRETS, SENTINEL, deploy, settings_of, stack_file

# Pulumi.account.yaml is another kind of stack: test_settings_account.py.
STACKS = sorted({path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")} - {"account"})


def problems(values: dict[str, Any], *, stack: str = "staging", secrets: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack, {"secrets": SECRETS, **values}, {"secrets", *secrets.split()})
    assert str(caught.value).count("\n") == len(caught.value.problems)
    return list(caught.value.problems)


def problem(**network: object) -> str:
    (only,) = problems({"network": network})
    return only.removeprefix("aussie-markets:network.")


def test_the_environments_as_documented() -> None:
    staging, production = settings_of("staging"), settings_of("production")
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
    assert staging.database.model_dump() == {
        "instance_class": "db.t3.micro",
        "engine_version": "15",
        "allocated_storage_gib": 20,
        "max_allocated_storage_gib": 100,
        "multi_az": False,
        "deletion_protection": False,
        "backup_retention_days": 7,
        "backup_window": "12:30-13:30",
        "maintenance_window": "sat:20:30-sat:21:30",
        "log_retention_days": 30,
        "insights_mode": "standard",
        "insights_retention_days": 7,
        "username": "aussiemarkets",
        "read_replicas": 0,
        "kms_key_arn": None,
        "snapshot_identifier": None,
        "rebuild_from_snapshot": False,
        "generation": 1,
        "password_version": 1,
    }
    assert production.database.model_dump() == staging.database.model_dump() | {
        "instance_class": "db.r6g.large",
        "max_allocated_storage_gib": 1000,
        "multi_az": True,
        "deletion_protection": True,
        "backup_retention_days": 30,
        "log_retention_days": 365,
    }
    assert staging.cache.model_dump() == {
        "node_type": "cache.t4g.micro",
        "nodes": 1,
        "multi_az": False,
        "snapshot_retention_days": 1,
        "snapshot_window": "13:30-14:30",
        "maintenance_window": "sat:22:30-sat:23:30",
        "log_retention_days": 30,
        "generation": 1,
        "auth_token_version": 1,
    }
    assert production.cache.model_dump() == staging.cache.model_dump() | {
        "node_type": "cache.m6g.large",
        "nodes": 2,
        "multi_az": True,
        "snapshot_retention_days": 7,
        "log_retention_days": 365,
    }


def test_another_environment_starts_from_productions_defaults() -> None:
    demo = settings_of("demo", {"network": {"nat_strategy": "Single"}})
    assert demo.environment == "demo"
    assert demo.network.nat_strategy is NatStrategy.SINGLE
    assert demo.network.flow_log_retention_days == 365


def test_the_environment_may_differ_from_the_stacks_name() -> None:
    settings = settings_of("blue", {"stack": {"environment": "staging"}})
    assert settings.environment == "staging"
    assert settings.network.nat_strategy is NatStrategy.SINGLE


def test_settings_cannot_be_changed() -> None:
    settings = settings_of("staging")
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
    assert settings_of("staging", {"network": value}) == settings_of("staging")


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


NOT_APART = "must be 2 hours apart from all other backups"
OVERLAPS = "must be a window that does not overlap the backups'"


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (
            {"instance_class": "db.r6g.larg"},
            'instance_class = "db.r6g.larg": must be a class that runs PostgreSQL 15: db.t3 or '
            "db.t4g from micro to 2xlarge, db.m6g, db.m6i, db.m7g, db.r6g, db.r6i or db.r7g from "
            "large to 16xlarge (did you mean db.r6g.large?)",
        ),
        (
            {"engine_version": "15.4"},
            'engine_version = "15.4": must be "15", which takes the newest minor version, or '
            "15.13 and newer (AWS deprecated the versions before 15.13 and creates no instance "
            "with them)",
        ),
        (
            {"engine_version": "14"},
            'engine_version = "14": must be a PostgreSQL version of major 15, in quotes, such as '
            '"15"',
        ),
        (
            {"engine_version": 15.4},
            'engine_version = 15.4: must be a PostgreSQL version in quotes, such as "15"',
        ),
        (
            {"engine_version": "latest"},
            'engine_version = "latest": must be a PostgreSQL version of major 15, in quotes, such '
            'as "15"',
        ),
        (
            {"allocated_storage_gib": 10},
            "allocated_storage_gib = 10: must be a number of GiB from 20 to 65536, the limits of "
            "gp3 storage",
        ),
        (
            {"allocated_storage_gib": 95},
            "max_allocated_storage_gib = 100: must be at least 105, a tenth above "
            "allocated_storage_gib (95)",
        ),
        (
            {"backup_retention_days": 36},
            "backup_retention_days = 36: must be a number of days from 1 to 35: RDS keeps "
            "automated backups no longer, and 0 would turn them off and delete them",
        ),
        (
            {"backup_retention_days": 0},
            "backup_retention_days = 0: must be a number of days from 1 to 35: RDS keeps "
            "automated backups no longer, and 0 would turn them off and delete them",
        ),
        (
            {"backup_window": "12:30-12:45"},
            'backup_window = "12:30-12:45": must be a daily window of at least 30 minutes in UTC, '
            "such as 12:30-13:30",
        ),
        (
            {"backup_window": "sat:01:00-sat:02:00"},
            'backup_window = "sat:01:00-sat:02:00": must be a daily window of at least 30 minutes '
            "in UTC, such as 12:30-13:30",
        ),
        (
            {"backup_window": "13:31-14:01"},
            f'backup_window = "13:31-14:01": {NOT_APART} (the snapshot export starts at 16:00 UTC)',
        ),
        (
            {"backup_window": "19:59-20:30"},
            f'backup_window = "19:59-20:30": {NOT_APART} (AWS Backup starts at 18:00 UTC)',
        ),
        (
            {"maintenance_window": "20:30-21:30"},
            'maintenance_window = "20:30-21:30": must be a weekly window of at least 30 minutes '
            "in UTC, such as sat:20:30-sat:21:30",
        ),
        (
            {"maintenance_window": "sat:20:30-sun:20:30"},
            'maintenance_window = "sat:20:30-sun:20:30": must be a weekly window of at least 30 '
            "minutes in UTC, such as sat:20:30-sat:21:30",
        ),
        (
            {"maintenance_window": "mon:18:30-mon:19:00"},
            f'maintenance_window = "mon:18:30-mon:19:00": {NOT_APART} (AWS Backup starts at 18:00 '
            "UTC)",
        ),
        (
            {"maintenance_window": "tue:13:00-tue:14:00"},
            f'maintenance_window = "tue:13:00-tue:14:00": {OVERLAPS} (12:30-13:30)',
        ),
        (
            # Over midnight, and over the end of the week.
            {"backup_window": "23:45-00:30", "maintenance_window": "sun:23:00-mon:00:15"},
            f'maintenance_window = "sun:23:00-mon:00:15": {OVERLAPS} (23:45-00:30)',
        ),
        (
            {"insights_retention_days": 30},
            "insights_retention_days = 30: must be 7, 731 or a multiple of 31 up to 713 days",
        ),
        (
            {"insights_mode": "advanced", "insights_retention_days": 434},
            "insights_retention_days = 434: must be at least 465 where insights_mode is advanced",
        ),
        (
            {"username": "postgres"},
            'username = "postgres": must be 1 to 63 lower-case letters and digits, a letter first, '
            "and none of postgres, admin, root, user and the names that begin with rds or pg",
        ),
        ({"read_replicas": 16}, "read_replicas = 16: must be a number from 0 to 15"),
        ({"generation": 0}, "generation = 0: must be a number from 1 to 999, raised by one"),
        (
            {"rebuild_from_snapshot": True},
            "rebuild_from_snapshot = true: must be false where snapshot_identifier is not set",
        ),
        (
            {"snapshot_identifier": "a--b"},
            'snapshot_identifier = "a--b": must be the name of a database snapshot that a new '
            "instance starts from",
        ),
    ],
)
def test_a_mistake_in_the_database(database: dict[str, Any], expected: str) -> None:
    assert problems({"database": database}) == [f"aussie-markets:database.{expected}"]


@pytest.mark.parametrize(
    "database",
    [
        {"engine_version": "15.13"},
        {"backup_window": "13:30-14:00"},
        {"backup_window": "20:00-20:30", "maintenance_window": "sun:23:50-mon:00:20"},
        {"maintenance_window": "tue:13:30-tue:14:00"},
        {"insights_mode": "advanced", "insights_retention_days": 465},
        {"insights_retention_days": 731},
        {"allocated_storage_gib": 90, "max_allocated_storage_gib": 99},
        {"snapshot_identifier": "rds:aussie-markets-db-staging-2025-01-01-12-30"},
    ],
)
def test_a_database_at_the_limits(database: dict[str, Any]) -> None:
    settings = settings_of("staging", {"database": database}).database
    assert settings.model_dump().items() >= database.items()


def test_the_major_version_may_have_lost_its_quotes() -> None:
    database = settings_of("staging", {"database": {"engine_version": 15}}).database
    assert database.engine_version == "15"


def test_connections_follow_the_class_and_stay_below_what_rds_would_compute() -> None:
    def connections(name: str) -> int:
        return settings_of("x1", {"database": {"instance_class": name}}).database.max_connections

    assert connections("db.t3.micro") == 100
    assert connections("db.r6g.large") == 1600
    assert connections("db.r6g.16xlarge") == 5000
    for name, memory in INSTANCE_CLASS_MEMORY.items():
        assert connections(name) <= min(memory * 2**30 // 9531392, 5000)


def test_a_new_generation_or_password_is_a_new_url() -> None:
    urls = {
        settings_of(
            "x1", {"database": {"generation": a, "password_version": b}}
        ).database.url_version
        for a in (1, 2)
        for b in (1, 2, 999)
    }
    assert len(urls) == 6


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        (
            {"node_type": "cache.t1.micro"},
            'node_type = "cache.t1.micro": must be a node type that runs Redis 7: cache.t3 or '
            "cache.t4g from micro to medium, cache.m6g, cache.m7g, cache.r6g or cache.r7g from "
            "large to 16xlarge (did you mean cache.t3.micro?)",
        ),
        (
            {"nodes": 1, "multi_az": True},
            "multi_az = true: must be false where nodes is 1 (Multi-AZ needs automatic failover, "
            "and that a replica: at least 2 nodes)",
        ),
        ({"nodes": 7}, "nodes = 7: must be a number of nodes from 1 to 6"),
        (
            {"snapshot_retention_days": 0},
            "snapshot_retention_days = 0: must be a number of days from 1 to 35: ElastiCache "
            "keeps automatic snapshots no longer, and 0 would turn them off",
        ),
        (
            {"snapshot_window": "12:00-12:30"},
            'snapshot_window = "12:00-12:30": must be a daily window of at least 60 minutes in '
            "UTC, such as 12:30-13:30",
        ),
        (
            {"maintenance_window": "sat:14:00-sat:15:00"},
            f'maintenance_window = "sat:14:00-sat:15:00": {OVERLAPS} (13:30-14:30)',
        ),
    ],
)
def test_a_mistake_in_the_cache(cache: dict[str, Any], expected: str) -> None:
    assert problems({"cache": cache}) == [f"aussie-markets:cache.{expected}"]


def test_one_node_is_refused_in_production_unless_it_says_that_it_does_without() -> None:
    (line,) = problems({"cache": {"nodes": 1}}, stack="production")
    assert line.startswith("aussie-markets:cache.multi_az = true: must be false where nodes is 1")


def command(name: str, value: str = ' "$(openssl rand -hex 32)"') -> str:
    return (
        f"pulumi config set --stack staging --secret --path 'aussie-markets:secrets.{name}'{value}"
    )


COMMANDS = {name: command(name) for name in SECRETS} | {
    "stripe_secret_key": command("stripe_secret_key", "")
}


@pytest.mark.parametrize("values", [{}, {"secrets": None}, {"secrets": {}}])
def test_all_missing_secrets_come_with_the_command_that_sets_them(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("staging", values)
    assert list(caught.value.problems) == [
        f"aussie-markets:secrets.{name}: missing; set it with: {line}"
        for name, line in COMMANDS.items()
    ]


def test_secrets_in_clear_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("staging", {"secrets": SECRETS})
    assert list(caught.value.problems) == [
        f"aussie-markets:secrets.{name}: is not encrypted, so others may have read it; set "
        f"another with: {line}"
        for name, line in COMMANDS.items()
    ]
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *(
            (
                "database_password",
                f"{SENTINEL}{tail}",
                '8 to 128 printable ASCII characters without / " @ and spaces: RDS refuses these',
            )
            for tail in ("/", '"', "@", " ", "\n", "\x7f", "\u00e9", "x" * 128)
        ),
        *(
            (
                "redis_auth_token",
                f"{SENTINEL}01234567{tail}",
                "16 to 128 letters, digits and ! & # $ ^ < > -: ElastiCache refuses the others",
            )
            for tail in ("/", "@", "%", "_", " ", "\n", "x" * 128)
        ),
        ("jwt_secret", SENTINEL, "32 to 4096 printable ASCII characters without spaces"),
        (
            "stripe_secret_key",
            f"pk_test_{SENTINEL}",
            "a Stripe key that begins with sk_test_, sk_live_, rk_test_ or rk_live_",
        ),
        (
            "refresh_token_secret",
            SECRETS["jwt_secret"],
            "another one than jwt_secret, or one kind of token passes as the other",
        ),
    ],
)
def test_a_secret_that_aws_or_the_api_would_refuse(name: str, value: str, allowed: str) -> None:
    (line,) = problems({"secrets": SECRETS | {name: value}})
    assert line == f"aussie-markets:secrets.{name} = [secret]: must be {allowed}"


@pytest.mark.parametrize("length", [8, 128])
def test_a_password_of_every_length_and_symbol_that_rds_takes(length: int) -> None:
    for code in range(33, 127):
        password = chr(code) * length
        if chr(code) in '/"@':
            problems({"secrets": SECRETS | {"database_password": password}})
        else:
            settings_of("staging", {"secrets": SECRETS | {"database_password": password}})


def test_a_secret_is_never_text_by_accident() -> None:
    settings = settings_of("staging")
    for text in (
        repr(settings),
        str(settings),
        f"{settings.secrets}",
        repr(settings.secrets.database_password),
        str(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert SENTINEL not in text


@pytest.mark.parametrize("value", [SENTINEL, [SENTINEL], {"surplus": SENTINEL}, {"jwt_secret": 7}])
def test_secrets_of_no_known_shape(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("staging", {"secrets": value}, {"secrets"})
    assert SENTINEL not in str(caught.value)


def test_a_network_without_nat_gateways_needs_the_endpoints() -> None:
    settings = settings_of(
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
    settings = settings_of("staging", {"network": {"flow_log_retention_days": days}})
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
    settings = settings_of("x1", {"stack": {"allowed_account_ids": [111122223333]}})
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
    assert line == (
        f"aussie-markets:{key}: unknown key{suggestion}; allowed: "
        f"{', '.join(StackSettings.model_fields)}"
    )


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


ADDRESS = "10.66.77.88"


@pytest.mark.parametrize(
    "section",
    [
        {"vpc_cidr": f"{ADDRESS}/8"},
        {"vpc_cidr": "10.66.77.88/16", "public_subnets": "10.66.77.88"},
        {"public_subnets": [f"{ADDRESS}/32", "10.0.2.0/24"]},
        {"vpc_cidr": "10.66.77.88/30"},
        {"nat_strategy": ADDRESS},
        {"availability_zones": [ADDRESS, ADDRESS]},
        {"flow_log_retention_days": ADDRESS},
        ADDRESS,
    ],
)
def test_a_secret_is_never_shown(section: object) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("staging", {"secrets": SECRETS, "network": section}, {"secrets", "network"})
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
    pulumi.runtime.set_all_config(
        {"aussie-markets:secrets": json.dumps(SECRETS), **config},
        ["aussie-markets:secrets", *secrets],
    )
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
                "aussie-markets:network": json.dumps({"nat_strategy": ADDRESS}),
                "aussie-markets:stack": ADDRESS,
                "aussie-markets:surplus": ADDRESS,
            },
            ["aussie-markets:network", "aussie-markets:stack", "aussie-markets:surplus"],
        )
    assert ADDRESS not in str(caught.value)
    assert len(caught.value.problems) == 3


def test_pulumi_prints_the_problems_alone() -> None:
    # The language host prints a RunError's message and no traceback.
    assert issubclass(SettingsError, pulumi.RunError)
    assert str(SettingsError(["one", "two"])) == "2 configuration problems:\n  one\n  two"


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_are_valid_and_hold_only_differences(stack: str) -> None:
    values = stack_file(stack)
    complete = settings_of(stack, values)
    for section, content in values.items():
        for key in content:
            fewer = {**values, section: {k: v for k, v in content.items() if k != key}}
            assert settings_of(stack, fewer) != complete, f"{section}.{key} is the default"


@pytest.mark.parametrize("environment", sorted(ENVIRONMENT_DEFAULTS))
def test_the_table_holds_only_what_differs(environment: str) -> None:
    for section, content in ENVIRONMENT_DEFAULTS[environment].items():
        for key in content:
            values = {json.dumps(table[section][key]) for table in ENVIRONMENT_DEFAULTS.values()}
            assert len(values) > 1, f"{section}.{key} is the same everywhere"


def test_the_project_declares_every_section_and_nothing_else() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert list(declared) == [*StackSettings.model_fields, "account"]
    for declaration in declared.values():
        assert declaration["type"] == "object"
        assert declaration["default"] == {}


def test_an_overlap_with_a_subnet_that_is_itself_wrong_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as failure:
        parse_settings(
            "staging",
            {
                "secrets": SECRETS,
                "network": {
                    "public_subnets": ["10.0.1.0/24", "10.9.2.0/24"],
                    "private_subnets": ["10.0.1.0/25", "10.0.20.0/24"],
                },
            },
            {"secrets"},
        )
    assert [problem.split(" = ")[0] for problem in failure.value.problems] == [
        "aussie-markets:network.public_subnets[1]",
        "aussie-markets:network.private_subnets[0]",
    ]
