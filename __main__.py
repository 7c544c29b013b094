"""One stack of the Aussie Markets platform, composed from its components.

The stack named `account` is what an AWS account has once; every other one is an environment.
"""

import pulumi
import pulumi_aws as aws

from components.account import Account, AccountArgs
from components.api import Api, ApiArgs
from components.assets import Assets, AssetsArgs, cloudfront_access
from components.backup import Backup, BackupArgs
from components.backup_functions import BackupFunctions, BackupFunctionsArgs
from components.cache import Cache, CacheArgs
from components.cluster import Cluster, ClusterArgs
from components.database import Database, DatabaseArgs
from components.debug import DebugTasks, DebugTasksArgs
from components.domain import Domain, DomainArgs
from components.edge import EDGE_REGION, Edge, EdgeArgs, log_delivery_access
from components.guard import cloudtrail_access
from components.keys import KeyRing, cloudwatch_logs_access
from components.logs import ApplicationLogs, ApplicationLogsArgs
from components.messages import AlertTopic, AlertTopicArgs, publishing_access
from components.naming import ACCOUNT_STACK, Names, default_tags, role_boundary
from components.network import Group, Network, NetworkArgs
from components.observability import Observability, ObservabilityArgs
from components.parameters import Parameters, ParametersArgs, SecretParameter
from components.roles import bounded
from components.security import Security, SecurityArgs
from components.settings import (
    AccountStackSettings,
    StackSettings,
    load_account_settings,
    load_settings,
    secret_output,
)
from components.settings.stack import StackSection


def provider_of(stack: StackSection) -> aws.Provider:
    """Handed down explicitly: components of other packages (awsx) would otherwise start a default
    provider of their own version, with neither these tags nor this account check."""
    return aws.Provider(
        "aws",
        region=stack.region,
        allowed_account_ids=list(stack.allowed_account_ids) or None,
        default_tags=aws.ProviderDefaultTagsArgs(tags=default_tags(stack.environment, stack.owner)),
    )


