"""Tasks of ECS: what their containers may do, where they run, and what they are made of."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import Severity

from .documents import containers_of
from .kinds import LOG_GROUP, names
from .rule import Checked, Framework, Reference, Rule, Stack, any_of
from .secret_values import SECRET_NAMES, looks_secret

_TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
_SERVICES: Final = ("aws:ecs/service:Service", "aws:ecs/taskSet:TaskSet")
_ROLE: Final = "aws:iam/role:Role"
_CLUSTER: Final = "aws:ecs/cluster:Cluster"
_ROOT: Final = ("root", "0")
_TAG_OR_DIGEST: Final = re.compile(r":([\w][\w.-]*)$")
"""What an image's name ends with, after a registry's port at most."""


def _named(task: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each container with what a message calls it."""
    for container in containers_of(task):
        yield f"containerDefinitions[{container.get('name')}]", container


@Rule(
    name="container-read-only",
    description=(
        "Containers have a read-only root file system: an intruder can leave nothing there."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ECS.5"),
        Reference(Framework.CHECKOV, "CKV_AWS_336"),
    ),
    remediation="Set readonlyRootFilesystem to true; what must be written goes to a volume.",
).for_each(_TASK)
def container_read_only(task: Checked) -> None:
    for path, container in _named(task):
        if container.get("readonlyRootFilesystem") is not True:
            task.fails(f"{path}.readonlyRootFilesystem", seen="not true", wanted="true")


@Rule(
    name="container-unprivileged",
    description="No container is privileged: that is root on the machine below.",
    severity=Severity.CRITICAL,
    references=(Reference(Framework.FSBP, "ECS.4"),),
    remediation="Leave privileged out.",
).for_each(_TASK)
def container_unprivileged(task: Checked) -> None:
    for path, container in _named(task):
        if container.get("privileged"):
            task.fails(f"{path}.privileged", seen="true", wanted="false")


@Rule(
    name="container-user",
    description="Containers run as a user other than root, and say which.",
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "ECS.20"),),
    remediation="Set user to a numeric id, 1000:1000 for example.",
).for_each(_TASK)
def container_user(task: Checked) -> None:
    for path, container in _named(task):
        user = str(container.get("user") or "")
        if not user or user.split(":")[0] in _ROOT:
            task.fails(f"{path}.user", seen=user or "not set", wanted="a user other than root")


@Rule(
    name="container-no-plain-secrets",
    description=(
        "The environment of a container holds no secrets: whoever may describe the task reads"
        " them, and they stay in every old revision."
    ),
    severity=Severity.CRITICAL,
    references=(Reference(Framework.FSBP, "ECS.8"),),
    settings=(SECRET_NAMES,),
    remediation="Use the container's secrets, with the parameter's ARN as valueFrom.",
).for_each(_TASK)
def container_no_plain_secrets(task: Checked) -> None:
    for path, container in _named(task):
        for variable in container.get("environment") or ():
            name = str(variable.get("name"))
            if looks_secret(name, variable.get("value"), task.setting(SECRET_NAMES.name)):
                task.fails(
                    f"{path}.environment[{name}]",
                    seen="what looks like a secret",
                    wanted="an entry of secrets",
                )


@Rule(
    name="container-image-pinned",
    description=(
        "Images are named by digest or by a tag of their own: latest is another image tomorrow,"
        " so that nobody can say what runs, or go back to it."
    ),
    severity=Severity.MEDIUM,
    remediation="Name the image by digest, or by its version.",
).for_each(_TASK)
def container_image_pinned(task: Checked) -> None:
    for path, container in _named(task):
        tag = _TAG_OR_DIGEST.search(str(container.get("image")))
        if tag is None or tag[1] == "latest":
            task.fails(
                f"{path}.image",
                seen="without a tag" if tag is None else "tagged latest",
                wanted="a digest or a version",
            )


@Rule(
    name="container-logs",
    description=(
        "Containers write to a log group of the stack, with its retention and its key, and not"
        " nowhere or to one that somebody else has made."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.FSBP, "ECS.9"),),
    remediation="Set logConfiguration with awslogs and the name of the stack's log group.",
).for_stack()
def container_logs(stack: Stack) -> None:
    groups = stack.all(LOG_GROUP)
    for task in stack.owing(_TASK):
        with task.unknowns_noted():
            for path, container in _named(task):
                _check_logs(task, path, container.get("logConfiguration") or {}, groups)


