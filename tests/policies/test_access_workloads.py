"""Functions, tasks, repositories and schedules."""

import json
from typing import Any

import pytest

from policies.access.functions import (
    function_failures_kept,
    function_no_plain_secrets,
    function_permission,
    function_runtime_supported,
    function_traced,
    function_url_authorised,
)
from policies.access.repositories import repository_immutable_tags, repository_scanned
from policies.access.schedules import schedule_failures_kept
from policies.access.secret_values import looks_secret
from policies.access.tasks import (
    container_image_pinned,
    container_logs,
    container_no_plain_secrets,
    container_read_only,
    container_unprivileged,
    container_user,
    exec_audited,
    task_isolated,
    task_no_public_address,
    task_platform_latest,
    task_roles_apart,
)
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check, check_stack

FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
URL = "aws:lambda/functionUrl:FunctionUrl"
INVOKE = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
TASK_SET = "aws:ecs/taskSet:TaskSet"
CLUSTER = "aws:ecs/cluster:Cluster"
ROLE = "aws:iam/role:Role"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
REPOSITORY = "aws:ecr/repository:Repository"
REGISTRY = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


def test_who_calls_functions() -> None:
    rule = function_permission
    service = {"principal": "events.amazonaws.com"}
    passes(rule, PERMISSION, {**service, "sourceArn": "arn:aws:events:r:1:rule/x"})
    passes(rule, PERMISSION, {"principal": "123456789012"})
    fails(rule, PERMISSION, {"principal": "*", "sourceArn": "arn:x"}, "principal is *")
    fails(rule, PERMISSION, service, "sourceArn is not set", "behind events.amazonaws.com")
    fails(rule, PERMISSION, {**service, "sourceArn": "*"}, "sourceArn")
    waits(rule, PERMISSION, {**service, "sourceArn": UNKNOWN}, "sourceArn")


def test_function_urls_ask_who_calls() -> None:
    passes(function_url_authorised, URL, {"authorizationType": "AWS_IAM"})
    fails(function_url_authorised, URL, {"authorizationType": "NONE"}, "is NONE")
    fails(function_url_authorised, URL, {})
    waits(function_url_authorised, URL, {"authorizationType": UNKNOWN})


SECRETS = [
    ("DB_PASSWORD", "hunter2"),
    ("jwt_secret", "x"),
    ("REFRESH_TOKEN", "x"),
    ("STRIPE_API_KEY", "sk_live_1"),
    ("AWS_ACCESS_KEY_ID", "x"),
    ("SSH_PRIVATE_KEY", "x"),
    ("CREDENTIALS", "x"),
    ("DATABASE_URL", "postgresql://db/x"),
    ("REDIS_URL", "rediss://cache"),
    ("ANY", "AKIAIOSFODNN7EXAMPLE"),
    ("ANY", "key=ASIAIOSFODNN7EXAMPLE;"),
    ("ANY", "postgresql://api:hunter2@db:5432/x"),
    ("ANY", "rediss://:hunter2@cache:6379"),
    ("ANY", "-----BEGIN RSA PRIVATE KEY-----"),
    ("ANY", "-----BEGIN PRIVATE KEY-----"),
]
HARMLESS = [
    ("LOG_LEVEL", "info"),
    ("DB_PASSWORD", ""),
    ("JWT_SECRET", "/aussie-markets/staging/jwt-secret"),
    ("JWT_SECRET", "arn:aws:ssm:ap-southeast-2:123456789012:parameter/x"),
    ("ANY", "https://api.aussie-markets.com/health"),
    ("ANY", "XAKIAIOSFODNN7EXAMPLE"),
    ("ANY", "AKIAIOSFODNN7EXAMPL"),
    ("ANY", "https://host:443/path"),
]


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_what_is_a_secret(name: str, value: str) -> None:
    said = "what looks like a secret"
    variables = {"environment": {"variables": {"LOG_LEVEL": "info", name: value}}}
    fails(function_no_plain_secrets, FUNCTION, variables, f"environment.variables.{name}", said)
    outcome = check(function_no_plain_secrets, FUNCTION, variables)
    assert value == "x" or value not in outcome.messages
    container = {"name": "api", "environment": [{"name": name, "value": value}]}
    fails(container_no_plain_secrets, TASK, defined(container), f"environment[{name}]", said)


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_what_is_none(name: str, value: str) -> None:
    passes(function_no_plain_secrets, FUNCTION, {"environment": {"variables": {name: value}}})
    container = {"name": "api", "environment": [{"name": name, "value": value}]}
    passes(container_no_plain_secrets, TASK, defined(container))


