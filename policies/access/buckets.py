"""Who can reach what is in buckets."""

from typing import Final

from pulumi_policy import Severity

from .kinds import BUCKETS, is_about, owing_of
from .rule import Checked, Framework, Reference, Rule, Stack

_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
_SWITCHES: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)
_WITHOUT_ACLS: Final = "BucketOwnerEnforced"


@Rule(
    name="bucket-public-access-block",
    description=(
        "Each bucket blocks public access in all four ways: a later mistake in a policy or an ACL"
        " then publishes nothing."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "S3.1"),
        Reference(Framework.FSBP, "S3.8"),
        Reference(Framework.CIS, "3.1.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_53"),
        Reference(Framework.CHECKOV, "CKV_AWS_54"),
        Reference(Framework.CHECKOV, "CKV_AWS_55"),
        Reference(Framework.CHECKOV, "CKV_AWS_56"),
        Reference(Framework.CHECKOV, "CKV2_AWS_6"),
    ),
    remediation="Add an aws.s3.BucketPublicAccessBlock with all four switches true.",
).for_stack()
def bucket_public_access_block(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            blocks = [block for block in stack.all(_BLOCK) if is_about(block, bucket)]
            if not blocks:
                bucket.fails("public access block", seen="missing", wanted="one")
            for block in blocks:
                for switch in _SWITCHES:
                    block.must_be_true(switch)


@Rule(
    name="bucket-owner-enforced",
    description=(
        "Buckets take no ACLs: with BucketOwnerEnforced the bucket's policy alone says who may do"
        " what, and every object belongs to the bucket's owner."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "S3.12"),
        Reference(Framework.CHECKOV, "CKV2_AWS_65"),
    ),
    remediation=(
        "Add an aws.s3.BucketOwnershipControls with rule.objectOwnership BucketOwnerEnforced."
    ),
).for_stack()
def bucket_owner_enforced(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            controls = [each for each in stack.all(_OWNERSHIP) if is_about(each, bucket)]
            if not controls:
                bucket.fails("ownership controls", seen="missing", wanted=_WITHOUT_ACLS)
            for control in controls:
                _check_ownership(control)


def _check_ownership(control: Checked) -> None:
    with control.unknowns_noted():
        ownership = (control.get("rule") or {}).get("objectOwnership")
        if ownership != _WITHOUT_ACLS:
            control.fails("rule.objectOwnership", seen=str(ownership), wanted=_WITHOUT_ACLS)
