"""DNS, certificates, WAF and CloudFront as a platform builds them, for tests of the table."""

from typing import Any

from local.providers.aws.rows import Call
from tests.local.aws.build import Stack

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
IP_SET = "aws:wafv2/ipSet:IpSet"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
WAF_LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ACCESS_CONTROL = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS_POLICY = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
CACHE_POLICY = "aws:cloudfront/cachePolicy:CachePolicy"
FUNCTION = "aws:cloudfront/function:Function"

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
METHODS = ["GET", "HEAD"]


def seen(name: str) -> dict[str, Any]:
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}


def managed(name: str, priority: int, **override: Any) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "statement": {"managedRuleGroupStatement": {"name": name, "vendorName": "AWS", **override}},
        "overrideAction": {"none": {}},
        "visibilityConfig": seen(name),
    }


def blocking(name: str, priority: int, statement: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "statement": statement,
        "action": {"block": {}},
        "visibilityConfig": seen(name),
    }


def build_edge(stack: Stack, suffix: str) -> None:
    domain = f"{suffix}.aussie-markets.com"
    zone, _ = stack.create(ZONE, "zone", name=domain)
    regional = _certificate(stack, zone, f"api.{domain}")
    # Of the same name, and so with the same validation record.
    elsewhere, _ = stack.create(
        CERTIFICATE, "edge", region="us-east-1", domainName=f"api.{domain}", validationMethod="DNS"
    )
    stack.create(VALIDATION, "edge", region="us-east-1", certificateArn=elsewhere)
    acl = _web_acl(stack, suffix)
    _association(stack, suffix, acl)
    distribution = _distribution(stack, suffix, elsewhere, f"api.{domain}")
    _records(stack, zone, domain, distribution)
    assert regional != elsewhere


def _certificate(stack: Stack, zone: str, name: str) -> str:
    certificate, outputs = stack.create(
        CERTIFICATE,
        "regional",
        domainName=name,
        subjectAlternativeNames=[f"*.{name}"],
        validationMethod="DNS",
        keyAlgorithm="EC_prime256v1",
        options={"certificateTransparencyLoggingPreference": "ENABLED"},
    )
    option = outputs["domainValidationOptions"][0]
    _, record = stack.create(
        RECORD,
        "validation",
        zoneId=zone,
        name=option["resourceRecordName"].removesuffix("."),
        type=option["resourceRecordType"],
        records=[option["resourceRecordValue"]],
        ttl=60,
        allowOverwrite=True,
    )
    stack.create(
        VALIDATION,
        "regional",
        certificateArn=certificate,
        validationRecordFqdns=[record["fqdn"]],
    )
    return certificate


def _web_acl(stack: Stack, suffix: str) -> str:
    _, ipv4 = stack.create(
        IP_SET,
        "blocked",
        name=f"blocked-{suffix}",
        description="blocked addresses",
        scope="REGIONAL",
        ipAddressVersion="IPV4",
        addresses=["192.0.2.1/32", "198.51.100.0/24"],
    )
    _, ipv6 = stack.create(IP_SET, "blocked-6", scope="REGIONAL", ipAddressVersion="IPV6")
    _, acl = stack.create(
        WEB_ACL,
        f"acl-{suffix}",
        description="the API",
        scope="REGIONAL",
        defaultAction={"allow": {}},
        customResponseBodies=[
            {"key": "blocked", "content": '{"error":"blocked"}', "contentType": "APPLICATION_JSON"}
        ],
        tokenDomains=["aussie-markets.com"],
        captchaConfig={"immunityTimeProperty": {"immunityTime": 300}},
        challengeConfig={"immunityTimeProperty": {"immunityTime": 300}},
        rules=[
            blocking("ipv4", 0, {"ipSetReferenceStatement": {"arn": ipv4["arn"]}}),
            {
                **blocking("ipv6", 1, {"ipSetReferenceStatement": {"arn": ipv6["arn"]}}),
                "action": {
                    "block": {
                        "customResponse": {
                            "responseCode": 403,
                            "customResponseBodyKey": "blocked",
                            "responseHeaders": [{"name": "x-blocked", "value": "1"}],
                        }
                    }
                },
                "ruleLabels": [{"name": "blocked"}],
            },
            blocking(
                "rate",
                2,
                {
                    "rateBasedStatement": {
                        "limit": 2000,
                        "aggregateKeyType": "IP",
                        "evaluationWindowSec": 300,
                        "scopeDownStatement": {
                            "notStatement": {
                                "statement": {
                                    "byteMatchStatement": {
                                        "fieldToMatch": {"uriPath": {}},
                                        "positionalConstraint": "EXACTLY",
                                        "searchString": "/health",
                                        "textTransformations": [{"priority": 0, "type": "NONE"}],
                                    }
                                }
                            }
                        },
                    }
                },
            ),
            managed(
                "AWSManagedRulesCommonRuleSet",
                10,
                ruleActionOverrides=[
                    {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}
                ],
            ),
            {
                **managed("AWSManagedRulesKnownBadInputsRuleSet", 11),
                "overrideAction": {"count": {}},
            },
        ],
        visibilityConfig=seen("acl"),
    )
    stack.create(
        WAF_LOGGING,
        "logs",
        resourceArn=acl["arn"],
        logDestinationConfigs=[
            f"arn:aws:logs:ap-southeast-2:123456789012:log-group:aws-waf-logs-{suffix}"
        ],
        redactedFields=[{"singleHeader": {"name": "authorization"}}, {"queryString": {}}],
        loggingFilter={
            "defaultBehavior": "DROP",
            "filters": [
                {
                    "behavior": "KEEP",
                    "requirement": "MEETS_ANY",
                    "conditions": [
                        {"actionCondition": {"action": "BLOCK"}},
                        {"labelNameCondition": {"labelName": "awswaf:blocked"}},
                    ],
                }
            ],
        },
    )
    return str(acl["arn"])


