"""A service's exact inputs, options and order, and every right of its roles."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from typing import Any

import pulumi
import pytest

from components.naming import Names
from components.service import ListenerAccess, Service, ServiceArgs
from components.settings.services import FARGATE_MEMORY
from components.task import BOOTSTRAP_IMAGE, check_image, health_server
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy, settings_of
from tests.unit.iam import Request, allowed, statements

COMPONENT = "aussie-markets:service:Service"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
RULE = "aws:lb/listenerRule:ListenerRule"
SERVICE = "aws:ecs/service:Service"
SCALING = "aws:appautoscaling/target:Target"
SCALING_POLICY = "aws:appautoscaling/policy:Policy"
SCHEDULED = "aws:appautoscaling/scheduledAction:ScheduledAction"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])
WORKER: dict[str, Any] = {"release": "api", "command": ["node", "worker.js"]}
BLUE_GREEN: dict[str, Any] = {"deployment": {"strategy": "blue_green"}}
ROLLING: dict[str, Any] = {"deployment": {"strategy": "rolling"}}

REGION = "ap-southeast-2"
IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/aussie-markets-api:0a1b2c3"
PARAMETERS = f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/aussie-markets/staging"
LABELS = ("database-url", "redis-url", "jwt-secret", "refresh-token-secret", "stripe-secret-key")
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT_ID}:repository/aussie-markets-api"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/parameters"
SECURITY, AUDIT = (
    f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/aussie-markets/staging/{purpose}"
    for purpose in ("security", "audit")
)


@RunOnce
def service(
    stack: str = "staging",
    *,
    name: str = "api",
    image: str | None = IMAGE,
    region: str = REGION,
    subnet_ids: tuple[str, ...] = ("subnet-1", "subnet-2"),
    listener: bool = True,
    preview: bool = False,
    **values: Any,
) -> Deployment:
    settings = settings_of(stack, {"services": {name: values}})

    def program() -> None:
        Service(
            "svc",
            ServiceArgs(
                names=Names(settings.environment),
                region=region,
                account_id=ACCOUNT_ID,
                service=name,
                settings=settings.services[name],
                image=pulumi.Output.from_input(image),
                repository_arn=REPOSITORY,
                cluster_arn="arn:cluster",
                cluster_name="the-cluster",
                capacity=settings.cluster.capacity,
                subnet_ids=list(subnet_ids),
                security_group_id="sg-api",
                listener=ListenerAccess("arn:listener", "app/lb/1", "vpc-1") if listener else None,
                parameter_arns={label: f"{PARAMETERS}/{label}" for label in LABELS},
                parameters_key_arn=KEY,
                log_key_arn="arn:log-key",
                written_log_group_arns=[SECURITY, AUDIT],
            ),
        )

    return deploy(program, stack, preview=preview)


def container(deployment: Deployment) -> dict[str, Any]:
    (only,) = json.loads(deployment.only(TASK).inputs["containerDefinitions"])
    assert isinstance(only, dict)
    return only


HTTP_TYPES = [
    *(COMPONENT, LOG_GROUP, ROLE, ROLE_POLICY, ROLE, ROLE_POLICY, TASK, SERVICE),
    *(SCALING, SCALING_POLICY, SCALING_POLICY, TARGET_GROUP, RULE, ALARM, ALARM),
]
SHIFTING_TYPES = [TARGET_GROUP, RULE, ALARM, ALARM, ROLE, ATTACHMENT]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("stack", "types"),
    [("staging", HTTP_TYPES), ("production", [*HTTP_TYPES, *SHIFTING_TYPES])],
)
def test_options_of_the_children(stack: str, types: list[str], preview: bool) -> None:
    deployment = service(stack, preview=preview)
    assert sorted(r.type for r in deployment.resources) == sorted(types)
    component = deployment.only(COMPONENT)
    for child in deployment.resources:
        if child is component:
            continue
        assert child.parent == component.urn
        short = child.type == TARGET_GROUP
        assert child.name.startswith("api-" if short else "svc-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.delete_before_replace == (child.type == SERVICE)
        assert child.aliases == ()
        ignored = {SERVICE: ("desiredCount",)}
        if stack == "production":
            ignored[RULE] = ("actions",)
        assert child.ignore_changes == ignored.get(child.type, ())


# -- the task --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stack", "cpu", "memory"), [("staging", 256, 512), ("production", 1024, 2048)]
)
def test_the_task_definition(stack: str, cpu: int, memory: int) -> None:
    deployment = service(stack)
    inputs = dict(deployment.only(TASK).inputs)
    definition = container(deployment)
    del inputs["containerDefinitions"]
    assert inputs == {
        "family": f"aussie-markets-api-{stack}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(cpu),
        "memory": str(memory),
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        "executionRoleArn": "arn:aws:mock:::role/svc-exec-arn",
        "taskRoleArn": "arn:aws:mock:::role/svc-task-arn",
        "volumes": [{"name": "tmp"}],
    }
    assert definition == {
        "name": "api",
        "image": IMAGE,
        "command": [],
        "essential": True,
        "cpu": cpu,
        "memory": memory,
        "user": "1000:1000",
        "readonlyRootFilesystem": True,
        "linuxParameters": {
            "initProcessEnabled": True,
            "capabilities": {"add": [], "drop": ["ALL"]},
        },
        "stopTimeout": 60,
        "environment": [
            {"name": "NODE_ENV", "value": stack},
            {"name": "PORT", "value": "3000"},
        ],
        "secrets": [
            {"name": name, "valueFrom": f"{PARAMETERS}/{label}"}
            for name, label in (
                ("DATABASE_URL", "database-url"),
                ("JWT_SECRET", "jwt-secret"),
                ("REDIS_URL", "redis-url"),
                ("REFRESH_TOKEN_SECRET", "refresh-token-secret"),
                ("STRIPE_SECRET_KEY", "stripe-secret-key"),
            )
        ],
        "portMappings": [{"containerPort": 3000, "hostPort": 3000, "protocol": "tcp"}],
        "mountPoints": [
            {"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}  # noqa: S108
        ],
        "volumesFrom": [],
        "systemControls": [],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/aws/ecs/aussie-markets-api-{stack}",
                "awslogs-region": REGION,
                "awslogs-stream-prefix": "api",
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }


@BOTH
def test_two_renderings_are_the_same_bytes(stack: str) -> None:
    scrambled = {"Z": "1", "A": "2", "M": "3"}
    first = service(stack, environment=scrambled)
    second = service(stack, environment=dict(reversed(scrambled.items())))
    for type_, key in (
        (TASK, "containerDefinitions"),
        (ROLE, "assumeRolePolicy"),
        (ROLE_POLICY, "policy"),
    ):
        texts = [
            {name: resource.inputs[key] for name, resource in deployment.of(type_).items()}
            for deployment in (first, second)
        ]
        assert texts[0] == texts[1]


def test_a_worker_has_its_own_command_and_only_what_it_asks_for() -> None:
    values: dict[str, Any] = {
        **WORKER,
        "environment": {"QUEUE": "mail", "A": "b"},
        "secrets": {"DATABASE_URL": "database-url"},
        "health_command": ["node", "alive.js"],
        "architecture": "ARM64",
    }
    deployment = service(name="worker", listener=False, **values)
    definition = container(deployment)
    assert definition["name"] == "worker"
    assert definition["command"] == ["node", "worker.js"]
    assert definition["portMappings"] == []
    assert definition["environment"] == [
        {"name": "A", "value": "b"},
        {"name": "NODE_ENV", "value": "staging"},
        {"name": "QUEUE", "value": "mail"},
    ]
    assert [secret["name"] for secret in definition["secrets"]] == ["DATABASE_URL"]
    assert definition["healthCheck"] == {
        "command": ["CMD", "node", "alive.js"],
        "interval": 30,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 60,
    }
    platform = deployment.only(TASK).inputs["runtimePlatform"]
    assert platform["cpuArchitecture"] == "ARM64"
    inputs = deployment.only(SERVICE).inputs
    assert inputs["name"] == "aussie-markets-worker-staging"
    assert inputs["loadBalancers"] == []
    assert "healthCheckGracePeriodSeconds" not in inputs
    assert "alarms" not in inputs
    for type_ in (TARGET_GROUP, RULE, ALARM):
        assert deployment.of(type_) == {}


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(
        pulumi.RunError,
        match=r"services\.api\.secrets: there is no parameter other; allowed: database-url, jwt",
    ):
        service(secrets={"OTHER": "other"})


def test_an_http_service_needs_a_listener() -> None:
    with pytest.raises(ValueError, match="needs a listener"):
        service(listener=False)


@BOTH
def test_before_the_first_release_a_public_image_is_healthy(stack: str) -> None:
    definition = container(service(stack, image=None, health_command=["node", "alive.js"]))
    assert definition["image"] == BOOTSTRAP_IMAGE
    assert definition["command"][:2] == ["python", "-c"]
    assert "healthCheck" not in definition
    # It proves with the same rights and the same walls that a release will start.
    assert definition["user"] == "1000:1000"
    assert definition["readonlyRootFilesystem"] is True
    assert len(definition["secrets"]) == 5


@contextmanager
def running(program: str, port: int) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def test_the_health_server_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answers = {}
    # On the loopback alone; in a task it listens on every address.
    program = health_server(port, "/health").replace("('',", "('127.0.0.1',")
    with running(program, port):
        for path in ("/health", "/", "/health/other"):
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            answers[path] = connection.getresponse().status
            connection.close()
    assert answers == {"/health": 200, "/": 503, "/health/other": 503}


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        "python:3.13.7-slim",
        "localhost:5000/api:1",
        f"api@sha256:{'a' * 64}",
        f"localhost:5000/api:latest@sha256:{'0' * 64}",
        BOOTSTRAP_IMAGE,
    ],
)
def test_images_that_stay_the_same(image: str) -> None:
    assert check_image("api", image) == image


@pytest.mark.parametrize(
    "image", ["api:latest", "a.b/c/api:latest", "api", "localhost:5000/api", "", "api:", "a b:1"]
)
@BOTH
def test_images_that_may_be_another_tomorrow_are_refused(stack: str, image: str) -> None:
    with pytest.raises(pulumi.RunError, match="must have a tag other than latest, or a digest"):
        service(stack, image=image)


# -- rights ----------------------------------------------------------------------------------


@cache
def policies() -> dict[str, str]:
    """The policies of the API's roles, built once for all questions about them."""
    found = service().of(ROLE_POLICY)
    return {name: policy.inputs["policy"] for name, policy in found.items()}


