"""How load balancers find out that a target is well."""

from typing import Final

from pulumi_policy import Severity

from .kinds import TARGET_GROUPS
from .rule import Checked, Framework, Reference, Rule

_OVER_HTTP: Final = ("HTTP", "HTTPS")


@Rule(
    name="target-group-health-path",
    description=(
        "Target groups say which path tells whether a target is well: AWS's own, /, is a page that"
        " may need a user, or may answer while the database is away."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_261"),),
    remediation="Set healthCheck.path to the path of the health check, such as /health.",
).for_each(*TARGET_GROUPS)
def target_group_health_path(group: Checked) -> None:
    if group.get("protocol") not in _OVER_HTTP:
        return
    if not (group.get("healthCheck") or {}).get("path"):
        group.fails("healthCheck.path", seen="not set", wanted="the path of a health check")
