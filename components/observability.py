"""What watches the platform: alarms, the events that people are told of, and the dashboard."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.function import FunctionOutputs
from components.naming import METRIC_NAMESPACE, OPERATIONS_NAMESPACE, Names
from components.service import ServiceOutputs
from components.settings.cache import CacheSettings
from components.settings.database import INSTANCE_CLASS_MEMORY, DatabaseSettings
from components.settings.observability import ObservabilitySettings
from components.settings.services import ServiceSettings

GIB: Final = 2**30
HOUR: Final = 3600
DAY: Final = 24 * HOUR

# RDS user guide, "Amazon RDS event categories": those of instances, but backups, which have a start
# and an end each day, and creation.
DATABASE_EVENTS: Final = (
    *("availability", "configuration change", "deletion", "failover", "failure", "low storage"),
    *("maintenance", "notification", "read replica", "recovery", "security patching"),
)

# CloudWatch, dashboard body: 24 columns.
WIDGET_WIDTH: Final = 8
WIDGET_HEIGHT: Final = 6
WIDGETS_IN_A_ROW: Final = 3

Dimensions = Mapping[str, pulumi.Input[str]]


class Silence(StrEnum):
    """What it means that a metric has no data; CloudWatch's `treat_missing_data`."""

    FINE = "notBreaching"
    TROUBLE = "breaching"
    # The alarm says so, and another one of the same resource tells people.
    UNKNOWN = "missing"


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch; `statistic` may be a percentile, such as p95."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str = "Average"


@dataclass(frozen=True)
class Expression:
    """What CloudWatch computes of several metrics, which it knows by the keys of `metrics`."""

    text: str
    label: str
    metrics: Mapping[str, Metric]


@dataclass(frozen=True)
class Watch:
    """An alarm, before it is one.

    It tells people once the value was above (or below) for `of` out of `periods` periods of
    `seconds`. `vital` are those by which the whole platform is unhealthy.
    """

    label: str
    description: str
    value: Metric | Expression
    silence: Silence
    above: float | None = None
    below: float | None = None
    seconds: int = 300
    periods: int = 3
    of: int | None = None
    name: str | None = None
    vital: bool = False


