"""What debug tasks may do, exactly."""

import json

import pytest

from components.debug import DebugTasks, DebugTasksArgs
from components.naming import Names
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy, deploy_main
from tests.unit.iam import Request, allowed, statements

DEBUG = "aussie-markets:debug:DebugTasks"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

REGION = "ap-southeast-2"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/aussie-markets/staging"
SECURITY, AUDIT, SESSIONS = (f"{LOGS}/{label}" for label in ("security", "audit", "exec"))
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/session"


@RunOnce
def debug(stack: str = "staging", *, preview: bool = False) -> Deployment:
    def program() -> None:
        DebugTasks(
            "debug",
            DebugTasksArgs(
                names=Names(stack),
                region=REGION,
                account_id=ACCOUNT_ID,
                session_key_arn=KEY,
                session_log_group_arn=SESSIONS,
                written_log_group_arns=[SECURITY, AUDIT],
            ),
        )

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = debug(stack, preview=preview)
    component = deployment.only(DEBUG)
    children = [resource for resource in deployment.resources if resource is not component]
    assert sorted(child.type for child in children) == [ROLE, ROLE_POLICY]
    for child in children:
        assert child.name == "debug-task"
        assert child.parent == component.urn
        assert not child.protect
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == ()


@BOTH
def test_exact_inputs(stack: str) -> None:
    deployment = debug(stack)
    role, policy = deployment.only(ROLE).inputs, deployment.only(ROLE_POLICY).inputs
    assert role.keys() == {"description", "assumeRolePolicy"}
    assert role["description"] == f"Runs in debug tasks of {stack}"
    assert json.loads(role["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
                "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:*"},
            },
        }
    ]
    assert policy.keys() == {"role", "policy"}
    assert policy["role"] == "debug-task-a1b2c3d"


def test_registered_outputs() -> None:
    deployment = debug()
    assert deployment.outputs[deployment.only(DEBUG).urn] == {
        "role_arn": "arn:aws:mock:::role/debug-task-arn"
    }


SESSION = {
    "kms:EncryptionContext:aws:ssm:TargetId": "ecs:aussie-markets-cluster-staging_0a1b_0a1b-1"
}
ELSEWHERE = {"kms:EncryptionContext:aws:ssm:TargetId": "ecs:aussie-markets-cluster-production_0_1"}
LOG_CONTEXT = {"kms:EncryptionContext:aws:logs:arn": AUDIT}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        *(
            (Request(f"ssmmessages:{action}{channel}Channel"), True)
            for action in ("Create", "Open")
            for channel in ("Control", "Data")
        ),
        (Request("kms:Decrypt", KEY, SESSION), True),
        (Request("kms:Decrypt", KEY, ELSEWHERE), False),
        (Request("kms:Decrypt", KEY, LOG_CONTEXT), False),
        (Request("kms:Decrypt", KEY), False),
        (Request("kms:Decrypt", f"{KEY}-other", SESSION), False),
        (Request("kms:GenerateDataKey", KEY, SESSION), False),
        (Request("logs:DescribeLogGroups", f"{LOGS}/any"), True),
        (Request("logs:DescribeLogGroups", f"{LOGS}/any".replace(REGION, "us-east-1")), False),
        *(
            (Request(f"logs:{action}", f"{SESSIONS}:log-stream:x"), True)
            for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        ),
        (Request("logs:GetLogEvents", f"{SESSIONS}:log-stream:x"), False),
        (Request("logs:DeleteLogStream", f"{SESSIONS}:log-stream:x"), False),
        (Request("logs:PutLogEvents", f"{SESSIONS}-other:log-stream:x"), False),
        # As the program: tests/unit/test_service.py.
        (
            Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AussieMarkets/API"}),
            True,
        ),
        (Request("cloudwatch:PutMetricData"), False),
        (Request("logs:PutLogEvents", f"{AUDIT}:log-stream:x"), True),
        (Request("logs:PutLogEvents", f"{SECURITY}:log-stream:x"), True),
        (Request("logs:GetLogEvents", f"{AUDIT}:log-stream:x"), False),
        (Request("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/x"), False),
        (Request("ecs:ExecuteCommand", "*"), False),
        (Request("iam:PassRole", "*"), False),
    ],
)
def test_rights(request_: Request, expected: bool) -> None:
    policy = debug().only(ROLE_POLICY).inputs["policy"]
    assert list(statements(policy)) == [
        *("Metrics", "SecurityAndAuditLog"),
        *("Session", "SessionKey", "FindSessionLog", "SessionLog"),
    ]
    assert allowed(policy, request_) is expected


@BOTH
def test_debug_tasks_may_what_each_service_may(stack: str) -> None:
    deployment = deploy_main(stack)
    policies = deployment.of(ROLE_POLICY)

    def of(name: str) -> list[object]:
        policy = json.loads(policies[f"aussie-markets-{stack}-{name}-task"].inputs["policy"])
        found: list[object] = policy["Statement"]
        return found

    own = of("debug")
    for service in deployment.exports["services"]:
        assert own[: len(of(service))] == of(service)
    roles = deployment.of(ROLE)
    trusts = {
        roles[f"aussie-markets-{stack}-{name}-task"].inputs["assumeRolePolicy"]
        for name in ("api", "debug")
    }
    assert len(trusts) == 1


@BOTH
def test_sessions_use_what_the_cluster_says(stack: str) -> None:
    deployment = deploy_main(stack)
    configuration = deployment.only("aws:ecs/cluster:Cluster").inputs["configuration"]
    session = configuration["executeCommandConfiguration"]
    granted = statements(
        deployment.of(ROLE_POLICY)[f"aussie-markets-{stack}-debug-task"].inputs["policy"]
    )
    assert granted["SessionKey"]["Resource"] == session["kmsKeyId"]
    (group,) = (
        each.outputs["arn"]
        for each in deployment.of("aws:cloudwatch/logGroup:LogGroup").values()
        if each.inputs["name"] == session["logConfiguration"]["cloudWatchLogGroupName"]
    )
    assert granted["SessionLog"]["Resource"] == f"{group}:*"


def test_no_service_has_the_role() -> None:
    deployment = deploy_main("production")
    role = deployment.exports["debug_task_role_arn"]
    assert role == "arn:aws:mock:::role/aussie-markets-production-debug-task-arn"
    for task in deployment.of("aws:ecs/taskDefinition:TaskDefinition").values():
        assert role not in json.dumps(task.inputs)