@cache
def trusts() -> dict[str, str]:
    """Who takes each role of a blue/green API."""
    roles = service("production").of(ROLE)
    return {name: role.inputs["assumeRolePolicy"] for name, role in roles.items()}


SSM_CONTEXT = {
    "kms:ViaService": f"ssm.{REGION}.amazonaws.com",
    "kms:EncryptionContext:PARAMETER_ARN": f"{PARAMETERS}/jwt-secret",
}
OWN_LOG = "arn:aws:mock:::log-group/svc-log-arn"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        *((Request("ssm:GetParameters", f"{PARAMETERS}/{label}"), True) for label in LABELS),
        (Request("ssm:GetParameter", f"{PARAMETERS}/jwt-secret"), False),
        (Request("ssm:GetParameters", f"{PARAMETERS}/maintenance-mode"), False),
        (Request("ssm:GetParameters", f"{PARAMETERS}/jwt-secret/x"), False),
        (Request("ssm:PutParameter", f"{PARAMETERS}/jwt-secret"), False),
        (Request("kms:Decrypt", KEY, SSM_CONTEXT), True),
        (Request("kms:Decrypt", f"{KEY}-other", SSM_CONTEXT), False),
        (Request("kms:Encrypt", KEY, SSM_CONTEXT), False),
        (Request("kms:Decrypt", KEY), False),
        (
            Request("kms:Decrypt", KEY, {**SSM_CONTEXT, "kms:ViaService": "s3.amazonaws.com"}),
            False,
        ),
        (
            Request(
                "kms:Decrypt",
                KEY,
                {**SSM_CONTEXT, "kms:EncryptionContext:PARAMETER_ARN": f"{PARAMETERS}/other"},
            ),
            False,
        ),
        (Request("logs:CreateLogStream", f"{OWN_LOG}:log-stream:api/1"), True),
        (Request("logs:PutLogEvents", f"{OWN_LOG}:log-stream:api/1"), True),
        (Request("logs:PutLogEvents", f"{OWN_LOG}-other:log-stream:api/1"), False),
        (Request("logs:PutLogEvents", f"{SECURITY}:log-stream:x"), False),
        (Request("logs:CreateLogGroup", f"{OWN_LOG}:*"), False),
        (Request("ecr:GetAuthorizationToken"), True),
        (Request("ecr:BatchGetImage", REPOSITORY), True),
        (Request("ecr:GetDownloadUrlForLayer", REPOSITORY), True),
        (Request("ecr:BatchCheckLayerAvailability", REPOSITORY), True),
        (Request("ecr:BatchGetImage", f"{REPOSITORY}-other"), False),
        (Request("ecr:PutImage", REPOSITORY), False),
        (Request("cloudwatch:PutMetricData"), False),
        (Request("iam:PassRole", "arn:aws:iam::111122223333:role/any"), False),
    ],
)
def test_rights_of_the_role_that_starts_tasks(request_: Request, expected: bool) -> None:
    policy = policies()["svc-exec"]
    assert list(statements(policy)) == [
        *("Log", "LogIntoRegistry", "PullImage", "ReadSecrets", "DecryptSecrets")
    ]
    assert allowed(policy, request_) is expected


