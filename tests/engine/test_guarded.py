"""What production's protection and the secrets' encryption hold back, on Pulumi's real engine."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud

ENVIRONMENTS = ("staging", "production")

# As source text of components/database.py: what a change of each would be in a review.
ENCRYPTION = """"storage_encrypted": True,
            "kms_key_id": self._args.kms_key_arn,
"""
CHANGES = {
    "storageEncrypted": (ENCRYPTION, '"storage_encrypted": False,\n'),
    "kmsKeyId": (ENCRYPTION, ENCRYPTION.replace("kms_key_arn", "log_key_arn")),
}

SNAPSHOT = {"snapshot_identifier": "before-the-accident", "rebuild_from_snapshot": True}


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    cloud = make_cloud()
    for process in [cloud.start("up", "--stack", name) for name in ENVIRONMENTS]:
        answer = process.finish()
        assert answer.code == 0, answer.text
    return cloud


@pytest.fixture
def source(cloud: LocalCloud) -> Iterator[Path]:
    """The database's component, put back after the test, as the stack files are."""
    files = [cloud.repository / f"Pulumi.{name}.yaml" for name in ENVIRONMENTS]
    component = cloud.repository / "components" / "database.py"
    before = {file: file.read_text() for file in (*files, component)}
    yield component
    for file, text in before.items():
        file.write_text(text)


def change(cloud: LocalCloud, source: Path, name: str) -> None:
    if name == "snapshotIdentifier":
        for environment in ENVIRONMENTS:
            cloud.configure(environment, database=SNAPSHOT)
        return
    text = source.read_text()
    assert text.count(CHANGES[name][0]) == 1
    source.write_text(text.replace(*CHANGES[name]))


def database(cloud: LocalCloud, environment: str) -> dict[str, object]:
    found = cloud.client("rds").describe_db_instances(
        DBInstanceIdentifier=f"aussie-markets-db-{environment}"
    )
    (instance,) = found["DBInstances"]
    # The emulator's clock, whatever happens to the database.
    del instance["LatestRestorableTime"]
    return dict(instance)


@pytest.mark.parametrize("name", [*CHANGES, "snapshotIdentifier"])
def test_what_rebuilds_the_database_shows_a_replacement_and_production_refuses_it_untouched(
    cloud: LocalCloud, source: Path, name: str
) -> None:
    change(cloud, source, name)
    step = cloud.steps("staging")["Instance aussie-markets-staging-database-instance"]
    assert step["op"] in ("replace", "delete-replaced", "create-replacement")
    assert name in step["replaceReasons"]

    before = (cloud.inventory(), database(cloud, "production"), cloud.state("production"))
    for words in (("preview", "--stack", "production"), ("up", "--stack", "production")):
        refused = cloud.run(*words)
        assert refused.code == 1
        assert "aussie-markets-production-database-instance" in refused.text
        assert "protect" in refused.text
    after = (cloud.inventory(), database(cloud, "production"), cloud.state("production"))
    assert after == before


def test_a_snapshot_alone_changes_nothing(cloud: LocalCloud, source: Path) -> None:
    assert source.is_file()
    cloud.configure("staging", database={"snapshot_identifier": "before-the-accident"})
    answer = cloud.shell("pulumi preview --expect-no-changes")
    assert answer.code == 0, answer.text


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_in_clear_in_state_files_or_logs(cloud: LocalCloud, environment: str) -> None:
    found = cloud.client("ssm").get_parameters_by_path(
        Path=f"/aussie-markets/{environment}", Recursive=True, WithDecryption=True
    )["Parameters"]
    values = {p["Name"].rpartition("/")[2]: p["Value"] for p in found if p["Type"] != "String"}
    assert len(values) == 5
    password, token = (
        urlsplit(values.pop(name)).password or "" for name in ("database-url", "redis-url")
    )
    secrets = {*values.values(), password, token}
    secrets |= {quote(secret, safe="") for secret in secrets}
    assert all(len(secret) >= 16 for secret in secrets)

    exported = cloud.shell("pulumi stack export", environment)
    assert exported.code == 0
    assert '"ciphertext"' in exported.text
    written = {
        str(path): path.read_text(errors="replace")
        for path in cloud.folders.root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert any(name.endswith(f"{environment}.json") for name in written)
    # The most verbose log of a run that plans a change of the password.
    cloud.configure(environment, database={"password_version": 2})
    verbose = cloud.shell(
        "rm -rf verbose && mkdir verbose && TMPDIR=$PWD/verbose pulumi preview --diff"
        " --logflow -v=9; cat verbose/*; rm -rf verbose",
        environment,
    )
    assert "registering resource: ty=aws:rds/instance:Instance" in verbose.text
    cloud.configure(environment)
    for where, text in {"export": exported.text, "preview": verbose.text, **written}.items():
        clear = [secret[:4] for secret in secrets if secret in text]
        assert not clear, f"{len(clear)} secrets in {where}"
