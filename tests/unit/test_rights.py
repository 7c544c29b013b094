"""What the workflows' policies allow and refuse, action by action."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import pytest

from components.rights import LONGEST_POLICY, MOST_POLICIES, document
from components.rights.boundary import boundary
from components.rights.deployment import DEPLOYMENT
from components.rights.inspection import inspect, push_images, read_secrets, read_state
from components.rights.scope import Scope, Statement
from tests.unit.conftest import Deployment, deploy_main
from tests.unit.iam import Request, allowed

ACCOUNT: Final = "111122223333"
OTHER_ACCOUNT: Final = "999988887777"
REGION: Final = "ap-southeast-2"
BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/aussie-markets-boundary-staging"
REPOSITORY: Final = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/aussie-markets-api"

OURS: Final = {"Project": "aussie-markets", "Environment": "staging"}
THEIRS: Final = {"Project": "aussie-markets", "Environment": "production"}

# AWS's service authorization reference, as cfn-lint ships it.
REFERENCE: Final[Mapping[str, Any]] = json.loads(
    (files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json").read_text()
)


def scope(environment: str = "staging") -> Scope:
    return Scope(
        account_id=ACCOUNT,
        environment=environment,
        state_bucket="aussie-markets-state",
        zone_id="Z1",
        zone_name="aussie-markets.com",
    )


def policies(environment: str = "staging") -> dict[str, list[Statement]]:
    """All that are written for an environment."""
    mine = scope(environment)
    return {
        **{kind: statements(mine) for kind, statements in DEPLOYMENT.items()},
        "inspect": inspect(),
        "read-state": read_state(mine),
        "read-secrets": read_secrets(mine),
        "push-images": push_images([REPOSITORY]),
        "boundary": boundary(mine),
    }


def may(rights: Sequence[Sequence[Statement]], request: Request) -> bool:
    return any(allowed(document(statements), request) for statements in rights)


def deploys(action: str, resource: str = "*", **context: str | Sequence[str]) -> bool:
    """Whether staging's deploy role may."""
    rights = [statements(scope()) for statements in DEPLOYMENT.values()]
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return may([inspect(), *rights], Request(action, resource, keys))


def tags(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"aws:{kind}Tag/{name}": value for name, value in values.items()}


def arn(service: str, resource: str, *, account: str = ACCOUNT, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def statements_with_names() -> Iterator[tuple[str, Statement]]:
    for kind, statements in policies().items():
        for statement in statements:
            yield f"{kind}.{statement['Sid']}", statement


def listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def known_actions(pattern: str) -> dict[str, Any]:
    """AWS's actions that an action of a policy means, with what the reference says of them."""
    service, verb = pattern.lower().split(":")
    expression = re.compile(re.escape(verb).replace(r"\*", ".*"))
    return {
        f"{service}:{name}": described
        for name, described in REFERENCE[service]["Actions"].items()
        if expression.fullmatch(name)
    }


def formats(service: str, kind: str) -> list[re.Pattern[str]]:
    """What ARNs of a type of resource look like."""
    resources = REFERENCE[service]["Resources"]
    return [
        re.compile(re.sub(r"\$\{\w+\}", "[^:]*", written))
        for written in resources[kind.lower()]["ARNFormats"]
    ]


# -- what every policy must be -----------------------------------------------------------------


@pytest.mark.parametrize("environment", ["staging", "production", "x" * 16])
def test_policies_fit(environment: str) -> None:
    for kind, statements in policies(environment).items():
        assert len(document(statements)) <= LONGEST_POLICY, kind
        sids = [statement["Sid"] for statement in statements]
        assert len(sids) == len(set(sids)), kind
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids), kind
    assert len(DEPLOYMENT) + 1 <= MOST_POLICIES