def test_a_service_without_secrets_may_read_none() -> None:
    deployment = service(name="worker", listener=False, **WORKER)
    policy = deployment.of(ROLE_POLICY)["svc-exec"].inputs["policy"]
    assert list(statements(policy)) == ["Log", "LogIntoRegistry", "PullImage"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AussieMarkets/API"}),
            True,
        ),
        (Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Other"}), False),
        (Request("cloudwatch:PutMetricData"), False),
        (Request("cloudwatch:DeleteAlarms"), False),
        *(
            (Request(action, f"{group}:log-stream:x"), True)
            for action in ("logs:CreateLogStream", "logs:PutLogEvents")
            for group in (SECURITY, AUDIT)
        ),
        (Request("logs:PutLogEvents", f"{SECURITY}-other:log-stream:x"), False),
        (Request("logs:PutLogEvents", f"{OWN_LOG}:log-stream:x"), False),
        (Request("logs:DeleteLogStream", f"{AUDIT}:log-stream:x"), False),
        (Request("logs:PutRetentionPolicy", f"{AUDIT}:*"), False),
        (Request("logs:GetLogEvents", f"{AUDIT}:log-stream:x"), False),
        (Request("ssm:GetParameters", f"{PARAMETERS}/jwt-secret"), False),
        (Request("kms:Decrypt", KEY, SSM_CONTEXT), False),
        (Request("ssmmessages:CreateControlChannel"), False),
    ],
)
def test_rights_of_the_program(request_: Request, expected: bool) -> None:
    policy = policies()["svc-task"]
    assert list(statements(policy)) == ["Metrics", "SecurityAndAuditLog"]
    assert allowed(policy, request_) is expected


