"""How GitHub's workflows reach the account: by short-lived tokens, and with few rights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.documents import policy_document
from components.naming import delivery_role, role_boundary
from components.rights import document
from components.rights.boundary import boundary
from components.rights.deployment import DEPLOYMENT
from components.rights.inspection import inspect, push_images, read_secrets, read_state
from components.rights.scope import Scope, Statement
from components.settings.account import GitHubRepository, GitHubSettings

ISSUER: Final = "token.actions.githubusercontent.com"
# What aws-actions/configure-aws-credentials asks GitHub for.
AUDIENCE: Final = "sts.amazonaws.com"

# Apart from the environments' roles, so that no pattern of theirs reaches the workflows' own.
ROLE_PATH: Final = "/delivery/"

# A blue/green deployment with its bake time, or a change of a database, may take more than an hour.
DEPLOY_SESSION_SECONDS: Final = 7200


@dataclass(frozen=True)
class DeliveryArgs:
    """Inputs of `Delivery`.

    `zone_id` is the hosted zone in which environments make their records, `zone_name` its name;
    `repository_arns` are where images are pushed to.
    """

    account_id: pulumi.Input[str]
    settings: GitHubSettings
    zone_id: pulumi.Input[str]
    zone_name: str
    repository_arns: Sequence[pulumi.Input[str]]


class Delivery(pulumi.ComponentResource):
    """`aussie-markets:delivery:Delivery`: GitHub as identity provider, and its workflows' roles.

    - `aws.iam.OpenIdConnectProvider`: GitHub's tokens count instead of keys that never end.
    - `aws.iam.Role` `deploy-<environment>`: `pulumi up` of that environment alone, for jobs of
      the GitHub environment of the same name on its one branch.
    - `aws.iam.Role` `drift`: reads settings and state of all of them, for those branches.
    - `aws.iam.Role` `preview`: the same for pull requests, of the environments whose settings
      allow it.
    - `aws.iam.Role` `push-images`: images alone, for the application's branch.
    - `aws.iam.Policy` and `aws.iam.RolePolicyAttachment`: their rights, by kind of resource.
    - `aws.iam.Policy` `boundary-<environment>`: what no role of an environment may exceed.
    """

    role_arns: Mapping[str, pulumi.Output[str]]
    """By purpose: `deploy-<environment>`, `drift`, `preview`, `push-images`."""
    boundary_arns: Mapping[str, pulumi.Output[str]]
    """By environment."""

    def __init__(
        self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:delivery:Delivery", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        for label, repository in (
            ("infrastructure", settings.infrastructure),
            ("application", settings.application),
        ):
            if not (repository.owner_id and repository.repository_id):
                pulumi.log.warn(
                    f"aussie-markets:account.github.{label}: without owner_id and repository_id "
                    "no workflow of it can assume a role",
                    self,
                )
        self._github = aws.iam.OpenIdConnectProvider(
            f"{name}-github",
            url=f"https://{ISSUER}",
            client_id_lists=[AUDIENCE],
            opts=self._child,
        )
        self.boundary_arns = {
            environment: self._boundary(environment) for environment in settings.environments
        }
        reading = self._policy("inspect", lambda _: inspect())
        self.role_arns = {
            **{
                f"deploy-{environment}": self._deploy_role(environment, reading)
                for environment in settings.environments
            },
            **self._reading_roles(reading),
            "push-images": self._push_role(),
        }
        self.register_outputs({"role_arns": self.role_arns, "boundary_arns": self.boundary_arns})

    def _boundary(self, environment: str) -> pulumi.Output[str]:
        return aws.iam.Policy(
            f"{self._name_prefix}-boundary-{environment}",
            # Fixed: the environment's stack and its deploy role make the ARN out of it.
            name=role_boundary(environment),
            description=f"What no role of {environment} may exceed",
            policy=self._document(environment, boundary),
            opts=self._child,
        ).arn

    def _deploy_role(self, environment: str, reading: aws.iam.Policy) -> pulumi.Output[str]:
        settings = self._args.settings
        own = {
            kind: self._policy(f"deploy-{environment}-{kind}", statements, environment)
            for kind, statements in DEPLOYMENT.items()
        }
        return self._role(
            f"deploy-{environment}",
            f"pulumi up of {environment}",
            _trust(
                settings.infrastructure,
                [f"environment:{environment}"],
                [settings.environments[environment].branch],
            ),
            {"inspect": reading, **own},
            DEPLOY_SESSION_SECONDS,
        )

    def _reading_roles(self, reading: aws.iam.Policy) -> dict[str, pulumi.Output[str]]:
        repository = self._args.settings.infrastructure
        environments = self._args.settings.environments
        branches = sorted({each.branch for each in environments.values()})
        on_branches = [f"ref:refs/heads/{branch}" for branch in branches]
        compared = {
            name: self._policy(
                f"drift-{name}", lambda scope: [*read_state(scope), *read_secrets(scope)], name
            )
            for name in environments
        }
        previewed = {
            name: self._policy(f"preview-{name}", read_state, name)
            for name, each in environments.items()
            if each.preview_pull_requests
        }
        roles = {
            "drift": self._role(
                "drift",
                "Compares environments with their state, and changes nothing",
                _trust(repository, on_branches, branches),
                {"inspect": reading, **compared},
            )
        }
        if previewed:
            roles["preview"] = self._role(
                "preview",
                "Previews pull requests, and changes nothing",
                _trust(repository, ["pull_request"], []),
                {"inspect": reading, **previewed},
            )
        return roles

    def _push_role(self) -> pulumi.Output[str]:
        settings = self._args.settings
        branch = settings.application_branch
        rights = aws.iam.Policy(
            f"{self._name_prefix}-push-images",
            description="Rights of GitHub's workflows: push-images",
            policy=pulumi.Output.all(*self._args.repository_arns).apply(
                lambda arns: document(push_images(arns))
            ),
            opts=self._child,
        )
        return self._role(
            "push-images",
            "Pushes images of the services",
            _trust(settings.application, [f"ref:refs/heads/{branch}"], [branch]),
            {"push": rights},
        )

    def _policy(
        self,
        purpose: str,
        statements: Callable[[Scope], Sequence[Statement]],
        environment: str = "",
    ) -> aws.iam.Policy:
        return aws.iam.Policy(
            f"{self._name_prefix}-{purpose}",
            description=f"Rights of GitHub's workflows: {purpose}",
            policy=self._document(environment, statements),
            opts=self._child,
        )

    def _document(
        self, environment: str, statements: Callable[[Scope], Sequence[Statement]]
    ) -> pulumi.Output[str]:
        args = self._args

        def written(known: Sequence[str]) -> str:
            account_id, zone_id = known
            scope = Scope(
                account_id=account_id,
                environment=environment,
                state_bucket=args.settings.state_bucket or f"aussie-markets-state-{account_id}",
                zone_id=zone_id,
                zone_name=args.zone_name,
            )
            return document(statements(scope))

        return pulumi.Output.all(args.account_id, args.zone_id).apply(written)

    def _role(
        self,
        purpose: str,
        description: str,
        trust: Mapping[str, Any],
        policies: Mapping[str, aws.iam.Policy],
        session_seconds: int = 3600,
    ) -> pulumi.Output[str]:
        name = f"{self._name_prefix}-{purpose}"
        role = aws.iam.Role(
            name,
            # Fixed: workflows name the role that they want.
            name=delivery_role(purpose),
            path=ROLE_PATH,
            description=description,
            max_session_duration=session_seconds,
            assume_role_policy=pulumi.Output.json_dumps(
                policy_document({**trust, "Principal": {"Federated": self._github.arn}})
            ),
            opts=self._child,
        )
        for label, policy in policies.items():
            aws.iam.RolePolicyAttachment(
                f"{name}-{label}",
                role=role.name,
                policy_arn=policy.arn,
                opts=self._child,
            )
        return role.arn


def _trust(
    repository: GitHubRepository, subjects: Sequence[str], branches: Sequence[str]
) -> dict[str, Any]:
    """Whose tokens count: those of this very repository, in these circumstances.

    GitHub, "OpenID Connect reference": a subject names a job's environment, else the event of a
    pull request, else the branch; and the owner and repository by name alone, or, in repositories
    made or renamed since July 2026, by name and number. IAM user guide, "Available keys for AWS
    OIDC federation": `repository_id` and `ref` are compared too. The number keeps out whoever
    takes the names over, and the branch keeps out a pull request that names an environment.
    """
    owner, name = repository.owner, repository.name
    forms = (
        f"repo:{owner}/{name}",
        f"repo:{owner}@{repository.owner_id}/{name}@{repository.repository_id}",
    )
    conditions: dict[str, str | list[str]] = {
        f"{ISSUER}:aud": AUDIENCE,
        f"{ISSUER}:sub": [f"{form}:{subject}" for form in forms for subject in subjects],
        f"{ISSUER}:repository_id": str(repository.repository_id),
    }
    if branches:
        conditions[f"{ISSUER}:ref"] = [f"refs/heads/{branch}" for branch in branches]
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": conditions},
    }
