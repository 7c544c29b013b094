"""The API: the load balancer, and every service of the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Names, repository
from components.service import ListenerAccess, Service, ServiceArgs, ServiceOutputs
from components.settings.api import ApiSettings
from components.settings.cluster import CapacitySettings
from components.settings.services import ServiceSettings
from components.task import BOOTSTRAP_IMAGE


@dataclass(frozen=True)
class ApiArgs:
    """Inputs of `Api`; those of its parts are explained at `LoadBalancerArgs` and `ServiceArgs`."""

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: ApiSettings
    services: Mapping[str, ServiceSettings]
    cluster_arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    capacity: CapacitySettings
    vpc_id: pulumi.Input[str]
    public_subnet_ids: pulumi.Input[Sequence[str]]
    private_subnet_ids: pulumi.Input[Sequence[str]]
    load_balancer_security_group_id: pulumi.Input[str]
    service_security_group_id: pulumi.Input[str]
    certificate_arn: pulumi.Input[str] | None
    parameter_arns: Mapping[str, pulumi.Input[str]]
    parameters_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    written_log_group_arns: Sequence[pulumi.Input[str]]


class Api(pulumi.ComponentResource):
    """`aussie-markets:api:Api`: everything that answers requests, and the workers beside it.

    - `LoadBalancer`.
    - `Service` for each entry of the settings. Its image is the parameter that `deploy` and
      `rollback` write; where there is none yet, a public image answers health checks.
    """

    load_balancer: LoadBalancer
    services: Mapping[str, ServiceOutputs]
    """By the name of the settings, `api` among them."""

    def __init__(
        self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:api:Api", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self.load_balancer = LoadBalancer(
            f"{name}-lb",
            LoadBalancerArgs(
                names=args.names,
                region=args.region,
                account_id=args.account_id,
                settings=args.settings.load_balancer,
                subnet_ids=args.public_subnet_ids,
                security_group_id=args.load_balancer_security_group_id,
                certificate_arn=args.certificate_arn,
            ),
            self._child,
        )
        images = self._released_images()
        self.services = {service: self._service(service, images) for service in args.services}
        self.register_outputs(
            {
                "load_balancer_arn": self.load_balancer.arn,
                "services": {
                    service: described._asdict() for service, described in self.services.items()
                },
            }
        )

    def _service(self, service: str, images: pulumi.Output[Mapping[str, str]]) -> ServiceOutputs:
        args, settings = self._args, self._args.services[service]
        released = settings.release or service
        registry = args.settings.registry
        return Service(
            f"{self._name_prefix}-{service}",
            ServiceArgs(
                names=args.names,
                region=args.region,
                account_id=args.account_id,
                service=service,
                settings=settings,
                image=images.apply(lambda known: known.get(args.names.release(released))),
                repository_arn=pulumi.Output.concat(
                    f"arn:aws:ecr:{registry.region or args.region}:",
                    registry.account_id or args.account_id,
                    f":repository/{repository(released)}",
                ),
                cluster_arn=args.cluster_arn,
                cluster_name=args.cluster_name,
                capacity=args.capacity,
                subnet_ids=args.private_subnet_ids,
                security_group_id=args.service_security_group_id,
                listener=ListenerAccess(
                    listener_arn=self.load_balancer.listener_arn,
                    arn_suffix=self.load_balancer.arn_suffix,
                    vpc_id=args.vpc_id,
                ),
                parameter_arns=args.parameter_arns,
                parameters_key_arn=args.parameters_key_arn,
                log_key_arn=args.log_key_arn,
                written_log_group_arns=args.written_log_group_arns,
            ),
            self._child,
        ).described

    def _released_images(self) -> pulumi.Output[Mapping[str, str]]:
        """Images by the name of their parameter; says which services have none."""
        names, services = self._args.names, self._args.services
        # Answers nothing instead of failing where there is no parameter yet.
        found = aws.ssm.get_parameters_by_path_output(
            path=names.releases,
            recursive=False,
            with_decryption=False,
            opts=pulumi.InvokeOptions(parent=self),
        )

        def by_name(known: Sequence[Sequence[str]]) -> Mapping[str, str]:
            images = dict(zip(known[0], known[1], strict=True))
            missing = [
                service
                for service, settings in services.items()
                if names.release(settings.release or service) not in images
            ]
            if missing:
                pulumi.log.warn(
                    f"No image of {', '.join(missing)} is released yet: {BOOTSTRAP_IMAGE} runs "
                    "instead, and answers health checks alone",
                    self,
                )
            return images

        # The provider takes every parameter for a secret; these are names of images.
        return pulumi.Output.unsecret(pulumi.Output.all(found.names, found.values).apply(by_name))