def compose_environment(settings: StackSettings) -> None:
    """Everything that one environment has for itself."""
    names, region, secrets = Names(settings.environment), settings.stack.region, settings.secrets
    provider = provider_of(settings.stack)
    account_id = aws.get_caller_identity_output(
        opts=pulumi.InvokeOptions(provider=provider)
    ).account_id
    boundary = pulumi.Output.concat(
        "arn:aws:iam::", account_id, f":policy/{role_boundary(settings.environment)}"
    )
    in_account = pulumi.ResourceOptions(
        providers={"aws": provider},
        transformations=[bounded(boundary)] if settings.stack.role_boundary else None,
    )

    keys = KeyRing(names, account_id, in_account)
    log_key = keys.make(
        "logs",
        "Logs",
        cloudwatch_logs_access(
            region,
            account_id,
            names.log_group("*"),
            names.database_log_group(f"{names.database}*", "*"),
            names.service_log_group("*"),
            names.function_log_group("*"),
            names.insights_log_group,
            names.firewall_log_group,
        ),
    )
    database_key = keys.make("database", "Database, cache and their backups")
    parameters_key = keys.make("parameters", "Parameters")
    messages_key = keys.make("messages", "Messages", *publishing_access(region, account_id))

    alerts = AlertTopic(
        f"{names.prefix}-alerts",
        AlertTopicArgs(
            environment=settings.environment,
            region=region,
            account_id=account_id,
            settings=settings.messages,
            key_arn=messages_key.arn,
            catches_events=True,
        ),
        in_account,
    )

    network = Network(
        names.prefix,
        NetworkArgs(
            names=names,
            region=region,
            settings=settings.network,
            account_id=account_id,
            log_key_arn=log_key.arn,
        ),
        in_account,
    )

    database = Database(
        f"{names.prefix}-database",
        DatabaseArgs(
            names=names,
            region=region,
            settings=settings.database,
            account_id=account_id,
            subnet_ids=network.private_subnet_ids,
            security_group_id=network.security_group_ids[Group.DATABASE],
            kms_key_arn=settings.database.kms_key_arn or database_key.arn,
            log_key_arn=log_key.arn,
            password=secret_output(secrets.database_password),
        ),
        in_account,
    )

    cache = Cache(
        f"{names.prefix}-cache",
        CacheArgs(
            names=names,
            settings=settings.cache,
            subnet_ids=network.private_subnet_ids,
            security_group_id=network.security_group_ids[Group.CACHE],
            kms_key_arn=database_key.arn,
            log_key_arn=log_key.arn,
            auth_token=secret_output(secrets.redis_auth_token),
        ),
        in_account,
    )

    versions = settings.parameters
    parameters = Parameters(
        f"{names.prefix}-parameters",
        ParametersArgs(
            names=names,
            kms_key_arn=parameters_key.arn,
            secrets={
                "database-url": SecretParameter(database.url, settings.database.url_version),
                "redis-url": SecretParameter(cache.url, settings.cache.url_version),
                "jwt-secret": SecretParameter(
                    secret_output(secrets.jwt_secret), versions.jwt_secret_version
                ),
                "refresh-token-secret": SecretParameter(
                    secret_output(secrets.refresh_token_secret),
                    versions.refresh_token_secret_version,
                ),
                "stripe-secret-key": SecretParameter(
                    secret_output(secrets.stripe_secret_key), versions.stripe_secret_key_version
                ),
            },
        ),
        in_account,
    )

    logs = ApplicationLogs(
        f"{names.prefix}-logs",
        ApplicationLogsArgs(names=names, settings=settings.logs, log_key_arn=log_key.arn),
        in_account,
    )

    domain = (
        Domain(
            f"{names.prefix}-domain",
            DomainArgs(environment=settings.environment, settings=settings.domain),
            in_account,
        )
        if settings.domain.enabled
        else None
    )

    cluster = Cluster(
        f"{names.prefix}-cluster",
        ClusterArgs(
            names=names,
            settings=settings.cluster,
            log_key_arn=log_key.arn,
            session_key_arn=log_key.arn,
        ),
        in_account,
    )

    api = Api(
        names.prefix,
        ApiArgs(
            names=names,
            region=region,
            account_id=account_id,
            settings=settings.api,
            services=settings.services,
            cluster_arn=cluster.arn,
            cluster_name=cluster.name,
            capacity=settings.cluster.capacity,
            vpc_id=network.vpc_id,
            public_subnet_ids=network.public_subnet_ids,
            private_subnet_ids=network.private_subnet_ids,
            load_balancer_security_group_id=network.security_group_ids[Group.LOAD_BALANCER],
            service_security_group_id=network.security_group_ids[Group.API],
            certificate_arn=domain.certificate_arn if domain else None,
            parameter_arns=parameters.arns,
            parameters_key_arn=parameters_key.arn,
            log_key_arn=log_key.arn,
            written_log_group_arns=[logs.security_group_arn, logs.audit_group_arn],
        ),
        in_account,
    )

    debug_tasks = DebugTasks(
        f"{names.prefix}-debug",
        DebugTasksArgs(
            names=names,
            region=region,
            account_id=account_id,
            session_key_arn=log_key.arn,
            session_log_group_arn=cluster.exec_log_group_arn,
            written_log_group_arns=[logs.security_group_arn, logs.audit_group_arn],
        ),
        in_account,
    )

    security = Security(
        f"{names.prefix}-security",
        SecurityArgs(
            names=names,
            region=region,
            account_id=account_id,
            settings=settings.security,
            load_balancer_arn=api.load_balancer.arn,
            log_key_arn=log_key.arn,
        ),
        in_account,
    )

    edge = assets = None
    if domain and settings.edge.enabled:
        # Not "logs" and "messages": a stack in us-east-1 would have these aliases twice.
        edge_log_key = keys.make(
            "edge-logs", "Logs of the edge", log_delivery_access(account_id), in_region=EDGE_REGION
        )
        edge_messages_key = keys.make(
            "edge-messages",
            "Messages of the edge",
            *publishing_access(EDGE_REGION, account_id),
            in_region=EDGE_REGION,
        )
        assets_key = keys.make("assets", "Static assets", cloudfront_access(account_id))
        # Not "assets": the stack that replaces this one after the loss of its region makes that.
        replica_key = keys.make(
            "assets-replica",
            "Replica of the static assets",
            cloudfront_access(account_id),
            in_region=settings.assets.replica_region_of(region),
        )
        edge_alerts = AlertTopic(
            f"{names.prefix}-edge-alerts",
            AlertTopicArgs(
                environment=settings.environment,
                region=EDGE_REGION,
                account_id=account_id,
                settings=settings.messages,
                key_arn=edge_messages_key.arn,
                catches_events=False,
            ),
            in_account,
        )
        assets = Assets(
            f"{names.prefix}-assets",
            AssetsArgs(
                settings=settings.assets,
                region=region,
                kms_key_arn=assets_key.arn,
                replica_kms_key_arn=replica_key.arn,
                alarm_topic_arns=[alerts.arn],
            ),
            in_account,
        )
        edge = Edge(
            f"{names.prefix}-edge",
            EdgeArgs(
                environment=settings.environment,
                settings=settings.edge,
                account_id=account_id,
                zone_id=domain.zone_id,
                api_host=domain.api_host,
                assets_host=settings.domain.assets_host_of(settings.environment),
                validation_record_fqdn=domain.validation_record_fqdn,
                load_balancer_dns_name=api.load_balancer.dns_name,
                load_balancer_zone_id=api.load_balancer.zone_id,
                health_path=settings.health_path,
                assets=assets.primary,
                replica=assets.replica,
                log_key_arn=edge_log_key.arn,
                alarm_topic_arns=[edge_alerts.arn],
                protect=settings.assets.deletion_protection,
            ),
            in_account,
        )

    copy_key = keys.make(
        "backup-copies",
        "Backups from another region",
        in_region=settings.backup.copy_region_of(region),
    )
    replicated_to = settings.backup.replicate_automated_backups_to
    backup = Backup(
        f"{names.prefix}-backup",
        BackupArgs(
            names=names,
            region=region,
            settings=settings.backup,
            account_id=account_id,
            kms_key_arn=database_key.arn,
            copy_key_arn=copy_key.arn,
            database_arn=database.arn,
            database_retention_days=settings.database.backup_retention_days,
            database_subnet_group_name=database.subnet_group_name,
            alarm_topic_arn=alerts.arn,
            dead_letter_arn=alerts.dead_letter_arn,
            replication_key_arn=keys.make(
                "replicated-backups", "Replicated backups", in_region=replicated_to
            ).arn
            if replicated_to
            else None,
        ),
        in_account,
    )

    backup_functions = BackupFunctions(
        f"{names.prefix}-functions",
        BackupFunctionsArgs(
            names=names,
            region=region,
            account_id=account_id,
            settings=settings.functions,
            database_arn=database.arn,
            database_key_arn=settings.database.kms_key_arn or database_key.arn,
            parameters_key_arn=parameters_key.arn,
            export_bucket_name=backup.export_bucket_name,
            export_bucket_arn=backup.export_bucket_arn,
            export_bucket_key_arn=database_key.arn,
            export_role_arn=backup.export_role_arn,
            audit_group_arn=logs.audit_group_arn,
            log_key_arn=log_key.arn,
            messages_key_arn=messages_key.arn,
        ),
        in_account,
    )

    Observability(
        f"{names.prefix}-observability",
        ObservabilityArgs(
            names=names,
            region=region,
            account_id=account_id,
            settings=settings.observability,
            topic_arn=alerts.arn,
            dead_letter_arn=alerts.dead_letter_arn,
            dead_letter_name=alerts.dead_letter_name,
            load_balancer_arn_suffix=api.load_balancer.arn_suffix,
            services=api.services,
            service_settings=settings.services,
            database_identifier=database.identifier,
            database_replica_identifiers=database.replica_identifiers,
            database_settings=settings.database,
            cache_settings=settings.cache,
            nat_gateway_ids=network.nat_gateway_ids,
            backup_vault_name=backup.vault_name,
            functions=backup_functions.functions,
            heartbeats=backup_functions.heartbeats,
        ),
        in_account,
    )

    outputs = {
        "environment": settings.environment,
        "region": region,
        "vpc_id": network.vpc_id,
        "public_subnet_ids": network.public_subnet_ids,
        "private_subnet_ids": network.private_subnet_ids,
        "security_group_ids": {g.value: i for g, i in network.security_group_ids.items()},
        "flow_log_group_name": network.flow_log_group_name,
        "database_identifier": database.identifier,
        "database_address": database.address,
        "database_replica_identifiers": database.replica_identifiers,
        "cache_replication_group_id": cache.replication_group_id,
        "cache_address": cache.address,
        "parameter_arns": parameters.arns,
        "log_key_arn": log_key.arn,
        "database_key_arn": database_key.arn,
        "parameters_key_arn": parameters_key.arn,
        "security_log_group_name": logs.security_group_name,
        "audit_log_group_name": logs.audit_group_name,
        "cluster_name": cluster.name,
        "exec_log_group_name": cluster.exec_log_group_name,
        "debug_task_role_arn": debug_tasks.role_arn,
        "load_balancer_arn": api.load_balancer.arn,
        "load_balancer_dns_name": api.load_balancer.dns_name,
        "listener_arn": api.load_balancer.listener_arn,
        "services": {name: each._asdict() for name, each in api.services.items()},
        "backup_vault_name": backup.vault_name,
        "backup_copy_vault_arn": backup.copy_vault_arn,
        "export_bucket_name": backup.export_bucket_name,
        "export_role_arn": backup.export_role_arn,
        "functions": {n: each._asdict() for n, each in backup_functions.functions.items()},
        "alert_topic_arn": alerts.arn,
        "web_acl_arn": security.web_acl_arn,
        "web_acl_name": security.web_acl_name,
        "ip_set_ids": dict(security.ip_set_ids),
        "ip_set_names": dict(security.ip_set_names),
    }
    if domain and assets and edge:
        outputs |= {
            "zone_name_servers": domain.name_servers,
            "api_url": edge.api_url,
            "assets_url": edge.assets_url,
            "assets_bucket": assets.primary.bucket_name,
            "assets_replica_bucket": assets.replica.bucket_name,
            "assets_distribution_id": edge.distribution_id,
            "status_distribution_id": edge.status_distribution_id,
            "health_check_id": edge.health_check_id,
            "edge_log_bucket": edge.log_bucket_name,
        }
    for name, value in outputs.items():
        pulumi.export(name, value)


