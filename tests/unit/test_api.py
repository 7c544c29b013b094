"""The API as a whole: its services from the settings, their images, and the order of it all."""

import json
from typing import Any

import pulumi
import pytest

from components.api import Api, ApiArgs
from components.cluster import Cluster, ClusterArgs
from components.naming import Names
from components.task import BOOTSTRAP_IMAGE
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy, settings_of

API = "aussie-markets:api:Api"
BALANCER_COMPONENT = "aussie-markets:load-balancer:LoadBalancer"
SERVICE_COMPONENT = "aussie-markets:service:Service"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
RULE = "aws:lb/listenerRule:ListenerRule"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
CAPACITY = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

LABELS = ("database-url", "redis-url", "jwt-secret", "refresh-token-secret", "stripe-secret-key")
WORKER = {"release": "api", "command": ["node", "worker.js"]}
REPORTS = {"http": {"order": 10, "paths": ["/reports/*"]}}

# IAM, CreateRole; Elastic Load Balancing, CreateLoadBalancer and CreateTargetGroup. Pulumi
# appends a hyphen and seven characters to a logical name.
ROLE_NAME_LIMIT = 64
BALANCER_NAME_LIMIT = 32
AUTO_NAME_SUFFIX = 8


def released(*services: str, stack: str = "staging") -> dict[str, str]:
    return {
        f"/aussie-markets/{stack}/release/{service}-image": f"registry.example/{service}:1a2b3c4"
        for service in services
    }


def api(
    stack: str = "staging",
    *,
    parameters: dict[str, str] | None = None,
    zones: tuple[str, ...] = ("a", "b"),
    preview: bool = False,
    certificate_arn: str | None = "arn:certificate",
    region: str = "ap-southeast-2",
    **sections: Any,
) -> Deployment:
    settings = settings_of(stack, {"stack": {"region": region}, **sections})
    names = Names(settings.environment)

    def program() -> None:
        cluster = Cluster(
            f"{names.prefix}-cluster",
            ClusterArgs(
                names=names,
                settings=settings.cluster,
                log_key_arn="arn:log-key",
                session_key_arn="arn:session-key",
            ),
        )
        Api(
            names.prefix,
            ApiArgs(
                names=names,
                region=settings.stack.region,
                account_id=ACCOUNT_ID,
                settings=settings.api,
                services=settings.services,
                cluster_arn=cluster.arn,
                cluster_name=cluster.name,
                capacity=settings.cluster.capacity,
                vpc_id="vpc-1",
                public_subnet_ids=[f"public-{zone}" for zone in zones],
                private_subnet_ids=[f"private-{zone}" for zone in zones],
                load_balancer_security_group_id="sg-lb",
                service_security_group_id="sg-api",
                certificate_arn=certificate_arn,
                parameter_arns={label: f"arn:parameter/{label}" for label in LABELS},
                parameters_key_arn="arn:parameters-key",
                log_key_arn="arn:log-key",
                written_log_group_arns=["arn:security", "arn:audit"],
            ),
        )

    return deploy(program, stack, preview=preview, parameters=parameters)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: found.append(text))
    return found


def container(deployment: Deployment, service: str) -> dict[str, Any]:
    task = deployment.of(TASK)[f"aussie-markets-staging-{service}-task"]
    (only,) = json.loads(task.inputs["containerDefinitions"])
    assert isinstance(only, dict)
    return only


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_every_stack_has_the_api_and_nothing_else(stack: str, preview: bool) -> None:
    deployment = api(stack, preview=preview)
    component = deployment.only(API)
    assert component.name == f"aussie-markets-{stack}"
    balancer, service = deployment.only(BALANCER_COMPONENT), deployment.only(SERVICE_COMPONENT)
    assert balancer.parent == component.urn
    assert service.parent == component.urn
    assert service.name == f"aussie-markets-{stack}-api"


