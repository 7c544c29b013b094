"""ECS, load balancers and autoscaling: what AWS changes, replaces, refuses and deletes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.providers.aws import table_service
from local.providers.aws.api import Api, ApiError
from local.providers.aws.functions import FUNCTIONS
from local.providers.aws.journal import Journal
from local.providers.aws.operations import Operations
from local.providers.aws.rows import Call
from local.providers.aws.table import TABLE
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import ROLE, SUBNET, VPC, MakeOperations, Stack, trust
from tests.local.aws.build_service import (
    BALANCER,
    CAPACITY,
    CERTIFICATE,
    CLUSTER,
    FARGATE,
    LISTENER,
    POLICY,
    RULE,
    SCALED,
    SCHEDULED,
    SERVICE,
    STRATEGY,
    TARGETS,
    TASK,
    build_service,
    certificate,
    container,
)

NETWORK = {"subnets": ["subnet-0123456789abcdef0"]}
FORWARD = {"type": "forward", "targetGroupArn": UNKNOWN}
EVERYTHING = [{"pathPattern": {"values": ["/*"]}}]
IDENTITY = {
    "serviceNamespace": "ecs",
    "resourceId": "service/main/api",
    "scalableDimension": "ecs:service:DesiredCount",
}
CPU = {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}


def tracking(**changes: Any) -> Properties:
    configuration = {"targetValue": 70, "predefinedMetricSpecification": CPU, **changes}
    given = {name: value for name, value in configuration.items() if value is not None}
    return {
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": given,
    }


def position(stack: Stack, token: str, nth: int = 0) -> int:
    return [i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token][nth]


def drift(stack: Stack, index: int) -> tuple[str, ...]:
    operations, resource_id, inputs = stack.created[index]
    found = operations.read(resource_id, inputs) or {}
    return operations.diff(inputs, operations.inputs_now(inputs, found)).changed


def updated(stack: Stack, index: int, **changes: Any) -> Properties:
    """The changed properties as they read back after the update."""
    found = stack.update(index, **changes)
    assert drift(stack, index) == ()
    return {name: found.get(name) for name in changes}


# -- updates ---------------------------------------------------------------------------------


def test_a_cluster_and_its_capacity_are_changed_in_place(stack: Stack) -> None:
    build_service(stack, "cluster")
    settings: Properties = {
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "configuration": {"executeCommandConfiguration": {"logging": "NONE"}},
    }
    assert updated(stack, position(stack, CLUSTER), **settings) == settings
    capacity: Properties = {
        "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
    }
    assert updated(stack, position(stack, CAPACITY), **capacity) == capacity


def test_a_service_is_changed_in_place(stack: Stack) -> None:
    build_service(stack, "changed")
    index = position(stack, SERVICE)
    given = stack.created[index][2]
    changes: Properties = {
        "desiredCount": 4,
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        "availabilityZoneRebalancing": "DISABLED",
        "deploymentMaximumPercent": 150,
        "deploymentMinimumHealthyPercent": 50,
        "deploymentCircuitBreaker": {"enable": True, "rollback": False},
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "10"},
        "alarms": {"alarmNames": ["other"], "enable": True, "rollback": True},
        "healthCheckGracePeriodSeconds": 120,
        "enableExecuteCommand": False,
        "enableEcsManagedTags": False,
        "propagateTags": "TASK_DEFINITION",
        "platformVersion": "1.4.0",
        "networkConfiguration": {**given["networkConfiguration"], "assignPublicIp": True},
        "triggers": {"release": "2"},
    }
    assert updated(stack, index, **changes) == changes


def test_what_a_service_may_lack_is_taken_away(stack: Stack) -> None:
    build_service(stack, "taken")
    index = position(stack, SERVICE)
    found = stack.update(
        index,
        alarms=None,
        deploymentConfiguration={"strategy": "ROLLING"},
        deploymentCircuitBreaker=None,
        healthCheckGracePeriodSeconds=None,
        loadBalancers=None,
    )
    assert "alarms" not in found
    assert "deploymentCircuitBreaker" not in found
    assert not found.get("loadBalancers")
    assert not found.get("healthCheckGracePeriodSeconds")
    assert found["desiredCount"] == 2


def test_an_update_leaves_the_count_that_autoscaling_chose(stack: Stack, api: Api) -> None:
    build_service(stack, "count")
    index = position(stack, SERVICE)
    operations, arn, inputs = stack.created[index]
    request = {"cluster": inputs["cluster"], "service": arn, "desiredCount": 7}
    api.call("ecs", Call("update_service"), {}, request)
    assert drift(stack, index) == ("desiredCount",)
    news = {**inputs, "propagateTags": "NONE"}
    sent = {**news, "desiredCount": 7}  # as an engine that ignores its changes sends it
    operations.update("urn:count", arn, {**inputs, "desiredCount": 7}, sent)
    found = operations.read(arn, inputs) or {}
    assert (found["desiredCount"], found["propagateTags"]) == (7, "NONE")


def test_a_new_revision_is_deployed_and_the_old_one_gone(stack: Stack, api: Api) -> None:
    build_service(stack, "release")
    where = position(stack, TASK)
    operations, old, inputs = stack.created[where]
    family = inputs["family"]
    definition = json.dumps([container(image="api:2.0.0")])
    news = {name: value for name, value in inputs.items() if name != "volumes"}
    news["containerDefinitions"] = definition
    difference = operations.diff(inputs, news)
    assert difference.replaces == ("containerDefinitions", "volumes")
    assert not difference.delete_first
    _, task = stack.create(
        TASK, "api", **{name: value for name, value in news.items() if name != "tags"}
    )
    assert task["revision"] == 2
    assert task["arnWithoutRevision"].endswith(f"task-definition/{family}")
    service = position(stack, SERVICE)
    assert updated(stack, service, taskDefinition=task["arn"])["taskDefinition"] == task["arn"]
    request = {
        "cluster": stack.created[service][2]["cluster"],
        "services": [stack.created[service][1]],
    }
    (found,) = api.call("ecs", Call("describe_services"), {}, request)["services"]
    (deployment,) = found["deployments"]
    assert deployment["taskDefinition"] == task["arn"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 2)
    operations.delete(old, inputs)
    assert operations.read(old, inputs) is None
    assert drift(stack, len(stack.created) - 1) == ()


def test_the_deployments_of_a_service_are_listed_and_described(stack: Stack, api: Api) -> None:
    build_service(stack, "deployments")
    _, service, inputs = stack.created[position(stack, SERVICE)]
    request = {"cluster": inputs["cluster"], "service": service}
    api.call("ecs", Call("update_service"), {}, {**request, "desiredCount": 2})
    (listed,) = api.call("ecs", Call("list_service_deployments"), {}, request)["serviceDeployments"]
    assert (listed["serviceArn"], listed["status"]) == (service, "SUCCESSFUL")
    arns = [listed["serviceDeploymentArn"], f"{listed['serviceDeploymentArn']}0"]
    answer = api.call(
        "ecs", Call("describe_service_deployments"), {}, {"serviceDeploymentArns": arns}
    )
    assert [one["serviceDeploymentArn"] for one in answer["serviceDeployments"]] == arns[:1]
    assert answer["failures"] == [{"arn": arns[1], "reason": "MISSING"}]


def test_only_a_running_task_that_allows_it_is_entered(stack: Stack, api: Api) -> None:
    build_service(stack, "entered")
    _, _, service = stack.created[position(stack, SERVICE)]
    given = service["networkConfiguration"]
    network = {name: given[name] for name in ("subnets", "securityGroups")}
    definition = {**FARGATE, "family": "entered", "containerDefinitions": [container(memory=512)]}
    registered = api.call("ecs", Call("register_task_definition"), {}, definition)

    def start(**how: Any) -> dict[str, Any]:
        request = {
            "cluster": service["cluster"],
            "taskDefinition": registered["taskDefinition"]["taskDefinitionArn"],
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": network},
        }
        (task,) = api.call("ecs", Call("run_task"), {}, {**request, **how})["tasks"]
        return {"cluster": service["cluster"], "task": task["taskArn"]}

    def enter(where: dict[str, Any]) -> dict[str, Any]:
        request = {**where, "container": "api", "interactive": True, "command": "/bin/sh"}
        return dict(api.call("ecs", Call("execute_command"), {}, request))

    with pytest.raises(ApiError, match="execute command was not enabled"):
        enter(start())
    where = start(enableExecuteCommand=True)
    for _ in range(9):
        tasks = {"cluster": where["cluster"], "tasks": [where["task"]]}
        (task,) = api.call("ecs", Call("describe_tasks"), {}, tasks)["tasks"]
        (agent,) = task["containers"][0]["managedAgents"]
        assert (task["lastStatus"], agent["lastStatus"]) == ("RUNNING", "RUNNING")
        assert task["containers"][0]["runtimeId"]
    answer = enter(where)
    assert (answer["taskArn"], answer["containerName"]) == (where["task"], "api")
    assert answer["session"]["tokenValue"]
    api.call("ecs", Call("stop_task"), {}, where)
    with pytest.raises(ApiError, match="execute command was not enabled"):
        enter(where)


def test_a_revision_that_is_to_stay_stays(stack: Stack) -> None:
    text = json.dumps([container()])
    arn, _ = stack.create(
        TASK, "kept", family="kept", containerDefinitions=text, skipDestroy=True, **FARGATE
    )
    operations, _, inputs = stack.created[0]
    operations.delete(arn, inputs)
    assert operations.read(arn, inputs) is not None


def test_a_revision_registered_beside_the_stack_is_no_drift(stack: Stack, api: Api) -> None:
    text = json.dumps([container()])
    stack.create(TASK, "own", family="own", containerDefinitions=text, **FARGATE)
    other = {"family": "own", "containerDefinitions": [{"name": "x", "image": "x"}], **FARGATE}
    api.call("ecs", Call("register_task_definition"), {}, other)
    assert drift(stack, 0) == ()


def test_a_load_balancer_is_changed_in_place(stack: Stack, api: Api) -> None:
    build_service(stack, "balancer")
    index = position(stack, BALANCER)
    vpc = stack.created[position(stack, VPC)][1]
    third, _ = stack.create(
        SUBNET, "c", vpcId=vpc, cidrBlock="10.0.3.0/24", availabilityZone="ap-southeast-2c"
    )
    group = api.call(
        "ec2",
        Call("create_security_group"),
        {},
        {"GroupName": "other-balancer", "Description": "other", "VpcId": vpc},
    )["GroupId"]
    changes: Properties = {
        "subnets": [*stack.created[index][2]["subnets"], third],
        "securityGroups": [group],
        "ipAddressType": "dualstack",
        "idleTimeout": 90,
        "dropInvalidHeaderFields": False,
        "desyncMitigationMode": "monitor",
        "enableHttp2": False,
        "enableDeletionProtection": True,
        "xffHeaderProcessingMode": "remove",
        "accessLogs": {"bucket": "another", "enabled": False},
    }
    assert updated(stack, index, **changes) == changes
    assert "connectionLogs" not in stack.update(index, connectionLogs=None)


def test_a_target_group_is_changed_in_place(stack: Stack) -> None:
    build_service(stack, "targets")
    index = position(stack, TARGETS)
    changes: Properties = {
        "deregistrationDelay": 60,
        "slowStart": 0,
        "loadBalancingAlgorithmType": "least_outstanding_requests",
        "healthCheck": {"path": "/ready", "matcher": "200", "interval": 20, "timeout": 4},
        "stickiness": {"type": "app_cookie", "cookieName": "session", "cookieDuration": 60},
    }
    assert updated(stack, index, **changes) == changes
    assert "stickiness" not in stack.update(index, stickiness=None)


def test_a_listener_is_changed_in_place_and_keeps_its_other_certificates(stack: Stack) -> None:
    build_service(stack, "listener")
    index = position(stack, LISTENER, 1)
    refuse = {"contentType": "text/plain", "statusCode": "503"}
    changes: Properties = {
        "port": 444,
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "certificateArn": certificate(stack, "new.example.com"),
        "defaultActions": [{"type": "fixed-response", "fixedResponse": refuse}],
        "routingHttpResponseXFrameOptionsHeaderValue": "DENY",
        "routingHttpResponseServerEnabled": True,
    }
    assert updated(stack, index, **changes) == changes
    name = "routingHttpResponseStrictTransportSecurityHeaderValue"
    assert not stack.update(index, **{name: None}).get(name)
    assert drift(stack, position(stack, CERTIFICATE)) == ()


def test_a_rule_is_changed_in_place(stack: Stack) -> None:
    build_service(stack, "rule")
    index = position(stack, RULE)
    fixed = {"contentType": "text/html", "statusCode": "503", "messageBody": "Back soon"}
    changes: Properties = {
        "priority": 20,
        "conditions": [{"hostHeader": {"values": ["a.example.com", "b.example.com"]}}],
        "actions": [{"type": "fixed-response", "fixedResponse": fixed}],
    }
    assert updated(stack, index, **changes) == changes


def test_weights_that_ecs_shifts_are_read(stack: Stack, api: Api) -> None:
    build_service(stack, "weights")
    index = position(stack, RULE)
    _, arn, inputs = stack.created[index]
    groups = inputs["actions"][0]["forward"]["targetGroups"]
    shifted = [
        {"TargetGroupArn": group["arn"], "Weight": weight}
        for group, weight in zip(groups, (0, 100), strict=True)
    ]
    stickiness = {"Enabled": True, "DurationSeconds": 600}
    forward = {"TargetGroups": shifted, "TargetGroupStickinessConfig": stickiness}
    actions = [{"Type": "forward", "ForwardConfig": forward}]
    api.call("elbv2", Call("modify_rule"), {}, {"RuleArn": arn, "Actions": actions})
    assert drift(stack, index) == ("actions",)


def test_scaling_is_changed_in_place_with_the_same_policy_and_no_alarm_left_over(
    stack: Stack, api: Api
) -> None:
    build_service(stack, "scaling")

    def alarms() -> set[str]:
        found = api.call("cloudwatch", Call("describe_alarms"), {})["MetricAlarms"]
        return {one["AlarmArn"] for one in found if "api-scaling-" in one["AlarmName"]}

    bounds: Properties = {"minCapacity": 3, "maxCapacity": 12}
    assert updated(stack, position(stack, SCALED), **bounds) == bounds
    index = position(stack, POLICY)
    before = stack.created[index][0].read(*stack.created[index][1:]) or {}
    count = len(alarms())
    changes = {
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 50,
            "scaleInCooldown": 60,
            "predefinedMetricSpecification": CPU,
        }
    }
    assert updated(stack, index, **changes) == changes
    after = stack.created[index][0].read(*stack.created[index][1:]) or {}
    assert after["arn"] == before["arn"]
    assert set(after["alarmArns"]) <= alarms()
    assert len(alarms()) == count
    timing: Properties = {
        "schedule": "rate(1 day)",
        "timezone": "UTC",
        "scalableTargetAction": {"minCapacity": 1},
    }
    assert updated(stack, position(stack, SCHEDULED), **timing) == timing
    assert "endTime" not in stack.update(position(stack, SCHEDULED), endTime=None)


def test_bounds_that_a_runbook_moved_are_read(stack: Stack, api: Api) -> None:
    build_service(stack, "bounds")
    index = position(stack, SCALED)
    key = {
        "ServiceNamespace": "ecs",
        "ResourceId": stack.created[index][2]["resourceId"],
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    moved = {**key, "MinCapacity": 0, "MaxCapacity": 0}
    api.call("application-autoscaling", Call("register_scalable_target"), {}, moved)
    assert drift(stack, index) == ("maxCapacity", "minCapacity")


# -- replacements ----------------------------------------------------------------------------

_BALANCER = {"name": "a", "loadBalancerType": "application"}
_TARGETS = {"name": "a", "port": 80, "protocol": "HTTP", "vpcId": "vpc-1", "targetType": "ip"}
_SERVICE = {"name": "a", "cluster": "c", "taskDefinition": "t"}


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (CLUSTER, {"name": "a"}, {"name": "b"}),
        (CAPACITY, {"clusterName": "a"}, {"clusterName": "b"}),
        *(
            (TASK, {"family": "a"}, {name: value})
            for name, value in (
                ("family", "b"),
                ("cpu", "512"),
                ("memory", "1024"),
                ("containerDefinitions", "[]"),
                ("taskRoleArn", "other"),
                ("executionRoleArn", "other"),
                ("runtimePlatform", {"cpuArchitecture": "ARM64"}),
                ("ephemeralStorage", {"sizeInGib": 30}),
                ("volumes", [{"name": "tmp"}]),
            )
        ),
        *(
            (SERVICE, _SERVICE, {name: value})
            for name, value in (
                ("name", "b"),
                ("cluster", "other"),
                ("launchType", "FARGATE"),
                ("schedulingStrategy", "DAEMON"),
                ("deploymentController", {"type": "EXTERNAL"}),
                ("capacityProviderStrategies", STRATEGY),
            )
        ),
        (BALANCER, _BALANCER, {"internal": True}),
        (BALANCER, _BALANCER, {"name": "b"}),
        *(
            (TARGETS, _TARGETS, {name: value})
            for name, value in (
                ("port", 81),
                ("protocol", "HTTPS"),
                ("targetType", "instance"),
                ("vpcId", "vpc-2"),
                ("protocolVersion", "HTTP2"),
                ("name", "b"),
            )
        ),
        (LISTENER, {"loadBalancerArn": "a"}, {"loadBalancerArn": "b"}),
        (RULE, {"listenerArn": "a"}, {"listenerArn": "b"}),
        (CERTIFICATE, {"certificateArn": "a"}, {"certificateArn": "b"}),
        *(
            (token, {"name": "a", **IDENTITY}, {"resourceId": "service/main/other"})
            for token in (SCALED, POLICY, SCHEDULED)
        ),
        (POLICY, {"name": "a", **IDENTITY}, {"name": "b"}),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


def test_another_strategy_is_no_replacement_where_a_deployment_may_be_forced(
    operations: MakeOperations,
) -> None:
    olds = {**_SERVICE, "capacityProviderStrategies": STRATEGY, "forceNewDeployment": True}
    news = {**olds, "capacityProviderStrategies": STRATEGY[:1]}
    service = operations(SERVICE)
    assert service.diff(olds, news).replaces == ()
    assert service.diff(olds, {**news, "forceNewDeployment": False}).replaces == (
        "capacityProviderStrategies",
    )


def test_a_made_target_group_is_replaced_before_it_goes_and_a_listener_after(
    operations: MakeOperations,
) -> None:
    made = {**_TARGETS, "__defaults": ["name"]}
    assert not operations(TARGETS).diff(made, {**made, "port": 81}).delete_first
    moved = operations(LISTENER).diff({"loadBalancerArn": "a"}, {"loadBalancerArn": "b"})
    assert moved.delete_first


# -- refusals at preview ---------------------------------------------------------------------


def _task(**changes: Any) -> Properties:
    return {
        "family": "a",
        "containerDefinitions": json.dumps([container()]),
        **FARGATE,
        **changes,
    }


def _with(**changes: Any) -> Properties:
    return _task(containerDefinitions=json.dumps([container(**changes)]))


def _listener(**changes: Any) -> Properties:
    return {"loadBalancerArn": UNKNOWN, "port": 80, "defaultActions": [FORWARD], **changes}


def _rule(**changes: Any) -> Properties:
    return {
        "listenerArn": UNKNOWN,
        "priority": 1,
        "actions": [FORWARD],
        "conditions": EVERYTHING,
        **changes,
    }


def _group(**changes: Any) -> Properties:
    return {"vpcId": UNKNOWN, "port": 80, "protocol": "HTTP", "targetType": "ip", **changes}


def _of_fargate(**changes: Any) -> Properties:
    return {
        "cluster": UNKNOWN,
        "taskDefinition": UNKNOWN,
        "capacityProviderStrategies": STRATEGY,
        "networkConfiguration": NETWORK,
        **changes,
    }


AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "/a"}}
SECRET = [{"name": "A", "valueFrom": "b"}]
TWO_SUBNETS = {"subnets": UNKNOWN}
HTTPS = {"protocol": "HTTPS", "port": 443, "certificateArn": UNKNOWN}
SIMPLE = [{"targetGroupArn": UNKNOWN, "containerName": "api", "containerPort": 3000}]


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (TASK, _task(memory="4096"), "", "'256' is not compatible with memory '4096'"),
        (TASK, _task(networkMode=None), "", "'NetworkMode' is a required property"),
        (TASK, _with(memory=1024), "containerDefinitions", "'api' is greater than for the task"),
        (TASK, _with(cpu=512), "containerDefinitions", "greater than the task's 256"),
        (TASK, _with(image=None), "containerDefinitions", "'Image' is a required property"),
        (TASK, _with(essential=False), "containerDefinitions", "one essential container"),
        (TASK, _with(secrets=SECRET), "containerDefinitions", "'executionRoleArn'"),
        (
            TASK,
            _with(logConfiguration=AWSLOGS),
            "containerDefinitions",
            "requires options: awslogs-region, awslogs-stream-prefix",
        ),
        (
            TASK,
            _with(mountPoints=[{"sourceVolume": "tmp", "containerPath": "/t"}]),
            "containerDefinitions",
            "Unknown volume 'tmp'",
        ),
        (
            TASK,
            _with(portMappings=[{"containerPort": 3000, "hostPort": 80}]),
            "containerDefinitions",
            "80 does not equal 3000",
        ),
        (
            TASK,
            _with(dependsOn=[{"containerName": "x", "condition": "START"}]),
            "containerDefinitions",
            "depends on 'x'",
        ),
        (TASK, _task(containerDefinitions="[{"), "containerDefinitions", "is no JSON list"),
        (
            TASK,
            _task(ephemeralStorage={"sizeInGib": 20}),
            "ephemeralStorage",
            "not between 21 and 200",
        ),
        (CLUSTER, {"settings": [{"name": "containerInsights", "value": "on"}]}, "settings", "on"),
        (
            CAPACITY,
            {
                "clusterName": "a",
                "capacityProviders": ["FARGATE"],
                "defaultCapacityProviderStrategies": STRATEGY,
            },
            "defaultCapacityProviderStrategies",
            "'FARGATE_SPOT' is not associated with the cluster",
        ),
        (SERVICE, _of_fargate(launchType="FARGATE"), "launchType", "Specifying both"),
        (
            SERVICE,
            _of_fargate(capacityProviderStrategies=[{**one, "base": 1} for one in STRATEGY]),
            "capacityProviderStrategies",
            "only one capacity provider with a base",
        ),
        (SERVICE, _of_fargate(networkConfiguration=None), "networkConfiguration", "awsvpc"),
        (
            SERVICE,
            _of_fargate(
                availabilityZoneRebalancing="ENABLED",
                deploymentMaximumPercent=100,
                deploymentMinimumHealthyPercent=0,
            ),
            "availabilityZoneRebalancing",
            "over 100",
        ),
        (
            SERVICE,
            _of_fargate(deploymentMaximumPercent=100),
            "deploymentMaximumPercent",
            "this will block deployments",
        ),
        (
            SERVICE,
            _of_fargate(loadBalancers=SIMPLE, deploymentConfiguration={"strategy": "BLUE_GREEN"}),
            "loadBalancers",
            "using the blue_green deployment strategy",
        ),
        (
            SERVICE,
            _of_fargate(deploymentConfiguration={"strategy": "GREEN"}),
            "deploymentConfiguration",
            "is not one of",
        ),
        (
            SERVICE,
            _of_fargate(
                deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "1441"}
            ),
            "deploymentConfiguration",
            "1440",
        ),
        (
            SERVICE,
            _of_fargate(deploymentConfiguration={"bakeTimeInMinutes": "5"}),
            "deploymentConfiguration",
            "ROLLING",
        ),
        (
            SERVICE,
            _of_fargate(healthCheckGracePeriodSeconds=60),
            "healthCheckGracePeriodSeconds",
            "only valid for services configured to use load balancers",
        ),
        (
            SERVICE,
            _of_fargate(serviceRegistries={"registryArn": UNKNOWN}),
            "serviceRegistries",
            "cannot set this property yet",
        ),
        (BALANCER, {"name": "x" * 33, **TWO_SUBNETS}, "name", "longer than '32'"),
        (BALANCER, {"name": "under_score", **TWO_SUBNETS}, "name", "letters, digits and hyphens"),
        (BALANCER, {"name": "internal-a", **TWO_SUBNETS}, "name", "cannot begin with"),
        (BALANCER, {"subnets": [UNKNOWN]}, "subnets", "expected minimum item count: 2"),
        (BALANCER, {"idleTimeout": 5000, **TWO_SUBNETS}, "idleTimeout", "between 1 and 4000"),
        (
            BALANCER,
            {"desyncMitigationMode": "strict", **TWO_SUBNETS},
            "desyncMitigationMode",
            "strictest",
        ),
        (BALANCER, {"loadBalancerType": "network", **TWO_SUBNETS}, "loadBalancerType", "only"),
        (TARGETS, _group(name="x" * 33), "name", "longer than '32'"),
        (TARGETS, _group(name="-a"), "name", "begin or end with a hyphen"),
        (TARGETS, _group(deregistrationDelay=3601), "deregistrationDelay", "0 and 3600"),
        (TARGETS, _group(slowStart=10), "slowStart", "between 30 and 900"),
        (TARGETS, _group(healthCheck={"path": "health"}), "healthCheck", "begin with a '/'"),
        (
            TARGETS,
            _group(healthCheck={"interval": 10, "timeout": 10}),
            "healthCheck",
            "must be smaller than the interval",
        ),
        (LISTENER, _listener(**{**HTTPS, "certificateArn": None}), "", "'Certificates'"),
        (
            LISTENER,
            _listener(sslPolicy="TLS-1-3", **HTTPS),
            "sslPolicy",
            "Policy TLS-1-3 not found",
        ),
        (LISTENER, _listener(protocol="HTTP", certificateArn=UNKNOWN), "certificateArn", "HTTP"),
        (LISTENER, _listener(protocol="TCP"), "protocol", "must be one of 'HTTP, HTTPS'"),
        (LISTENER, _listener(defaultActions=[{"type": "forward"}]), "defaultActions", "needs"),
        (
            LISTENER,
            _listener(
                defaultActions=[
                    {
                        "type": "fixed-response",
                        "fixedResponse": {"contentType": "text/plain", "statusCode": "99"},
                    }
                ]
            ),
            "defaultActions",
            "does not match",
        ),
        (RULE, _rule(priority=0), "priority", "less than the minimum of 1"),
        (RULE, _rule(priority=50001), "priority", "between 1 and 50000"),
        (RULE, _rule(conditions=[{"pathPattern": {"values": ["/a"] * 6}}]), "conditions", "5"),
        (
            RULE,
            _rule(
                actions=[
                    {
                        "type": "forward",
                        "forward": {"targetGroups": [{"arn": UNKNOWN, "weight": 1000}]},
                    }
                ]
            ),
            "actions",
            "between 0 and 999",
        ),
        (SCALED, {"minCapacity": 3, "maxCapacity": 2, **IDENTITY}, "maxCapacity", "less than"),
        (
            SCALED,
            {"minCapacity": 1, "maxCapacity": 2, **IDENTITY, "resourceId": "service/api"},
            "resourceId",
            "service/<cluster name>/<service name>",
        ),
        (
            POLICY,
            {**tracking(scaleInCooldown=-1), **IDENTITY},
            "targetTrackingScalingPolicyConfiguration",
            "less than 0",
        ),
        (
            POLICY,
            {**tracking(predefinedMetricSpecification=None), **IDENTITY},
            "targetTrackingScalingPolicyConfiguration",
            "Exactly one of",
        ),
        (
            POLICY,
            {
                **tracking(
                    predefinedMetricSpecification={
                        "predefinedMetricType": "ALBRequestCountPerTarget"
                    }
                ),
                **IDENTITY,
            },
            "targetTrackingScalingPolicyConfiguration",
            "is required with ALBRequestCountPerTarget",
        ),
        (
            POLICY,
            {"policyType": "TargetTrackingScaling", **IDENTITY},
            "targetTrackingScalingPolicyConfiguration",
            "a policy of type TargetTrackingScaling has",
        ),
        *(
            (
                SCHEDULED,
                {"schedule": text, "scalableTargetAction": {"minCapacity": 1}, **IDENTITY},
                "schedule",
                reason,
            )
            for text, reason in (
                ("cron(0 8 * * ?)", "six fields"),
                ("rate(1 days)", "minute, hour, day"),
                ("every day", "at(...) or cron(...) or rate(...)"),
            )
        ),
        (
            SCHEDULED,
            {
                "schedule": "rate(1 day)",
                "scalableTargetAction": {"minCapacity": 4, "maxCapacity": 2},
                **IDENTITY,
            },
            "scalableTargetAction",
            "less than",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: Properties, where: str, reason: str
) -> None:
    given = {name: value for name, value in properties.items() if value is not None}
    subject = operations(token)
    refusals = list(subject.refusals(subject.check("name", {}, given, b"seed")))
    assert any(place.split(".")[0] == where and reason in text for place, text in refusals), (
        refusals
    )
    assert {place.split(".")[0] for place, _ in refusals} == {where}


def test_subnets_of_one_zone_are_refused(stack: Stack) -> None:
    vpc, _ = stack.create(VPC, "main", cidrBlock="10.0.0.0/16")
    subnets = [
        stack.create(SUBNET, block, vpcId=vpc, cidrBlock=block, availabilityZone="ap-southeast-2a")[
            0
        ]
        for block in ("10.0.1.0/24", "10.0.2.0/24")
    ]
    operations = stack.operations(BALANCER)
    inputs = operations.check("one-zone", {}, {"subnets": subnets}, b"seed")
    ((where, reason),) = operations.refusals(inputs)
    assert where == "subnets"
    assert "same Availability Zone: ap-southeast-2a, ap-southeast-2a" in reason


@pytest.mark.parametrize("token", [BALANCER, TARGETS])
def test_a_made_name_has_room_for_24_characters(operations: MakeOperations, token: str) -> None:
    properties = {BALANCER: TWO_SUBNETS, TARGETS: _group()}[token]
    subject = operations(token)
    assert not list(subject.refusals(subject.check("n" * 24, {}, properties, b"seed")))
    refusals = dict(subject.refusals(subject.check("n" * 25, {}, properties, b"seed")))
    assert "1 characters over AWS's 32" in refusals["name"]


def _each_unknown(value: Any) -> Iterator[Any]:
    """`value` with one of its parts unknown, for each of them; then all of it."""
    parts = list(value.items()) if isinstance(value, dict) else []
    parts = list(enumerate(value)) if isinstance(value, list) else parts
    for key, part in parts:
        for changed in _each_unknown(part):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = changed
            yield copy
    yield UNKNOWN


def test_what_is_not_known_yet_is_not_refused(stack: Stack) -> None:
    build_service(stack, "unknown")
    tokens: set[str] = set()
    for operations, _, inputs in stack.created:
        if operations.token not in table_service.ROWS or operations.token in tokens:
            continue
        tokens.add(operations.token)
        for name in inputs.keys() - {"__defaults", "tags"}:
            for changed in _each_unknown(inputs[name]):
                refusals = list(operations.refusals({**inputs, name: changed}))
                assert refusals == [], (operations.token, name, changed)
    assert tokens == set(table_service.ROWS)


def test_two_that_are_not_known_yet_are_not_one_twice(operations: MakeOperations) -> None:
    balancer = operations(BALANCER)
    inputs = balancer.check("b", {}, {"subnets": [UNKNOWN, UNKNOWN]}, b"seed")
    assert list(balancer.refusals(inputs)) == []


# -- refusals of what others have ------------------------------------------------------------


def again(stack: Stack, index: int, **changes: Any) -> None:
    """Another resource like the one at `index`."""
    operations, _, inputs = stack.created[index]
    news = {name: value for name, value in {**inputs, **changes}.items() if value is not None}
    operations.create(f"urn:again:{operations.token}:{json.dumps(changes)}", news)


def test_a_service_is_refused_what_its_surroundings_lack(stack: Stack) -> None:
    build_service(stack, "lacking")
    index = position(stack, SERVICE)
    inputs = stack.created[index][2]
    (balancer,) = inputs["loadBalancers"]
    unused = stack.create(
        TARGETS, "unused", **_group(vpcId=stack.created[position(stack, VPC)][1])
    )[0]
    role = stack.create(ROLE, "wrong", assumeRolePolicy=trust("ec2.amazonaws.com"))[1]["arn"]
    bare = stack.create(
        TASK,
        "bare",
        family="bare-lacking",
        containerDefinitions=json.dumps([container()]),
        **FARGATE,
    )[1]["arn"]
    advanced = balancer["advancedConfiguration"]
    with pytest.raises(ApiError, match="Creation of service was not idempotent"):
        again(stack, index)
    for changes, reason in (
        (
            {"loadBalancers": [{**balancer, "targetGroupArn": unused}]},
            "an associated load balancer",
        ),
        ({"loadBalancers": [{**balancer, "containerName": "x"}]}, "container x does not exist"),
        ({"loadBalancers": [{**balancer, "containerPort": 80}]}, "container port 80 defined"),
        (
            {
                "loadBalancers": [
                    {**balancer, "advancedConfiguration": {**advanced, "roleArn": role}}
                ]
            },
            "must let ecs.amazonaws.com assume it",
        ),
        ({"taskDefinition": bare}, "valid taskRoleArn is not being used"),
        (
            {"capacityProviderStrategies": [{"capacityProvider": "OTHER", "weight": 1}]},
            "not associated with the cluster: OTHER",
        ),
    ):
        with pytest.raises(ApiError, match=reason):
            again(stack, index, name="another", **changes)


def test_a_name_a_port_and_a_priority_are_taken_once(stack: Stack) -> None:
    build_service(stack, "twice")
    for token, reason in (
        (BALANCER, "DuplicateLoadBalancerName"),
        (TARGETS, "DuplicateTargetGroupName"),
        (LISTENER, "A listener already exists on port 80"),
        (RULE, "PriorityInUse"),
    ):
        with pytest.raises(ApiError, match=reason):
            again(stack, position(stack, token))


def test_what_scales_needs_its_target_and_its_service(stack: Stack) -> None:
    with pytest.raises(ApiError, match="No scalable target registered"):
        stack.create(POLICY, "alone", **tracking(), **IDENTITY)
    daily = {"schedule": "rate(1 day)", "scalableTargetAction": {"minCapacity": 1}}
    with pytest.raises(ApiError, match="No scalable target registered"):
        stack.create(SCHEDULED, "alone", **daily, **IDENTITY)
    stack.create(CLUSTER, "main", name="main")
    with pytest.raises(ApiError, match="ECS service doesn't exist"):
        stack.create(SCALED, "alone", minCapacity=1, maxCapacity=2, **IDENTITY)


# -- deletion --------------------------------------------------------------------------------


def test_what_is_in_use_or_protected_is_not_deleted(stack: Stack) -> None:
    build_service(stack, "used")
    stack.update(position(stack, BALANCER), enableDeletionProtection=True)
    for token, reason in (
        (CLUSTER, "ClusterContainsServicesException"),
        (TARGETS, "currently in use by a listener or a rule"),
        (BALANCER, "deletion protection is enabled"),
    ):
        operations, resource_id, inputs = stack.created[position(stack, token)]
        with pytest.raises(ApiError, match=reason):
            operations.delete(resource_id, inputs)
    operations, service, inputs = stack.created[position(stack, SERVICE)]
    operations.delete(service, inputs)
    cluster = stack.created[position(stack, CLUSTER)]
    cluster[0].delete(*cluster[1:])
    assert cluster[0].read(*cluster[1:]) is None


def test_a_running_task_keeps_its_cluster(stack: Stack, api: Api) -> None:
    build_service(stack, "busy")
    operations, service, inputs = stack.created[position(stack, SERVICE)]
    network = {
        "subnets": inputs["networkConfiguration"]["subnets"],
        "securityGroups": inputs["networkConfiguration"]["securityGroups"],
    }
    text = json.dumps([container(memory=256)])
    family = {"family": "busy-debug", "containerDefinitions": text, **FARGATE}
    _, task = stack.create(TASK, "debug", **family)
    request = {
        "cluster": inputs["cluster"],
        "taskDefinition": task["arn"],
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
    }
    api.call("ecs", Call("run_task"), {}, request)
    operations.delete(service, inputs)
    cluster = stack.created[position(stack, CLUSTER)]
    with pytest.raises(ApiError, match="ClusterContainsTasksException"):
        cluster[0].delete(*cluster[1:])


def test_a_target_takes_its_policies_and_actions_with_it(stack: Stack) -> None:
    build_service(stack, "together")
    operations, resource_id, inputs = stack.created[position(stack, SCALED)]
    operations.delete(resource_id, inputs)
    for token in (POLICY, SCHEDULED):
        there = stack.created[position(stack, token)]
        assert there[0].read(*there[1:]) is None


def test_a_deleted_service_leaves_its_name_free(stack: Stack) -> None:
    build_service(stack, "free")
    index = position(stack, SERVICE)
    operations, service, inputs = stack.created[index]
    operations.delete(service, inputs)
    again(stack, index)
    assert operations.read(service, inputs) is not None


# -- regions and data ------------------------------------------------------------------------


def test_a_resource_of_another_region_is_there_alone(api: Api, journal: Journal) -> None:
    other = Api("us-east-1")
    cluster = Operations(CLUSTER, TABLE[CLUSTER], other, journal, {})
    inputs = cluster.check("c", {}, {"name": "elsewhere", "region": "us-east-1"}, b"seed")
    assert list(cluster.refusals(inputs)) == []
    arn, outputs = cluster.create("urn:elsewhere", inputs)
    assert (outputs["region"], arn.split(":")[3]) == ("us-east-1", "us-east-1")
    assert Operations(CLUSTER, TABLE[CLUSTER], api, journal, {}).read(arn, inputs) is None


def test_parameters_under_a_path_are_answered_and_none_is_an_answer(api: Api) -> None:
    ask = FUNCTIONS["aws:ssm/getParametersByPath:getParametersByPath"]
    nothing = ask(api, {"path": "/nowhere/release"})
    assert (nothing["names"], nothing["values"]) == ([], [])
    for number in range(12):
        request = {"Name": f"/many/release/{number:02}", "Value": str(number), "Type": "String"}
        api.call("ssm", Call("put_parameter"), {}, request)
    found = ask(api, {"path": "/many/release"})
    assert dict(zip(found["names"], found["values"], strict=True)) == {
        f"/many/release/{number:02}": str(number) for number in range(12)
    }
    assert ask(api, {"path": "/many"})["names"] == []
    assert len(ask(api, {"path": "/many", "recursive": True})["arns"]) == 12
