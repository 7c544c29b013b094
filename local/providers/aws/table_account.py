"""The rows of what an account has once; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special, special_account
from local.providers.aws.rows import NO_SCHEMA, AutoName, Call, Read, ResourceType, Set, Tagging

_REPOSITORY_ARN: Final = "arn:aws:ecr:{region}:{account}:repository/{name}"
_REPOSITORY: Final = {"repositoryName": "{repository}"}

_REGISTRY: Final = {
    "aws:ecr/repository:Repository": ResourceType(
        cloudformation="AWS::ECR::Repository",
        service="ecr",
        create=Call("create_repository"),
        id="{name}",
        tagging=Tagging(
            add=Call("tag_resource", {"resourceArn": _REPOSITORY_ARN}),
            remove=Call("untag_resource", {"resourceArn": _REPOSITORY_ARN}),
        ),
        autoname=AutoName(longest=256, lower=True),
        defaults={"imageTagMutability": "MUTABLE"},
        read=(
            Read(Call("describe_repositories", {"repositoryNames": ["{id}"]}), "repositories[0]"),
            Read(
                Call(
                    "list_tags_for_resource",
                    {"resourceArn": "arn:aws:ecr:{region}:{account}:repository/{id}"},
                ),
                "tags",
                into="tags",
            ),
        ),
        outputs={"arn": "repositoryArn", "repositoryUrl": "repositoryUri"},
        replaced_by=frozenset({"encryptionConfigurations", "name"}),
        set=(
            Set(
                ("imageTagMutability", "imageTagMutabilityExclusionFilters"),
                Call("put_image_tag_mutability", {"repositoryName": "{id}"}),
                together=True,
            ),
            Set(
                ("imageScanningConfiguration",),
                Call("put_image_scanning_configuration", {"repositoryName": "{id}"}),
            ),
        ),
        delete=(Call("delete_repository", {"repositoryName": "{id}"}),),
        delete_parameters=special_account.forced_deletion,
        handled=frozenset({"forceDelete"}),
        kept=frozenset({"forceDelete"}),
        prepare=special_account.repository_to_send,
        after_read=special_account.repository_as_given,
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ResourceType(
        cloudformation=NO_SCHEMA,
        service="ecr",
        create=Call("put_lifecycle_policy"),
        id="{repository}",
        renames={"policy": "lifecyclePolicyText", "repository": "repositoryName"},
        read=(Read(Call("get_lifecycle_policy", {"repositoryName": "{id}"}), "@"),),
        outputs={"registryId": "{account}"},
        replaced_by=frozenset({"policy", "repository"}),
        # A repository has one: the old one's deletion would be the new one's.
        delete_before_replace=True,
        delete=(Call("delete_lifecycle_policy", _REPOSITORY),),
        after_read=special_account.lifecycle_policy_as_given,
        checks=(special_account.lifecycle_policy,),
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ResourceType(
        cloudformation=NO_SCHEMA,
        service="ecr",
        create=Call("set_repository_policy"),
        id="{repository}",
        renames={"policy": "policyText", "repository": "repositoryName"},
        read=(Read(Call("get_repository_policy", {"repositoryName": "{id}"}), "@"),),
        outputs={"registryId": "{account}"},
        replaced_by=frozenset({"repository"}),
        set=(Set(("policy",), Call("set_repository_policy", _REPOSITORY)),),
        delete=(Call("delete_repository_policy", _REPOSITORY),),
        checks=(special_account.repository_policy,),
    ),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": ResourceType(
        cloudformation="AWS::ECR::RegistryScanningConfiguration",
        service="ecr",
        create=Call("put_registry_scanning_configuration"),
        id="{account}",
        read=(
            Read(Call("get_registry_scanning_configuration"), "scanningConfiguration"),
            Read(Call("get_registry_scanning_configuration"), "registryId", into="registryId"),
        ),
        set=(
            Set(
                ("rules", "scanType"),
                Call("put_registry_scanning_configuration"),
                together=True,
            ),
        ),
        prepare=special_account.scanning_to_send,
        checks=(special_account.scanning,),
        clear=special_account.scan_nothing,
    ),
}

_ROLES_OF_SERVICES: Final = Call("list_roles", {"PathPrefix": "/aws-service-role/"})
_ONE_ROLE: Final = "Roles[?Arn=='{id}'] | [0]"

_IDENTITY: Final = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ResourceType(
        cloudformation="AWS::IAM::OIDCProvider",
        service="iam",
        create=Call("create_open_id_connect_provider"),
        id="OpenIDConnectProviderArn",
        tagging=Tagging(
            add=Call("tag_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}),
            remove=Call("untag_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}),
        ),
        read=(
            Read(
                Call("get_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}),
                "{{Url: Url, ClientIDList: ClientIDList, ThumbprintList: ThumbprintList,"
                " Tags: Tags}}",
            ),
        ),
        outputs={"arn": "{id}"},
        replaced_by=frozenset({"url"}),
        set=(
            Set(
                ("thumbprintLists",),
                Call(
                    "update_open_id_connect_provider_thumbprint",
                    {"OpenIDConnectProviderArn": "{id}"},
                ),
            ),
        ),
        delete=(Call("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}),),
        after_read=special_account.provider_as_given,
        checks=(special_account.identity_provider,),
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": ResourceType(
        cloudformation="AWS::IAM::ServiceLinkedRole",
        service="iam",
        create=Call("create_service_linked_role"),
        id="Role.Arn",
        tagging=Tagging(
            add=Call("tag_role", {"RoleName": "{roleName}"}),
            remove=Call("untag_role", {"RoleName": "{roleName}"}),
        ),
        read=(
            Read(_ROLES_OF_SERVICES, _ONE_ROLE),
            Read(Call("list_role_tags", {"RoleName": "{RoleName}"}), "Tags", into="Tags"),
        ),
        fresh=(Read(_ROLES_OF_SERVICES, "Roles[?Arn=='{id}'].RoleName | [0]", into="roleName"),),
        outputs={"name": "RoleName", "uniqueId": "RoleId"},
        kept=frozenset({"customSuffix"}),
        set=(Set(("description",), Call("update_role", {"RoleName": "{roleName}"})),),
        delete=(Call("delete_service_linked_role", {"RoleName": "{roleName}"}),),
        after_read=special_account.linked_role_as_given,
    ),
    "aws:iam/accountPasswordPolicy:AccountPasswordPolicy": ResourceType(
        cloudformation=NO_SCHEMA,
        service="iam",
        create=Call("update_account_password_policy"),
        id="'iam-account-password-policy'",
        defaults={"allowUsersToChangePassword": True, "minimumPasswordLength": 6},
        read=(Read(Call("get_account_password_policy"), "PasswordPolicy"),),
        empty=frozenset({"expirePasswords"}),
        set=(
            Set(
                special_account.PASSWORD_PROPERTIES,
                Call("update_account_password_policy"),
                together=True,
            ),
        ),
        replaced_by=frozenset(),
        delete=(Call("delete_account_password_policy"),),
        checks=(special_account.password_policy,),
    ),
}

_DETECTOR_ARN: Final = "arn:aws:guardduty:{region}:{account}:detector/{id}"
_TRAIL: Final = Call("get_trail", {"Name": "{id}"})
_SELECTORS: Final = Call("get_event_selectors", {"TrailName": "{id}"})

_WATCH: Final = {
    "aws:guardduty/detector:Detector": ResourceType(
        cloudformation="AWS::GuardDuty::Detector",
        service="guardduty",
        create=Call("create_detector"),
        id="DetectorId",
        tagging=Tagging(
            add=Call("tag_resource", {"ResourceArn": _DETECTOR_ARN}),
            remove=Call("untag_resource", {"ResourceArn": _DETECTOR_ARN}),
        ),
        defaults={"enable": True},
        read=(Read(Call("get_detector", {"DetectorId": "{id}"}), "@"),),
        outputs={
            "accountId": "{account}",
            "arn": _DETECTOR_ARN,
            "enable": "Status=='ENABLED'",
        },
        set=(
            *(
                Set((name,), Call("update_detector", {"DetectorId": "{id}"}))
                for name in ("enable", "findingPublishingFrequency")
            ),
        ),
        delete=(Call("delete_detector", {"DetectorId": "{id}"}),),
        alone=special_account.refuse_second_detector,
    ),
    "aws:guardduty/detectorFeature:DetectorFeature": ResourceType(
        cloudformation=NO_SCHEMA,
        service="guardduty",
        create=Call("update_detector", {"DetectorId": "{detectorId}"}),
        id="{detectorId}/{name}",
        read=(
            Read(
                Call("get_detector", {"DetectorId": "{detectorId}"}),
                "Features[?Name=='{name}'] | [0]",
            ),
        ),
        outputs={"detectorId": "{detectorId}"},
        replaced_by=frozenset({"detectorId", "name"}),
        set=(
            Set(
                ("additionalConfigurations", "status"),
                Call("update_detector", {"DetectorId": "{detectorId}"}),
                parameters=special_account.detector_feature,
            ),
        ),
        parameters=special_account.detector_feature,
        handled=frozenset({"name"}),
        checks=(special_account.feature,),
    ),
    "aws:cloudtrail/trail:Trail": ResourceType(
        cloudformation="AWS::CloudTrail::Trail",
        service="cloudtrail",
        create=Call("create_trail"),
        id="TrailARN",
        tagging=Tagging(
            add=Call("add_tags", {"ResourceId": "{id}"}),
            remove=Call("remove_tags", {"ResourceId": "{id}"}),
            add_member="TagsList",
            remove_member="TagsList",
        ),
        autoname=AutoName(longest=128),
        renames={"cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn"},
        schema_renames={"enableLogging": "IsLogging"},
        defaults={
            "enableLogFileValidation": False,
            "enableLogging": True,
            "includeGlobalServiceEvents": True,
            "isMultiRegionTrail": False,
            "isOrganizationTrail": False,
        },
        read=(
            Read(_TRAIL, "Trail"),
            Read(Call("get_trail_status", {"Name": "{id}"}), "IsLogging", into="enableLogging"),
            Read(_SELECTORS, "EventSelectors", into="EventSelectors"),
            Read(_SELECTORS, "AdvancedEventSelectors", into="AdvancedEventSelectors"),
            Read(
                Call("get_insight_selectors", {"TrailName": "{id}"}),
                "InsightSelectors",
                into="InsightSelectors",
            ),
            Read(
                Call("list_tags", {"ResourceIdList": ["{id}"]}),
                "ResourceTagList[0].TagsList",
                into="Tags",
            ),
        ),
        outputs={
            "arn": "TrailARN",
            "enableLogFileValidation": "LogFileValidationEnabled",
            "homeRegion": "{region}",
            "snsTopicArn": "SnsTopicARN || ''",
        },
        replaced_by=frozenset({"name"}),
        set=(
            Set(("eventSelectors",), Call("put_event_selectors", {"TrailName": "{id}"})),
            Set(("advancedEventSelectors",), Call("put_event_selectors", {"TrailName": "{id}"})),
            Set(("insightSelectors",), Call("put_insight_selectors", {"TrailName": "{id}"})),
            *(
                Set((name,), Call("update_trail", {"Name": "{id}"}))
                for name in (
                    "enableLogFileValidation",
                    "includeGlobalServiceEvents",
                    "isMultiRegionTrail",
                    "kmsKeyId",
                    "s3BucketName",
                    "s3KeyPrefix",
                    "snsTopicName",
                )
            ),
            Set(
                ("cloudWatchLogsGroupArn", "cloudWatchLogsRoleArn"),
                Call("update_trail", {"Name": "{id}"}),
                together=True,
            ),
            # Last, so that a trail never logs with half of its settings.
            Set(
                ("enableLogging",),
                Call("start_logging", {"Name": "{id}"}),
                unset=Call("stop_logging", {"Name": "{id}"}),
                toggle=True,
            ),
        ),
        delete=(Call("delete_trail", {"Name": "{name}"}),),
        checks=(special_account.trail,),
        before_create=special_account.trail_is_admitted,
    ),
    "aws:accessanalyzer/analyzer:Analyzer": ResourceType(
        cloudformation="AWS::AccessAnalyzer::Analyzer",
        service="accessanalyzer",
        create=Call("create_analyzer"),
        id="{analyzerName}",
        tagging=Tagging(
            add=Call("tag_resource", {"resourceArn": "{arn}"}),
            remove=Call("untag_resource", {"resourceArn": "{arn}"}),
        ),
        defaults={"type": "ACCOUNT"},
        read=(Read(Call("get_analyzer", {"analyzerName": "{id}"}), "analyzer"),),
        outputs={"arn": "arn:aws:access-analyzer:{region}:{account}:analyzer/{id}"},
        replaced_by=frozenset({"analyzerName", "type"}),
        delete=(Call("delete_analyzer", {"analyzerName": "{id}"}),),
    ),
    "aws:budgets/budget:Budget": ResourceType(
        cloudformation="AWS::Budgets::Budget",
        service="budgets",
        create=Call("create_budget", {"AccountId": "{account}"}),
        id="{account}:{name}",
        whole="Budget",
        tagging=Tagging(
            add=Call("tag_resource", {"ResourceARN": "{arn}"}),
            remove=Call("untag_resource", {"ResourceARN": "{arn}"}),
            add_member="ResourceTags",
            remove_member="ResourceTagKeys",
        ),
        autoname=AutoName(longest=100),
        read=(
            Read(
                Call("describe_budget", {"AccountId": "{account}", "BudgetName": "{name}"}),
                "Budget",
            ),
        ),
        outputs={
            "accountId": "{account}",
            "arn": "arn:aws:budgets::{account}:budget/{name}",
        },
        empty=frozenset({"costFilters", "namePrefix"}),
        replaced_by=frozenset({"name"}),
        # The emulator cannot change a budget, so that it is made again under its name.
        set=(
            Set(
                special_account.BUDGET_PROPERTIES,
                Call("delete_budget", {"AccountId": "{account}", "BudgetName": "{name}"}),
                parameters=special.nothing,
            ),
            Set(
                special_account.BUDGET_PROPERTIES,
                Call("create_budget", {"AccountId": "{account}"}),
                parameters=special_account.budget_to_send,
            ),
        ),
        delete=(Call("delete_budget", {"AccountId": "{account}", "BudgetName": "{name}"}),),
        handled=frozenset({"name"}),
        prepare=special_account.budget_for_schema,
        parameters=special_account.budget_to_send,
        after_read=special_account.budget_as_given,
        checks=(special_account.budget,),
    ),
}

_KEY: Final = {"KeyId": "{id}"}

_KEYS: Final = {
    "aws:kms/replicaKey:ReplicaKey": ResourceType(
        cloudformation="AWS::KMS::ReplicaKey",
        service="kms",
        create=Call(
            "replicate_key",
            {"ReplicaRegion": "{region}"},
            in_region=special_account.region_of_primary,
        ),
        id="ReplicaKeyMetadata.KeyId",
        tagging=Tagging(add=Call("tag_resource", _KEY), remove=Call("untag_resource", _KEY)),
        schema_renames={"deletionWindowInDays": "PendingWindowInDays", "policy": "KeyPolicy"},
        read=(
            Read(
                Call("describe_key", _KEY),
                "KeyMetadata.[@] | [?KeyState!='PendingDeletion'] | [0]",
            ),
            Read(
                Call("get_key_policy", {**_KEY, "PolicyName": "default"}), "Policy", into="policy"
            ),
            Read(
                Call("get_key_rotation_status", _KEY),
                "KeyRotationEnabled",
                into="keyRotationEnabled",
            ),
            Read(Call("list_resource_tags", _KEY), "Tags", into="Tags"),
        ),
        outputs={
            "keyUsage": "KeyUsage || 'ENCRYPT_DECRYPT'",
            "primaryKeyArn": "MultiRegionConfiguration.PrimaryKey.Arn",
        },
        defaults={"deletionWindowInDays": 30, "enabled": True},
        set=(
            Set(("description",), Call("update_key_description", _KEY)),
            Set(("policy",), Call("put_key_policy", {**_KEY, "PolicyName": "default"})),
            Set(
                ("enabled",),
                Call("enable_key", _KEY),
                unset=Call("disable_key", _KEY),
                toggle=True,
            ),
        ),
        delete=(
            Call(
                "schedule_key_deletion", {**_KEY, "PendingWindowInDays": "{deletionWindowInDays}"}
            ),
        ),
        handled=frozenset({"deletionWindowInDays", "primaryKeyArn"}),
        kept=frozenset({"bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"}),
        replaced_by=frozenset({"primaryKeyArn"}),
        prepare=special_account.replica_for_schema,
        parameters=special_account.replica_key,
        after_create=special_account.give_replica_its_own,
        checks=(special.key_administrators, special_account.primary_key),
        alone=special_account.refuse_replica_in_its_primarys_region,
    ),
    "aws:kms/keyPolicy:KeyPolicy": ResourceType(
        cloudformation=NO_SCHEMA,
        service="kms",
        create=Call("put_key_policy", {"PolicyName": "default"}),
        id="{keyId}",
        read=(Read(Call("get_key_policy", {**_KEY, "PolicyName": "default"}), "@"),),
        outputs={"keyId": "{keyId}"},
        replaced_by=frozenset({"keyId"}),
        kept=frozenset({"bypassPolicyLockoutSafetyCheck"}),
        set=(Set(("policy",), Call("put_key_policy", {**_KEY, "PolicyName": "default"})),),
        handled=frozenset({"bypassPolicyLockoutSafetyCheck"}),
        checks=(special.key_administrators,),
        clear=special_account.default_key_policy,
    ),
}

_SETTINGS: Final = {
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": ResourceType(
        cloudformation=NO_SCHEMA,
        service="s3control",
        create=Call("put_public_access_block", {"AccountId": "{account}"}),
        id="{account}",
        whole="PublicAccessBlockConfiguration",
        defaults=dict.fromkeys(special_account.PUBLIC_ACCESS_PROPERTIES, False),
        read=(
            Read(
                Call("get_public_access_block", {"AccountId": "{account}"}),
                "PublicAccessBlockConfiguration",
            ),
        ),
        outputs={"accountId": "{account}"},
        replaced_by=frozenset({"accountId"}),
        set=(
            Set(
                special_account.PUBLIC_ACCESS_PROPERTIES,
                Call("put_public_access_block", {"AccountId": "{account}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_public_access_block", {"AccountId": "{account}"}),),
    ),
    "aws:ebs/encryptionByDefault:EncryptionByDefault": ResourceType(
        cloudformation=NO_SCHEMA,
        service="ec2",
        create=Call("get_ebs_encryption_by_default"),
        id="{region}",
        defaults={"enabled": True},
        read=(Read(Call("get_ebs_encryption_by_default"), "@"),),
        outputs={"enabled": "EbsEncryptionByDefault"},
        set=(
            Set(
                ("enabled",),
                Call("enable_ebs_encryption_by_default"),
                unset=Call("disable_ebs_encryption_by_default"),
                toggle=True,
            ),
        ),
        clear=special_account.no_encryption_by_default,
    ),
}

ROWS: Final = {**_REGISTRY, **_IDENTITY, **_WATCH, **_KEYS, **_SETTINGS}
