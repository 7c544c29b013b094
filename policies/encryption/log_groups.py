"""Log groups at rest."""

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .rule import Checked, Framework, Reference, Rule


@Rule(
    name="log-group-customer-key",
    description=(
        "Log groups are encrypted with a key of our own: who may read logs is then decided by the"
        " key's policy too, and every use of the key is on record."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.CONTROL_TOWER, "CT.CLOUDWATCH.PR.3"),
        Reference(Framework.CHECKOV, "CKV_AWS_158"),
    ),
    remediation="Set kmsKeyId to the ARN of a key whose policy admits CloudWatch Logs.",
).for_each("aws:cloudwatch/logGroup:LogGroup")
def log_group_customer_key(group: Checked) -> None:
    must_have_customer_key(group, "kmsKeyId")
