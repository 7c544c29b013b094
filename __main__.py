"""One stack of the Aussie Markets platform, composed from its components."""

import pulumi
import pulumi_aws as aws

from components.keys import EncryptionKey, EncryptionKeyArgs, cloudwatch_logs_access
from components.naming import Names, default_tags
from components.network import Network, NetworkArgs
from components.settings import load_settings

settings = load_settings()
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

log_key = EncryptionKey(
    f"{names.prefix}-logs",
    EncryptionKeyArgs(
        alias=names.key_alias("logs"),
        description=f"Logs of {settings.environment}",
        account_id=account_id,
        services=[cloudwatch_logs_access(region, account_id, names.log_group("*"))],
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

pulumi.export("environment", settings.environment)
pulumi.export("region", region)
pulumi.export("vpc_id", network.vpc_id)
pulumi.export("public_subnet_ids", network.public_subnet_ids)
pulumi.export("private_subnet_ids", network.private_subnet_ids)
pulumi.export("security_group_ids", {g.value: i for g, i in network.security_group_ids.items()})
pulumi.export("flow_log_group_name", network.flow_log_group_name)
pulumi.export("log_key_arn", log_key.arn)
