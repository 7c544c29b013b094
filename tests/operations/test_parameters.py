"""Parameter Store: backed up without a secret in sight, and put back where it differs."""

import json
from typing import Any

import boto3
import pytest

from operations import parameters
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from tests.operations.conftest import REGION, MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.killed import KilledAfterEachChange
from tests.operations.stack import watched

BUCKET = "exports"
ROOT = "/aussie-markets/staging"
SECRET = "sentinel-secret"


def put(aws: Aws, name: str, value: str, key: str | None = None) -> None:
    secret = {"KeyId": key} if key else {}
    aws.client("ssm").put_parameter(
        Name=name,
        Value=value,
        Type="SecureString" if key else "String",
        Overwrite=True,
        **secret,
    )


def value(name: str) -> str:
    ssm = boto3.client("ssm", region_name=REGION)
    return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


@pytest.fixture
def key(aws: Aws) -> str:
    """Bucket, key and parameters of two stacks; the key."""
    kms, s3 = aws.client("kms"), aws.client("s3")
    arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName="alias/aussie-markets-staging-parameters", TargetKeyId=arn)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    put(aws, f"{ROOT}/jwt-secret", SECRET, arn)
    put(aws, f"{ROOT}/release/api-image", "image-1")
    put(aws, f"{ROOT}/maintenance-mode", "false")
    put(aws, "/aussie-markets/production/jwt-secret", "other", arn)
    return arn


@pytest.mark.usefixtures("key")
def test_a_backup_has_everything_of_the_stack_and_no_readable_secret(
    aws: Aws, make_run: MakeRun, audit_group: str
) -> None:
    run = make_run()
    name = parameters.backup_parameters(run.context, BUCKET)
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()
    assert name.startswith("parameters/staging/")
    assert {one["Name"] for one in json.loads(body)["parameters"]} == {
        f"{ROOT}/jwt-secret",
        f"{ROOT}/release/api-image",
        f"{ROOT}/maintenance-mode",
    }
    assert SECRET not in body
    assert SECRET not in run.text
    (line,) = audit_lines(audit_group)
    assert (line["key"], line["count"]) == (name, 3)
    assert SECRET not in json.dumps(line)


def test_what_is_missing_is_put_back_and_what_may_be_newer_stays(
    aws: Aws, make_run: MakeRun, key: str
) -> None:
    put(aws, f"{ROOT}/database-url", "address")
    parameters.backup_parameters(make_run().context, BUCKET)
    put(aws, f"{ROOT}/jwt-secret", "rotated", key)
    put(aws, f"{ROOT}/release/api-image", "image-2")
    put(aws, f"{ROOT}/maintenance-mode", "true")
    aws.client("ssm").delete_parameter(Name=f"{ROOT}/database-url")
    with pytest.raises(InputError, match=r"Write .*/database-url as"):
        parameters.restore_parameters(make_run().context, bucket=BUCKET)
    left = [f"{ROOT}/jwt-secret", f"{ROOT}/release/api-image"]
    expected = ([f"{ROOT}/database-url"], left)
    assert parameters.restore_parameters(make_run(dry_run=True).context, bucket=BUCKET) == expected
    run = make_run(yes=True)
    assert parameters.restore_parameters(run.context, bucket=BUCKET) == expected
    assert f"left as they are, unless they are named: {', '.join(left)}" in run.text
    assert value(f"{ROOT}/database-url") == "address"
    assert value(f"{ROOT}/jwt-secret") == "rotated"
    assert value(f"{ROOT}/release/api-image") == "image-2"
    assert value(f"{ROOT}/maintenance-mode") == "true"
    assert parameters.restore_parameters(run.context, bucket=BUCKET) == ([], left)


