"""What each policy pack refuses, on Pulumi's real engine: programs that break its rules."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.engine.conftest import Answer, LocalCloud, MakeCloud

# The first is a violation's, the second that of a value that is left for the update.
MESSAGE: Final = re.compile(
    r" +(?P<type>aws:\S+) '(?P<name>[^']+)': (?:string value at \.)?"
    r"(?P<property>.+?)(?: is | can't be known during preview)"
)

TYPES: Final = {
    "alarm": "aws:cloudwatch/metricAlarm:MetricAlarm",
    "api": "aws:ecs/service:Service",
    "bucket": "aws:s3/bucket:Bucket",
    "cache": "aws:elasticache/replicationGroup:ReplicationGroup",
    "cluster": "aws:ecs/cluster:Cluster",
    "database": "aws:rds/instance:Instance",
    "front": "aws:lb/loadBalancer:LoadBalancer",
    "group": "aws:rds/subnetGroup:SubnetGroup",
    "images": "aws:ecr/repository:Repository",
    "key": "aws:kms/key:Key",
    "logs": "aws:cloudwatch/logGroup:LogGroup",
    "messages": "aws:sqs/queue:Queue",
    "messages-policy": "aws:sqs/queuePolicy:QueuePolicy",
    "news": "aws:sns/topic:Topic",
    "password": "aws:ssm/parameter:Parameter",
    "private-1": "aws:ec2/subnet:Subnet",
    "private-2": "aws:ec2/subnet:Subnet",
    "rights": "aws:iam/rolePolicy:RolePolicy",
    "ssh": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "task": "aws:ecs/taskDefinition:TaskDefinition",
    "vpc": "aws:ec2/vpc:Vpc",
    "worker": "aws:iam/role:Role",
}
"""The type of each resource in the programs, by name."""

PROJECT: Final = """\
name: {name}
runtime: python
config:
  aws:defaultTags:
    value: {{tags: {{Environment: production, Owner: Platform, ManagedBy: Pulumi}}}}
"""

# `later` gives a value that no preview knows: it follows from a resource that is not there yet.
PRELUDE: Final = """\
import json
import pulumi
import pulumi_aws as aws

source = aws.ec2.Eip("source", domain="vpc")

def later(value):
    return source.id.apply(lambda _: value)

def allowing(action, effect="Allow", **of):
    statement = {"Effect": effect, "Action": action, **of}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

DATABASE = {
    "engine": "postgres",
    "instance_class": "db.t3.micro",
    "allocated_storage": 20,
    "username": "markets",
}
CACHE = {
    "description": "Sessions",
    "engine": "redis",
    "engine_version": "7.1",
    "node_type": "cache.t4g.micro",
}
ALARM = {
    "comparison_operator": "GreaterThanThreshold",
    "evaluation_periods": 1,
    "metric_name": "Errors",
    "namespace": "AWS/Lambda",
    "period": 60,
    "statistic": "Sum",
    "threshold": 1,
}
CONTAINER = json.dumps(
    [{"name": "api", "image": "api:latest", "memory": 128, "privileged": True, "user": "root"}]
)
QUEUE = "https://sqs.ap-southeast-2.amazonaws.com/123456789012/messages"
GROUP = "sg-0123456789abcdef0"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
"""


@dataclass(frozen=True)
class Broken:
    """A program that breaks rules of a pack."""

    pack: str
    program: str
    said: str
    """A line for each message of the pack: resource, rule, and the property that it is about."""

    def __str__(self) -> str:
        return self.pack

    @property
    def messages(self) -> list[str]:
        return sorted(self.said.split("\n")[1:-1])


KNOWN: Final = [
    Broken(
        "encryption",
        """
aws.cloudwatch.LogGroup("logs")
aws.sns.Topic("news", kms_master_key_id="alias/aws/sns")
aws.sqs.Queue("messages", sqs_managed_sse_enabled=False)
aws.kms.Key(
    "key", enable_key_rotation=False, policy=allowing("kms:*", Principal="*", Resource="*")
)
aws.ssm.Parameter("password", name="/small/password", type="String", value="made-up")
aws.elasticache.ReplicationGroup("cache", **CACHE, transit_encryption_enabled=False)
aws.rds.Instance("database", **DATABASE, skip_final_snapshot=True)
aws.ecr.Repository("images", encryption_configurations=[{"encryption_type": "AES256"}])
aws.s3.Bucket("bucket")
""",
        """
