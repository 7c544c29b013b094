"""Databases in the access pack."""

from collections.abc import Mapping
from typing import Any

import pytest

from policies.access.databases import (
    data_subnets_private,
    database_iam_authentication,
    database_minor_upgrades,
    database_private,
    database_user_name,
)
from tests.policies.cases import Case
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, Given, check, check_stack

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"

CASES = [
    *(
        Case(
            database_private,
            kind,
            {"publiclyAccessible": False},
            [({"publiclyAccessible": True}, "publiclyAccessible is true, wanted is false")],
            also_good=[{"publiclyAccessible": None}],
        )
        for kind in (INSTANCE, CLUSTER, CLUSTER_INSTANCE)
    ),
    *(
        Case(
            database_iam_authentication,
            kind,
            {"iamDatabaseAuthenticationEnabled": True},
            [
                ({"iamDatabaseAuthenticationEnabled": False}, "Enabled is false"),
                ({"iamDatabaseAuthenticationEnabled": None}, "Enabled is not set"),
            ],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER)
    ),
    *(
        Case(
            database_user_name,
            kind,
            {name: "aussiemarkets"},
            [
                ({name: "postgres"}, f"{name} is postgres"),
                ({name: "Admin"}, f"{name} is Admin"),
                ({name: "root"}, f"{name} is root"),
            ],
            also_good=[{name: None}, {name: "postgres1"}],
            spared_in_staging=True,
        )
        for kind, name in ((INSTANCE, "username"), (CLUSTER, "masterUsername"))
    ),
    *(
        Case(
            database_minor_upgrades,
            kind,
            {"autoMinorVersionUpgrade": True},
            [({"autoMinorVersionUpgrade": False}, "autoMinorVersionUpgrade is false")],
            also_good=[{"autoMinorVersionUpgrade": None}],
        )
        for kind in (INSTANCE, CLUSTER, CLUSTER_INSTANCE)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_common_names_can_be_configured() -> None:
    config = {"commonNames": ["aussiemarkets"]}
    for name, passes in (("AussieMarkets", False), ("postgres", True)):
        outcome = check(database_user_name, INSTANCE, {"username": name}, config=config)
        assert outcome.passed is passes


def network(*, known: bool = True, gateway_id: str = "igw-1") -> dict[str, Given]:
    """A public and a private subnet with their routes, by name; a preview knows no id."""
    given: dict[str, Given] = {}

    def add(kind: str, name: str, properties: Mapping[str, Any], **behind: Given) -> Given:
        resource = given[name] = Given(
            f"aws:ec2/{kind[0].lower()}{kind[1:]}:{kind}", name, properties, behind
        )
        ids = {key: f"{other.name}-id" if known else UNKNOWN for key, other in behind.items()}
        arn = f"arn:aws:ec2:ap-southeast-2:1:thing/{name}-id" if known else UNKNOWN
        resource.properties = {"arn": arn, **ids, **properties}
        return resource

    outside = add("InternetGateway", "outside", {})
    for name in ("public", "private"):
        subnet = add("Subnet", name, {})
        table = add("RouteTable", f"{name}-table", {"routes": UNKNOWN})
        add("RouteTableAssociation", f"{name}-link", {}, subnetId=subnet, routeTableId=table)
    add(
        "Route",
        "public-route",
        {"gatewayId": gateway_id if known else UNKNOWN},
        routeTableId=given["public-table"],
        gatewayId=outside,
    )
    # As the engine shows it: what AWS may fill is unknown.
    add("Route", "private-route", {"gatewayId": UNKNOWN}, routeTableId=given["private-table"])
    return given


def group(
    *subnets: Given,
    known: bool = True,
    name: str = "db",
    several: bool = False,
    kind: str = "aws:rds/subnetGroup:SubnetGroup",
) -> Given:
    ids = [f"{subnet.name}-id" if known else UNKNOWN for subnet in subnets]
    return Given(
        kind,
        name,
        {"subnetIds": UNKNOWN if several else ids},
        {"subnetIds": list(subnets)},
    )


@pytest.mark.parametrize("stack", [STAGING, PRODUCTION, UNLISTED])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "kind", ["aws:rds/subnetGroup:SubnetGroup", "aws:elasticache/subnetGroup:SubnetGroup"]
)
def test_data_has_private_subnets_alone(kind: str, known: bool, stack: str) -> None:
    given = network(known=known)
    good = group(given["private"], known=known, name="good", kind=kind)
    bad = group(given["private"], given["public"], known=known, name="bad", kind=kind)
    outcome = check_stack(data_subnets_private, [*given.values(), good, bad], stack=stack)
    assert outcome.failed == ["bad"]
    assert "subnetIds is with public, which has a route to" in outcome.messages
    assert not outcome.advisory
    config = {"exemptions": {"bad": "Goes with the old platform"}}
    assert check_stack(data_subnets_private, [*given.values(), bad], config=config).passed


def test_a_gateway_of_another_stack_is_told_by_its_id() -> None:
    for gateway_id, failing in (("igw-9", ["db"]), ("vgw-9", [])):
        given = network(gateway_id=gateway_id)
        del given["outside"]
        given["public-route"].depends = {"routeTableId": given["public-table"]}
        resources = [*given.values(), group(given["public"])]
        outcome = check_stack(data_subnets_private, resources)
        assert outcome.failed == failing
        assert not outcome.advisory


def test_a_route_within_the_table_counts() -> None:
    given = network()
    del given["public-route"]
    resources = [*given.values(), group(given["public"])]
    assert check_stack(data_subnets_private, resources).passed
    given["public-table"].depends = {"routes": given["outside"]}
    assert check_stack(data_subnets_private, resources).failed == ["db"]


def test_a_list_that_is_unknown_as_a_whole_is_left_for_the_update() -> None:
    given = network(known=False)
    unclear = group(given["public"], given["private"], known=False, several=True, name="unclear")
    clear = group(given["private"], known=False, several=True, name="clear")
    bad = group(given["public"], known=False, name="bad")
    outcome = check_stack(data_subnets_private, [*given.values(), unclear, clear, bad])
    assert outcome.failed == ["bad"]
    assert "'unclear'" in outcome.advisory
    assert "'clear'" not in outcome.advisory
