"""Whose tokens GitHub's roles accept, and what hangs on each role."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from components.delivery import Delivery, DeliveryArgs
from components.rights import LONGEST_POLICY, MOST_POLICIES
from components.rights.deployment import DEPLOYMENT
from components.settings.account import GitHubSettings
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy
from tests.unit.iam import Request, allowed

DELIVERY: Final = "aussie-markets:delivery:Delivery"
ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROVIDER: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

# IAM, "IAM and AWS STS quotas".
LONGEST_TRUST: Final = 2048
LONGEST_ROLE_NAME: Final = 64

ISSUER: Final = "token.actions.githubusercontent.com"
INFRASTRUCTURE: Final = {
    "owner": "octo-org",
    "name": "infrastructure",
    "owner_id": 12,
    "repository_id": 345,
}
APPLICATION: Final = {**INFRASTRUCTURE, "name": "application", "repository_id": 678}
CLASSIC: Final = "repo:octo-org/infrastructure"
IMMUTABLE: Final = "repo:octo-org@12/infrastructure@345"
ENVIRONMENTS: Final = {
    "staging": {"preview_pull_requests": True},
    "production": {"branch": "release"},
}


@RunOnce
def delivery(preview: bool = False, **given: Any) -> Deployment:
    settings = GitHubSettings.model_validate(
        {
            "infrastructure": INFRASTRUCTURE,
            "application": APPLICATION,
            "environments": ENVIRONMENTS,
            **given,
        }
    )

    def program() -> None:
        Delivery(
            "delivery",
            DeliveryArgs(
                account_id=ACCOUNT_ID,
                settings=settings,
                zone_id="Z1",
                zone_name="aussie-markets.com",
                repository_arns=["arn:aws:ecr:::repository/aussie-markets-api"],
            ),
        )

    return deploy(program, "account", preview=preview)


def token(
    subject: str,
    ref: str = "refs/heads/main",
    *,
    repository_id: int = 345,
    audience: str = "sts.amazonaws.com",
) -> dict[str, str]:
    """What STS compares of one of GitHub's tokens."""
    return {
        f"{ISSUER}:sub": subject,
        f"{ISSUER}:aud": audience,
        f"{ISSUER}:ref": ref,
        f"{ISSUER}:repository_id": str(repository_id),
    }


def accepts(role: str, claims: Mapping[str, str], deployment: Deployment | None = None) -> bool:
    roles = (deployment or delivery()).of(ROLE)
    trust = roles[f"delivery-{role}"].inputs["assumeRolePolicy"]
    principal = "Federated:arn:aws:mock:::open-id-connect-provider/delivery-github-arn"
    return allowed(trust, Request("sts:AssumeRoleWithWebIdentity", "*", claims, principal))


def test_tokens_are_githubs_and_for_aws() -> None:
    assert delivery().only(PROVIDER).inputs == {
        "url": f"https://{ISSUER}",
        "clientIdLists": ["sts.amazonaws.com"],
    }


@pytest.mark.parametrize(
    ("role", "subject", "ref"),
    [
        ("deploy-staging", "environment:staging", "refs/heads/main"),
        ("deploy-production", "environment:production", "refs/heads/release"),
        ("drift", "ref:refs/heads/main", "refs/heads/main"),
        ("drift", "ref:refs/heads/release", "refs/heads/release"),
        ("preview", "pull_request", "refs/pull/7/merge"),
    ],
)
def test_both_formats_of_our_own_subjects_are_accepted(role: str, subject: str, ref: str) -> None:
    for form in (CLASSIC, IMMUTABLE):
        assert accepts(role, token(f"{form}:{subject}", ref))


def test_images_are_pushed_from_the_applications_branch() -> None:
    subject = "ref:refs/heads/main"
    for form in ("repo:octo-org/application", "repo:octo-org@12/application@678"):
        assert accepts("push-images", token(f"{form}:{subject}", repository_id=678))
        assert not accepts("deploy-staging", token(f"{form}:{subject}", repository_id=678))
    for form in (CLASSIC, IMMUTABLE):
        assert not accepts("push-images", token(f"{form}:{subject}"))


