"""What the account's stack builds, for tests of the table."""

import json

from local.providers.aws.rows import Call
from tests.local.aws.build import KEY, ROLE, ROOT, Stack, document, trust

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
LINKED_ROLE = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
PASSWORDS = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
DETECTOR = "aws:guardduty/detector:Detector"
FEATURE = "aws:guardduty/detectorFeature:DetectorFeature"
TRAIL = "aws:cloudtrail/trail:Trail"
ANALYZER = "aws:accessanalyzer/analyzer:Analyzer"
BUDGET = "aws:budgets/budget:Budget"
REPLICA_KEY = "aws:kms/replicaKey:ReplicaKey"
KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"
PUBLIC_ACCESS = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
EBS = "aws:ebs/encryptionByDefault:EncryptionByDefault"

FOR_TRAIL = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudtrail.amazonaws.com"},
    "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
    "Resource": "*",
}


def expire(priority: int, status: str, **selection: object) -> dict[str, object]:
    count = {"countType": "imageCountMoreThan", "countNumber": 50}
    return {
        "rulePriority": priority,
        "selection": {"tagStatus": status, **count, **selection},
        "action": {"type": "expire"},
    }


def lifecycle(*rules: dict[str, object]) -> str:
    return json.dumps({"rules": list(rules)})


def log_bucket(stack: Stack, name: str, *actions: str) -> str:
    """A bucket whose policy allows CloudTrail `actions`."""
    s3 = stack.operations(REPOSITORY).api
    where = {"LocationConstraint": "ap-southeast-2"}
    params = {"Bucket": name, "CreateBucketConfiguration": where}
    s3.call("s3", Call("create_bucket"), {}, params)
    if actions:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        }
        policy = {"Bucket": name, "Policy": document(statement)}
        s3.call("s3", Call("put_bucket_policy"), {}, policy)
    return name


def build_account(stack: Stack, suffix: str) -> None:
    _, key = stack.create(KEY, "account", policy=document(ROOT, FOR_TRAIL))
    _registry(stack, suffix, key["arn"])
    _identity(stack, suffix)
    _watch(stack, suffix, key["arn"])
    _keys(stack)
    stack.create(
        PUBLIC_ACCESS,
        "block",
        blockPublicAcls=True,
        blockPublicPolicy=True,
        ignorePublicAcls=True,
        restrictPublicBuckets=True,
    )
    stack.create(EBS, "ebs")


def _registry(stack: Stack, suffix: str, key: str) -> None:
    repository, _ = stack.create(
        REPOSITORY,
        "api",
        name=f"api-{suffix}",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfigurations=[{"encryptionType": "KMS", "kmsKey": key}],
        forceDelete=False,
    )
    stack.create(
        LIFECYCLE,
        "api",
        repository=repository,
        policy=lifecycle(
            expire(1, "untagged", countType="sinceImagePushed", countUnit="days", countNumber=14),
            expire(2, "any", countNumber=200),
        ),
    )
    pull = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    stack.create(REPOSITORY_POLICY, "api", repository=repository, policy=document(pull))
    stack.create(
        SCANNING,
        "scan",
        scanType="BASIC",
        rules=[
            {
                "scanFrequency": "SCAN_ON_PUSH",
                "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
            }
        ],
    )


def _identity(stack: Stack, suffix: str) -> None:
    stack.create(
        PROVIDER,
        "github",
        url=f"https://{suffix}.token.actions.githubusercontent.com",
        clientIdLists=["sts.amazonaws.com"],
        thumbprintLists=["6938fd4d98bab03faadb97b34396831e3780aea1"],
    )
    stack.create(
        LINKED_ROLE,
        "scaling",
        awsServiceName="autoscaling.amazonaws.com",
        customSuffix=suffix,
        description="scaling",
    )
    stack.create(
        PASSWORDS,
        "passwords",
        allowUsersToChangePassword=True,
        hardExpiry=False,
        maxPasswordAge=90,
        minimumPasswordLength=14,
        passwordReusePrevention=24,
        requireLowercaseCharacters=True,
        requireNumbers=True,
        requireSymbols=True,
        requireUppercaseCharacters=True,
    )


def _watch(stack: Stack, suffix: str, key: str) -> None:
    api = stack.operations(DETECTOR).api
    for left_over in api.call("guardduty", Call("list_detectors"), {})["DetectorIds"]:
        api.call("guardduty", Call("delete_detector"), {}, {"DetectorId": left_over})
    detector, _ = stack.create(
        DETECTOR, "detector", enable=True, findingPublishingFrequency="FIFTEEN_MINUTES"
    )
    stack.create(FEATURE, "s3", detectorId=detector, name="S3_DATA_EVENTS", status="ENABLED")
    stack.create(
        FEATURE,
        "runtime",
        detectorId=detector,
        name="RUNTIME_MONITORING",
        status="ENABLED",
        additionalConfigurations=[{"name": "ECS_FARGATE_AGENT_MANAGEMENT", "status": "ENABLED"}],
    )
    _, role = stack.create(
        ROLE, f"trail-{suffix}", assumeRolePolicy=trust("cloudtrail.amazonaws.com")
    )
    group = f"arn:aws:logs:ap-southeast-2:123456789012:log-group:/{suffix}/trail:*"
    stack.create(
        TRAIL,
        f"trail-{suffix}",
        s3BucketName=log_bucket(stack, f"trail-{suffix}", "s3:GetBucketAcl", "s3:PutObject"),
        s3KeyPrefix="trail",
        cloudWatchLogsGroupArn=group,
        cloudWatchLogsRoleArn=role["arn"],
        kmsKeyId=key,
        isMultiRegionTrail=True,
        includeGlobalServiceEvents=True,
        enableLogFileValidation=True,
        eventSelectors=[
            {
                "readWriteType": "All",
                "includeManagementEvents": True,
                "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::secret/"]}],
            }
        ],
        insightSelectors=[{"insightType": "ApiCallRateInsight"}],
    )
    stack.create(
        TRAIL,
        f"advanced-{suffix}",
        s3BucketName=f"trail-{suffix}",
        advancedEventSelectors=[
            {
                "name": "management",
                "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}],
            }
        ],
    )
    stack.create(ANALYZER, "analyzer", analyzerName=f"account-{suffix}")
    stack.create(
        BUDGET,
        f"monthly-{suffix}",
        budgetType="COST",
        limitAmount="500.0",
        limitUnit="USD",
        timeUnit="MONTHLY",
        timePeriodStart="2025-01-01_00:00",
        costFilters=[{"name": "TagKeyValue", "values": ["user:Project$aussie-markets"]}],
        notifications=[
            {
                "comparisonOperator": "GREATER_THAN",
                "notificationType": "FORECASTED",
                "threshold": 100,
                "thresholdType": "PERCENTAGE",
                "subscriberEmailAddresses": ["billing@example.com"],
            }
        ],
    )


def _keys(stack: Stack) -> None:
    _, primary = stack.create(KEY, "primary", multiRegion=True, policy=document(ROOT))
    stack.create(
        REPLICA_KEY,
        "replica",
        region="ap-southeast-4",
        primaryKeyArn=primary["arn"],
        description="copies",
        policy=document(ROOT),
        deletionWindowInDays=7,
    )
    key, _ = stack.create(KEY, "separate")
    stack.create(KEY_POLICY, "separate", keyId=key, policy=document(ROOT, FOR_TRAIL))