bucket: bucket-customer-key: encryption
bucket: bucket-tls-only: bucket policy
cache: cache-authentication: authentication
cache: cache-encrypted: atRestEncryptionEnabled
cache: cache-encrypted: kmsKeyId
cache: cache-tls: transitEncryptionEnabled
database: database-certificate-authority: caCertIdentifier
database: database-customer-key: kmsKeyId
database: database-encrypted: storageEncrypted
database: database-own-parameter-group: parameterGroupName
images: repository-customer-key: encryptionType
images: repository-customer-key: kmsKey
key: kms-key-not-public: policy, statement 0
key: kms-key-rotation: enableKeyRotation
logs: log-group-customer-key: kmsKeyId
messages: queue-customer-key: kmsMasterKeyId
messages: queue-encrypted: encryption
news: topic-customer-key: kmsMasterKeyId
password: parameter-encrypted: type
""",
    ),
    Broken(
        "availability",
        """
aws.rds.Instance("database", **DATABASE, multi_az=False, skip_final_snapshot=True)
aws.elasticache.ReplicationGroup("cache", **CACHE, num_cache_clusters=1)
aws.kms.Key("key", deletion_window_in_days=13, opts=pulumi.ResourceOptions(protect=True))
aws.ecr.Repository("images", force_delete=True)
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
subnets = [
    aws.ec2.Subnet(
        f"private-{number}",
        vpc_id=vpc.id,
        cidr_block=f"10.0.{number}.0/24",
        availability_zone="ap-southeast-2a",
        tags={"SubnetType": "Private"},
    ).id
    for number in (1, 2)
]
aws.rds.SubnetGroup("group", subnet_ids=subnets)
aws.lb.LoadBalancer("front", subnets=subnets)
aws.ecs.Service("api", desired_count=1, task_definition="small")
""",
        """
api: service-deployment-rollback: deploymentCircuitBreaker
api: service-task-count: desiredCount
cache: cache-failover: automaticFailoverEnabled
cache: cache-failover: multiAzEnabled
cache: cache-final-snapshot: finalSnapshotIdentifier
cache: cache-nodes: numCacheClusters
database: database-deletion-protection: deletionProtection
database: database-final-snapshot: finalSnapshotIdentifier
database: database-final-snapshot: skipFinalSnapshot
database: database-multi-az: multiAz
database: protected: protect
front: load-balancer-deletion-protection: enableDeletionProtection
front: load-balancer-zones: subnets
group: subnet-group-zones: subnetIds
images: storage-not-emptied: forceDelete
key: kms-key-deletion-window: deletionWindowInDays
private-1: nat-gateway-per-zone: route to a NAT gateway
private-2: nat-gateway-per-zone: route to a NAT gateway
""",
    ),
    Broken(
        "retention",
        """
aws.cloudwatch.LogGroup("logs", retention_in_days=180)
aws.rds.Instance("database", **DATABASE, backup_retention_period=7, skip_final_snapshot=True)
aws.elasticache.ReplicationGroup("cache", **CACHE)
aws.cloudwatch.MetricAlarm("alarm", **ALARM, actions_enabled=False)
aws.ecs.Cluster("cluster")
aws.ecr.Repository("images")
aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
aws.s3.Bucket("bucket")
""",
        """
alarm: alarm-actions-enabled: actionsEnabled
alarm: alarm-acts: alarmActions
bucket: bucket-access-logs: access log
bucket: bucket-lifecycle: lifecycle of older versions
bucket: bucket-lifecycle: lifecycle of unfinished uploads
bucket: bucket-versioning: versioning
cache: cache-snapshots: snapshotRetentionLimit
cache: cache-snapshots-production: snapshotRetentionLimit
cache: resource-has-alarm: alarm
cluster: cluster-container-insights: settings
cluster: cluster-exec-logs: configuration.executeCommandConfiguration.logging
database: database-backed-up: backup selection
database: database-backup-retention-production: backupRetentionPeriod
database: database-backups-outlive-it: deleteAutomatedBackups
database: database-enhanced-monitoring: monitoringInterval
database: database-enhanced-monitoring: monitoringRoleArn
database: database-events-subscribed: event subscription
database: database-log-exports: enabledCloudwatchLogsExports
database: database-log-exports: enabledCloudwatchLogsExports
database: database-performance-insights: performanceInsightsEnabled
database: database-tags-on-snapshots: copyTagsToSnapshot
database: resource-has-alarm: alarm
images: repository-lifecycle: lifecycle policy
logs: log-group-retention-minimum: retentionInDays
vpc: vpc-flow-log: flow log
""",
    ),
    Broken(
        "access",
        """
