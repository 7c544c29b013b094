"""The cache's exact inputs and options, and its URL."""

from urllib.parse import unquote, urlsplit

import pulumi
import pytest

from components.cache import Cache, CacheArgs, redis_url
from components.naming import Names
from tests.unit.conftest import SECRETS, Deployment, deploy, settings_of

CACHE = "aussie-markets:cache:Cache"
GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
PARAMETER_GROUP = "aws:elasticache/parameterGroup:ParameterGroup"
SUBNET_GROUP = "aws:elasticache/subnetGroup:SubnetGroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

# Everything that ElastiCache takes besides letters and digits.
TOKEN = "0123456789!&#$^<>-azAZ"


def cache(
    stack: str = "staging",
    *,
    token: str = SECRETS["redis_auth_token"],
    preview: bool = False,
    urls: list[str] | None = None,
    **values: object,
) -> Deployment:
    settings = settings_of(stack, {"cache": values})

    def program() -> None:
        component = Cache(
            "cache",
            CacheArgs(
                names=Names(settings.environment),
                settings=settings.cache,
                subnet_ids=["subnet-1", "subnet-2"],
                security_group_id="sg-cache",
                kms_key_arn="arn:data-key",
                log_key_arn="arn:log-key",
                auth_token=pulumi.Output.secret(token),
            ),
        )
        if urls is not None:
            component.url.apply(urls.append)

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = cache(stack, preview=preview)
    component = deployment.only(CACHE)
    children = [resource for resource in deployment.resources if resource is not component]
    assert sorted(child.type for child in children) == sorted(
        [GROUP, PARAMETER_GROUP, SUBNET_GROUP, LOG_GROUP, LOG_GROUP]
    )
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("cache-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.delete_before_replace == (child.type == GROUP)
        assert child.ignore_changes == ()
        assert child.aliases == ()


@BOTH
def test_the_replication_group(stack: str) -> None:
    deployment = cache(stack)
    group = deployment.only(GROUP)
    production = stack == "production"
    assert group.name == "cache-group"
    assert group.inputs == {
        "replicationGroupId": f"aussie-markets-cache-{stack}",
        "description": f"Cache and sessions of {stack}",
        "engine": "redis",
        "engineVersion": "7.1",
        "nodeType": "cache.m6g.large" if production else "cache.t4g.micro",
        "numCacheClusters": 2 if production else 1,
        "automaticFailoverEnabled": production,
        "multiAzEnabled": production,
        "port": 6379,
        "subnetGroupName": "cache-subnets-a1b2c3d",
        "securityGroupIds": ["sg-cache"],
        "parameterGroupName": "cache-parameters-a1b2c3d",
        "atRestEncryptionEnabled": True,
        "kmsKeyId": "arn:data-key",
        "transitEncryptionEnabled": True,
        "transitEncryptionMode": "required",
        "authTokenWo": SECRETS["redis_auth_token"],
        "authTokenWoVersion": 1001,
        "authTokenUpdateStrategy": "ROTATE",
        "autoMinorVersionUpgrade": True,
        "applyImmediately": False,
        "maintenanceWindow": "sat:22:30-sat:23:30",
        "snapshotWindow": "13:30-14:30",
        "snapshotRetentionLimit": 7 if production else 1,
        "finalSnapshotIdentifier": f"aussie-markets-cache-{stack}-final-1",
        "logDeliveryConfigurations": [
            {
                "logType": log,
                "logFormat": "json",
                "destinationType": "cloudwatch-logs",
                "destination": f"/aussie-markets/{stack}/redis-{log}",
            }
            for log in ("slow-log", "engine-log")
        ],
    }
    assert group.secret_inputs == {"authTokenWo"}
    groups = {resource.urn for resource in deployment.of(LOG_GROUP).values()}
    assert groups <= group.depends_on


def test_replicas_take_over_even_within_one_zone() -> None:
    inputs = cache(nodes=2).only(GROUP).inputs
    assert inputs["automaticFailoverEnabled"] is True
    assert inputs["multiAzEnabled"] is False


@BOTH
def test_parameters_and_subnets(stack: str) -> None:
    deployment = cache(stack)
    assert deployment.only(PARAMETER_GROUP).inputs == {
        "family": "redis7",
        "description": f"Redis of {stack}",
        "parameters": [{"name": "maxmemory-policy", "value": "allkeys-lru"}],
    }
    assert deployment.only(SUBNET_GROUP).inputs == {
        "description": f"Private subnets of {stack}",
        "subnetIds": ["subnet-1", "subnet-2"],
    }


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_log_groups(stack: str, days: int) -> None:
    groups = cache(stack).of(LOG_GROUP)
    for log in ("slow-log", "engine-log"):
        assert groups.pop(f"cache-{log}").inputs == {
            "name": f"/aussie-markets/{stack}/redis-{log}",
            "retentionInDays": days,
            "kmsKeyId": "arn:log-key",
        }
    assert groups == {}


@pytest.mark.parametrize("token", [TOKEN, TOKEN[::-1], SECRETS["redis_auth_token"]])
def test_the_url_reads_back(token: str) -> None:
    urls: list[str] = []
    cache(token=token, urls=urls)
    (url,) = urls
    parts = urlsplit(url)
    assert parts.scheme == "rediss"
    assert parts.username == ""
    assert unquote(parts.password or "") == token
    assert parts.hostname == "cache-group.cache.example"
    assert parts.port == 6379
    assert parts.path == "/0"
    assert not parts.query
    assert not parts.fragment


def test_every_symbol_alone_reads_back() -> None:
    for symbol in map(chr, range(33, 127)):
        parts = urlsplit(redis_url(symbol, "host"))
        assert unquote(parts.password or "") == symbol
        assert (parts.hostname, parts.port, parts.path) == ("host", 6379, "/0")


def test_registered_outputs() -> None:
    deployment = cache()
    urn = deployment.only(CACHE).urn
    assert deployment.clear_outputs[urn] == {
        "replication_group_id": "aussie-markets-cache-staging",
        "address": "cache-group.cache.example",
        "url": "[secret]",
        "log_group_names": [
            "/aussie-markets/staging/redis-slow-log",
            "/aussie-markets/staging/redis-engine-log",
        ],
    }