@dataclass(frozen=True)
class ObservabilityArgs:
    """Inputs of `Observability`. Whatever is handed over is watched; there is no way to leave it.

    `topic_arn`, `dead_letter_arn` and `dead_letter_name` are those of `AlertTopic` in the stack's
    region. `services` and `service_settings` have the same keys. `database_settings` are those of
    the database and of its replicas, `nat_gateway_ids` those of `Network`. The vault must get a
    backup a day. `functions` are by their short names, and `heartbeats` the hours within which
    each of them that must succeed regularly must have done so once.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: ObservabilitySettings
    topic_arn: pulumi.Input[str]
    dead_letter_arn: pulumi.Input[str]
    dead_letter_name: pulumi.Input[str]
    load_balancer_arn_suffix: pulumi.Input[str]
    services: Mapping[str, ServiceOutputs]
    service_settings: Mapping[str, ServiceSettings]
    database_identifier: pulumi.Input[str]
    database_replica_identifiers: Sequence[pulumi.Input[str]]
    database_settings: DatabaseSettings
    cache_settings: CacheSettings
    nat_gateway_ids: Sequence[pulumi.Input[str]]
    backup_vault_name: pulumi.Input[str]
    functions: Mapping[str, FunctionOutputs]
    heartbeats: Mapping[str, int]


class Observability(pulumi.ComponentResource):
    """`aussie-markets:observability:Observability`: who looks at the platform when nobody does.

    - `aws.cloudwatch.MetricAlarm` for the load balancer, and for each service, target group,
      database, replica, cache node, NAT gateway and function that it is given; for the API's own
      error rate, for events that reached nobody, and for each function that must succeed in time.
    - `aws.cloudwatch.CompositeAlarm`: one of those by which users notice.
    - `aws.cloudwatch.EventRule` and `aws.cloudwatch.EventTarget`: deployments that failed.
    - `aws.rds.EventSubscription`: what RDS does to the databases.
    - `aws.cloudwatch.Dashboard`.

    Every alarm tells the topic, also when it is over.
    """

    alarm_names: Mapping[str, pulumi.Output[str]]
    """By label, such as `database-cpu`."""
    unhealthy_alarm_name: pulumi.Output[str]
    dashboard_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:observability:Observability", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        watches = list(watches_of(args))
        alarms = {watch.label: self._alarm(watch) for watch in watches}
        vital = [alarms[watch.label] for watch in watches if watch.vital]
        unhealthy = self._unhealthy(vital)
        self._failed_deployments()
        self._database_events()
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.names.dashboard,
            dashboard_body=pulumi.Output.json_dumps(
                _dashboard(args, [unhealthy.arn, *(alarm.arn for alarm in vital)])
            ),
            # People have its address; two cannot coexist.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

        self.alarm_names = {label: alarm.name for label, alarm in alarms.items()}
        self.unhealthy_alarm_name = unhealthy.alarm_name
        self.dashboard_name = dashboard.dashboard_name
        self.register_outputs(
            {
                "alarm_names": dict(self.alarm_names),
                "unhealthy_alarm_name": self.unhealthy_alarm_name,
                "dashboard_name": self.dashboard_name,
            }
        )

    def _alarm(self, watch: Watch) -> aws.cloudwatch.MetricAlarm:
        opts = self._child
        if watch.name is not None:
            # People know it by its name; two cannot coexist.
            opts = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        return aws.cloudwatch.MetricAlarm(
            f"{self._name_prefix}-{watch.label}",
            name=watch.name,
            alarm_description=watch.description,
            comparison_operator="LessThanThreshold"
            if watch.above is None
            else "GreaterThanThreshold",
            threshold=watch.below if watch.above is None else watch.above,
            evaluation_periods=watch.periods,
            datapoints_to_alarm=watch.of or watch.periods,
            treat_missing_data=watch.silence,
            alarm_actions=[self._args.topic_arn],
            ok_actions=[self._args.topic_arn],
            **_value(watch),
            opts=opts,
        )

    def _unhealthy(
        self, vital: Sequence[aws.cloudwatch.MetricAlarm]
    ) -> aws.cloudwatch.CompositeAlarm:
        return aws.cloudwatch.CompositeAlarm(
            f"{self._name_prefix}-unhealthy",
            alarm_name=self._args.names.alarm("PlatformUnhealthy"),
            alarm_description=f"Users of {self._args.names.environment} notice that something is "
            "wrong; the alarms of this rule say what",
            alarm_rule=pulumi.Output.all(*(alarm.name for alarm in vital)).apply(
                lambda known: " OR ".join(f'ALARM("{name}")' for name in known)
            ),
            alarm_actions=[self._args.topic_arn],
            ok_actions=[self._args.topic_arn],
            # People know it by its name; two cannot coexist.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _failed_deployments(self) -> None:
        args = self._args
        rule = aws.cloudwatch.EventRule(
            # Short, since the name that Pulumi makes of it may have 64 characters.
            f"{self._name_prefix}-failures",
            description=f"Deployments in {args.names.environment} that failed",
            # ECS developer guide, "Service deployment state change events".
            event_pattern=pulumi.Output.json_dumps(
                {
                    "source": ["aws.ecs"],
                    "detail-type": ["ECS Deployment State Change"],
                    "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
                    "resources": [
                        {
                            "prefix": pulumi.Output.concat(
                                f"arn:aws:ecs:{args.region}:",
                                args.account_id,
                                f":service/{args.names.cluster}/",
                            )
                        }
                    ],
                }
            ),
            opts=self._child,
        )
        aws.cloudwatch.EventTarget(
            f"{self._name_prefix}-failures",
            rule=rule.name,
            arn=args.topic_arn,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths={"service": "$.resources[0]", "reason": "$.detail.reason"},
                input_template='"The deployment of <service> failed: <reason>"',
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(
                arn=args.dead_letter_arn
            ),
            opts=self._child,
        )

    def _database_events(self) -> None:
        args = self._args
        aws.rds.EventSubscription(
            f"{self._name_prefix}-databases",
            sns_topic=args.topic_arn,
            source_type="db-instance",
            source_ids=[args.database_identifier, *args.database_replica_identifiers],
            event_categories=list(DATABASE_EVENTS),
            opts=self._child,
        )


def watches_of(args: ObservabilityArgs) -> Iterator[Watch]:
    """Everything that is watched; nothing that `args` name is left out."""
    yield from _requests(args)
    for service, described in args.services.items():
        yield from _service(args, service, described)
    yield from _database(args, "database", args.database_identifier, vital=True)
    for number, identifier in enumerate(args.database_replica_identifiers, start=1):
        label = f"replica-{number}"
        yield from _database(args, label, identifier, vital=False)
        yield _replica_lag(args, label, identifier)
    for number in range(1, args.cache_settings.nodes + 1):
        yield from _cache_node(args, number)
    for number, gateway in enumerate(args.nat_gateway_ids, start=1):
        yield _nat_gateway(number, gateway)
    yield _dead_letters(args)
    yield _backups(args)
    for function, outputs in args.functions.items():
        yield from _function(args, function, outputs)
    for function, hours in args.heartbeats.items():
        yield _heartbeat(args, function, hours)


def _value(watch: Watch) -> dict[str, Any]:
    """The inputs of an alarm that say what is measured."""
    value = watch.value
    if isinstance(value, Metric):
        percentile = value.statistic.startswith("p")
        return {
            "namespace": value.namespace,
            "metric_name": value.name,
            "dimensions": value.dimensions,
            "period": watch.seconds,
            "extended_statistic" if percentile else "statistic": value.statistic,
            # A percentile of a few requests says nothing.
            "evaluate_low_sample_count_percentiles": "ignore" if percentile else None,
        }
    return {
        "metric_queries": [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id="value", label=value.label, expression=value.text, return_data=True
            ),
            *(
                aws.cloudwatch.MetricAlarmMetricQueryArgs(
                    id=key,
                    return_data=False,
                    metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                        namespace=metric.namespace,
                        metric_name=metric.name,
                        dimensions=metric.dimensions,
                        period=watch.seconds,
                        stat=metric.statistic,
                    ),
                )
                for key, metric in value.metrics.items()
            ),
        ]
    }


def _balancer_metric(args: ObservabilityArgs, name: str, statistic: str) -> Metric:
    return Metric(
        "AWS/ApplicationELB", name, {"LoadBalancer": args.load_balancer_arn_suffix}, statistic
    )


def _api_metric(args: ObservabilityArgs, name: str, statistic: str) -> Metric:
    return Metric(METRIC_NAMESPACE, name, {"Environment": args.names.environment}, statistic)


def _requests(args: ObservabilityArgs) -> Iterator[Watch]:
    """By the load balancer, which needs nothing from the API, and by the API itself."""
    thresholds, environment = args.settings.requests, args.names.environment
    yield Watch(
        "errors",
        f"More than {thresholds.error_percent} % of the requests to {environment} fail",
        Expression(
            # The load balancer's own errors, for want of a target, are no requests of a target.
            f"IF(FILL(requests, 0) + FILL(refused, 0) >= {thresholds.least_requests}, "
            "100 * (FILL(failed, 0) + FILL(refused, 0)) "
            "/ (FILL(requests, 0) + FILL(refused, 0)), 0)",
            "Failed requests in percent",
            {
                "failed": _balancer_metric(args, "HTTPCode_Target_5XX_Count", "Sum"),
                "refused": _balancer_metric(args, "HTTPCode_ELB_5XX_Count", "Sum"),
                "requests": _balancer_metric(args, "RequestCount", "Sum"),
            },
        ),
        # No requests, no errors.
        Silence.FINE,
        above=thresholds.error_percent,
        seconds=60,
        periods=5,
        of=3,
        vital=True,
    )
    yield Watch(
        "latency",
        f"The slowest twentieth of the requests to {environment} takes more than "
        f"{thresholds.latency_milliseconds} ms",
        _balancer_metric(args, "TargetResponseTime", "p95"),
        # No requests, no waiting.
        Silence.FINE,
        above=thresholds.latency_milliseconds / 1000,
        seconds=60,
        periods=10,
        of=8,
        vital=True,
    )
    yield Watch(
        "api-errors",
        f"The API of {environment} reports that more than {thresholds.error_percent} % of what it "
        "does fails",
        _api_metric(args, "ErrorRate", "Average"),
        # Without requests the API has no rate to report; an API that is down is told of by the
        # load balancer.
        Silence.FINE,
        above=thresholds.error_percent,
        periods=2,
        name=args.names.alarm("HighErrorRate"),
        vital=True,
    )


def _service(args: ObservabilityArgs, service: str, described: ServiceOutputs) -> Iterator[Watch]:
    thresholds, name = args.settings.services, args.names.service(service)
    dimensions = {"ClusterName": described.cluster_name, "ServiceName": described.service_name}
    scaling = args.service_settings[service].scaling
    may_rest = 0 in (scaling.min_tasks, *(a.min_tasks for a in scaling.schedule.values()))
    yield Watch(
        f"{service}-running",
        f"{name} has fewer tasks than it should",
        Expression(
            "wanted - running",
            "Missing tasks",
            {
                "wanted": Metric("ECS/ContainerInsights", "DesiredTaskCount", dimensions),
                "running": Metric("ECS/ContainerInsights", "RunningTaskCount", dimensions),
            },
        ),
        # ECS reports nothing of a service without a running task: it is down, unless it is one
        # that may have none.
        Silence.FINE if may_rest else Silence.TROUBLE,
        above=0,
        seconds=60,
        # Longer than a task takes to start and become healthy.
        periods=10,
        vital=True,
    )
    for metric, label, percent in (
        ("CPUUtilization", "cpu", thresholds.cpu_percent),
        ("MemoryUtilization", "memory", thresholds.memory_percent),
    ):
        yield Watch(
            f"{service}-{label}",
            f"{name} uses more than {percent} % of its {label}, and scaling did not help",
            Metric("AWS/ECS", metric, dimensions),
            # A service without tasks uses nothing, and the alarm above tells of it.
            Silence.FINE,
            above=percent,
        )
    for number, target_group in enumerate(described.target_group_arn_suffixes, start=1):
        yield Watch(
            f"{service}-unhealthy-{number}",
            f"The load balancer finds tasks of {name} unhealthy",
            Metric(
                "AWS/ApplicationELB",
                "UnHealthyHostCount",
                {"LoadBalancer": args.load_balancer_arn_suffix, "TargetGroup": target_group},
                "Maximum",
            ),
            # The group of the other colour is empty between two deployments.
            Silence.FINE,
            above=0,
            seconds=60,
            periods=5,
        )


def _database_metric(identifier: pulumi.Input[str], name: str) -> Metric:
    return Metric("AWS/RDS", name, {"DBInstanceIdentifier": identifier})


def _database(
    args: ObservabilityArgs, label: str, identifier: pulumi.Input[str], *, vital: bool
) -> Iterator[Watch]:
    thresholds, settings = args.settings.database, args.database_settings
    what = f"{label} of {args.names.environment}"
    connections = settings.max_connections * thresholds.connection_percent // 100
    memory = INSTANCE_CLASS_MEMORY[settings.instance_class] * GIB
    yield Watch(
        f"{label}-cpu",
        f"The CPU of the {what} is busier than {thresholds.cpu_percent} %, or it does not answer",
        _database_metric(identifier, "CPUUtilization"),
        # RDS reports each minute, and of an instance that is down not at all. This alarm tells of
        # it for the others.
        Silence.TROUBLE,
        above=thresholds.cpu_percent,
        vital=vital,
    )
    yield Watch(
        f"{label}-connections",
        f"The {what} has more than {connections} connections, {thresholds.connection_percent} % of "
        f"{settings.max_connections}",
        _database_metric(identifier, "DatabaseConnections"),
        Silence.UNKNOWN,
        above=connections,
        periods=2,
        name=args.names.alarm("DatabaseConnections") if vital else None,
        vital=vital,
    )
    yield Watch(
        f"{label}-storage",
        f"The {what} has less than {thresholds.free_storage_gib} GiB left, and RDS adds none",
        _database_metric(identifier, "FreeStorageSpace"),
        Silence.UNKNOWN,
        below=thresholds.free_storage_gib * GIB,
        vital=vital,
    )
    yield Watch(
        f"{label}-memory",
        f"The {what} has less than {thresholds.free_memory_percent} % of its memory left",
        _database_metric(identifier, "FreeableMemory"),
        Silence.UNKNOWN,
        below=memory * thresholds.free_memory_percent // 100,
    )
    if settings.instance_class.startswith("db.t"):
        yield Watch(
            f"{label}-credits",
            f"The {what} has fewer than {thresholds.cpu_credits} CPU credits, and will be slow "
            "or paid by the hour without them",
            _database_metric(identifier, "CPUCreditBalance"),
            Silence.UNKNOWN,
            below=thresholds.cpu_credits,
        )
    else:
        yield Watch(
            f"{label}-io",
            f"The {what} has less than {thresholds.io_balance_percent} % of its I/O burst left",
            _database_metric(identifier, "EBSIOBalance%"),
            # Sizes whose I/O has no burst report none.
            Silence.FINE,
            below=thresholds.io_balance_percent,
        )


def _replica_lag(args: ObservabilityArgs, label: str, identifier: pulumi.Input[str]) -> Watch:
    seconds = args.settings.database.replica_lag_seconds
    return Watch(
        f"{label}-lag",
        f"{label} of {args.names.environment} is more than {seconds} seconds behind, or has lost "
        "its source",
        Expression(
            # RDS reports -1 where replication has stopped.
            f"IF(lag < 0, {seconds + 1}, lag)",
            "Seconds behind",
            {"lag": _database_metric(identifier, "ReplicaLag")},
        ),
        # A replica always reports how far behind it is.
        Silence.TROUBLE,
        above=seconds,
    )


def _cache_metric(args: ObservabilityArgs, number: int, name: str, statistic: str) -> Metric:
    return Metric(
        "AWS/ElastiCache", name, {"CacheClusterId": args.names.cache_node(number)}, statistic
    )


def _cache_node(args: ObservabilityArgs, number: int) -> Iterator[Watch]:
    thresholds, what = (
        args.settings.cache,
        f"Node {number} of the cache of {args.names.environment}",
    )
    yield Watch(
        f"cache-{number}-cpu",
        f"{what} is busier than {thresholds.engine_cpu_percent} %, or does not answer",
        _cache_metric(args, number, "EngineCPUUtilization", "Average"),
        # ElastiCache reports each minute, and of a node that is down not at all. This alarm tells
        # of it for the others.
        Silence.TROUBLE,
        above=thresholds.engine_cpu_percent,
        vital=True,
    )
    for label, metric, statistic, most, complaint in (
        (
            *("memory", "DatabaseMemoryUsagePercentage", "Average", thresholds.memory_percent),
            f"uses more than {thresholds.memory_percent} % of its memory",
        ),
        (
            *("evictions", "Evictions", "Sum", thresholds.evictions),
            f"evicts more than {thresholds.evictions} keys in five minutes, sessions among them",
        ),
        (
            *("connections", "CurrConnections", "Average", thresholds.connections),
            f"has more than {thresholds.connections} connections",
        ),
    ):
        yield Watch(
            f"cache-{number}-{label}",
            f"{what} {complaint}",
            _cache_metric(args, number, metric, statistic),
            Silence.UNKNOWN,
            above=most,
        )
    if args.cache_settings.nodes > 1:
        yield Watch(
            f"cache-{number}-lag",
            f"{what} is more than {thresholds.replication_lag_seconds} seconds behind the primary",
            _cache_metric(args, number, "ReplicationLag", "Average"),
            # The primary reports none, and after a failover that is another node.
            Silence.FINE,
            above=thresholds.replication_lag_seconds,
        )


def _nat_gateway(number: int, gateway: pulumi.Input[str]) -> Watch:
    return Watch(
        f"nat-{number}-ports",
        f"NAT gateway {number} has no port left for some connections, which fail",
        Metric("AWS/NATGateway", "ErrorPortAllocation", {"NatGatewayId": gateway}, "Sum"),
        # An error that is not counted did not happen; a gateway that is gone takes the tasks' way
        # to their images with it, and the services' alarms tell.
        Silence.FINE,
        above=0,
        periods=1,
    )


def _dead_letters(args: ObservabilityArgs) -> Watch:
    return _queue(
        "dead-letters",
        f"Events of {args.names.environment} reached nobody: read them in the queue, and find out "
        "why EventBridge could not tell the topic",
        args.dead_letter_name,
    )


def _queue(label: str, description: str, name: pulumi.Input[str]) -> Watch:
    """A queue that should be empty."""
    return Watch(
        label,
        description,
        Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, "Maximum"),
        # SQS stops reporting queues that nobody has used for six hours.
        Silence.FINE,
        above=0,
        periods=1,
    )


def _function(args: ObservabilityArgs, function: str, outputs: FunctionOutputs) -> Iterator[Watch]:
    name = args.names.function(function)
    yield Watch(
        f"{function}-errors",
        f"{name} failed; its log says at what",
        Metric("AWS/Lambda", "Errors", {"FunctionName": outputs.name}, "Sum"),
        # A function that does not run does not fail; of those that must, the heartbeat tells.
        Silence.FINE,
        above=0,
        periods=1,
    )
    yield _queue(
        f"{function}-dead-letters",
        f"Events that {name} failed at each time, or that did not reach it, are in its queue",
        outputs.dead_letter_name,
    )


def _backups(args: ObservabilityArgs) -> Watch:
    return Watch(
        "backups",
        f"No backup of {args.names.environment} was completed for a day",
        # AWS Backup developer guide, "AWS Backup metrics with CloudWatch".
        Metric(
            "AWS/Backup",
            "NumberOfBackupJobsCompleted",
            {"BackupVaultName": args.backup_vault_name},
            "Sum",
        ),
        # AWS Backup reports what it did, and nothing of what it did not.
        Silence.TROUBLE,
        below=1,
        seconds=DAY,
        periods=1,
    )


def _heartbeat(args: ObservabilityArgs, function: str, hours: int) -> Watch:
    return Watch(
        f"{function}-heartbeat",
        f"{args.names.function(function)} has not succeeded for {hours} hours",
        Metric(
            OPERATIONS_NAMESPACE,
            "Succeeded",
            {"Environment": args.names.environment, "Function": function},
            "Sum",
        ),
        # A function that does not run cannot say so.
        Silence.TROUBLE,
        below=1,
        seconds=HOUR,
        periods=hours,
    )


def _dashboard(args: ObservabilityArgs, alarm_arns: Sequence[pulumi.Output[str]]) -> dict[str, Any]:
    widgets: list[tuple[str, dict[str, Any]]] = [
        ("alarm", {"title": "Users notice", "alarms": list(alarm_arns)}),
        *(
            ("metric", _graph(args.region, title, metrics))
            for title, metrics in _graphs(args).items()
        ),
    ]
    return {
        "widgets": [
            {
                "type": kind,
                "x": index % WIDGETS_IN_A_ROW * WIDGET_WIDTH,
                "y": index // WIDGETS_IN_A_ROW * WIDGET_HEIGHT,
                "width": WIDGET_WIDTH,
                "height": WIDGET_HEIGHT,
                "properties": properties,
            }
            for index, (kind, properties) in enumerate(widgets)
        ]
    }


def _graph(region: str, title: str, metrics: Sequence[Metric]) -> dict[str, Any]:
    return {
        "title": title,
        "region": region,
        "view": "timeSeries",
        "period": 60,
        "metrics": [
            [
                metric.namespace,
                metric.name,
                *(part for pair in metric.dimensions.items() for part in pair),
                {"stat": metric.statistic},
            ]
            for metric in metrics
        ],
    }


def _graphs(args: ObservabilityArgs) -> dict[str, list[Metric]]:
    databases = [args.database_identifier, *args.database_replica_identifiers]
    nodes = range(1, args.cache_settings.nodes + 1)

    def of_services(namespace: str, *names: str) -> list[Metric]:
        return [
            Metric(
                namespace,
                name,
                {"ClusterName": service.cluster_name, "ServiceName": service.service_name},
            )
            for service in args.services.values()
            for name in names
        ]

    def of_databases(*names: str) -> list[Metric]:
        return [_database_metric(identifier, name) for identifier in databases for name in names]

    def of_nodes(name: str, statistic: str) -> list[Metric]:
        return [_cache_metric(args, number, name, statistic) for number in nodes]

    return {
        "Requests": [_balancer_metric(args, "RequestCount", "Sum")],
        "Failed requests": [
            _balancer_metric(args, "HTTPCode_Target_5XX_Count", "Sum"),
            _balancer_metric(args, "HTTPCode_ELB_5XX_Count", "Sum"),
        ],
        "Response time in seconds": [
            _balancer_metric(args, "TargetResponseTime", statistic)
            for statistic in ("p50", "p95", "p99")
        ],
        "Error rate of the API in percent": [_api_metric(args, "ErrorRate", "Average")],
        "Logins": [
            _api_metric(args, "AuthAttempts", "Sum"),
            _api_metric(args, "AuthFailures", "Sum"),
        ],
        "Response time of logins in milliseconds": [_api_metric(args, "AuthResponseTime", "p95")],
        "Tasks": of_services("ECS/ContainerInsights", "DesiredTaskCount", "RunningTaskCount"),
        "CPU and memory of tasks in percent": of_services(
            "AWS/ECS", "CPUUtilization", "MemoryUtilization"
        ),
        "CPU of databases in percent": of_databases("CPUUtilization"),
        f"Connections to databases, of {args.database_settings.max_connections}": of_databases(
            "DatabaseConnections"
        ),
        "Free storage and memory of databases in bytes": of_databases(
            "FreeStorageSpace", "FreeableMemory"
        ),
        "CPU and memory of the cache in percent": [
            *of_nodes("EngineCPUUtilization", "Average"),
            *of_nodes("DatabaseMemoryUsagePercentage", "Average"),
        ],
        "Evictions of the cache": of_nodes("Evictions", "Sum"),
        "Connections to the cache": of_nodes("CurrConnections", "Average"),
    }
