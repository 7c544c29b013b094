"""The rows of vended log deliveries (CloudFront's access logs); `table.py` joins them to others."""

from typing import Final

from local.providers.aws.rows import NO_SCHEMA, AutoName, Call, Read, ResourceType, Set, Tagging

# CloudWatch Logs, PutDeliverySource and PutDeliveryDestination.
_NAME: Final = AutoName(longest=60)


def _arn(kind: str) -> str:
    return f"arn:aws:logs:{{region}}:{{account}}:{kind}:{{id}}"


def _tagging(kind: str) -> Tagging:
    return Tagging(
        add=Call("tag_resource", {"resourceArn": _arn(kind)}),
        remove=Call("untag_resource", {"resourceArn": _arn(kind)}),
    )


def _tags(kind: str) -> Read:
    return Read(Call("list_tags_for_resource", {"resourceArn": _arn(kind)}), "tags", into="tags")


ROWS: Final[dict[str, ResourceType]] = {
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": ResourceType(
        cloudformation="AWS::Logs::DeliverySource",
        service="logs",
        create=Call("put_delivery_source"),
        id="{name}",
        tagging=_tagging("delivery-source"),
        autoname=_NAME,
        read=(
            Read(Call("get_delivery_source", {"name": "{id}"}), "deliverySource"),
            _tags("delivery-source"),
        ),
        outputs={"resourceArn": "resourceArns[0]"},
        # CloudFormation would change them in place, and CloudWatch refuses.
        replaced_by=frozenset({"logType", "name", "resourceArn"}),
        delete=(Call("delete_delivery_source", {"name": "{id}"}),),
    ),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": ResourceType(
        # CloudFormation has the destination's ARN beside the name, and not inside a structure.
        cloudformation=NO_SCHEMA,
        service="logs",
        create=Call("put_delivery_destination"),
        id="{name}",
        tagging=_tagging("delivery-destination"),
        autoname=_NAME,
        read=(
            Read(Call("get_delivery_destination", {"name": "{id}"}), "deliveryDestination"),
            _tags("delivery-destination"),
        ),
        replaced_by=frozenset(
            {"deliveryDestinationConfiguration", "deliveryDestinationType", "name", "outputFormat"}
        ),
        delete=(Call("delete_delivery_destination", {"name": "{id}"}),),
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": ResourceType(
        cloudformation="AWS::Logs::Delivery",
        service="logs",
        create=Call("create_delivery"),
        id="delivery.id",
        tagging=_tagging("delivery"),
        read=(Read(Call("get_delivery", {"id": "{id}"}), "delivery"), _tags("delivery")),
        outputs={"s3DeliveryConfigurations": "`null`"},
        set=(
            Set(
                ("fieldDelimiter", "recordFields"),
                Call("update_delivery_configuration", {"id": "{id}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_delivery", {"id": "{id}"}),),
    ),
}
