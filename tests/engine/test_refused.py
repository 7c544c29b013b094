"""What preview refuses, and how it says so."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import Answer, LocalCloud, MakeCloud

Preview = Callable[[str], Answer]


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    cloud = make_cloud()
    assert cloud.shell("true").code == 0
    return cloud


@pytest.fixture
def preview(cloud: LocalCloud, tmp_path: Path) -> Preview:
    """Previews a small program of its own in the local cloud."""

    def run(program: str) -> Answer:
        (tmp_path / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(f"import pulumi\nimport pulumi_aws as aws\n{program}")
        answer = Answer(0, "")
        for words in (["stack", "init", tmp_path.name], ["preview"]):
            result = subprocess.run(
                ["pulumi", *words, "--non-interactive"],
                cwd=tmp_path,
                env=cloud.pulumi_environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=120,
            )
            answer = Answer(result.returncode, result.stdout)
        return answer

    return run


@pytest.mark.parametrize(
    ("program", "resource", "prop", "reason"),
    [
        (
            'aws.ec2.Vpc("wide", cidr_block="10.0.0.0/99")',
            "aws:ec2:Vpc (wide)",
            "cidrBlock",
            "is not a 'ipv4-network'",
        ),
        (
            'aws.cloudwatch.LogGroup("seven-years", retention_in_days=2555)',
            "aws:cloudwatch:LogGroup (seven-years)",
            "retentionInDays",
            "2555 is not one of [1, 3, 5, 7",
        ),
        (
            'aws.iam.RolePolicy("deploy", role="r", policy=\'{"Version": "2012-10-17",'
            ' "Statement": [{"Effect": "Allow", "Action": "elbv2:*", "Resource": "*"}]}\')',
            "aws:iam:RolePolicy (deploy)",
            "policy",
            "'elbv2' is not one of",
        ),
        (
            f'aws.ec2.SecurityGroup("{"long" * 70}", vpc_id="vpc-1234567890abcdef0")',
            "aws:ec2:SecurityGroup (long",
            "name",
            "characters over AWS's 255",
        ),
        *(
            (
                f'aws.rds.Instance("db", engine="postgres", allocated_storage=20, '
                f'username="markets", skip_final_snapshot=True, **{given})',
                "aws:rds:Instance (db)",
                prop,
                reason,
            )
            for given, prop, reason in (
                (
                    {"engine_version": "15.4", "instance_class": "db.t3.micro"},
                    "engineVersion",
                    "is deprecated",
                ),
                ({"instance_class": "db.t9.micro"}, "instanceClass", "is not one of"),
                (
                    {"instance_class": "db.t3.micro", "backup_retention_period": 36},
                    "backupRetentionPeriod",
                    "35",
                ),
                (
                    {"instance_class": "db.t3.micro", "password_wo": "at@sign-inside"},
                    "passwordWo",
                    "Only printable ASCII",
                ),
            )
        ),
        *(
            (
                f'aws.elasticache.ReplicationGroup("cache", description="c", engine="redis", '
                f'engine_version="7.1", node_type="cache.t4g.micro", **{given})',
                "aws:elasticache:ReplicationGroup (cache)",
                prop,
                reason,
            )
            for given, prop, reason in (
                (
                    {"num_cache_clusters": 1, "automatic_failover_enabled": True}
                    | {"multi_az_enabled": True},
                    "multiAzEnabled",
                    "at least 1 replica",
                ),
                ({"auth_token": "sixteen-letters!"}, "authToken", "encryption-in-transit"),
            )
        ),
        (
            'g = aws.elasticache.ParameterGroup("old", name="old", family="redis6.x")\n'
            'aws.elasticache.ReplicationGroup("cache", description="c", engine="redis",'
            ' engine_version="7.1", node_type="cache.t4g.micro", parameter_group_name=g.name)',
            "aws:elasticache:ReplicationGroup (cache)",
            "parameterGroupName",
            "can't be used with",
        ),
        (
            'g = aws.rds.ParameterGroup("new", name="new", family="postgres16")\n'
            'aws.rds.Instance("db", engine="postgres", engine_version="15", allocated_storage=20,'
            ' username="markets", instance_class="db.t3.micro", skip_final_snapshot=True,'
            " parameter_group_name=g.name)",
            "aws:rds:Instance (db)",
            "parameterGroupName",
            "can't be used with",
        ),
        (
            'aws.ecs.Service("both", name="both", cluster="c", task_definition="t:1",'
            ' launch_type="FARGATE", network_configuration={"subnets": ["subnet-1"]},'
            ' capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}])',
            "aws:ecs:Service (both)",
            "launchType",
            "Specifying both a launch type and capacity provider strategy is not supported",
        ),
    ],
)
def test_preview_names_resource_property_and_awss_reason(
    preview: Preview, program: str, resource: str, prop: str, reason: str
) -> None:
    answer = preview(program)
    assert answer.code != 0
    assert resource in answer.text
    assert f"property {prop}" in answer.text
    assert reason in answer.text
    assert "at@sign-inside" not in answer.text


def test_a_type_that_the_local_cloud_has_not_is_refused_by_name(preview: Preview) -> None:
    answer = preview('aws.efs.FileSystem("files")')
    assert answer.code != 0
    assert "the local cloud does not have aws:efs/fileSystem:FileSystem yet" in answer.text


def test_a_mistake_in_the_program_shows_its_own_traceback_alone(preview: Preview) -> None:
    answer = preview(
        "import sys\n"
        "sys.path.insert(0, '/elsewhere')  # which makes its frames no less its own\n"
        "def build() -> None:\n"
        "    pulumi.export('x', {}['missing'])\n"
        "build()\n"
    )
    assert answer.code != 0
    assert "KeyError: 'missing'" in answer.text
    assert "in build" in answer.text
    files = [line for line in answer.text.splitlines() if line.strip().startswith('File "')]
    assert files
    assert all("__main__.py" in line and "site-packages" not in line for line in files), files
    assert "local/program.py" not in answer.text
    assert "runpy" not in answer.text


def test_outputs_that_are_unknown_are_shown_as_unknown(preview: Preview) -> None:
    program = (
        'vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")\n'
        'pulumi.export("id", vpc.id)\n'
        'pulumi.export("arn", vpc.arn)\n'
        'pulumi.export("cidr", vpc.cidr_block)\n'
    )
    answer = preview(program)
    assert answer.code == 0, answer.text
    assert "arn : [unknown]" in answer.text
    assert "id  : [unknown]" in answer.text
    assert 'cidr: "10.0.0.0/16"' in answer.text


def test_every_configuration_mistake_is_reported_at_once_by_key(cloud: LocalCloud) -> None:
    file = cloud.repository / "Pulumi.staging.yaml"
    before = file.read_text()
    cloud.configure(
        "staging",
        network={
            "vpc_cidr": "10.0.0.0/16",
            "public_subnets": ["10.0.1.0/24", "10.9.2.0/24"],
            "private_subnets": ["10.0.1.0/25", "10.0.20.0/24"],
            "flow_log_retention_days": 2555,
            "interface_endpoints": "yes please",
            "nat_strategie": "Single",
        },
    )
    answer = cloud.run("preview")
    file.write_text(before)
    assert answer.code != 0
    for key in (
        "network.public_subnets",
        "network.private_subnets",
        "network.flow_log_retention_days",
        "network.interface_endpoints",
        "network.nat_strategie",
    ):
        assert f"aussie-markets:{key}" in answer.text, answer.text
    assert "Traceback" not in answer.text


def test_a_secret_in_the_configuration_is_never_printed(cloud: LocalCloud) -> None:
    commands = (
        "pulumi config set --path --secret 'aussie-markets:network.nat_strategy' sentinel-4711\n"
        "pulumi preview\n"
    )
    answer = cloud.shell(commands)
    assert answer.code != 0
    assert "aussie-markets:network.nat_strategy" in answer.text
    assert "sentinel-4711" not in answer.text
    exported = json.dumps(cloud.state("staging"))
    assert "sentinel-4711" not in exported


def test_the_stack_file_of_a_stack_on_aws_works_locally(cloud: LocalCloud) -> None:
    """`pulumi stack init --secrets-provider=awskms://…` writes such a file."""
    file = cloud.repository / "Pulumi.staging.yaml"
    before = file.read_text()
    file.write_text(
        "secretsprovider: awskms://alias/platform?region=ap-southeast-2\n"
        "encryptedkey: c2VjcmV0\n"
        "config:\n"
        "  aws:token: {secure: c2VjcmV0}\n"
    )
    answer = cloud.run("preview")
    file.write_text(before)
    assert answer.code == 0, answer.text
    assert "left out: aws:token" in answer.text


def test_a_pack_refuses_what_it_forbids(cloud: LocalCloud) -> None:
    program = cloud.repository / "__main__.py"
    before = program.read_text()
    program.write_text(
        before
        + "\nif pulumi.get_stack() == 'staging':\n"
        + "    aws.cloudwatch.LogGroup('open', name='/open', retention_in_days=30)\n"
    )
    answer = cloud.run("preview")
    program.write_text(before)
    assert answer.code != 0
    assert "mandatory" in answer.text
    assert "kmsKeyId" in answer.text
