"""One ECS service: an HTTP service behind the load balancer, or a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from components.cluster import capacity_strategy
from components.documents import service_trust
from components.naming import Names
from components.network import API_PORT
from components.roles import role_with_rights
from components.settings.cluster import CapacitySettings
from components.settings.services import DeploymentStrategy, HttpSettings, ServiceSettings
from components.task import SCRATCH_VOLUME, container_definition
from components.task_roles import program_statements, task_trust

# The two target groups of a service. Under `rolling` there is only the first.
COLOURS: Final = ("blue", "green")

# Priorities of a service's rules, inside its own hundred; those below 100 are the runbooks'.
PRIORITIES_PER_SERVICE: Final = 100
TEST_RULE: Final = 0
PRODUCTION_RULE: Final = 1
ROLLING_RULE: Final = 2

# Requests with this header reach the new version before everyone's do.
TEST_HEADER: Final = "X-Aussie-Markets-Version"
TEST_HEADER_VALUE: Final = "next"

# Seconds; longer than any request, shorter than a deployment has patience for.
DEREGISTRATION_SECONDS: Final = 30

# A new version rolls back when more than 5 % of its requests fail (deployment documentation,
# "Metrics and Alarms"); of fewer requests in a minute a single one would be too many percent.
ROLLBACK_ERROR_PERCENT: Final = 5
ROLLBACK_LEAST_REQUESTS: Final = 20
ALARM_PERIOD_SECONDS: Final = 60

# ECS developer guide, "Amazon ECS infrastructure IAM role for load balancers".
INFRASTRUCTURE_POLICY: Final = (
    "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
)

# Minutes that a service gets to become steady, on top of its bake time.
STEADY_MINUTES: Final = 30


class ListenerAccess(NamedTuple):
    """What an HTTP service needs of the load balancer."""

    listener_arn: pulumi.Input[str]
    arn_suffix: pulumi.Input[str]
    vpc_id: pulumi.Input[str]


@dataclass(frozen=True)
class ServiceArgs:
    """Inputs of `Service`.

    `service` is its short name, such as `api`. `image` is the released one; None is none so far,
    and starts the bootstrap image. `parameter_arns` are those of all parameters by the last part
    of their name, encrypted with `parameters_key_arn`. `log_key_arn` encrypts the service's log:
    its policy must admit CloudWatch Logs for `names.service_log_group(...)`.
    `written_log_group_arns` are those that the program itself may write.
    `listener` is needed where the settings have an `http` section.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    service: str
    settings: ServiceSettings
    image: pulumi.Input[str | None]
    repository_arn: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    capacity: CapacitySettings
    subnet_ids: pulumi.Input[Sequence[str]]
    security_group_id: pulumi.Input[str]
    listener: ListenerAccess | None
    parameter_arns: Mapping[str, pulumi.Input[str]]
    parameters_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    written_log_group_arns: Sequence[pulumi.Input[str]]


class ServiceOutputs(NamedTuple):
    """What runbooks, alarms and the pipeline need to know about a service."""

    service_name: pulumi.Output[str]
    cluster_name: pulumi.Output[str]
    task_family: pulumi.Output[str]
    container_name: str
    log_group_name: pulumi.Output[str]
    execution_role_arn: pulumi.Output[str]
    task_role_arn: pulumi.Output[str]
    min_tasks: int
    max_tasks: int
    target_group_arns: Sequence[pulumi.Output[str]]
    """Of a worker none, else the first one's first."""
    target_group_arn_suffixes: Sequence[pulumi.Output[str]]
    """The dimension `TargetGroup` of their metrics."""
    rollback_alarm_names: Sequence[pulumi.Output[str]]


class _Routing(NamedTuple):
    """What connects a service to the load balancer."""

    target_groups: Sequence[aws.lb.TargetGroup]
    load_balancers: Sequence[aws.ecs.ServiceLoadBalancerArgs]
    alarms: Sequence[aws.cloudwatch.MetricAlarm]
    before_service: Sequence[pulumi.Resource]


