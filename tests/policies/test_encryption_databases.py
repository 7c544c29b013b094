"""Databases in the encryption pack."""

from typing import Any

import pytest

from policies.encryption.databases import (
    database_certificate_authority,
    database_cluster_encrypted,
    database_customer_key,
    database_encrypted,
    database_own_parameter_group,
    database_proxy_tls,
    database_tls_forced,
)
from tests.policies.cases import Case
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, Given, check, check_stack

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
GROUP = "aws:rds/parameterGroup:ParameterGroup"
CLUSTER_GROUP = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1"
OF_AWS = "arn:aws:kms:ap-southeast-2:123456789012:alias/aws/rds"


def parameters(**values: Any) -> list[dict[str, Any]]:
    """With an entry before and after, each by name with its dots written as underscores."""
    given = {"work_mem": "64", **values, "zero": "0"}
    return [{"name": name.replace("__", "."), "value": value} for name, value in given.items()]


Changes = list[tuple[dict[str, Any], str]]

UNENCRYPTED: Changes = [
    ({"storageEncrypted": False}, "storageEncrypted is false, wanted is true"),
    ({"storageEncrypted": None}, "not set, which means false"),
]
KEYLESS: Changes = [
    ({"kmsKeyId": None}, "kmsKeyId is not set"),
    ({"kmsKeyId": ""}, "kmsKeyId is not set"),
    ({"kmsKeyId": OF_AWS}, "alias/aws/rds, a key that AWS manages"),
    ({"kmsKeyId": "alias/aws/rds"}, "wanted is the ARN of a customer managed key"),
]
AUTHORITY = "rds-ca-rsa2048-g1"