aws.vpc.SecurityGroupIngressRule(
    "ssh",
    security_group_id=GROUP,
    ip_protocol="tcp",
    from_port=22,
    to_port=22,
    cidr_ipv4="0.0.0.0/0",
)
aws.iam.Role("worker", assume_role_policy=allowing("sts:AssumeRole", Principal="*"))
aws.iam.RolePolicy("rights", role="worker", policy=allowing("*", Resource="*"))
aws.sqs.QueuePolicy(
    "messages-policy",
    queue_url=QUEUE,
    policy=allowing("sqs:SendMessage", Principal="*", Resource="*"),
)
aws.ecr.Repository("images", image_tag_mutability="MUTABLE")
aws.ecs.TaskDefinition("task", family="small", container_definitions=CONTAINER)
aws.rds.Instance(
    "database",
    **{**DATABASE, "username": "postgres"},
    publicly_accessible=True,
    skip_final_snapshot=True,
)
aws.s3.Bucket("bucket")
aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"Environment": "staging"})
""",
        """
bucket: bucket-owner-enforced: ownership controls
bucket: bucket-public-access-block: public access block
database: database-iam-authentication: iamDatabaseAuthenticationEnabled
database: database-private: publiclyAccessible
database: database-user-name: username
images: repository-immutable-tags: imageTagMutability
images: repository-scanned: imageScanningConfiguration.scanOnPush
messages-policy: resource-policy-not-public: policy, statement 0
rights: iam-decrypt-named-keys: policy, statement 0, Resource
rights: iam-no-escalation: policy, statement 0, Resource
rights: iam-no-escalation: policy, statement 0, Resource
rights: iam-no-escalation: policy, statement 0, Resource
rights: iam-no-full-access: policy, statement 0, Action
rights: iam-pass-role: policy, statement 0, Condition
rights: iam-pass-role: policy, statement 0, Resource
rights: iam-write-named-resources: policy, statement 0, Resource
ssh: open-to-world: cidrIpv4
ssh: security-group-described: description
task: container-image-pinned: containerDefinitions[api].image
task: container-logs: containerDefinitions[api].logConfiguration
task: container-read-only: containerDefinitions[api].readonlyRootFilesystem
task: container-unprivileged: containerDefinitions[api].privileged
task: container-user: containerDefinitions[api].user
task: task-isolated: networkMode
vpc: default-security-group-empty: default security group
vpc: tag-environment: tags.Environment
vpc: vpc-endpoints: endpoint for ecr.api
vpc: vpc-endpoints: endpoint for ecr.dkr
vpc: vpc-endpoints: endpoint for logs
vpc: vpc-endpoints: endpoint for s3
vpc: vpc-endpoints: endpoint for ssm
worker: role-trust: assumeRolePolicy, statement 0
""",
    ),
]

UNKNOWN: Final = [
    Broken(
        "encryption",
        """
aws.cloudwatch.LogGroup("logs", kms_key_id=later(None))
aws.sns.Topic("news", kms_master_key_id=later("alias/aws/sns"))
aws.sqs.Queue("messages", kms_master_key_id=later(None))
aws.kms.Key(
    "key",
    enable_key_rotation=later(False),
    policy=later(allowing("kms:*", Principal="*", Resource="*")),
)
aws.ssm.Parameter("password", name="/small/password", type=later("String"), value="made-up")
aws.ecr.Repository("images", encryption_configurations=later([{"encryption_type": "AES256"}]))
""",
        """
images: repository-customer-key: encryptionConfigurations
key: kms-key-not-public: policy
key: kms-key-rotation: enableKeyRotation
logs: kms-key-admits-logs: kmsKeyId
logs: log-group-customer-key: kmsKeyId
messages: queue-customer-key: kmsMasterKeyId
messages: queue-encrypted: kmsMasterKeyId
news: topic-customer-key: kmsMasterKeyId
password: parameter-encrypted: type
""",
    ),
    Broken(
        "availability",
        """
