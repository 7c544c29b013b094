"""Every rule over every resource of every stack that the program composes."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pulumi
import pulumi_awsx as awsx
import pytest
from pulumi_policy import Policy, ResourceValidationPolicy, StackValidationPolicy

from local.providers.awsx.vpc import Vpc, VpcArgs
from policies.shared.rule import SPARED_STACKS
from tests.policies.harness import PACKS, UNKNOWN, Given, Outcome, check, check_stack, rules_of
from tests.unit.conftest import ACCOUNT_ID, ROOT, AwsMocks, Deployment, run_main, stack_file

STACKS: Final = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


RULES: Final = [(pack.name, rule) for pack in PACKS for rule in rules_of(pack.name)]

NewResource = Callable[
    [AwsMocks, pulumi.runtime.MockResourceArgs], tuple[str | None, dict[Any, Any]]
]


def vpc_as_awsx_builds_it(name: str, *, opts: pulumi.ResourceOptions, **given: Any) -> Any:
    """awsx's children are resources of the stack too, and the rules look at them."""
    given["subnet_specs"] = [
        {"type": spec.type, "name": spec.name, "cidrBlocks": spec.cidr_blocks}
        for spec in given["subnet_specs"]
    ]
    given["subnet_strategy"] = given["subnet_strategy"].value
    given["nat_gateways"] = {"strategy": given["nat_gateways"].strategy.value}
    vpc = Vpc(name, VpcArgs.model_validate(given, by_name=True), opts)
    found = vpc.outputs
    return SimpleNamespace(
        vpc_id=found["vpcId"],
        public_subnet_ids=pulumi.Output.all(*found["publicSubnetIds"]),
        private_subnet_ids=pulumi.Output.all(*found["privateSubnetIds"]),
        route_tables=pulumi.Output.from_input(None).apply(lambda _: found["routeTables"]),
        nat_gateways=pulumi.Output.from_input(None).apply(lambda _: found["natGateways"]),
    )


def with_its_region(make: NewResource) -> NewResource:
    """ARNs that say where a resource is, as a rule about copies in another region reads them."""

    def new_resource(
        mocks: AwsMocks, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[Any, Any]]:
        identity, outputs = make(mocks, args)
        if isinstance(outputs["arn"], str):
            region = args.inputs.get("region", "ap-southeast-2")
            where = f"arn:aws:mock:{region}:{ACCOUNT_ID}:"
            outputs["arn"] = outputs["arn"].replace("arn:aws:mock:::", where)
        return identity, outputs

    return new_resource


@pytest.fixture(scope="module", params=[(s, p) for s in STACKS for p in (True, False)])
def stack(request: pytest.FixtureRequest) -> tuple[str, bool, Deployment]:
    name, preview = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(awsx.ec2, "Vpc", vpc_as_awsx_builds_it)
        patch.setattr(AwsMocks, "new_resource", with_its_region(AwsMocks.new_resource))
        deployment = run_main.anew(name, stack_file(name), preview=preview)
    pulumi.runtime.set_all_config({}, [])
    return name, preview, deployment


def given_resources(deployment: Deployment, *, outputs: bool) -> list[Given]:
    by_urn = {
        each.urn: Given(
            each.type,
            each.name,
            {**each.outputs, "id": each.id or UNKNOWN} if outputs else each.inputs,
            protect=each.protect,
        )
        for each in deployment.resources
    }
    for each in deployment.resources:
        by_urn[each.urn].depends = {
            key: [by_urn[urn] for urn in sorted(urns) if urn in by_urn]
            for key, urns in each.property_dependencies.items()
        }
    return list(by_urn.values())


@pytest.fixture(scope="module")
def judged(stack: tuple[str, bool, Deployment]) -> list[tuple[Policy, Outcome]]:
    """What each rule says of the stack, or of each of its resources."""
    name, _, deployment = stack
    before, after = (given_resources(deployment, outputs=outputs) for outputs in (False, True))

    def outcomes(policy: Policy) -> list[Outcome]:
        if isinstance(policy, StackValidationPolicy):
            return [check_stack(policy, after, stack=name)]
        assert isinstance(policy, ResourceValidationPolicy)
        return [
            check(policy, r.type, r.properties, stack=name, name=r.name, protect=r.protect)
            for r in before
        ]

    return [(policy, outcome) for _, policy in RULES for outcome in outcomes(policy)]


def test_there_are_rules_of_every_pack_and_each_has_a_name_of_its_own() -> None:
    assert {pack for pack, _ in RULES} == {pack.name for pack in PACKS}
    names = Counter(policy.name for _, policy in RULES)
    assert [name for name, count in names.items() if count > 1] == []


def test_no_rule_is_violated_or_crashes(
    stack: tuple[str, bool, Deployment], judged: list[tuple[Policy, Outcome]]
) -> None:
    _, _, deployment = stack
    assert len(deployment.resources) > 10
    assert {policy.name for policy, _ in judged} == {policy.name for _, policy in RULES}
    found = [message for _, outcome in judged for _, message in outcome.violations]
    assert found == []


def test_nothing_is_left_undecided_once_everything_is_known(
    stack: tuple[str, bool, Deployment], judged: list[tuple[Policy, Outcome]]
) -> None:
    _, preview, _ = stack
    left = [f"{policy.name}: {outcome.advisory}" for policy, outcome in judged if outcome.advisory]
    assert preview or left == []


def test_only_staging_is_spared_what_production_owes() -> None:
    assert set(SPARED_STACKS) == {"staging"}