def test_what_is_named_is_put_back_with_its_key_and_the_rest_stays(
    aws: Aws, make_run: MakeRun, key: str
) -> None:
    put(aws, f"{ROOT}/database-url", "address")
    parameters.backup_parameters(make_run().context, BUCKET)
    put(aws, f"{ROOT}/jwt-secret", "damaged", key)
    put(aws, f"{ROOT}/newer", "stays")
    aws.client("ssm").delete_parameter(Name=f"{ROOT}/database-url")
    context = make_run(yes=True).context
    restored = parameters.restore_parameters(context, bucket=BUCKET, names=["jwt-secret"])
    assert restored == ([f"{ROOT}/jwt-secret"], [f"{ROOT}/database-url"])
    assert value(f"{ROOT}/jwt-secret") == SECRET
    assert value(f"{ROOT}/newer") == "stays"
    described = aws.client("ssm").describe_parameters()["Parameters"]
    assert {one["Name"]: one.get("KeyId") for one in described}[f"{ROOT}/jwt-secret"] == key


@pytest.mark.usefixtures("key")
def test_a_lost_release_is_put_back_only_where_it_is_named(aws: Aws, make_run: MakeRun) -> None:
    parameters.backup_parameters(make_run().context, BUCKET)
    release = f"{ROOT}/release/api-image"
    aws.client("ssm").delete_parameter(Name=release)
    context = make_run(yes=True).context
    assert parameters.restore_parameters(context, bucket=BUCKET) == ([], [release])
    # As it was listed.
    restored = parameters.restore_parameters(context, bucket=BUCKET, names=[release])
    assert restored == ([release], [])
    assert value(release) == "image-1"


@pytest.mark.usefixtures("key")
def test_a_name_that_the_backup_lacks_is_said(make_run: MakeRun) -> None:
    name = parameters.backup_parameters(make_run().context, BUCKET)
    with pytest.raises(OperationError, match=f"{name} holds no {ROOT}/jwt-secrets: choose"):
        parameters.restore_parameters(
            make_run(yes=True).context, bucket=BUCKET, names=["jwt-secret", "jwt-secrets"]
        )
    assert value(f"{ROOT}/jwt-secret") == SECRET


def test_maintenance_is_not_put_back(aws: Aws, make_run: MakeRun) -> None:
    with watched(aws, "s3", "ssm") as calls, pytest.raises(InputError, match="`maintenance off`"):
        parameters.restore_parameters(make_run().context, bucket=BUCKET, names=["maintenance-mode"])
    assert calls.made == []


def test_a_lost_secret_comes_back_with_the_key_it_had(
    aws: Aws, make_run: MakeRun, key: str
) -> None:
    parameters.backup_parameters(make_run().context, BUCKET)
    aws.client("ssm").delete_parameter(Name=f"{ROOT}/jwt-secret")
    sent: dict[str, Any] = {}
    aws.client("ssm").meta.events.register_first(
        "before-parameter-build.ssm.PutParameter", lambda params, **_: sent.update(params)
    )
    parameters.restore_parameters(make_run(yes=True).context, bucket=BUCKET)
    assert (sent["Name"], sent["KeyId"]) == (f"{ROOT}/jwt-secret", key)


@pytest.mark.usefixtures("key")
def test_a_secret_of_a_backup_cannot_be_passed_off_as_another(aws: Aws, make_run: MakeRun) -> None:
    name = parameters.backup_parameters(make_run().context, BUCKET)
    s3 = aws.client("s3")
    document = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()
    forged = document.replace("jwt-secret", "stripe-secret-key")
    s3.put_object(Bucket=BUCKET, Key=name, Body=forged.encode())
    with pytest.raises(OperationError, match="InvalidCiphertext"):
        parameters.restore_parameters(make_run(yes=True).context, bucket=BUCKET)


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"format": 2}, "no backup that this version can read"),
        (
            {"format": 1, "parameters": [{"Name": "/x", "Type": "String", "Value": "v"}]},
            "holds /x, which are not of this stack",
        ),
    ],
)
def test_a_document_of_another_kind_or_stack_is_refused(
    aws: Aws, make_run: MakeRun, body: Any, problem: str
) -> None:
    name = "parameters/staging/x.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=name, Body=json.dumps(body).encode())
    with pytest.raises(OperationError, match=problem):
        parameters.restore_parameters(make_run(yes=True).context, name, BUCKET)


