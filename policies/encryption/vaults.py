"""Backups at rest."""

from typing import Final

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .rule import Checked, Framework, Reference, Rule

_VAULT: Final = "aws:backup/vault:Vault"
_AIR_GAPPED: Final = "aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault"


@Rule(
    name="vault-customer-key",
    description=(
        "Backup vaults, those that receive copies too, are encrypted with a key of our own: the"
        " policy of AWS's key cannot be changed, and no other account can restore from them."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "Backup.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_166"),
    ),
    remediation="Set it to the ARN of a key in the vault's own region.",
).for_each(_VAULT, _AIR_GAPPED)
def vault_customer_key(vault: Checked) -> None:
    must_have_customer_key(vault, "kmsKeyArn" if vault.type == _VAULT else "encryptionKeyArn")
