"""Shared file systems of tasks on the wire."""

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule


@Rule(
    name="task-volume-tls",
    description=(
        "Tasks reach shared file systems through TLS: files cross the network in clear otherwise."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_97"),),
    remediation="Set transitEncryption to ENABLED in the volume's efsVolumeConfiguration.",
).for_each("aws:ecs/taskDefinition:TaskDefinition")
def task_volume_tls(task: Checked) -> None:
    volumes = task.get("volumes") or ()
    for index in range(len(volumes)):
        with task.unknowns_noted():
            file_system = volumes[index].get("efsVolumeConfiguration")
            if file_system and file_system.get("transitEncryption") != "ENABLED":
                task.fails(
                    f"volumes[{index}].efsVolumeConfiguration.transitEncryption",
                    seen=file_system.get("transitEncryption") or "not set",
                    wanted="ENABLED",
                )
