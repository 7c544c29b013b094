"""The ECS cluster."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.naming import Names
from components.settings.cluster import CapacitySettings, ClusterSettings

CAPACITY_PROVIDERS: Final = ("FARGATE", "FARGATE_SPOT")


@dataclass(frozen=True)
class Share:
    """What one capacity provider gets of a service's tasks: `base` of them, then by `weight`."""

    capacity_provider: str
    base: int
    weight: int


def capacity_strategy(capacity: CapacitySettings) -> list[Share]:
    """The strategy that ECS takes; only one provider may have a base."""
    shares = [Share("FARGATE", capacity.base, capacity.fargate_weight)]
    if capacity.spot_weight:
        shares.append(Share("FARGATE_SPOT", 0, capacity.spot_weight))
    return shares


@dataclass(frozen=True)
class ClusterArgs:
    """Inputs of `Cluster`.

    `log_key_arn` encrypts the log groups: its policy must admit CloudWatch Logs for
    `names.log_group(...)` and `names.insights_log_group`. `session_key_arn` encrypts what debug
    sessions and their tasks send to each other; who uses it needs rights by IAM.
    """

    names: Names
    settings: ClusterSettings
    log_key_arn: pulumi.Input[str]
    session_key_arn: pulumi.Input[str]


class Cluster(pulumi.ComponentResource):
    """`aussie-markets:cluster:Cluster`: where tasks run.

    - `aws.cloudwatch.LogGroup` for the metrics of Container Insights, made before the cluster, or
      ECS makes it without retention and key; and for what is typed in debug sessions.
    - `aws.ecs.Cluster`: Container Insights; debug sessions encrypted and logged.
    - `aws.ecs.ClusterCapacityProviders`: Fargate, by setting with spot capacity.
    """

    arn: pulumi.Output[str]
    """Known once the capacity providers are there, which services name."""
    name: pulumi.Output[str]
    exec_log_group_name: pulumi.Output[str]
    """What is typed and answered in debug sessions."""
    exec_log_group_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:cluster:Cluster", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        insights, sessions = (
            aws.cloudwatch.LogGroup(
                f"{name}-{label}",
                name=group,
                retention_in_days=settings.log_retention_days,
                kms_key_id=args.log_key_arn,
                opts=child,
            )
            for label, group in (
                ("insights", names.insights_log_group),
                ("exec", names.log_group("exec")),
            )
        )
        cluster = aws.ecs.Cluster(
            f"{name}-cluster",
            name=names.cluster,
            settings=[
                aws.ecs.ClusterSettingArgs(
                    name="containerInsights",
                    value="enhanced" if settings.enhanced_insights else "enabled",
                )
            ],
            configuration=aws.ecs.ClusterConfigurationArgs(
                execute_command_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs(
                    kms_key_id=args.session_key_arn,
                    logging="OVERRIDE",
                    log_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationLogConfigurationArgs(
                        cloud_watch_encryption_enabled=True,
                        cloud_watch_log_group_name=sessions.name,
                    ),
                )
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[insights],
                # Runbooks know it by its name; two cannot coexist.
                delete_before_replace=True,
            ),
        )
        providers = aws.ecs.ClusterCapacityProviders(
            f"{name}-capacity",
            cluster_name=cluster.name,
            capacity_providers=list(CAPACITY_PROVIDERS),
            default_capacity_provider_strategies=[
                aws.ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArgs(**vars(share))
                for share in capacity_strategy(settings.capacity)
            ],
            opts=child,
        )
        self.arn = pulumi.Output.all(cluster.arn, providers.cluster_name).apply(
            lambda known: str(known[0])
        )
        self.name = providers.cluster_name
        self.exec_log_group_name = sessions.name
        self.exec_log_group_arn = sessions.arn
        self.register_outputs(
            {
                "arn": self.arn,
                "name": self.name,
                "exec_log_group_name": self.exec_log_group_name,
                "exec_log_group_arn": self.exec_log_group_arn,
            }
        )
