"""Clusters, load balancers and services of three environments, as AWS's APIs tell of them."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pytest

from tests.engine.conftest import REGION, Answer, LocalCloud, MakeCloud

# No stack of an account has made the hosted zone that the environments share.
DOMAIN: Final = {"zone": "create"}

# What each stack file says. Only staging's and production's are in the repository.
STACK_FILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "staging": {},
    "production": {
        "services": {
            "mailer": {
                "release": "api",
                "command": ["node", "mailer.js"],
                "secrets": {"DATABASE_URL": "database-url"},
                "scaling": {"autoscaling": False},
            },
            "reports": {
                "http": {"order": 7, "paths": ["/reports/*"], "hosts": ["reports.example.com"]},
                "scaling": {
                    "min_tasks": 2,
                    "max_tasks": 5,
                    "schedule": {"night": {"cron": "0 20 * * ? *", "min_tasks": 2, "max_tasks": 2}},
                },
            },
        }
    },
    "demo": {
        "stack": {"region": "us-west-2"},
        "network": {
            "vpc_cidr": "10.9.0.0/16",
            "availability_zones": ["a", "b", "c"],
            "public_subnets": ["10.9.1.0/24", "10.9.2.0/24", "10.9.3.0/24"],
            "private_subnets": ["10.9.16.0/20", "10.9.32.0/20", "10.9.48.0/20"],
        },
    },
}

SECRETS: Final = {
    "DATABASE_URL": "database-url",
    "REDIS_URL": "redis-url",
    "JWT_SECRET": "jwt-secret",
    "REFRESH_TOKEN_SECRET": "refresh-token-secret",
    "STRIPE_SECRET_KEY": "stripe-secret-key",
}

EVERY_STACK = pytest.mark.parametrize("stack", list(STACK_FILES))


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    """All three stacks at once; what the packs say of them is for other tests."""
    cloud = make_cloud()
    for stack in STACK_FILES:
        configure(cloud, stack)
    # The emulator is started by the first of them, so that none waits for another's.
    assert cloud.shell("true").code == 0
    with ThreadPoolExecutor(len(STACK_FILES)) as threads:
        for answer in threads.map(partial(up, cloud), STACK_FILES):
            assert answer.code == 0, answer.text
    return cloud


@pytest.fixture
def release(cloud: LocalCloud) -> Iterator[Callable[[str], None]]:
    """Says which image of production's API runs; a test that does not bring it up takes it back."""
    name = "/aussie-markets/production/release/api-image"
    ssm = cloud.client("ssm")
    before = ssm.get_parameters(Names=[name])["Parameters"]

    def put(image: str) -> None:
        ssm.put_parameter(Name=name, Value=image, Type="String", Overwrite=True)

    yield put
    running = container_of(cloud, "production")["image"]
    if ssm.get_parameter(Name=name)["Parameter"]["Value"] == running:
        return
    if before:
        put(before[0]["Value"])
    else:
        ssm.delete_parameter(Name=name)


def configure(cloud: LocalCloud, stack: str, /, **sections: dict[str, Any]) -> None:
    cloud.configure(stack, **{"domain": DOMAIN, **STACK_FILES[stack], **sections})


def up(cloud: LocalCloud, stack: str, *flags: str) -> Answer:
    return cloud.shell(" ".join(["pulumi up --yes --skip-preview", *flags]), stack)


def changes(answer: Answer) -> dict[str, str]:
    """What an `up` did, by the name of the resource."""
    assert answer.code == 0, answer.text
    # What comes before is a refresh, whose updates are of the state alone.
    _, _, updating = answer.text.partition("@ updating")
    done = r"aws:\S+ (\S+) (created|updated|deleted|replaced)\b"
    return dict(re.findall(done, updating))


def client(cloud: LocalCloud, stack: str, service: str) -> Any:
    return cloud.client(service, STACK_FILES[stack].get("stack", {}).get("region", REGION))


def service_of(cloud: LocalCloud, stack: str, name: str = "api") -> dict[str, Any]:
    known = cloud.outputs(stack)["services"][name]
    found = client(cloud, stack, "ecs").describe_services(
        cluster=known["cluster_name"], services=[known["service_name"]]
    )
    (service,) = found["services"]
    return dict(service)