ROLES: Final = {
    "deploy-staging": ("environment:staging", "refs/heads/main"),
    "deploy-production": ("environment:production", "refs/heads/release"),
    "drift": ("ref:refs/heads/main", "refs/heads/main"),
    "preview": ("pull_request", "refs/pull/7/merge"),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "form",
    [
        "repo:octo-org/infrastructure-2",
        "repo:octo-org/infrastructur",
        "repo:octo-org/Infrastructure",
        "repo:octo-org/application",
        "repo:octo-orgs/infrastructure",
        "repo:octo/org-infrastructure",
        "repo:mallory/infrastructure",
        "repo:mallory/octo-org/infrastructure",
        "repo:octo-org@12/infrastructure@346",
        "repo:octo-org@13/infrastructure@345",
        "repo:octo-org@12/infrastructure@3456",
        "repo:octo-org@12/infrastructure",
        "repo:mallory@12/infrastructure@345",
        "repo:octo-org@12/infrastructure@345:x",
        "repo:*/*",
        "repo:octo-org/*",
    ],
)
def test_look_alikes_and_forks_are_refused(role: str, form: str) -> None:
    subject, ref = ROLES[role]
    assert not accepts(role, token(f"{form}:{subject}", ref))
    assert not accepts(role, token(f"{form}:{subject}", ref, repository_id=999))


@pytest.mark.parametrize("role", ROLES)
def test_who_takes_over_our_names_has_another_number(role: str) -> None:
    subject, ref = ROLES[role]
    assert accepts(role, token(f"{CLASSIC}:{subject}", ref))
    assert not accepts(role, token(f"{CLASSIC}:{subject}", ref, repository_id=999))


@pytest.mark.parametrize("form", [CLASSIC, IMMUTABLE])
@pytest.mark.parametrize(
    ("subject", "ref", "role"),
    [
        # Other environments, also those that look alike.
        ("environment:production", "refs/heads/release", "deploy-staging"),
        ("environment:staging", "refs/heads/main", "deploy-production"),
        ("environment:Staging", "refs/heads/main", "deploy-staging"),
        ("environment:staging2", "refs/heads/main", "deploy-staging"),
        ("environment:staging:x", "refs/heads/main", "deploy-staging"),
        # Other branches and tags, also of a job that names the right environment.
        ("ref:refs/heads/main", "refs/heads/main", "deploy-staging"),
        ("environment:staging", "refs/heads/feature", "deploy-staging"),
        ("environment:staging", "refs/tags/main", "deploy-staging"),
        ("environment:production", "refs/heads/main", "deploy-production"),
        ("ref:refs/heads/feature", "refs/heads/feature", "drift"),
        ("ref:refs/heads/main-2", "refs/heads/main-2", "drift"),
        ("ref:refs/tags/main", "refs/tags/main", "drift"),
        # Pull requests, also one that names an environment.
        ("pull_request", "refs/pull/7/merge", "deploy-staging"),
        ("pull_request", "refs/pull/7/merge", "deploy-production"),
        ("pull_request", "refs/pull/7/merge", "drift"),
        ("environment:staging", "refs/pull/7/merge", "deploy-staging"),
        ("environment:production", "refs/pull/7/merge", "deploy-production"),
        # And what is no pull request.
        ("ref:refs/heads/main", "refs/heads/main", "preview"),
        ("environment:staging", "refs/heads/main", "preview"),
    ],
)
def test_other_circumstances_are_refused(form: str, subject: str, ref: str, role: str) -> None:
    assert not accepts(role, token(f"{form}:{subject}", ref))


@pytest.mark.parametrize("role", ROLES)
def test_tokens_for_others_and_tokens_that_say_less_are_refused(role: str) -> None:
    subject, ref = ROLES[role]
    claims = token(f"{CLASSIC}:{subject}", ref)
    others = token(f"{CLASSIC}:{subject}", ref, audience="https://github.com/octo-org")
    assert not accepts(role, others)
    compared = claims.keys() - ({f"{ISSUER}:ref"} if role == "preview" else set())
    for claim in compared:
        assert not accepts(role, {key: value for key, value in claims.items() if key != claim})


def test_conditions_hold_no_patterns() -> None:
    for role in delivery().of(ROLE).values():
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"].keys() == {"StringEquals"}
        assert len(role.inputs["assumeRolePolicy"]) <= LONGEST_TRUST


def test_without_numbers_nobody_is_accepted() -> None:
    unknown = {**INFRASTRUCTURE, "owner_id": 0, "repository_id": 0}
    deployment = delivery(infrastructure=unknown)
    for role, (subject, ref) in ROLES.items():
        for form in (CLASSIC, IMMUTABLE):
            assert not accepts(role, token(f"{form}:{subject}", ref), deployment)


def test_pull_requests_are_previewed_only_where_the_settings_say_so() -> None:
    environments: dict[str, Any] = {"staging": {}, "production": {}}
    deployment = delivery(environments=environments)
    assert "delivery-preview" not in deployment.of(ROLE)
    assert "delivery-preview-staging" not in deployment.of(POLICY)
    assert "preview" not in deployment.outputs[deployment.only(DELIVERY).urn]["role_arns"]


