"""Settings of logs, cluster, API and services, and how wrong ones are refused."""

import json
from importlib.resources import files
from typing import Any

import pytest

from components.settings.environments import ENVIRONMENT_DEFAULTS
from components.settings.services import FARGATE_MEMORY, DeploymentStrategy
from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems

WORKER = {"release": "api", "command": ["node", "worker.js"]}


def refused(section: str, values: dict[str, Any], **more: Any) -> list[str]:
    prefix = f"aussie-markets:{section}."
    found = problems({section: values, **more})
    assert all(problem.startswith(prefix) for problem in found)
    return [problem.removeprefix(prefix) for problem in found]


def api_refused(**values: Any) -> str:
    (only,) = refused("services", {"api": values})
    return only.removeprefix("api.")


API_OF_STAGING = {
    "cpu": 256,
    "memory_mib": 512,
    "architecture": "X86_64",
    "user": "1000:1000",
    "release": None,
    "command": (),
    "health_command": (),
    "environment": {},
    "secrets": {
        "DATABASE_URL": "database-url",
        "REDIS_URL": "redis-url",
        "JWT_SECRET": "jwt-secret",
        "REFRESH_TOKEN_SECRET": "refresh-token-secret",
        "STRIPE_SECRET_KEY": "stripe-secret-key",
    },
    "http": {
        "order": 400,
        "paths": ("/*",),
        "hosts": (),
        "health_path": "/health",
        "health_grace_seconds": 60,
    },
    "deployment": {"strategy": DeploymentStrategy.ROLLING, "bake_minutes": 10},
    "capacity": None,
    "scaling": {
        "autoscaling": True,
        "min_tasks": 1,
        "max_tasks": 3,
        "cpu_percent": 70,
        "memory_percent": 80,
        "cooldown_seconds": 300,
        "schedule": {},
    },
    "stop_timeout_seconds": 60,
    "log_retention_days": 30,
}


def test_the_environments_as_documented() -> None:
    staging, production = settings_of("staging"), settings_of("production")
    assert staging.services.keys() == production.services.keys() == {"api"}
    assert staging.services["api"].model_dump() == API_OF_STAGING
    assert production.services["api"].model_dump() == API_OF_STAGING | {
        "cpu": 1024,
        "memory_mib": 2048,
        "deployment": {"strategy": DeploymentStrategy.BLUE_GREEN, "bake_minutes": 10},
        "scaling": {**API_OF_STAGING["scaling"], "min_tasks": 3, "max_tasks": 10},  # type: ignore[dict-item]
        "log_retention_days": 365,
    }
    assert staging.cluster.model_dump() == {
        "capacity": {"base": 1, "fargate_weight": 0, "spot_weight": 1},
        "enhanced_insights": True,
        "log_retention_days": 30,
    }
    assert production.cluster.model_dump() == {
        "capacity": {"base": 1, "fargate_weight": 1, "spot_weight": 0},
        "enhanced_insights": True,
        "log_retention_days": 365,
    }
    assert staging.api.model_dump() == {
        "load_balancer": {
            "deletion_protection": False,
            "idle_timeout_seconds": 60,
            "access_log_retention_days": 30,
        },
        "registry": {"account_id": None, "region": None},
    }
    assert production.api.load_balancer.model_dump() == {
        "deletion_protection": True,
        "idle_timeout_seconds": 60,
        "access_log_retention_days": 365,
    }
    for settings, keep in ((staging, False), (production, True)):
        assert settings.logs.model_dump() == {
            "security_retention_days": 2557,
            "audit_retention_days": 2557,
            "keep": keep,
        }


def test_every_environment_says_the_same_things() -> None:
    def keys(value: object) -> object:
        return {k: keys(v) for k, v in value.items()} if isinstance(value, dict) else None

    first, *others = (
        {
            section: keys(dict(defaults)[section])
            for section in ("logs", "cluster", "api", "services")
        }
        for defaults in ENVIRONMENT_DEFAULTS.values()
    )
    assert all(other == first for other in others)


def test_further_services_are_settings_alone() -> None:
    http = {"order": 10, "paths": ["/reports/*"], "hosts": ["reports.aussie-markets.com"]}
    services = settings_of(
        "production", {"services": {"worker": WORKER, "reports": {"http": http}}}
    ).services
    assert services.keys() == {"api", "worker", "reports"}
    # They start small and careful, whatever the environment.
    for name in ("worker", "reports"):
        assert services[name].cpu == 256
        assert services[name].secrets == {}
        assert services[name].scaling.min_tasks == 2
        assert services[name].log_retention_days == 365
        assert services[name].deployment.strategy is DeploymentStrategy.ROLLING
    assert services["worker"].http is None
    assert services["worker"].command == ("node", "worker.js")
    # A difference of the API leaves the rest of it.
    api = settings_of("staging", {"services": {"api": {"cpu": 512, "memory_mib": 1024}}}).services
    assert api["api"].model_dump() == API_OF_STAGING | {"cpu": 512, "memory_mib": 1024}