@BOTH
def test_the_load_balancer_is_public_and_tasks_are_not(stack: str) -> None:
    deployment = api(stack)
    balancer = deployment.only(BALANCER).inputs
    assert balancer["subnets"] == ["public-a", "public-b"]
    assert balancer["securityGroups"] == ["sg-lb"]
    network = deployment.only(SERVICE).inputs["networkConfiguration"]
    assert network == {
        "subnets": ["private-a", "private-b"],
        "securityGroups": ["sg-api"],
        "assignPublicIp": False,
    }


@BOTH
def test_services_wait_for_the_capacity_providers_that_they_name(stack: str) -> None:
    deployment = api(stack)
    service = deployment.only(SERVICE)
    assert service.inputs["cluster"].endswith("-cluster-cluster-arn")
    assert deployment.only(CAPACITY).urn in service.depends_on


def test_rules_belong_to_the_listener_with_the_certificate() -> None:
    for deployment, listener in ((api(), "https"), (api(certificate_arn=None), "http")):
        rule = deployment.only(RULE)
        arn = f"arn:aws:mock:::listener/aussie-markets-staging-lb-{listener}-arn"
        assert rule.inputs["listenerArn"] == arn


def test_the_released_image_runs(warnings: list[str]) -> None:
    deployment = api(parameters=released("api", "other"))
    assert container(deployment, "api")["image"] == "registry.example/api:1a2b3c4"
    assert container(deployment, "api")["command"] == []
    assert warnings == []
    # Images are no secrets, and a preview shows which one comes.
    assert deployment.only(TASK).secret_inputs == frozenset()


def test_another_stacks_release_is_not_ours() -> None:
    deployment = api(parameters=released("api", stack="production"))
    assert container(deployment, "api")["image"] == BOOTSTRAP_IMAGE


@pytest.mark.parametrize("preview", [False, True])
def test_before_the_first_release_it_says_so_once(warnings: list[str], preview: bool) -> None:
    api(services={"worker": WORKER, "reports": REPORTS}, preview=preview)
    (warning,) = warnings
    assert warning.startswith(
        f"No image of api, worker, reports is released yet: {BOOTSTRAP_IMAGE}"
    )


def test_a_bad_release_is_refused() -> None:
    parameters = {"/aussie-markets/staging/release/api-image": "registry.example/api:latest"}
    with pytest.raises(pulumi.RunError, match=r"image of api is registry\.example/api:latest"):
        api(parameters=parameters)


def test_releases_are_read_once_and_by_the_stacks_provider() -> None:
    deployment = api(services={"worker": WORKER})
    assert [token for token, _ in deployment.invokes] == [
        "aws:ssm/getParametersByPath:getParametersByPath"
    ]


def test_a_worker_is_settings_alone(warnings: list[str]) -> None:
    deployment = api(parameters=released("api"), services={"worker": WORKER})
    assert deployment.of(SERVICE_COMPONENT).keys() == {
        "aussie-markets-staging-api",
        "aussie-markets-staging-worker",
    }
    worker = container(deployment, "worker")
    assert worker["image"] == container(deployment, "api")["image"]
    assert worker["command"] == ["node", "worker.js"]
    assert worker["secrets"] == []
    assert len(deployment.of(RULE)) == 1
    assert warnings == []


def test_a_second_http_service_is_settings_alone() -> None:
    deployment = api(parameters=released("api", "reports"), services={"reports": REPORTS})
    assert container(deployment, "reports")["image"] == "registry.example/reports:1a2b3c4"
    rules = {name: rule.inputs for name, rule in deployment.of(RULE).items()}
    assert rules.keys() == {
        "aussie-markets-staging-api-rolling",
        "aussie-markets-staging-reports-rolling",
    }
    reports = rules["aussie-markets-staging-reports-rolling"]
    assert reports["conditions"] == [{"pathPattern": {"values": ["/reports/*"]}}]
    # The API answers what nobody else does.
    assert reports["priority"] < rules["aussie-markets-staging-api-rolling"]["priority"]
    names = {service.inputs["name"] for service in deployment.of(SERVICE).values()}
    assert names == {"aussie-markets-api-staging", "aussie-markets-reports-staging"}


