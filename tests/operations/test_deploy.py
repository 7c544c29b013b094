"""Releases: written, brought about by Pulumi, judged by what runs in the end, and taken back."""

from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions
import pytest

from operations import deploy, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.steps import Context
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.killed import KilledAfterEachChange
from tests.operations.stack import (
    PulumiState,
    make_network,
    make_service,
    push_image,
    released,
    run_program,
    watched,
)
from tests.unit.test_rights import arn, deploys

AUDIT_GROUP = "/aussie-markets/staging/audit"
RELEASE = "/aussie-markets/staging/release/api-image"


def set_maintenance(aws: Aws, value: str) -> None:
    aws.client("ssm").put_parameter(
        Name="/aussie-markets/staging/maintenance-mode", Value=value, Type="String", Overwrite=True
    )


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the program does about a release, in the place of `pulumi up`; its runs."""
    runs: list[str] = []

    def update(context: Context, meanwhile: Callable[[], None]) -> None:
        runs.append(context.platform.environment)
        run_program(context, meanwhile)

    monkeypatch.setattr(deploy, "pulumi_up", update)
    # Phases have a test of their own, and the emulator ends a deployment at once.
    monkeypatch.setattr(service.Phases, "_phase", lambda _: "IN_PROGRESS, SCALE_UP")
    return runs


@pytest.fixture(autouse=True)
def pulumi_state(monkeypatch: pytest.MonkeyPatch) -> PulumiState:
    """Pulumi's state, with two services."""
    services = [
        {
            "urn": f"urn:pulumi:staging::aussie-markets::aws:ecs/service:Service::{name}",
            "type": "aws:ecs/service:Service",
            "inputs": {"name": f"aussie-markets-{name}-staging"},
        }
        for name in ("worker", "api")
    ]
    made = PulumiState([{"urn": "urn:x", "type": "pulumi:pulumi:Stack", "inputs": {}}, *services])
    monkeypatch.setattr(deploy, "pulumi", made.pulumi)
    return made


@pytest.fixture
def network(aws: Aws) -> Any:
    made = make_network(aws)
    make_service(aws, made)
    return made


@pytest.mark.usefixtures("network")
def test_a_release_is_written_by_digest_deployed_and_seen(
    aws: Aws, make_run: MakeRun, program: list[str], audit_group: str
) -> None:
    set_maintenance(aws, "false")
    image = push_image(aws, "v1")
    run = make_run()
    assert deploy.deploy(run.context, "v1") == image == released(aws)
    assert "@sha256:" in image
    assert program == ["staging"]
    assert service.running_image(run.context, "api") == image
    assert run.text.count("deployment: IN_PROGRESS, SCALE_UP") == 2
    (line,) = audit_lines(audit_group)
    assert (line["command"], line["image"], line["version"]) == ("deploy", image, "v1")
    deploy.deploy(run.context, image.split("@")[1])
    history = aws.client("ssm").get_parameter_history(Name=RELEASE)["Parameters"]
    assert [one["Description"] for one in history] == [
        "by deploy, which has not seen it run",
        "by deploy",
    ]


@pytest.mark.parametrize("version", ["latest", "", "a b", "-x", "sha256:12", "x" * 129, "v1;rm"])
def test_a_version_that_can_be_none_is_refused_before_any_call(
    aws: Aws, make_run: MakeRun, version: str
) -> None:
    with watched(aws, "ssm", "ecs", "ecr") as calls, pytest.raises(InputError, match="must be a"):
        deploy.deploy(make_run().context, version)
    assert calls.made == []


@pytest.mark.usefixtures("network")
def test_nothing_is_deployed_that_does_not_exist_or_during_maintenance(
    aws: Aws, make_run: MakeRun, program: list[str]
) -> None:
    context = make_run(yes=True).context
    with pytest.raises(OperationError, match="no repository aussie-markets-api"):
        deploy.deploy(context, "v1")
    push_image(aws, "v1")
    with pytest.raises(OperationError, match="has no image v2: push it first"):
        deploy.deploy(context, "v2")
    with pytest.raises(OperationError, match="has no image sha256:00"):
        deploy.deploy(context, "sha256:" + "0" * 64)
    with pytest.raises(OperationError, match="holds no release before"):
        deploy.rollback(context)
    with pytest.raises(OperationError, match="no service aussie-markets-api-production"):
        deploy.deploy(make_run("production").context, "v1")
    set_maintenance(aws, "true")
    with pytest.raises(OperationError, match="maintenance is on"):
        deploy.deploy(context, "v1")
    with pytest.raises(OperationError, match="maintenance is on"):
        deploy.rollback(context)
    assert program == []
    assert (
        aws.client("ssm").get_parameters_by_path(Path="/aussie-markets/staging/release")[
            "Parameters"
        ]
        == []
    )


