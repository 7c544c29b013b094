"""A service behind a load balancer, scaled, with every property that a platform sets."""

import json
from typing import Any

from local.providers.aws.rows import Call
from local.providers.aws.values import Properties
from tests.local.aws.build import (
    GROUP,
    KEY,
    LOG_GROUP,
    LOGS,
    ROLE,
    ROOT,
    SUBNET,
    VPC,
    Stack,
    document,
    trust,
)

CLUSTER = "aws:ecs/cluster:Cluster"
CAPACITY = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
CERTIFICATE = "aws:lb/listenerCertificate:ListenerCertificate"
SCALED = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
SCHEDULED = "aws:appautoscaling/scheduledAction:ScheduledAction"

FARGATE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
}
STRATEGY = [
    {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
    {"capacityProvider": "FARGATE_SPOT", "weight": 3},
]
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def container(**changes: Any) -> Properties:
    return {
        "name": "api",
        "image": "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/api:1.0.0",
        "essential": True,
        "readonlyRootFilesystem": True,
        "user": "1000:1000",
        "portMappings": [{"containerPort": 3000, "protocol": "tcp"}],
        **changes,
    }


def certificate(stack: Stack, host: str) -> str:
    api = stack.operations(LISTENER).api
    answer = api.call("acm", Call("request_certificate"), {}, {"DomainName": host})
    return str(answer["CertificateArn"])


def build_service(stack: Stack, suffix: str) -> None:
    vpc, _ = stack.create(VPC, "main", cidrBlock="10.0.0.0/16", enableDnsHostnames=True)
    subnets = [
        stack.create(SUBNET, zone, vpcId=vpc, cidrBlock=block, availabilityZone=zone)[0]
        for zone, block in (
            ("ap-southeast-2a", "10.0.1.0/24"),
            ("ap-southeast-2b", "10.0.2.0/24"),
        )
    ]
    group, _ = stack.create(GROUP, "web", vpcId=vpc, description="web")
    balancer, rules, groups = build_balancer(stack, suffix, vpc, subnets, group)
    cluster, task = build_cluster(stack, suffix)
    _, infrastructure = stack.create(
        ROLE, f"shift-{suffix}", assumeRolePolicy=trust("ecs.amazonaws.com")
    )
    stack.create(
        SERVICE,
        "api",
        name=f"api-{suffix}",
        cluster=cluster["arn"],
        taskDefinition=task["arn"],
        desiredCount=2,
        capacityProviderStrategies=STRATEGY,
        forceNewDeployment=True,
        platformVersion="LATEST",
        availabilityZoneRebalancing="ENABLED",
        deploymentMaximumPercent=200,
        deploymentMinimumHealthyPercent=100,
        deploymentCircuitBreaker={"enable": True, "rollback": True},
        deploymentController={"type": "ECS"},
        deploymentConfiguration={
            "strategy": "BLUE_GREEN",
            "bakeTimeInMinutes": "5",
            "lifecycleHooks": [
                {
                    "hookTargetArn": "arn:aws:lambda:ap-southeast-2:123456789012:function:check",
                    "roleArn": infrastructure["arn"],
                    "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
                    "hookDetails": json.dumps({"path": "/health"}),
                }
            ],
        },
        alarms={"alarmNames": [f"errors-{suffix}"], "enable": True, "rollback": True},
        healthCheckGracePeriodSeconds=60,
        enableEcsManagedTags=True,
        enableExecuteCommand=True,
        propagateTags="SERVICE",
        networkConfiguration={
            "subnets": subnets,
            "securityGroups": [group],
            "assignPublicIp": False,
        },
        loadBalancers=[
            {
                "targetGroupArn": groups[0]["arn"],
                "containerName": "api",
                "containerPort": 3000,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": groups[1]["arn"],
                    "productionListenerRule": rules[0],
                    "testListenerRule": rules[1],
                    "roleArn": infrastructure["arn"],
                },
            }
        ],
        triggers={"release": "1"},
        waitForSteadyState=True,
        sigintRollback=True,
    )
    labels = [balancer["arnSuffix"], groups[0]["arnSuffix"]]
    build_scaling(stack, f"service/{cluster['name']}/api-{suffix}", "/".join(labels))


