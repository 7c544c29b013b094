"""An ECS service: what it runs, deployments and how they end, one-off tasks of its definition."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from operations.aws import is_aws_failure, or_none
from operations.errors import OperationError
from operations.steps import Context

# What describing a task definition adds to what registering one takes.
_DESCRIBED: Final = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
)

# Longer than the program gives a service: the longest bake time that people choose is an hour.
_DEPLOYMENT_MINUTES: Final = 120

# RunTask's reference: what it did may take up to some minutes to be seen.
_LOOKS: Final = 13
_LOOK_SECONDS: Final = 10

# Events of a service that an error shows; the newest say why tasks do not start.
_EVENTS_SHOWN: Final = 3


def require_service(context: Context, service: str = "api") -> Mapping[str, Any]:
    """The service as ECS describes it. A missing one is no error of ECS but a "failure"."""
    platform = context.platform
    name = platform.service(service)
    ecs = context.aws.client("ecs")
    answer = or_none(
        lambda: ecs.describe_services(cluster=platform.cluster, services=[name]),
        "ClusterNotFoundException",
    )
    found = [one for one in (answer or {}).get("services", ()) if one["status"] == "ACTIVE"]
    if not found:
        raise OperationError(
            f"there is no service {name} in {platform.cluster}, {context.aws.region}: check "
            "--stack, --region and --profile, or run `pulumi up`"
        )
    described: Mapping[str, Any] = found[0]
    return described


def task_definition(context: Context, arn: str) -> Mapping[str, Any]:
    ecs = context.aws.client("ecs")
    definition: Mapping[str, Any] = ecs.describe_task_definition(taskDefinition=arn)[
        "taskDefinition"
    ]
    return definition


def running_image(context: Context, service: str) -> str:
    """The image of the task definition that the service's primary deployment has."""
    definition = task_definition(
        context, _primary(require_service(context, service))["taskDefinition"]
    )
    return str(_container(definition, service)["image"])


def redeploy(context: Context, service: str, least: int = 0) -> None:
    """Replace all tasks by new ones of the same definition, which read the parameters anew.

    Fewer than `least` become as many.
    """
    present = require_service(context, service)["desiredCount"] if least else 0
    context.aws.client("ecs").update_service(
        cluster=context.platform.cluster,
        service=context.platform.service(service),
        forceNewDeployment=True,
        **({"desiredCount": least} if present < least else {}),
    )


def wait_for_deployment(context: Context, service: str) -> None:
    """Wait until the service's deployment is over.

    Raises:
        OperationError: it failed, with what ECS says.
    """
    name = context.platform.service(service)
    phases = Phases(context, service)

    def over() -> bool:
        phases.tell()
        described = require_service(context, service)
        primary = _primary(described)
        if primary.get("rolloutState") == "FAILED":
            raise OperationError(
                f"the deployment of {name} failed: {primary.get('rolloutStateReason')}"
                + _events(described)
            )
        # Services of other deployment controllers have no such state.
        return bool(primary.get("rolloutState", "COMPLETED") == "COMPLETED")

    context.wait(over, what=f"deployment of {name}", minutes=_DEPLOYMENT_MINUTES)


def judge_deployment(context: Context, service: str, image: str) -> None:
    """Wait until the deployment is over, and check that it is this image's.

    A deployment that ECS rolled back is steady and complete too: only what runs in the end tells.

    Raises:
        OperationError: it failed, or something else runs.
    """
    wait_for_deployment(context, service)
    running = running_image(context, service)
    if running != image:
        raise OperationError(
            f"{context.platform.service(service)} runs {running} and not {image}: ECS rolled the "
            "deployment back, or it was never begun" + _events(require_service(context, service))
        )


class Phases:
    """Tells the phases of a service's newest deployment, each once."""

    def __init__(self, context: Context, service: str) -> None:
        self._context, self._service = context, service
        self._told = ""
        self._known = True

    def tell(self) -> None:
        """Phases are for the eye: where they cannot be read, that is said once."""
        if not self._known:
            return
        try:
            phase = self._phase()
        except Exception as error:
            if not is_aws_failure(error):
                raise
            self._known = False
            # What is no AWS may answer with a whole page.
            reason = str(error).partition("\n")[0]
            self._context.console.say(f"the deployment's phases cannot be shown: {reason}")
            return
        if phase not in ("", self._told):
            self._told = phase
            self._context.console.say(f"deployment: {phase}")

    def _phase(self) -> str:
        ecs, platform = self._context.aws.client("ecs", attempts=1), self._context.platform
        newest = ecs.list_service_deployments(
            cluster=platform.cluster, service=platform.service(self._service), maxResults=1
        )["serviceDeployments"]
        if not newest:
            return ""
        (deployment,) = ecs.describe_service_deployments(
            serviceDeploymentArns=[newest[0]["serviceDeploymentArn"]]
        )["serviceDeployments"]
        words = (
            deployment["status"],
            deployment.get("lifecycleStage"),
            deployment.get("statusReason"),
        )
        return ", ".join(word for word in words if word)