@pytest.mark.usefixtures("network")
def test_a_dry_run_releases_nothing(aws: Aws, make_run: MakeRun, program: list[str]) -> None:
    push_image(aws, "v1")
    run = make_run(dry_run=True)
    deploy.deploy(run.context, "v1")
    assert "would: run `pulumi up` with the policy packs" in run.text
    assert program == []


@pytest.mark.usefixtures("network")
def test_a_rollback_is_to_the_last_other_release_and_undone_by_a_second(
    aws: Aws, make_run: MakeRun, program: list[str]
) -> None:
    context = make_run(yes=True).context
    first, second = push_image(aws, "v1"), push_image(aws, "v2")
    deploy.deploy(context, "v1")
    deploy.deploy(context, "v2")
    with pytest.raises(InputError, match="add --yes"):
        deploy.rollback(make_run().context)
    assert deploy.rollback(context) == first == service.running_image(context, "api")
    assert deploy.rollback(context) == second == service.running_image(context, "api")
    assert len(program) == 4
    aws.client("ecr").batch_delete_image(
        repositoryName="aussie-markets-api", imageIds=[{"imageTag": "v1"}]
    )
    with pytest.raises(OperationError, match="has no image sha256:"):
        deploy.rollback(context)
    assert released(aws) == second


@pytest.mark.usefixtures("network", "program")
def test_a_deployment_that_ecs_rolled_back_is_an_error_though_it_is_complete(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(aws, "v1")
    monkeypatch.setattr(deploy, "pulumi_up", lambda *_: None)
    with pytest.raises(StoppedError, match=r"runs public.example/bootstrap:1 and not") as stopped:
        deploy.deploy(make_run().context, "v1")
    assert "ECS rolled the deployment back" in str(stopped.value)
    assert "`rollback` releases the last one that ran" in stopped.value.go_on


@pytest.mark.usefixtures("network", "program")
@pytest.mark.parametrize("state", ["FAILED", "IN_PROGRESS"])
def test_a_deployment_that_fails_or_never_ends_is_an_error(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    push_image(aws, "v1")
    described = service.require_service(make_run().context)
    primary = {**described["deployments"][0], "rolloutState": state, "rolloutStateReason": "why"}
    events = [{"message": f"event {number}"} for number in range(5)]
    answer = {**described, "deployments": [primary], "events": events}
    monkeypatch.setattr(service, "require_service", lambda *_: answer)
    monkeypatch.setattr(service, "_DEPLOYMENT_MINUTES", 0)
    expected = "failed: why\n    event 0" if state == "FAILED" else "not ready after 0 minutes"
    with pytest.raises(StoppedError, match=expected) as stopped:
        deploy.deploy(make_run().context, "v1")
    assert "event 3" not in str(stopped.value)


def test_phases_are_told_once_each_and_do_without(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    ecs = aws.client("ecs", attempts=1)
    listed: dict[str, Any] = {"serviceDeployments": []}
    detail = {"status": "IN_PROGRESS", "lifecycleStage": "BAKE_TIME"}
    monkeypatch.setattr(ecs, "list_service_deployments", lambda **_: listed)
    monkeypatch.setattr(
        ecs, "describe_service_deployments", lambda **_: {"serviceDeployments": [detail]}
    )
    phases = service.Phases(run.context, "api")
    phases.tell()
    assert run.text == ""
    listed["serviceDeployments"] = [{"serviceDeploymentArn": "arn:1"}]
    phases.tell()
    phases.tell()
    detail |= {"status": "SUCCESSFUL", "lifecycleStage": "CLEAN_UP"}
    phases.tell()
    assert run.text == "deployment: IN_PROGRESS, BAKE_TIME\ndeployment: SUCCESSFUL, CLEAN_UP\n"
    monkeypatch.undo()


def test_phases_that_cannot_be_read_are_said_once(make_run: MakeRun) -> None:
    run = make_run()
    phases = service.Phases(run.context, "api")
    phases.tell()
    phases.tell()
    assert run.text.count("phases cannot be shown") == 1
    assert run.text.count("\n") == 1


@pytest.fixture
def two_images(aws: Aws) -> tuple[str, str]:
    """Both were released, and the second one runs."""
    images = push_image(aws, "v1"), push_image(aws, "v2")
    for image in images:
        aws.client("ssm").put_parameter(Name=RELEASE, Value=image, Type="String", Overwrite=True)
    return images


@pytest.mark.usefixtures("network", "audit_group")
def test_a_deployment_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    image, context = push_image(aws, "v1"), make_run().context

    def stopped_well(stopped: StoppedError) -> None:
        """Once it is released, what is told is how to get rid of it."""
        assert "run `deploy v1` again" in stopped.go_on
        if f"release {image}" in stopped.done:
            assert released(aws) == image
            assert "`rollback` releases the last one that ran" in stopped.go_on

    clients = [aws.client(name) for name in ("ssm", "ecr", "ecs", "logs")]
    phases = aws.client("ecs", attempts=1)
    met = fails_at_every_call(
        [*clients, phases], lambda: deploy.deploy(context, "v1"), stopped_well
    )
    steps = {call.step for call in met}
    assert steps >= {"", f"release {image}", "see the new version run", "note that it ran"}
    assert released(aws) == image == service.running_image(context, "api")
    history = aws.client("ssm").get_parameter_history(Name=RELEASE)["Parameters"]
    assert len(history) == 2


@pytest.mark.usefixtures("network", "audit_group")
def test_a_deployment_that_was_killed_after_any_change_goes_on(
    aws: Aws, make_run: MakeRun, killed_after_each_change: KilledAfterEachChange
) -> None:
    image = push_image(aws, "v1")
    changes = ("PutParameter", "RegisterTaskDefinition", "UpdateService", "PutParameter")
    assert killed_after_each_change("deploy", "v1") == (list(changes), None)
    assert released(aws) == image == service.running_image(make_run().context, "api")


@pytest.mark.usefixtures("network")
def test_what_goes_on_with_a_deployment_names_the_registry_too(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise OperationError("the update was cut off")

    push_image(aws, "v1")
    monkeypatch.setattr(deploy, "pulumi_up", cut_off)
    registry = deploy.Registry("123456789012", "ap-southeast-2")
    with pytest.raises(StoppedError) as stopped:
        deploy.deploy(make_run().context, "v1", registry=registry)
    options = "--registry-id 123456789012 --registry-region ap-southeast-2"
    assert f"run `deploy v1 {options}` again" in stopped.value.go_on


@pytest.mark.usefixtures("network")
def test_a_rollback_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, two_images: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    first, run = two_images[0], make_run(yes=True)

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `rollback` again" in stopped.go_on
        if f"release {first}" in stopped.done:
            assert released(aws) == first

    # Not those that it can do without: after its end it would be taken back.
    clients = [aws.client(name) for name in ("ssm", "ecr", "ecs")]
    met = fails_at_every_call(
        clients,
        lambda: deploy.rollback(run.context),
        stopped_well,
        spared=["note that the rollback is over"],
    )
    assert {call.step for call in met} == {
        *("", f"release {first}", "run `pulumi up` with the policy packs"),
        "see the new version run",
    }
    assert released(aws) == first == service.running_image(run.context, "api")


@pytest.mark.usefixtures("network")
def test_a_rollback_that_was_cut_off_is_not_undone_by_the_next(
    aws: Aws, make_run: MakeRun, two_images: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise OperationError("the update was cut off")

    first, second = two_images
    monkeypatch.setattr(deploy, "pulumi_up", cut_off)
    with pytest.raises(StoppedError, match="the update was cut off"):
        deploy.rollback(make_run(yes=True).context)
    with pytest.raises(InputError, match=f"Go on to {first}"):
        deploy.rollback(make_run().context)
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    assert deploy.rollback(make_run(yes=True).context) == first == released(aws)
    with pytest.raises(InputError, match=f"Replace {first} by {second}"):
        deploy.rollback(make_run().context)


@pytest.mark.usefixtures("network")
def test_a_version_may_be_deployed_instead_of_going_on_with_a_rollback(
    aws: Aws, make_run: MakeRun, two_images: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_images
    context = make_run(yes=True).context
    monkeypatch.setattr(deploy, "pulumi_up", lambda *_: None)
    with pytest.raises(StoppedError, match="was never begun"):
        deploy.rollback(context)
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    assert deploy.deploy(context, "v1") == first
    assert deploy.rollback(context) == second == released(aws)


@pytest.mark.usefixtures("network", "program")
@pytest.mark.parametrize("made", [True, False])
def test_a_rollback_whose_end_is_not_noted_is_over_all_the_same(
    aws: Aws,
    make_run: MakeRun,
    two_images: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
) -> None:
    first, second = two_images
    run, ssm = make_run(yes=True), aws.client("ssm")
    put = ssm.put_parameter

    def fail_at_the_end(**given: Any) -> Any:
        ended = given["Description"] == "by rollback"
        answer = put(**given) if made or not ended else None
        if ended:
            raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://aws")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(ssm, "put_parameter", fail_at_the_end)
        assert deploy.rollback(run.context) == first
    assert f"warning: the next `rollback` may release {first} once more" in run.text
    if not made:
        assert deploy.rollback(run.context) == first
    assert deploy.rollback(run.context) == second


@pytest.mark.usefixtures("network")
def test_pulumi_reads_the_service_before_it_updates_it(
    aws: Aws, make_run: MakeRun, pulumi_state: PulumiState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECS may have rolled it back since, of which Pulumi's state knows nothing."""
    before: list[tuple[str, ...]] = []

    def update(context: Context, meanwhile: Callable[[], None]) -> None:
        before.extend(pulumi_state.calls)
        run_program(context, meanwhile)

    push_image(aws, "v1")
    monkeypatch.setattr(deploy, "pulumi_up", update)
    deploy.deploy(make_run().context, "v1")
    urn = "urn:pulumi:staging::aussie-markets::aws:ecs/service:Service::api"
    refresh = ("refresh", "--yes", "--skip-preview", "--target", urn)
    assert before == [("stack", "export"), refresh] == pulumi_state.calls


@pytest.mark.usefixtures("network")
def test_a_rollback_is_to_what_was_seen_to_run(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run(yes=True).context
    good = push_image(aws, "v1")
    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    deploy.deploy(context, "v1")
    with monkeypatch.context() as failing:
        failing.setattr(deploy, "pulumi_up", lambda *_: None)
        for version in ("v2", "v3"):
            push_image(aws, version)
            with pytest.raises(StoppedError, match="ECS rolled the deployment back"):
                deploy.deploy(context, version)
    assert deploy.rollback(context) == good == released(aws)
    with pytest.raises(OperationError, match=r"no release before .* release a version with"):
        deploy.rollback(context)
    assert released(aws) == good


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    "earlier",
    [
        "public.ecr.aws/docker/library/python:3.13.1",
        "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/aussie-markets-api:v0",
        "python",
    ],
)
def test_what_was_released_by_hand_may_be_no_image_that_a_rollback_could_name(
    aws: Aws, make_run: MakeRun, program: list[str], earlier: str
) -> None:
    aws.client("ssm").put_parameter(Name=RELEASE, Value=earlier, Type="String")
    image, context = push_image(aws, "v1"), make_run(yes=True).context
    deploy.deploy(context, "v1")
    with pytest.raises(OperationError, match=r"released by hand.* Release a version with `deploy`"):
        deploy.rollback(context)
    assert (released(aws), len(program)) == (image, 1)


def resource_of(operation: str, asked: Mapping[str, Any]) -> str:
    """What the rights to a call are compared with."""
    service_name = "service/aussie-markets-cluster-staging/aussie-markets-api-staging"
    resources = {
        "DescribeImages": ("ecr", "repository/aussie-markets-api"),
        "DescribeRepositories": ("ecr", "repository/aussie-markets-api"),
        "DescribeServices": ("ecs", service_name),
        "ListServiceDeployments": ("ecs", service_name),
        "CreateLogStream": ("logs", f"log-group:{AUDIT_GROUP}:log-stream:"),
        "PutLogEvents": ("logs", f"log-group:{AUDIT_GROUP}:log-stream:operations"),
    }
    if operation in resources:
        return arn(*resources[operation])
    return arn("ssm", f"parameter{asked['Name']}") if "Name" in asked else "*"


@pytest.mark.usefixtures("network", "audit_group")
def test_the_workflows_role_may_make_every_call_of_a_release(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, str] = {}

    def hear(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        action = f"{model.service_model.service_name}:{model.name}"
        called[action] = resource_of(model.name, params)

    monkeypatch.setattr(deploy, "pulumi_up", run_program)
    context = make_run(yes=True).context
    services = ("ecr", "ecs", "logs", "ssm", "sts")
    clients = [*map(aws.client, services), aws.client("ecs", attempts=1)]
    for version in ("v1", "v2"):
        push_image(aws, version)
    for client in clients:
        client.meta.events.register("provide-client-params", hear)
    try:
        for version in ("v1", "v2"):
            deploy.deploy(context, version)
        deploy.rollback(context)
    finally:
        for client in clients:
            client.meta.events.unregister("provide-client-params", hear)
    assert called.keys() >= {"ssm:GetParameterHistory", "ecs:ListServiceDeployments"}
    # Everybody may ask who they are; what the program calls is not made so by Pulumi.
    others = {"sts:GetCallerIdentity", "ecs:RegisterTaskDefinition", "ecs:UpdateService"}
    own = {action: resource for action, resource in called.items() if action not in others}
    assert [action for action, resource in own.items() if not deploys(action, resource)] == []