def _association(stack: Stack, suffix: str, acl: str) -> None:
    balancer = f"arn:aws:elasticloadbalancing:ap-southeast-2:123456789012:loadbalancer/app/{suffix}"
    stack.create(ASSOCIATION, "api", webAclArn=acl, resourceArn=f"{balancer}/0123456789abcdef")


def _distribution(stack: Stack, suffix: str, certificate: str, alias: str) -> dict[str, Any]:
    _, acl = stack.create(
        WEB_ACL,
        f"edge-{suffix}",
        region="us-east-1",
        scope="CLOUDFRONT",
        defaultAction={"block": {}},
        visibilityConfig=seen("edge"),
    )
    control, _ = stack.create(
        ACCESS_CONTROL,
        f"assets-{suffix}",
        originAccessControlOriginType="s3",
        signingBehavior="always",
        signingProtocol="sigv4",
    )
    headers, _ = stack.create(
        HEADERS_POLICY,
        "headers",
        comment="security headers",
        corsConfig={
            "accessControlAllowCredentials": False,
            "accessControlAllowHeaders": {"items": ["*"]},
            "accessControlAllowMethods": {"items": ["GET"]},
            "accessControlAllowOrigins": {"items": ["https://aussie-markets.com"]},
            "originOverride": True,
        },
        customHeadersConfig={"items": [{"header": "x-a", "override": True, "value": "b"}]},
        removeHeadersConfig={"items": [{"header": "server"}]},
        securityHeadersConfig={
            "contentSecurityPolicy": {
                "contentSecurityPolicy": "default-src 'self'",
                "override": True,
            },
            "contentTypeOptions": {"override": True},
            "frameOptions": {"frameOption": "DENY", "override": True},
            "referrerPolicy": {"referrerPolicy": "no-referrer", "override": True},
            "strictTransportSecurity": {
                "accessControlMaxAgeSec": 63072000,
                "includeSubdomains": True,
                "preload": True,
                "override": True,
            },
        },
    )
    cache, _ = stack.create(
        CACHE_POLICY,
        "cache",
        comment="assets",
        defaultTtl=60,
        parametersInCacheKeyAndForwardedToOrigin={
            "cookiesConfig": {"cookieBehavior": "none"},
            "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["origin"]}},
            "queryStringsConfig": {"queryStringBehavior": "none"},
            "enableAcceptEncodingGzip": True,
        },
    )
    _, function = stack.create(
        FUNCTION,
        f"index-{suffix}",
        code="function handler(event) { return event.request; }",
        comment="index documents",
        runtime="cloudfront-js-2.0",
    )
    behavior = {
        "allowedMethods": METHODS,
        "cachedMethods": METHODS,
        "cachePolicyId": CACHING_OPTIMIZED,
        "compress": True,
        "responseHeadersPolicyId": headers,
        "targetOriginId": "assets",
        "viewerProtocolPolicy": "redirect-to-https",
    }
    _, distribution = stack.create(
        DISTRIBUTION,
        "assets",
        aliases=[alias],
        comment="assets",
        customErrorResponses=[
            {
                "errorCode": 404,
                "errorCachingMinTtl": 10,
                "responseCode": 200,
                "responsePagePath": "/index.html",
            }
        ],
        defaultCacheBehavior={
            **behavior,
            "functionAssociations": [
                {"eventType": "viewer-request", "functionArn": function["arn"]}
            ],
        },
        defaultRootObject="index.html",
        enabled=True,
        isIpv6Enabled=True,
        httpVersion="http2and3",
        loggingConfig={"bucket": f"logs-{suffix}.s3.amazonaws.com", "prefix": "assets/"},
        orderedCacheBehaviors=[
            {**behavior, "pathPattern": "/static/*", "cachePolicyId": cache},
        ],
        originGroups=[
            {
                "originId": "both",
                "failoverCriteria": {"statusCodes": [500, 502, 503, 504]},
                "members": [{"originId": "assets"}, {"originId": "second"}],
            }
        ],
        origins=[
            {
                "originId": "assets",
                "domainName": f"assets-{suffix}.s3.ap-southeast-2.amazonaws.com",
                "originAccessControlId": control,
                "originPath": "/site",
                "customHeaders": [{"name": "x-origin", "value": "first"}],
            },
            {
                "originId": "second",
                "domainName": f"assets2-{suffix}.s3.ap-southeast-4.amazonaws.com",
                "originAccessControlId": control,
                "originShield": {"enabled": True, "originShieldRegion": "ap-southeast-2"},
            },
            {
                "originId": "api",
                "domainName": "api.aussie-markets.com",
                "customOriginConfig": {
                    "httpPort": 80,
                    "httpsPort": 443,
                    "originProtocolPolicy": "https-only",
                    "originSslProtocols": ["TLSv1.2"],
                    "originReadTimeout": 30,
                    "originKeepaliveTimeout": 5,
                },
            },
        ],
        priceClass="PriceClass_All",
        restrictions={
            "geoRestriction": {"restrictionType": "whitelist", "locations": ["AU", "NZ"]}
        },
        viewerCertificate={
            "acmCertificateArn": certificate,
            "minimumProtocolVersion": "TLSv1.2_2021",
            "sslSupportMethod": "sni-only",
        },
        webAclId=acl["arn"],
        waitForDeployment=False,
    )
    return distribution