def test_names_are_compared_whatever_their_case() -> None:
    assert looks_secret("pin", "1", ["P*"])
    assert not looks_secret("pin", "1", [])
    assert not looks_secret("pin", None, ["P*"])


def test_names_of_secrets_can_be_configured() -> None:
    variables = {"environment": {"variables": {"PIN": "1", "TOKEN": "1"}}}
    outcome = check(function_no_plain_secrets, FUNCTION, variables, config={"secretNames": ["PIN"]})
    assert outcome.failed == ["it"]
    assert "variables.PIN" in outcome.messages


def test_environments_that_are_not_known_yet() -> None:
    passes(function_no_plain_secrets, FUNCTION, {})
    passes(function_no_plain_secrets, FUNCTION, {"environment": {}})
    waits(function_no_plain_secrets, FUNCTION, {"environment": UNKNOWN})
    variables = {"environment": {"variables": {"A": UNKNOWN, "TOKEN": "x"}}}
    outcome = check(function_no_plain_secrets, FUNCTION, variables)
    assert outcome.failed == ["it"]
    assert "variables.A" in outcome.advisory


def test_runtimes() -> None:
    rule = function_runtime_supported
    passes(rule, FUNCTION, {"runtime": "python3.13"})
    passes(rule, FUNCTION, {"packageType": "Image"})
    passes(rule, FUNCTION, {"runtime": "python3.12"}, config={"runtimes": ["python3.12"]})
    fails(rule, FUNCTION, {"runtime": "nodejs20.x"}, "runtime is nodejs20.x", "python3.13")
    fails(rule, FUNCTION, {"packageType": "Zip"})
    waits(rule, FUNCTION, {"runtime": UNKNOWN})


def test_failed_events_of_functions_are_kept() -> None:
    rule = function_failures_kept
    function = Given(FUNCTION, "f", {"id": "f-1", "name": "f-1", "arn": "arn:f-1"})
    stack_fails(rule, [function], ["f"], "failed events is lost")
    stack_passes(rule, Given(FUNCTION, "f", {"deadLetterConfig": {"targetArn": UNKNOWN}}))
    on_failure = {"destinationConfig": {"onFailure": {"destination": UNKNOWN}}}
    for known_as in ("f-1", "arn:f-1"):
        stack_passes(rule, function, Given(INVOKE, "i", {"functionName": known_as, **on_failure}))
    stack_fails(rule, [function, Given(INVOKE, "i", {"functionName": "g", **on_failure})], ["f"])
    on_success = {"destinationConfig": {"onSuccess": {"destination": "arn:q"}}}
    for other in (on_success, {}):
        stack_fails(rule, [function, Given(INVOKE, "i", {"functionName": "f-1", **other})], ["f"])
    planned = Given(FUNCTION, "f", {"id": UNKNOWN, "deadLetterConfig": UNKNOWN})
    config = Given(INVOKE, "i", {"functionName": UNKNOWN, **on_failure}, {"functionName": planned})
    stack_passes(rule, planned, config)
    stack_waits(rule, planned, Given(INVOKE, "i", {"functionName": UNKNOWN, **on_failure}))
    depends = {"deadLetterConfig": function}
    waiting = Given(FUNCTION, "w", {"deadLetterConfig": UNKNOWN}, depends)
    outcome = check_stack(rule, [waiting, function])
    assert outcome.failed == ["f"]
    assert "'w'" in outcome.advisory


def test_functions_are_traced() -> None:
    passes(function_traced, FUNCTION, {"tracingConfig": {"mode": "Active"}})
    fails(function_traced, FUNCTION, {}, "not set")
    fails(function_traced, FUNCTION, {"tracingConfig": {"mode": "PassThrough"}}, "PassThrough")
    waits(function_traced, FUNCTION, {"tracingConfig": {"mode": UNKNOWN}})


