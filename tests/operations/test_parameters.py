"""Parameter Store: backed up without a secret in sight, and put back where it differs."""

import json
from typing import Any

import boto3
import pytest

from operations import parameters
from operations.aws import Aws
from operations.errors import InputError, OperationError
from operations.steps import Context
from tests.operations.conftest import REGION, MakeRun, audit_lines
from tests.operations.stack import fails_and_goes_on, watched

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


def test_what_differs_is_put_back_with_its_key_and_the_rest_stays(
    aws: Aws, make_run: MakeRun, key: str
) -> None:
    parameters.backup_parameters(make_run().context, BUCKET)
    put(aws, f"{ROOT}/jwt-secret", "damaged", key)
    put(aws, f"{ROOT}/maintenance-mode", "true")
    put(aws, f"{ROOT}/newer", "stays")
    aws.client("ssm").delete_parameter(Name=f"{ROOT}/release/api-image")
    wanted = [f"{ROOT}/jwt-secret", f"{ROOT}/release/api-image"]
    with pytest.raises(InputError, match=r"Overwrite .*jwt-secret"):
        parameters.restore_parameters(make_run().context, bucket=BUCKET)
    assert parameters.restore_parameters(make_run(dry_run=True).context, bucket=BUCKET) == wanted
    assert value(f"{ROOT}/jwt-secret") == "damaged"
    assert parameters.restore_parameters(make_run(yes=True).context, bucket=BUCKET) == wanted
    assert value(f"{ROOT}/jwt-secret") == SECRET
    assert value(f"{ROOT}/release/api-image") == "image-1"
    assert value(f"{ROOT}/maintenance-mode") == "true"
    assert value(f"{ROOT}/newer") == "stays"
    described = aws.client("ssm").describe_parameters()["Parameters"]
    assert {one["Name"]: one.get("KeyId") for one in described}[f"{ROOT}/jwt-secret"] == key
    assert parameters.restore_parameters(make_run(yes=True).context, bucket=BUCKET) == []


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


def test_backing_up_stops_at_any_call_and_goes_on(aws: Aws, make_run: MakeRun, key: str) -> None:
    def attempt(number: int) -> Any:
        context = another_stack(aws, make_run, number, key)
        return lambda: parameters.backup_parameters(context, BUCKET)

    def finished(number: int) -> None:
        folder = f"parameters/s-{number}/"
        found = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
        body = aws.client("s3").get_object(Bucket=BUCKET, Key=found[-1]["Key"])["Body"].read()
        assert len(json.loads(body)["parameters"]) == 1

    fails_and_goes_on(aws, ("s3", "kms", "ssm"), attempt, finished)


def test_putting_back_stops_at_any_call_and_goes_on(aws: Aws, make_run: MakeRun, key: str) -> None:
    def attempt(number: int) -> Any:
        context = another_stack(aws, make_run, number, key)
        parameters.backup_parameters(context, BUCKET)
        put(aws, f"/aussie-markets/s-{number}/jwt-secret", "damaged", key)
        return lambda: parameters.restore_parameters(context, bucket=BUCKET)

    def finished(number: int) -> None:
        assert value(f"/aussie-markets/s-{number}/jwt-secret") == SECRET

    fails_and_goes_on(aws, ("s3", "kms", "ssm"), attempt, finished)


def another_stack(aws: Aws, make_run: MakeRun, number: int, key: str) -> Context:
    alias = f"alias/aussie-markets-s-{number}-parameters"
    aws.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    put(aws, f"/aussie-markets/s-{number}/jwt-secret", SECRET, key)
    return make_run(f"s-{number}", yes=True).context
