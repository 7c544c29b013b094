"""Releases: which image runs, a new one, and the one before.

The release parameter owns the image and the program reads it: a task definition that was
registered beside Pulumi would be rolled back by the next update.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from operations.aws import or_none
from operations.errors import InputError, OperationError
from operations.parameters import read_parameter, require_no_maintenance
from operations.platform import PROJECT
from operations.pulumi_command import pulumi_up
from operations.service import Phases, judge_deployment, require_service
from operations.steps import Context, Step, looking, run_steps

# ECR: of a tag at most 128 characters.
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


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
    go_on = f"run `{_command(version, service)}` again"
    with looking(go_on):
        require_no_maintenance(context)
        require_service(context, service)
        image = find_image(context, version, service, registry)
    _release(context, "deploy", service, image, go_on=go_on, version=version)
    return image


def rollback(context: Context, service: str = "api") -> str:
    """Release the image that was released before the present one; a second time undoes it."""
    with looking("run `rollback` again"):
        require_no_maintenance(context)
        require_service(context, service)
        present, previous = _releases(context, service)
        host, _, digest = previous.partition("@")
        # <account>.dkr.ecr.<region>.amazonaws.com/<repository>
        account_id, _, _, region, *_ = host.split(".")
        find_image(context, digest, service, Registry(account_id, region))
    if not context.dry_run:
        context.console.confirm(f"Replace {present} by {previous}?", yes=context.yes)
    # Not `rollback` again: once the release is written, that would undo it.
    go_on = f"run `{_command(digest, service)}`"
    _release(context, "rollback", service, previous, go_on=go_on, replaced=present)
    return previous


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


def _command(version: str, service: str) -> str:
    return f"deploy {version}" + ("" if service == "api" else f" --service {service}")


def check_version(version: str) -> None:
    if version == "latest" or not (_TAG.fullmatch(version) or _DIGEST.fullmatch(version)):
        raise InputError(
            f"version {version!r}: must be a tag other than latest, such as a commit, or a digest "
            "sha256:…"
        )


def _release(
    context: Context, command: str, service: str, image: str, *, go_on: str, **about: Any
) -> None:
    parameter = context.platform.release(service)
    phases = Phases(context, service)

    def write() -> None:
        # Written again it would become a version of its own, and the one before it the same.
        if read_parameter(context, parameter) == image:
            return
        context.aws.client("ssm").put_parameter(
            Name=parameter, Value=image, Type="String", Overwrite=True
        )

    steps = [
        Step(f"release {image}", write),
        Step("run `pulumi up` with the policy packs", lambda: pulumi_up(context, phases.tell)),
        Step("see the new version run", partial(judge_deployment, context, service, image)),
    ]
    way_on = (
        f"{go_on} once the cause is mended; if the version itself is at fault, `rollback` releases "
        "the one before, and until then every `pulumi up` tries this one"
    )
    run_steps(context, command, steps, go_on=way_on, service=service, image=image, **about)


def _releases(context: Context, service: str) -> tuple[str, str]:
    """The image that is released, and the last other one before it."""
    name = context.platform.release(service)
    pages = context.aws.client("ssm").get_paginator("get_parameter_history").paginate(Name=name)
    found = or_none(
        lambda: [one for page in pages for one in page["Parameters"]], "ParameterNotFound"
    )
    values = [one["Value"] for one in sorted(found or [], key=lambda one: one["Version"])]
    others = [value for value in values if value != values[-1]]
    if not others:
        raise OperationError(f"{name} holds no release before the present one; deploy one by name")
    return values[-1], others[-1]