def _check_logs(
    task: Checked, path: str, logging: Mapping[str, Any], groups: Sequence[Checked]
) -> None:
    if not logging.get("logDriver"):
        task.fails(f"{path}.logConfiguration", seen="missing", wanted="awslogs")
        return
    name = (logging.get("options") or {}).get("awslogs-group")
    if logging.get("logDriver") == "awslogs" and not any_of(
        groups, lambda group: group.get("name") == name
    ):
        task.fails(f"{path}.logConfiguration", seen=str(name), wanted="a log group of the stack")


@Rule(
    name="task-isolated",
    description=(
        "Tasks have a network interface and process space of their own: without, one container"
        " sees what others on the machine do."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ECS.17"),
        Reference(Framework.FSBP, "ECS.3"),
        Reference(Framework.CHECKOV, "CKV_AWS_335"),
    ),
    remediation="Set networkMode to awsvpc, and leave pidMode and ipcMode out.",
).for_each(_TASK)
def task_isolated(task: Checked) -> None:
    with task.unknowns_noted():
        mode = task.get("networkMode")
        if mode != "awsvpc":
            task.fails("networkMode", seen=str(mode), wanted="awsvpc")
    for name in ("pidMode", "ipcMode"):
        with task.unknowns_noted():
            if task.get(name) == "host":
                task.fails(name, seen="host", wanted="none or task")


@Rule(
    name="task-roles-apart",
    description=(
        "The application's role is not the role that starts its tasks: with that one, a broken"
        " application could read every secret of the task and pull every image."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_249"),),
    remediation="Give taskRoleArn a role of its own.",
).for_stack()
def task_roles_apart(stack: Stack) -> None:
    for task in stack.owing(_TASK):
        with task.unknowns_noted():
            if _same_role(task):
                task.fails("taskRoleArn", seen="the executionRoleArn too", wanted="another role")


def _same_role(task: Checked) -> bool:
    """At a preview the roles tell, since their ARNs are not known."""
    behind = [
        {
            resource.urn
            for resource in task.property_dependencies.get(name, ())
            if resource.resource_type == _ROLE
        }
        for name in ("taskRoleArn", "executionRoleArn")
    ]
    if all(len(roles) == 1 for roles in behind):
        return behind[0] == behind[1]
    role = task.get("taskRoleArn")
    return bool(role) and role == task.get("executionRoleArn")


@Rule(
    name="task-no-public-address",
    description="Tasks have no public address: clients reach them through the load balancer.",
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ECS.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_333"),
    ),
    remediation="Set networkConfiguration.assignPublicIp to false.",
).for_each(*_SERVICES)
def task_no_public_address(service: Checked) -> None:
    if (service.get("networkConfiguration") or {}).get("assignPublicIp"):
        service.fails("networkConfiguration.assignPublicIp", seen="true", wanted="false")


@Rule(
    name="task-platform-latest",
    description="Services run on Fargate's latest platform, which gets AWS's security patches.",
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ECS.10"),
        Reference(Framework.CHECKOV, "CKV_AWS_332"),
    ),
    remediation="Leave platformVersion out.",
).for_each(*_SERVICES)
def task_platform_latest(service: Checked) -> None:
    version = service.get("platformVersion")
    if version and version != "LATEST":
        service.fails("platformVersion", seen=str(version), wanted="LATEST")


@Rule(
    name="exec-audited",
    description=(
        "Shells into running tasks are possible only where the cluster encrypts and keeps what is"
        " typed."
    ),
    severity=Severity.HIGH,
    remediation=(
        "Leave enableExecuteCommand out, or give the cluster an executeCommandConfiguration with"
        " kmsKeyId, logging OVERRIDE and an encrypted destination."
    ),
).for_stack()
def exec_audited(stack: Stack) -> None:
    for service in stack.owing("aws:ecs/service:Service"):
        with service.unknowns_noted():
            if service.get("enableExecuteCommand") and not _is_audited(service, stack):
                service.fails(
                    "enableExecuteCommand",
                    seen="true in a cluster that keeps no encrypted record",
                    wanted="false, or such a record",
                )


def _is_audited(service: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(_CLUSTER),
        lambda cluster: names(service, "cluster", cluster) and _keeps_records(cluster),
    )


def _keeps_records(cluster: Checked) -> bool:
    """Whether the configuration is there; a key that comes later is a key."""
    configuration = (cluster.get("configuration") or {}).get("executeCommandConfiguration") or {}
    logs = configuration.get("logConfiguration") or {}
    return (
        "kmsKeyId" in set(configuration)
        and configuration.get("logging") == "OVERRIDE"
        and bool(logs.get("cloudWatchEncryptionEnabled") or logs.get("s3BucketEncryptionEnabled"))
    )
