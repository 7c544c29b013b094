"""Settings of the cluster."""

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.settings.fields import LogRetentionDays, Problem, Section, reject


class CapacitySettings(Section):
    """How tasks are spread over the two kinds of Fargate, unless a service says otherwise."""

    # ECS, CapacityProviderStrategyItem. At least one, since AWS may take spot tasks away and have
    # no others: such a service would have none.
    base: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=1,
        description="a number of tasks of each service, from 1 to 1000, that run on FARGATE "
        "before the weights count",
    )
    fargate_weight: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        default=1, description="the share of FARGATE among further tasks, from 0 to 1000"
    )
    spot_weight: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        default=0, description="the share of FARGATE_SPOT among further tasks, from 0 to 1000"
    )

    @field_validator("spot_weight")
    @classmethod
    def _further_tasks_run_somewhere(cls, weight: int, info: ValidationInfo) -> int:
        if weight == 0 and info.data.get("fargate_weight") == 0:
            reject(Problem("above 0 where fargate_weight is 0", "ECS refuses a strategy of zeros"))
        return weight


class ClusterSettings(Section):
    """The ECS cluster."""

    capacity: CapacitySettings = Field(
        description="a mapping with base, fargate_weight and spot_weight"
    )
    # Per task and container too, which `enabled` lacks; paid by the metric.
    enhanced_insights: StrictBool = Field(
        default=True, description="true (metrics of each task too) or false"
    )
    log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )
