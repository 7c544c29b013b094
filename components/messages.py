"""What tells people: the topic of alarms, and the events that did not get there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from components.documents import Statement, on_behalf_of, policy_document, tls_only
from components.keys import ServiceAccess
from components.settings.messages import MessagesSettings

EVENTS: Final = "events.amazonaws.com"

# SQS, SetQueueAttributes: the longest. Somebody comes back from a holiday in that time.
DEAD_LETTER_SECONDS: Final = 14 * 24 * 3600


class Publisher(NamedTuple):
    """A service that tells the topic, and the ARN of what it may do so for.

    `{region}` and `{account}` are the topic's. Without `source` the service says no source, and a
    condition on one would silently drop its messages.
    """

    sid: str
    service: str
    source: str | None


# Conditions: SNS developer guide, "Example cases for access control" (CloudWatch); RDS user guide,
# "Granting permissions to publish notifications to an Amazon SNS topic"; Cost Management user
# guide, "Creating an Amazon SNS topic for budget notifications". EventBridge takes no condition in
# the policy of a topic, nor does AWS Backup's guide know one.
PUBLISHERS: Final = (
    Publisher(
        "Alarms", "cloudwatch.amazonaws.com", "arn:aws:cloudwatch:{region}:{account}:alarm:*"
    ),
    Publisher("Events", EVENTS, None),
    Publisher("Backups", "backup.amazonaws.com", None),
    Publisher("Databases", "events.rds.amazonaws.com", "arn:aws:rds:{region}:{account}:*"),
    Publisher("Budgets", "budgets.amazonaws.com", "arn:aws:budgets::{account}:*"),
)


def publishing_access(region: str, account_id: pulumi.Input[str]) -> tuple[ServiceAccess, ...]:
    """Let those who publish encrypt for the topics and queues of this account in one region.

    Actions: SNS developer guide, "Enable compatibility between event sources from AWS services
    and encrypted topics". EventBridge says neither account nor ARN of its rules there, so the
    condition is what SNS and SQS themselves say: for which topic or queue they encrypt.
    """

    def access(sid: str, service: str, kind: str, context: str) -> ServiceAccess:
        return ServiceAccess(
            sid=sid,
            service=service,
            actions=("kms:GenerateDataKey*", "kms:Decrypt"),
            condition={
                "ArnLike": {
                    f"kms:EncryptionContext:{context}": pulumi.Output.concat(
                        f"arn:aws:{kind}:{region}:", account_id, ":*"
                    )
                }
            },
        )

    return (
        *(
            access(publisher.sid, publisher.service, "sns", "aws:sns:topicArn")
            for publisher in PUBLISHERS
        ),
        access("DeadLetters", EVENTS, "sqs", "aws:sqs:arn"),
    )


@dataclass(frozen=True)
class AlertTopicArgs:
    """Inputs of `AlertTopic`.

    `region` is the topic's: alarms can tell topics of their own region only. `key_arn` is in
    that region too, and its policy must hold `publishing_access`. `catches_events` makes the
    queue, which a region without EventBridge rules has no use for.
    """

    environment: str
    region: str
    account_id: pulumi.Input[str]
    settings: MessagesSettings
    key_arn: pulumi.Input[str]
    catches_events: bool


class AlertTopic(pulumi.ComponentResource):
    """`aussie-markets:messages:AlertTopic`: how AWS's services reach people.

    - `aws.sns.Topic`, encrypted: alarms cannot use AWS's own key for SNS.
    - `aws.sns.TopicPolicy`: exactly `PUBLISHERS` may publish, nobody without TLS.
    - `aws.sns.TopicSubscription` of each address. It receives nothing until the person behind it
      has followed the link that SNS sends.
    - `aws.sqs.Queue` and `aws.sqs.QueuePolicy`, by argument: events that EventBridge could not
      deliver to the topic, which an alarm then tells of.
    """

    arn: pulumi.Output[str]
    """For alarm actions and event targets; known once the policy lets them publish."""

    def __init__(
        self, name: str, args: AlertTopicArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:messages:AlertTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{name}-topic",
            # E-mails come from this name.
            display_name=f"Aussie Markets {args.environment}",
            kms_master_key_id=args.key_arn,
            region=args.region,
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-topic",
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(_policy(topic.arn, args)),
            region=args.region,
            opts=child,
        )
        for recipient, address in sorted(args.settings.addresses.items()):
            aws.sns.TopicSubscription(
                f"{name}-{recipient}",
                topic=topic.arn,
                protocol="email",
                endpoint=address,
                region=args.region,
                opts=child,
            )
        if not args.settings.addresses:
            pulumi.log.warn(
                f"Nobody hears the alarms of {args.environment} in {args.region}: "
                "aussie-markets:messages.recipients is empty",
                self,
            )
        # Through the policy: what needs the topic needs its right to publish.
        self.arn = policy.arn
        self._queue = _dead_letters(name, args, child) if args.catches_events else None
        outputs = {"arn": self.arn}
        if self._queue is not None:
            outputs |= {
                "dead_letter_arn": self.dead_letter_arn,
                "dead_letter_name": self.dead_letter_name,
            }
        self.register_outputs(outputs)

    @property
    def dead_letter_arn(self) -> pulumi.Output[str]:
        """For the dead letters of event targets. `ValueError` where the topic catches no events."""
        return self._dead_letters.arn

    @property
    def dead_letter_name(self) -> pulumi.Output[str]:
        """The dimension `QueueName` of the queue's metrics. `ValueError` as above."""
        return self._dead_letters.name

    @property
    def _dead_letters(self) -> aws.sqs.Queue:
        if self._queue is None:
            raise ValueError("a topic has a queue of dead letters only with catches_events")
        return self._queue