TASKS = "Service:ecs-tasks.amazonaws.com"
TASK_CONTEXT = {
    "aws:SourceAccount": ACCOUNT_ID,
    "aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:task/the-cluster/1",
}


@pytest.mark.parametrize("label", ["exec", "task"])
@pytest.mark.parametrize(
    ("principal", "changes", "expected"),
    [
        (TASKS, {}, True),
        ("Service:ecs.amazonaws.com", {}, False),
        (TASKS, {"aws:SourceAccount": "999900001111"}, False),
        (TASKS, {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT_ID}:task/1"}, False),
        (TASKS, {"aws:SourceArn": f"arn:aws:ecs:{REGION}:999900001111:task/1"}, False),
    ],
)
def test_who_takes_the_roles_of_tasks(
    label: str, principal: str, changes: dict[str, str], expected: bool
) -> None:
    trust = trusts()[f"svc-{label}"]
    context = {**TASK_CONTEXT, **changes}
    asked = Request("sts:AssumeRole", context=context, principal=principal)
    assert allowed(trust, asked) is expected


def test_ecs_shifts_traffic_with_a_role_of_its_own() -> None:
    trust = trusts()["svc-infra"]
    assert allowed(trust, Request("sts:AssumeRole", principal="Service:ecs.amazonaws.com"))
    assert not allowed(trust, Request("sts:AssumeRole", principal=TASKS))
    assert service("production").only(ATTACHMENT).inputs == {
        "role": "svc-infra-a1b2c3d",
        "policyArn": "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers",
    }


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_the_log(stack: str, days: int) -> None:
    assert service(stack).only(LOG_GROUP).inputs == {
        "name": f"/aws/ecs/aussie-markets-api-{stack}",
        "retentionInDays": days,
        "kmsKeyId": "arn:log-key",
    }


# -- the service and its traffic -------------------------------------------------------------

GREEN = "arn:aws:mock:::target-group/api-green-arn"
BLUE = "arn:aws:mock:::target-group/api-blue-arn"
COMMON = {
    "cluster": "arn:cluster",
    "taskDefinition": "arn:aws:mock:::task-definition/svc-task-arn",
    "forceNewDeployment": True,
    "deploymentController": {"type": "ECS"},
    "deploymentMinimumHealthyPercent": 100,
    "deploymentMaximumPercent": 200,
    "availabilityZoneRebalancing": "ENABLED",
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "healthCheckGracePeriodSeconds": 60,
    "networkConfiguration": {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-api"],
        "assignPublicIp": False,
    },
    "enableExecuteCommand": False,
    "enableEcsManagedTags": True,
    "propagateTags": "SERVICE",
    "waitForSteadyState": True,
}


def test_a_rolling_service() -> None:
    deployment = service("staging")
    ecs = deployment.only(SERVICE)
    assert ecs.inputs == COMMON | {
        "name": "aussie-markets-api-staging",
        "desiredCount": 1,
        "capacityProviderStrategies": [
            {"capacityProvider": "FARGATE", "base": 1, "weight": 0},
            {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1},
        ],
        "deploymentConfiguration": {"strategy": "ROLLING"},
        "alarms": {
            "enable": True,
            "rollback": True,
            "alarmNames": ["svc-errors-blue-a1b2c3d", "svc-unhealthy-blue-a1b2c3d"],
        },
        "loadBalancers": [{"containerName": "api", "containerPort": 3000, "targetGroupArn": BLUE}],
    }
    assert ecs.timeouts == {"create": "30m", "update": "30m"}
    rule = deployment.only(RULE)
    assert rule.name == "svc-rolling"
    assert rule.inputs == {
        "listenerArn": "arn:listener",
        "priority": 40002,
        "conditions": [{"pathPattern": {"values": ["/*"]}}],
        "actions": [{"type": "forward", "targetGroupArn": BLUE}],
    }
    assert rule.ignore_changes == ()


def test_a_blue_green_service() -> None:
    deployment = service("production")
    ecs = deployment.only(SERVICE)
    assert ecs.inputs == COMMON | {
        "name": "aussie-markets-api-production",
        "desiredCount": 3,
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}],
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "10"},
        "alarms": {
            "enable": True,
            "rollback": True,
            "alarmNames": [
                f"svc-{kind}-{colour}-a1b2c3d"
                for colour in ("blue", "green")
                for kind in ("errors", "unhealthy")
            ],
        },
        "loadBalancers": [
            {
                "containerName": "api",
                "containerPort": 3000,
                "targetGroupArn": BLUE,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": GREEN,
                    "productionListenerRule": "arn:aws:mock:::listener-rule/svc-production-arn",
                    "testListenerRule": "arn:aws:mock:::listener-rule/svc-test-arn",
                    "roleArn": "arn:aws:mock:::role/svc-infra-arn",
                },
            }
        ],
    }
    assert ecs.timeouts == {"create": "30m", "update": "40m"}


