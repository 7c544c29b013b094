"""Every role below a resource gets the boundary."""

import pulumi
import pulumi_aws as aws

from components.roles import bounded
from tests.unit.conftest import deploy, deploy_main

ROLE = "aws:iam/role:Role"
BOUNDARY = "arn:aws:iam::111122223333:policy/most"


class Parent(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("aussie-markets:test:Parent", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        aws.iam.Role(f"{name}-role", assume_role_policy="{}", opts=child)
        aws.sns.Topic(f"{name}-topic", opts=child)


def test_roles_get_it_and_nothing_else_changes() -> None:
    def program() -> None:
        Parent("bounded", pulumi.ResourceOptions(transformations=[bounded(BOUNDARY)]))
        Parent("free")

    deployment = deploy(program)
    roles = deployment.of(ROLE)
    assert roles["bounded-role"].inputs == {
        "assumeRolePolicy": "{}",
        "permissionsBoundary": BOUNDARY,
    }
    assert roles["free-role"].inputs == {"assumeRolePolicy": "{}"}
    assert all(topic.inputs == {} for topic in deployment.of("aws:sns/topic:Topic").values())


def test_an_environments_roles_have_its_boundary_unless_a_setting_says_otherwise() -> None:
    boundary = "arn:aws:iam::111122223333:policy/aussie-markets-boundary-demo"
    roles = deploy_main("demo", {}).of(ROLE).values()
    assert {role.inputs["permissionsBoundary"] for role in roles} == {boundary}
    without = deploy_main("demo", {"stack": {"role_boundary": False}}).of(ROLE).values()
    assert len(without) == len(roles)
    assert not any("permissionsBoundary" in role.inputs for role in without)
