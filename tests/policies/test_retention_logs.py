"""What load balancers, web ACLs, clusters, functions and repositories keep."""

import json
from typing import Any

import pytest

from policies.retention.clusters import cluster_container_insights, cluster_exec_logs
from policies.retention.functions import function_log_group
from policies.retention.kinds import BUCKETS, LOAD_BALANCERS
from policies.retention.load_balancer_logs import load_balancer_access_logs
from policies.retention.repositories import repository_lifecycle
from policies.retention.web_acl_logs import web_acl_logs, web_acl_metrics
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check

BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ACL = "aws:wafv2/webAcl:WebAcl"
ACL_LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
CLUSTER = "aws:ecs/cluster:Cluster"
FUNCTION = "aws:lambda/function:Function"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"


def logged(kind: str, bucket: Any = "logs", enabled: Any = True, **more: Any) -> Given:
    return Given(kind, "alb", {"accessLogs": {"bucket": bucket, "enabled": enabled}, **more})


def admitting(principal: Any, *, action: str = "s3:PutObject", effect: str = "Allow") -> Given:
    statement = {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"}
    document = json.dumps({"Statement": [statement]})
    return Given(BUCKET_POLICY, "p", {"bucket": "logs", "policy": document})


BY_NOBODY = '{"Statement": {"Effect": "Allow", "Action": "s3:PutObject"}}'
ELB = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}


@pytest.mark.parametrize("kind", LOAD_BALANCERS)
def test_load_balancers_record_requests(kind: str) -> None:
    rule = load_balancer_access_logs
    logs = Given(BUCKETS[0], "logs", {"id": "logs"})
    stack_passes(rule, logged(kind), logs, admitting(ELB))
    stack_passes(rule, logged(kind, bucket="of-another-account"), logs)
    stack_passes(rule, Given(kind, "gw", {"loadBalancerType": "gateway"}))
    said = "accessLogs.enabled is not true"
    for bad in (Given(kind, "alb", {}), logged(kind, enabled=None), logged(kind, enabled=False)):
        stack_fails(rule, [bad], ["alb"], said)
    stack_waits(rule, logged(kind, enabled=UNKNOWN))


@pytest.mark.parametrize("kind", BUCKETS)
def test_the_bucket_lets_them_write(kind: str) -> None:
    rule, balancer = load_balancer_access_logs, LOAD_BALANCERS[0]
    logs, other = Given(kind, "logs", {"id": "logs"}), Given(kind, "other", {"id": "other"})
    for principal in (
        ELB,
        {"Service": "delivery.logs.amazonaws.com"},
        {"AWS": "arn:aws:iam::783225319266:root"},
    ):
        stack_passes(rule, logged(balancer), logs, other, admitting(principal))
        stack_passes(rule, logged(balancer), logs, admitting(principal, action="s3:*"))
    for closed in (
        [],
        [admitting({"Service": "logs.amazonaws.com"})],
        [admitting({"AWS": "123456789012"})],
        [admitting(ELB, action="s3:GetObject")],
        [admitting(ELB, effect="Deny")],
        [Given(BUCKET_POLICY, "p", {**admitting(ELB).properties, "bucket": "other"})],
    ):
        given = [logged(balancer), logs, other, *closed]
        stack_fails(rule, given, ["logs"], "closed to load balancers", exempt="alb")
    nobody = Given(BUCKET_POLICY, "p", {"bucket": "logs", "policy": BY_NOBODY})
    stack_fails(rule, [logged(balancer), logs, nobody], ["logs"], exempt="alb")
    broken = Given(BUCKET_POLICY, "p", {"bucket": "logs", "policy": "{"})
    stack_fails(rule, [logged(balancer), logs, broken], ["p", "logs"], "no JSON", exempt="alb")
    unknown = Given(BUCKET_POLICY, "p", {"bucket": "logs", "policy": UNKNOWN})
    stack_waits(rule, logged(balancer), logs, unknown, said="policy")
    planned = Given(kind, "logs", {"id": UNKNOWN})
    depending = logged(balancer, bucket=UNKNOWN)
    stack_passes(rule, depending, planned)
    depending.depends = {"accessLogs": planned}
    stack_fails(rule, [depending, planned], ["logs"], exempt="alb")


