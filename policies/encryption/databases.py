"""Databases at rest and on the wire."""

from collections.abc import Sequence
from typing import Final

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .database_types import CLUSTER, CLUSTER_INSTANCE, INSTANCE, parameter_of
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_GROUP: Final = "aws:rds/parameterGroup:ParameterGroup"
_CLUSTER_GROUP: Final = "aws:rds/clusterParameterGroup:ClusterParameterGroup"

# RDS and Aurora user guides, "Using SSL/TLS to encrypt a connection". Oracle forces TLS by an
# option instead.
_TLS_PARAMETERS: Final = {
    "postgres": "rds.force_ssl",
    "aurora-postgresql": "rds.force_ssl",
    "sqlserver": "rds.force_ssl",
    "mysql": "require_secure_transport",
    "mariadb": "require_secure_transport",
    "aurora-mysql": "require_secure_transport",
}
_ON: Final = ("1", "on", "true")

# RDS user guide, "Certificate authorities": valid until 2061 and later.
_CURRENT_AUTHORITIES: Final = ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"]


@Rule(
    name="database-encrypted",
    description=(
        "Databases are encrypted at rest, and with them their snapshots and replicas: it cannot"
        " be turned on later without a new database."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "RDS.3"),
        Reference(Framework.CIS, "3.2.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_16"),
    ),
    remediation=(
        "Set storageEncrypted to true; an existing database is copied through an encrypted"
        " snapshot."
    ),
).for_each(INSTANCE, "aws:rds/globalCluster:GlobalCluster")
def database_encrypted(database: Checked) -> None:
    database.must_be_true("storageEncrypted")


@Rule(
    name="database-cluster-encrypted",
    description=(
        "Database clusters are encrypted at rest with a key of our own: neither can be changed"
        " later without a new cluster."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "RDS.27"),
        Reference(Framework.CHECKOV, "CKV_AWS_96"),
        Reference(Framework.CHECKOV, "CKV_AWS_327"),
    ),
    remediation="Set storageEncrypted to true and kmsKeyId to the ARN of a key of the stack.",
).for_each(CLUSTER)
def database_cluster_encrypted(cluster: Checked) -> None:
    cluster.must_be_true("storageEncrypted")
    must_have_customer_key(cluster, "kmsKeyId")


@Rule(
    name="database-customer-key",
    description=(
        "Production's databases, their performance data and their managed passwords are"
        " encrypted with keys of our own: a key that AWS manages cannot be shared with another"
        " account, so its backups cannot be restored there."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_354"),),
    remediation="Set it to the ARN of a key of the stack.",
).for_each(INSTANCE, CLUSTER, CLUSTER_INSTANCE)
def database_customer_key(database: Checked) -> None:
    if database.type == INSTANCE:
        must_have_customer_key(database, "kmsKeyId")
    with database.unknowns_noted():
        if database.get("performanceInsightsEnabled"):
            must_have_customer_key(database, "performanceInsightsKmsKeyId")
    with database.unknowns_noted():
        if database.get("manageMasterUserPassword"):
            must_have_customer_key(database, "masterUserSecretKmsKeyId")


@Rule(
    name="database-tls-forced",
    description=(
        "Databases refuse connections without TLS: what a client may leave out, some client"
        " leaves out, and its password crosses the network in clear."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "RDS.38"),
        Reference(Framework.CHECKOV, "CKV2_AWS_69"),
    ),
    remediation="Set the parameter in the parameter group.",
).for_each(_GROUP, _CLUSTER_GROUP)
def database_tls_forced(group: Checked) -> None:
    parameter = _tls_parameter(str(group.get("family")))
    if parameter is None:
        return
    value = parameter_of(group, parameter)
    if value is None or value.lower() not in _ON:
        group.fails(parameter, seen=value or "not set", wanted="1")


def _tls_parameter(family: str) -> str | None:
    """`family` is the engine and its version, such as postgres15 or sqlserver-ex-15.0."""
    return next((p for engine, p in _TLS_PARAMETERS.items() if family.startswith(engine)), None)


@Rule(
    name="database-own-parameter-group",
    description=(
        "Each database uses a parameter group of its stack: AWS's default group cannot be"
        " changed, and whether it forces TLS differs from version to version."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "RDS.38"),
        Reference(Framework.CHECKOV, "CKV2_AWS_69"),
    ),
    remediation="Give it the name of a parameter group of the stack, which forces TLS.",
).for_stack()
def database_own_parameter_group(stack: Stack) -> None:
    for kind, property_name, group_kind in (
        (INSTANCE, "parameterGroupName", _GROUP),
        (CLUSTER, "dbClusterParameterGroupName", _CLUSTER_GROUP),
    ):
        groups = stack.all(group_kind)
        for database in stack.owing(kind):
            with database.unknowns_noted():
                _check_group(database, property_name, groups)


def _check_group(database: Checked, property_name: str, groups: Sequence[Checked]) -> None:
    wanted = "a parameter group of this stack"
    if not database.was_given(property_name):
        database.fails(property_name, seen="not set, which means AWS's default", wanted=wanted)
    elif not any_of(groups, lambda group: database.refers_to(property_name, group)):
        database.fails(property_name, seen=database.get(property_name), wanted=wanted)


@Rule(
    name="database-certificate-authority",
    description=(
        "Production's databases say which authority signs their certificates, and it is a current"
        " one: the account's default may have expired, and clients then refuse to connect."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_211"),),
    settings=(
        Setting(
            "authorities",
            "Certificate authorities that pass",
            _CURRENT_AUTHORITIES,
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
    ),
    remediation="Set it to a current authority that every client trusts.",
).for_each(INSTANCE, CLUSTER, CLUSTER_INSTANCE)
def database_certificate_authority(database: Checked) -> None:
    name = "caCertificateIdentifier" if database.type == CLUSTER else "caCertIdentifier"
    if database.type == CLUSTER and not database.get("dbClusterInstanceClass"):
        return  # Aurora's instances have their own
    authority = database.get(name)
    authorities = database.setting("authorities")
    if authority not in authorities:
        database.fails(
            name,
            seen=authority or "not set, which means the account's default",
            wanted=f"one of {', '.join(authorities)}",
        )


@Rule(
    name="database-proxy-tls",
    description="Database proxies refuse connections without TLS, as the databases behind them do.",
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "RDS.43"),),
    remediation="Set requireTls to true.",
).for_each("aws:rds/proxy:Proxy")
def database_proxy_tls(proxy: Checked) -> None:
    proxy.must_be_true("requireTls")
