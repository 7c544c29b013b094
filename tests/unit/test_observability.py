"""Alarms: what is watched, from which figure on, and that each reaches somebody."""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pytest
from moto.events.models import EventPattern

from components.api import Api, ApiArgs
from components.cache import Cache, CacheArgs
from components.cluster import Cluster, ClusterArgs
from components.database import Database, DatabaseArgs
from components.function import FunctionOutputs
from components.keys import EncryptionKey, EncryptionKeyArgs
from components.messages import AlertTopic, AlertTopicArgs, publishing_access
from components.naming import Names
from components.network import Group, Network, NetworkArgs
from components.observability import Observability, ObservabilityArgs
from components.settings import secret_output
from tests.unit.conftest import (
    ACCOUNT_ID,
    ROOT,
    Deployment,
    Registered,
    RunOnce,
    deploy,
    settings_of,
)
from tests.unit.iam import Request, allowed

OBSERVABILITY = "aussie-markets:observability:Observability"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
DATABASE_EVENTS = "aws:rds/eventSubscription:EventSubscription"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
INSTANCE = "aws:rds/instance:Instance"
CACHE_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
SERVICE = "aws:ecs/service:Service"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
QUEUE = "aws:sqs/queue:Queue"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
VPC = "awsx:ec2:Vpc"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])
REGION: Final = "ap-southeast-2"
TOPIC_ARN: Final = "arn:aws:mock:::topic/alerts-topic-arn"
GIB: Final = 2**30

# A stack with more of everything than the two of this project have.
LARGE: Final[dict[str, Any]] = {
    "network": {"nat_strategy": "OnePerAz"},
    "database": {"read_replicas": 2},
    "cache": {"nodes": 3},
    "services": {
        "reports": {
            "http": {"order": 10, "paths": ["/reports/*"]},
            "deployment": {"strategy": "rolling"},
            "log_retention_days": 30,
        },
        "worker": {
            "release": "api",
            "command": ["node", "worker.js"],
            "scaling": {"min_tasks": 0, "max_tasks": 2},
            "deployment": {"strategy": "rolling"},
            "log_retention_days": 30,
        },
    },
}
STACKS: Final = pytest.mark.parametrize(
    ("stack", "values"), [("staging", {}), ("production", {}), ("production", LARGE)]
)

# By label without numbers: what it means that the metric has no data.
SILENCE: Final = {
    "errors": "notBreaching",
    "latency": "notBreaching",
    "api-errors": "notBreaching",
    "api-running": "breaching",
    "api-cpu": "notBreaching",
    "api-memory": "notBreaching",
    "api-unhealthy-1": "notBreaching",
    "database-cpu": "breaching",
    "database-connections": "missing",
    "database-storage": "missing",
    "database-memory": "missing",
    "database-credits": "missing",
    "cache-1-cpu": "breaching",
    "cache-1-memory": "missing",
    "cache-1-evictions": "missing",
    "cache-1-connections": "missing",
    "nat-1-ports": "notBreaching",
    "dead-letters": "notBreaching",
    "backups": "breaching",
    "backup-errors": "notBreaching",
    "backup-dead-letters": "notBreaching",
    "backup-heartbeat": "breaching",
}
IN_PRODUCTION: Final = {
    "api-unhealthy-2": "notBreaching",
    "database-io": "notBreaching",
    "cache-1-lag": "notBreaching",
    "cache-2-cpu": "breaching",
    "cache-2-memory": "missing",
    "cache-2-evictions": "missing",
    "cache-2-connections": "missing",
    "cache-2-lag": "notBreaching",
    "nat-2-ports": "notBreaching",
}