def _policy(topic_arn: pulumi.Output[str], args: AlertTopicArgs) -> dict[str, Any]:
    return policy_document(
        *(_publishing(publisher, topic_arn, args) for publisher in PUBLISHERS),
        tls_only("sns:Publish", topic_arn),
    )


def _publishing(
    publisher: Publisher, topic_arn: pulumi.Output[str], args: AlertTopicArgs
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": publisher.sid,
        "Effect": "Allow",
        "Principal": {"Service": publisher.service},
        "Action": "sns:Publish",
        "Resource": topic_arn,
    }
    source = publisher.source
    if source is not None:
        statement["Condition"] = on_behalf_of(
            args.account_id,
            pulumi.Output.from_input(args.account_id).apply(
                lambda account: source.format(region=args.region, account=account)
            ),
        )
    return statement


def dead_letter_queue(
    name: str,
    key_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    *,
    region: str | None = None,
    admits: Callable[[pulumi.Output[str]], Sequence[Statement]] = lambda _: (),
) -> aws.sqs.Queue:
    """A queue of what failed elsewhere, and its policy.

    `admits` gives the statements for services that send as themselves, by the queue's ARN; roles
    of the account send by rights of their own. `region` is the provider's unless it is given.
    """
    queue = aws.sqs.Queue(
        name,
        kms_master_key_id=key_arn,
        message_retention_seconds=DEAD_LETTER_SECONDS,
        region=region,
        opts=opts,
    )
    aws.sqs.QueuePolicy(
        name,
        queue_url=queue.url,
        policy=pulumi.Output.json_dumps(
            policy_document(*admits(queue.arn), tls_only("sqs:*", queue.arn))
        ),
        region=region,
        opts=opts,
    )
    return queue


def _dead_letters(name: str, args: AlertTopicArgs, child: pulumi.ResourceOptions) -> aws.sqs.Queue:
    def rules(queue_arn: pulumi.Output[str]) -> list[Statement]:
        # EventBridge user guide, "Considerations for using a dead-letter queue".
        return [
            {
                "Sid": "Rules",
                "Effect": "Allow",
                "Principal": {"Service": EVENTS},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {
                    "ArnLike": {
                        "aws:SourceArn": pulumi.Output.concat(
                            f"arn:aws:events:{args.region}:", args.account_id, ":rule/*"
                        )
                    }
                },
            }
        ]

    return dead_letter_queue(
        f"{name}-dead-letters", args.key_arn, child, region=args.region, admits=rules
    )
