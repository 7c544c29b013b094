"""What an AWS account has once, for all environments in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.delivery import Delivery, DeliveryArgs
from components.guard import Guard, GuardArgs
from components.naming import PROJECT, Names
from components.registry import Registry, RegistryArgs
from components.settings.account import AccountSettings

# Of the month's amount. The first leaves time to act, the second is the last word.
FORECAST_PERCENT: Final = 80
SPENT_PERCENT: Final = 100


@dataclass(frozen=True)
class AccountArgs:
    """Inputs of `Account`.

    `log_key_arn` encrypts the record of calls, `images_key_arn` the images; both must outlive
    what they encrypt. See `GuardArgs` for what the first one's policy must admit.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: AccountSettings
    log_key_arn: pulumi.Input[str]
    images_key_arn: pulumi.Input[str]


class Account(pulumi.ComponentResource):
    """`aussie-markets:account:Account`: everything that environments find there already.

    - `Registry`: the services' images.
    - `aws.route53.Zone`, where the settings say that the account owns it; else it is looked up.
    - `Delivery`: GitHub's workflows and their rights.
    - `Guard`: the record of calls, GuardDuty and safe defaults.
    - `aws.budgets.Budget`: mail before the month costs too much, and when it has.
    """

    registry: Registry
    delivery: Delivery
    guard: Guard
    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]
    """To whom the registrar must delegate a zone that this stack created."""

    def __init__(
        self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:account:Account", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        self.registry = Registry(
            f"{name}-images",
            RegistryArgs(
                settings=settings.registry,
                kms_key_arn=args.images_key_arn,
                protect=settings.deletion_protection,
            ),
            child,
        )
        if settings.zone.create:
            zone = aws.route53.Zone(
                f"{name}-zone",
                name=settings.zone.name,
                comment="Aussie Markets, all environments",
                # Without it no host of any environment is found, and a new zone has other name
                # servers than those that the registrar knows.
                opts=pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection),
            )
            self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        else:
            found = aws.route53.get_zone_output(
                name=settings.zone.name, private_zone=False, opts=pulumi.InvokeOptions(parent=self)
            )
            self.zone_id, self.name_servers = found.zone_id, found.name_servers
        self.delivery = Delivery(
            f"{name}-delivery",
            DeliveryArgs(
                account_id=args.account_id,
                settings=settings.github,
                zone_id=self.zone_id,
                zone_name=settings.zone.name,
                repository_arns=list(self.registry.repository_arns.values()),
            ),
            child,
        )
        self.guard = Guard(
            f"{name}-guard",
            GuardArgs(
                names=args.names,
                region=args.region,
                account_id=args.account_id,
                trail=settings.trail,
                detection=settings.detection,
                log_key_arn=args.log_key_arn,
                protect=settings.deletion_protection,
            ),
            child,
        )
        aws.budgets.Budget(
            f"{name}-budget",
            # Fixed: its name is the subject of the mail.
            name=f"{PROJECT}-monthly",
            budget_type="COST",
            limit_amount=f"{settings.budget.amount_usd}.0",
            limit_unit="USD",
            time_unit="MONTHLY",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(settings.budget.emails),
                )
                for kind, percent in (
                    ("FORECASTED", FORECAST_PERCENT),
                    ("ACTUAL", SPENT_PERCENT),
                )
            ],
            opts=child,
        )
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})