def test_rules_of_a_blue_green_service() -> None:
    rules = service("production").of(RULE)
    everything = {"pathPattern": {"values": ["/*"]}}
    header = {"httpHeader": {"httpHeaderName": "X-Aussie-Markets-Version", "values": ["next"]}}

    def forward(blue: int, green: int) -> list[dict[str, Any]]:
        groups = [{"arn": BLUE, "weight": blue}, {"arn": GREEN, "weight": green}]
        return [{"type": "forward", "forward": {"targetGroups": groups}}]

    assert {name: rule.inputs for name, rule in rules.items()} == {
        "svc-production": {
            "listenerArn": "arn:listener",
            "priority": 40001,
            "conditions": [everything],
            "actions": forward(100, 0),
        },
        "svc-test": {
            "listenerArn": "arn:listener",
            "priority": 40000,
            "conditions": [everything, header],
            "actions": forward(0, 100),
        },
    }
    assert {rule.ignore_changes for rule in rules.values()} == {("actions",)}


@pytest.mark.parametrize("values", [ROLLING, BLUE_GREEN])
@BOTH
def test_a_service_starts_after_what_it_needs(stack: str, values: dict[str, Any]) -> None:
    deployment = service(stack, **values)
    needed = {
        resource.urn
        for resource in deployment.resources
        if resource.type in (RULE, ROLE_POLICY, ATTACHMENT, TASK, TARGET_GROUP, ALARM)
    }
    assert needed <= deployment.only(SERVICE).depends_on
    assert deployment.only(LOG_GROUP).urn in deployment.only(TASK).depends_on
    assert deployment.only(SERVICE).urn in deployment.only(SCALING).depends_on
    for policy in deployment.of(SCALING_POLICY).values():
        assert deployment.only(SCALING).urn in policy.depends_on


