"""Keys: who may use them, and that they outlive the stack."""

import json

from components.keys import EncryptionKey, EncryptionKeyArgs, cloudwatch_logs_access
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy

ADMINISTRATORS = {
    "Sid": "AccountAdministrators",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def key(*log_groups: str) -> Deployment:
    def program() -> None:
        EncryptionKey(
            "logs",
            EncryptionKeyArgs(
                alias="alias/some-logs",
                description="Some logs",
                account_id=ACCOUNT_ID,
                services=[cloudwatch_logs_access("ap-southeast-2", ACCOUNT_ID, *log_groups)]
                if log_groups
                else [],
            ),
        )

    return deploy(program)


def test_the_key_is_rotated_and_kept() -> None:
    deployment = key()
    resource = deployment.only("aws:kms/key:Key")
    assert resource.retain_on_delete
    assert resource.parent == deployment.only("aussie-markets:keys:EncryptionKey").urn
    policy = json.loads(resource.inputs.pop("policy"))
    assert policy == {"Version": "2012-10-17", "Statement": [ADMINISTRATORS]}
    assert resource.inputs == {
        "description": "Some logs",
        "deletionWindowInDays": 30,
        "enableKeyRotation": True,
    }


def test_the_alias_goes_with_the_stack() -> None:
    alias = key().only("aws:kms/alias:Alias")
    assert not alias.retain_on_delete
    assert alias.inputs == {"name": "alias/some-logs", "targetKeyId": "logs-key-key-id"}


def test_cloudwatch_logs_may_use_it_for_the_named_groups_only() -> None:
    policy = json.loads(key("/some/*", "/other/*/log").only("aws:kms/key:Key").inputs["policy"])
    assert policy["Statement"] == [
        ADMINISTRATORS,
        {
            "Sid": "CloudWatchLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logs.ap-southeast-2.amazonaws.com"},
            "Action": [
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:aws:logs:ap-southeast-2:{ACCOUNT_ID}:log-group:/some/*",
                        f"arn:aws:logs:ap-southeast-2:{ACCOUNT_ID}:log-group:/other/*/log",
                    ]
                }
            },
        },
    ]


def test_registered_outputs() -> None:
    deployment = key()
    (outputs,) = (
        outputs for urn, outputs in deployment.outputs.items() if "EncryptionKey::" in urn
    )
    assert outputs == {"arn": "arn:aws:mock:::key/logs-key-arn"}