aws.rds.Instance(
    "database",
    **DATABASE,
    multi_az=later(False),
    deletion_protection=later(False),
    skip_final_snapshot=later(True),
    final_snapshot_identifier=later(None),
    opts=pulumi.ResourceOptions(protect=True),
)
aws.kms.Key("key", deletion_window_in_days=later(13), opts=pulumi.ResourceOptions(protect=True))
aws.ecr.Repository("images", force_delete=later(True))
aws.lb.LoadBalancer("front", subnets=later(SUBNETS), enable_deletion_protection=later(False))
aws.ecs.Service(
    "api",
    desired_count=later(1),
    task_definition="small",
    deployment_circuit_breaker=later({"enable": False, "rollback": False}),
)
""",
        """
api: service-deployment-rollback: deploymentCircuitBreaker
api: service-task-count: desiredCount
database: database-deletion-protection: deletionProtection
database: database-final-snapshot: finalSnapshotIdentifier
database: database-final-snapshot: skipFinalSnapshot
database: database-multi-az: multiAz
front: load-balancer-deletion-protection: enableDeletionProtection
front: load-balancer-zones: subnets
images: storage-not-emptied: forceDelete
key: kms-key-deletion-window: deletionWindowInDays
""",
    ),
    Broken(
        "retention",
        """
aws.cloudwatch.LogGroup("logs", retention_in_days=later(180))
aws.cloudwatch.MetricAlarm(
    "alarm", **ALARM, actions_enabled=later(False), alarm_actions=later([])
)
aws.ecs.Cluster("cluster", settings=later([]), configuration=later(None))
""",
        """
alarm: alarm-actions-enabled: actionsEnabled
cluster: cluster-container-insights: settings
cluster: cluster-exec-logs: configuration
logs: log-group-retention: retentionInDays
logs: log-group-retention-minimum: retentionInDays
""",
    ),
    Broken(
        "access",
        """
worker = aws.iam.Role(
    "worker", assume_role_policy=later(allowing("sts:AssumeRole", Principal="*"))
)
aws.vpc.SecurityGroupIngressRule(
    "ssh",
    security_group_id=GROUP,
    ip_protocol="tcp",
    from_port=22,
    to_port=22,
    cidr_ipv4=later("0.0.0.0/0"),
    description="From a laptop",
    opts=pulumi.ResourceOptions(depends_on=[worker]),
)
aws.rds.Instance(
    "database",
    **{**DATABASE, "username": later("postgres")},
    publicly_accessible=later(True),
    iam_database_authentication_enabled=later(False),
    skip_final_snapshot=True,
)
aws.iam.RolePolicy("rights", role="worker", policy=later(allowing("*", Resource="*")))
aws.sqs.QueuePolicy(
    "messages-policy",
    queue_url=QUEUE,
    policy=later(allowing("sqs:SendMessage", Principal="*", Resource="*")),
)
aws.ecr.Repository(
    "images",
    image_tag_mutability=later("MUTABLE"),
    image_scanning_configuration={"scan_on_push": later(False)},
)
aws.ecs.TaskDefinition(
    "task",
    family="small",
    network_mode="awsvpc",
    container_definitions=later(CONTAINER),
)
""",
        """
database: database-iam-authentication: iamDatabaseAuthenticationEnabled
database: database-private: publiclyAccessible
database: database-user-name: username
images: repository-immutable-tags: imageTagMutability
images: repository-scanned: imageScanningConfiguration.scanOnPush
messages-policy: resource-policy-not-public: policy
rights: iam-decrypt-named-keys: policy
rights: iam-no-escalation: policy
rights: iam-no-full-access: policy
rights: iam-no-inverted-grants: policy
rights: iam-pass-role: policy
rights: iam-write-named-resources: policy
ssh: open-to-world: cidrIpv4
task: container-image-pinned: containerDefinitions
task: container-logs: containerDefinitions
task: container-no-plain-secrets: containerDefinitions
task: container-read-only: containerDefinitions
task: container-unprivileged: containerDefinitions
task: container-user: containerDefinitions
worker: role-trust: assumeRolePolicy
""",
    ),
    # The update has made everything before a rule about relations is asked again.
    Broken(
        "encryption",
        """