@RunOnce
def platform(stack: str = "staging", *, preview: bool = False, **sections: Any) -> Deployment:
    """Everything that is watched, its watch, and the way from an alarm to people."""
    settings = settings_of(stack, sections)
    names = Names(settings.environment)

    def program() -> None:
        key = EncryptionKey(
            "messages",
            EncryptionKeyArgs(
                alias=names.key_alias("messages"),
                description="Messages",
                account_id=ACCOUNT_ID,
                services=publishing_access(REGION, ACCOUNT_ID),
            ),
        )
        alerts = AlertTopic(
            "alerts",
            AlertTopicArgs(
                environment=settings.environment,
                region=REGION,
                account_id=ACCOUNT_ID,
                settings=settings.messages,
                key_arn=key.arn,
                catches_events=True,
            ),
        )
        network = Network(
            "net",
            NetworkArgs(
                names=names,
                region=REGION,
                settings=settings.network,
                account_id=ACCOUNT_ID,
                log_key_arn="arn:log-key",
            ),
        )
        database = Database(
            "db",
            DatabaseArgs(
                names=names,
                region=REGION,
                settings=settings.database,
                account_id=ACCOUNT_ID,
                subnet_ids=network.private_subnet_ids,
                security_group_id=network.security_group_ids[Group.DATABASE],
                kms_key_arn="arn:database-key",
                log_key_arn="arn:log-key",
                password=secret_output(settings.secrets.database_password),
            ),
        )
        Cache(
            "cache",
            CacheArgs(
                names=names,
                settings=settings.cache,
                subnet_ids=network.private_subnet_ids,
                security_group_id=network.security_group_ids[Group.CACHE],
                kms_key_arn="arn:database-key",
                log_key_arn="arn:log-key",
                auth_token=secret_output(settings.secrets.redis_auth_token),
            ),
        )
        cluster = Cluster(
            "cluster",
            ClusterArgs(
                names=names,
                settings=settings.cluster,
                log_key_arn="arn:log-key",
                session_key_arn="arn:log-key",
            ),
        )
        labels = {label for each in settings.services.values() for label in each.secrets.values()}
        api = Api(
            "app",
            ApiArgs(
                names=names,
                region=REGION,
                account_id=ACCOUNT_ID,
                settings=settings.api,
                services=settings.services,
                cluster_arn=cluster.arn,
                cluster_name=cluster.name,
                capacity=settings.cluster.capacity,
                vpc_id=network.vpc_id,
                public_subnet_ids=network.public_subnet_ids,
                private_subnet_ids=network.private_subnet_ids,
                load_balancer_security_group_id=network.security_group_ids[Group.LOAD_BALANCER],
                service_security_group_id=network.security_group_ids[Group.API],
                certificate_arn="arn:certificate",
                parameter_arns={label: f"arn:parameter/{label}" for label in labels},
                parameters_key_arn="arn:parameters-key",
                log_key_arn="arn:log-key",
                written_log_group_arns=["arn:security", "arn:audit"],
            ),
        )
        vault = aws.backup.Vault("vault", name=names.backup_vault)
        function = aws.lambda_.Function(
            "function", name=names.function("backup"), role="arn:role", handler="a.b"
        )
        failed = aws.sqs.Queue("failed")
        Observability(
            "watch",
            ObservabilityArgs(
                names=names,
                region=REGION,
                account_id=ACCOUNT_ID,
                settings=settings.observability,
                topic_arn=alerts.arn,
                dead_letter_arn=alerts.dead_letter_arn,
                dead_letter_name=alerts.dead_letter_name,
                load_balancer_arn_suffix=api.load_balancer.arn_suffix,
                services=api.services,
                service_settings=settings.services,
                database_identifier=database.identifier,
                database_replica_identifiers=database.replica_identifiers,
                database_settings=settings.database,
                cache_settings=settings.cache,
                nat_gateway_ids=network.nat_gateway_ids,
                backup_vault_name=vault.name,
                functions={
                    "backup": FunctionOutputs(
                        name=function.name,
                        arn=function.arn,
                        role_arn=pulumi.Output.from_input("arn:role"),
                        log_group_name=pulumi.Output.from_input("log"),
                        dead_letter_name=failed.name,
                        schedule_group_name=pulumi.Output.from_input("schedules"),
                    )
                },
                heartbeats={"backup": 26},
            ),
        )

    return deploy(program, stack, preview=preview)


def alarms(deployment: Deployment) -> dict[str, Registered]:
    """Those of people, by label; the others belong to deployments."""
    component = deployment.only(OBSERVABILITY)
    return {
        alarm.name.removeprefix("watch-"): alarm
        for alarm in deployment.of(ALARM).values()
        if alarm.parent == component.urn
    }


