"""Topics and queues at rest and on the wire."""

from typing import Final

from pulumi_policy import Severity

from .customer_keys import must_have_customer_key
from .rule import Checked, Framework, Reference, Rule, Scope, any_of

_QUEUE: Final = "aws:sqs/queue:Queue"


@Rule(
    name="topic-customer-key",
    description=(
        "Topics are encrypted with a key of our own: the policy of AWS's key for SNS cannot be"
        " changed, and lets no CloudWatch alarm publish."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "SNS.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_26"),
    ),
    remediation="Set kmsMasterKeyId to a key of the stack that admits those who publish.",
).for_each("aws:sns/topic:Topic")
def topic_customer_key(topic: Checked) -> None:
    must_have_customer_key(topic, "kmsMasterKeyId")


@Rule(
    name="topic-no-plain-http",
    description=(
        "Topics deliver to no plain HTTP address: messages would cross the internet in clear."
    ),
    severity=Severity.HIGH,
    remediation="Use https, or another protocol.",
).for_each("aws:sns/topicSubscription:TopicSubscription")
def topic_no_plain_http(subscription: Checked) -> None:
    if subscription.get("protocol") == "http":
        subscription.fails("protocol", seen="http", wanted="https")


@Rule(
    name="queue-encrypted",
    description="Queues are encrypted at rest, with a key of our own or of SQS.",
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "SQS.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_27"),
    ),
    remediation="Set kmsMasterKeyId to a key of the stack, or sqsManagedSseEnabled to true.",
).for_each(_QUEUE)
def queue_encrypted(queue: Checked) -> None:
    if not any_of(("kmsMasterKeyId", "sqsManagedSseEnabled"), lambda name: bool(queue.get(name))):
        queue.fails(
            "encryption", seen="not set", wanted="one of kmsMasterKeyId, sqsManagedSseEnabled"
        )


@Rule(
    name="queue-customer-key",
    description=(
        "Production's queues are encrypted with a key of our own: who may read messages is then"
        " decided by the key's policy too."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV2_AWS_73"),),
    remediation="Set kmsMasterKeyId to a key of the stack that admits those who send.",
).for_each(_QUEUE)
def queue_customer_key(queue: Checked) -> None:
    must_have_customer_key(queue, "kmsMasterKeyId")