def container_of(cloud: LocalCloud, stack: str, name: str = "api") -> dict[str, Any]:
    found = client(cloud, stack, "ecs").describe_task_definition(
        taskDefinition=service_of(cloud, stack, name)["taskDefinition"]
    )
    (container,) = found["taskDefinition"]["containerDefinitions"]
    return dict(container)


def rules_of(cloud: LocalCloud, stack: str, name: str = "api") -> dict[str, dict[str, Any]]:
    """The rules that forward to a service's target groups, by their priority."""
    outputs = cloud.outputs(stack)
    own = set(outputs["services"][name]["target_group_arns"])
    rules = client(cloud, stack, "elbv2").describe_rules(ListenerArn=outputs["listener_arn"])
    return {rule["Priority"]: rule for rule in rules["Rules"] if weights_of(rule).keys() & own}


def weights_of(rule: Mapping[str, Any]) -> dict[str, int]:
    """The target groups of a rule, with their shares in percent."""
    (action,) = rule["Actions"]
    if "TargetGroupArn" in action:
        return {action["TargetGroupArn"]: 100}
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    return {group["TargetGroupArn"]: group["Weight"] for group in groups}


def shift(cloud: LocalCloud, stack: str, rule: Mapping[str, Any]) -> dict[str, int]:
    """Exchange the weights of a rule, as ECS does at the end of a deployment."""
    before = weights_of(rule)
    after = dict(zip(before, reversed(before.values()), strict=True))
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in after.items()]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    client(cloud, stack, "elbv2").modify_rule(RuleArn=rule["RuleArn"], Actions=[forward])
    assert after != before
    return after


def scale(cloud: LocalCloud, stack: str, name: str = "api") -> int:
    """One task more, as autoscaling does."""
    service = service_of(cloud, stack, name)
    count = int(service["desiredCount"]) + 1
    client(cloud, stack, "ecs").update_service(
        cluster=service["clusterArn"], service=service["serviceName"], desiredCount=count
    )
    return count


@EVERY_STACK
def test_secrets_of_tasks_are_the_parameters_and_their_role_reads_no_others(
    cloud: LocalCloud, stack: str
) -> None:
    outputs = cloud.outputs(stack)
    secrets = {one["name"]: one["valueFrom"] for one in container_of(cloud, stack)["secrets"]}
    arns = outputs["parameter_arns"]
    assert secrets == {variable: arns[label] for variable, label in SECRETS.items()}

    found = client(cloud, stack, "ssm").get_parameters(
        Names=list(secrets.values()), WithDecryption=True
    )
    assert found["InvalidParameters"] == []
    assert {p["ARN"] for p in found["Parameters"]} == set(secrets.values())
    assert {p["Type"] for p in found["Parameters"]} == {"SecureString"}
    values = {p["ARN"]: p["Value"] for p in found["Parameters"]}
    assert values[secrets["DATABASE_URL"]].startswith("postgresql://")
    assert values[secrets["REDIS_URL"]].startswith("rediss://")

    iam = client(cloud, stack, "iam")
    role = outputs["services"]["api"]["execution_role_arn"].rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    resources = {one["Sid"]: one["Resource"] for one in document["Statement"]}
    assert sorted(resources["ReadSecrets"]) == sorted(secrets.values())
    assert resources["DecryptSecrets"] == outputs["parameters_key_arn"]


@EVERY_STACK
def test_clients_reach_the_load_balancer_by_https_alone(cloud: LocalCloud, stack: str) -> None:
    outputs, elb = cloud.outputs(stack), client(cloud, stack, "elbv2")
    arn = outputs["load_balancer_arn"]
    (balancer,) = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    assert balancer["SecurityGroups"] == [outputs["security_group_ids"]["load-balancer"]]
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(
        outputs["public_subnet_ids"]
    )
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in found}
    protected = "false" if stack == "staging" else "true"
    assert attributes["deletion_protection.enabled"] == protected
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["access_logs.s3.enabled"] == "true"

    listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    by_protocol = {listener["Protocol"]: listener for listener in listeners}
    assert by_protocol.keys() == {"HTTP", "HTTPS"}
    (redirect,) = by_protocol["HTTP"]["DefaultActions"]
    assert redirect["RedirectConfig"]["Protocol"] == "HTTPS"
    assert by_protocol["HTTPS"]["ListenerArn"] == outputs["listener_arn"]