# What AWS or pulumi-aws replaces a resource for: CreateService has it and UpdateService has not.
REPLACED_BY = {
    SERVICE: {"name", "cluster", "launchType", "schedulingStrategy"},
    TARGET_GROUP: {"name", "targetType", "protocol", "port", "vpcId"},
}


@BOTH
def test_strategies_follow_each_other_in_place(stack: str) -> None:
    rolling, blue_green = service(stack, **ROLLING), service(stack, **BLUE_GREEN)
    before = {resource.urn: resource for resource in rolling.resources}
    after = {resource.urn: resource for resource in blue_green.resources}
    gone = {urn.rpartition("::")[2] for urn in before.keys() - after.keys()}
    new = {urn.rpartition("::")[2] for urn in after.keys() - before.keys()}
    assert gone == {"svc-rolling"}
    assert new == {
        *("api-green", "svc-production", "svc-test", "svc-infra"),
        *("svc-errors-green", "svc-unhealthy-green"),
    }
    for urn in before.keys() & after.keys():
        kept = before[urn]
        for key in REPLACED_BY.get(kept.type, set()):
            assert kept.inputs.get(key) == after[urn].inputs.get(key)
    # Both sets of rules exist while the service moves, so none may take another's priority.
    priorities = [
        rule.inputs["priority"]
        for deployment in (rolling, blue_green)
        for rule in deployment.of(RULE).values()
    ]
    assert len(set(priorities)) == len(priorities)
    # Until the service is steady, the rules that its traffic depended on keep it.
    production = blue_green.of(RULE)["svc-production"].inputs["priority"]
    assert production < rolling.only(RULE).inputs["priority"]


def test_target_groups() -> None:
    groups = service("production").of(TARGET_GROUP)
    assert groups.keys() == {"api-blue", "api-green"}
    for group in groups.values():
        assert group.inputs == {
            "targetType": "ip",
            "protocol": "HTTP",
            "port": 3000,
            "vpcId": "vpc-1",
            "deregistrationDelay": 30,
            "healthCheck": {
                "enabled": True,
                "protocol": "HTTP",
                "path": "/health",
                "matcher": "200",
                "interval": 15,
                "timeout": 5,
                "healthyThreshold": 2,
                "unhealthyThreshold": 3,
            },
        }


