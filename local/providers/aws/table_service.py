"""The rows of ECS, load balancers and autoscaling; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_balancer, special_scaling, special_service
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging

# -- ECS -------------------------------------------------------------------------------------

_ECS_TAGGING: Final = Tagging(
    add=Call("tag_resource", {"resourceArn": "{id}"}),
    remove=Call("untag_resource", {"resourceArn": "{id}"}),
)

_ECS: Final = {
    "aws:ecs/cluster:Cluster": ResourceType(
        cloudformation="AWS::ECS::Cluster",
        service="ecs",
        create=Call("create_cluster"),
        id="cluster.clusterArn",
        tagging=_ECS_TAGGING,
        autoname=AutoName(longest=255),
        renames={"s3BucketEncryptionEnabled": "s3EncryptionEnabled"},
        read=(
            Read(
                Call(
                    "describe_clusters",
                    {"clusters": ["{id}"], "include": ["CONFIGURATIONS", "SETTINGS", "TAGS"]},
                ),
                "clusters[?status=='ACTIVE'] | [0]",
            ),
        ),
        outputs={"arn": "clusterArn"},
        set=(
            Set(
                ("configuration", "serviceConnectDefaults", "settings"),
                Call("update_cluster", {"cluster": "{id}"}),
            ),
        ),
        delete=(Call("delete_cluster", {"cluster": "{id}"}),),
        checks=(special_service.cluster,),
        before_delete=special_service.refuse_cluster_in_use,
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": ResourceType(
        cloudformation="AWS::ECS::ClusterCapacityProviderAssociations",
        service="ecs",
        create=Call("put_cluster_capacity_providers"),
        id="{clusterName}",
        schema_renames={
            "clusterName": "Cluster",
            "defaultCapacityProviderStrategies": "DefaultCapacityProviderStrategy",
        },
        read=(
            Read(
                Call("describe_clusters", {"clusters": ["{id}"]}),
                "clusters[?status=='ACTIVE' && capacityProviders] | [0]",
            ),
        ),
        outputs={"defaultCapacityProviderStrategies": "defaultCapacityProviderStrategy"},
        replaced_by=frozenset({"clusterName"}),
        set=(
            Set(
                ("capacityProviders", "defaultCapacityProviderStrategies"),
                Call("put_cluster_capacity_providers"),
                parameters=special_service.cluster_capacity,
            ),
        ),
        delete=(
            Call(
                "put_cluster_capacity_providers",
                {
                    "cluster": "{id}",
                    "capacityProviders": [],
                    "defaultCapacityProviderStrategy": [],
                },
            ),
        ),
        handled=frozenset({"clusterName"}),
        parameters=special_service.cluster_capacity,
        checks=(special_service.capacity_providers,),
    ),
    # The id is the ARN, which an import takes: pulumi-aws's own id, the family, would name the
    # newest revision, whoever registered it.
    "aws:ecs/taskDefinition:TaskDefinition": ResourceType(
        cloudformation="AWS::ECS::TaskDefinition",
        service="ecs",
        create=Call("register_task_definition"),
        id="taskDefinition.taskDefinitionArn",
        tagging=_ECS_TAGGING,
        renames={"sizeInGib": "sizeInGiB"},
        read=(
            Read(
                Call("describe_task_definition", {"taskDefinition": "{id}"}),
                "taskDefinition.[@] | [?status=='ACTIVE'] | [0]",
            ),
            Read(Call("list_tags_for_resource", {"resourceArn": "{id}"}), "tags", into="tags"),
        ),
        outputs={"arn": "taskDefinitionArn"},
        delete=(Call("deregister_task_definition", {"taskDefinition": "{id}"}),),
        defaults={"skipDestroy": False, "trackLatest": False},
        handled=frozenset({"skipDestroy", "trackLatest"}),
        kept=frozenset({"skipDestroy", "trackLatest"}),
        prepare=special_service.task_to_send,
        after_read=special_service.task_as_given,
        checks=(special_service.task,),
        spared_by="skipDestroy",
    ),
    "aws:ecs/service:Service": ResourceType(
        cloudformation="AWS::ECS::Service",
        service="ecs",
        create=Call("create_service"),
        id="service.serviceArn",
        tagging=_ECS_TAGGING,
        autoname=AutoName(longest=255),
        schema_renames={
            "capacityProviderStrategies": "CapacityProviderStrategy",
            "forceNewDeployment": "NotInTheSchema",
            "name": "ServiceName",
        },
        read=(
            Read(
                Call(
                    "describe_services",
                    {"cluster": "{cluster}", "services": ["{id}"], "include": ["TAGS"]},
                ),
                "services[?status!='INACTIVE'] | [0]",
            ),
        ),
        outputs={
            "arn": "serviceArn",
            "capacityProviderStrategies": "capacityProviderStrategy",
            "enableEcsManagedTags": "enableECSManagedTags",
            "name": "serviceName",
            "serviceRegistries": "`null`",
        },
        replaced_by=frozenset(
            {"cluster", "deploymentController", "launchType", "name", "schedulingStrategy"}
        ),
        replaced_if=special_service.replaced_with_capacity,
        set=(
            Set(
                special_service.SERVICE_CHANGES,
                Call("update_service", {"cluster": "{cluster}", "service": "{id}"}),
                parameters=special_service.service_update,
            ),
        ),
        # pulumi-aws drains a service that it deletes.
        delete=(
            Call("update_service", {"cluster": "{cluster}", "service": "{id}", "desiredCount": 0}),
            Call(
                "delete_service",
                {"cluster": "{cluster}", "service": "{id}", "force": "{forceDelete}"},
            ),
        ),
        defaults={
            "deploymentMaximumPercent": 200,
            "deploymentMinimumHealthyPercent": 100,
            "enableEcsManagedTags": False,
            "enableExecuteCommand": False,
            "forceDelete": False,
            "schedulingStrategy": "REPLICA",
            "sigintRollback": False,
            "waitForSteadyState": False,
        },
        handled=frozenset(
            {
                "forceDelete",
                "sigintRollback",
                "waitForSteadyState",
                *special_service.SERVICE_PROPERTIES,
            }
        ),
        kept=frozenset(
            {
                "forceDelete",
                "forceNewDeployment",
                "sigintRollback",
                "triggers",
                "waitForSteadyState",
            }
        ),
        parameters=special_service.service_to_create,
        prepare=special_service.service_to_send,
        after_read=special_service.service_as_given,
        checks=(special_service.service,),
        alone=special_service.refuse_taken_service_name,
        before_create=special_service.service_among_others,
        after_create=special_service.store_whole_service,
    ),
}

# -- load balancers --------------------------------------------------------------------------

_BALANCER_TAGGING: Final = Tagging(
    add=Call("add_tags", {"ResourceArns": ["{id}"]}),
    remove=Call("remove_tags", {"ResourceArns": ["{id}"]}),
)
_BALANCER_TAGS: Final = Read(
    Call("describe_tags", {"ResourceArns": ["{id}"]}), "TagDescriptions[0].Tags", into="Tags"
)


def _attributes(operation: str, parameter: str) -> Read:
    return Read(Call(operation, {parameter: "{id}"}), "Attributes", into="attributes")


_BALANCERS: Final = {
    "aws:lb/loadBalancer:LoadBalancer": ResourceType(
        cloudformation="AWS::ElasticLoadBalancingV2::LoadBalancer",
        service="elbv2",
        create=Call("create_load_balancer"),
        id="LoadBalancers[0].LoadBalancerArn",
        tagging=_BALANCER_TAGGING,
        autoname=AutoName(longest=32),
        renames={"loadBalancerType": "Type", "name": "Name"},
        read=(
            Read(
                Call("describe_load_balancers", {"LoadBalancerArns": ["{id}"]}), "LoadBalancers[0]"
            ),
            _attributes("describe_load_balancer_attributes", "LoadBalancerArn"),
            _BALANCER_TAGS,
        ),
        outputs={
            "arn": "LoadBalancerArn",
            "internal": "Scheme=='internal'",
            "name": "LoadBalancerName",
            "subnets": "AvailabilityZones[].SubnetId",
            "zoneId": "CanonicalHostedZoneId",
        },
        set=(
            Set(
                special_balancer.BALANCER_ATTRIBUTES,
                Call("modify_load_balancer_attributes", {"LoadBalancerArn": "{id}"}),
                parameters=special_balancer.balancer_attributes,
            ),
            Set(("ipAddressType",), Call("set_ip_address_type", {"LoadBalancerArn": "{id}"})),
            Set(("securityGroups",), Call("set_security_groups", {"LoadBalancerArn": "{id}"})),
            Set(("subnets",), Call("set_subnets", {"LoadBalancerArn": "{id}"})),
        ),
        replaced_by=frozenset({"internal", "loadBalancerType", "name"}),
        delete=(Call("delete_load_balancer", {"LoadBalancerArn": "{id}"}),),
        defaults={
            "clientKeepAlive": 3600,
            "desyncMitigationMode": "defensive",
            "dnsRecordClientRoutingPolicy": "any_availability_zone",
            "dropInvalidHeaderFields": False,
            "enableCrossZoneLoadBalancing": False,
            "enableDeletionProtection": False,
            "enableHttp2": True,
            "enableTlsVersionAndCipherSuiteHeaders": False,
            "enableWafFailOpen": False,
            "enableXffClientPort": False,
            "enableZonalShift": False,
            "idleTimeout": 60,
            "loadBalancerType": "application",
            "preserveHostHeader": False,
            "xffHeaderProcessingMode": "append",
        },
        # Of network load balancers; an application load balancer is always cross-zone.
        handled=frozenset(
            {"dnsRecordClientRoutingPolicy", "enableCrossZoneLoadBalancing", "internal"}
        ),
        kept=frozenset({"dnsRecordClientRoutingPolicy", "enableCrossZoneLoadBalancing"}),
        prepare=special_balancer.balancer_to_send,
        after_read=special_balancer.balancer_as_given,
        checks=(special_balancer.balancer,),
        api_checks=(special_balancer.balancer_zones,),
        alone=special_balancer.refuse_taken_balancer_name,
        before_delete=special_balancer.refuse_protected_balancer,
    ),
    "aws:lb/targetGroup:TargetGroup": ResourceType(
        cloudformation="AWS::ElasticLoadBalancingV2::TargetGroup",
        service="elbv2",
        create=Call("create_target_group"),
        id="TargetGroups[0].TargetGroupArn",
        tagging=_BALANCER_TAGGING,
        autoname=AutoName(longest=32),
        renames={"name": "Name"},
        read=(
            Read(Call("describe_target_groups", {"TargetGroupArns": ["{id}"]}), "TargetGroups[0]"),
            _attributes("describe_target_group_attributes", "TargetGroupArn"),
            _BALANCER_TAGS,
        ),
        # Who uses the group is a listener's matter, and would be drift here.
        outputs={
            "arn": "TargetGroupArn",
            "loadBalancerArns": "`[]`",
            "name": "TargetGroupName",
        },
        empty=frozenset({"loadBalancerArns"}),
        set=(
            Set(
                special_balancer.TARGET_ATTRIBUTES,
                Call("modify_target_group_attributes", {"TargetGroupArn": "{id}"}),
                parameters=special_balancer.target_attributes,
            ),
            Set(
                ("healthCheck",),
                Call("modify_target_group", {"TargetGroupArn": "{id}"}),
                parameters=special_balancer.health_check,
            ),
        ),
        delete=(Call("delete_target_group", {"TargetGroupArn": "{id}"}),),
        defaults={
            "deregistrationDelay": 300,
            "lambdaMultiValueHeadersEnabled": False,
            "proxyProtocolV2": False,
            "slowStart": 0,
            "targetType": "instance",
        },
        # Of other kinds of target groups.
        handled=frozenset({"lambdaMultiValueHeadersEnabled", "proxyProtocolV2"}),
        kept=frozenset({"lambdaMultiValueHeadersEnabled", "proxyProtocolV2"}),
        prepare=special_balancer.targets_to_send,
        after_read=special_balancer.targets_as_given,
        checks=(special_balancer.targets,),
    ),
    "aws:lb/listener:Listener": ResourceType(
        cloudformation="AWS::ElasticLoadBalancingV2::Listener",
        service="elbv2",
        create=Call("create_listener"),
        id="Listeners[0].ListenerArn",
        tagging=_BALANCER_TAGGING,
        renames={"certificateArn": "Certificates", **special_balancer.ACTION_NAMES},
        read=(
            Read(Call("describe_listeners", {"ListenerArns": ["{id}"]}), "Listeners[0]"),
            Read(
                Call("describe_listener_certificates", {"ListenerArn": "{id}"}),
                "Certificates[?IsDefault].CertificateArn | [0]",
                into="certificate",
            ),
            _attributes("describe_listener_attributes", "ListenerArn"),
            _BALANCER_TAGS,
        ),
        outputs={
            "alpnPolicy": "AlpnPolicy[0]",
            "arn": "ListenerArn",
            "certificateArn": "certificate",
        },
        set=(
            Set(
                ("certificateArn", "defaultActions", "port", "protocol", "sslPolicy"),
                Call("modify_listener", {"ListenerArn": "{id}"}),
            ),
            Set(
                special_balancer.LISTENER_ATTRIBUTES,
                Call("modify_listener_attributes", {"ListenerArn": "{id}"}),
                parameters=special_balancer.listener_attributes,
            ),
        ),
        delete=(Call("delete_listener", {"ListenerArn": "{id}"}),),
        prepare=special_balancer.listener_to_send,
        after_read=special_balancer.listener_as_given,
        checks=(special_balancer.listener,),
        alone=special_balancer.refuse_taken_port,
        # A port holds one listener.
        delete_before_replace=True,
    ),
    "aws:lb/listenerRule:ListenerRule": ResourceType(
        cloudformation="AWS::ElasticLoadBalancingV2::ListenerRule",
        service="elbv2",
        create=Call("create_rule"),
        id="Rules[0].RuleArn",
        tagging=_BALANCER_TAGGING,
        renames=special_balancer.ACTION_NAMES,
        read=(
            Read(Call("describe_rules", {"RuleArns": ["{id}"]}), "Rules[0]"),
            _BALANCER_TAGS,
        ),
        outputs={"arn": "RuleArn"},
        kept=frozenset({"listenerArn"}),
        set=(
            Set(("actions", "conditions"), Call("modify_rule", {"RuleArn": "{id}"})),
            Set(
                ("priority",),
                Call(
                    "set_rule_priorities",
                    {"RulePriorities": [{"RuleArn": "{id}", "Priority": "{priority}"}]},
                ),
            ),
        ),
        delete=(Call("delete_rule", {"RuleArn": "{id}"}),),
        prepare=special_balancer.rule_to_send,
        after_read=special_balancer.rule_as_given,
        checks=(special_balancer.rule,),
        alone=special_balancer.refuse_taken_priority,
    ),
    "aws:lb/listenerCertificate:ListenerCertificate": ResourceType(
        cloudformation="AWS::ElasticLoadBalancingV2::ListenerCertificate",
        service="elbv2",
        create=Call(
            "add_listener_certificates", {"Certificates": [{"CertificateArn": "{certificateArn}"}]}
        ),
        id="{listenerArn}_{certificateArn}",
        schema_constants={"Certificates": [{"CertificateArn": {"Ref": "Unknown"}}]},
        read=(
            Read(
                Call("describe_listener_certificates", {"ListenerArn": "{listenerArn}"}),
                "Certificates[?CertificateArn=='{certificateArn}' && !IsDefault] | [0]",
            ),
        ),
        replaced_by=frozenset({"certificateArn", "listenerArn"}),
        delete=(
            Call(
                "remove_listener_certificates",
                {
                    "ListenerArn": "{listenerArn}",
                    "Certificates": [{"CertificateArn": "{certificateArn}"}],
                },
            ),
        ),
        handled=frozenset({"certificateArn"}),
        kept=frozenset({"listenerArn"}),
    ),
}

# -- autoscaling -----------------------------------------------------------------------------

_SCALED: Final = {
    "ServiceNamespace": "{serviceNamespace}",
    "ResourceId": "{resourceId}",
    "ScalableDimension": "{scalableDimension}",
}

_SCALING: Final = {
    "aws:appautoscaling/target:Target": ResourceType(
        cloudformation="AWS::ApplicationAutoScaling::ScalableTarget",
        service="application-autoscaling",
        create=Call("register_scalable_target"),
        id="{resourceId}",
        tagging=Tagging(
            add=Call("tag_resource", {"ResourceARN": "{arn}"}),
            remove=Call("untag_resource", {"ResourceARN": "{arn}"}),
        ),
        read=(
            Read(
                Call(
                    "describe_scalable_targets",
                    {
                        "ServiceNamespace": "{serviceNamespace}",
                        "ResourceIds": ["{resourceId}"],
                        "ScalableDimension": "{scalableDimension}",
                    },
                ),
                "ScalableTargets[0]",
            ),
        ),
        outputs={
            "arn": "ScalableTargetARN",
            # ECS is scaled by the service-linked role, whatever role is given.
            "roleArn": "arn:aws:iam::{account}:role/aws-service-role/"
            "ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService",
        },
        replaced_by=frozenset({"resourceId", "scalableDimension", "serviceNamespace"}),
        set=(
            Set(
                ("maxCapacity", "minCapacity", "suspendedState"),
                Call("register_scalable_target", _SCALED),
            ),
        ),
        delete=(Call("deregister_scalable_target", _SCALED),),
        checks=(special_scaling.target,),
        clear=special_scaling.forget_what_scales,
    ),
    "aws:appautoscaling/policy:Policy": ResourceType(
        cloudformation="AWS::ApplicationAutoScaling::ScalingPolicy",
        service="application-autoscaling",
        create=Call("put_scaling_policy"),
        id="{name}",
        autoname=AutoName(longest=256),
        renames={"name": "PolicyName"},
        defaults={"policyType": "StepScaling"},
        read=(
            Read(
                Call("describe_scaling_policies", {**_SCALED, "PolicyNames": ["{name}"]}),
                "ScalingPolicies[?PolicyName=='{name}'] | [0]",
            ),
        ),
        outputs={"alarmArns": "Alarms[].AlarmARN", "arn": "PolicyARN"},
        replaced_by=frozenset({"name", "resourceId", "scalableDimension", "serviceNamespace"}),
        set=(
            Set(
                (
                    "policyType",
                    "stepScalingPolicyConfiguration",
                    "targetTrackingScalingPolicyConfiguration",
                ),
                Call("put_scaling_policy", {**_SCALED, "PolicyName": "{name}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_scaling_policy", {**_SCALED, "PolicyName": "{name}"}),),
        checks=(special_scaling.policy,),
        before_create=special_scaling.is_registered,
    ),
    "aws:appautoscaling/scheduledAction:ScheduledAction": ResourceType(
        cloudformation="AWS::ApplicationAutoScaling::ScalableTarget",
        service="application-autoscaling",
        create=Call("put_scheduled_action"),
        id="{name}-{serviceNamespace}-{resourceId}",
        autoname=AutoName(longest=256),
        renames={"name": "ScheduledActionName"},
        # CloudFormation has scheduled actions within their target alone.
        schema_constants={"MinCapacity": 0, "MaxCapacity": 0},
        defaults={"timezone": "UTC"},
        read=(
            Read(
                Call("describe_scheduled_actions", {**_SCALED, "ScheduledActionNames": ["{name}"]}),
                "ScheduledActions[0]",
            ),
        ),
        outputs={"arn": "ScheduledActionARN"},
        replaced_by=frozenset({"name", "resourceId", "scalableDimension", "serviceNamespace"}),
        set=(
            Set(
                ("endTime", "scalableTargetAction", "schedule", "startTime", "timezone"),
                Call("put_scheduled_action"),
                parameters=special_scaling.scheduled_to_send,
            ),
        ),
        delete=(Call("delete_scheduled_action", {**_SCALED, "ScheduledActionName": "{name}"}),),
        handled=frozenset({"name"}),
        parameters=special_scaling.scheduled_to_send,
        after_read=special_scaling.scheduled_as_given,
        checks=(special_scaling.scheduled,),
        before_create=special_scaling.is_registered,
    ),
}

ROWS: Final = {**_ECS, **_BALANCERS, **_SCALING}