def compose_account(settings: AccountStackSettings) -> None:
    """What all environments of an AWS account find there already."""
    names, region = Names(settings.environment), settings.stack.region
    provider = provider_of(settings.stack)
    in_account = pulumi.ResourceOptions(providers={"aws": provider})
    account_id = aws.get_caller_identity_output(
        opts=pulumi.InvokeOptions(provider=provider)
    ).account_id

    keys = KeyRing(names, account_id, in_account)
    log_key = keys.make(
        "logs",
        "Record of calls",
        cloudwatch_logs_access(region, account_id, names.log_group("*")),
        *cloudtrail_access(region, account_id),
    )
    images_key = keys.make("images", "Images")

    account = Account(
        names.prefix,
        AccountArgs(
            names=names,
            region=region,
            account_id=account_id,
            settings=settings.account,
            log_key_arn=log_key.arn,
            images_key_arn=images_key.arn,
        ),
        in_account,
    )

    outputs = {
        "region": region,
        "repository_urls": account.registry.repository_urls,
        "zone_id": account.zone_id,
        "zone_name_servers": account.name_servers,
        "role_arns": account.delivery.role_arns,
        "boundary_arns": account.delivery.boundary_arns,
        "trail_bucket_name": account.guard.trail_bucket_name,
        "trail_log_group_name": account.guard.trail_log_group_name,
        "log_key_arn": log_key.arn,
        "images_key_arn": images_key.arn,
    }
    for name, value in outputs.items():
        pulumi.export(name, value)


if pulumi.get_stack() == ACCOUNT_STACK:
    compose_account(load_account_settings())
else:
    compose_environment(load_settings())
