"""The repositories of the services' images."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.naming import repository
from components.settings.account import ImageSettings, RegistrySettings, ScanType


@dataclass(frozen=True)
class RegistryArgs:
    """Inputs of `Registry`.

    `kms_key_arn` encrypts the images, and must outlive them. `protect` keeps them from
    `pulumi destroy`; without it a repository goes together with its images.
    """

    settings: RegistrySettings
    kms_key_arn: pulumi.Input[str]
    protect: bool


class Registry(pulumi.ComponentResource):
    """`aussie-markets:registry:Registry`: where all environments get their images from.

    - `aws.ecr.Repository` for each service: a tag means one image for ever.
    - `aws.ecr.LifecyclePolicy` for each: images without a tag go after some days, those with one
      never. How old the image of a running task may be is nobody's to say, and counting would
      take it once enough newer ones are pushed.
    - `aws.ecr.RegistryScanningConfiguration`: every image is searched for known vulnerabilities.
    """

    repository_arns: Mapping[str, pulumi.Output[str]]
    """By service."""
    repository_urls: Mapping[str, pulumi.Output[str]]
    """Where images are pushed to and pulled from, by service."""

    def __init__(
        self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:registry:Registry", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        repositories = {
            service: self._repository(f"{name}-{service}", service, args, images)
            for service, images in args.settings.repositories.items()
        }
        enhanced = args.settings.scan_type is ScanType.ENHANCED
        aws.ecr.RegistryScanningConfiguration(
            f"{name}-scanning",
            scan_type=args.settings.scan_type.value,
            rules=[
                aws.ecr.RegistryScanningConfigurationRuleArgs(
                    scan_frequency="CONTINUOUS_SCAN" if enhanced else "SCAN_ON_PUSH",
                    repository_filters=[
                        aws.ecr.RegistryScanningConfigurationRuleRepositoryFilterArgs(
                            filter="*", filter_type="WILDCARD"
                        )
                    ],
                )
            ],
            opts=child,
        )
        self.repository_arns = {service: each.arn for service, each in repositories.items()}
        self.repository_urls = {
            service: each.repository_url for service, each in repositories.items()
        }
        self.register_outputs(
            {"repository_arns": self.repository_arns, "repository_urls": self.repository_urls}
        )

    def _repository(
        self, name: str, service: str, args: RegistryArgs, images: ImageSettings
    ) -> aws.ecr.Repository:
        created = aws.ecr.Repository(
            name,
            # Fixed: stacks make the addresses of images out of it.
            name=repository(service),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=True
            ),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=args.kms_key_arn
                )
            ],
            force_delete=not args.protect,
            # Tasks that start pull from here, in every environment.
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        aws.ecr.LifecyclePolicy(
            name,
            repository=created.name,
            policy=json.dumps(_lifecycle(images.untagged_days)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return created


def _lifecycle(untagged_days: int) -> Mapping[str, object]:
    """ECR user guide, "Lifecycle policy properties".

    Images that a tagged list of images consists of count as used, although they have no tag.
    """
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": "What has no tag cannot be deployed",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": untagged_days,
                },
                "action": {"type": "expire"},
            }
        ]
    }