def defined(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"containerDefinitions": json.dumps(list(containers))}


CONTAINER_RULES = [
    container_read_only,
    container_unprivileged,
    container_user,
    container_no_plain_secrets,
    container_image_pinned,
]


@pytest.mark.parametrize(
    ("rule", "values", "said"),
    [
        (container_read_only, {}, "readonlyRootFilesystem is not true"),
        (container_read_only, {"readonlyRootFilesystem": False}, "readonlyRootFilesystem is not"),
        (container_unprivileged, {"privileged": True}, "privileged is true"),
        (container_user, {}, "user is not set"),
        (container_user, {"user": "root"}, "user is root"),
        (container_user, {"user": "0"}, "user is 0"),
        (container_user, {"user": "0:1000"}, "user is 0:1000"),
        (container_user, {"user": "root:api"}, "user is root:api"),
        (container_image_pinned, {"image": "api"}, "image is without a tag"),
        (container_image_pinned, {"image": "host:5000/api"}, "image is without a tag"),
        (container_image_pinned, {"image": "host/api:latest"}, "image is tagged latest"),
        (container_image_pinned, {}, "image is without a tag"),
    ],
)
def test_what_containers_must_not(rule: Any, values: dict[str, Any], said: str) -> None:
    bad = {"name": "api", **values}
    fails(rule, TASK, defined(bad), f"containerDefinitions[api].{said}")
    fails(rule, TASK, defined({"name": "other", **good()}, bad), "[api]")


def good() -> dict[str, Any]:
    return {"readonlyRootFilesystem": True, "user": "1000", "image": "api:1"}


@pytest.mark.parametrize("rule", CONTAINER_RULES)
@pytest.mark.parametrize(
    "values",
    [
        good(),
        {**good(), "privileged": False, "user": "node:0"},
        {**good(), "user": "1000:1000", "image": "host:5000/api:0e1f2a3"},
        {**good(), "image": f"host/api:latest@sha256:{'0' * 64}"},
    ],
)
def test_what_containers_may(rule: Any, values: dict[str, Any]) -> None:
    passes(rule, TASK, defined({"name": "api", **values}))


@pytest.mark.parametrize("rule", CONTAINER_RULES)
def test_definitions_that_are_unknown_or_broken(rule: Any) -> None:
    waits(rule, TASK, {"containerDefinitions": UNKNOWN})
    fails(rule, TASK, {"containerDefinitions": "{"}, "containerDefinitions is no JSON")


def logging(group: Any, driver: str = "awslogs") -> dict[str, Any]:
    return {"logDriver": driver, "options": {"awslogs-group": group}}


def test_containers_log_to_groups_of_the_stack() -> None:
    rule = container_logs
    group = Given(LOG_GROUP, "logs", {"name": "/aws/ecs/api"})
    known = Given(TASK, "t", defined({"name": "api", "logConfiguration": logging("/aws/ecs/api")}))
    stack_passes(rule, group, known)
    stack_fails(rule, [known], ["t"], "logConfiguration is /aws/ecs/api")
    other = Given(TASK, "t", defined({"name": "api", "logConfiguration": logging("/other")}))
    stack_fails(rule, [group, other], ["t"], "/other")
    router = Given(TASK, "t", defined({"name": "api", "logConfiguration": logging("", "fluentd")}))
    stack_passes(rule, group, router)
    bare = Given(TASK, "t", defined({"name": "api", "logConfiguration": {"logDriver": "awslogs"}}))
    stack_fails(rule, [group, bare], ["t"], "logConfiguration is None")
    for nowhere in ({"name": "api"}, {"name": "api", "logConfiguration": {}}):
        stack_fails(rule, [group, Given(TASK, "t", defined(nowhere))], ["t"], "missing")
    stack_waits(rule, Given(TASK, "t", {"containerDefinitions": UNKNOWN}), group)
    stack_waits(rule, Given(LOG_GROUP, "logs", {"name": UNKNOWN}), known, said="name")