@pytest.mark.parametrize("preview", [False, True])
def test_roles_have_names_that_workflows_know_and_a_path_of_their_own(preview: bool) -> None:
    deployment = delivery(preview)
    component = deployment.only(DELIVERY)
    roles = deployment.of(ROLE)
    assert {role.inputs["name"] for role in roles.values()} == {
        "aussie-markets-deploy-staging",
        "aussie-markets-deploy-production",
        "aussie-markets-drift",
        "aussie-markets-preview",
        "aussie-markets-push-images",
    }
    for name, role in roles.items():
        assert role.inputs["path"] == "/delivery/"
        assert "permissionsBoundary" not in role.inputs
        hours = 2 if "deploy" in name else 1
        assert role.inputs["maxSessionDuration"] == hours * 3600
    for resource in deployment.resources:
        assert resource is component or resource.parent == component.urn
        assert not resource.protect
        assert not resource.retain_on_delete
        assert resource.ignore_changes == ()


def attached(deployment: Deployment) -> dict[str, set[str]]:
    """Logical names of the policies of each role."""
    by_arn = {policy.outputs["arn"]: name for name, policy in deployment.of(POLICY).items()}
    by_name = {role.inputs["name"]: name for name, role in deployment.of(ROLE).items()}
    found: dict[str, set[str]] = {name: set() for name in by_name.values()}
    for attachment in deployment.of(ATTACHMENT).values():
        found[by_name[attachment.inputs["role"]]].add(by_arn[attachment.inputs["policyArn"]])
    return found


def test_each_role_has_its_policies_alone() -> None:
    found = attached(delivery())
    for environment in ("staging", "production"):
        assert found[f"delivery-deploy-{environment}"] == {
            "delivery-inspect",
            *(f"delivery-deploy-{environment}-{kind}" for kind in DEPLOYMENT),
        }
    assert found["delivery-drift"] == {
        "delivery-inspect",
        "delivery-drift-staging",
        "delivery-drift-production",
    }
    assert found["delivery-preview"] == {"delivery-inspect", "delivery-preview-staging"}
    assert found["delivery-push-images"] == {"delivery-push-images"}
    assert all(len(policies) <= MOST_POLICIES for policies in found.values())


def test_policies_are_about_their_environment() -> None:
    deployment = delivery()
    for name, policy in deployment.of(POLICY).items():
        text = policy.inputs["policy"]
        assert len(text) <= LONGEST_POLICY
        for environment, other in (("staging", "production"), ("production", "staging")):
            if environment in name:
                # What has no name and no tag belongs to no environment.
                assert (environment in text) != name.endswith("-unnamed")
                assert other not in text
    state = deployment.of(POLICY)["delivery-preview-staging"].inputs["policy"]
    assert f"arn:aws:s3:::aussie-markets-state-{ACCOUNT_ID}" in state


def test_another_bucket_may_hold_the_state() -> None:
    policies = delivery(state_bucket="elsewhere").of(POLICY)
    for name in ("deploy-staging-state", "drift-staging", "preview-staging"):
        assert "arn:aws:s3:::elsewhere" in policies[f"delivery-{name}"].inputs["policy"]


def test_boundaries_have_names_that_environments_know() -> None:
    deployment = delivery()
    names = {
        name: policy.inputs["name"]
        for name, policy in deployment.of(POLICY).items()
        if "name" in policy.inputs
    }
    assert names == {
        "delivery-boundary-staging": "aussie-markets-boundary-staging",
        "delivery-boundary-production": "aussie-markets-boundary-production",
    }
    granted = set.union(*attached(deployment).values())
    assert not granted & names.keys(), "a boundary grants nothing"


def test_the_longest_names_fit() -> None:
    longest = "x" * 16
    deployment = delivery(environments={longest: {"branch": "b" * 200}})
    for role in deployment.of(ROLE).values():
        assert len(role.inputs["name"]) <= LONGEST_ROLE_NAME
        assert len(role.inputs["assumeRolePolicy"]) <= LONGEST_TRUST


def test_outputs() -> None:
    deployment = delivery()
    assert deployment.outputs[deployment.only(DELIVERY).urn] == {
        "role_arns": {
            purpose: f"arn:aws:mock:::role/delivery-{purpose}-arn"
            for purpose in ("deploy-staging", "deploy-production", "drift", "preview")
        }
        | {"push-images": "arn:aws:mock:::role/delivery-push-images-arn"},
        "boundary_arns": {
            environment: f"arn:aws:mock:::policy/delivery-boundary-{environment}-arn"
            for environment in ("staging", "production")
        },
    }