key = "arn:aws:kms:ap-southeast-2:123456789012:key/1b2c3d4e-0000-4000-8000-000000000000"
bucket = aws.s3.Bucket("bucket")
aws.s3.BucketServerSideEncryptionConfiguration(
    "bucket-encryption",
    bucket=bucket.id,
    rules=[
        {
            "apply_server_side_encryption_by_default": {
                "sse_algorithm": "aws:kms", "kms_master_key_id": key
            }
        }
    ],
)
aws.s3.BucketPolicy(
    "bucket-policy",
    bucket=bucket.id,
    policy=bucket.arn.apply(
        lambda arn: allowing("s3:DeleteBucket", "Deny", Principal="*", Resource=arn)
    ),
)
""",
        """
bucket: bucket-tls-only: policy
""",
    ),
]

Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    cloud = make_cloud()
    assert cloud.shell("true").code == 0
    return cloud


@pytest.fixture
def pulumi(cloud: LocalCloud, tmp_path: Path) -> Run:
    """Runs a program as the stack `production` of a project of its own."""

    def run(broken: Broken, *words: str) -> Answer:
        (tmp_path / "Pulumi.yaml").write_text(PROJECT.format(name=tmp_path.name))
        (tmp_path / "__main__.py").write_text(PRELUDE + broken.program)
        pack = cloud.repository / "policies" / broken.pack
        answer = Answer(0, "")
        commands = (["stack", "init", "production"], [*words, "--policy-pack", str(pack)])
        for command in commands:
            result = subprocess.run(
                ["pulumi", *command, "--non-interactive"],
                cwd=tmp_path,
                env=cloud.pulumi_environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=300,
            )
            answer = Answer(result.returncode, result.stdout)
        return answer

    return run


ONE_KEYLESS: Final = Broken(
    "encryption",
    'aws.cloudwatch.LogGroup("logs")\n',
    """
logs: log-group-customer-key: kmsKeyId
""",
)


def messages(text: str, enforcement: str) -> list[str]:
    """What a run says of resources, as `Broken.said` has it, under one kind of heading."""
    found: list[str] = []
    kind, rule = "", ""
    for line in text.splitlines():
        if heading := re.match(r" +- \[(\w+)\] .*\]  ([a-z-]+)  \(", line):
            kind, rule = heading.groups()
        elif (said := MESSAGE.match(line)) and kind == enforcement:
            assert TYPES[said["name"]] == said["type"]
            found.append(f"{said['name']}: {rule}: {said['property']}")
    return sorted(found)


def subjects(found: list[str]) -> set[str]:
    """Of messages their resources and rules."""
    return {message.rpartition(": ")[0] for message in found}


@pytest.mark.parametrize("broken", KNOWN, ids=str)
def test_preview_refuses_exactly_what_breaks_the_rules(pulumi: Run, broken: Broken) -> None:
    answer = pulumi(broken, "preview")
    assert messages(answer.text, "mandatory") == broken.messages
    assert messages(answer.text, "advisory") == []
    assert answer.code != 0
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("broken", UNKNOWN, ids=str)
def test_a_preview_lists_what_it_cannot_know_and_the_update_refuses_it(
    pulumi: Run, broken: Broken
) -> None:
    answer = pulumi(broken, "up", "--yes")
    preview, begun, update = answer.text.partition("\nUpdating (")
    assert messages(preview, "advisory") == broken.messages
    assert messages(preview, "mandatory") == []
    assert begun, "the preview did not pass"
    # An update ends with the first resource that is refused.
    refused = subjects(messages(update, "mandatory"))
    assert refused, answer.text
    assert refused <= subjects(broken.messages)
    assert answer.code != 0
    assert "Traceback" not in answer.text


def test_a_resource_is_exempted_by_configuration_that_has_a_reason(
    pulumi: Run, tmp_path: Path
) -> None:
    config = tmp_path / "encryption.json"
    configured = ("preview", "--policy-pack-config", str(config))

    def exempt(name: str, reason: str) -> None:
        rule = {"exemptions": {name: reason}}
        config.write_text(json.dumps({"log-group-customer-key": rule}))

    exempt("log*", "Holds public weather data, ticket 12")
    spared = pulumi(ONE_KEYLESS, *configured)
    assert spared.code == 0, spared.text
    exempt("others", "Holds public weather data, ticket 12")
    refused = pulumi(ONE_KEYLESS, *configured)
    assert refused.code != 0
    assert messages(refused.text, "mandatory") == ONE_KEYLESS.messages
    exempt("log*", "because")
    unreasoned = pulumi(ONE_KEYLESS, *configured)
    assert unreasoned.code != 0
    assert "exemptions" in unreasoned.text
