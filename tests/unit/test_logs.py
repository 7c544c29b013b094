"""The exact inputs and options of the security and the audit log."""

import pytest

from components.logs import ApplicationLogs, ApplicationLogsArgs
from components.naming import Names
from tests.unit.conftest import Deployment, deploy, settings_of

LOGS = "aussie-markets:logs:ApplicationLogs"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])


def logs(stack: str, **values: object) -> Deployment:
    settings = settings_of(stack, {"logs": values})

    def program() -> None:
        ApplicationLogs(
            "logs",
            ApplicationLogsArgs(
                names=Names(settings.environment),
                settings=settings.logs,
                log_key_arn="arn:log-key",
            ),
        )

    return deploy(program, stack)


@BOTH
def test_both_logs_are_kept_for_seven_years(stack: str) -> None:
    deployment = logs(stack)
    component = deployment.only(LOGS)
    groups = deployment.of(LOG_GROUP)
    assert groups.keys() == {"logs-security", "logs-audit"}
    for purpose in ("security", "audit"):
        group = groups[f"logs-{purpose}"]
        assert group.inputs == {
            "name": f"/aussie-markets/{stack}/{purpose}",
            "retentionInDays": 2557,
            "kmsKeyId": "arn:log-key",
        }
        assert group.parent == component.urn
        assert group.retain_on_delete == (stack == "production")
        assert not group.protect
        assert group.ignore_changes == ()


def test_settings_decide_about_each_log() -> None:
    groups = logs("staging", security_retention_days=3653, keep=True).of(LOG_GROUP)
    assert groups["logs-security"].inputs["retentionInDays"] == 3653
    assert groups["logs-audit"].inputs["retentionInDays"] == 2557
    assert groups["logs-security"].retain_on_delete
    assert groups["logs-audit"].retain_on_delete


def test_registered_outputs() -> None:
    deployment = logs("staging")
    assert deployment.outputs[deployment.only(LOGS).urn] == {
        "security_group_name": "/aussie-markets/staging/security",
        "security_group_arn": "arn:aws:mock:::log-group/logs-security-arn",
        "audit_group_name": "/aussie-markets/staging/audit",
        "audit_group_arn": "arn:aws:mock:::log-group/logs-audit-arn",
    }
