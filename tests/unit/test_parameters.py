"""The parameters' exact inputs and options."""

import pulumi
import pytest

from components.naming import Names
from components.parameters import Parameters, ParametersArgs, SecretParameter
from tests.unit.conftest import SENTINEL, Deployment, deploy, deploy_main

PARAMETERS = "aussie-markets:parameters:Parameters"
PARAMETER = "aws:ssm/parameter:Parameter"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])


def parameters(*, preview: bool = False) -> Deployment:
    def program() -> None:
        Parameters(
            "params",
            ParametersArgs(
                names=Names("staging"),
                kms_key_arn="arn:key",
                secrets={"jwt-secret": SecretParameter(pulumi.Output.secret(SENTINEL), 3)},
            ),
        )

    return deploy(program, preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_a_secret_is_written_once_for_each_version(preview: bool) -> None:
    secret = parameters(preview=preview).of(PARAMETER)["params-jwt-secret"]
    assert secret.inputs == {
        "name": "/aussie-markets/staging/jwt-secret",
        "type": "SecureString",
        "keyId": "arn:key",
        "valueWo": SENTINEL,
        "valueWoVersion": 3,
    }
    assert secret.secret_inputs == {"valueWo"}
    # Without the version a change of the value writes nothing, so there is nothing to ignore.
    assert secret.ignore_changes == ()


def test_the_value_of_the_maintenance_flag_belongs_to_the_runbooks() -> None:
    flag = parameters().of(PARAMETER)["params-maintenance-mode"]
    assert flag.inputs == {
        "name": "/aussie-markets/staging/maintenance-mode",
        "type": "String",
        "value": "false",
    }
    assert flag.ignore_changes == ("value",)


def test_options_of_the_children() -> None:
    deployment = parameters()
    component = deployment.only(PARAMETERS)
    children = deployment.of(PARAMETER).values()
    assert len(children) == 2
    for child in children:
        assert child.parent == component.urn
        assert not child.protect
        assert not child.retain_on_delete
        assert child.delete_before_replace
        assert child.aliases == ()


def test_registered_outputs() -> None:
    deployment = parameters()
    assert deployment.clear_outputs[deployment.only(PARAMETERS).urn] == {
        "arns": {
            label: f"arn:aws:mock:::parameter/params-{label}-arn"
            for label in ("jwt-secret", "maintenance-mode")
        }
    }


def versions(deployment: Deployment, stack: str) -> dict[str, int]:
    return {
        parameter.inputs["name"].removeprefix(f"/aussie-markets/{stack}/"): int(
            parameter.inputs["valueWoVersion"]
        )
        for parameter in deployment.of(PARAMETER).values()
        if parameter.inputs["type"] == "SecureString"
    }


DOCUMENTED = {
    "database-url": 1001,
    "redis-url": 1001,
    "jwt-secret": 1,
    "refresh-token-secret": 1,
    "stripe-secret-key": 1,
}


@BOTH
def test_the_documented_parameters(stack: str) -> None:
    assert versions(deploy_main(stack), stack) == DOCUMENTED


def test_settings_raise_versions() -> None:
    deployment = deploy_main(
        "staging",
        {
            "database": {"password_version": 2},
            "cache": {"generation": 2},
            "parameters": {
                "jwt_secret_version": 3,
                "refresh_token_secret_version": 4,
                "stripe_secret_key_version": 5,
            },
        },
    )
    assert versions(deployment, "staging") == {
        "database-url": 1002,
        "redis-url": 2001,
        "jwt-secret": 3,
        "refresh-token-secret": 4,
        "stripe-secret-key": 5,
    }
    instance = deployment.only("aws:rds/instance:Instance")
    assert instance.inputs["passwordWoVersion"] == 1002
    group = deployment.only("aws:elasticache/replicationGroup:ReplicationGroup")
    assert group.inputs["authTokenWoVersion"] == 2001