def build_balancer(
    stack: Stack, suffix: str, vpc: str, subnets: list[str], group: str
) -> tuple[Properties, list[str], list[Properties]]:
    _, balancer = stack.create(
        BALANCER,
        f"a-{suffix}",
        internal=False,
        loadBalancerType="application",
        ipAddressType="ipv4",
        subnets=subnets,
        securityGroups=[group],
        accessLogs={"bucket": f"logs-{suffix}", "prefix": "alb", "enabled": True},
        connectionLogs={"bucket": f"logs-{suffix}", "prefix": "connections", "enabled": True},
        enableDeletionProtection=False,
        dropInvalidHeaderFields=True,
        desyncMitigationMode="strictest",
        idleTimeout=120,
        clientKeepAlive=1800,
        enableHttp2=True,
        enableTlsVersionAndCipherSuiteHeaders=True,
        enableXffClientPort=True,
        enableWafFailOpen=False,
        enableZonalShift=True,
        preserveHostHeader=True,
        xffHeaderProcessingMode="append",
    )
    groups = [
        stack.create(
            TARGETS,
            f"{colour}-{suffix}",
            vpcId=vpc,
            targetType="ip",
            port=3000,
            protocol="HTTP",
            protocolVersion="HTTP1",
            ipAddressType="ipv4",
            deregistrationDelay=30,
            slowStart=30,
            loadBalancingAlgorithmType="weighted_random",
            loadBalancingAnomalyMitigation="on",
            loadBalancingCrossZoneEnabled="true",
            healthCheck={
                "enabled": True,
                "path": "/health",
                "port": "traffic-port",
                "protocol": "HTTP",
                "matcher": "200-204",
                "interval": 15,
                "timeout": 5,
                "healthyThreshold": 2,
                "unhealthyThreshold": 4,
            },
            stickiness={"type": "lb_cookie", "enabled": True, "cookieDuration": 3600},
        )[1]
        for colour in ("blue", "green")
    ]
    stack.create(
        LISTENER,
        "http",
        loadBalancerArn=balancer["arn"],
        port=80,
        protocol="HTTP",
        defaultActions=[
            {
                "type": "redirect",
                "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"},
            }
        ],
    )
    refuse = {"contentType": "text/plain", "statusCode": "404", "messageBody": "Not found"}
    listeners = [
        stack.create(
            LISTENER,
            name,
            loadBalancerArn=balancer["arn"],
            port=port,
            protocol="HTTPS",
            sslPolicy=TLS_POLICY,
            certificateArn=certificate(stack, f"{name}.example.com"),
            defaultActions=[{"type": "fixed-response", "fixedResponse": refuse}],
            routingHttpResponseServerEnabled=False,
            routingHttpResponseStrictTransportSecurityHeaderValue="max-age=31536000",
        )[1]
        for name, port in (("https", 443), ("test", 8443))
    ]
    stack.create(
        CERTIFICATE,
        "other",
        listenerArn=listeners[0]["arn"],
        certificateArn=certificate(stack, "other.example.com"),
    )
    rules = [
        stack.create(
            RULE,
            listener["arn"][-5:],
            listenerArn=listener["arn"],
            priority=10,
            conditions=[{"pathPattern": {"values": ["/*"]}}],
            actions=[{"type": "forward", "forward": _weighted(groups, weights)}],
        )[0]
        for listener, weights in zip(listeners, ((100, 0), (0, 100)), strict=True)
    ]
    stack.create(
        RULE,
        "other",
        listenerArn=listeners[0]["arn"],
        priority=5,
        conditions=[
            {"hostHeader": {"values": ["api.example.com"]}},
            {"httpHeader": {"httpHeaderName": "X-Test", "values": ["yes"]}},
            {"httpRequestMethod": {"values": ["POST"]}},
            {"queryStrings": [{"key": "q", "value": "1"}]},
            {"sourceIp": {"values": ["192.0.2.0/24"]}},
        ],
        actions=[{"type": "forward", "targetGroupArn": groups[0]["arn"]}],
    )
    return balancer, rules, groups