@pytest.mark.parametrize(("name", "statement"), list(statements_with_names()))
def test_every_action_exists_and_knows_the_resources(name: str, statement: Statement) -> None:
    resources = listed(statement["Resource"])
    used: set[str] = set()
    for action in statement["Action"]:
        meant = known_actions(action)
        assert meant, f"{name}: {action} is no action of AWS"
        if resources == ["*"]:
            continue
        service = action.split(":")[0].lower()
        known = [
            pattern
            for described in meant.values()
            for kind in described.get("Resources") or ()
            for pattern in formats(service, kind)
        ]
        hits = {
            resource
            for resource in resources
            if (resource.endswith(":*") and resource.count(":") == 5)
            or any(pattern.fullmatch(resource.replace("*", "x")) for pattern in known)
        }
        assert hits, f"{name}: {action} knows none of {resources}"
        used |= hits
    assert resources == ["*"] or used == set(resources), f"{name}: {set(resources) - used} unused"


@pytest.mark.parametrize(("name", "statement"), list(statements_with_names()))
def test_conditions_on_tags_are_on_what_has_tags(name: str, statement: Statement) -> None:
    keys = [key for pairs in statement.get("Condition", {}).values() for key in pairs]
    if not any(key.startswith("aws:ResourceTag/") for key in keys):
        return
    for action in statement["Action"]:
        service = action.split(":")[0].lower()
        for called, described in known_actions(action).items():
            kinds = [kind.lower() for kind in described.get("Resources") or ()]
            assert any(
                "aws:ResourceTag/${TagKey}"
                in REFERENCE[service]["Resources"][kind].get("ConditionKeys", ())
                for kind in kinds
            ), f"{name}: {called} compares no tags"


def test_nothing_is_denied_or_inverted() -> None:
    """What is not granted is refused; `tests.unit.iam` knows no NotAction."""
    for name, statement in statements_with_names():
        assert statement["Effect"] == "Allow", name
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}, name


# -- the deploy role -----------------------------------------------------------------------------

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/aussie-markets-staging-api-exec-1a2b3c4"
BOUNDED: Final = {"iam__PermissionsBoundary": BOUNDARY}


def test_it_makes_roles_within_the_boundary_alone() -> None:
    for action in ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"):
        assert deploys(f"iam:{action}", ROLE, **BOUNDED)
        assert not deploys(f"iam:{action}", ROLE)
        for other in (
            f"arn:aws:iam::{ACCOUNT}:policy/aussie-markets-boundary-production",
            "arn:aws:iam::aws:policy/AdministratorAccess",
        ):
            assert not deploys(f"iam:{action}", ROLE, iam__PermissionsBoundary=other)
    assert not deploys("iam:DeleteRolePermissionsBoundary", ROLE, **BOUNDED)


@pytest.mark.parametrize(
    "role",
    [
        "aussie-markets-production-api-exec-1a2b3c4",
        "aussie-markets-staging2-api-exec-1a2b3c4",
        "delivery/aussie-markets-deploy-staging",
        "delivery/aussie-markets-deploy-production",
        "Admin",
    ],
)
def test_it_touches_no_other_roles(role: str) -> None:
    name = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    for action in (
        *("CreateRole", "PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy"),
        *("DeleteRole", "TagRole", "PassRole"),
    ):
        for service in ("ecs-tasks.amazonaws.com", "lambda.amazonaws.com"):
            assert not deploys(f"iam:{action}", name, **BOUNDED, iam__PassedToService=service)