class Service(pulumi.ComponentResource):
    """`aussie-markets:service:Service`: tasks of one image, kept running and replaced safely.

    - `aws.cloudwatch.LogGroup`: what the tasks print.
    - `aws.iam.Role`, `aws.iam.RolePolicy` twice. ECS's own: pull this repository, read exactly
      these parameters, write this log. The program's: the API's metrics, and the security and
      audit log.
    - `aws.ecs.TaskDefinition`: one container without root, on a read-only file system but /tmp.
    - `aws.lb.TargetGroup`, `aws.lb.ListenerRule`, `aws.cloudwatch.MetricAlarm` of an HTTP service:
      one group and rule, and by `blue_green` a second group, a production and a test rule, and
      `aws.iam.Role` with which ECS shifts the traffic. The alarms are for ECS, which then rolls
      back, and not for people: those of the platform look at the same metrics.
    - `aws.ecs.Service`.
    - `aws.appautoscaling.Target`, `aws.appautoscaling.Policy` for CPU and memory, and
      `aws.appautoscaling.ScheduledAction` by setting.

    Both strategies can follow each other in place. Each has listener rules of its own, since ECS
    changes those of `blue_green` behind Pulumi's back: the new ones are made first, then the
    service moves, and the old ones go once it is steady.
    """

    described: ServiceOutputs

    def __init__(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:service:Service", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._settings = args.settings
        self._child = pulumi.ResourceOptions(parent=self)
        self._secret_arns = self._arns_of_secrets()

        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=args.names.service_log_group(args.service),
            retention_in_days=args.settings.log_retention_days,
            kms_key_id=args.log_key_arn,
            opts=self._child,
        )
        execution_role, execution_policy = self._role(
            "exec", "Starts tasks", self._execution_statements(log_group)
        )
        task_role, task_policy = self._role(
            "task", "Runs in tasks", program_statements(args.written_log_group_arns)
        )
        task = self._task_definition(log_group, execution_role, task_role)
        routing = self._routing()
        service = self._service(task, routing, [execution_policy, task_policy])
        if self._settings.scaling.autoscaling:
            self._autoscaling(service)

        scaling = self._settings.scaling
        self.described = ServiceOutputs(
            service_name=service.name,
            cluster_name=pulumi.Output.from_input(args.cluster_name),
            task_family=task.family,
            container_name=args.service,
            log_group_name=log_group.name,
            execution_role_arn=execution_role.arn,
            task_role_arn=task_role.arn,
            min_tasks=scaling.min_tasks,
            max_tasks=scaling.max_tasks if scaling.autoscaling else scaling.min_tasks,
            target_group_arns=[group.arn for group in routing.target_groups],
            target_group_arn_suffixes=[group.arn_suffix for group in routing.target_groups],
            rollback_alarm_names=[alarm.name for alarm in routing.alarms],
        )
        self.register_outputs(self.described._asdict())

    @property
    def _blue_green(self) -> bool:
        return self._settings.deployment.strategy is DeploymentStrategy.BLUE_GREEN

    def _arns_of_secrets(self) -> dict[str, pulumi.Input[str]]:
        known = self._args.parameter_arns
        unknown = sorted(set(self._settings.secrets.values()) - known.keys())
        if unknown:
            raise pulumi.RunError(
                f"aussie-markets:services.{self._args.service}.secrets: there is no parameter "
                f"{', '.join(unknown)}; allowed: {', '.join(sorted(known))}"
            )
        return {
            variable: known[label] for variable, label in sorted(self._settings.secrets.items())
        }

    def _role(
        self, label: str, description: str, statements: Sequence[Mapping[str, Any]]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        args = self._args
        return role_with_rights(
            f"{self._name_prefix}-{label}",
            f"{description} of {args.names.service(args.service)}",
            task_trust(args.region, args.account_id),
            statements,
            self._child,
        )

    def _execution_statements(self, log_group: aws.cloudwatch.LogGroup) -> list[dict[str, Any]]:
        statements: list[dict[str, Any]] = [
            {
                "Sid": "Log",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": pulumi.Output.concat(log_group.arn, ":*"),
            },
            {
                # The action knows no resources.
                "Sid": "LogIntoRegistry",
                "Effect": "Allow",
                "Action": "ecr:GetAuthorizationToken",
                "Resource": "*",
            },
            {
                "Sid": "PullImage",
                "Effect": "Allow",
                "Action": [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                "Resource": self._args.repository_arn,
            },
        ]
        if self._secret_arns:
            arns = [self._secret_arns[variable] for variable in self._secret_arns]
            statements += [
                {
                    "Sid": "ReadSecrets",
                    "Effect": "Allow",
                    "Action": "ssm:GetParameters",
                    "Resource": arns,
                },
                {
                    # Systems Manager user guide, "Parameter Store encryption context".
                    "Sid": "DecryptSecrets",
                    "Effect": "Allow",
                    "Action": "kms:Decrypt",
                    "Resource": self._args.parameters_key_arn,
                    "Condition": {
                        "StringEquals": {
                            "kms:ViaService": f"ssm.{self._args.region}.amazonaws.com",
                            "kms:EncryptionContext:PARAMETER_ARN": arns,
                        }
                    },
                },
            ]
        return statements

    def _task_definition(
        self,
        log_group: aws.cloudwatch.LogGroup,
        execution_role: aws.iam.Role,
        task_role: aws.iam.Role,
    ) -> aws.ecs.TaskDefinition:
        args, settings = self._args, self._settings
        container = pulumi.Output.all(
            image=args.image, secrets=self._secret_arns, log_group=log_group.name
        ).apply(
            lambda known: container_definition(
                args.service, args.names.environment, settings, region=args.region, **known
            )
        )
        return aws.ecs.TaskDefinition(
            f"{self._name_prefix}-task",
            family=args.names.service(args.service),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(settings.cpu),
            memory=str(settings.memory_mib),
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                operating_system_family="LINUX", cpu_architecture=settings.architecture
            ),
            execution_role_arn=execution_role.arn,
            task_role_arn=task_role.arn,
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name=SCRATCH_VOLUME)],
            container_definitions=pulumi.Output.json_dumps([container]),
            opts=self._child,
        )

    def _routing(self) -> _Routing:
        http, listener = self._settings.http, self._args.listener
        if http is None:
            return _Routing([], [], [], [])
        if listener is None:
            raise ValueError(f"{self._args.service} has an http section, and so needs a listener")
        colours = COLOURS if self._blue_green else COLOURS[:1]
        groups = [self._target_group(colour, http, listener) for colour in colours]
        alarms = [
            alarm
            for colour, group in zip(colours, groups, strict=True)
            for alarm in self._rollback_alarms(colour, group, listener)
        ]
        first = groups[0]
        if not self._blue_green:
            rule = aws.lb.ListenerRule(
                f"{self._name_prefix}-rolling",
                listener_arn=listener.listener_arn,
                priority=http.order * PRIORITIES_PER_SERVICE + ROLLING_RULE,
                conditions=_conditions(http),
                actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=first.arn)],
                opts=self._child,
            )
            attached = aws.ecs.ServiceLoadBalancerArgs(
                container_name=self._args.service,
                container_port=API_PORT,
                target_group_arn=first.arn,
            )
            return _Routing(groups, [attached], alarms, [rule])

        second = groups[1]
        # ECS owns the weights after the first deployment.
        shifted = pulumi.ResourceOptions(parent=self, ignore_changes=["actions"])
        production = aws.lb.ListenerRule(
            f"{self._name_prefix}-production",
            listener_arn=listener.listener_arn,
            priority=http.order * PRIORITIES_PER_SERVICE + PRODUCTION_RULE,
            conditions=_conditions(http),
            actions=[_forward({first: 100, second: 0})],
            opts=shifted,
        )
        # A header on the same listener: no further port is open, and none needs a certificate.
        test = aws.lb.ListenerRule(
            f"{self._name_prefix}-test",
            listener_arn=listener.listener_arn,
            priority=http.order * PRIORITIES_PER_SERVICE + TEST_RULE,
            conditions=[
                *_conditions(http),
                aws.lb.ListenerRuleConditionArgs(
                    http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(
                        http_header_name=TEST_HEADER, values=[TEST_HEADER_VALUE]
                    )
                ),
            ],
            actions=[_forward({first: 0, second: 100})],
            opts=shifted,
        )
        role, attachment = self._infrastructure_role()
        attached = aws.ecs.ServiceLoadBalancerArgs(
            container_name=self._args.service,
            container_port=API_PORT,
            target_group_arn=first.arn,
            advanced_configuration=aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs(
                alternate_target_group_arn=second.arn,
                production_listener_rule=production.arn,
                test_listener_rule=test.arn,
                role_arn=role.arn,
            ),
        )
        return _Routing(groups, [attached], alarms, [production, test, attachment])

    def _target_group(
        self, colour: str, http: HttpSettings, listener: ListenerAccess
    ) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            # Short, since the name that Pulumi makes of it may have 32 characters.
            f"{self._args.service}-{colour}",
            target_type="ip",
            protocol="HTTP",
            port=API_PORT,
            vpc_id=listener.vpc_id,
            deregistration_delay=DEREGISTRATION_SECONDS,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                protocol="HTTP",
                path=http.health_path,
                matcher="200",
                interval=15,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            opts=self._child,
        )

    def _rollback_alarms(
        self, colour: str, group: aws.lb.TargetGroup, listener: ListenerAccess
    ) -> list[aws.cloudwatch.MetricAlarm]:
        service = self._args.names.service(self._args.service)
        dimensions: Mapping[str, pulumi.Input[str]] = {
            "LoadBalancer": listener.arn_suffix,
            "TargetGroup": group.arn_suffix,
        }

        def count(query: str, metric: str) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
            return aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=query,
                return_data=False,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace="AWS/ApplicationELB",
                    metric_name=metric,
                    dimensions=dimensions,
                    period=ALARM_PERIOD_SECONDS,
                    stat="Sum",
                ),
            )

        errors = aws.cloudwatch.MetricAlarm(
            f"{self._name_prefix}-errors-{colour}",
            alarm_description=f"ECS rolls a deployment of {service} back: its requests fail",
            comparison_operator="GreaterThanThreshold",
            threshold=ROLLBACK_ERROR_PERCENT,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            # No requests, no errors.
            treat_missing_data="notBreaching",
            metric_queries=[
                aws.cloudwatch.MetricAlarmMetricQueryArgs(
                    id="percent",
                    label="Failed requests in percent",
                    expression=f"IF(requests >= {ROLLBACK_LEAST_REQUESTS}, "
                    "100 * FILL(errors, 0) / requests, 0)",
                    return_data=True,
                ),
                count("errors", "HTTPCode_Target_5XX_Count"),
                count("requests", "RequestCount"),
            ],
            opts=self._child,
        )
        unhealthy = aws.cloudwatch.MetricAlarm(
            f"{self._name_prefix}-unhealthy-{colour}",
            alarm_description=f"ECS rolls a deployment of {service} back: tasks are not healthy",
            namespace="AWS/ApplicationELB",
            metric_name="UnHealthyHostCount",
            dimensions=dimensions,
            statistic="Maximum",
            period=ALARM_PERIOD_SECONDS,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            evaluation_periods=3,
            datapoints_to_alarm=3,
            # An empty group has no tasks that are not healthy.
            treat_missing_data="notBreaching",
            opts=self._child,
        )
        return [errors, unhealthy]

    def _infrastructure_role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicyAttachment]:
        # Without the conditions of other roles: AWS documents none here, so ECS may not send what
        # they compare, and traffic could then not be shifted.
        role = aws.iam.Role(
            f"{self._name_prefix}-infra",
            description=f"Shifts traffic of {self._args.names.service(self._args.service)}",
            assume_role_policy=pulumi.Output.json_dumps(service_trust("ecs.amazonaws.com")),
            opts=self._child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{self._name_prefix}-infra",
            role=role.name,
            policy_arn=INFRASTRUCTURE_POLICY,
            opts=self._child,
        )
        return role, attachment

    def _service(
        self,
        task: aws.ecs.TaskDefinition,
        routing: _Routing,
        policies: Sequence[aws.iam.RolePolicy],
    ) -> aws.ecs.Service:
        args, settings = self._args, self._settings
        deployment, http = settings.deployment, settings.http
        bake_minutes = deployment.bake_minutes if self._blue_green else 0
        shares = capacity_strategy(settings.capacity or args.capacity)
        return aws.ecs.Service(
            f"{self._name_prefix}-service",
            name=args.names.service(args.service),
            cluster=args.cluster_arn,
            task_definition=task.arn,
            desired_count=settings.scaling.min_tasks,
            capacity_provider_strategies=[
                aws.ecs.ServiceCapacityProviderStrategyArgs(**vars(share)) for share in shares
            ],
            # Without it the provider replaces the service when its strategy changes.
            force_new_deployment=True,
            deployment_controller=aws.ecs.ServiceDeploymentControllerArgs(type="ECS"),
            deployment_configuration=aws.ecs.ServiceDeploymentConfigurationArgs(
                strategy=deployment.strategy.name,
                bake_time_in_minutes=str(bake_minutes) if self._blue_green else None,
            ),
            deployment_minimum_healthy_percent=100,
            # Rebalancing between zones needs room above 100.
            deployment_maximum_percent=200,
            availability_zone_rebalancing="ENABLED",
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(
                enable=True, rollback=True
            ),
            # With both strategies: the provider cannot take them away from a service again.
            alarms=aws.ecs.ServiceAlarmsArgs(
                enable=True,
                rollback=True,
                alarm_names=[alarm.name for alarm in routing.alarms],
            )
            if routing.alarms
            else None,
            load_balancers=routing.load_balancers,
            health_check_grace_period_seconds=http.health_grace_seconds if http else None,
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=args.subnet_ids,
                security_groups=[args.security_group_id],
                assign_public_ip=False,
            ),
            # It does not work on a read-only file system; debug tasks are separate.
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            # A deployment that ECS rolled back is an error, and what the previous strategy needs
            # goes only when nothing uses it any more.
            wait_for_steady_state=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Tasks need their rights, and ECS refuses target groups that no rule uses.
                depends_on=[*policies, *routing.before_service],
                # Autoscaling owns it.
                ignore_changes=["desiredCount"] if settings.scaling.autoscaling else None,
                # Runbooks and metrics know it by its name; two cannot coexist.
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{STEADY_MINUTES}m", update=f"{STEADY_MINUTES + bake_minutes}m"
                ),
            ),
        )

    def _autoscaling(self, service: aws.ecs.Service) -> None:
        scaling = self._settings.scaling
        target = aws.appautoscaling.Target(
            f"{self._name_prefix}-scaling",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            # From the service's output: ECS drops the target with a service that is replaced, so
            # that it must be replaced too.
            resource_id=pulumi.Output.concat(
                "service/", self._args.cluster_name, "/", service.name
            ),
            min_capacity=scaling.min_tasks,
            max_capacity=scaling.max_tasks,
            opts=self._child,
        )
        for label, metric, percent in (
            ("cpu", "ECSServiceAverageCPUUtilization", scaling.cpu_percent),
            ("memory", "ECSServiceAverageMemoryUtilization", scaling.memory_percent),
        ):
            aws.appautoscaling.Policy(
                f"{self._name_prefix}-{label}",
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    predefined_metric_specification=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type=metric
                    ),
                    target_value=percent,
                    scale_out_cooldown=scaling.cooldown_seconds,
                    scale_in_cooldown=scaling.cooldown_seconds,
                ),
                opts=self._child,
            )
        for label, action in sorted(scaling.schedule.items()):
            aws.appautoscaling.ScheduledAction(
                f"{self._name_prefix}-{label}",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                schedule=f"cron({action.cron})",
                timezone=action.time_zone,
                scalable_target_action=aws.appautoscaling.ScheduledActionScalableTargetActionArgs(
                    min_capacity=action.min_tasks, max_capacity=action.max_tasks
                ),
                opts=self._child,
            )


def _conditions(http: HttpSettings) -> list[aws.lb.ListenerRuleConditionArgs]:
    conditions = [
        aws.lb.ListenerRuleConditionArgs(
            path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=list(http.paths))
        )
    ]
    if http.hosts:
        conditions.append(
            aws.lb.ListenerRuleConditionArgs(
                host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=list(http.hosts))
            )
        )
    return conditions


def _forward(weights: Mapping[aws.lb.TargetGroup, int]) -> aws.lb.ListenerRuleActionArgs:
    return aws.lb.ListenerRuleActionArgs(
        type="forward",
        forward=aws.lb.ListenerRuleActionForwardArgs(
            target_groups=[
                aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=group.arn, weight=weight)
                for group, weight in weights.items()
            ]
        ),
    )
