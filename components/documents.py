"""What the policy documents of all components are made of, as values for `Output.json_dumps`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = Mapping[str, Any]


def policy_document(*statements: Statement) -> dict[str, Any]:
    """A policy of these statements, in IAM's current language."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def service_trust(service: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The trust policy of a role that an AWS service works with."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return policy_document(
        statement if condition is None else {**statement, "Condition": condition}
    )


def on_behalf_of(
    account_id: pulumi.Input[str], source_arn: pulumi.Input[str]
) -> dict[str, Mapping[str, Any]]:
    """The condition against the confused deputy: a service acts for this account's own resource.

    `source_arn` may be a pattern.
    """
    return {
        "StringEquals": {"aws:SourceAccount": account_id},
        "ArnLike": {"aws:SourceArn": source_arn},
    }


def tls_only(
    action: str, resources: pulumi.Input[str] | Sequence[pulumi.Input[str]]
) -> dict[str, Any]:
    """The statement that refuses whatever comes without TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