def _weighted(groups: list[Properties], weights: tuple[int, ...]) -> Properties:
    return {
        "targetGroups": [
            {"arn": group["arn"], "weight": weight}
            for group, weight in zip(groups, weights, strict=True)
        ],
        "stickiness": {"enabled": True, "duration": 600},
    }


def build_cluster(stack: Stack, suffix: str) -> tuple[Properties, Properties]:
    _, key = stack.create(KEY, "exec", policy=document(ROOT, LOGS))
    _, logs = stack.create(LOG_GROUP, "exec", name=f"/{suffix}/exec", kmsKeyId=key["arn"])
    _, cluster = stack.create(
        CLUSTER,
        "main",
        name=f"main-{suffix}",
        settings=[{"name": "containerInsights", "value": "enhanced"}],
        configuration={
            "executeCommandConfiguration": {
                "kmsKeyId": key["arn"],
                "logging": "OVERRIDE",
                "logConfiguration": {
                    "cloudWatchEncryptionEnabled": True,
                    "cloudWatchLogGroupName": logs["name"],
                    "s3BucketEncryptionEnabled": True,
                    "s3BucketName": f"exec-{suffix}",
                },
            },
            "managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": key["arn"]},
        },
    )
    stack.create(
        CAPACITY,
        "main",
        clusterName=cluster["name"],
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategies=STRATEGY,
    )
    roles = [
        stack.create(ROLE, f"{name}-{suffix}", assumeRolePolicy=trust("ecs-tasks.amazonaws.com"))[
            1
        ]["arn"]
        for name in ("start", "task")
    ]
    return cluster, build_task(stack, f"api-{suffix}", roles)


def build_task(stack: Stack, family: str, roles: list[str]) -> Properties:
    parameter = "arn:aws:ssm:ap-southeast-2:123456789012:parameter/url"
    definition = container(
        # In another order than ECS answers them, which is by name.
        environment=[{"name": "PORT", "value": "3000"}, {"name": "LEVEL", "value": "info"}],
        secrets=[{"name": "DATABASE_URL", "valueFrom": parameter}],
        mountPoints=[{"sourceVolume": "tmp", "containerPath": "/tmp"}],  # noqa: S108 - a container's
        healthCheck={"command": ["CMD", "true"], "interval": 30, "retries": 3},
        linuxParameters={"initProcessEnabled": True},
        stopTimeout=60,
        logConfiguration={
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/api",
                "awslogs-region": "ap-southeast-2",
                "awslogs-stream-prefix": "api",
            },
        },
    )
    _, task = stack.create(
        TASK,
        "api",
        family=family,
        containerDefinitions=json.dumps([definition]),
        executionRoleArn=roles[0],
        taskRoleArn=roles[1],
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        ephemeralStorage={"sizeInGib": 30},
        volumes=[{"name": "tmp"}],
        enableFaultInjection=False,
        **FARGATE,
    )
    return task


def build_scaling(stack: Stack, resource: str, label: str) -> None:
    scaled = {
        "serviceNamespace": "ecs",
        "resourceId": resource,
        "scalableDimension": "ecs:service:DesiredCount",
    }
    stack.create(
        SCALED,
        "api",
        minCapacity=2,
        maxCapacity=10,
        suspendedState={
            "dynamicScalingInSuspended": False,
            "dynamicScalingOutSuspended": False,
            "scheduledScalingSuspended": False,
        },
        **scaled,
    )
    for name, metric in (
        ("cpu", {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}),
        ("requests", {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": label}),
    ):
        stack.create(
            POLICY,
            name,
            policyType="TargetTrackingScaling",
            targetTrackingScalingPolicyConfiguration={
                "targetValue": 70,
                "scaleInCooldown": 300,
                "scaleOutCooldown": 300,
                "disableScaleIn": False,
                "predefinedMetricSpecification": metric,
            },
            **scaled,
        )
    stack.create(
        SCHEDULED,
        "morning",
        schedule="cron(0 8 ? * MON-FRI *)",
        timezone="Australia/Brisbane",
        startTime="2027-01-01T00:00:00Z",
        endTime="2028-01-01T00:00:00Z",
        scalableTargetAction={"minCapacity": 3, "maxCapacity": 10},
        **scaled,
    )
