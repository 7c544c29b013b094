"""The container of a service's tasks."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from components.network import API_PORT
from components.settings.services import ServiceSettings

# Of images: a registry with or without a port, then a path; a tag is optional before a digest.
_NAME: Final = r"[\w.-]+(:\d+(?=/))?(/[\w.-]+)*"
_DIGEST: Final = r"(:\w[\w.-]*)?@sha256:[0-9a-f]{64}"
_TAG: Final = r":(?!latest$)\w[\w.-]{0,127}"

# What runs before the first release; it is public, so that an empty account can start it.
BOOTSTRAP_IMAGE: Final = "public.ecr.aws/docker/library/python:3.13.7-slim"

# The one place where a task may write; it is empty at the start and gone at the end.
SCRATCH_VOLUME: Final = "tmp"
SCRATCH_PATH: Final = "/tmp"  # noqa: S108 - inside the container

# Log lines wait here while CloudWatch is slow; beyond that they are lost instead of requests.
LOG_BUFFER: Final = "25m"

# Seconds; ECS, HealthCheck.
HEALTH_CHECK: Final = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 60}


def health_server(port: int, health_path: str) -> str:
    """A Python program that answers 200 to `health_path` and 503 to everything else."""
    return "\n".join(
        (
            "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer",
            "class Answer(BaseHTTPRequestHandler):",
            "    def do_GET(self):",
            f"        self.send_response(200 if self.path == {health_path!r} else 503)",
            "        self.send_header('Content-Length', '0')",
            "        self.end_headers()",
            f"ThreadingHTTPServer(('', {port}), Answer).serve_forever()",
        )
    )


def check_image(service: str, image: str) -> str:
    """The image, if it will be the same one tomorrow; `pulumi.RunError` otherwise."""
    if not re.fullmatch(f"{_NAME}({_DIGEST}|{_TAG})", image):
        raise pulumi.RunError(
            f"The released image of {service} is {image}: must have a tag other than latest, or a "
            "digest. Release another one with `operations deploy`"
        )
    return image


def container_definition(
    service: str,
    environment: str,
    settings: ServiceSettings,
    *,
    image: str | None,
    secrets: Mapping[str, str],
    log_group: str,
    region: str,
) -> dict[str, Any]:
    """The container as ECS's RegisterTaskDefinition takes it.

    Lists are in a fixed order and given even where they are empty: what ECS fills in itself
    would be a difference on every run. `secrets` maps variables to parameter ARNs. Without an
    `image` the container only proves that it is alive.
    """
    http = settings.http
    variables = {"NODE_ENV": environment, **settings.environment}
    if http is not None:
        variables["PORT"] = str(API_PORT)
    alive = health_server(API_PORT, http.health_path if http is not None else "/health")
    definition: dict[str, Any] = {
        "name": service,
        "image": BOOTSTRAP_IMAGE if image is None else check_image(service, image),
        "command": ["python", "-c", alive] if image is None else list(settings.command),
        "essential": True,
        # The only container has all that the task has.
        "cpu": settings.cpu,
        "memory": settings.memory_mib,
        "user": settings.user,
        "readonlyRootFilesystem": True,
        "linuxParameters": {
            # Ends children that the program forgot, and passes SIGTERM on.
            "initProcessEnabled": True,
            "capabilities": {"add": [], "drop": ["ALL"]},
        },
        "stopTimeout": settings.stop_timeout_seconds,
        "environment": [{"name": key, "value": variables[key]} for key in sorted(variables)],
        "secrets": [{"name": key, "valueFrom": secrets[key]} for key in sorted(secrets)],
        "portMappings": []
        if http is None
        else [{"containerPort": API_PORT, "hostPort": API_PORT, "protocol": "tcp"}],
        "mountPoints": [
            {"sourceVolume": SCRATCH_VOLUME, "containerPath": SCRATCH_PATH, "readOnly": False}
        ],
        "volumesFrom": [],
        "systemControls": [],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": region,
                "awslogs-stream-prefix": service,
                "mode": "non-blocking",
                "max-buffer-size": LOG_BUFFER,
            },
        },
    }
    # The command belongs to the service's own image.
    if settings.health_command and image is not None:
        definition["healthCheck"] = {"command": ["CMD", *settings.health_command], **HEALTH_CHECK}
    return definition