def register_copy(
    context: Context,
    service: str,
    purpose: str,
    *,
    container: Mapping[str, Any],
    without: Sequence[str] = (),
    **changes: Any,
) -> str:
    """Register a task definition like the service's under a family of its own; its ARN.

    The service's own family is the program's. `container` replaces entries of the service's
    container, `without` leaves some out, `changes` are of the whole definition.
    """
    original = task_definition(context, require_service(context, service)["taskDefinition"])
    kept = {key: value for key, value in original.items() if key not in _DESCRIBED}
    first = {k: v for k, v in _container(original, service).items() if k not in without}
    others = [one for one in original["containerDefinitions"] if one["name"] != service]
    copy = {
        **kept,
        "family": f"{context.platform.service(service)}-{purpose}",
        "containerDefinitions": [{**first, **container}, *others],
        **changes,
    }
    registered = context.aws.client("ecs").register_task_definition(**copy)
    return str(registered["taskDefinition"]["taskDefinitionArn"])


def run_one_task(
    context: Context, service: str, definition: str, purpose: str, token: str, **how: Any
) -> str:
    """Start one task in the service's network; its ARN. The same token starts no second one."""
    answer = context.aws.client("ecs").run_task(
        cluster=context.platform.cluster,
        taskDefinition=definition,
        # A spot task may end in the middle of what it does.
        launchType="FARGATE",
        count=1,
        networkConfiguration=require_service(context, service)["networkConfiguration"],
        startedBy=f"operations-{purpose}",
        clientToken=token,
        propagateTags="TASK_DEFINITION",
        **how,
    )
    if not answer["tasks"]:
        reasons = "; ".join(failure.get("reason", "unknown") for failure in answer["failures"])
        raise OperationError(f"ECS could not start the task: {reasons}")
    return str(answer["tasks"][0]["taskArn"])


def running_tasks(context: Context, purpose: str) -> list[str]:
    """The one-off tasks of that purpose that have not ended, those of earlier runs included."""
    ecs, cluster = context.aws.client("ecs"), context.platform.cluster
    listed = ecs.get_paginator("list_tasks").paginate(
        # ECS takes no other filter beside the starter, and lists the running ones by itself.
        cluster=cluster,
        startedBy=f"operations-{purpose}",
    )
    running: list[str] = []
    for page in listed:
        # A page is as much as one description takes; the list may be older than the task's end, and
        # the description not know yet of its start.
        if arns := page["taskArns"]:
            described = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
            ended = {task["taskArn"] for task in described if task["lastStatus"] == "STOPPED"}
            running += [arn for arn in arns if arn not in ended]
    return running


def describe_task(context: Context, task: str) -> Mapping[str, Any]:
    """The task as ECS describes it.

    ECS is eventually consistent: one that runs may be missing for a while, after its start above
    all. Only one that stays missing is gone.
    """
    ecs, cluster = context.aws.client("ecs"), context.platform.cluster
    for look in range(_LOOKS):
        if look:
            context.sleep(_LOOK_SECONDS)
        found: Sequence[Mapping[str, Any]] = ecs.describe_tasks(cluster=cluster, tasks=[task])[
            "tasks"
        ]
        if found:
            return found[0]
    raise OperationError(f"task {task} is gone; ECS forgets tasks an hour after their end")


def _container(definition: Mapping[str, Any], service: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        one for one in definition["containerDefinitions"] if one["name"] == service
    )
    return found


def _primary(described: Mapping[str, Any]) -> Mapping[str, Any]:
    primary: Mapping[str, Any] = next(
        one for one in described["deployments"] if one["status"] == "PRIMARY"
    )
    return primary


def _events(described: Mapping[str, Any]) -> str:
    messages = [event["message"] for event in described.get("events", ())[:_EVENTS_SHOWN]]
    return "".join(f"\n    {message}" for message in messages)
