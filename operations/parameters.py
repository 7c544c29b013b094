"""Parameter Store: what stands there, its backup in S3, and putting it back."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from operations.aws import or_none
from operations.errors import InputError, OperationError
from operations.pulumi_command import stack_output
from operations.steps import Context, Step, looking, run_steps

# It says how things are now; a backup's answer would end or begin a maintenance.
MAINTENANCE_MODE: Final = "maintenance-mode"

FOLDER: Final = "parameters"
FORMAT: Final = 1

# One an hour, and an hour in which it may be late.
FRESH_HOURS: Final = 2

# KMS, Encrypt: bytes in one call, as many as a standard parameter has.
_LARGEST: Final = 4096


def read_parameter(context: Context, name: str) -> str | None:
    """The value of a parameter of the environment, decrypted; None where there is none."""
    ssm = context.aws.client("ssm")
    found = or_none(lambda: ssm.get_parameter(Name=name, WithDecryption=True), "ParameterNotFound")
    return str(found["Parameter"]["Value"]) if found else None


def require_no_maintenance(context: Context, otherwise: str = "End it first") -> None:
    """Refuse where maintenance mode is on: somebody works on the platform."""
    name = context.platform.parameter(MAINTENANCE_MODE)
    if read_parameter(context, name) not in (None, "false"):
        raise OperationError(
            f"maintenance is on ({name}): somebody works on the platform. {otherwise}"
        )


def backup_parameters(context: Context, bucket: str | None = None) -> str:
    """Write every parameter of the environment to S3; the object's key.

    Secrets are encrypted by KMS one by one, each bound to its name: what lies in the bucket is of
    no use without the parameters' key, whoever may read the bucket.
    """
    go_on = "run `parameters backup` again with the same options; each run writes its own object"
    bucket = bucket or stack_output(context, "export_bucket_name")
    environment = context.platform.environment
    key = f"{FOLDER}/{environment}/{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"
    with looking(go_on):
        found = _parameters(context)
    if not found:
        raise OperationError(
            f"there are no parameters under {context.platform.parameters_path}: check --stack, "
            "--region and --profile"
        )

    def write() -> None:
        document = {
            "format": FORMAT,
            "environment": environment,
            "parameters": [_sealed(context, parameter) for parameter in found],
        }
        context.aws.client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=json.dumps(document).encode(),
            ContentType="application/json",
        )

    step = Step(f"write {len(found)} parameters to s3://{bucket}/{key}", write)
    run_steps(context, "parameters backup", [step], go_on=go_on, key=key, count=len(found))
    return key


def verify_parameters_backup(
    context: Context, bucket: str, *, fresh_hours: int = FRESH_HOURS
) -> str:
    """Check that the newest backup is fresh; its key.

    Raises:
        OperationError: there is none, or it is older.
    """
    folder = f"{FOLDER}/{context.platform.environment}/"
    with looking("run it again"):
        newest = _newest(context, bucket, folder)
    key = str(newest["Key"])
    if datetime.now(UTC) - newest["LastModified"] > timedelta(hours=fresh_hours):
        raise OperationError(
            f"s3://{bucket}/{key} is the newest backup of the parameters, and older than "
            f"{fresh_hours} hours: run `parameters backup`, and see why the function does not"
        )
    return key


class PutBack(NamedTuple):
    """Names of parameters: written as in the backup; otherwise than in it, and left so."""

    restored: list[str]
    left: list[str]


def restore_parameters(
    context: Context,
    key: str | None = None,
    bucket: str | None = None,
    *,
    names: Sequence[str] = (),
) -> PutBack:
    """Put back parameters of a backup, or else of the newest.

    Without names those that are missing. What merely differs may be newer than the backup, such as
    a rotated secret, and even a missing release is for `deploy` and `rollback` to write: both are
    put back only by name. Parameters that the backup does not have stay, and so does maintenance
    mode. Parameter Store keeps the values from before as older versions.
    """
    platform = context.platform
    environment = platform.environment
    folder = f"{FOLDER}/{environment}/"
    named = [platform.parameter(n.removeprefix(f"{platform.parameters_path}/")) for n in names]
    if platform.parameter(MAINTENANCE_MODE) in named:
        raise InputError(f"{MAINTENANCE_MODE}: `maintenance on` and `maintenance off` write it")
    if key is not None and not key.startswith(folder):
        raise InputError(f"--key {key}: must be a backup of this stack, beginning with {folder}")
    bucket = bucket or stack_output(context, "export_bucket_name")
    command = " ".join(["parameters restore", *names])
    with looking(f"run `{command}` again with the same options"):
        key = key or str(_newest(context, bucket, folder)["Key"])
        document = _read(context, bucket, key)
        wanted = {one["Name"]: _opened(context, one) for one in document["parameters"]}
        present = {one["Name"]: one for one in _parameters(context)}
    wanted.pop(context.platform.parameter(MAINTENANCE_MODE), None)
    strange = [name for name in wanted if not name.startswith(context.platform.parameters_path)]
    if strange:
        raise OperationError(f"{key} holds {', '.join(strange)}, which are not of this stack")
    unknown = [name for name in named if name not in wanted]
    if unknown:
        raise OperationError(f"{key} holds no {', '.join(unknown)}: choose another backup by --key")
    different = [name for name in sorted(wanted) if not _same(wanted[name], present.get(name, {}))]
    releases = platform.parameter("release/")
    chosen = named or [n for n in wanted if n not in present and not n.startswith(releases)]
    restored = [name for name in different if name in chosen]
    left = [name for name in different if name not in chosen]
    if left:
        context.console.say(f"left as they are, unless they are named: {', '.join(left)}")
    if restored and not context.dry_run:
        context.console.confirm(f"Write {', '.join(restored)} as in {key}?", yes=context.yes)
    go_on = (
        f"run `{command} --key {key} --yes` again with the same options; it writes what still "
        "differs"
    )
    steps = [
        Step(f"put back {name}", _writer(context, wanted[name], present.get(name, {})))
        for name in restored
    ]
    run_steps(context, "parameters restore", steps, go_on=go_on, key=key, restored=restored)
    return PutBack(restored, left)


def _writer(
    context: Context, wanted: Mapping[str, Any], present: Mapping[str, Any]
) -> Callable[[], None]:
    def write() -> None:
        # Without its key a secret would be encrypted with one that the API may not use.
        key = present.get("KeyId") or wanted.get("KeyId")
        secret = {"KeyId": key} if wanted["Type"] == "SecureString" else {}
        context.aws.client("ssm").put_parameter(
            Name=wanted["Name"],
            Value=wanted["Value"],
            Type=wanted["Type"],
            Overwrite=True,
            **secret,
        )

    return write


def _same(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    return all(wanted[name] == present.get(name) for name in ("Type", "Value"))


def _parameters(context: Context) -> list[dict[str, Any]]:
    """Every parameter of the environment with value and key."""
    path = context.platform.parameters_path
    where = [{"Key": "Path", "Option": "Recursive", "Values": [path]}]
    described = context.aws.pages(
        "ssm", "describe_parameters", "Parameters", ParameterFilters=where
    )
    keys = {one["Name"]: one.get("KeyId") for one in described}
    values = context.aws.pages(
        "ssm",
        "get_parameters_by_path",
        "Parameters",
        Path=path,
        Recursive=True,
        WithDecryption=True,
    )
    return [
        {
            "Name": one["Name"],
            "Type": one["Type"],
            "Value": one["Value"],
            "KeyId": keys.get(one["Name"]),
        }
        for one in values
    ]


def _bound_to(name: str) -> dict[str, str]:
    return {"aussie-markets:parameter": name}


def _sealed(context: Context, parameter: Mapping[str, Any]) -> dict[str, Any]:
    if parameter["Type"] != "SecureString":
        return dict(parameter)
    plain = parameter["Value"].encode()
    if len(plain) > _LARGEST:
        raise OperationError(f"{parameter['Name']} is longer than {_LARGEST} bytes; shorten it")
    answer = context.aws.client("kms").encrypt(
        KeyId=context.platform.key_alias("parameters"),
        Plaintext=plain,
        EncryptionContext=_bound_to(parameter["Name"]),
    )
    return {**parameter, "Value": base64.b64encode(answer["CiphertextBlob"]).decode()}


def _opened(context: Context, parameter: Mapping[str, Any]) -> dict[str, Any]:
    if parameter["Type"] != "SecureString":
        return dict(parameter)
    answer = context.aws.client("kms").decrypt(
        CiphertextBlob=base64.b64decode(parameter["Value"]),
        EncryptionContext=_bound_to(parameter["Name"]),
    )
    return {**parameter, "Value": answer["Plaintext"].decode()}


def _newest(context: Context, bucket: str, folder: str) -> Mapping[str, Any]:
    """The newest backup, as S3 lists it; its key says when it was begun."""
    objects = context.aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=folder)
    newest: Mapping[str, Any] | None = max(objects, key=lambda one: one["Key"], default=None)
    if newest is None:
        raise OperationError(f"s3://{bucket}/{folder} holds no backup; run `parameters backup`")
    return newest


def _read(context: Context, bucket: str, key: str) -> dict[str, Any]:
    s3 = context.aws.client("s3")
    found = or_none(lambda: s3.get_object(Bucket=bucket, Key=key), "NoSuchKey")
    if found is None:
        raise OperationError(f"there is no s3://{bucket}/{key}; leave --key out for the newest")
    document: dict[str, Any] = json.loads(found["Body"].read())
    if document.get("format") != FORMAT:
        raise OperationError(f"s3://{bucket}/{key} is no backup that this version can read")
    return document