GROUP_ARN = "arn:aws:logs:ap-southeast-2:1:log-group:aws-waf-logs-api"
REDACTED = [{"singleHeader": {"name": name}} for name in ("Authorization", "cookie")]


def acl_logging(**changed: Any) -> Given:
    properties = {"resourceArn": "arn:acl", "logDestinationConfigs": [GROUP_ARN]}
    return Given(ACL_LOGGING, "l", {**properties, "redactedFields": REDACTED, **changed})


def test_web_acls_record_requests() -> None:
    rule, acl = web_acl_logs, Given(ACL, "acl", {"id": "arn:acl"})
    for destination in (
        GROUP_ARN,
        f"{GROUP_ARN}:*",
        "arn:aws:s3:::aws-waf-logs-api/prefix",
        "arn:aws:firehose:r:1:deliverystream/aws-waf-logs-api",
    ):
        stack_passes(rule, acl, acl_logging(logDestinationConfigs=[destination]))
    for name, fits in (("aws-waf-logs-api", True), ("waf-logs", False)):
        group = Given(LOG_GROUP, "g", {"arn": UNKNOWN, "name": name})
        planned_logging = acl_logging(logDestinationConfigs=[UNKNOWN])
        planned_logging.depends = {"logDestinationConfigs": group}
        if fits:
            other = Given(LOG_GROUP, "other", {"arn": "arn:x", "name": "other"})
            stack_passes(rule, acl, group, other, planned_logging)
        else:
            given = [acl, group, planned_logging]
            stack_fails(rule, given, ["l"], "is waf-logs, wanted", exempt="acl")
    stack_fails(rule, [acl], ["acl"], "logging is missing")
    stack_fails(rule, [acl, acl_logging(resourceArn="arn:other")], ["acl"])
    bad = acl_logging(logDestinationConfigs=["arn:aws:logs:r:1:log-group:waf-aws-waf-logs-"])
    stack_fails(rule, [acl, bad], ["l"], "a name with aws-waf-logs-", exempt="acl")
    for header, fields in (("cookie", REDACTED[:1]), ("authorization", REDACTED[1:])):
        partly = acl_logging(redactedFields=[{"method": {}}, *fields])
        stack_fails(rule, [acl, partly], ["l"], f"without {header},", exempt="acl")
    stack_fails(rule, [acl, acl_logging(redactedFields=None)], ["l", "l"], exempt="acl")
    stack_passes(rule, acl, acl_logging(logDestinationConfigs=None))
    config = {"redactedHeaders": ["cookie"]}
    stack_passes(rule, acl, acl_logging(redactedFields=REDACTED[1:]), config=config)
    stack_waits(rule, acl, acl_logging(resourceArn=UNKNOWN), said="'acl'")
    stack_waits(rule, acl, acl_logging(logDestinationConfigs=[UNKNOWN]), said="'l'")
    stack_waits(rule, acl, acl_logging(redactedFields=[UNKNOWN]), said="'l'")
    planned = Given(ACL, "acl", {"id": UNKNOWN})
    stack_passes(
        rule,
        planned,
        Given(
            ACL_LOGGING,
            "l",
            {**acl_logging().properties, "resourceArn": UNKNOWN},
            {"resourceArn": planned},
        ),
    )


@pytest.mark.parametrize("kind", [ACL, "aws:wafv2/ruleGroup:RuleGroup"])
def test_web_acls_count_matches(kind: str) -> None:
    on = {"visibilityConfig": {"cloudwatchMetricsEnabled": True}}
    passes(web_acl_metrics, kind, {**on, "rules": [on, on]})
    passes(web_acl_metrics, kind, on)
    for off in ({}, {"visibilityConfig": {"cloudwatchMetricsEnabled": False}}):
        path = "visibilityConfig.cloudwatchMetricsEnabled is not true"
        fails(web_acl_metrics, kind, off, f": {path}")
        fails(web_acl_metrics, kind, {**on, "rules": [on, off]}, f"rules[1].{path}")
    waits(web_acl_metrics, kind, {**on, "rules": UNKNOWN})
    waits(web_acl_metrics, kind, {"visibilityConfig": UNKNOWN, "rules": [on]})
    outcome = check(web_acl_metrics, kind, {**on, "rules": [UNKNOWN, {}]})
    assert outcome.failed == ["it"]
    assert outcome.advisory


