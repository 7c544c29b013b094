"""Both stacks, from nothing to nothing, on Pulumi's real engine."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.engine.conftest import Answer, LocalCloud, MakeCloud

ENVIRONMENTS = ("staging", "production")

# Of logs, database, parameters, messages, assets and their replica, copied backups, and the logs
# and messages of the edge; the first five are in the stack's region.
KEYS = 9
KEYS_IN_REGION = 5


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    return make_cloud()


@pytest.fixture(scope="module", autouse=True)
def first_up(cloud: LocalCloud) -> dict[str, Answer]:
    """Both at once, as two people would."""
    running = {name: cloud.start("up", "--stack", name) for name in ENVIRONMENTS}
    answers = {name: process.finish() for name, process in running.items()}
    for answer in answers.values():
        assert answer.code == 0, answer.text
    return answers


@pytest.fixture
def unchanged(cloud: LocalCloud) -> Iterator[None]:
    """Puts the stack files back after a test that writes them."""
    files = [cloud.repository / f"Pulumi.{name}.yaml" for name in ENVIRONMENTS]
    before = [file.read_text() for file in files]
    yield
    for file, text in zip(files, before, strict=True):
        file.write_text(text)


def of_vpc(cloud: LocalCloud, stack: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [cloud.outputs(stack)["vpc_id"]]}]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_up_prints_outputs_and_a_summary_by_component(
    first_up: dict[str, Answer], environment: str
) -> None:
    text = first_up[environment].text
    assert f'"/aussie-markets/{environment}/vpc-flow-logs"' in text
    assert f"Network aussie-markets-{environment}" in text
    assert f"EncryptionKey aussie-markets-{environment}-logs" in text
    assert "Policies:" in text


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_vpc_and_its_subnets_are_those_of_the_documentation(
    cloud: LocalCloud, environment: str
) -> None:
    ec2 = cloud.client("ec2")
    (vpc,) = ec2.describe_vpcs(VpcIds=[cloud.outputs(environment)["vpc_id"]])["Vpcs"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    assert {"Key": "Name", "Value": f"aussie-markets-vpc-{environment}"} in vpc["Tags"]
    subnets = ec2.describe_subnets(Filters=of_vpc(cloud, environment))["Subnets"]
    assert sorted(
        (s["CidrBlock"], s["AvailabilityZone"], s["MapPublicIpOnLaunch"]) for s in subnets
    ) == [
        ("10.0.1.0/24", "ap-southeast-2a", True),
        ("10.0.10.0/24", "ap-southeast-2a", False),
        ("10.0.2.0/24", "ap-southeast-2b", True),
        ("10.0.20.0/24", "ap-southeast-2b", False),
    ]


@pytest.mark.parametrize(("environment", "gateways"), [("staging", 1), ("production", 2)])
def test_public_subnets_leave_by_the_internet_gateway_and_private_ones_by_nat(
    cloud: LocalCloud, environment: str, gateways: int
) -> None:
    ec2 = cloud.client("ec2")
    outputs = cloud.outputs(environment)
    tables = ec2.describe_route_tables(Filters=of_vpc(cloud, environment))["RouteTables"]
    by_subnet = {
        association["SubnetId"]: [
            route for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        ]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
    }
    for subnet in outputs["public_subnet_ids"]:
        assert by_subnet[subnet][0]["GatewayId"].startswith("igw-")
    nat = {by_subnet[subnet][0]["NatGatewayId"] for subnet in outputs["private_subnet_ids"]}
    assert len(nat) == gateways


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_security_groups_let_through_the_documented_chain_alone(
    cloud: LocalCloud, environment: str
) -> None:
    ec2 = cloud.client("ec2")
    names = {v: k for k, v in cloud.outputs(environment)["security_group_ids"].items()}
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    ingress = {
        (
            names.get(rule.get("ReferencedGroupInfo", {}).get("GroupId"), rule.get("CidrIpv4")),
            names[rule["GroupId"]],
            rule["FromPort"],
            rule["ToPort"],
        )
        for rule in rules
        if rule["GroupId"] in names and not rule["IsEgress"]
    }
    expected = {
        ("0.0.0.0/0", "load-balancer", 80, 80),
        ("0.0.0.0/0", "load-balancer", 443, 443),
        ("load-balancer", "api", 3000, 3000),
        ("api", "database", 5432, 5432),
        ("api", "cache", 6379, 6379),
    }
    if environment == "production":
        expected.add(("api", "endpoints", 443, 443))
    assert ingress == expected
    filters = [*of_vpc(cloud, environment), {"Name": "group-name", "Values": ["default"]}]
    (default,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])


@pytest.mark.parametrize(("environment", "days"), [("staging", 30), ("production", 365)])
def test_flow_logs_go_to_an_encrypted_group_with_the_environments_retention(
    cloud: LocalCloud, environment: str, days: int
) -> None:
    outputs = cloud.outputs(environment)
    logs = cloud.client("ec2").describe_flow_logs()["FlowLogs"]
    (flow_log,) = [log for log in logs if log["ResourceId"] == outputs["vpc_id"]]
    assert flow_log["TrafficType"] == "ALL"
    name = outputs["flow_log_group_name"]
    assert flow_log["LogDestination"].endswith(f":log-group:{name}")
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert (group["retentionInDays"], group["kmsKeyId"]) == (days, outputs["log_key_arn"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_database_and_cache_are_encrypted_and_only_the_apis_group_reaches_them(
    cloud: LocalCloud, environment: str
) -> None:
    outputs = cloud.outputs(environment)
    groups = outputs["security_group_ids"]
    found = cloud.client("rds").describe_db_instances(
        DBInstanceIdentifier=f"aussie-markets-db-{environment}"
    )
    (database,) = found["DBInstances"]
    production = environment == "production"
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert (database["MultiAZ"], database["DeletionProtection"]) == (production, production)
    assert database["BackupRetentionPeriod"] == (30 if production else 7)
    assert [g["VpcSecurityGroupId"] for g in database["VpcSecurityGroups"]] == [groups["database"]]
    subnets = {s["SubnetIdentifier"] for s in database["DBSubnetGroup"]["Subnets"]}
    assert subnets == set(outputs["private_subnet_ids"])
    found = cloud.client("elasticache").describe_replication_groups(
        ReplicationGroupId=f"aussie-markets-cache-{environment}"
    )
    (cache,) = found["ReplicationGroups"]
    assert (cache["AtRestEncryptionEnabled"], cache["TransitEncryptionEnabled"]) == (True, True)
    assert cache["AutomaticFailover"] == ("enabled" if production else "disabled")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_parameters_are_secure_strings_with_urls_that_parse_back(
    cloud: LocalCloud, environment: str
) -> None:
    ssm = cloud.client("ssm")
    found = ssm.get_parameters_by_path(
        Path=f"/aussie-markets/{environment}", Recursive=True, WithDecryption=True
    )["Parameters"]
    values = {p["Name"].rpartition("/")[2]: p["Value"] for p in found}
    types = {p["Name"].rpartition("/")[2]: p["Type"] for p in found}
    assert types.pop("maintenance-mode") == "String"
    assert set(types.values()) == {"SecureString"}
    assert set(types) == {
        *("database-url", "redis-url", "jwt-secret"),
        *("refresh-token-secret", "stripe-secret-key"),
    }
    url = urlsplit(values["database-url"])
    assert (url.scheme, url.port) == ("postgresql", 5432)
    assert url.path == f"/aussie_markets_{environment}"
    assert urlsplit(values["redis-url"]).scheme == "rediss"
    # The throw-away secrets are nowhere in clear.
    exported = json.dumps(cloud.state(environment))
    for value in (url.password, values["jwt-secret"], values["stripe-secret-key"]):
        assert value
        assert value not in exported


def test_a_second_up_of_each_reports_no_changes_and_leaves_a_blocked_address(
    cloud: LocalCloud,
) -> None:
    before = cloud.inventory()
    waf, outputs = cloud.client("wafv2"), cloud.outputs("staging")
    block_list = {
        "Name": outputs["ip_set_names"]["ipv4"],
        "Id": outputs["ip_set_ids"]["ipv4"],
        "Scope": "REGIONAL",
    }
    token = waf.get_ip_set(**block_list)["LockToken"]
    waf.update_ip_set(**block_list, Addresses=["203.0.113.7/32"], LockToken=token)
    running = {name: cloud.start("up", "--stack", name) for name in ENVIRONMENTS}
    for name, process in running.items():
        answer = process.finish()
        assert answer.code == 0, answer.text
        assert f"{name}: no changes" in answer.text
    assert cloud.inventory() == before
    assert waf.get_ip_set(**block_list)["IPSet"]["Addresses"] == ["203.0.113.7/32"]


@pytest.mark.usefixtures("unchanged")
def test_a_setting_that_aws_updates_in_place_is_an_update(cloud: LocalCloud) -> None:
    cloud.configure("staging", network={"flow_log_retention_days": 60})
    steps = {name: step["op"] for name, step in cloud.steps("staging").items()}
    assert steps == {"LogGroup aussie-markets-staging-flow-logs": "update"}
    answer = cloud.run("up")
    assert answer.code == 0, answer.text
    (group,) = cloud.client("logs").describe_log_groups(
        logGroupNamePrefix="/aussie-markets/staging/vpc-flow-logs"
    )["logGroups"]
    assert group["retentionInDays"] == 60
    cloud.configure("staging")
    assert cloud.run("up").code == 0


@pytest.mark.usefixtures("unchanged")
def test_a_setting_that_aws_cannot_update_is_shown_as_a_replacement(cloud: LocalCloud) -> None:
    cloud.configure("staging", network={"private_subnets": ["10.0.10.0/24", "10.0.30.0/24"]})
    steps = cloud.steps("staging")
    assert steps["Subnet aussie-markets-staging-vpc-private-2"]["op"] == "replace"
    assert "Subnet aussie-markets-staging-vpc-private-1" not in steps


def test_drift_behind_the_stack_is_seen_by_a_refresh(cloud: LocalCloud) -> None:
    ec2 = cloud.client("ec2")
    outputs = cloud.outputs("staging")
    subnet = outputs["public_subnet_ids"][0]
    group = outputs["security_group_ids"]["database"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    (rule,) = [r for r in rules["SecurityGroupRules"] if not r["IsEgress"]]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
    )
    answer = cloud.shell("pulumi preview --refresh --expect-no-changes --diff")
    assert answer.code != 0
    assert "mapPublicIpOnLaunch" in answer.text
    assert "aussie-markets-staging-database-ingress-postgres" in answer.text

    repaired = cloud.shell("pulumi up --refresh --yes --skip-preview")
    assert repaired.code == 0, repaired.text
    (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert found["MapPublicIpOnLaunch"] is True
    assert cloud.shell("pulumi preview --refresh --expect-no-changes").code == 0


def test_plain_pulumi_in_the_shell_leaves_the_committed_files_alone(cloud: LocalCloud) -> None:
    committed = cloud.repository / "Pulumi.staging.yaml"
    before = committed.read_text()
    answer = cloud.shell("pulumi config set --secret aussie-markets:word s3cret && pulumi stack ls")
    assert answer.code == 0, answer.text
    assert "staging" in answer.text
    assert committed.read_text() == before
    assert cloud.shell("exit 7").code == 7


def test_a_resource_is_imported_by_its_id(cloud: LocalCloud) -> None:
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    command = f"pulumi import aws:ec2/vpc:Vpc found {vpc} --yes --protect=false"
    answer = cloud.shell(
        f'{command} && pulumi state delete --yes "$(pulumi stack --show-urns |'
        " sed -n 's/.*URN: \\(.*::found\\)$/\\1/p')\""
    )
    cloud.client("ec2").delete_vpc(VpcId=vpc)
    assert answer.code == 0, answer.text


def test_a_stack_that_does_not_exist_is_refused_with_those_that_do(cloud: LocalCloud) -> None:
    answer = cloud.run("up", "--stack", "demo")
    assert answer.code == 1
    assert "Pulumi.demo.yaml does not exist; use one of account, production, staging" in answer.text


def test_a_dead_emulator_is_noticed_and_the_stack_built_again(cloud: LocalCloud) -> None:
    before = cloud.inventory()
    running = json.loads(cloud.folders.emulator.read_text())
    os.kill(running["process"], signal.SIGKILL)
    for name in ENVIRONMENTS:
        answer = cloud.run("up", "--stack", name)
        assert answer.code == 0, answer.text
        assert f"{name}: the emulator was started anew and is empty" in answer.text
    assert cloud.inventory() == before


UNPROTECTED = {"deletion_protection": False}

# The packs refuse to take protection away.
WITHOUT_PACKS = "pulumi up --yes --skip-preview"


def lift_protection_of_the_account(cloud: LocalCloud) -> None:
    file = cloud.repository / "Pulumi.account.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["aussie-markets:account"] |= UNPROTECTED
    file.write_text(yaml.safe_dump(content))


def test_down_leaves_only_what_is_documented_as_kept(make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    account = cloud.run("up", "--stack", "account")
    assert account.code == 0, account.text
    before = cloud.inventory()
    for process in [cloud.start("up", "--stack", name) for name in ENVIRONMENTS]:
        answer = process.finish()
        assert answer.code == 0, answer.text
    refused = cloud.run("down", "--stack", "production")
    assert refused.code == 1
    assert "production has protected resources, and nothing was destroyed" in refused.text
    cloud.configure(
        "production",
        database=UNPROTECTED,
        api={"load_balancer": UNPROTECTED},
        assets=UNPROTECTED,
        backup=UNPROTECTED,
    )
    refused = cloud.run("up", "--stack", "production")
    assert refused.code == 1
    assert "deletionProtection" in refused.text
    lifted = cloud.shell(WITHOUT_PACKS, "production")
    assert lifted.code == 0, lifted.text
    for name in ENVIRONMENTS:
        answer = cloud.run("down", "--stack", name)
        assert answer.code == 0, answer.text
        assert answer.text.count("kept as documented: aws:kms/key:Key") == KEYS
        assert f"final snapshot aussie-markets-db-{name}-final-1" in answer.text
        assert cloud.state(name) == []
    after = cloud.inventory()
    left = {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]}
    # The log groups are production's for auditors.
    assert left == {"keys": 2 * KEYS_IN_REGION, "snapshots": 2, "log groups": 2}
    again = cloud.run("down")
    assert again.code == 0, again.text
    # A stack built again, even with another key, leaves the kept one alone.
    program = cloud.repository / "__main__.py"
    text = program.read_text()
    program.write_text(text.replace('"Logs",', '"Logs again",'))
    assert program.read_text() != text
    again = cloud.run("up")
    assert again.code != 0
    assert "DBSnapshotAlreadyExists" in again.text
    cloud.configure("staging", database={"generation": 2}, cache={"generation": 2})
    rebuilt = cloud.run("up")
    assert rebuilt.code == 0, rebuilt.text
    kms = cloud.client("kms")
    states = [
        kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]
    ]
    ours = [each["KeyState"] for each in states if each["KeyManager"] == "CUSTOMER"]
    assert ours == ["Enabled"] * (before["keys"] + 3 * KEYS_IN_REGION)
    refused = cloud.run("down", "--stack", "account")
    assert refused.code == 1
    assert "staging" in refused.text
    assert cloud.run("down").code == 0
    lift_protection_of_the_account(cloud)
    lifted = cloud.shell(WITHOUT_PACKS, "account")
    assert lifted.code == 0, lifted.text
    gone = cloud.run("down", "--stack", "account")
    assert gone.code == 0, gone.text
    assert gone.text.count("kept as documented") == 2