@pytest.mark.parametrize(
    ("role", "service", "expected"),
    [
        ("api-exec-1a2b3c4", "ecs-tasks.amazonaws.com", True),
        ("mailer-task-1a2b3c4", "ecs-tasks.amazonaws.com", True),
        ("flow-logs-1a2b3c4", "ecs-tasks.amazonaws.com", False),
        ("api-infra-1a2b3c4", "ecs-tasks.amazonaws.com", False),
        ("api-task-1a2b3c4", "lambda.amazonaws.com", False),
        ("api-task-1a2b3c4", "ec2.amazonaws.com", False),
        ("api-infra-1a2b3c4", "ecs.amazonaws.com", True),
        ("flow-logs-1a2b3c4", "vpc-flow-logs.amazonaws.com", True),
        ("database-monitoring-1a2b3c4", "monitoring.rds.amazonaws.com", True),
        ("parameter-backup-lambda-1a2b3c4", "lambda.amazonaws.com", True),
        ("parameter-backup-invoke-1a2b3c4", "lambda.amazonaws.com", False),
        ("parameter-backup-invoke-1a2b3c4", "scheduler.amazonaws.com", True),
        ("parameter-backup-lambda-1a2b3c4", "scheduler.amazonaws.com", False),
    ],
)
def test_it_passes_each_role_to_its_service_alone(role: str, service: str, expected: bool) -> None:
    name = f"arn:aws:iam::{ACCOUNT}:role/aussie-markets-staging-{role}"
    assert deploys("iam:PassRole", name, iam__PassedToService=service) is expected
    assert not deploys("iam:PassRole", name)


@pytest.mark.parametrize(
    "action",
    [
        *("CreateUser", "CreateAccessKey", "CreateLoginProfile", "AttachUserPolicy"),
        *("PutUserPolicy", "AddUserToGroup", "CreatePolicy", "CreatePolicyVersion"),
        *("SetDefaultPolicyVersion", "DeletePolicy", "CreateOpenIDConnectProvider"),
        *("UpdateOpenIDConnectProviderThumbprint", "CreateSAMLProvider"),
        *("DeleteAccountPasswordPolicy", "CreateInstanceProfile"),
    ],
)
def test_it_makes_no_users_keys_policies_or_providers(action: str) -> None:
    for resource in ("*", BOUNDARY, ROLE, f"arn:aws:iam::{ACCOUNT}:user/aussie-markets-staging-x"):
        assert not deploys(f"iam:{action}", resource, **BOUNDED)


def test_linked_roles_are_made_for_the_platforms_services_alone() -> None:
    def links(service: str) -> bool:
        role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRole"
        return deploys("iam:CreateServiceLinkedRole", role, iam__AWSServiceName=service)

    assert links("ecs.amazonaws.com")
    assert not links("organizations.amazonaws.com")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudtrail:StopLogging", arn("cloudtrail", "trail/aussie-markets")),
        ("cloudtrail:DeleteTrail", arn("cloudtrail", "trail/aussie-markets")),
        ("guardduty:DeleteDetector", arn("guardduty", "detector/1")),
        ("guardduty:UpdateDetector", arn("guardduty", "detector/1")),
        ("access-analyzer:DeleteAnalyzer", arn("access-analyzer", "analyzer/aussie-markets")),
        ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/aussie-markets-monthly"),
        ("s3:PutAccountPublicAccessBlock", "*"),
        ("ec2:DisableEbsEncryptionByDefault", "*"),
        ("ecr:DeleteRepository", REPOSITORY),
        ("ecr:BatchDeleteImage", REPOSITORY),
        ("ecr:PutImage", REPOSITORY),
        ("logs:DeleteLogGroup", arn("logs", "log-group:/aussie-markets/account/trail")),
        ("s3:PutObject", "arn:aws:s3:::aussie-markets-account-guard-trail-bucket-1a2b3c4/a"),
        ("s3:GetObject", "arn:aws:s3:::aussie-markets-account-guard-trail-bucket-1a2b3c4/a"),
        ("route53:DeleteHostedZone", "arn:aws:route53:::hostedzone/Z1"),
        ("organizations:LeaveOrganization", "*"),
        ("account:PutAlternateContact", "*"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:any")),
        ("ec2:RunInstances", arn("ec2", "instance/*")),
        ("kms:ScheduleKeyDeletion", arn("kms", "key/1")),
        ("kms:DisableKey", arn("kms", "key/1")),
        ("rds:DeleteDBSnapshot", arn("rds", "snapshot:aussie-markets-db-staging-final")),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::aussie-markets-staging-assets-1a2b3c4/a"),
        ("s3:BypassGovernanceRetention", "arn:aws:s3:::aussie-markets-staging-export-1/a"),
    ],
)
def test_it_reaches_nothing_of_the_account_and_deletes_no_keys_or_copies(
    action: str, resource: str
) -> None:
    assert not deploys(action, resource, **tags("Resource", OURS))
    # Asked rightly: AWS knows the action.
    assert known_actions(action)


