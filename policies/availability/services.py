"""Services and their deployments."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Rule, Scope, Setting

_SERVICE: Final = "aws:ecs/service:Service"
_SCALING_TARGET: Final = "aws:appautoscaling/target:Target"


@Rule(
    name="service-task-count",
    description=(
        "Production's services run two tasks at least, and autoscaling leaves them: one task is"
        " one availability zone."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    settings=(
        Setting(
            "minimumTasks",
            "Fewest tasks that pass",
            2,
            {"type": "integer", "minimum": 1},
        ),
    ),
    remediation="Raise desiredCount of the service and minCapacity of its scaling target.",
).for_each(_SERVICE, _SCALING_TARGET)
def service_task_count(resource: Checked) -> None:
    minimum = resource.setting("minimumTasks")
    if resource.type == _SERVICE:
        # A daemon has one task for each instance.
        if resource.get("schedulingStrategy") != "DAEMON":
            resource.must_reach("desiredCount", minimum, unset=0)
    elif resource.get("serviceNamespace") == "ecs":
        resource.must_reach("minCapacity", minimum, unset=0)


@Rule(
    name="service-deployment-rollback",
    description=(
        "A deployment that fails takes itself back: the last good version returns without anybody"
        " being awake. A blue/green deployment may do so by alarms instead."
    ),
    severity=Severity.HIGH,
    remediation=(
        "Set enable and rollback of deploymentCircuitBreaker to true, or those of alarms for a"
        " blue/green deployment."
    ),
).for_each(_SERVICE)
def service_deployment_rollback(service: Checked) -> None:
    # Others deploy it, and take it back.
    controller = service.get("deploymentController") or {}
    if controller.get("type", "ECS") != "ECS" or _rolls_back(service, "deploymentCircuitBreaker"):
        return
    configuration = service.get("deploymentConfiguration") or {}
    is_rolling = configuration.get("strategy", "ROLLING") == "ROLLING"
    if is_rolling or not _rolls_back(service, "alarms"):
        service.fails(
            "deploymentCircuitBreaker",
            seen="without rollback",
            wanted="enable and rollback true" + ("" if is_rolling else ", or those of alarms"),
        )


def _rolls_back(service: Checked, property_name: str) -> bool:
    detection = service.get(property_name) or {}
    return detection.get("enable") is True and detection.get("rollback") is True