def test_either_strategy_in_either_environment() -> None:
    for stack in ("staging", "production"):
        for strategy in DeploymentStrategy:
            values = {"services": {"api": {"deployment": {"strategy": strategy.value}}}}
            assert settings_of(stack, values).services["api"].deployment.strategy is strategy


# -- Fargate ---------------------------------------------------------------------------------


def aws_sizes() -> dict[int, set[int]]:
    """MiB of memory by CPU, from the rules that cfn-lint has of AWS."""
    path = "data/schemas/extensions/aws_ecs_taskdefinition/fargate_cpu_memory.json"
    schema = json.loads((files("cfnlint") / path).read_text())
    sizes = {}
    for pair in schema["then"]["anyOf"]:
        (cpu,), memory = (
            pair["properties"]["Cpu"]["then"]["enum"],
            pair["properties"]["Memory"]["then"],
        )
        steps = range(memory.get("minimum", 0), memory.get("maximum", -1) + 1)
        sizes[int(cpu)] = {*memory.get("enum", ()), *steps[:: memory.get("multipleOf", 1)]}
    return sizes


def test_fargates_sizes_are_aws_own() -> None:
    assert {cpu: set(sizes) for cpu, sizes in FARGATE_MEMORY.items()} == aws_sizes()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"cpu": 300},
            "cpu = 300: must be one of Fargate's 256, 512, 1024, 2048, 4096, 8192, 16384, 32768",
        ),
        (
            {"cpu": 256, "memory_mib": 4096},
            "memory_mib = 4096: must be one of the MiB that Fargate has for cpu 256: "
            "512, 1024, 2048",
        ),
        (
            # The size belongs to the pair, so that one of them alone may be wrong.
            {"cpu": 1024},
            "memory_mib = 512: must be one of the MiB that Fargate has for cpu 1024: "
            "2048, 3072, 4096, 5120, 6144, 7168, 8192",
        ),
        ({"memory_mib": "512"}, 'memory_mib = "512": must be MiB that Fargate has for cpu'),
        ({"architecture": "arm"}, 'architecture = "arm": must be X86_64 or ARM64'),
    ],
)
def test_fargate_sizes_that_do_not_exist(values: dict[str, Any], message: str) -> None:
    assert api_refused(**values) == message


# -- secrets and the environment -------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "API_TOKEN",
            "DB_PASSWORD",
            "JWT_SECRET",
            "SECRET_KEY_BASE",
            "STRIPE_KEY",
            "DATABASE_URL",
        ),
        *("REDIS_URL", "SENTRY_DSN", "AWS_SECRET_ACCESS_KEY", "GPG_PASSPHRASE", "PRIVATE_KEY"),
        *("API_KEYS", "APIKEY", "KEY", "CREDENTIALS_FILE"),
    ],
)
def test_names_of_secrets_are_refused_in_the_environment(name: str) -> None:
    message = api_refused(environment={name: "hidden-value"})
    assert message.startswith(f'environment.{name} = "{name}": must be the name of something that ')
    assert "under secrets" in message
    assert "hidden-value" not in message


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://user:hidden@host:5432/db",
        "redis://:hidden@host",
        "AKIAIOSFODNN7EXAMPLE",
        "sk_live_hidden0123456789",
        "rk_test_hidden0123456789",
        "-----BEGIN PRIVATE KEY-----hidden",
        "eyJhbGciOiJIUzI1NiJ9.hidden",
    ],
)
def test_values_that_look_secret_are_refused_and_not_shown(value: str) -> None:
    message = api_refused(environment={"HARMLESS": value})
    assert message.startswith("environment.HARMLESS = [secret]: must be a value without a ")
    assert value not in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "info"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_live_0123456789"),
        ("JWT_PUBLIC_KEY", "ssh-ed25519 AAAA"),
        ("TOKEN_LIFETIME_SECONDS", "900"),
        ("ASSETS_URL", "https://assets.aussie-markets.com/a:b@2x.png"),
        ("MONKEY", "banana"),
        ("SORT_KEYS_BY", "name"),
        ("EMPTY", ""),
    ],
)
def test_what_everyone_may_read_is_accepted(name: str, value: str) -> None:
    settings = settings_of("staging", {"services": {"api": {"environment": {name: value}}}})
    assert settings.services["api"].environment == {name: value}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"environment": {"PORT": "80"}},
            'environment.PORT = "PORT": must be another name than NODE_ENV and PORT, which the '
            "platform sets",
        ),
        (
            {"environment": {"lower": "x"}},
            'environment.lower = "lower": must be a variable\'s name in capitals, such as '
            "LOG_LEVEL",
        ),
        (
            {"environment": {"WORKERS": 4}},
            "environment.WORKERS = 4: must be a mapping of variables to texts, nothing secret "
            "among them",
        ),
        (
            {"secrets": {"NODE_ENV": "jwt-secret"}},
            'secrets.NODE_ENV = "NODE_ENV": must be another name than NODE_ENV and PORT, which '
            "the platform sets",
        ),
        (
            {"secrets": {"JWT_SECRET": "/aussie-markets//jwt"}},
            'secrets.JWT_SECRET = "/aussie-markets//jwt": must be a mapping of variables to the '
            "last part of a parameter's name, such as DATABASE_URL: database-url",
        ),
        (
            {"user": "0:0"},
            'user = "0:0": must be a user id, or user and group id, in quotes and not root\'s',
        ),
        (
            {"user": "root"},
            'user = "root": must be a user id, or user and group id, in quotes and not root\'s',
        ),
        (
            {"user": "1000:0"},
            'user = "1000:0": must be a user id, or user and group id, in quotes and not root\'s',
        ),
        (
            {"stop_timeout_seconds": 121},
            "stop_timeout_seconds = 121: must be a number of seconds from 2 to 120",
        ),
    ],
)
def test_containers_that_are_refused(values: dict[str, Any], message: str) -> None:
    assert api_refused(**values) == message