def pulled(deployment: Deployment, service: str) -> str:
    name = f"aussie-markets-staging-{service}-exec"
    policy = json.loads(deployment.of(ROLE_POLICY)[name].inputs["policy"])
    (resource,) = (s["Resource"] for s in policy["Statement"] if s["Sid"] == "PullImage")
    return str(resource)


def test_each_service_pulls_from_the_repository_of_its_image() -> None:
    deployment = api(services={"worker": WORKER, "reports": REPORTS})
    ours = f"arn:aws:ecr:ap-southeast-2:{ACCOUNT_ID}:repository/aussie-markets"
    assert pulled(deployment, "api") == f"{ours}-api"
    assert pulled(deployment, "worker") == f"{ours}-api"
    assert pulled(deployment, "reports") == f"{ours}-reports"


def test_images_may_be_in_another_account_and_region() -> None:
    registry = {"account_id": "999900001111", "region": "us-east-1"}
    deployment = api(api={"registry": registry})
    assert (
        pulled(deployment, "api")
        == "arn:aws:ecr:us-east-1:999900001111:repository/aussie-markets-api"
    )


def test_another_environment_is_a_stack_file_alone() -> None:
    deployment = api("demo", region="eu-west-1", zones=("a", "b", "c"), certificate_arn=None)
    service = deployment.only(SERVICE).inputs
    assert service["name"] == "aussie-markets-api-demo"
    # An unknown environment gets the careful defaults.
    assert service["deploymentConfiguration"]["strategy"] == "BLUE_GREEN"
    assert service["desiredCount"] == 3
    assert len(service["networkConfiguration"]["subnets"]) == 3
    assert len(deployment.only(BALANCER).inputs["subnets"]) == 3
    for resource in deployment.resources:
        assert "ap-southeast-2" not in json.dumps(resource.inputs)
        assert "staging" not in json.dumps(resource.inputs)


def test_auto_names_fit_even_with_the_longest_names() -> None:
    longest = "x" * 16
    http = {"order": 1, "paths": ["/y/*"]}
    blue_green = {"http": http, "deployment": {"strategy": "blue_green"}}
    deployment = api(longest, services={"y" * 18: blue_green})
    for type_, limit in (
        (ROLE, ROLE_NAME_LIMIT),
        (BALANCER, BALANCER_NAME_LIMIT),
        (TARGET_GROUP, BALANCER_NAME_LIMIT),
    ):
        for name in deployment.of(type_):
            assert len(name) + AUTO_NAME_SUFFIX <= limit


def test_names_that_others_rely_on() -> None:
    names = Names("staging")
    assert names.cluster == "aussie-markets-cluster-staging"
    assert names.service("api") == "aussie-markets-api-staging"
    assert names.release("api") == "/aussie-markets/staging/release/api-image"
    assert names.service_log_group("api") == "/aws/ecs/aussie-markets-api-staging"
    assert (
        names.insights_log_group
        == "/aws/ecs/containerinsights/aussie-markets-cluster-staging/performance"
    )


@pytest.mark.parametrize("preview", [False, True])
@BOTH
def test_no_output_was_turned_into_text(stack: str, preview: bool) -> None:
    deployment = api(stack, preview=preview, services={"worker": WORKER})
    for values in (*(r.inputs for r in deployment.resources), *deployment.outputs.values()):
        assert "Calling __str__" not in json.dumps(values)


def test_registered_outputs() -> None:
    deployment = api(services={"worker": WORKER})
    outputs = deployment.outputs[deployment.only(API).urn]
    assert outputs["load_balancer_arn"] == "arn:aws:mock:::load-balancer/staging-api-arn"
    services = outputs["services"]
    assert services.keys() == {"api", "worker"}
    assert services["api"]["service_name"] == "aussie-markets-api-staging"
    assert services["api"]["cluster_name"] == "aussie-markets-cluster-staging"
    assert services["api"]["target_group_arn_suffixes"] == ["api-blue-suffix"]
    assert services["worker"]["target_group_arn_suffixes"] == []
    assert services["worker"]["rollback_alarm_names"] == []