CASES = [
    Case(database_encrypted, INSTANCE, {"storageEncrypted": True}, UNENCRYPTED),
    Case(
        database_encrypted,
        "aws:rds/globalCluster:GlobalCluster",
        {"storageEncrypted": True},
        UNENCRYPTED,
    ),
    Case(
        database_cluster_encrypted,
        CLUSTER,
        {"storageEncrypted": True, "kmsKeyId": KEY},
        [*UNENCRYPTED, *KEYLESS],
    ),
    Case(
        database_customer_key,
        INSTANCE,
        {"kmsKeyId": KEY},
        [
            *KEYLESS,
            ({"performanceInsightsEnabled": True}, "performanceInsightsKmsKeyId is not set"),
            ({"manageMasterUserPassword": True}, "masterUserSecretKmsKeyId is not set"),
        ],
        also_good=[
            {"performanceInsightsEnabled": False, "manageMasterUserPassword": False},
            {"performanceInsightsEnabled": True, "performanceInsightsKmsKeyId": KEY},
            {"manageMasterUserPassword": True, "masterUserSecretKmsKeyId": KEY},
        ],
        undecided=[
            {"kmsKeyId": UNKNOWN},
            {"performanceInsightsEnabled": UNKNOWN},
            {"performanceInsightsEnabled": True, "performanceInsightsKmsKeyId": UNKNOWN},
            {"manageMasterUserPassword": UNKNOWN},
            {"manageMasterUserPassword": True, "masterUserSecretKmsKeyId": UNKNOWN},
        ],
        spared_in_staging=True,
    ),
    *(
        Case(
            database_customer_key,
            kind,
            {"performanceInsightsEnabled": True, "performanceInsightsKmsKeyId": KEY},
            [({"performanceInsightsKmsKeyId": None}, "performanceInsightsKmsKeyId is not set")],
            spared_in_staging=True,
        )
        for kind in (CLUSTER, CLUSTER_INSTANCE)
    ),
    *(
        Case(
            database_tls_forced,
            kind,
            {"family": "postgres15", "parameters": parameters(rds__force_ssl="1")},
            [
                ({"parameters": parameters(rds__force_ssl="0")}, "rds.force_ssl is 0, wanted is 1"),
                ({"parameters": parameters()}, "rds.force_ssl is not set"),
                ({"parameters": None}, "rds.force_ssl is not set"),
                ({"family": "mysql8.0"}, "require_secure_transport is not set"),
                ({"family": "aurora-mysql8.0"}, "require_secure_transport is not set"),
                ({"family": "mariadb11.4"}, "require_secure_transport is not set"),
            ],
            also_good=[
                {"family": "aurora-postgresql15"},
                {"family": "sqlserver-ex-15.0"},
                {"family": "oracle-ee-19", "parameters": None},
                {"parameters": [UNKNOWN, *parameters(rds__force_ssl="1")]},
                *(
                    {
                        "family": "mysql8.0",
                        "parameters": parameters(require_secure_transport=value),
                    }
                    for value in ("ON", "1", "true")
                ),
            ],
            undecided=[
                {"family": UNKNOWN},
                {"parameters": UNKNOWN},
                {"parameters": parameters(rds__force_ssl=UNKNOWN)},
            ],
        )
        for kind in (GROUP, CLUSTER_GROUP)
    ),
    *(
        Case(
            database_certificate_authority,
            kind,
            {"caCertIdentifier": AUTHORITY},
            [
                ({"caCertIdentifier": None}, "the account's default, wanted is one of rds-ca-rsa"),
                ({"caCertIdentifier": "rds-ca-2019"}, "caCertIdentifier is rds-ca-2019"),
            ],
            also_good=[
                {"caCertIdentifier": "rds-ca-rsa4096-g1"},
                {"caCertIdentifier": "rds-ca-ecc384-g1"},
            ],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER_INSTANCE)
    ),
    Case(
        database_certificate_authority,
        CLUSTER,
        {"dbClusterInstanceClass": "db.r6gd.large", "caCertificateIdentifier": AUTHORITY},
        [({"caCertificateIdentifier": None}, "caCertificateIdentifier is not set")],
        also_good=[{"dbClusterInstanceClass": None, "caCertificateIdentifier": None}],
        spared_in_staging=True,
    ),
    Case(
        database_proxy_tls,
        "aws:rds/proxy:Proxy",
        {"requireTls": True},
        [({"requireTls": False}, "requireTls is false"), ({"requireTls": None}, "not set")],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_an_unknown_flag_hides_no_missing_key() -> None:
    outcome = check(database_cluster_encrypted, CLUSTER, {"storageEncrypted": UNKNOWN})
    assert outcome.failed == ["it"]
    assert "storageEncrypted" in outcome.advisory
    unknown = {"performanceInsightsEnabled": UNKNOWN, "manageMasterUserPassword": True}
    outcome = check(database_customer_key, INSTANCE, unknown)
    assert outcome.failed == ["it", "it"]
    assert "performanceInsightsEnabled" in outcome.advisory
    unknown = {"kmsKeyId": UNKNOWN, "performanceInsightsEnabled": True}
    outcome = check(database_customer_key, INSTANCE, unknown)
    assert outcome.failed == ["it"]
    assert "kmsKeyId" in outcome.advisory


def test_authorities_can_be_configured() -> None:
    config = {"authorities": ["rds-ca-next"]}
    given = {"caCertIdentifier": "rds-ca-next"}
    assert check(database_certificate_authority, INSTANCE, given, config=config).passed
    given = {"caCertIdentifier": AUTHORITY}
    assert check(database_certificate_authority, INSTANCE, given, config=config).failed


WAYS = [
    (INSTANCE, "parameterGroupName", GROUP),
    (CLUSTER, "dbClusterParameterGroupName", CLUSTER_GROUP),
]


@pytest.mark.parametrize("stack", [STAGING, PRODUCTION, UNLISTED])
@pytest.mark.parametrize(("kind", "name", "group_kind"), WAYS)
def test_each_database_has_a_group_of_its_stack(
    kind: str, name: str, group_kind: str, stack: str
) -> None:
    group = Given(group_kind, "group", {"arn": "arn:aws:rds:ap-southeast-2:1:pg:ours"})
    ours = Given(kind, "ours", {name: "ours"})
    foreign = Given(kind, "foreign", {name: "default.postgres15"})
    none = Given(kind, "none", {})
    filled_by_aws = Given(kind, "filled", {name: UNKNOWN})
    outcome = check_stack(
        database_own_parameter_group, [group, ours, foreign, none, filled_by_aws], stack=stack
    )
    assert outcome.failed == ["foreign", "none", "filled"]
    assert f"{name} is default.postgres15, wanted is a parameter group of" in outcome.messages
    assert "not set, which means AWS's default" in outcome.messages
    assert not outcome.advisory


@pytest.mark.parametrize(("kind", "name", "group_kind"), WAYS)
def test_a_group_that_is_not_made_yet_is_told_by_its_dependency(
    kind: str, name: str, group_kind: str
) -> None:
    group, second = (Given(group_kind, each, {"arn": UNKNOWN}) for each in ("group", "second"))
    ours = Given(kind, "ours", {name: UNKNOWN}, {name: group})
    assert check_stack(database_own_parameter_group, [group, ours]).passed
    either = Given(kind, "either", {name: UNKNOWN}, {name: [group, second]})
    bad = Given(kind, "bad", {})
    outcome = check_stack(database_own_parameter_group, [group, second, either, bad])
    assert outcome.failed == ["bad"]
    assert "'either'" in outcome.advisory


def test_a_database_with_another_group_can_be_exempted() -> None:
    config = {"exemptions": {"old": "Restored from the old platform"}}
    old = Given(INSTANCE, "old", {})
    assert check_stack(database_own_parameter_group, [old], config=config).passed