def test_tasks_are_isolated() -> None:
    rule = task_isolated
    passes(rule, TASK, {"networkMode": "awsvpc", "pidMode": "task", "ipcMode": "none"})
    fails(rule, TASK, {}, "networkMode is None")
    fails(rule, TASK, {"networkMode": "host"}, "networkMode is host")
    fails(rule, TASK, {"networkMode": "awsvpc", "pidMode": "host"}, "pidMode is host")
    fails(rule, TASK, {"networkMode": "awsvpc", "ipcMode": "host"}, "ipcMode is host")
    waits(rule, TASK, {"networkMode": UNKNOWN})
    outcome = check(rule, TASK, {"networkMode": UNKNOWN, "pidMode": "host"})
    assert outcome.failed == ["it"]


def test_the_application_has_a_role_of_its_own() -> None:
    rule = task_roles_apart
    one, two = Given(ROLE, "one", {"arn": UNKNOWN}), Given(ROLE, "two", {"arn": UNKNOWN})
    unknown = {"taskRoleArn": UNKNOWN, "executionRoleArn": UNKNOWN}
    apart = Given(TASK, "t", unknown, {"taskRoleArn": one, "executionRoleArn": two})
    stack_passes(rule, one, two, apart)
    policy = Given("aws:iam/rolePolicy:RolePolicy", "policy", {})
    both_ways = {"taskRoleArn": [one, policy], "executionRoleArn": [two, policy]}
    stack_passes(rule, one, two, policy, Given(TASK, "t", unknown, both_ways))
    same = Given(TASK, "t", unknown, {"taskRoleArn": one, "executionRoleArn": one})
    stack_fails(rule, [one, same], ["t"], "taskRoleArn is the executionRoleArn too")
    known = {"taskRoleArn": "arn:1", "executionRoleArn": "arn:1"}
    stack_fails(rule, [Given(TASK, "t", known)], ["t"])
    stack_passes(rule, Given(TASK, "t", {**known, "taskRoleArn": "arn:2"}))
    stack_passes(rule, Given(TASK, "t", {"executionRoleArn": "arn:1"}))
    stack_passes(rule, Given(TASK, "t", {}))
    stack_waits(rule, Given(TASK, "t", unknown))
    both = Given(TASK, "t", unknown, {"taskRoleArn": [one, two], "executionRoleArn": one})
    stack_waits(rule, one, two, both)


@pytest.mark.parametrize("kind", [SERVICE, TASK_SET])
def test_tasks_have_no_public_address_and_the_latest_platform(kind: str) -> None:
    public = {"networkConfiguration": {"assignPublicIp": True}}
    fails(task_no_public_address, kind, public, "assignPublicIp is true")
    for value in (None, False):
        passes(task_no_public_address, kind, {"networkConfiguration": {"assignPublicIp": value}})
    passes(task_no_public_address, kind, {})
    waits(task_no_public_address, kind, {"networkConfiguration": {"assignPublicIp": UNKNOWN}})
    passes(task_platform_latest, kind, {})
    passes(task_platform_latest, kind, {"platformVersion": "LATEST"})
    fails(task_platform_latest, kind, {"platformVersion": "1.3.0"}, "is 1.3.0")
    waits(task_platform_latest, kind, {"platformVersion": UNKNOWN})


def cluster(**changed: Any) -> Given:
    logs = {"cloudWatchLogGroupName": "g", "cloudWatchEncryptionEnabled": True}
    configuration = {"kmsKeyId": UNKNOWN, "logging": "OVERRIDE", "logConfiguration": logs}
    configuration = {
        key: value for key, value in {**configuration, **changed}.items() if value is not None
    }
    execution = {"executeCommandConfiguration": configuration}
    return Given(CLUSTER, "c", {"id": "arn:c", "name": "c-1", "configuration": execution})