def test_a_second_http_service_has_rules_of_its_own() -> None:
    http = {
        "order": 7,
        "paths": ["/reports/*", "/exports/*"],
        "hosts": ["reports.aussie-markets.com"],
        "health_path": "/alive",
        "health_grace_seconds": 5,
    }
    deployment = service(name="reports", http=http, **BLUE_GREEN)
    rules = deployment.of(RULE)
    conditions = [
        {"pathPattern": {"values": ["/reports/*", "/exports/*"]}},
        {"hostHeader": {"values": ["reports.aussie-markets.com"]}},
    ]
    assert rules["svc-production"].inputs["conditions"] == conditions
    assert rules["svc-production"].inputs["priority"] == 701
    assert rules["svc-test"].inputs["conditions"][:2] == conditions
    assert rules["svc-test"].inputs["priority"] == 700
    for group in deployment.of(TARGET_GROUP).values():
        assert group.name in ("reports-blue", "reports-green")
        assert group.inputs["healthCheck"]["path"] == "/alive"
    inputs = deployment.only(SERVICE).inputs
    assert inputs["healthCheckGracePeriodSeconds"] == 5
    assert inputs["loadBalancers"][0]["containerName"] == "reports"


@pytest.mark.parametrize(("stack", "colours"), [("staging", 1), ("production", 2)])
def test_rollback_alarms(stack: str, colours: int) -> None:
    alarms = service(stack).of(ALARM)
    assert len(alarms) == 2 * colours
    dimensions = {"LoadBalancer": "app/lb/1", "TargetGroup": "api-blue-suffix"}

    def count(query: str, metric: str) -> dict[str, Any]:
        return {
            "id": query,
            "returnData": False,
            "metric": {
                "namespace": "AWS/ApplicationELB",
                "metricName": metric,
                "dimensions": dimensions,
                "period": 60,
                "stat": "Sum",
            },
        }

    name = f"aussie-markets-api-{stack}"
    assert alarms["svc-errors-blue"].inputs == {
        "alarmDescription": f"ECS rolls a deployment of {name} back: its requests fail",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 5,
        "evaluationPeriods": 3,
        "datapointsToAlarm": 2,
        "treatMissingData": "notBreaching",
        "metricQueries": [
            {
                "id": "percent",
                "label": "Failed requests in percent",
                "expression": "IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)",
                "returnData": True,
            },
            count("errors", "HTTPCode_Target_5XX_Count"),
            count("requests", "RequestCount"),
        ],
    }
    assert alarms["svc-unhealthy-blue"].inputs == {
        "alarmDescription": f"ECS rolls a deployment of {name} back: tasks are not healthy",
        "namespace": "AWS/ApplicationELB",
        "metricName": "UnHealthyHostCount",
        "dimensions": dimensions,
        "statistic": "Maximum",
        "period": 60,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 0,
        "evaluationPeriods": 3,
        "datapointsToAlarm": 3,
        "treatMissingData": "notBreaching",
    }


# -- scaling ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("stack", "least", "most"), [("staging", 1, 3), ("production", 3, 10)])
def test_autoscaling(stack: str, least: int, most: int) -> None:
    deployment = service(stack)
    scaled = {
        "serviceNamespace": "ecs",
        "scalableDimension": "ecs:service:DesiredCount",
        "resourceId": f"service/the-cluster/aussie-markets-api-{stack}",
    }
    assert deployment.only(SCALING).inputs == {
        **scaled,
        "minCapacity": least,
        "maxCapacity": most,
    }
    assert {name: policy.inputs for name, policy in deployment.of(SCALING_POLICY).items()} == {
        f"svc-{label}": {
            **scaled,
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "predefinedMetricSpecification": {"predefinedMetricType": metric},
                "targetValue": percent,
                "scaleOutCooldown": 300,
                "scaleInCooldown": 300,
            },
        }
        for label, metric, percent in (
            ("cpu", "ECSServiceAverageCPUUtilization", 70),
            ("memory", "ECSServiceAverageMemoryUtilization", 80),
        )
    }
    assert deployment.of(SCHEDULED) == {}