def test_clusters_measure() -> None:
    rule = cluster_container_insights
    other = {"name": "other", "value": "enabled"}
    for value in ("enabled", "enhanced"):
        passes(rule, CLUSTER, {"settings": [other, {"name": "containerInsights", "value": value}]})
    said = "without containerInsights"
    fails(rule, CLUSTER, {}, said)
    fails(rule, CLUSTER, {"settings": [other]}, said)
    fails(rule, CLUSTER, {"settings": [{"name": "containerInsights", "value": "disabled"}]}, said)
    waits(rule, CLUSTER, {"settings": [{"name": "containerInsights", "value": UNKNOWN}]})


def execution(**values: Any) -> dict[str, Any]:
    return {"configuration": {"executeCommandConfiguration": values}}


def test_clusters_record_shells() -> None:
    rule = cluster_exec_logs
    for logs in ({"cloudWatchLogGroupName": "g"}, {"s3BucketName": "b"}):
        passes(rule, CLUSTER, execution(logging="OVERRIDE", logConfiguration=logs))
    unset: tuple[dict[str, Any], ...] = ({}, execution(), {"configuration": {}})
    for bad in (*unset, execution(logging="DEFAULT")):
        said = "executeCommandConfiguration.logging is"
        fails(rule, CLUSTER, bad, said, spared_in_staging=True)
    nowhere: tuple[Any, ...] = ({}, None, {"cloudWatchLogGroupName": ""})
    for nothing in nowhere:
        bad = execution(logging="OVERRIDE", logConfiguration=nothing)
        fails(rule, CLUSTER, bad, "without destination", spared_in_staging=True)
    unknown = {"cloudWatchLogGroupName": UNKNOWN}
    waits(rule, CLUSTER, execution(logging="OVERRIDE", logConfiguration=unknown))


def test_functions_log_to_groups_of_the_stack() -> None:
    rule = function_log_group
    group = Given(LOG_GROUP, "g", {"name": "/aws/lambda/backup"})
    stack_passes(rule, group, Given(FUNCTION, "f", {"name": "backup"}))
    own = Given(LOG_GROUP, "g", {"name": "/own"})
    pointing = Given(FUNCTION, "f", {"name": "backup", "loggingConfig": {"logGroup": "/own"}})
    stack_passes(rule, own, pointing)
    for given in ([pointing], [pointing, group], [own, Given(FUNCTION, "f", {"name": "backup"})]):
        stack_fails(rule, given, ["f"], "log group is none of the stack")
    planned = Given(LOG_GROUP, "g", {"name": UNKNOWN})
    unknown = {"loggingConfig": {"logGroup": UNKNOWN}}
    stack_passes(rule, planned, Given(FUNCTION, "f", unknown, {"loggingConfig": planned}))
    stack_waits(rule, planned, pointing, said="name")
    stack_waits(rule, own, Given(FUNCTION, "f", unknown))
    no_config = Given(FUNCTION, "f", {"name": "backup", "loggingConfig": UNKNOWN})
    stack_passes(rule, group, no_config)


def test_repositories_have_a_lifecycle() -> None:
    rule = repository_lifecycle
    repository = Given(REPOSITORY, "r", {"id": "api", "name": "api"})
    stack_passes(rule, repository, Given(LIFECYCLE, "l", {"repository": "api"}))
    stack_fails(rule, [repository], ["r"], "lifecycle policy is missing")
    stack_fails(rule, [repository, Given(LIFECYCLE, "l", {"repository": "x"})], ["r"])
    stack_waits(rule, repository, Given(LIFECYCLE, "l", {"repository": UNKNOWN}))
    planned = Given(REPOSITORY, "r", {"id": UNKNOWN, "name": "api"})
    stack_passes(rule, planned, Given(LIFECYCLE, "l", {"repository": "api"}))
