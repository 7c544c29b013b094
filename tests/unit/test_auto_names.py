"""Every name, fixed or made by Pulumi, fits AWS's length and alphabet in every environment."""

from collections.abc import Iterator

import pytest

from local.providers.aws import schema
from local.providers.aws.table import TABLE
from tests.unit.conftest import Deployment, Registered, deploy_main

REGION = "ap-southeast-2"

# The longest that a stack may be called, and one with a hyphen.
LONGEST = "x" * 16
ENVIRONMENTS = ["staging", "production", LONGEST, "a-demo"]


def name_of(resource: Registered) -> tuple[str, str] | None:
    """The property that holds a resource's name, and the name that it gets."""
    row = TABLE[resource.type]
    auto = row.autoname
    property_name = auto.property if auto else "name"
    given = resource.inputs.get(property_name)
    if given is not None:
        return property_name, str(given)
    if auto is None:
        return None
    made = f"{auto.prefix}{resource.name}-{'a1b2c3d' * 3}"[
        : len(auto.prefix) + len(resource.name) + auto.random
    ]
    return property_name, made.lower() if auto.lower else made


def excesses(deployment: Deployment) -> Iterator[str]:
    for resource in deployment.resources:
        if resource.type not in TABLE:
            continue
        named = name_of(resource)
        if named is None:
            continue
        property_name, name = named
        row = TABLE[resource.type]
        if row.autoname and len(name) > row.autoname.longest:
            yield f"{resource.type} {name!r} is longer than {row.autoname.longest}"
        refusals = schema.refusals(
            row.cloudformation,
            REGION,
            {property_name: name},
            row.to_schema,
            row.schema_constants,
            row.whole,
        )
        for where, reason in refusals:
            if where == property_name:
                yield f"{resource.type} {name!r}: {reason}"


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return deploy_main(request.param, {})


def test_every_name_fits(deployment: Deployment) -> None:
    assert list(excesses(deployment)) == []
    known = [name_of(r) for r in deployment.resources if r.type in TABLE]
    assert len([name for name in known if name]) > 50


def test_a_name_that_does_not_fit_is_found(deployment: Deployment) -> None:
    bucket = next(r for r in deployment.resources if r.type == "aws:s3/bucket:Bucket")
    role = next(r for r in deployment.resources if r.type == "aws:iam/role:Role")
    log_group = deployment.of("aws:cloudwatch/logGroup:LogGroup")
    wrong = [
        vary(bucket, name="b" * 60),
        vary(role, name="r" * 60),
        vary(next(iter(log_group.values())), inputs={"name": "not a log group's"}),
    ]
    assert len(list(excesses(Deployment(resources=wrong)))) >= len(wrong)


def vary(resource: Registered, **changes: object) -> Registered:
    return Registered(**{**vars(resource), **changes})


def test_every_type_of_the_program_is_one_that_the_local_cloud_has(deployment: Deployment) -> None:
    assert {r.type for r in deployment.resources if r.type.startswith("aws:")} <= set(TABLE)
