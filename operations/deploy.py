"""Releases: which image runs, a new one, and the one before.

The release parameter owns the image and the program reads it: a task definition that was
registered beside Pulumi would be rolled back by the next update.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from operations.aws import is_aws_failure, or_none
from operations.errors import InputError, OperationError
from operations.parameters import require_no_maintenance
from operations.platform import PROJECT
from operations.pulumi_command import pulumi, pulumi_up, refresh_of
from operations.service import Phases, judge_deployment, require_service
from operations.steps import Context, Step, looking, run_steps

_SERVICE: Final = "aws:ecs/service:Service"

# ECR: of a tag at most 128 characters.
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

# An image by digest, as this module releases it, with the registry's account and region.
_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    rf"[^@:]+@(?P<digest>{_DIGEST.pattern})"
)

# Descriptions of releases: by whom, and whether it was seen to run. Without that, a rollback could
# choose what never ran, and one that was cut off would be undone by going on with it.
_DEPLOY: Final = "by deploy"
_ROLLBACK: Final = "by rollback"
_UNSEEN: Final = ", which has not seen it run"


@dataclass(frozen=True)
class Registry:
    """Where images are; this account and region without a word."""

    account_id: str | None = None
    region: str | None = None


HERE: Final = Registry()


def deploy(context: Context, version: str, service: str = "api", registry: Registry = HERE) -> str:
    """Release an image by tag or digest, and see it run; the image, by digest.

    Raises:
        InputError: `version` can be no tag or digest, or is `latest`, which names no one image.
    """
    check_version(version)
    go_on = f"run `{_command(version, service, registry)}` again"
    with looking(go_on):
        require_no_maintenance(context)
        require_service(context, service)
        image = find_image(context, version, service, registry)
    way_on = (
        f"{go_on} once the cause is mended; if the version itself is at fault, `rollback` releases "
        "the last one that ran, and until then any `pulumi up` may try this one"
    )
    steps = [
        *_release_steps(context, service, image, _DEPLOY),
        Step("note that it ran", partial(_write, context, service, image, _DEPLOY)),
    ]
    about: dict[str, Any] = {"service": service, "image": image, "version": version}
    run_steps(context, "deploy", steps, go_on=way_on, **about)
    return image


def rollback(context: Context, service: str = "api") -> str:
    """Release the last image before the present one that ran.

    So a second time undoes it, unless what it took back never ran. One that was cut off goes on
    instead.
    """
    with looking("run `rollback` again"):
        require_no_maintenance(context)
        require_service(context, service)
        releases = _releases(context, service)
        goes_on = bool(releases) and _description(releases[-1]) == _ROLLBACK + _UNSEEN
        other = None if goes_on else _last_that_ran(context, service, releases)
        present = str(releases[-1]["Value"])
        wanted = other or present
        _require_image(context, service, wanted)
    if not context.dry_run:
        question = f"Go on to {wanted}?" if goes_on else f"Replace {present} by {wanted}?"
        context.console.confirm(question, yes=context.yes)
    way_on = (
        "run `rollback` again once the cause is mended, which goes on with it; another version is "
        "released with `deploy`, and until then any `pulumi up` may try this one"
    )
    steps = [
        *_release_steps(context, service, wanted, _ROLLBACK),
        Step("note that the rollback is over", partial(_note_end, context, service, wanted)),
    ]
    about: dict[str, Any] = {"service": service, "image": wanted, "replaced": present}
    run_steps(context, "rollback", steps, go_on=way_on, **about)
    return wanted


def find_image(
    context: Context, version: str, service: str = "api", registry: Registry = HERE
) -> str:
    """The image of a tag or digest, with its digest, so that it stays the same one."""
    check_version(version)
    ecr, name = context.aws.client("ecr", registry.region), f"{PROJECT}-{service}"
    owner = {"registryId": registry.account_id} if registry.account_id else {}
    repositories = or_none(
        lambda: ecr.describe_repositories(repositoryNames=[name], **owner),
        "RepositoryNotFoundException",
    )
    if repositories is None:
        raise OperationError(
            f"there is no repository {name} in {registry.region or context.aws.region}: bring up "
            "the account's stack, or give --registry-id and --registry-region"
        )
    by = "imageDigest" if _DIGEST.fullmatch(version) else "imageTag"
    found = or_none(
        lambda: ecr.describe_images(repositoryName=name, imageIds=[{by: version}], **owner),
        "ImageNotFoundException",
    )
    if found is None:
        raise OperationError(f"{name} has no image {version}: push it first, or check the version")
    uri = repositories["repositories"][0]["repositoryUri"]
    return f"{uri}@{found['imageDetails'][0]['imageDigest']}"


def _require_image(context: Context, service: str, image: str) -> None:
    """See that an image of an earlier release still is in its registry."""
    reference = _IMAGE.fullmatch(image)
    if reference is None:
        raise OperationError(
            f"{image} was released by hand: it is no image of ECR by its digest, and may be "
            "another one by now. Release a version with `deploy`"
        )
    registry = Registry(reference["account"], reference["region"])
    find_image(context, reference["digest"], service, registry)


def _command(version: str, service: str, registry: Registry) -> str:
    options = {"--registry-id": registry.account_id, "--registry-region": registry.region}
    if service != "api":
        options["--service"] = service
    given = [f" {name} {value}" for name, value in options.items() if value is not None]
    return f"deploy {version}{''.join(given)}"


def check_version(version: str) -> None:
    if version == "latest" or not (_TAG.fullmatch(version) or _DIGEST.fullmatch(version)):
        raise InputError(
            f"version {version!r}: must be a tag other than latest, such as a commit, or a digest "
            "sha256:…"
        )


def _release_steps(context: Context, service: str, image: str, by: str) -> list[Step]:
    phases = Phases(context, service)
    return [
        Step(f"release {image}", partial(_write, context, service, image, by + _UNSEEN, by)),
        Step("let Pulumi read the service anew", partial(refresh_service, context, service)),
        Step("run `pulumi up` with the policy packs", lambda: pulumi_up(context, phases.tell)),
        Step("see the new version run", partial(judge_deployment, context, service, image)),
    ]


def refresh_service(context: Context, service: str) -> None:
    """Let Pulumi's state say which task definition ECS runs.

    After a deployment that ECS has rolled back it holds the new one, as the program does: an update
    would find nothing to do (pulumi/pulumi#21458).
    """
    name = context.platform.service(service)
    resources = json.loads(pulumi(context, "stack", "export"))["deployment"].get("resources", ())
    services = (one for one in resources if one["type"] == _SERVICE)
    for urn in {one["urn"] for one in services if one["inputs"].get("name") == name}:
        pulumi(context, *refresh_of(urn))


def _write(context: Context, service: str, image: str, description: str, *as_well: str) -> None:
    """Write the release, unless it stands there with this description or one that does as well."""
    last = (_releases(context, service) or [{}])[-1]
    # Parameter Store keeps a hundred versions: one that says nothing new would cost an old one.
    if last.get("Value") == image and _description(last) in (description, *as_well):
        return
    context.aws.client("ssm").put_parameter(
        Name=context.platform.release(service),
        Value=image,
        Type="String",
        Overwrite=True,
        Description=description,
    )


def _note_end(context: Context, service: str, image: str) -> None:
    """The rollback is over, whether it can be noted or not: told to go on, one would undo it."""
    try:
        _write(context, service, image, _ROLLBACK)
    except Exception as error:
        if not is_aws_failure(error):
            raise
        context.console.say(f"warning: the next `rollback` may release {image} once more: {error}")


def _releases(context: Context, service: str) -> list[dict[str, Any]]:
    """Every version of the release parameter that there still is, the present one last."""
    name = context.platform.release(service)
    pages = context.aws.client("ssm").get_paginator("get_parameter_history").paginate(Name=name)
    found = or_none(
        lambda: [one for page in pages for one in page["Parameters"]], "ParameterNotFound"
    )
    return sorted(found or [], key=lambda one: one["Version"])


def _description(release: Mapping[str, Any]) -> str:
    return str(release.get("Description", ""))


def _last_that_ran(context: Context, service: str, releases: Sequence[Mapping[str, Any]]) -> str:
    """The last image that is another than the present one, and that was seen to run.

    What somebody else has released, without a word about it, is taken to run.
    """
    ran = [
        one["Value"]
        for one in releases
        if one["Value"] != releases[-1]["Value"] and not _description(one).endswith(_UNSEEN)
    ]
    if not ran:
        raise OperationError(
            f"{context.platform.release(service)} holds no release before the present one that "
            "was seen to run; release a version with `deploy`"
        )
    return str(ran[-1])
