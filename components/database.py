"""The PostgreSQL database of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import pulumi
import pulumi_aws as aws

from components.documents import on_behalf_of, service_trust
from components.naming import Names
from components.network import POSTGRES_PORT
from components.settings.database import DatabaseSettings

# RDS user guide, "Publishing PostgreSQL logs to Amazon CloudWatch Logs".
LOG_EXPORTS: Final = ("postgresql", "upgrade")

# RDS, CreateDBInstance, CACertificateIdentifier: the newest that every client's RSA can check,
# valid until 2061. The 2019 one has expired.
CA_CERTIFICATE: Final = "rds-ca-rsa2048-g1"

# Seconds between two samples of the operating system.
MONITORING_INTERVAL: Final = 60

SLOW_QUERY_MILLISECONDS: Final = 1000


@dataclass(frozen=True)
class DatabaseArgs:
    """Inputs of `Database`.

    `kms_key_arn` encrypts the data and must outlive the stack, as final snapshot and automated
    backups do. `log_key_arn` encrypts the logs: its policy must admit CloudWatch Logs for
    `names.database_log_group(...)`. `password` is a secret; RDS and `database-url` get it once
    for each `settings.url_version`.
    """

    names: Names
    region: str
    settings: DatabaseSettings
    account_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    security_group_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    password: pulumi.Output[str]


class Database(pulumi.ComponentResource):
    """`aussie-markets:database:Database`: one instance, its read replicas and their logs.

    - `aws.rds.SubnetGroup`: the private subnets.
    - `aws.rds.ParameterGroup`: TLS forced, slow queries and schema changes logged,
      `pg_stat_statements`, the connections that alarms are measured by.
    - `aws.cloudwatch.LogGroup` for each instance and log: made before the instance, or RDS
      makes them without retention and key. They go with the stack.
    - `aws.iam.Role`, `aws.iam.RolePolicyAttachment`: enhanced monitoring.
    - `aws.rds.Instance`: the database. It is destroyed only when the setting lifts both RDS's
      protection and Pulumi's, and leaves its final snapshot and automated backups behind.
    - `aws.rds.Instance` for each read replica of the settings. It holds nothing of its own, so
      it is neither protected nor backed up.
    """

    identifier: pulumi.Output[str]
    arn: pulumi.Output[str]
    subnet_group_name: pulumi.Output[str]
    """Where a restored database goes."""
    address: pulumi.Output[str]
    """The host that clients connect to; it stays when the instance is replaced."""
    replica_identifiers: Sequence[pulumi.Output[str]]
    url: pulumi.Output[str]
    """`DATABASE_URL`, a secret. Certificate and host name are checked: docs/api-contract.md."""
    log_group_names: Sequence[pulumi.Output[str]]

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:database:Database", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        names = args.names
        monitoring = self._monitoring_role()
        parameters = self._parameter_group()
        self._log_groups: list[aws.cloudwatch.LogGroup] = []
        instance = self._instance(parameters, monitoring)
        replicas = [
            self._replica(number, instance, parameters, monitoring)
            for number in range(1, args.settings.read_replicas + 1)
        ]

        self.identifier = instance.identifier
        self.arn = instance.arn
        self.address = instance.address
        self.replica_identifiers = [replica.identifier for replica in replicas]
        self.url = pulumi.Output.secret(
            pulumi.Output.all(args.password, instance.address).apply(
                lambda known: database_url(
                    args.settings.username, known[0], known[1], names.database_name
                )
            )
        )
        self.log_group_names = [group.name for group in self._log_groups]
        self.register_outputs(
            {
                "identifier": self.identifier,
                "arn": self.arn,
                "subnet_group_name": self.subnet_group_name,
                "address": self.address,
                "replica_identifiers": self.replica_identifiers,
                "url": self.url,
                "log_group_names": self.log_group_names,
            }
        )

    def _parameter_group(self) -> aws.rds.ParameterGroup:
        settings = self._args.settings
        dynamic = {
            # Schema changes; "mod" and "all" would write customers' data into the log.
            "log_statement": "ddl",
            "log_min_duration_statement": str(SLOW_QUERY_MILLISECONDS),
            "rds.force_ssl": "1",
        }
        # PostgreSQL reads these only at its start. RDS refuses to apply them immediately.
        static = {
            "max_connections": str(settings.max_connections),
            "shared_preload_libraries": "pg_stat_statements",
        }
        values = {
            **{key: (value, "immediate") for key, value in dynamic.items()},
            **{key: (value, "pending-reboot") for key, value in static.items()},
        }
        return aws.rds.ParameterGroup(
            f"{self._name_prefix}-parameters",
            family=f"postgres{settings.major_version}",
            description=f"PostgreSQL of {self._args.names.environment}",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=key, value=value, apply_method=method)
                for key, (value, method) in sorted(values.items())
            ],
            opts=self._child,
        )

    def _monitoring_role(self) -> aws.iam.RolePolicyAttachment:
        # RDS user guide, "Setting up and enabling Enhanced Monitoring", with its conditions
        # against the confused deputy. The role serves the replicas as well.
        role = aws.iam.Role(
            f"{self._name_prefix}-monitoring",
            description="Writes the database's operating system metrics",
            assume_role_policy=pulumi.Output.json_dumps(
                service_trust(
                    "monitoring.rds.amazonaws.com",
                    on_behalf_of(
                        self._args.account_id,
                        pulumi.Output.concat(
                            f"arn:aws:rds:{self._args.region}:",
                            self._args.account_id,
                            f":db:{self._args.names.database}*",
                        ),
                    ),
                )
            ),
            opts=self._child,
        )
        self._monitoring_role_arn = role.arn
        return aws.iam.RolePolicyAttachment(
            f"{self._name_prefix}-monitoring",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
            opts=self._child,
        )

    def _logs_of(self, instance: str, label: str) -> list[aws.cloudwatch.LogGroup]:
        groups = [
            aws.cloudwatch.LogGroup(
                f"{self._name_prefix}-{label}{export}",
                name=self._args.names.database_log_group(instance, export),
                retention_in_days=self._args.settings.log_retention_days,
                kms_key_id=self._args.log_key_arn,
                opts=self._child,
            )
            for export in LOG_EXPORTS
        ]
        self._log_groups.extend(groups)
        return groups

    def _common(self, parameters: aws.rds.ParameterGroup) -> Mapping[str, Any]:
        """What instance and read replicas share."""
        settings = self._args.settings
        return {
            "instance_class": settings.instance_class,
            "storage_type": "gp3",
            "max_allocated_storage": settings.max_allocated_storage_gib,
            "storage_encrypted": True,
            "kms_key_id": self._args.kms_key_arn,
            "port": POSTGRES_PORT,
            "vpc_security_group_ids": [self._args.security_group_id],
            "publicly_accessible": False,
            "ca_cert_identifier": CA_CERTIFICATE,
            "iam_database_authentication_enabled": True,
            "parameter_group_name": parameters.name,
            "auto_minor_version_upgrade": True,
            # What restarts the database waits for the window; a runbook that cannot wait
            # reboots it by hand.
            "apply_immediately": False,
            "maintenance_window": settings.maintenance_window,
            "copy_tags_to_snapshot": True,
            "enabled_cloudwatch_logs_exports": list(LOG_EXPORTS),
            "monitoring_interval": MONITORING_INTERVAL,
            "monitoring_role_arn": self._monitoring_role_arn,
            # PostgreSQL has it on every class. The key cannot be changed later.
            "performance_insights_enabled": True,
            "performance_insights_kms_key_id": self._args.kms_key_arn,
            "performance_insights_retention_period": settings.insights_retention_days,
            "database_insights_mode": settings.insights_mode,
        }

    def _instance(
        self, parameters: aws.rds.ParameterGroup, monitoring: aws.iam.RolePolicyAttachment
    ) -> aws.rds.Instance:
        names, settings = self._args.names, self._args.settings
        subnets = aws.rds.SubnetGroup(
            f"{self._name_prefix}-subnets",
            description=f"Private subnets of {names.environment}",
            subnet_ids=self._args.subnet_ids,
            opts=self._child,
        )
        self.subnet_group_name = subnets.name
        # A changed snapshot rebuilds the database and loses what is newer: it takes two settings.
        ignored = [] if settings.rebuild_from_snapshot else ["snapshotIdentifier"]
        if settings.engine_version != settings.major_version:
            # After AWS's next minor upgrade a full version would be a downgrade, which RDS refuses.
            ignored.append("engineVersion")
        return aws.rds.Instance(
            f"{self._name_prefix}-instance",
            **self._common(parameters),
            identifier=names.database,
            engine="postgres",
            engine_version=settings.engine_version,
            db_name=names.database_name,
            username=settings.username,
            # Written again only when the version says so, together with database-url: a
            # password that a runbook rotated stays.
            password_wo=self._args.password,
            password_wo_version=settings.url_version,
            snapshot_identifier=settings.snapshot_identifier,
            # The size to begin with: growth by RDS itself is no difference.
            allocated_storage=settings.allocated_storage_gib,
            db_subnet_group_name=subnets.name,
            multi_az=settings.multi_az,
            backup_retention_period=settings.backup_retention_days,
            backup_window=settings.backup_window,
            # AWS Backup selects the instance by this. A replica holds nothing of its own.
            tags=names.backup_tags,
            deletion_protection=settings.deletion_protection,
            delete_automated_backups=False,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{names.database}-final-{settings.generation}",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[monitoring, *self._logs_of(names.database, "")],
                # RDS's own protection would stop a replacement only after others have begun.
                protect=settings.deletion_protection,
                # The name is fixed, so that endpoint and runbooks keep it; two cannot coexist.
                delete_before_replace=True,
                ignore_changes=ignored,
            ),
        )

    def _replica(
        self,
        number: int,
        source: aws.rds.Instance,
        parameters: aws.rds.ParameterGroup,
        monitoring: aws.iam.RolePolicyAttachment,
    ) -> aws.rds.Instance:
        # User, password, database, engine, version, storage and subnets are the source's: RDS
        # refuses most of them here. It refuses a final snapshot of a replica as well.
        identifier = self._args.names.database_replica(number)
        return aws.rds.Instance(
            f"{self._name_prefix}-replica-{number}",
            **self._common(parameters),
            identifier=identifier,
            replicate_source_db=source.identifier,
            multi_az=False,
            deletion_protection=False,
            skip_final_snapshot=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[monitoring, *self._logs_of(identifier, f"replica-{number}-")],
                delete_before_replace=True,
            ),
        )


def database_url(username: str, password: str, address: str, database: str) -> str:
    """`DATABASE_URL` as libpq and its kin read it, with every symbol of the password encoded."""
    return (
        f"postgresql://{quote(username, safe='')}:{quote(password, safe='')}"
        f"@{address}:{POSTGRES_PORT}/{quote(database, safe='')}?sslmode=verify-full"
    )
