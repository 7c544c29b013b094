"""What ECS clusters measure and record."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Scope

_CLUSTER: Final = "aws:ecs/cluster:Cluster"
_INSIGHTS: Final = "containerInsights"
_MEASURING: Final = ("enabled", "enhanced")


@Rule(
    name="cluster-container-insights",
    description=(
        "Clusters have Container Insights: CPU, memory and restarts of each task are measured"
        " nowhere else."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ECS.12"),
        Reference(Framework.CHECKOV, "CKV_AWS_65"),
    ),
    remediation="Add a setting containerInsights with the value enabled or enhanced.",
).for_each(_CLUSTER)
def cluster_container_insights(cluster: Checked) -> None:
    if not any(
        setting.get("name") == _INSIGHTS and setting.get("value") in _MEASURING
        for setting in cluster.get("settings") or ()
    ):
        cluster.fails("settings", seen="without containerInsights", wanted="enabled or enhanced")


@Rule(
    name="cluster-exec-logs",
    description=(
        "Clusters of production record in a log of their own what is typed in shells into tasks."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_223"),),
    remediation=(
        "Set configuration.executeCommandConfiguration with logging OVERRIDE and a"
        " logConfiguration."
    ),
).for_each(_CLUSTER)
def cluster_exec_logs(cluster: Checked) -> None:
    configuration = (cluster.get("configuration") or {}).get("executeCommandConfiguration") or {}
    path = "configuration.executeCommandConfiguration"
    if configuration.get("logging") != "OVERRIDE":
        cluster.fails(f"{path}.logging", seen=str(configuration.get("logging")), wanted="OVERRIDE")
        return
    logs = configuration.get("logConfiguration") or {}
    if not (logs.get("cloudWatchLogGroupName") or logs.get("s3BucketName")):
        cluster.fails(f"{path}.logConfiguration", seen="without destination", wanted="a log group")