def _records(stack: Stack, zone: str, domain: str, distribution: dict[str, Any]) -> None:
    check, _ = stack.create(
        HEALTH_CHECK,
        "api",
        type="HTTPS",
        fqdn=f"api.{domain}",
        port=443,
        resourcePath="/health",
        requestInterval=30,
        failureThreshold=3,
        measureLatency=True,
        enableSni=True,
        invertHealthcheck=False,
        disabled=False,
        regions=["us-east-1", "us-west-2", "ap-southeast-2"],
    )
    stack.create(
        HEALTH_CHECK,
        "all",
        type="CALCULATED",
        childHealthThreshold=1,
        childHealthchecks=[check],
    )
    balancer = {"name": "api-1.ap-southeast-2.elb.amazonaws.com", "zoneId": "Z1GM3OXH4ZPM65"}
    for kind in ("A", "AAAA"):
        stack.create(
            RECORD,
            f"primary-{kind}",
            zoneId=zone,
            name=f"api.{domain}",
            type=kind,
            aliases=[{**balancer, "evaluateTargetHealth": True}],
            failoverRoutingPolicies=[{"type": "PRIMARY"}],
            setIdentifier="primary",
            healthCheckId=check,
        )
        stack.create(
            RECORD,
            f"secondary-{kind}",
            zoneId=zone,
            name=f"api.{domain}",
            type=kind,
            aliases=[
                {
                    "name": distribution["domainName"],
                    "zoneId": distribution["hostedZoneId"],
                    "evaluateTargetHealth": False,
                }
            ],
            failoverRoutingPolicies=[{"type": "SECONDARY"}],
            setIdentifier="secondary",
        )
    stack.create(
        RECORD,
        "weighted",
        zoneId=zone,
        name=f"w.{domain}",
        type="CNAME",
        records=["target.example.com"],
        ttl=300,
        weightedRoutingPolicies=[{"weight": 10}],
        setIdentifier="one",
    )
    stack.create(
        RECORD,
        "latency",
        zoneId=zone,
        name=f"l.{domain}",
        type="A",
        records=["192.0.2.1"],
        ttl=300,
        latencyRoutingPolicies=[{"region": "ap-southeast-2"}],
        setIdentifier="sydney",
    )
    stack.create(
        RECORD,
        "text",
        zoneId=zone,
        name=domain,
        type="TXT",
        records=["v=spf1 -all"],
        ttl=300,
    )


def change_addresses(stack: Stack, index: int, *addresses: str) -> None:
    """What a runbook does to an IP set."""
    operations, set_id, inputs = stack.created[index]
    which = {"Id": set_id, "Name": inputs["name"], "Scope": inputs["scope"]}
    token = operations.api.call("wafv2", Call("get_ip_set"), {}, which)["LockToken"]
    change = {**which, "LockToken": token, "Addresses": list(addresses)}
    operations.api.call("wafv2", Call("update_ip_set"), {}, change)