@pytest.mark.parametrize(
    ("action", "mine", "theirs"),
    [
        ("rds:ModifyDBInstance", "rds db:aussie-markets-db-staging", "-staging -production"),
        ("rds:DeleteDBInstance", "rds db:aussie-markets-db-staging-replica-1", "staging other"),
        ("rds:ModifyDBParameterGroup", "rds pg:aussie-markets-staging-x-1", "staging production"),
        (
            "elasticache:ModifyReplicationGroup",
            "elasticache replicationgroup:aussie-markets-cache-staging",
            "staging production",
        ),
        ("ecs:UpdateService", "ecs service/aussie-markets-cluster-staging/a", "staging production"),
        (
            "ecs:RegisterTaskDefinition",
            "ecs task-definition/aussie-markets-api-staging:*",
            "staging production",
        ),
        ("ssm:GetParameter", "ssm parameter/aussie-markets/staging/jwt-secret", "staging x"),
        ("ssm:PutParameter", "ssm parameter/aussie-markets/staging/jwt-secret", "/s /x/s"),
        ("logs:PutRetentionPolicy", "logs log-group:/aussie-markets/staging/audit", "staging x"),
        (
            "logs:CreateLogGroup",
            "logs log-group:/aws/ecs/aussie-markets-api-staging:log-stream:",
            "staging production",
        ),
        ("sns:CreateTopic", "sns aussie-markets-staging-alerts-1", "staging production"),
        ("sqs:CreateQueue", "sqs aussie-markets-staging-dead-1", "staging production"),
        ("events:PutRule", "events rule/aussie-markets-staging-x-1", "staging production"),
        *(
            (
                f"lambda:{action}",
                "lambda function:aussie-markets-backup-staging",
                "staging production",
            )
            for action in (
                *("UpdateFunctionCode", "PutFunctionConcurrency", "DeleteFunctionConcurrency"),
                "PutFunctionEventInvokeConfig",
            )
        ),
        *(
            (
                f"scheduler:{action}",
                "scheduler schedule/aussie-markets-staging-backup-times-1/"
                "aussie-markets-staging-backup-daily-1",
                "markets-staging-backup-daily markets-production-backup-daily",
            )
            for action in ("CreateSchedule", "UpdateSchedule", "DeleteSchedule")
        ),
        (
            "scheduler:CreateScheduleGroup",
            "scheduler schedule-group/aussie-markets-staging-backup-times-1",
            "staging production",
        ),
        ("cloudwatch:PutMetricAlarm", "cloudwatch alarm:HighErrorRate-staging", "staging x"),
        (
            "wafv2:UpdateIPSet",
            "wafv2 regional/ipset/aussie-markets-blocked-ipv4-staging/1",
            "staging production",
        ),
        (
            "backup:PutBackupVaultLockConfiguration",
            "backup backup-vault:aussie-markets-backups-staging",
            "staging production",
        ),
        (
            "backup:UpdateRestoreTestingPlan",
            "backup restore-testing-plan:aussie_markets_staging-1",
            "staging production",
        ),
        ("kms:UpdateAlias", "kms alias/aussie-markets-staging-logs", "staging production"),
    ],
)
def test_names_decide(action: str, mine: str, theirs: str) -> None:
    service, resource = mine.split(" ")
    old, new = theirs.split(" ")
    assert deploys(action, arn(service, resource))
    assert not deploys(action, arn(service, resource.replace(old, new)))
    if "aussie-markets" in resource:
        assert not deploys(action, arn(service, resource.replace("aussie-markets", "other")))
    assert not deploys(action, arn(service, resource, account=OTHER_ACCOUNT))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-1")),
        ("ec2:CreateSubnet", arn("ec2", "vpc/vpc-1")),
        ("ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group/sg-1")),
        ("ec2:CreateNatGateway", arn("ec2", "subnet/subnet-1")),
        ("ec2:CreateVpcEndpoint", arn("ec2", "route-table/rtb-1")),
        ("ec2:CreateRoute", arn("ec2", "route-table/rtb-1")),
        ("elasticloadbalancing:CreateRule", arn("elasticloadbalancing", "listener/app/a/1/2")),
        ("elasticloadbalancing:DeleteTargetGroup", arn("elasticloadbalancing", "targetgroup/a/1")),
        (
            "application-autoscaling:PutScalingPolicy",
            arn("application-autoscaling", "scalable-target/1"),
        ),
        ("rds:RestoreDBInstanceFromDBSnapshot", arn("rds", "snapshot:awsbackup:job-1")),
        ("backup:UpdateBackupPlan", arn("backup", "backup-plan:1")),
        ("kms:PutKeyPolicy", arn("kms", "key/1")),
        ("kms:Decrypt", arn("kms", "key/1")),
        ("acm:DeleteCertificate", arn("acm", "certificate/1")),
        ("cloudfront:UpdateDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
    ],
)
def test_tags_decide_where_there_are_no_names(action: str, resource: str) -> None:
    assert deploys(action, resource, **tags("Resource", OURS))
    assert not deploys(action, resource, **tags("Resource", THEIRS))
    assert not deploys(action, resource)
    # The tags of a request say nothing about what is there already.
    assert not deploys(action, resource, **tags("Request", OURS), **tags("Resource", THEIRS))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:CreateVpc", arn("ec2", "vpc/*")),
        ("ec2:CreateSubnet", arn("ec2", "subnet/*")),
        ("ec2:CreateNatGateway", arn("ec2", "natgateway/*")),
        (
            "elasticloadbalancing:CreateTargetGroup",
            arn("elasticloadbalancing", "targetgroup/api-blue-1/1"),
        ),
        ("kms:CreateKey", "*"),
        ("acm:RequestCertificate", "*"),
        ("backup:CreateBackupPlan", arn("backup", "backup-plan:1")),
    ],
)
def test_what_is_made_gets_the_environments_tags(action: str, resource: str) -> None:
    assert deploys(action, resource, **tags("Request", OURS))
    assert not deploys(action, resource, **tags("Request", THEIRS))
    assert not deploys(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kms:TagResource", arn("kms", "key/1")),
        ("elasticloadbalancing:AddTags", arn("elasticloadbalancing", "loadbalancer/app/a/1")),
        ("acm:AddTagsToCertificate", arn("acm", "certificate/1")),
        ("cloudfront:TagResource", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        ("ec2:CreateTags", arn("ec2", "security-group/sg-1")),
    ],
)
def test_tagging_claims_nothing_that_belongs_to_another_environment(
    action: str, resource: str
) -> None:
    wanted = tags("Request", OURS)
    assert deploys(action, resource, **wanted)
    assert deploys(action, resource, **wanted, **tags("Resource", OURS))
    assert not deploys(action, resource, **wanted, **tags("Resource", THEIRS))


def test_networks_are_tagged_as_they_are_made() -> None:
    vpc, wanted = arn("ec2", "vpc/vpc-1"), tags("Request", OURS)
    assert deploys("ec2:CreateTags", vpc, **wanted, ec2__CreateAction="CreateVpc")
    assert not deploys("ec2:CreateTags", vpc, **wanted)
    assert not deploys("ec2:CreateTags", vpc, **wanted, ec2__CreateAction="RunInstances")


@pytest.mark.parametrize(
    ("environment", "host", "expected"),
    [
        ("staging", "staging-api.aussie-markets.com", True),
        ("staging", "_1a2b.staging-assets.aussie-markets.com", True),
        ("staging", "api.aussie-markets.com", False),
        ("staging", "aussie-markets.com", False),
        ("staging", "mail.aussie-markets.com", False),
        ("production", "api.aussie-markets.com", True),
        ("production", "_1a2b.api.aussie-markets.com", True),
        ("production", "staging-api.aussie-markets.com", False),
        ("production", "aussie-markets.com", False),
    ],
)
def test_each_environment_has_its_own_hosts(environment: str, host: str, expected: bool) -> None:
    edge = [DEPLOYMENT["edge"](scope(environment))]
    key = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    zone = "arn:aws:route53:::hostedzone/Z1"

    def changes(zone: str, *names: str) -> bool:
        return may(edge, Request("route53:ChangeResourceRecordSets", zone, {key: names}))

    assert changes(zone, host) is expected
    assert not changes(zone, host, "aussie-markets.com")
    assert not changes("arn:aws:route53:::hostedzone/Z2", host)
    assert not may(edge, Request("route53:ChangeResourceRecordSets", zone))


AUDIT: Final = "log-group:/aussie-markets/staging/audit"
RELEASE: Final = "parameter/aussie-markets/staging/release/api-image"


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("ssm:GetParameterHistory", arn("ssm", RELEASE), True),
        ("ssm:GetParameterHistory", arn("ssm", RELEASE.replace("staging", "production")), False),
        # It would show the secrets of before.
        ("ssm:GetParameterHistory", arn("ssm", "parameter/aussie-markets/staging/jwt"), False),
        ("logs:CreateLogStream", arn("logs", f"{AUDIT}:log-stream:"), True),
        ("logs:PutLogEvents", arn("logs", f"{AUDIT}:log-stream:operations"), True),
        ("logs:PutLogEvents", arn("logs", AUDIT.replace("audit", "security") + ":x"), False),
        ("logs:PutLogEvents", arn("logs", AUDIT.replace("staging", "production") + ":x"), False),
    ],
)
def test_it_releases_versions_and_is_audited(action: str, resource: str, expected: bool) -> None:
    assert deploys(action, resource) is expected


# -- state and reading ---------------------------------------------------------------------------

STATE: Final = "arn:aws:s3:::aussie-markets-state/.pulumi"


@pytest.mark.parametrize(
    ("path", "reads", "writes"),
    [
        ("meta.yaml", True, False),
        ("stacks/aussie-markets/staging.json", True, True),
        ("stacks/aussie-markets/staging.json.bak", True, True),
        ("history/aussie-markets/staging/staging-1.history.json", True, True),
        ("backups/aussie-markets/staging/staging.1.json", True, True),
        ("locks/organization/aussie-markets/staging/1.json", True, True),
        ("stacks/aussie-markets/production.json", False, False),
        ("stacks/aussie-markets/staging2.json", False, False),
        ("stacks/aussie-markets/account.json", False, False),
        ("history/aussie-markets/production/production-1.history.json", False, False),
        ("stacks/other/staging.json", False, False),
    ],
)
def test_each_role_has_the_state_of_its_environment(path: str, reads: bool, writes: bool) -> None:
    assert deploys("s3:GetObject", f"{STATE}/{path}") is reads
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert deploys(action, f"{STATE}/{path}") is writes
        assert not may([read_state(scope()), inspect()], Request(action, f"{STATE}/{path}"))
    assert may([read_state(scope())], Request("s3:GetObject", f"{STATE}/{path}")) is reads


def test_each_role_decrypts_the_secrets_of_its_environment() -> None:
    def decrypts(*aliases: str) -> bool:
        return deploys("kms:Decrypt", arn("kms", "key/1"), kms__ResourceAliases=aliases)

    assert decrypts("alias/aussie-markets-state-staging")
    assert decrypts("alias/other", "alias/aussie-markets-state-staging")
    assert not decrypts("alias/aussie-markets-state-production")
    assert not decrypts()


PREVIEW: Final = [inspect(), read_state(scope())]
DRIFT: Final = [*PREVIEW, read_secrets(scope())]


@pytest.mark.parametrize("rights", [PREVIEW, DRIFT], ids=["preview", "drift"])
def test_reading_roles_change_nothing(rights: list[list[Statement]]) -> None:
    reading = re.compile(r"\w[\w-]*:(Batch)?(CheckCapacity|Decrypt|Describe|Get|List)")
    for statements in rights:
        for statement in statements:
            for action in statement["Action"]:
                assert reading.match(action), action


@pytest.mark.parametrize(
    ("action", "resource", "preview", "drift"),
    [
        ("ec2:DescribeVpcs", "*", True, True),
        ("iam:GetRolePolicy", ROLE, True, True),
        ("s3:GetBucketPolicy", "arn:aws:s3:::aussie-markets-staging-x", True, True),
        ("s3:GetObject", "arn:aws:s3:::aussie-markets-staging-x/a", False, False),
        ("ssm:GetParameter", arn("ssm", "parameter/aussie-markets/staging/jwt-secret"), 0, 1),
        ("ssm:GetParameter", arn("ssm", "parameter/aussie-markets/production/jwt"), 0, 0),
        ("ssm:GetParametersByPath", arn("ssm", "parameter/aussie-markets/staging/release"), 1, 1),
        ("ssm:GetParametersByPath", arn("ssm", "parameter/aussie-markets/staging"), 0, 0),
        ("kms:Decrypt", arn("kms", "key/1"), False, True),
        ("iam:PassRole", ROLE, False, False),
        ("logs:GetLogEvents", arn("logs", "log-group:/aussie-markets/staging/audit"), 0, 0),
        ("sqs:ReceiveMessage", arn("sqs", "aussie-markets-staging-x"), False, False),
        ("iam:GetCredentialReport", "*", False, False),
        ("ecr:GetAuthorizationToken", "*", False, False),
    ],
)
def test_previews_see_settings_and_drift_sees_secrets_too(
    action: str, resource: str, preview: bool, drift: bool
) -> None:
    request = Request(action, resource, tags("Resource", OURS))
    assert may(PREVIEW, request) is bool(preview)
    assert may(DRIFT, request) is bool(drift)


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("ecr:GetAuthorizationToken", "*", True),
        ("ecr:PutImage", REPOSITORY, True),
        ("ecr:InitiateLayerUpload", REPOSITORY, True),
        ("ecr:PutImage", f"{REPOSITORY}-other", False),
        ("ecr:BatchDeleteImage", REPOSITORY, False),
        ("ecr:PutImageTagMutability", REPOSITORY, False),
        ("ecr:SetRepositoryPolicy", REPOSITORY, False),
        ("ecr:DeleteLifecyclePolicy", REPOSITORY, False),
        ("ssm:PutParameter", arn("ssm", "parameter/aussie-markets/staging/release/api"), False),
        ("ecs:UpdateService", arn("ecs", "service/aussie-markets-cluster-staging/a"), False),
    ],
)
def test_who_pushes_images_does_nothing_else(action: str, resource: str, expected: bool) -> None:
    assert may([push_images([REPOSITORY])], Request(action, resource)) is expected


# -- the boundary --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", ROLE),
        ("iam:PutRolePolicy", ROLE),
        ("iam:CreateUser", "*"),
        ("iam:CreateAccessKey", "*"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("kms:ScheduleKeyDeletion", arn("kms", "key/1")),
        ("kms:PutKeyPolicy", arn("kms", "key/1")),
        ("cloudtrail:StopLogging", arn("cloudtrail", "trail/aussie-markets")),
        ("s3:GetObject", "arn:aws:s3:::aussie-markets-production-export-1/a"),
        ("s3:GetObject", "arn:aws:s3:::aussie-markets-state/.pulumi/meta.yaml"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::aussie-markets-staging-assets-1"),
        ("ssm:GetParameters", arn("ssm", "parameter/aussie-markets/production/jwt-secret")),
        ("rds:DeleteDBInstance", arn("rds", "db:aussie-markets-db-production")),
        ("logs:PutLogEvents", arn("logs", "log-group:/aussie-markets/production/audit:x")),
        ("logs:DeleteLogGroup", arn("logs", "log-group:/aussie-markets/staging/audit")),
        ("sns:Publish", arn("sns", "aussie-markets-production-alerts-1")),
        ("ecr:PutImage", REPOSITORY),
        ("ec2:RunInstances", "*"),
        ("organizations:LeaveOrganization", "*"),
    ],
)
def test_no_role_of_an_environment_leaves_it(action: str, resource: str) -> None:
    """Whatever a deploy role writes into its policies."""
    request = Request(action, resource, tags("Resource", OURS))
    assert not may([boundary(scope())], request)


def test_snapshots_of_other_environments_stay() -> None:
    def prunes(name: str, values: Mapping[str, str]) -> bool:
        snapshot = arn("rds", f"snapshot:{name}")
        return may(
            [boundary(scope())],
            Request("rds:DeleteDBSnapshot", snapshot, tags("Resource", values)),
        )

    assert prunes("manual-backup-before-easter", OURS)
    assert not prunes("manual-backup-before-easter", THEIRS)
    assert not prunes("manual-backup-production-daily-20270131", THEIRS)
    assert not prunes("pre-migration-staging-20270131", OURS)


def test_keys_of_other_environments_stay_closed() -> None:
    key = arn("kms", "key/1")
    assert may([boundary(scope())], Request("kms:Decrypt", key, tags("Resource", OURS)))
    assert not may([boundary(scope())], Request("kms:Decrypt", key, tags("Resource", THEIRS)))


def roles_of(deployment: Deployment) -> dict[str, tuple[list[Statement], str]]:
    """What a program's own policies grant each of its roles, and whom the role is for."""
    roles = deployment.of("aws:iam/role:Role")
    policies = deployment.of("aws:iam/rolePolicy:RolePolicy").values()
    found = {}
    for name, role in roles.items():
        trust = json.loads(role.inputs["assumeRolePolicy"])
        granted = [
            statement
            for policy in policies
            if policy.inputs["role"] == role.outputs["name"]
            for statement in json.loads(policy.inputs["policy"])["Statement"]
        ]
        found[name] = (granted, trust["Statement"][0]["Principal"]["Service"])
    return found


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_the_boundary_admits_what_the_environments_roles_need(stack: str) -> None:
    """On AWS a right that the boundary lacks would be missing without a word."""
    most = boundary(scope(stack))
    admitted = [pattern for statement in most for pattern in statement["Action"]]
    found = roles_of(deploy_main(stack))
    assert found
    for name, (statements, _) in found.items():
        for statement in statements:
            for action in listed(statement["Action"]):
                assert any(
                    re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE)
                    for pattern in admitted
                ), f"{name}: {action}"


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_every_role_is_made_within_the_boundary_and_passed_to_its_service(stack: str) -> None:
    deployment = deploy_main(stack)
    rights = [DEPLOYMENT["roles"](scope(stack))]
    by_function = {"export.rds.amazonaws.com"}
    for name, (_, service) in roles_of(deployment).items():
        role = f"arn:aws:iam::{ACCOUNT}:role/{name}-1a2b3c4"
        given = deployment.of("aws:iam/role:Role")[name].inputs["permissionsBoundary"]
        assert may(rights, Request("iam:CreateRole", role, {"iam:PermissionsBoundary": given}))
        passed = may(rights, Request("iam:PassRole", role, {"iam:PassedToService": service}))
        assert passed is (service not in by_function), name
