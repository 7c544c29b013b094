"""Parameters and secrets in the encryption pack."""

import pytest

from policies.encryption.parameters import parameter_encrypted, secret_customer_key
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

PARAMETER = "aws:ssm/parameter:Parameter"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1"

CASES = [
    Case(
        parameter_encrypted,
        PARAMETER,
        {"name": "/aussie-markets/staging/jwt-secret", "type": "SecureString", "keyId": KEY},
        [
            ({"keyId": None}, "keyId is not set, wanted is the ARN of a customer managed key"),
            ({"keyId": "alias/aws/ssm"}, "keyId is alias/aws/ssm, a key that AWS manages"),
            ({"name": "/aussie-markets/maintenance-mode", "keyId": None}, "keyId is not set"),
            ({"type": "String"}, "type is String, wanted is SecureString"),
            ({"type": "StringList"}, "type is StringList, wanted is SecureString"),
        ],
        also_good=[{"name": "/aussie-markets/maintenance-mode", "type": "String", "keyId": None}],
        undecided=[
            {"type": UNKNOWN},
            {"keyId": UNKNOWN},
            {"type": "String", "name": UNKNOWN},
        ],
    ),
    Case(
        secret_customer_key,
        "aws:secretsmanager/secret:Secret",
        {"kmsKeyId": KEY},
        [
            ({"kmsKeyId": None}, "not set"),
            ({"kmsKeyId": "alias/aws/secretsmanager"}, "AWS manages"),
        ],
        spared_in_staging=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("/aussie-markets/production/database-url", True),
        ("/aussie-markets/production/redis-url", True),
        ("/aussie-markets/production/stripe-secret-key", True),
        ("/aussie-markets/production/refresh-token-secret", True),
        ("/other/DB_PASSWORD", True),
        ("/other/passwd", True),
        ("/other/AccessToken", True),
        ("/other/credentials", True),
        ("/other/api-key", True),
        ("/other/private_key", True),
        ("/other/connection-string", True),
        ("/aussie-markets/production/maintenance-mode", False),
        ("/aussie-markets/production/release/api-image", False),
        ("/other/public-url", False),
    ],
)
def test_which_names_are_secret(name: str, secret: bool) -> None:
    outcome = check(parameter_encrypted, PARAMETER, {"name": name, "type": "String"})
    assert bool(outcome.failed) is secret
    unnamed = check(parameter_encrypted, PARAMETER, {"type": "String"}, name=name)
    assert bool(unnamed.failed) is secret


def test_secret_names_can_be_configured() -> None:
    config = {"secretNames": ["*pin"]}
    for name, passes in (("/x/pin", False), ("/x/pin-length", True), ("/x/password", True)):
        given = {"name": name, "type": "String"}
        assert check(parameter_encrypted, PARAMETER, given, config=config).passed is passes


def test_no_value_is_quoted() -> None:
    given = {"name": "password", "type": "String", "value": "hunter2", "insecureValue": "hunter2"}
    assert "hunter2" not in check(parameter_encrypted, PARAMETER, given).messages
