"""Deliveries of CloudFront's logs as a platform builds them, for tests of the table."""

from tests.local.aws.build import Stack

SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"

REGION = "us-east-1"


def build_delivery(stack: Stack, suffix: str) -> None:
    source, _ = stack.create(
        SOURCE,
        "assets",
        name=f"assets-{suffix}",
        region=REGION,
        logType="ACCESS_LOGS",
        resourceArn=f"arn:aws:cloudfront::123456789012:distribution/{suffix.upper()}",
        tags={"Name": "assets"},
    )
    _, destination = stack.create(
        DESTINATION,
        "logs",
        name=f"logs-{suffix}",
        region=REGION,
        outputFormat="json",
        deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:s3:::logs-{suffix}"},
        tags={"Name": "logs"},
    )
    stack.create(
        DELIVERY,
        "assets",
        region=REGION,
        deliverySourceName=source,
        deliveryDestinationArn=destination["arn"],
        recordFields=["date", "time"],
        tags={"Name": "delivery"},
    )