@EVERY_STACK
def test_the_api_is_behind_its_target_groups_and_rules(cloud: LocalCloud, stack: str) -> None:
    outputs, elb = cloud.outputs(stack), client(cloud, stack, "elbv2")
    groups = outputs["services"]["api"]["target_group_arns"]
    rules = rules_of(cloud, stack)
    (attached,) = service_of(cloud, stack)["loadBalancers"]
    shifting = attached.pop("advancedConfiguration", None)
    assert attached == {
        "targetGroupArn": groups[0],
        "containerName": "api",
        "containerPort": 3000,
    }
    if stack == "staging":
        assert shifting is None
        assert {number: weights_of(rule) for number, rule in rules.items()} == {
            "40002": {groups[0]: 100}
        }
    else:
        role = shifting.pop("roleArn")
        assert client(cloud, stack, "iam").get_role(RoleName=role.rpartition("/")[2])
        assert shifting == {
            "alternateTargetGroupArn": groups[1],
            "productionListenerRule": rules["40001"]["RuleArn"],
            "testListenerRule": rules["40000"]["RuleArn"],
        }
        assert {number: set(weights_of(rule)) for number, rule in rules.items()} == {
            "40000": set(groups),
            "40001": set(groups),
        }
    for group in elb.describe_target_groups(TargetGroupArns=groups)["TargetGroups"]:
        assert (group["TargetType"], group["Port"], group["VpcId"]) == (
            *("ip", 3000),
            outputs["vpc_id"],
        )
        assert (group["HealthCheckPath"], group["Matcher"]) == ("/health", {"HttpCode": "200"})
        found = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
        attributes = {one["Key"]: one["Value"] for one in found["Attributes"]}
        assert attributes["deregistration_delay.timeout_seconds"] == "30"


@EVERY_STACK
def test_tasks_run_in_private_subnets_and_the_apis_security_group(
    cloud: LocalCloud, stack: str
) -> None:
    outputs = cloud.outputs(stack)
    for name in outputs["services"]:
        network = service_of(cloud, stack, name)["networkConfiguration"]["awsvpcConfiguration"]
        assert set(network["subnets"]) == set(outputs["private_subnet_ids"])
        assert network["securityGroups"] == [outputs["security_group_ids"]["api"]]
        assert network["assignPublicIp"] == "DISABLED"


@pytest.mark.parametrize(
    ("stack", "name", "expected"),
    [
        ("staging", "api", {"strategy": "ROLLING"}),
        ("production", "api", {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10}),
        ("production", "reports", {"strategy": "ROLLING"}),
        ("production", "mailer", {"strategy": "ROLLING"}),
        ("demo", "api", {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10}),
    ],
)
def test_how_a_new_version_takes_over(
    cloud: LocalCloud, stack: str, name: str, expected: dict[str, Any]
) -> None:
    service = service_of(cloud, stack, name)
    configuration = service["deploymentConfiguration"]
    alarms = configuration.pop("alarms", {"alarmNames": []})
    assert configuration == expected | {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
    }
    assert service["availabilityZoneRebalancing"] == "ENABLED"
    names = cloud.outputs(stack)["services"][name]["rollback_alarm_names"]
    assert alarms["alarmNames"] == names
    if name != "mailer":
        assert (alarms["enable"], alarms["rollback"]) == (True, True)
        found = client(cloud, stack, "cloudwatch").describe_alarms(AlarmNames=names)
        assert {alarm["AlarmName"] for alarm in found["MetricAlarms"]} == set(names)


