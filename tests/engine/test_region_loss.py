"""docs/region-loss.md: Sydney is gone, and the platform comes up in Melbourne from a copy."""

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud

SYDNEY = "ap-southeast-2"
MELBOURNE = "ap-southeast-4"
STACK = "production-melbourne"
DATABASE = "aussie-markets-db-production"
COPY = "copied-from-sydney"


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    cloud = make_cloud()
    assert cloud.shell("true").code == 0
    return cloud


@pytest.fixture(scope="module")
def copy_key(cloud: LocalCloud) -> str:
    """A snapshot of Sydney's database, copied under a key in Melbourne, and its key."""
    sydney, melbourne = cloud.client("rds", SYDNEY), cloud.client("rds", MELBOURNE)
    key = cloud.client("kms", MELBOURNE).create_key()["KeyMetadata"]["Arn"]
    sydney.create_db_instance(
        DBInstanceIdentifier=DATABASE,
        DBInstanceClass="db.r6g.large",
        Engine="postgres",
        AllocatedStorage=20,
        StorageEncrypted=True,
        MasterUsername="aussiemarkets",
        MasterUserPassword="before-the-loss",
    )
    snapshot = sydney.create_db_snapshot(
        DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="last-night"
    )["DBSnapshot"]
    melbourne.copy_db_snapshot(
        SourceDBSnapshotIdentifier=snapshot["DBSnapshotArn"],
        TargetDBSnapshotIdentifier=COPY,
        KmsKeyId=key,
        SourceRegion=SYDNEY,
    )
    return str(key)


def test_a_stack_file_brings_the_platform_up_from_a_copied_snapshot(
    cloud: LocalCloud, copy_key: str
) -> None:
    cloud.configure(
        STACK,
        stack={"environment": "production", "region": MELBOURNE},
        database={"snapshot_identifier": COPY, "kms_key_arn": copy_key},
        edge={"enabled": False},
        assets={"replica_region": "ap-southeast-1"},
        backup={"copy_region": "ap-southeast-1"},
    )
    answer = cloud.run("up", "--stack", STACK)
    assert answer.code == 0, answer.text
    (database,) = cloud.client("rds", MELBOURNE).describe_db_instances(
        DBInstanceIdentifier=DATABASE
    )["DBInstances"]
    assert database["KmsKeyId"] == copy_key
    assert database["StorageEncrypted"] is True
    assert database["MultiAZ"] is True
    outputs = cloud.outputs(STACK)
    assert outputs["region"] == MELBOURNE
    (service,) = cloud.client("ecs", MELBOURNE).describe_services(
        cluster=outputs["cluster_name"], services=[outputs["services"]["api"]["service_name"]]
    )["services"]
    assert service["status"] == "ACTIVE"
    parameters = cloud.client("ssm", MELBOURNE).get_parameters_by_path(
        Path="/aussie-markets/production", WithDecryption=True
    )["Parameters"]
    (url,) = [p["Value"] for p in parameters if p["Name"].endswith("/database-url")]
    assert database["Endpoint"]["Address"] in url
    vault = outputs["backup_copy_vault_arn"]
    assert vault.split(":")[3] == "ap-southeast-1"
    again = cloud.run("up", "--stack", STACK)
    assert again.code == 0, again.text
    assert f"{STACK}: no changes" in again.text
