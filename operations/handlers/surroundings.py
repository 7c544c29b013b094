"""What every function is told by its environment, and what it says when it has succeeded."""

import logging
import os
from typing import Final

from operations.aws import Aws
from operations.errors import OperationError
from operations.platform import Platform
from operations.steps import Context

# docs/api-contract.md, "Scheduled functions".
NAMESPACE: Final = "AussieMarkets/Operations"

# The runtime of Lambda sets this one; the stack sets the others.
_REGION: Final = "AWS_REGION"


def setting(name: str) -> str:
    """An environment variable of the function.

    Raises:
        OperationError: the stack did not set it.
    """
    value = os.environ.get(name)
    if not value:
        raise OperationError(f"the function has no environment variable {name}: run `pulumi up`")
    return value


def context() -> Context:
    """Where the function works; it overwrites nothing that a person would be asked about."""
    logging.getLogger("operations").setLevel(logging.INFO)
    return Context(platform=Platform(setting("ENVIRONMENT")), aws=Aws(setting(_REGION)))


def succeeded(where: Context, function: str) -> None:
    """Write the heartbeat, for whose silence there is an alarm."""
    dimensions = {"Environment": where.platform.environment, "Function": function}
    where.aws.client("cloudwatch").put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": "Succeeded",
                "Value": 1,
                "Unit": "Count",
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            }
        ],
    )
