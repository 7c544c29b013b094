"""The rows of messages, alarms, log filters and events; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_alarms, special_events, special_messages
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging

_ARN_TAGGING: Final = Tagging(
    add=Call("tag_resource", {"ResourceArn": "{id}"}),
    remove=Call("untag_resource", {"ResourceArn": "{id}"}),
)


def _tagging_of(arn: str) -> Tagging:
    return Tagging(
        add=Call("tag_resource", {"ResourceARN": arn}),
        remove=Call("untag_resource", {"ResourceARN": arn}),
    )


def _tags_of(arn: str) -> Read:
    return Read(Call("list_tags_for_resource", {"ResourceARN": arn}), "Tags", into="Tags")


_MESSAGES: Final = {
    "aws:sns/topic:Topic": ResourceType(
        cloudformation="AWS::SNS::Topic",
        service="sns",
        create=Call("create_topic"),
        id="TopicArn",
        tagging=_ARN_TAGGING,
        autoname=AutoName(longest=256),
        schema_renames={"tracingConfig": "TracingConfig", "maximumMessageSize": "NotInTheSchema"},
        read=(
            Read(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes"),
            Read(Call("list_tags_for_resource", {"ResourceArn": "{id}"}), "Tags", into="Tags"),
        ),
        outputs={
            "arn": "TopicArn",
            "name": "{name}",
            "beginningArchiveTime": "`null`",
            "signatureVersion": "SignatureVersion",
            "fifoThroughputScope": "FifoThroughputScope",
        },
        empty=frozenset({"beginningArchiveTime"}),
        defaults={"fifoTopic": False, "contentBasedDeduplication": False},
        replaced_by=frozenset({"name", "fifoTopic"}),
        set=tuple(
            Set(
                (name,),
                Call("set_topic_attributes", {"TopicArn": "{id}", "AttributeName": attribute}),
                parameters=special_messages.attribute(name),
            )
            for name, attribute in special_messages.TOPIC_ATTRIBUTES.items()
        ),
        delete=(Call("delete_topic", {"TopicArn": "{id}"}),),
        parameters=special_messages.topic,
        handled=frozenset({"fifoTopic"}),
        kept=frozenset({"fifoTopic"}),
        after_read=special_messages.topic_as_given,
        checks=(special_messages.topic_settings,),
    ),
    "aws:sns/topicPolicy:TopicPolicy": ResourceType(
        cloudformation="AWS::SNS::TopicPolicy",
        service="sns",
        create=Call(
            "set_topic_attributes", {"AttributeName": "Policy", "AttributeValue": "{policy}"}
        ),
        id="{arn}",
        api_renames={"arn": "TopicArn", "policy": "AttributeValue"},
        schema_renames={"arn": "NotInTheSchema", "policy": "PolicyDocument"},
        schema_constants={"Topics": ["arn"]},
        read=(
            # A topic always has a policy; SNS's own is none of this resource.
            Read(
                Call("get_topic_attributes", {"TopicArn": "{id}"}),
                "[Attributes] | [?!contains(Policy, '__default_policy_ID')] | [0]",
            ),
        ),
        outputs={"arn": "{arn}", "policy": "Policy"},
        replaced_by=frozenset({"arn"}),
        set=(
            Set(
                ("policy",),
                Call("set_topic_attributes", {"TopicArn": "{id}", "AttributeName": "Policy"}),
                parameters=special_messages.attribute("policy"),
            ),
        ),
        clear=special_messages.reset_topic_policy,
        checks=(special_messages.topic_policy,),
    ),
    "aws:sns/topicSubscription:TopicSubscription": ResourceType(
        cloudformation="AWS::SNS::Subscription",
        service="sns",
        create=Call("subscribe", {"ReturnSubscriptionArn": True}),
        id="SubscriptionArn",
        renames={"topic": "TopicArn"},
        schema_renames={"redrivePolicy": "RedrivePolicy"},
        read=(
            Read(
                Call("get_subscription_attributes", {"SubscriptionArn": "{id}"}),
                "Attributes",
            ),
        ),
        outputs={"arn": "{id}", "ownerId": "Owner"},
        defaults={
            "confirmationTimeoutInMinutes": 1,
            "endpointAutoConfirms": False,
            "rawMessageDelivery": False,
        },
        replaced_by=frozenset({"topic", "protocol", "endpoint"}),
        set=tuple(
            Set(
                (name,),
                Call(
                    "set_subscription_attributes",
                    {
                        "SubscriptionArn": "{id}",
                        "AttributeName": f"{name[:1].upper()}{name[1:]}",
                    },
                ),
                parameters=special_messages.attribute(name),
            )
            for name in special_messages.SUBSCRIPTION_ATTRIBUTES
        ),
        delete=(Call("unsubscribe", {"SubscriptionArn": "{id}"}),),
        handled=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms"}),
        kept=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms"}),
        after_read=special_messages.subscription_as_it_is,
        checks=(special_messages.subscription,),
        api_checks=(special_messages.topic_is_here,),
    ),
    "aws:sqs/queue:Queue": ResourceType(
        cloudformation="AWS::SQS::Queue",
        service="sqs",
        create=Call("create_queue"),
        id="QueueUrl",
        tagging=Tagging(
            add=Call("tag_queue", {"QueueUrl": "{id}"}),
            remove=Call("untag_queue", {"QueueUrl": "{id}"}),
        ),
        autoname=AutoName(longest=80),
        schema_renames={
            **special_messages.QUEUE_ATTRIBUTES,
            # CloudFormation refuses these on a standard queue even where they are false.
            "contentBasedDeduplication": "NotInTheSchema",
            "fifoQueue": "NotInTheSchema",
        },
        read=(
            Read(
                Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": ["All"]}),
                "Attributes",
            ),
            Read(Call("list_queue_tags", {"QueueUrl": "{id}"}), "Tags", into="Tags"),
        ),
        outputs={
            "arn": "QueueArn",
            "name": "{name}",
            "url": "{id}",
            **special_messages.QUEUE_ATTRIBUTES,
        },
        defaults={
            "contentBasedDeduplication": False,
            "delaySeconds": 0,
            "fifoQueue": False,
            "maxMessageSize": 262144,
            "messageRetentionSeconds": 345600,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        replaced_by=frozenset({"name", "fifoQueue"}),
        set=(
            Set(
                tuple(special_messages.QUEUE_ATTRIBUTES),
                Call("set_queue_attributes", {"QueueUrl": "{id}"}),
                parameters=special_messages.queue_attributes,
            ),
        ),
        delete=(Call("delete_queue", {"QueueUrl": "{id}"}),),
        parameters=special_messages.queue,
        handled=frozenset({"fifoQueue"}),
        kept=frozenset({"fifoQueue", "contentBasedDeduplication"}),
        after_read=special_messages.queue_as_given,
        checks=(special_messages.queue_settings,),
        before_create=special_messages.dead_letters_have_a_queue,
    ),
    "aws:sqs/queuePolicy:QueuePolicy": ResourceType(
        cloudformation="AWS::SQS::QueuePolicy",
        service="sqs",
        create=Call("set_queue_attributes", {"Attributes": {"Policy": "{policy}"}}),
        id="{queueUrl}",
        schema_renames={"queueUrl": "NotInTheSchema", "policy": "PolicyDocument"},
        schema_constants={"Queues": ["url"]},
        read=(
            Read(
                Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": ["Policy"]}),
                "Attributes",
            ),
        ),
        kept=frozenset({"queueUrl"}),
        handled=frozenset({"policy"}),
        replaced_by=frozenset({"queueUrl"}),
        set=(
            Set(
                ("policy",),
                Call(
                    "set_queue_attributes",
                    {"QueueUrl": "{id}", "Attributes": {"Policy": "{policy}"}},
                ),
            ),
        ),
        delete=(Call("set_queue_attributes", {"QueueUrl": "{id}", "Attributes": {"Policy": ""}}),),
        checks=(special_messages.queue_policy,),
    ),
}

_ALARM_ARN: Final = "arn:aws:cloudwatch:{region}:{account}:alarm:{id}"

_ALARMS: Final = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": ResourceType(
        cloudformation="AWS::CloudWatch::Alarm",
        service="cloudwatch",
        create=Call("put_metric_alarm"),
        id="{name}",
        tagging=_tagging_of(_ALARM_ARN),
        autoname=AutoName(longest=255),
        renames={"metricQueries": "Metrics"},
        read=(
            Read(Call("describe_alarms", {"AlarmNames": ["{id}"]}), "MetricAlarms[0]"),
            _tags_of(_ALARM_ARN),
        ),
        outputs={"arn": "AlarmArn"},
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
        replaced_by=frozenset({"name"}),
        set=(
            Set(
                special_alarms.ALARM_PROPERTIES,
                Call("put_metric_alarm", {"AlarmName": "{id}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_alarms", {"AlarmNames": ["{id}"]}),),
        prepare=special_alarms.alarm_to_send,
        after_read=special_alarms.alarm_as_given,
        checks=(special_alarms.alarm, special_alarms.alarm_queries),
        api_checks=(special_alarms.alarm_actions, special_alarms.note_alarm),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ResourceType(
        cloudformation="AWS::CloudWatch::CompositeAlarm",
        service="cloudwatch",
        create=Call("put_composite_alarm"),
        id="{alarmName}",
        tagging=_tagging_of(_ALARM_ARN),
        schema_renames={"actionsSuppressor": "NotInTheSchema"},
        read=(Read(Call("describe_alarms", {"AlarmNames": ["{id}"]}), "CompositeAlarms[0]"),),
        outputs={"arn": _ALARM_ARN},
        defaults={"actionsEnabled": True},
        replaced_by=frozenset({"alarmName", "actionsEnabled"}),
        set=(
            Set(
                special_alarms.COMPOSITE_PROPERTIES,
                Call("put_composite_alarm", {"AlarmName": "{id}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_alarms", {"AlarmNames": ["{id}"]}),),
        handled=frozenset({"actionsSuppressor"}),
        checks=(special_alarms.alarm_rule,),
        api_checks=(
            special_alarms.alarm_actions,
            special_alarms.alarms_of_rule_exist,
            special_alarms.note_alarm,
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": ResourceType(
        cloudformation="AWS::CloudWatch::Dashboard",
        service="cloudwatch",
        create=Call("put_dashboard"),
        id="{dashboardName}",
        read=(Read(Call("get_dashboard", {"DashboardName": "{id}"}), "@"),),
        set=(Set(("dashboardBody",), Call("put_dashboard", {"DashboardName": "{id}"})),),
        delete=(Call("delete_dashboards", {"DashboardNames": ["{id}"]}),),
        checks=(special_alarms.dashboard,),
    ),
}

_LOG_FILTERS: Final = {
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ResourceType(
        cloudformation="AWS::Logs::MetricFilter",
        service="logs",
        create=Call("put_metric_filter"),
        id="{logGroupName}:{name}",
        schema_renames={
            "name": "FilterName",
            "pattern": "FilterPattern",
            "metricTransformation": "NotInTheSchema",
        },
        schema_constants={
            "MetricTransformations": [
                {"MetricName": "name", "MetricNamespace": "space", "MetricValue": "1"}
            ]
        },
        autoname=AutoName(longest=512),
        read=(
            Read(
                Call(
                    "describe_metric_filters",
                    {"logGroupName": "{logGroupName}", "filterNamePrefix": "{name}"},
                ),
                "metricFilters[?filterName=='{name}'] | [0]",
            ),
        ),
        outputs={
            "metricTransformation": "metricTransformations[0]",
            "name": "filterName",
            "pattern": "filterPattern",
        },
        replaced_by=frozenset({"name", "logGroupName"}),
        set=(
            Set(
                ("pattern", "metricTransformation"),
                Call("put_metric_filter"),
                parameters=special_events.put_metric_filter,
            ),
        ),
        delete=(
            Call(
                "delete_metric_filter", {"logGroupName": "{logGroupName}", "filterName": "{name}"}
            ),
        ),
        parameters=special_events.put_metric_filter,
        handled=frozenset({"logGroupName", "name"}),
        after_read=special_events.metric_filter_as_given,
        checks=(special_events.metric_filter,),
        before_create=special_events.log_group_exists,
    ),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": ResourceType(
        cloudformation="AWS::Logs::SubscriptionFilter",
        service="logs",
        create=Call("put_subscription_filter"),
        id="{logGroup}:{name}",
        renames={"name": "filterName", "logGroup": "logGroupName"},
        autoname=AutoName(longest=512),
        read=(
            Read(
                Call("describe_subscription_filters", {"logGroupName": "{logGroup}"}),
                "subscriptionFilters[?filterName=='{name}'] | [0]",
            ),
        ),
        defaults={"distribution": "ByLogStream"},
        replaced_by=frozenset({"name", "logGroup", "destinationArn"}),
        set=(
            Set(
                ("filterPattern", "roleArn", "distribution"),
                Call(
                    "put_subscription_filter",
                    {
                        "logGroupName": "{logGroup}",
                        "filterName": "{name}",
                        "destinationArn": "{destinationArn}",
                    },
                ),
                together=True,
            ),
        ),
        delete=(
            Call(
                "delete_subscription_filter", {"logGroupName": "{logGroup}", "filterName": "{name}"}
            ),
        ),
        checks=(special_events.subscription_filter,),
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": ResourceType(
        cloudformation="AWS::Logs::ResourcePolicy",
        service="logs",
        create=Call("put_resource_policy"),
        id="{policyName}",
        # CloudFormation says only that it is a string, and no more than 5120 characters.
        read=(
            Read(
                Call("describe_resource_policies"),
                "resourcePolicies[?policyName=='{id}'] | [0]",
            ),
        ),
        outputs={"policyScope": "'ACCOUNT'"},
        empty=frozenset({"revisionId"}),
        replaced_by=frozenset({"policyName"}),
        set=(Set(("policyDocument",), Call("put_resource_policy", {"policyName": "{id}"})),),
        delete=(Call("delete_resource_policy", {"policyName": "{id}"}),),
        checks=(special_events.log_resource_policy,),
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": ResourceType(
        cloudformation="AWS::Logs::QueryDefinition",
        service="logs",
        create=Call("put_query_definition"),
        id="{name}",
        autoname=AutoName(longest=255),
        read=(
            Read(
                Call("describe_query_definitions", {"queryDefinitionNamePrefix": "{id}"}),
                "queryDefinitions[?name=='{id}'] | [0]",
            ),
        ),
        outputs={
            "arn": "join(':', ['arn:aws:logs:{region}:{account}:query-definition', "
            "queryDefinitionId])",
        },
        replaced_by=frozenset(),
        set=(
            Set(
                ("name", "queryString", "logGroupNames"),
                Call("put_query_definition"),
                together=True,
            ),
        ),
        delete=(Call("delete_query_definition", {"queryDefinitionId": "{queryDefinitionId}"}),),
        after_read=special_events.query_definition_id,
    ),
}

_RULE_ARN: Final = "arn:aws:events:{region}:{account}:rule/{id}"
_RULE: Final = {"Name": "{id}", "EventBusName": "{eventBusName}"}
_OF_RULE: Final = {"Rule": "{rule}", "EventBusName": "{eventBusName}"}

_EVENTS: Final = {
    "aws:cloudwatch/eventRule:EventRule": ResourceType(
        cloudformation="AWS::Events::Rule",
        service="events",
        create=Call("put_rule"),
        id="{name}",
        tagging=_tagging_of(_RULE_ARN),
        autoname=AutoName(longest=64),
        read=(Read(Call("describe_rule", _RULE), "@"), _tags_of(_RULE_ARN)),
        defaults={"eventBusName": "default", "forceDestroy": False, "state": "ENABLED"},
        replaced_by=frozenset({"name", "eventBusName"}),
        set=(
            Set(
                ("description", "eventPattern", "roleArn", "scheduleExpression", "state"),
                Call("put_rule", _RULE),
                together=True,
            ),
        ),
        delete=(Call("delete_rule", _RULE),),
        handled=frozenset({"forceDestroy"}),
        kept=frozenset({"forceDestroy"}),
        checks=(special_events.event_rule,),
        before_delete=special_events.rule_has_no_target,
    ),
    "aws:cloudwatch/eventTarget:EventTarget": ResourceType(
        cloudformation="AWS::Events::Rule",
        service="events",
        create=Call("put_targets"),
        id="{rule}/{targetId}",
        autoname=AutoName(longest=64, property="targetId"),
        schema_renames=dict.fromkeys(
            ("arn", "roleArn", "rule", "eventBusName", *special_events.TARGET_PROPERTIES),
            "NotInTheSchema",
        ),
        schema_constants={"ScheduleExpression": "rate(1 day)"},
        read=(Read(Call("list_targets_by_rule", _OF_RULE), "Targets[?Id=='{targetId}'] | [0]"),),
        outputs={"targetId": "Id"},
        defaults={"eventBusName": "default", "forceDestroy": False},
        replaced_by=frozenset({"rule", "targetId", "eventBusName"}),
        set=(
            Set(
                special_events.TARGET_PROPERTIES,
                Call("put_targets"),
                parameters=special_events.event_target,
            ),
        ),
        delete=(Call("remove_targets", {**_OF_RULE, "Ids": ["{targetId}"]}),),
        parameters=special_events.event_target,
        handled=frozenset({"rule", "targetId", "eventBusName", "forceDestroy"}),
        kept=frozenset({"rule", "eventBusName", "forceDestroy"}),
        after_read=special_events.event_target_as_given,
        checks=(special_events.event_target_settings,),
    ),
    "aws:rds/eventSubscription:EventSubscription": ResourceType(
        cloudformation="AWS::RDS::EventSubscription",
        service="rds",
        create=Call("create_event_subscription"),
        id="{name}",
        tagging=Tagging(
            add=Call(
                "add_tags_to_resource",
                {"ResourceName": "arn:aws:rds:{region}:{account}:es:{id}"},
            ),
            remove=Call(
                "remove_tags_from_resource",
                {"ResourceName": "arn:aws:rds:{region}:{account}:es:{id}"},
            ),
        ),
        autoname=AutoName(longest=255),
        renames={"name": "SubscriptionName", "snsTopic": "SnsTopicArn"},
        read=(
            Read(
                Call("describe_event_subscriptions", {"SubscriptionName": "{id}"}),
                "EventSubscriptionsList[0]",
            ),
            Read(
                Call(
                    "list_tags_for_resource",
                    {"ResourceName": "arn:aws:rds:{region}:{account}:es:{id}"},
                ),
                "TagList",
                into="TagList",
            ),
        ),
        outputs={
            "arn": "EventSubscriptionArn",
            "customerAwsId": "'{account}'",
            "eventCategories": "EventCategoriesList",
            "name": "{id}",
            "sourceIds": "SourceIdsList",
        },
        defaults={"enabled": True},
        replaced_by=frozenset({"name"}),
        # The emulator has no ModifyEventSubscription, so that the subscription is made again.
        set=(
            Set(
                special_events.DATABASE_EVENTS,
                Call("delete_event_subscription", {"SubscriptionName": "{id}"}),
                parameters=special_events.nothing,
            ),
            Set(
                special_events.DATABASE_EVENTS,
                Call("create_event_subscription", {"SubscriptionName": "{id}"}),
                parameters=special_events.event_subscription_again,
            ),
        ),
        delete=(Call("delete_event_subscription", {"SubscriptionName": "{id}"}),),
        checks=(special_events.database_events,),
    ),
}

ROWS: Final = {**_MESSAGES, **_ALARMS, **_LOG_FILTERS, **_EVENTS}
