"""What a stack would have made, by plain boto3, and the calls of a runbook."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from operations import adoption
from operations.aws import Aws
from operations.platform import Platform
from operations.steps import Context

REPOSITORY_NAME: Final = "aussie-markets-api"
ROLE: Final = "arn:aws:iam::123456789012:role/any"
DATABASE_URN: Final = "urn:pulumi:staging::aussie-markets::aws:rds/instance:Instance::database"


@dataclass
class Network:
    subnets: list[str]
    group: str
    key: str
    vpc: str


def make_network(aws: Aws) -> Network:
    # The default network: making another takes longer than most tests do.
    ec2 = aws.client("ec2")
    found = ec2.describe_subnets()["Subnets"]
    vpc, subnets = found[0]["VpcId"], [subnet["SubnetId"] for subnet in found[:2]]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    rds = aws.client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="p", SubnetIds=subnets
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="tuned", DBParameterGroupFamily="postgres15", Description="t"
    )
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    return Network(subnets, group, key, vpc)


def make_database(aws: Aws, network: Network, environment: str = "staging") -> str:
    name = Platform(environment).database
    aws.client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        EngineVersion="15",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MaxAllocatedStorage=100,
        StorageType="gp3",
        StorageEncrypted=True,
        KmsKeyId=network.key,
        MasterUsername="u",
        MasterUserPassword="made-up-password",
        DBSubnetGroupName="private",
        VpcSecurityGroupIds=[network.group],
        DBParameterGroupName="tuned",
        MultiAZ=True,
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        BackupRetentionPeriod=7,
        MonitoringInterval=60,
        MonitoringRoleArn=ROLE,
        EnableCloudwatchLogsExports=["postgresql", "upgrade"],
        Tags=[{"Key": "Environment", "Value": environment}],
    )
    return name


def make_service(aws: Aws, network: Network, environment: str = "staging") -> str:
    """Load balancer, cluster and service `api`, whose log group does not exist; the listener."""
    platform = Platform(environment)
    elb, ecs = aws.client("elbv2"), aws.client("ecs")
    balancer = elb.create_load_balancer(Name=f"lb-{environment}", Subnets=network.subnets)[
        "LoadBalancers"
    ][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name=f"tg-{environment}", Protocol="HTTP", Port=3000, VpcId=network.vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    ecs.create_cluster(clusterName=platform.cluster)
    definition = register_image(aws, environment, "public.example/bootstrap:1")
    ecs.create_service(
        cluster=platform.cluster,
        serviceName=platform.service(),
        taskDefinition=definition,
        desiredCount=2,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        loadBalancers=[{"targetGroupArn": group, "containerName": "api", "containerPort": 3000}],
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": network.subnets,
                "securityGroups": [network.group],
                "assignPublicIp": "DISABLED",
            }
        },
    )
    return str(listener)


def make_failover(aws: Aws, zone: str, host: str, environment: str = "staging") -> str:
    """A health check, and the host's two records in that zone; the health check's id.

    The first record leads to the load balancer of `make_service`.
    """
    route53 = aws.client("route53")
    (balancer,) = aws.client("elbv2").describe_load_balancers(Names=[f"lb-{environment}"])[
        "LoadBalancers"
    ]
    alias = {
        "DNSName": f"{balancer['DNSName'].lower()}.",
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "EvaluateTargetHealth": True,
    }
    check = route53.create_health_check(
        CallerReference=host,
        HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": "lb", "Port": 443},
    )["HealthCheck"]["Id"]
    records = [
        {
            "SetIdentifier": "primary",
            "Failover": "PRIMARY",
            "HealthCheckId": check,
            "AliasTarget": alias,
        },
        {
            "SetIdentifier": "secondary",
            "Failover": "SECONDARY",
            "TTL": 60,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        },
    ]
    route53.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={
            "Changes": [
                {
                    "Action": "CREATE",
                    "ResourceRecordSet": {"Name": host, "Type": "A", **record},
                }
                for record in records
            ]
        },
    )
    return str(check)


def make_scaling(aws: Aws, environment: str = "staging") -> None:
    platform = Platform(environment)
    aws.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{platform.cluster}/{platform.service()}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=3,
    )


def put_database_url(aws: Aws, environment: str = "staging") -> None:
    """It leads to the database as the emulator has it, with the password `p/w`."""
    platform = Platform(environment)
    rds = aws.client("rds")
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=platform.database)["DBInstances"]
    endpoint = found["Endpoint"]
    aws.client("ssm").put_parameter(
        Name=platform.parameter("database-url"),
        Value=f"postgresql://u:p%2Fw@{endpoint['Address']}:{endpoint['Port']}/d",
        Type="SecureString",
        Overwrite=True,
    )


def register_image(aws: Aws, environment: str, image: str) -> str:
    answer = aws.client("ecs").register_task_definition(
        family=Platform(environment).service(),
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=ROLE,
        taskRoleArn=ROLE,
        volumes=[{"name": "tmp"}],
        containerDefinitions=[
            {
                "name": "api",
                "image": image,
                "cpu": 256,
                "memory": 512,
                "essential": True,
                "readonlyRootFilesystem": True,
                "portMappings": [{"containerPort": 3000, "hostPort": 3000, "protocol": "tcp"}],
                "healthCheck": {"command": ["CMD", "true"]},
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": f"/aws/ecs/{Platform(environment).service()}",
                        "awslogs-region": "ap-southeast-2",
                        "awslogs-stream-prefix": "api",
                    },
                },
            }
        ],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def released(aws: Aws, environment: str = "staging") -> str:
    parameter = aws.client("ssm").get_parameter(Name=Platform(environment).release())
    return str(parameter["Parameter"]["Value"])


def run_program(context: Context, meanwhile: Callable[[], None]) -> None:
    """What the program does about a release, in the place of `pulumi up`."""
    meanwhile()
    environment = context.platform.environment
    image = released(context.aws, environment)
    context.aws.client("ecs").update_service(
        cluster=context.platform.cluster,
        service=context.platform.service(),
        taskDefinition=register_image(context.aws, environment, image),
    )


class Clients(Protocol):
    """What makes clients of boto3: `Aws`, or a local cloud."""

    def client(self, service: str) -> Any: ...


def push_image(aws: Clients, tag: str) -> str:
    """An image of the API with that tag; its name by digest."""
    ecr = aws.client("ecr")
    if not any(
        one["repositoryName"] == REPOSITORY_NAME
        for one in ecr.describe_repositories()["repositories"]
    ):
        ecr.create_repository(repositoryName=REPOSITORY_NAME)
    # The emulator makes one digest of all manifests.
    digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 1,
            "digest": digest,
        },
        "layers": [],
    }
    ecr.put_image(
        repositoryName=REPOSITORY_NAME,
        imageManifest=json.dumps(manifest),
        imageTag=tag,
        imageDigest=digest,
    )
    (repository,) = ecr.describe_repositories(repositoryNames=[REPOSITORY_NAME])["repositories"]
    return f"{repository['repositoryUri']}@{digest}"


@dataclass
class PulumiState:
    """Pulumi's state in the place of the `pulumi` command, and what that was asked for."""

    resources: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def pulumi(self, _: Context, *arguments: str, given: str | None = None) -> str:
        self.calls.append(arguments)
        if arguments == ("stack", "export"):
            return json.dumps({"version": 3, "deployment": {"resources": self.resources}})
        if arguments == ("stack", "import"):
            self.resources = json.loads(given or "")["deployment"]["resources"]
        return ""

    def remember(self, aws: Aws, environment: str = "staging") -> None:
        """The database as RDS has it now."""
        name = Platform(environment).database
        (instance,) = aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)[
            "DBInstances"
        ]
        outputs = {
            known: instance[name] for name, known in adoption._DESCRIBED.items() if name in instance
        }
        outputs |= {
            "resourceId": instance["DbiResourceId"],
            "dbSubnetGroupName": instance["DBSubnetGroup"]["DBSubnetGroupName"],
            "parameterGroupName": instance["DBParameterGroups"][0]["DBParameterGroupName"],
            "vpcSecurityGroupIds": [g["VpcSecurityGroupId"] for g in instance["VpcSecurityGroups"]],
            "tagsAll": {tag["Key"]: tag["Value"] for tag in instance["TagList"]},
        }
        resource = {
            "urn": DATABASE_URN,
            "type": adoption.INSTANCE,
            "id": instance["DbiResourceId"],
            "inputs": {"identifier": name, "skipFinalSnapshot": False},
            "outputs": outputs,
            "protect": True,
        }
        self.resources.append(resource)


@dataclass
class Calls:
    """The calls that a runbook makes."""

    made: list[str] = field(default_factory=list)

    def before(self, model: Any, **_: Any) -> None:
        self.made.append(model.name)


@contextmanager
def watched(aws: Aws, *services: str) -> Iterator[Calls]:
    """Write down the calls to these services."""
    calls = Calls()
    clients = [aws.client(service) for service in services]
    for client in clients:
        client.meta.events.register("before-call", calls.before)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", calls.before)