def dimensions_of(alarm: Registered) -> Iterator[dict[str, str]]:
    """Of each metric of an alarm."""
    queries = [
        query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query
    ]
    for metric in queries or [alarm.inputs]:
        yield metric["dimensions"]


def existing(deployment: Deployment, environment: str) -> dict[str, set[str]]:
    """The values that each dimension may have, from the resources themselves."""

    def outputs(type_: str, key: str) -> set[str]:
        return {resource.outputs[key] for resource in deployment.of(type_).values()}

    group = deployment.only(CACHE_GROUP).inputs
    (variables,) = {
        each["value"]
        for task in deployment.of(TASK).values()
        for container in json.loads(task.inputs["containerDefinitions"])
        for each in container["environment"]
        if each["name"] == "NODE_ENV"
    }
    assert variables == environment
    return {
        "LoadBalancer": outputs(BALANCER, "arnSuffix"),
        "TargetGroup": outputs(TARGET_GROUP, "arnSuffix"),
        "ClusterName": {deployment.only("aws:ecs/cluster:Cluster").inputs["name"]},
        "ServiceName": outputs(SERVICE, "name"),
        "DBInstanceIdentifier": outputs(INSTANCE, "identifier"),
        # ElastiCache user guide, "Creating a replication group": numbered from 001.
        "CacheClusterId": {
            f"{group['replicationGroupId']}-{number:03d}"
            for number in range(1, int(group["numCacheClusters"]) + 1)
        },
        "NatGatewayId": {each["id"] for each in deployment.only(VPC).outputs["natGateways"]},
        "QueueName": outputs(QUEUE, "name"),
        "BackupVaultName": outputs("aws:backup/vault:Vault", "name"),
        # What the API gives its metrics is its own NODE_ENV.
        "Environment": {variables},
        "Function": {"backup"},
        "FunctionName": outputs("aws:lambda/function:Function", "name"),
    }


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = platform(stack, preview=preview)
    component = deployment.only(OBSERVABILITY)
    children = [each for each in deployment.resources if each.parent == component.urn]
    assert {child.type for child in children} == {
        *(ALARM, COMPOSITE, RULE, TARGET, DATABASE_EVENTS, DASHBOARD)
    }
    for child in children:
        assert child.name.startswith("watch-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.ignore_changes == ()
        # What has a fixed name cannot stand beside its successor.
        fixed = {"name", "alarmName", "dashboardName"} & child.inputs.keys()
        assert child.delete_before_replace == bool(fixed)


@pytest.mark.parametrize("preview", [False, True])
def test_what_is_watched_in_staging_and_what_silence_means(preview: bool) -> None:
    found = alarms(platform(preview=preview))
    assert {label: each.inputs["treatMissingData"] for label, each in found.items()} == SILENCE


def test_what_is_watched_in_production_and_what_silence_means() -> None:
    found = alarms(platform("production"))
    expected = {key: value for key, value in SILENCE.items() if key != "database-credits"}
    assert {label: each.inputs["treatMissingData"] for label, each in found.items()} == {
        **expected,
        **IN_PRODUCTION,
    }


@STACKS
def test_everything_that_may_fail_has_alarms(stack: str, values: dict[str, Any]) -> None:
    deployment = platform(stack, **values)
    watched: dict[str, set[str]] = {}
    for alarm in alarms(deployment).values():
        for dimensions in dimensions_of(alarm):
            for dimension, value in dimensions.items():
                watched.setdefault(dimension, set()).add(value)
    assert watched == existing(deployment, stack)


@STACKS
def test_each_kind_has_the_same_alarms(stack: str, values: dict[str, Any]) -> None:
    found = alarms(platform(stack, **values))
    settings = settings_of(stack, values)
    bursts = "credits" if settings.database.instance_class.startswith("db.t") else "io"
    expected = {"errors", "latency", "api-errors", "dead-letters", "backups"}
    expected |= {f"backup-{label}" for label in ("errors", "dead-letters", "heartbeat")}
    for service, its in settings.services.items():
        expected |= {f"{service}-{label}" for label in ("running", "cpu", "memory")}
        if its.http is not None:
            groups = 2 if its.deployment.strategy.value == "blue_green" else 1
            expected |= {f"{service}-unhealthy-{number}" for number in range(1, groups + 1)}
    replicas = [f"replica-{n}" for n in range(1, settings.database.read_replicas + 1)]
    for database in ("database", *replicas):
        labels = ("cpu", "connections", "storage", "memory", bursts)
        expected |= {f"{database}-{label}" for label in labels}
    expected |= {f"{replica}-lag" for replica in replicas}
    for node in range(1, settings.cache.nodes + 1):
        expected |= {
            f"cache-{node}-{label}" for label in ("cpu", "memory", "evictions", "connections")
        }
        if settings.cache.nodes > 1:
            expected.add(f"cache-{node}-lag")
    expected |= {f"nat-{n}-ports" for n in range(1, settings.network.nat_gateways + 1)}
    assert found.keys() == expected


def test_nothing_that_fails_can_be_left_out() -> None:
    required = {
        field.name
        for field in dataclasses.fields(ObservabilityArgs)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    assert required >= {
        *("services", "load_balancer_arn_suffix", "database_identifier", "cache_settings"),
        *("database_replica_identifiers", "nat_gateway_ids", "dead_letter_name"),
        *("functions", "heartbeats"),
    }


@STACKS
def test_each_alarm_reaches_somebody(stack: str, values: dict[str, Any]) -> None:
    values = {**values, "messages": {"recipients": {"on-call": "on-call@example.com"}}}
    deployment = platform(stack, **values)
    topic_policy = deployment.only("aws:sns/topicPolicy:TopicPolicy").inputs
    key = deployment.only("aws:kms/key:Key")
    topic = deployment.only("aws:sns/topic:Topic")
    subscriptions = deployment.of("aws:sns/topicSubscription:TopicSubscription").values()
    assert topic.inputs["kmsMasterKeyId"] == key.outputs["arn"]
    assert topic_policy["arn"] == TOPIC_ARN
    assert "on-call@example.com" in {each.inputs["endpoint"] for each in subscriptions}
    assert {each.inputs["topic"] for each in subscriptions} == {TOPIC_ARN}
    composite = deployment.only(COMPOSITE)
    for alarm in [*alarms(deployment).values(), composite]:
        assert alarm.inputs["alarmActions"] == [TOPIC_ARN]
        assert alarm.inputs["okActions"] == [TOPIC_ARN]
        assert "actionsEnabled" not in alarm.inputs
        name = alarm.inputs.get("alarmName") or alarm.outputs["name"]
        publishes = Request(
            "sns:Publish",
            TOPIC_ARN,
            {
                "aws:SourceAccount": ACCOUNT_ID,
                "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:{name}",
            },
            "Service:cloudwatch.amazonaws.com",
        )
        assert allowed(topic_policy["policy"], publishes)
    topic_arn = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:alerts"
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        encrypts = Request(
            action,
            context={"kms:EncryptionContext:aws:sns:topicArn": topic_arn},
            principal="Service:cloudwatch.amazonaws.com",
        )
        assert allowed(key.inputs["policy"], encrypts)


def test_the_documented_alarms() -> None:
    found = alarms(platform("production"))
    errors, connections = found["api-errors"].inputs, found["database-connections"].inputs
    assert errors.pop("alarmDescription")
    assert errors == {
        "name": "HighErrorRate-production",
        "namespace": "AussieMarkets/API",
        "metricName": "ErrorRate",
        "dimensions": {"Environment": "production"},
        "statistic": "Average",
        "period": 300,
        "evaluationPeriods": 2,
        "datapointsToAlarm": 2,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 5,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "okActions": [TOPIC_ARN],
    }
    assert connections["alarmDescription"] == (
        "The database of production has more than 1280 connections, 80 % of 1600"
    )
    assert connections | {"alarmDescription": ""} == errors | {
        "alarmDescription": "",
        "name": "DatabaseConnections-production",
        "namespace": "AWS/RDS",
        "metricName": "DatabaseConnections",
        "dimensions": {"DBInstanceIdentifier": "aussie-markets-db-production"},
        "threshold": 1280,
        "treatMissingData": "missing",
    }


@pytest.mark.parametrize(
    ("stack", "label", "metric", "comparison", "threshold", "periods"),
    [
        ("staging", "latency", "TargetResponseTime", "GreaterThan", 1, (60, 10, 8)),
        ("staging", "api-cpu", "CPUUtilization", "GreaterThan", 85, (300, 3, 3)),
        ("staging", "api-memory", "MemoryUtilization", "GreaterThan", 90, (300, 3, 3)),
        ("staging", "api-unhealthy-1", "UnHealthyHostCount", "GreaterThan", 0, (60, 5, 5)),
        ("staging", "database-cpu", "CPUUtilization", "GreaterThan", 80, (300, 3, 3)),
        ("staging", "database-connections", "DatabaseConnections", "GreaterThan", 80, (300, 2, 2)),
        ("staging", "database-storage", "FreeStorageSpace", "LessThan", 2 * GIB, (300, 3, 3)),
        ("staging", "database-memory", "FreeableMemory", "LessThan", GIB // 10, (300, 3, 3)),
        ("staging", "database-credits", "CPUCreditBalance", "LessThan", 30, (300, 3, 3)),
        ("production", "database-io", "EBSIOBalance%", "LessThan", 30, (300, 3, 3)),
        ("production", "cache-2-cpu", "EngineCPUUtilization", "GreaterThan", 80, (300, 3, 3)),
        (
            *("production", "cache-2-memory", "DatabaseMemoryUsagePercentage", "GreaterThan", 90),
            (300, 3, 3),
        ),
        ("production", "cache-2-evictions", "Evictions", "GreaterThan", 1000, (300, 3, 3)),
        ("production", "cache-2-connections", "CurrConnections", "GreaterThan", 5000, (300, 3, 3)),
        ("production", "cache-2-lag", "ReplicationLag", "GreaterThan", 30, (300, 3, 3)),
        ("production", "nat-2-ports", "ErrorPortAllocation", "GreaterThan", 0, (300, 1, 1)),
        (
            *("staging", "dead-letters", "ApproximateNumberOfMessagesVisible", "GreaterThan", 0),
            (300, 1, 1),
        ),
        ("staging", "backups", "NumberOfBackupJobsCompleted", "LessThan", 1, (86400, 1, 1)),
        ("staging", "backup-errors", "Errors", "GreaterThan", 0, (300, 1, 1)),
        (
            *("staging", "backup-dead-letters", "ApproximateNumberOfMessagesVisible"),
            *("GreaterThan", 0, (300, 1, 1)),
        ),
        ("staging", "backup-heartbeat", "Succeeded", "LessThan", 1, (3600, 26, 26)),
    ],
)
def test_figures(
    stack: str,
    label: str,
    metric: str,
    comparison: str,
    threshold: int,
    periods: tuple[int, int, int],
) -> None:
    alarm = alarms(platform(stack))[label].inputs
    assert alarm["metricName"] == metric
    assert alarm["comparisonOperator"] == f"{comparison}Threshold"
    assert alarm["threshold"] == threshold
    found = tuple(alarm[key] for key in ("period", "evaluationPeriods", "datapointsToAlarm"))
    assert found == periods


def test_a_percentile_of_a_few_requests_alarms_nobody() -> None:
    latency = alarms(platform())["latency"].inputs
    assert latency["extendedStatistic"] == "p95"
    assert latency["evaluateLowSampleCountPercentiles"] == "ignore"
    assert "statistic" not in latency


def computed(alarm: Registered, **values: float | None) -> float:
    """What CloudWatch makes of the alarm's expression; None is a metric without data."""
    (expression,) = [
        query["expression"] for query in alarm.inputs["metricQueries"] if query["returnData"]
    ]
    functions = {
        "IF": lambda condition, then, otherwise: then if condition else otherwise,
        "FILL": lambda value, instead: instead if value is None else value,
    }
    metrics = {query["id"] for query in alarm.inputs["metricQueries"] if "metric" in query}
    assert metrics == values.keys()
    value: float = eval(expression, {"__builtins__": {}}, {**functions, **values})  # noqa: S307
    return value


@pytest.mark.parametrize(
    ("requests", "failed", "refused", "rings"),
    [
        (100, None, None, False),
        (100, 5, None, False),
        (100, 6, None, True),
        (100, 2, 10, True),
        # Nobody is there to take a request.
        (None, None, 100, True),
        # Too few to say anything.
        (19, 19, None, False),
    ],
)
def test_the_share_of_failed_requests(
    requests: float | None, failed: float | None, refused: float | None, rings: bool
) -> None:
    alarm = alarms(platform())["errors"]
    percent = computed(alarm, requests=requests, failed=failed, refused=refused)
    assert (percent > alarm.inputs["threshold"]) == rings
    assert 0 <= percent <= 100


@pytest.mark.parametrize(
    ("wanted", "running", "rings"), [(3, 3, False), (3, 2, True), (3, 6, False)]
)
def test_fewer_tasks_than_there_should_be(wanted: int, running: int, rings: bool) -> None:
    alarm = alarms(platform("production"))["api-running"]
    assert alarm.inputs["comparisonOperator"] == "GreaterThanThreshold"
    assert (computed(alarm, wanted=wanted, running=running) > alarm.inputs["threshold"]) == rings


def test_a_service_that_may_have_no_tasks_may_be_silent() -> None:
    found = alarms(platform("production", **LARGE))
    assert found["worker-running"].inputs["treatMissingData"] == "notBreaching"
    assert found["reports-running"].inputs["treatMissingData"] == "breaching"
    scheduled: dict[str, Any] = {
        "services": {
            "api": {
                "scaling": {
                    "schedule": {"night": {"cron": "0 20 * * ? *", "min_tasks": 0, "max_tasks": 0}}
                }
            }
        }
    }
    found = alarms(platform("staging", **scheduled))
    assert found["api-running"].inputs["treatMissingData"] == "notBreaching"


@pytest.mark.parametrize(("lag", "rings"), [(0, False), (600, False), (601, True), (-1, True)])
def test_a_replica_that_is_behind_or_alone(lag: float, rings: bool) -> None:
    alarm = alarms(platform("production", **LARGE))["replica-2-lag"]
    assert (computed(alarm, lag=lag) > alarm.inputs["threshold"]) == rings
    assert alarm.inputs["treatMissingData"] == "breaching"


@STACKS
def test_the_platform_is_unhealthy_where_users_notice(stack: str, values: dict[str, Any]) -> None:
    deployment = platform(stack, **values)
    composite = deployment.only(COMPOSITE).inputs
    assert composite["alarmName"] == f"PlatformUnhealthy-{stack}"
    found = alarms(deployment)
    settings = settings_of(stack, values)
    vital = [
        *("errors", "latency", "api-errors"),
        *(f"{service}-running" for service in settings.services),
        *("database-cpu", "database-connections", "database-storage"),
        *(f"cache-{node}-cpu" for node in range(1, settings.cache.nodes + 1)),
    ]
    names = [found[label].outputs["name"] for label in vital]
    assert composite["alarmRule"] == " OR ".join(f'ALARM("{name}")' for name in names)


def deployment_event(**changes: Any) -> str:
    """ECS developer guide, "Service deployment state change events": an example of a failure."""
    service = f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:service/aussie-markets-cluster-staging/any"
    event = {
        "source": "aws.ecs",
        "detail-type": "ECS Deployment State Change",
        "resources": [service],
        "detail": {
            "eventType": "ERROR",
            "eventName": "SERVICE_DEPLOYMENT_FAILED",
            "reason": "ECS deployment circuit breaker: task failed to start.",
        },
    }
    return json.dumps(event | changes)


def test_the_name_of_the_rule_fits_the_longest_environment() -> None:
    rule = platform().only(RULE).name.removeprefix("watch")
    # EventBridge, PutRule; Pulumi appends a hyphen and seven characters to a logical name.
    assert len(f"{Names('e' * 16).prefix}-observability{rule}") + 8 <= 64


def test_failed_deployments_of_this_cluster_reach_the_topic() -> None:
    deployment = platform()
    rule = deployment.only(RULE)
    pattern = EventPattern.load(rule.inputs["eventPattern"])
    assert pattern.matches_event(json.loads(deployment_event()))
    for other in (
        deployment_event(detail={"eventName": "SERVICE_DEPLOYMENT_COMPLETED"}),
        deployment_event(
            resources=[
                f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:service/aussie-markets-cluster-staging-2/any"
            ]
        ),
    ):
        assert not pattern.matches_event(json.loads(other))
    assert deployment.only(TARGET).inputs == {
        "rule": rule.outputs["name"],
        "arn": TOPIC_ARN,
        "inputTransformer": {
            "inputPaths": {"service": "$.resources[0]", "reason": "$.detail.reason"},
            "inputTemplate": '"The deployment of <service> failed: <reason>"',
        },
        "deadLetterConfig": {"arn": deployment.of(QUEUE)["alerts-dead-letters"].outputs["arn"]},
    }


def test_rds_tells_of_every_database() -> None:
    deployment = platform("production", **LARGE)
    subscription = deployment.only(DATABASE_EVENTS).inputs
    categories = subscription.pop("eventCategories")
    assert subscription == {
        "snsTopic": TOPIC_ARN,
        "sourceType": "db-instance",
        "sourceIds": [
            "aussie-markets-db-production",
            "aussie-markets-db-production-replica-1",
            "aussie-markets-db-production-replica-2",
        ],
    }
    # AWS Foundational Security Best Practices, RDS.20.
    assert {"maintenance", "configuration change", "failure"} <= set(categories)


@STACKS
def test_the_dashboard_shows_what_exists(stack: str, values: dict[str, Any]) -> None:
    deployment = platform(stack, **values)
    dashboard = deployment.only(DASHBOARD).inputs
    assert dashboard["dashboardName"] == f"aussie-markets-{stack}"
    widgets = json.loads(dashboard["dashboardBody"])["widgets"]
    places = {(widget["x"], widget["y"]) for widget in widgets}
    assert len(places) == len(widgets)
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)
    known, shown = existing(deployment, stack), set()
    for widget in widgets[1:]:
        assert widget["properties"]["region"] == REGION
        assert widget["properties"]["metrics"]
        for namespace, metric, *dimensions, options in widget["properties"]["metrics"]:
            assert options.keys() == {"stat"}
            shown.add((namespace, metric))
            for dimension, value in zip(dimensions[::2], dimensions[1::2], strict=True):
                assert value in known[dimension]
    assert {metric for namespace, metric in shown if namespace == "AussieMarkets/API"} == {
        *("AuthAttempts", "AuthFailures", "AuthResponseTime", "ErrorRate")
    }
    assert {namespace for namespace, _ in shown} == {
        *("AussieMarkets/API", "AWS/ApplicationELB", "AWS/ECS", "ECS/ContainerInsights"),
        *("AWS/RDS", "AWS/ElastiCache"),
    }
    arns = widgets[0]["properties"]["alarms"]
    assert arns[0] == deployment.only(COMPOSITE).outputs["arn"]
    assert set(arns[1:]) <= {alarm.outputs["arn"] for alarm in alarms(deployment).values()}


@STACKS
def test_every_alarm_is_explained(stack: str, values: dict[str, Any]) -> None:
    table = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    services = "|".join(settings_of(stack, values).services)
    for label in alarms(platform(stack, **values)):
        explained = re.sub(rf"^({services})-(running|cpu|memory|unhealthy)", r"<service>-\2", label)
        explained = re.sub(r"^backup-", "<function>-", re.sub(r"-\d+", "-<n>", explained))
        if not explained.endswith("-lag"):
            explained = explained.replace("replica-<n>", "database")
        assert f"`{explained}`" in table


def test_registered_outputs() -> None:
    deployment = platform()
    outputs = deployment.outputs[deployment.only(OBSERVABILITY).urn]
    assert outputs.pop("alarm_names") == {
        label: alarm.outputs["name"] for label, alarm in alarms(deployment).items()
    }
    assert outputs == {
        "unhealthy_alarm_name": "PlatformUnhealthy-staging",
        "dashboard_name": "aussie-markets-staging",
    }
