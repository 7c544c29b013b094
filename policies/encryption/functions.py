"""Environment variables of functions at rest."""

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .kinds import FUNCTION
from .rule import Checked, Framework, Reference, Rule


@Rule(
    name="function-customer-key",
    description=(
        "Functions that have environment variables encrypt them with a key of our own: who may"
        " read them is then decided by the key's policy too."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_173"),),
    remediation="Set kmsKeyArn to the ARN of a key that the function's role may use.",
).for_each(FUNCTION)
def function_customer_key(function: Checked) -> None:
    environment = function.get("environment")
    if environment and environment.get("variables"):
        must_have_customer_key(function, "kmsKeyArn")
