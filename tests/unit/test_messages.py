"""The topic of alarms: who may publish, and that it reaches people."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.keys import EncryptionKey, EncryptionKeyArgs
from components.messages import PUBLISHERS, AlertTopic, AlertTopicArgs, publishing_access
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy, settings_of
from tests.unit.iam import Request, allowed

ALERTS = "aussie-markets:messages:AlertTopic"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
KEY = "aws:kms/key:Key"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

TOPIC_ARN = "arn:aws:mock:::topic/alerts-topic-arn"
QUEUE_ARN = "arn:aws:mock:::queue/alerts-dead-letters-arn"
OTHER_ACCOUNT = "999999999999"

# What each service says about itself when it publishes. EventBridge and AWS Backup say nothing.
SOURCES = {
    "cloudwatch.amazonaws.com": "arn:aws:cloudwatch:{region}:{account}:alarm:HighErrorRate-staging",
    "events.rds.amazonaws.com": "arn:aws:rds:{region}:{account}:db:aussie-markets-db-staging",
    "budgets.amazonaws.com": "arn:aws:budgets::{account}:budget/monthly",
}


def alerts(
    stack: str = "staging",
    *,
    region: str = "ap-southeast-2",
    catches_events: bool = True,
    preview: bool = False,
    **values: Any,
) -> Deployment:
    settings = settings_of(stack, {"messages": values})

    def program() -> None:
        AlertTopic(
            "alerts",
            AlertTopicArgs(
                environment=settings.environment,
                region=region,
                account_id=ACCOUNT_ID,
                settings=settings.messages,
                key_arn="arn:messages-key",
                catches_events=catches_events,
            ),
        )

    return deploy(program, stack, preview=preview)


def published_by(
    service: str, *, region: str = "ap-southeast-2", account: str = ACCOUNT_ID, **context: str
) -> Request:
    if service in SOURCES:
        source = SOURCES[service].format(region=region, account=account)
        context |= {"aws:SourceAccount": account, "aws:SourceArn": source}
    return Request("sns:Publish", TOPIC_ARN, context, f"Service:{service}")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: found.append(text))
    return found


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = alerts(stack, preview=preview, recipients={"on-call": "a@example.com"})
    component = deployment.only(ALERTS)
    children = [resource for resource in deployment.resources if resource is not component]
    assert {child.type for child in children} == {
        *(TOPIC, TOPIC_POLICY, SUBSCRIPTION, QUEUE, QUEUE_POLICY)
    }
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("alerts-")
        assert child.inputs["region"] == "ap-southeast-2"
        assert not child.protect
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == ()


def test_topic_and_queue_are_encrypted_with_our_key() -> None:
    deployment = alerts(region="us-east-1")
    assert deployment.only(TOPIC).inputs == {
        "displayName": "Aussie Markets staging",
        "kmsMasterKeyId": "arn:messages-key",
        "region": "us-east-1",
    }
    assert deployment.only(QUEUE).inputs == {
        "kmsMasterKeyId": "arn:messages-key",
        "messageRetentionSeconds": 14 * 24 * 3600,
        "region": "us-east-1",
    }


def test_each_recipient_is_subscribed_by_mail() -> None:
    recipients = {"on-call": "first@example.com", "lead": "second@example.com", "gone": None}
    subscriptions = alerts(recipients=recipients).of(SUBSCRIPTION)
    assert {name: each.inputs for name, each in subscriptions.items()} == {
        f"alerts-{name}": {
            "topic": TOPIC_ARN,
            "protocol": "email",
            "endpoint": address,
            "region": "ap-southeast-2",
        }
        for name, address in recipients.items()
        if address is not None
    }


def test_alarms_that_nobody_hears_are_told_of(warnings: list[str]) -> None:
    assert alerts().of(SUBSCRIPTION) == {}
    assert warnings == [
        "Nobody hears the alarms of staging in ap-southeast-2: "
        "aussie-markets:messages.recipients is empty"
    ]


def test_production_is_heard(warnings: list[str]) -> None:
    assert alerts("production").only(SUBSCRIPTION).inputs["endpoint"] == (
        "operations@aussie-markets.com"
    )
    assert warnings == []


@pytest.mark.parametrize("service", [publisher.service for publisher in PUBLISHERS])
@pytest.mark.parametrize("region", ["ap-southeast-2", "us-east-1"])
def test_services_of_this_account_may_publish(service: str, region: str) -> None:
    policy = alerts(region=region).only(TOPIC_POLICY)
    assert policy.inputs["arn"] == TOPIC_ARN
    assert allowed(policy.inputs["policy"], published_by(service, region=region))


@pytest.mark.parametrize("service", SOURCES)
def test_services_on_behalf_of_another_account_may_not(service: str) -> None:
    policy = alerts().only(TOPIC_POLICY).inputs["policy"]
    assert not allowed(policy, published_by(service, account=OTHER_ACCOUNT))


@pytest.mark.parametrize("service", ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"])
def test_services_of_another_region_may_not(service: str) -> None:
    policy = alerts().only(TOPIC_POLICY).inputs["policy"]
    assert not allowed(policy, published_by(service, region="us-east-1"))


@pytest.mark.parametrize(
    "request_",
    [
        published_by("s3.amazonaws.com"),
        Request("sns:Publish", TOPIC_ARN, principal=f"AWS:arn:aws:iam::{OTHER_ACCOUNT}:root"),
        Request("sns:Subscribe", TOPIC_ARN, principal="Service:events.amazonaws.com"),
        Request("sns:SetTopicAttributes", TOPIC_ARN, principal="Service:cloudwatch.amazonaws.com"),
    ],
)
def test_nobody_else_may_do_anything(request_: Request) -> None:
    assert not allowed(alerts().only(TOPIC_POLICY).inputs["policy"], request_)


@pytest.mark.parametrize("service", [publisher.service for publisher in PUBLISHERS])
def test_nobody_publishes_without_tls(service: str) -> None:
    policy = alerts().only(TOPIC_POLICY).inputs["policy"]
    request = published_by(service, **{"aws:SecureTransport": "false"})
    assert not allowed(policy, request)


def test_what_needs_the_topic_waits_for_its_policy() -> None:
    def program() -> None:
        topic = AlertTopic(
            "alerts",
            AlertTopicArgs(
                environment="staging",
                region="ap-southeast-2",
                account_id=ACCOUNT_ID,
                settings=settings_of("staging").messages,
                key_arn="arn:messages-key",
                catches_events=False,
            ),
        )
        aws.rds.EventSubscription("databases", sns_topic=topic.arn)

    deployment = deploy(program)
    subscription = deployment.only("aws:rds/eventSubscription:EventSubscription")
    assert subscription.inputs == {"snsTopic": TOPIC_ARN}
    assert subscription.property_dependencies["snsTopic"] == {deployment.only(TOPIC_POLICY).urn}


def test_a_topic_without_a_queue_says_so() -> None:
    def program() -> None:
        topic = AlertTopic(
            "alerts",
            AlertTopicArgs(
                environment="staging",
                region="us-east-1",
                account_id=ACCOUNT_ID,
                settings=settings_of("staging").messages,
                key_arn="arn:messages-key",
                catches_events=False,
            ),
        )
        with pytest.raises(ValueError, match="only with catches_events"):
            _ = topic.dead_letter_arn
        with pytest.raises(ValueError, match="only with catches_events"):
            _ = topic.dead_letter_name

    deploy(program)


def test_rules_of_this_account_leave_what_they_could_not_deliver() -> None:
    deployment = alerts()
    policy = deployment.only(QUEUE_POLICY).inputs["policy"]

    def left_by(account: str, **context: str) -> Request:
        source = f"arn:aws:events:ap-southeast-2:{account}:rule/deployments"
        return Request(
            "sqs:SendMessage",
            QUEUE_ARN,
            {"aws:SourceArn": source, **context},
            "Service:events.amazonaws.com",
        )

    assert allowed(policy, left_by(ACCOUNT_ID))
    assert not allowed(policy, left_by(OTHER_ACCOUNT))
    assert not allowed(policy, left_by(ACCOUNT_ID, **{"aws:SecureTransport": "false"}))


def test_a_topic_that_catches_no_events_has_no_queue() -> None:
    deployment = alerts(catches_events=False)
    assert deployment.of(QUEUE) == {}
    assert deployment.outputs[deployment.only(ALERTS).urn] == {"arn": TOPIC_ARN}


def test_registered_outputs() -> None:
    deployment = alerts()
    assert deployment.outputs[deployment.only(ALERTS).urn] == {
        "arn": TOPIC_ARN,
        "dead_letter_arn": QUEUE_ARN,
        "dead_letter_name": "alerts-dead-letters-a1b2c3d",
    }


def key_policy(region: str) -> dict[str, Any]:
    def program() -> None:
        EncryptionKey(
            "messages",
            EncryptionKeyArgs(
                alias="alias/messages",
                description="Messages",
                account_id=ACCOUNT_ID,
                services=publishing_access(region, ACCOUNT_ID),
            ),
        )

    policy: dict[str, Any] = json.loads(deploy(program).only(KEY).inputs["policy"])
    return policy


@pytest.mark.parametrize("service", [publisher.service for publisher in PUBLISHERS])
@pytest.mark.parametrize("action", ["kms:GenerateDataKey", "kms:Decrypt"])
def test_publishers_use_the_key_for_topics_of_this_account_and_region(
    service: str, action: str
) -> None:
    policy = key_policy("us-east-1")

    def used_for(account: str, region: str) -> Request:
        # EventBridge gives KMS neither account nor ARN: SNS's own context must be enough.
        context = {"kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:{region}:{account}:any"}
        return Request(action, context=context, principal=f"Service:{service}")

    assert allowed(policy, used_for(ACCOUNT_ID, "us-east-1"))
    assert not allowed(policy, used_for(OTHER_ACCOUNT, "us-east-1"))
    assert not allowed(policy, used_for(ACCOUNT_ID, "ap-southeast-2"))
    assert not allowed(policy, Request(action, principal=f"Service:{service}"))


def test_only_eventbridge_uses_the_key_for_queues() -> None:
    policy = key_policy("ap-southeast-2")
    queue = f"arn:aws:sqs:ap-southeast-2:{ACCOUNT_ID}:dead-letters"
    may = {
        publisher.service: allowed(
            policy,
            Request(
                "kms:GenerateDataKey",
                context={"kms:EncryptionContext:aws:sqs:arn": queue},
                principal=f"Service:{publisher.service}",
            ),
        )
        for publisher in PUBLISHERS
    }
    assert [service for service, is_allowed in may.items() if is_allowed] == [
        "events.amazonaws.com"
    ]


@pytest.mark.parametrize("service", [publisher.service for publisher in PUBLISHERS])
def test_publishers_administer_no_key(service: str) -> None:
    context = {"kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:us-east-1:{ACCOUNT_ID}:any"}
    for action in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:Encrypt"):
        request = Request(action, context=context, principal=f"Service:{service}")
        assert not allowed(key_policy("us-east-1"), request)