def test_what_is_missing_is_said(aws: Aws, make_run: MakeRun, key: str) -> None:
    context = make_run().context
    with pytest.raises(OperationError, match="there is no s3://exports/parameters/staging/x"):
        parameters.restore_parameters(context, "parameters/staging/x", BUCKET)
    with pytest.raises(OperationError, match="holds no backup; run `parameters backup`"):
        parameters.restore_parameters(context, bucket=BUCKET)
    with pytest.raises(OperationError, match="no parameters under /aussie-markets/empty"):
        parameters.backup_parameters(make_run("empty").context, BUCKET)
    put(aws, f"{ROOT}/long", "x" * 4097, key)
    with pytest.raises(OperationError, match="long is longer than 4096 bytes"):
        parameters.backup_parameters(context, BUCKET)


def test_another_stacks_backup_is_refused_before_any_call(aws: Aws, make_run: MakeRun) -> None:
    with watched(aws, "s3", "ssm") as calls, pytest.raises(InputError, match="of this stack"):
        parameters.restore_parameters(make_run().context, "parameters/production/x.json", BUCKET)
    assert calls.made == []


@pytest.mark.usefixtures("key", "audit_group")
def test_backing_up_stops_at_any_call_and_goes_on(aws: Aws, make_run: MakeRun) -> None:
    context, s3 = make_run().context, aws.client("s3", attempts=1)

    def backups() -> list[dict[str, Any]]:
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix="parameters/staging/").get("Contents", ())
        bodies = [s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]
        return [json.loads(body) for body in bodies]

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `parameters backup` again" in stopped.go_on
        # What is there is whole, also where nobody knows of it.
        assert [len(one["parameters"]) for one in backups()] in ([], [3])

    clients = [aws.client(name) for name in ("s3", "kms", "ssm", "logs")]
    met = fails_at_every_call(
        clients, lambda: parameters.backup_parameters(context, BUCKET), stopped_well
    )
    assert {call.operation for call in met} >= {"GetParametersByPath", "Encrypt", "PutObject"}
    assert [len(one["parameters"]) for one in backups()] in ([3, 3],)


@pytest.mark.usefixtures("audit_group")
def test_putting_back_stops_at_any_call_and_goes_on(aws: Aws, make_run: MakeRun, key: str) -> None:
    context = make_run(yes=True).context
    parameters.backup_parameters(context, BUCKET)
    put(aws, f"{ROOT}/jwt-secret", "damaged", key)
    put(aws, f"{ROOT}/release/api-image", "damaged")
    put(aws, f"{ROOT}/newer", "stays")

    names = ["jwt-secret", "release/api-image"]

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `parameters restore {' '.join(names)}" in stopped.go_on
        for step in stopped.done:
            assert value(step.removeprefix("put back ")) != "damaged"

    clients = [aws.client(name) for name in ("s3", "kms", "ssm", "logs")]
    met = fails_at_every_call(
        clients,
        lambda: parameters.restore_parameters(context, bucket=BUCKET, names=names),
        stopped_well,
    )
    assert {call.step for call in met} >= {
        *("", f"put back {ROOT}/jwt-secret", f"put back {ROOT}/release/api-image")
    }
    assert {call.operation for call in met} >= {"ListObjectsV2", "GetObject", "Decrypt"}
    values = [value(f"{ROOT}/{name}") for name in (*names, "newer")]
    assert values == [SECRET, "image-1", "stays"]


@pytest.mark.usefixtures("audit_group")
def test_backing_up_and_putting_back_go_on_after_they_were_killed_after_any_change(
    aws: Aws, key: str, killed_after_each_change: KilledAfterEachChange
) -> None:
    backup = killed_after_each_change("parameters backup", BUCKET)
    assert backup == (["PutObject"], None)
    put(aws, f"{ROOT}/jwt-secret", "damaged", key)
    put(aws, f"{ROOT}/release/api-image", "damaged")
    restore = killed_after_each_change(
        "parameters restore", BUCKET, "jwt-secret", "release/api-image"
    )
    assert restore == (["PutParameter", "PutParameter"], None)
    assert value(f"{ROOT}/jwt-secret") == SECRET
    assert value(f"{ROOT}/release/api-image") == "image-1"
