"""One stack of the Aussie Markets platform, composed from its components."""

import pulumi
import pulumi_aws as aws

from components.cache import Cache, CacheArgs
from components.database import Database, DatabaseArgs
from components.keys import EncryptionKey, EncryptionKeyArgs, ServiceAccess, cloudwatch_logs_access
from components.naming import Names, default_tags
from components.network import Group, Network, NetworkArgs
from components.parameters import Parameters, ParametersArgs, SecretParameter
from components.settings import load_settings, secret_output

settings = load_settings()
secrets = settings.secrets
names = Names(settings.environment)
region = settings.stack.region

# Handed down explicitly: components of other packages (awsx) would otherwise start a default
# provider of their own version, with neither these tags nor this account check.
provider = aws.Provider(
    "aws",
    region=region,
    allowed_account_ids=list(settings.stack.allowed_account_ids) or None,
    default_tags=aws.ProviderDefaultTagsArgs(
        tags=default_tags(settings.environment, settings.stack.owner)
    ),
)
in_account = pulumi.ResourceOptions(providers={"aws": provider})
account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(provider=provider)).account_id


def encryption_key(data_class: str, description: str, *services: ServiceAccess) -> EncryptionKey:
    """The key of one class of data.

    RDS, ElastiCache and Parameter Store need no entry: they use it by a grant of, or on behalf
    of, whoever calls them, and the account's IAM policies decide about callers.
    """
    return EncryptionKey(
        f"{names.prefix}-{data_class}",
        EncryptionKeyArgs(
            alias=names.key_alias(data_class),
            description=f"{description} of {settings.environment}",
            account_id=account_id,
            services=services,
        ),
        in_account,
    )


log_key = encryption_key(
    "logs",
    "Logs",
    cloudwatch_logs_access(
        region,
        account_id,
        names.log_group("*"),
        names.database_log_group(f"{names.database}*", "*"),
    ),
)
database_key = encryption_key("database", "Database, cache and their backups")
parameters_key = encryption_key("parameters", "Parameters")

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
        kms_key_arn=database_key.arn,
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
                secret_output(secrets.refresh_token_secret), versions.refresh_token_secret_version
            ),
            "stripe-secret-key": SecretParameter(
                secret_output(secrets.stripe_secret_key), versions.stripe_secret_key_version
            ),
        },
    ),
    in_account,
)

pulumi.export("environment", settings.environment)
pulumi.export("region", region)
pulumi.export("vpc_id", network.vpc_id)
pulumi.export("public_subnet_ids", network.public_subnet_ids)
pulumi.export("private_subnet_ids", network.private_subnet_ids)
pulumi.export("security_group_ids", {g.value: i for g, i in network.security_group_ids.items()})
pulumi.export("flow_log_group_name", network.flow_log_group_name)
pulumi.export("database_identifier", database.identifier)
pulumi.export("database_address", database.address)
pulumi.export("database_replica_identifiers", database.replica_identifiers)
pulumi.export("cache_replication_group_id", cache.replication_group_id)
pulumi.export("cache_address", cache.address)
pulumi.export("parameter_arns", parameters.arns)
pulumi.export("log_key_arn", log_key.arn)
pulumi.export("database_key_arn", database_key.arn)
pulumi.export("parameters_key_arn", parameters_key.arn)
