"""The exact inputs of the repositories, and what their lifecycle expires."""

import json
from typing import Any

import pytest

from components.registry import Registry, RegistryArgs
from components.settings.account import RegistrySettings
from tests.unit.conftest import Deployment, deploy

REGISTRY = "aussie-markets:registry:Registry"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


def registry(
    *, protect: bool = True, preview: bool = False, scan_type: str = "BASIC", **repositories: Any
) -> Deployment:
    settings = RegistrySettings.model_validate(
        {"repositories": repositories or {"api": {}}, "scan_type": scan_type}
    )

    def program() -> None:
        Registry("images", RegistryArgs(settings=settings, kms_key_arn="arn:key", protect=protect))

    return deploy(program, "account", preview=preview)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("protect", [False, True])
def test_repositories_alone_are_protected(protect: bool, preview: bool) -> None:
    deployment = registry(protect=protect, preview=preview)
    component = deployment.only(REGISTRY)
    children = [resource for resource in deployment.resources if resource is not component]
    assert sorted(child.type for child in children) == sorted([REPOSITORY, LIFECYCLE, SCANNING])
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("images-")
        assert child.protect == (protect and child.type == REPOSITORY)
        assert not child.retain_on_delete
        assert child.ignore_changes == ()


@pytest.mark.parametrize("protect", [False, True])
def test_a_tag_is_one_image_for_ever(protect: bool) -> None:
    assert registry(protect=protect).only(REPOSITORY).inputs == {
        "name": "aussie-markets-api",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": "arn:key"}],
        "forceDelete": not protect,
    }


def test_further_services_have_repositories_of_their_own() -> None:
    deployment = registry(api={}, mailer={"untagged_days": 3})
    assert {each.inputs["name"] for each in deployment.of(REPOSITORY).values()} == {
        "aussie-markets-api",
        "aussie-markets-mailer",
    }
    days = {
        name: json.loads(each.inputs["policy"])["rules"][0]["selection"]["countNumber"]
        for name, each in deployment.of(LIFECYCLE).items()
    }
    assert days == {"images-api": 14, "images-mailer": 3}


def test_no_image_with_a_tag_ever_expires() -> None:
    """Whatever its age and number: it may be the one that runs."""
    lifecycle = registry().only(LIFECYCLE)
    assert lifecycle.inputs["repository"] == "aussie-markets-api"
    (rule,) = json.loads(lifecycle.inputs["policy"])["rules"]
    assert rule["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
    }
    assert rule["action"] == {"type": "expire"}


@pytest.mark.parametrize(
    ("scan_type", "frequency"), [("BASIC", "SCAN_ON_PUSH"), ("ENHANCED", "CONTINUOUS_SCAN")]
)
def test_every_image_is_scanned(scan_type: str, frequency: str) -> None:
    assert registry(scan_type=scan_type).only(SCANNING).inputs == {
        "scanType": scan_type,
        "rules": [
            {
                "scanFrequency": frequency,
                "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
            }
        ],
    }


def test_outputs() -> None:
    deployment = registry()
    assert deployment.outputs[deployment.only(REGISTRY).urn] == {
        "repository_arns": {"api": "arn:aws:mock:::repository/images-api-arn"},
        "repository_urls": {"api": "images-api.registry.example"},
    }