def test_scheduled_scaling() -> None:
    morning = {"cron": "0 8 ? * MON-FRI *", "min_tasks": 2, "max_tasks": 6}
    night = {"cron": "0 20 * * ? *", "time_zone": "UTC", "min_tasks": 0, "max_tasks": 2}
    deployment = service(scaling={"schedule": {"night": night, "morning": morning}})
    actions = deployment.of(SCHEDULED)
    assert actions.keys() == {"svc-morning", "svc-night"}
    assert actions["svc-morning"].inputs == {
        "serviceNamespace": "ecs",
        "scalableDimension": "ecs:service:DesiredCount",
        "resourceId": "service/the-cluster/aussie-markets-api-staging",
        "schedule": "cron(0 8 ? * MON-FRI *)",
        "timezone": "Australia/Brisbane",
        "scalableTargetAction": {"minCapacity": 2, "maxCapacity": 6},
    }
    assert actions["svc-night"].inputs["timezone"] == "UTC"
    assert deployment.only(SCALING).urn in actions["svc-night"].depends_on


def test_without_autoscaling_the_count_is_the_settings() -> None:
    deployment = service(scaling={"autoscaling": False, "min_tasks": 2})
    for type_ in (SCALING, SCALING_POLICY, SCHEDULED):
        assert deployment.of(type_) == {}
    ecs = deployment.only(SERVICE)
    assert ecs.inputs["desiredCount"] == 2
    assert ecs.ignore_changes == ()
    outputs = deployment.outputs[deployment.only(COMPONENT).urn]
    assert (outputs["min_tasks"], outputs["max_tasks"]) == (2, 2)


# -- anywhere --------------------------------------------------------------------------------


def test_zones_and_region_are_settings() -> None:
    deployment = service(region="eu-west-1", subnet_ids=("a", "b", "c"))
    inputs = deployment.only(SERVICE).inputs
    assert inputs["networkConfiguration"]["subnets"] == ["a", "b", "c"]
    for resource in deployment.resources:
        text = json.dumps(resource.inputs).replace(PARAMETERS, "").replace(REPOSITORY, "")
        for given in (IMAGE, KEY, SECURITY, AUDIT):
            text = text.replace(given, "")
        assert REGION not in text


def test_a_capacity_of_its_own() -> None:
    capacity = {"base": 2, "fargate_weight": 1, "spot_weight": 1}
    strategy = service(capacity=capacity).only(SERVICE).inputs["capacityProviderStrategies"]
    assert strategy == [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1},
    ]


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [(cpu, each[index]) for cpu, each in FARGATE_MEMORY.items() for index in (0, -1)],
)
def test_every_size_reaches_the_task(cpu: int, memory: int) -> None:
    inputs = service(cpu=cpu, memory_mib=memory).only(TASK).inputs
    assert (inputs["cpu"], inputs["memory"]) == (str(cpu), str(memory))


@pytest.mark.parametrize(
    ("stack", "colours"), [("staging", ["blue"]), ("production", ["blue", "green"])]
)
def test_registered_outputs(stack: str, colours: list[str]) -> None:
    deployment = service(stack)
    assert deployment.outputs[deployment.only(COMPONENT).urn] == {
        "service_name": f"aussie-markets-api-{stack}",
        "cluster_name": "the-cluster",
        "task_family": f"aussie-markets-api-{stack}",
        "container_name": "api",
        "log_group_name": f"/aws/ecs/aussie-markets-api-{stack}",
        "execution_role_arn": "arn:aws:mock:::role/svc-exec-arn",
        "task_role_arn": "arn:aws:mock:::role/svc-task-arn",
        "min_tasks": 1 if stack == "staging" else 3,
        "max_tasks": 3 if stack == "staging" else 10,
        "target_group_arns": [f"arn:aws:mock:::target-group/api-{c}-arn" for c in colours],
        "target_group_arn_suffixes": [f"api-{colour}-suffix" for colour in colours],
        "rollback_alarm_names": [
            f"svc-{kind}-{colour}-a1b2c3d" for colour in colours for kind in ("errors", "unhealthy")
        ],
    }
