"""The rows of DNS, certificates, WAF and CloudFront; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_cloudfront, special_dns, special_waf
from local.providers.aws.rows import NO_SCHEMA, AutoName, Call, Read, ResourceType, Set, Tagging


def _route53_tagging(kind: str) -> Tagging:
    change = Call("change_tags_for_resource", {"ResourceType": kind, "ResourceId": "{id}"})
    return Tagging(add=change, remove=change, add_member="AddTags", remove_member="RemoveTagKeys")


def _route53_tags(kind: str) -> Read:
    request = Call("list_tags_for_resource", {"ResourceType": kind, "ResourceId": "{id}"})
    return Read(request, "ResourceTagSet.Tags", into="Tags")


_ONE_RECORD: Final = (
    "ResourceRecordSets[?(Name=='{name}.' || Name=='{name}') && Type=='{type}'"
    " && (!SetIdentifier || ends_with('{id}', join('_', [Type, SetIdentifier])))] | [0]"
)
_RECORDS: Final = Call("list_resource_record_sets", {"HostedZoneId": "{zoneId}"})

_DNS: Final = {
    "aws:route53/zone:Zone": ResourceType(
        cloudformation="AWS::Route53::HostedZone",
        service="route53",
        create=Call("create_hosted_zone", {"CallerReference": "{unique}"}),
        id=special_dns.zone_id,
        tagging=_route53_tagging("hostedzone"),
        defaults={"comment": "Managed by Pulumi", "forceDestroy": False},
        read=(
            Read(Call("get_hosted_zone", {"Id": "{id}"}), "HostedZone"),
            Read(
                Call("get_hosted_zone", {"Id": "{id}"}),
                "DelegationSet.NameServers",
                into="NameServers",
            ),
            _route53_tags("hostedzone"),
        ),
        outputs={
            "arn": "arn:aws:route53:::hostedzone/{id}",
            "comment": "Config.Comment",
            "primaryNameServer": "NameServers[0]",
            "zoneId": "{id}",
        },
        empty=frozenset({"enableAcceleratedRecovery"}),
        set=(Set(("comment",), Call("update_hosted_zone_comment", {"Id": "{id}"})),),
        delete=(Call("delete_hosted_zone", {"Id": "{id}"}),),
        handled=frozenset({"forceDestroy"}),
        kept=frozenset({"forceDestroy"}),
        after_read=special_dns.zone_as_given,
        checks=(special_dns.zone,),
    ),
    "aws:route53/record:Record": ResourceType(
        cloudformation="AWS::Route53::RecordSet",
        service="route53",
        create=Call("change_resource_record_sets", {"HostedZoneId": "{zoneId}"}),
        id="{recordId}",
        schema_renames={
            "aliases": "AliasTarget",
            "failover": "Failover",
            "name": "Name",
            "records": "ResourceRecords",
            "zoneId": "HostedZoneId",
        },
        defaults={"allowOverwrite": False},
        read=(Read(_RECORDS, _ONE_RECORD),),
        fresh=(Read(_RECORDS, _ONE_RECORD, into="recordSet"),),
        replaced_by=frozenset({"name", "setIdentifier", "type", "zoneId"}),
        # pulumi-aws changes type and identifier in place and with them the id, which an update
        # here cannot.
        delete_before_replace=True,
        set=(
            Set(
                special_dns.RECORD_PROPERTIES,
                Call("change_resource_record_sets", {"HostedZoneId": "{zoneId}"}),
                parameters=special_dns.upsert_record,
            ),
        ),
        delete=(Call("change_resource_record_sets", {"HostedZoneId": "{zoneId}"}),),
        delete_parameters=special_dns.delete_record,
        handled=frozenset(
            {
                *("allowOverwrite", "name", "setIdentifier", "type", "zoneId"),
                *special_dns.RECORD_PROPERTIES,
            }
        ),
        kept=frozenset({"allowOverwrite", "zoneId"}),
        prepare=special_dns.record_to_send,
        parameters=special_dns.create_record,
        after_read=special_dns.record_as_given,
        checks=(special_dns.record,),
        api_checks=(special_dns.record_in_its_zone,),
        alone=special_dns.refuse_existing_record,
    ),
    "aws:route53/healthCheck:HealthCheck": ResourceType(
        cloudformation="AWS::Route53::HealthCheck",
        service="route53",
        create=Call("create_health_check", {"CallerReference": "{unique}"}),
        id="HealthCheck.Id",
        whole="HealthCheckConfig",
        tagging=_route53_tagging("healthcheck"),
        renames={
            "childHealthThreshold": "HealthThreshold",
            "fqdn": "FullyQualifiedDomainName",
            "invertHealthcheck": "Inverted",
        },
        defaults={"disabled": False, "measureLatency": False},
        read=(
            Read(
                Call("get_health_check", {"HealthCheckId": "{id}"}),
                "HealthCheck.HealthCheckConfig",
            ),
            _route53_tags("healthcheck"),
        ),
        outputs={"arn": "arn:aws:route53:::healthcheck/{id}"},
        empty=frozenset({"regions", "triggers"}),
        replaced_by=frozenset({"measureLatency", "requestInterval", "type"}),
        set=(
            Set(
                (
                    "childHealthThreshold",
                    "childHealthchecks",
                    "disabled",
                    "enableSni",
                    "failureThreshold",
                    "fqdn",
                    "insufficientDataHealthStatus",
                    "invertHealthcheck",
                    "ipAddress",
                    "port",
                    "regions",
                    "resourcePath",
                    "searchString",
                ),
                Call("update_health_check", {"HealthCheckId": "{id}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_health_check", {"HealthCheckId": "{id}"}),),
        prepare=special_dns.health_check_to_send,
        checks=(special_dns.health_check,),
    ),
}

_CERTIFICATES: Final = {
    "aws:acm/certificate:Certificate": ResourceType(
        cloudformation="AWS::CertificateManager::Certificate",
        service="acm",
        create=Call("request_certificate"),
        id="CertificateArn",
        tagging=Tagging(
            add=Call("add_tags_to_certificate", {"CertificateArn": "{id}"}),
            remove=Call("remove_tags_from_certificate", {"CertificateArn": "{id}"}),
        ),
        read=(
            Read(Call("describe_certificate", {"CertificateArn": "{id}"}), "Certificate"),
            Read(
                Call("list_tags_for_certificate", {"CertificateArn": "{id}"}), "Tags", into="Tags"
            ),
        ),
        outputs={
            "arn": "CertificateArn",
            "validationMethod": "DomainValidationOptions[0].ValidationMethod || 'NONE'",
        },
        empty=frozenset({"pendingRenewal", "renewalSummaries", "validationEmails"}),
        replaced_by=frozenset(
            {"domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"}
        ),
        set=(
            Set(
                ("options",),
                Call("update_certificate_options", {"CertificateArn": "{id}"}),
            ),
        ),
        delete=(Call("delete_certificate", {"CertificateArn": "{id}"}),),
        after_read=special_dns.certificate_as_given,
        checks=(special_dns.certificate,),
        before_delete=special_dns.refuse_used_certificate,
    ),
    "aws:acm/certificateValidation:CertificateValidation": ResourceType(
        cloudformation=NO_SCHEMA,
        service="acm",
        create=Call("describe_certificate", {"CertificateArn": "{certificateArn}"}),
        id="Certificate.CertificateArn",
        read=(
            Read(
                Call("describe_certificate", {"CertificateArn": "{id}"}),
                "Certificate.[@] | [?Status=='ISSUED'] | [0]",
            ),
        ),
        replaced_by=frozenset({"certificateArn", "validationRecordFqdns"}),
        handled=frozenset({"validationRecordFqdns"}),
        kept=frozenset({"validationRecordFqdns"}),
        before_create=special_dns.wait_for_certificate,
    ),
}

_WAF_SCOPE: Final = {"Id": "{id}", "Name": "{name}", "Scope": "{scope}"}
_LOCKED: Final = {**_WAF_SCOPE, "LockToken": "{lockToken}"}
_WAF_TAGGING: Final = Tagging(
    add=Call("tag_resource", {"ResourceARN": "{arn}"}),
    remove=Call("untag_resource", {"ResourceARN": "{arn}"}),
)
_WAF_TAGS: Final = Read(
    Call("list_tags_for_resource", {"ResourceARN": "{ARN}"}),
    "TagInfoForResource.TagList",
    into="Tags",
)


def _waf_read(operation: str, item: str) -> tuple[Read, ...]:
    return (
        Read(Call(operation, _WAF_SCOPE), item),
        Read(Call(operation, _WAF_SCOPE), "LockToken", into="lockToken"),
        _WAF_TAGS,
    )


def _waf_fresh(operation: str, item: str) -> tuple[Read, ...]:
    return (
        Read(Call(operation, _WAF_SCOPE), "LockToken", into="lockToken"),
        Read(Call(operation, _WAF_SCOPE), f"{item}.ARN", into="arn"),
    )


_WAF: Final = {
    "aws:wafv2/ipSet:IpSet": ResourceType(
        cloudformation="AWS::WAFv2::IPSet",
        service="wafv2",
        create=Call("create_ip_set"),
        id="Summary.Id",
        tagging=_WAF_TAGGING,
        autoname=AutoName(longest=128),
        read=_waf_read("get_ip_set", "IPSet"),
        fresh=_waf_fresh("get_ip_set", "IPSet"),
        outputs={"arn": "ARN"},
        empty=frozenset({"namePrefix"}),
        kept=frozenset({"scope"}),
        replaced_by=frozenset({"ipAddressVersion", "name", "scope"}),
        set=(Set(("addresses", "description"), Call("update_ip_set", _LOCKED), together=True),),
        delete=(Call("delete_ip_set", _LOCKED),),
        prepare=special_waf.ip_set_to_send,
        checks=(special_waf.ip_set,),
        api_checks=(special_waf.waf_scope,),
        before_delete=special_waf.refuse_used_ip_set,
    ),
    "aws:wafv2/webAcl:WebAcl": ResourceType(
        cloudformation="AWS::WAFv2::WebACL",
        service="wafv2",
        create=Call("create_web_acl"),
        id="Summary.Id",
        tagging=_WAF_TAGGING,
        autoname=AutoName(longest=128),
        read=_waf_read("get_web_acl", "WebACL"),
        fresh=_waf_fresh("get_web_acl", "WebACL"),
        outputs={"arn": "ARN"},
        empty=frozenset({"applicationIntegrationUrl", "namePrefix"}),
        kept=frozenset({"scope"}),
        replaced_by=frozenset({"name", "scope"}),
        set=(
            Set(
                (
                    "captchaConfig",
                    "challengeConfig",
                    "customResponseBodies",
                    "defaultAction",
                    "description",
                    "rules",
                    "tokenDomains",
                    "visibilityConfig",
                ),
                Call("update_web_acl", _LOCKED),
                together=True,
            ),
        ),
        delete=(Call("delete_web_acl", _LOCKED),),
        prepare=special_waf.web_acl_to_send,
        after_read=special_waf.web_acl_as_given,
        checks=(special_waf.web_acl,),
        api_checks=(special_waf.waf_scope,),
        before_delete=special_waf.refuse_used_web_acl,
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": ResourceType(
        cloudformation="AWS::WAFv2::WebACLAssociation",
        service="wafv2",
        create=Call("associate_web_acl"),
        id="{webAclArn},{resourceArn}",
        read=(Read(Call("get_web_acl_for_resource", {"ResourceArn": "{resourceArn}"}), "WebACL"),),
        outputs={"resourceArn": "{resourceArn}", "webAclArn": "ARN"},
        delete=(Call("disassociate_web_acl", {"ResourceArn": "{resourceArn}"}),),
        checks=(special_waf.regional_association,),
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ResourceType(
        cloudformation="AWS::WAFv2::LoggingConfiguration",
        service="wafv2",
        create=Call("put_logging_configuration"),
        id="{resourceArn}",
        whole="LoggingConfiguration",
        read=(
            Read(
                Call("get_logging_configuration", {"ResourceArn": "{id}"}), "LoggingConfiguration"
            ),
        ),
        replaced_by=frozenset({"logDestinationConfigs", "resourceArn"}),
        set=(
            Set(
                ("loggingFilter", "redactedFields"),
                Call("put_logging_configuration"),
                together=True,
            ),
        ),
        delete=(Call("delete_logging_configuration", {"ResourceArn": "{id}"}),),
        checks=(special_waf.waf_log_destination,),
    ),
}

_CLOUDFRONT_TAGGING: Final = Tagging(
    add=Call("tag_resource", {"Resource": "{arn}"}),
    remove=Call("untag_resource", {"Resource": "{arn}"}),
)


def _cloudfront_tags(arn: str) -> Read:
    return Read(Call("list_tags_for_resource", {"Resource": arn}), "Tags.Items", into="Tags")


def _cloudfront_arn(kind: str) -> str:
    return f"arn:aws:cloudfront::{{account}}:{kind}/{{id}}"


def _policy(kind: str, *properties: str) -> ResourceType:
    """A policy that many distributions share; AWS has it as one document with an ETag."""
    snake, noun = (
        f"{kind.lower()}_policy".replace(" ", "_"),
        f"{kind.title().replace(' ', '')}Policy",
    )
    get = Call(f"get_{snake}", {"Id": "{id}"})
    return ResourceType(
        cloudformation=f"AWS::CloudFront::{noun}",
        service="cloudfront",
        create=Call(f"create_{snake}"),
        id="{unique}",
        whole=f"{noun}Config",
        read=(
            Read(get, f"{noun}.{noun}Config"),
            Read(get, "ETag", into="etag"),
        ),
        fresh=(Read(get, "ETag", into="etag"),),
        outputs={"arn": _cloudfront_arn(snake.replace("_", "-"))},
        empty=frozenset({"etag"}),
        autoname=AutoName(longest=128),
        set=(
            Set(
                properties,
                Call(f"update_{snake}", {"Id": "{id}", "IfMatch": "{etag}"}),
                together=True,
            ),
        ),
        delete=(Call(f"delete_{snake}", {"Id": "{id}", "IfMatch": "{etag}"}),),
        prepare=special_cloudfront.policy_to_send,
        defaults=(
            {"defaultTtl": 86400, "maxTtl": 31536000, "minTtl": 0} if kind == "cache" else {}
        ),
    )


_DISTRIBUTION: Final = Call("get_distribution", {"Id": "{id}"})
_CONTROL: Final = Call("get_origin_access_control", {"Id": "{id}"})
_FUNCTION: Final = Call("describe_function", {"Name": "{name}"})

_CLOUDFRONT: Final = {
    "aws:cloudfront/distribution:Distribution": ResourceType(
        cloudformation="AWS::CloudFront::Distribution",
        service="cloudfront",
        create=Call("create_distribution", {"DistributionConfig": {"CallerReference": "{unique}"}}),
        id="Distribution.Id",
        whole="DistributionConfig",
        tagging=_CLOUDFRONT_TAGGING,
        read=(
            Read(_DISTRIBUTION, "Distribution"),
            Read(_DISTRIBUTION, "Distribution.DistributionConfig"),
            Read(_DISTRIBUTION, "ETag", into="etag"),
            _cloudfront_tags("{ARN}"),
        ),
        fresh=(
            Read(_DISTRIBUTION, "ETag", into="etag"),
            Read(_DISTRIBUTION, "Distribution.ARN", into="arn"),
            Read(_DISTRIBUTION, "Distribution.DistributionConfig", into="configNow"),
            Read(
                _DISTRIBUTION,
                "Distribution.DistributionConfig.CallerReference",
                into="callerReference",
            ),
        ),
        renames={"loggingConfig": "Logging", "orderedCacheBehaviors": "CacheBehaviors"},
        schema_renames={"isIpv6Enabled": "IPV6Enabled"},
        outputs={
            "arn": "ARN",
            # The zone of every distribution, for alias records.
            "hostedZoneId": "'Z2FDTNDATAQYW2'",
            "inProgressValidationBatches": "InProgressInvalidationBatches",
            "loggingV1Enabled": "Logging.Enabled || `false`",
        },
        empty=frozenset({"continuousDeploymentPolicyId", "trustedKeyGroups", "trustedSigners"}),
        defaults={
            "httpVersion": "http2",
            "isIpv6Enabled": False,
            "priceClass": "PriceClass_All",
            "retainOnDelete": False,
            "staging": False,
            "waitForDeployment": True,
        },
        replaced_by=frozenset({"staging"}),
        set=(
            Set(
                (
                    "aliases",
                    "comment",
                    "customErrorResponses",
                    "defaultCacheBehavior",
                    "defaultRootObject",
                    "enabled",
                    "httpVersion",
                    "isIpv6Enabled",
                    "loggingConfig",
                    "orderedCacheBehaviors",
                    "originGroups",
                    "origins",
                    "priceClass",
                    "restrictions",
                    "viewerCertificate",
                    "webAclId",
                ),
                Call(
                    "update_distribution",
                    {
                        "Id": "{id}",
                        "IfMatch": "{etag}",
                        "DistributionConfig": {"CallerReference": "{callerReference}"},
                    },
                ),
                together=True,
                parameters=special_cloudfront.distribution_config,
            ),
        ),
        delete=(
            Call("update_distribution", {"Id": "{id}", "IfMatch": "{etag}"}),
            Call("delete_distribution", {"Id": "{id}", "IfMatch": "{etag}"}),
        ),
        delete_parameters=special_cloudfront.disabled_distribution,
        handled=frozenset({"retainOnDelete", "waitForDeployment"}),
        kept=frozenset({"retainOnDelete", "waitForDeployment"}),
        prepare=special_cloudfront.distribution_to_send,
        parameters=special_cloudfront.distribution_config,
        after_read=special_cloudfront.distribution_as_given,
        checks=(special_cloudfront.distribution,),
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": ResourceType(
        cloudformation="AWS::CloudFront::OriginAccessControl",
        service="cloudfront",
        create=Call("create_origin_access_control"),
        id="OriginAccessControl.Id",
        whole="OriginAccessControlConfig",
        autoname=AutoName(longest=64),
        defaults={"description": "Managed by Pulumi"},
        read=(
            Read(_CONTROL, "OriginAccessControl.OriginAccessControlConfig"),
            Read(_CONTROL, "ETag", into="etag"),
        ),
        fresh=(Read(_CONTROL, "ETag", into="etag"),),
        outputs={"arn": _cloudfront_arn("origin-access-control")},
        set=(
            Set(
                (
                    "description",
                    "name",
                    "originAccessControlOriginType",
                    "signingBehavior",
                    "signingProtocol",
                ),
                Call("update_origin_access_control", {"Id": "{id}", "IfMatch": "{etag}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_origin_access_control", {"Id": "{id}", "IfMatch": "{etag}"}),),
        before_delete=special_cloudfront.refuse_used_origin_access_control,
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _policy(
        "response headers",
        "comment",
        "corsConfig",
        "customHeadersConfig",
        "name",
        "removeHeadersConfig",
        "securityHeadersConfig",
        "serverTimingHeadersConfig",
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": _policy(
        "cache",
        "comment",
        "defaultTtl",
        "maxTtl",
        "minTtl",
        "name",
        "parametersInCacheKeyAndForwardedToOrigin",
    ),
    "aws:cloudfront/function:Function": ResourceType(
        cloudformation="AWS::CloudFront::Function",
        service="cloudfront",
        create=Call("create_function"),
        id="{name}",
        tagging=_CLOUDFRONT_TAGGING,
        autoname=AutoName(longest=64),
        renames={"code": "FunctionCode"},
        schema_renames={"publish": "AutoPublish"},
        defaults={"publish": True},
        read=(
            Read(_FUNCTION, "FunctionSummary"),
            Read(_FUNCTION, "ETag", into="etag"),
            _cloudfront_tags(_cloudfront_arn("function")),
        ),
        fresh=(
            Read(_FUNCTION, "ETag", into="etag"),
            Read(_FUNCTION, "FunctionSummary.FunctionMetadata.FunctionARN", into="arn"),
        ),
        outputs={
            "arn": "FunctionMetadata.FunctionARN",
            "comment": "FunctionConfig.Comment",
            "liveStageEtag": "etag",
            "runtime": "FunctionConfig.Runtime",
        },
        replaced_by=frozenset({"name"}),
        set=(
            Set(
                ("code", "comment", "runtime"),
                Call("update_function", {"Name": "{id}", "IfMatch": "{etag}"}),
                together=True,
                parameters=special_cloudfront.function_to_send,
            ),
        ),
        delete=(Call("delete_function", {"Name": "{id}", "IfMatch": "{etag}"}),),
        prepare=special_cloudfront.function_for_schema,
        parameters=special_cloudfront.function_to_send,
        handled=frozenset({"publish"}),
        kept=frozenset({"code", "publish"}),
    ),
}

ROWS: Final = {**_DNS, **_CERTIFICATES, **_WAF, **_CLOUDFRONT}