def test_a_variable_has_one_source() -> None:
    message = api_refused(environment={"LEVEL": "x"}, secrets={"LEVEL": "jwt-secret"})
    assert message.endswith("must be variables that environment does not have (LEVEL)")


def test_there_is_no_launch_type_beside_the_strategy() -> None:
    message = api_refused(launch_type="FARGATE")
    assert message.startswith("launch_type: unknown key; allowed: cpu, memory_mib, ")


# -- traffic and deployments -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"http": {"order": 0}},
            "http.order = 0: must be a number from 1 to 400 that no other "
            "service has; of two services that match a request, the one with the lower number "
            "answers",
        ),
        ({"http": {"paths": []}}, "http.paths = []: must be at least one path, such as [/*]"),
        (
            {"http": {"paths": ["reports"]}},
            'http.paths[0] = "reports": must be a list of paths, such as [/reports/*], with * '
            "and ?",
        ),
        (
            {"http": {"paths": ["/a", "/b", "/c"], "hosts": ["a.b", "c.d"]}},
            'http.hosts = ["a.b", "c.d"]: must be at most 4 hosts and paths together (paths: 3)',
        ),
        (
            {"http": {"health_path": "health"}},
            'http.health_path = "health": must be a path without wildcards, such as /health',
        ),
        (
            {"deployment": {"strategy": "canary"}},
            'deployment.strategy = "canary": must be rolling or blue_green',
        ),
        (
            {"deployment": {"bake_minutes": 2}},
            "deployment.bake_minutes = 2: must be a number of minutes from 3 to 1440 in which a "
            "rollback alarm brings the previous version back (blue_green only)",
        ),
    ],
)
def test_traffic_that_is_refused(values: dict[str, Any], message: str) -> None:
    assert api_refused(**values) == message


def test_a_worker_has_no_traffic_to_shift() -> None:
    values = {"worker": {**WORKER, "deployment": {"strategy": "blue_green"}}}
    assert refused("services", values) == [
        'worker.deployment.strategy = "blue_green": must be rolling where there is no http section'
    ]


# -- scaling and capacity --------------------------------------------------------------------

MORNING = {"cron": "0 8 ? * MON-FRI *", "min_tasks": 2, "max_tasks": 6}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_tasks": 4}, "max_tasks = 3: must be at least min_tasks, which is 4"),
        ({"cpu_percent": 95}, "cpu_percent = 95: must be a percentage from 10 to 90"),
        (
            {"autoscaling": False, "schedule": {"morning": MORNING}},
            "must be empty where autoscaling is false",
        ),
        (
            {"schedule": {"morning": {**MORNING, "max_tasks": 1}}},
            "schedule.morning.max_tasks = 1: must be at least min_tasks, which is 2",
        ),
        (
            {"schedule": {"morning": {**MORNING, "time_zone": "AEST "}}},
            'schedule.morning.time_zone = "AEST ": must be a time zone, such as Australia/Brisbane',
        ),
    ],
)
def test_scaling_that_is_refused(values: dict[str, Any], message: str) -> None:
    found = api_refused(scaling=values)
    assert found.startswith("scaling.")
    assert found.endswith(message)


