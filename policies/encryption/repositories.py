"""Images at rest."""

from pulumi_policy import Severity

from .customer_keys import check_customer_key
from .rule import Checked, Framework, Reference, Rule


@Rule(
    name="repository-customer-key",
    description=(
        "Image repositories are encrypted with a key of our own: it cannot be changed later"
        " without a new repository."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ECR.5"),
        Reference(Framework.CHECKOV, "CKV_AWS_136"),
    ),
    remediation="Set encryptionType to KMS and kmsKey to the ARN of a key of the stack.",
).for_each("aws:ecr/repository:Repository")
def repository_customer_key(repository: Checked) -> None:
    configurations = repository.get("encryptionConfigurations")
    if not configurations:
        repository.fails("encryptionConfigurations", seen="not set", wanted="one with KMS")
        return
    configuration = configurations[0]
    with repository.unknowns_noted():
        kind = configuration.get("encryptionType")
        if kind not in ("KMS", "KMS_DSSE"):
            repository.fails("encryptionType", seen=kind or "not set", wanted="KMS")
    with repository.unknowns_noted():
        check_customer_key(repository, "kmsKey", configuration.get("kmsKey"))