@pytest.mark.parametrize(
    ("stack", "shares"),
    [
        ("staging", [("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 1)]),
        ("production", [("FARGATE", 1, 1)]),
    ],
)
def test_tasks_are_spread_over_the_kinds_of_fargate(
    cloud: LocalCloud, stack: str, shares: list[tuple[str, int, int]]
) -> None:
    found = service_of(cloud, stack)["capacityProviderStrategy"]
    assert [(one["capacityProvider"], one["base"], one["weight"]) for one in found] == shares


@pytest.mark.parametrize(
    ("stack", "name", "bounds"),
    [
        ("staging", "api", (1, 3)),
        ("production", "api", (3, 10)),
        ("production", "reports", (2, 5)),
        ("demo", "api", (3, 10)),
    ],
)
def test_services_scale_by_cpu_and_memory(
    cloud: LocalCloud, stack: str, name: str, bounds: tuple[int, int]
) -> None:
    scaling = client(cloud, stack, "application-autoscaling")
    resource = f"service/aussie-markets-cluster-{stack}/aussie-markets-{name}-{stack}"
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == bounds
    assert target["ScalableDimension"] == "ecs:service:DesiredCount"
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)
    policies = [
        policy["TargetTrackingScalingPolicyConfiguration"] for policy in found["ScalingPolicies"]
    ]
    assert {
        policy["PredefinedMetricSpecification"]["PredefinedMetricType"]: policy["TargetValue"]
        for policy in policies
    } == {"ECSServiceAverageCPUUtilization": 70, "ECSServiceAverageMemoryUtilization": 80}
    cooldowns = {(policy["ScaleInCooldown"], policy["ScaleOutCooldown"]) for policy in policies}
    assert cooldowns == {(300, 300)}


def test_settings_alone_make_a_worker(cloud: LocalCloud) -> None:
    service = service_of(cloud, "production", "mailer")
    assert service["loadBalancers"] == []
    assert service["desiredCount"] == 2
    container = container_of(cloud, "production", "mailer")
    assert [secret["name"] for secret in container["secrets"]] == ["DATABASE_URL"]
    assert container["portMappings"] == []
    targets = cloud.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs"
    )["ScalableTargets"]
    assert targets
    assert not [target for target in targets if "mailer" in target["ResourceId"]]


def test_settings_alone_make_a_second_http_service(cloud: LocalCloud) -> None:
    (group,) = cloud.outputs("production")["services"]["reports"]["target_group_arns"]
    (attached,) = service_of(cloud, "production", "reports")["loadBalancers"]
    assert (attached["targetGroupArn"], attached["containerName"]) == (group, "reports")
    ((number, rule),) = rules_of(cloud, "production", "reports").items()
    assert (number, weights_of(rule)) == ("702", {group: 100})
    patterns = {
        condition["Field"]: condition.get("PathPatternConfig") or condition["HostHeaderConfig"]
        for condition in rule["Conditions"]
    }
    assert patterns == {
        "path-pattern": {"Values": ["/reports/*"]},
        "host-header": {"Values": ["reports.example.com"]},
    }
    resource = "service/aussie-markets-cluster-production/aussie-markets-reports-production"
    (action,) = cloud.client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="ecs", ResourceId=resource
    )["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == ("cron(0 20 * * ? *)", "Australia/Brisbane")
    assert action["ScalableTargetAction"] == {"MinCapacity": 2, "MaxCapacity": 2}


def test_a_stack_file_alone_makes_an_environment_in_another_region(cloud: LocalCloud) -> None:
    outputs, ec2 = cloud.outputs("demo"), client(cloud, "demo", "ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [outputs["vpc_id"]]}])[
        "Subnets"
    ]
    assert sorted((subnet["CidrBlock"], subnet["AvailabilityZone"]) for subnet in subnets) == [
        *(("10.9.1.0/24", "us-west-2a"), ("10.9.16.0/20", "us-west-2a")),
        *(("10.9.2.0/24", "us-west-2b"), ("10.9.3.0/24", "us-west-2c")),
        *(("10.9.32.0/20", "us-west-2b"), ("10.9.48.0/20", "us-west-2c")),
    ]
    assert service_of(cloud, "demo")["desiredCount"] >= 3
    # Nothing of it is where the other stacks are, and nothing of it names their region.
    sydney = cloud.client("ec2").describe_vpcs(
        Filters=[{"Name": "tag:Environment", "Values": ["demo"]}]
    )
    assert sydney["Vpcs"] == []
    for resource in cloud.state("demo"):
        assert REGION not in repr(resource), resource["urn"]


def test_a_second_up_changes_nothing_not_even_what_ecs_and_autoscaling_did(
    cloud: LocalCloud,
) -> None:
    count = scale(cloud, "production")
    weights = shift(cloud, "production", rules_of(cloud, "production")["40001"])
    assert changes(up(cloud, "production")) == {}
    assert service_of(cloud, "production")["desiredCount"] == count
    assert weights_of(rules_of(cloud, "production")["40001"]) == weights


def test_a_release_replaces_images_and_leaves_weights_and_count_that_pulumi_has_seen(
    cloud: LocalCloud, release: Callable[[str], None]
) -> None:
    image = "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/aussie-markets-api:0a1b2c3"
    reports = container_of(cloud, "production", "reports")["image"]
    count = scale(cloud, "production")
    weights = shift(cloud, "production", rules_of(cloud, "production")["40001"])
    release(image)
    done = changes(up(cloud, "production", "--refresh"))
    assert done == {
        "aussie-markets-production-api-task": "deleted",
        "aussie-markets-production-api-service": "updated",
        "aussie-markets-production-mailer-task": "deleted",
        "aussie-markets-production-mailer-service": "updated",
    }
    images = [container_of(cloud, "production", name)["image"] for name in ("api", "mailer")]
    assert images == [image, image]
    assert container_of(cloud, "production", "mailer")["command"] == ["node", "mailer.js"]
    assert container_of(cloud, "production", "reports")["image"] == reports
    assert service_of(cloud, "production")["desiredCount"] == count
    assert weights_of(rules_of(cloud, "production")["40001"]) == weights
    seen = {
        r["urn"].rpartition("::")[2]: r["outputs"]
        for r in cloud.state("production")
        if r["type"] in ("aws:ecs/service:Service", "aws:lb/listenerRule:ListenerRule")
    }
    assert seen["aussie-markets-production-api-service"]["desiredCount"] == count
    (action,) = seen["aussie-markets-production-api-production"]["actions"]
    assert {one["arn"]: one["weight"] for one in action["forward"]["targetGroups"]} == weights


def test_the_strategy_is_changed_and_changed_back_in_place(cloud: LocalCloud) -> None:
    before = in_place(cloud)
    count = scale(cloud, "staging")
    configure(cloud, "staging", services={"api": {"deployment": {"strategy": "blue_green"}}})
    try:
        there = changes(up(cloud, "staging"))
        shifting = service_of(cloud, "staging")["deploymentConfiguration"]["strategy"]
        rules = rules_of(cloud, "staging")
        during = in_place(cloud)
        shift(cloud, "staging", rules["40001"])
    finally:
        configure(cloud, "staging")
        back = up(cloud, "staging")
    assert (shifting, set(rules), during) == ("BLUE_GREEN", {"40000", "40001"}, before)
    for done in (there, changes(back)):
        assert done["aussie-markets-staging-api-service"] == "updated"
        assert "replaced" not in done.values()
        assert not {name for name in done if name.startswith("aussie-markets-staging-lb")}
        assert not {"api-blue", "staging-api"} & done.keys()
    assert service_of(cloud, "staging")["deploymentConfiguration"]["strategy"] == "ROLLING"
    assert set(rules_of(cloud, "staging")) == {"40002"}
    assert in_place(cloud) == before
    assert service_of(cloud, "staging")["desiredCount"] == count


def in_place(cloud: LocalCloud) -> list[str]:
    """What staging's clients and runbooks would notice if it were another."""
    outputs = cloud.outputs("staging")
    (first, *_) = outputs["services"]["api"]["target_group_arns"]
    service = service_of(cloud, "staging")
    return [
        *(outputs["load_balancer_arn"], outputs["listener_arn"], first),
        *(service["serviceArn"], service["loadBalancers"][0]["targetGroupArn"]),
    ]


def test_production_refuses_a_release_that_may_be_another_image_tomorrow(
    cloud: LocalCloud, release: Callable[[str], None]
) -> None:
    image = "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/aussie-markets-api:latest"
    release(image)
    answer = cloud.shell("pulumi preview", "production")
    assert answer.code != 0
    # The one of the two services with this image that came first.
    assert re.search(f"The released image of (api|mailer) is {image}: must have a tag", answer.text)


def test_what_fargate_has_not_and_secrets_in_the_clear_are_refused(cloud: LocalCloud) -> None:
    committed = partial(configure, cloud, "staging")
    environment = {"SESSION_TOKEN": "sentinel-4711", "PARTNER": "https://me:sentinel-4712@host/"}
    committed(services={"api": {"cpu": 256, "memory_mib": 4096, "environment": environment}})
    answer = cloud.shell("pulumi preview")
    committed()
    assert answer.code != 0
    assert "aussie-markets:services.api.memory_mib" in answer.text
    assert "one of the MiB that Fargate has for cpu 256: 512, 1024, 2048" in answer.text
    assert "aussie-markets:services.api.environment.SESSION_TOKEN" in answer.text
    assert "aussie-markets:services.api.environment.PARTNER" in answer.text
    assert "sentinel" not in answer.text