@pytest.mark.parametrize(
    "cron",
    [
        *("0 8 * * *", "0 8 * * * *", "0 8 ? * ? *", "cron(0 8 ? * MON *)", "0  8 ? * MON *"),
        *("", "rate(1 hour)"),
    ],
)
def test_schedules_that_application_autoscaling_does_not_know(cron: str) -> None:
    message = api_refused(scaling={"schedule": {"morning": {**MORNING, "cron": cron}}})
    assert message.startswith(f"scaling.schedule.morning.cron = {json.dumps(cron)}: must be six")


@pytest.mark.parametrize("cron", ["0 8 ? * MON-FRI *", "*/15 0-6 1,15 * ? 2027", "0 20 L * ? *"])
def test_schedules_that_it_knows(cron: str) -> None:
    schedule = {"morning": {**MORNING, "cron": cron}}
    settings = settings_of("staging", {"services": {"api": {"scaling": {"schedule": schedule}}}})
    assert settings.services["api"].scaling.schedule["morning"].cron == cron


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        # Spot capacity alone has no fallback.
        (
            {"base": 0},
            "base = 0: must be a number of tasks of each service, from 1 to 1000, that run on "
            "FARGATE before the weights count",
        ),
        (
            {"fargate_weight": 0, "spot_weight": 0},
            "spot_weight = 0: must be above 0 where fargate_weight is 0 (ECS refuses a strategy "
            "of zeros)",
        ),
        (
            {"spot_weight": 1001},
            "spot_weight = 1001: must be the share of FARGATE_SPOT among further tasks, from 0 "
            "to 1000",
        ),
    ],
)
def test_capacity_that_is_refused(capacity: dict[str, int], message: str) -> None:
    assert refused("cluster", {"capacity": capacity}) == [f"capacity.{message}"]
    (own,) = refused("services", {"worker": {**WORKER, "capacity": capacity}})
    assert own == f"worker.capacity.{message}"


# -- services together -----------------------------------------------------------------------


@pytest.mark.parametrize("api", [None, {"http": None}])
def test_there_is_always_an_api_behind_the_load_balancer(api: object) -> None:
    (problem,) = problems({"services": {"api": api}})
    assert problem.startswith("aussie-markets:services")


def test_every_service_has_an_order_and_a_release_of_its_own() -> None:
    found = refused(
        "services",
        {
            "first": {"http": {"order": 7, "paths": ["/a"]}},
            "second": {"http": {"order": 7, "paths": ["/b"]}},
            "third": {"release": "none"},
        },
    )
    assert [problem.partition(" = ")[0] for problem in found] == ["second", "third"]
    assert found[0].endswith(": must be a service with an http.order of its own (first has it too)")
    assert found[1].endswith(": must be a service whose release is one of the services (none)")


@pytest.mark.parametrize("name", ["Api", "a_b", "-a", "a--b", "1a", "y" * 19])
def test_names_of_services(name: str) -> None:
    (problem,) = refused("services", {name: WORKER})
    assert problem.startswith(f'{name} = "{name}": must be a mapping of names (at most 18 ')


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (
            "logs",
            {"audit_retention_days": 2555},
            "audit_retention_days = 2555: must be one of CloudWatch's",
        ),
        ("logs", {"keep": "yes"}, 'keep = "yes": must be true (both logs outlive the stack)'),
        (
            "cluster",
            {"enhanced_insights": 1},
            "enhanced_insights = 1: must be true (metrics of each task too) or false",
        ),
        (
            "api",
            {"load_balancer": {"idle_timeout_seconds": 0}},
            "load_balancer.idle_timeout_seconds = 0: must be a number of seconds from 1 to 4000",
        ),
        (
            "api",
            {"registry": {"account_id": 12}},
            "registry.account_id = 12: must be an account id of 12 digits, in quotes",
        ),
        (
            "api",
            {"registry": {"region": "sydney"}},
            'registry.region = "sydney": must be a commercial AWS region',
        ),
    ],
)
def test_other_sections(section: str, values: dict[str, Any], message: str) -> None:
    (found,) = refused(section, values)
    assert found.startswith(message)


def test_a_misspelt_setting_of_a_service_is_named() -> None:
    assert api_refused(scalng={}).startswith("scalng: unknown key (did you mean scaling?)")
    (nested,) = refused("services", {"worker": {"scaling": {"max_task": 1}}})
    assert nested.startswith("worker.scaling.max_task: unknown key (did you mean max_tasks?)")