def test_shells_are_recorded() -> None:
    rule = exec_audited
    service = Given(SERVICE, "s", {"cluster": "arn:c", "enableExecuteCommand": True})
    stack_passes(rule, service, cluster())
    stack_passes(rule, service, cluster(logConfiguration={"s3BucketEncryptionEnabled": True}))
    by_name = Given(SERVICE, "s", {"cluster": "c-1", "enableExecuteCommand": True})
    stack_passes(rule, by_name, cluster())
    for without in (
        cluster(kmsKeyId=None),
        cluster(logging="DEFAULT"),
        cluster(logConfiguration=None),
        cluster(logConfiguration={"cloudWatchEncryptionEnabled": False}),
        Given(CLUSTER, "c", {"id": "arn:c"}),
        Given(CLUSTER, "c", {**cluster().properties, "id": "arn:d", "name": "d"}),
    ):
        stack_fails(rule, [service, without], ["s"], "keeps no encrypted record")
    nowhere = Given(SERVICE, "s", {"enableExecuteCommand": True})
    unnamed = Given(CLUSTER, "c", {**cluster().properties, "name": None})
    stack_fails(rule, [nowhere, unnamed], ["s"])
    for closed in (False, None):
        stack_passes(rule, Given(SERVICE, "s", {"enableExecuteCommand": closed}))
    stack_waits(rule, service, cluster(logging=UNKNOWN))


def test_tags_of_images_stay() -> None:
    rule = repository_immutable_tags
    passes(rule, REPOSITORY, {"imageTagMutability": "IMMUTABLE"})
    fails(rule, REPOSITORY, {}, "not set")
    fails(rule, REPOSITORY, {"imageTagMutability": "MUTABLE"}, "is MUTABLE")
    fails(rule, REPOSITORY, {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"})
    waits(rule, REPOSITORY, {"imageTagMutability": UNKNOWN})


def test_images_are_scanned() -> None:
    rule = repository_scanned

    def repository(scanning: Any = None, name: Any = "aussie-markets-api") -> Given:
        return Given(REPOSITORY, "r", {"name": name, "imageScanningConfiguration": scanning})

    def registry(wanted: str, frequency: str = "SCAN_ON_PUSH") -> Given:
        filters = [{"filter": "none"}, {"filter": wanted, "filterType": "WILDCARD"}]
        rules = [{"scanFrequency": frequency, "repositoryFilters": filters}]
        return Given(REGISTRY, "registry", {"rules": rules})

    stack_passes(rule, repository({"scanOnPush": True}))
    for scanning in (None, {"scanOnPush": False}, {}):
        stack_fails(rule, [repository(scanning)], ["r"], "scanOnPush is not true")
    for wanted in ("*", "aussie-*", "markets"):
        stack_passes(rule, repository(), registry(wanted))
        stack_passes(rule, repository(), registry(wanted, "CONTINUOUS_SCAN"))
        stack_fails(rule, [repository(), registry(wanted, "MANUAL")], ["r"])
    for wanted in ("markets-*", "other"):
        stack_fails(rule, [repository(), registry(wanted)], ["r"])
    stack_fails(rule, [repository(), Given(REGISTRY, "registry", {})], ["r"])
    unfiltered = Given(REGISTRY, "registry", {"rules": [{"scanFrequency": "SCAN_ON_PUSH"}]})
    stack_fails(rule, [repository(), unfiltered], ["r"])
    stack_waits(rule, repository({"scanOnPush": UNKNOWN}))
    stack_waits(rule, repository(name=UNKNOWN), registry("x"))


@pytest.mark.parametrize("scheduled", [False, True])
def test_what_schedules_fail_at_is_kept(scheduled: bool) -> None:
    kind = (
        "aws:scheduler/schedule:Schedule" if scheduled else "aws:cloudwatch/eventTarget:EventTarget"
    )
    path = "target.deadLetterConfig" if scheduled else "deadLetterConfig"

    def source(**target: Any) -> dict[str, Any]:
        return {"target": target} if scheduled else target

    passes(schedule_failures_kept, kind, source(deadLetterConfig={"arn": UNKNOWN}))
    said = f": {path} is missing"
    fails(schedule_failures_kept, kind, source(), said, spared_in_staging=True)
    empty = source(deadLetterConfig={})
    fails(schedule_failures_kept, kind, empty, said, spared_in_staging=True)
    waits(schedule_failures_kept, kind, source(deadLetterConfig=UNKNOWN))
    fails(schedule_failures_kept, kind, {}, said, spared_in_staging=True)
