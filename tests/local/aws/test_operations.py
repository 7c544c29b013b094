"""Every type of the table through its life in the emulator."""

import importlib
import json
import keyword
from pathlib import Path

import pulumi
import pytest
from pulumi._types import resource_types
from pulumi.runtime import rpc

from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.sdk import type_facts
from local.providers.aws.state_only import STATE_ONLY, said
from local.providers.aws.table import TABLE
from local.providers.aws.values import Properties
from tests.local.aws.areas import AREAS, Area
from tests.local.aws.build import (
    CACHE,
    DATABASE,
    DATABASE_PARAMETERS,
    DATABASE_SUBNETS,
    GROUP,
    INGRESS,
    KEY,
    LOG_GROUP,
    MONITORING,
    PARAMETER,
    POLICY,
    ROLE,
    ROOT,
    SENTINEL,
    SUBNET,
    VPC,
    MakeOperations,
    Stack,
    build_everything,
    document,
    trust,
)


def test_every_type_of_the_table_is_in_an_area() -> None:
    assert {token for area in AREAS.values() for token in area.rows} == set(TABLE)


@pytest.mark.parametrize("area", AREAS.values(), ids=list(AREAS))
def test_every_type_reads_back_as_created_and_is_gone_after_deletion(
    stack: Stack, area: Area
) -> None:
    area.build(stack, "life")
    assert set(area.rows) <= {operations.token for operations, _, _ in stack.created}
    for operations, resource_id, inputs in stack.created:
        found = operations.read(resource_id, inputs)
        assert found is not None
        assert operations.facts.computed.keys() <= found.keys(), operations.token
        now = operations.inputs_now(inputs, found)
        assert operations.diff(inputs, now).changed == (), operations.token
    for operations, resource_id, inputs in reversed(stack.created):
        operations.delete(resource_id, inputs)
        operations.delete(resource_id, inputs)  # a second deletion finds nothing and is fine
        gap = STATE_ONLY.get(operations.token)
        kept = gap is not None and (
            gap.covers_all(inputs)
            or any(call.operation in gap.operations for call in operations.row.delete[-1:])
        )
        if operations.row.delete and not kept:
            assert operations.read(resource_id, inputs) is None, operations.token


@pytest.mark.parametrize("area", AREAS.values(), ids=list(AREAS))
def test_every_output_has_the_type_that_the_sdk_expects(stack: Stack, area: Area) -> None:
    area.build(stack, "types")
    for operations, resource_id, inputs in stack.created:
        found = operations.read(resource_id, inputs) or {}
        _, module, name = operations.token.split(":")
        package = module.split("/")[0]
        package += "_" if keyword.iskeyword(package) else ""
        namespace = importlib.import_module(f"pulumi_aws.{package}")
        expected = resource_types(getattr(namespace, name))
        for output, value in found.items():
            if expected.get(output) is pulumi.Archive:  # the engine's own encoding
                continue
            # Raises where a list or a structure is where the SDK has none.
            rpc.translate_output_properties(value, lambda part: part, expected.get(output))
            if expected.get(output) in (bool, int, str):
                assert isinstance(value, expected[output]), (operations.token, output, value)


def test_what_aws_updates_in_place_is_updated_and_read_back(stack: Stack) -> None:
    build_everything(stack, "updates")
    index = {(ops.token, i): i for i, (ops, _, _) in enumerate(stack.created)}
    first = {token: min(i for t, i in index if t == token) for token, _ in index}

    subnet = stack.update(first[SUBNET], mapPublicIpOnLaunch=False, tags={"Name": "new"})
    assert subnet["mapPublicIpOnLaunch"] is False
    assert subnet["tags"] == {"Name": "new"}

    rule = stack.update(first[INGRESS], fromPort=80, toPort=80, cidrIpv4="10.0.0.0/8")
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (80, 80, "10.0.0.0/8")

    assert stack.update(first[LOG_GROUP], retentionInDays=60)["retentionInDays"] == 60
    assert "retentionInDays" not in stack.update(first[LOG_GROUP], retentionInDays=None)

    key = stack.update(first[KEY], enableKeyRotation=False, description="new")
    assert (key["enableKeyRotation"], key["description"]) == (False, "new")

    tables = [rid for ops, rid, _ in stack.created if ops.token.endswith(":RouteTable")]
    endpoint = stack.update(first["aws:ec2/vpcEndpoint:VpcEndpoint"], routeTableIds=[tables[0]])
    assert endpoint["routeTableIds"] == [tables[0]]

    policy = document({"Effect": "Allow", "Action": "logs:GetLogRecord", "Resource": "*"})
    assert stack.update(first[POLICY], policy=policy)["policy"] == policy


def position(stack: Stack, token: str) -> int:
    return next(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token)


def test_databases_caches_and_parameters_are_updated_in_place(stack: Stack) -> None:
    build_everything(stack, "data")
    database = position(stack, DATABASE)
    changes: Properties = {
        "instanceClass": "db.t4g.small",
        "allocatedStorage": 40,
        "backupRetentionPeriod": 35,
        "multiAz": False,
        "deletionProtection": True,
        "enabledCloudwatchLogsExports": ["postgresql"],
        "performanceInsightsRetentionPeriod": 31,
        "monitoringInterval": 30,
        "password": "another-password",
        "identifier": "renamed-data",
    }
    found = stack.update(database, **changes)
    assert {name: found[name] for name in changes} == changes
    assert found["endpoint"].startswith("renamed-data.")
    assert found["endpoint"].endswith(":5432")
    assert found["engineVersion"] == "15"
    assert found["engineVersionActual"].startswith("15.")
    assert found["resourceId"] == stack.created[database][1] != found["identifier"]
    replica = stack.created[database + 1]
    assert replica[1] != stack.created[database][1]
    promoted = stack.update(database + 1, replicateSourceDb=None)
    assert promoted["backupRetentionPeriod"] == 0

    parameters = [
        {"name": "rds.force_ssl", "value": "0", "applyMethod": "immediate"},
        {"name": "log_statement", "value": "all"},
    ]
    group = stack.update(position(stack, DATABASE_PARAMETERS), parameters=parameters)
    assert group["parameters"] == parameters
    assert "parameters" not in stack.update(position(stack, DATABASE_PARAMETERS), parameters=None)
    subnets = [rid for ops, rid, _ in stack.created if ops.token == SUBNET]
    where = position(stack, DATABASE_SUBNETS)
    assert stack.update(where, description="new", subnetIds=subnets)["description"] == "new"

    cache = stack.update(position(stack, CACHE), snapshotRetentionLimit=9, description="new")
    assert (cache["snapshotRetentionLimit"], cache["description"]) == (9, "new")
    assert len(cache["memberClusters"]) == 2

    url = position(stack, PARAMETER)
    assert stack.update(url, value="new")["value"] == "new"


def test_a_write_only_value_is_written_when_its_version_changes_and_never_read_back(
    stack: Stack, api: Api
) -> None:
    name = "/write/only"

    def now() -> str:
        answer = api.call("ssm", Call("get_parameter"), {}, {"Name": name, "WithDecryption": True})
        return str(answer["Parameter"]["Value"])

    secret = {"type": "SecureString", "name": name}
    _, outputs = stack.create(PARAMETER, "w", valueWo=SENTINEL, valueWoVersion=1, **secret)
    assert now() == SENTINEL
    assert SENTINEL not in json.dumps(outputs)
    assert outputs["hasValueWo"] is True
    operations, resource_id, inputs = stack.created[0]
    assert operations.diff(inputs, {**inputs, "valueWo": "rotated"}).changed == ()
    api.call("ssm", Call("put_parameter"), {}, {"Name": name, "Value": "r", "Overwrite": True})
    found = operations.read(resource_id, inputs) or {}
    assert operations.diff(inputs, operations.inputs_now(inputs, found)).changed == ()
    stack.update(0, tags={"Name": "new"})
    assert now() == "r"
    with pytest.raises(ApiError, match="so change it too"):
        stack.update(0, description="alone")
    stack.created[0] = (operations, resource_id, {**inputs, "tags": {"Name": "new"}})
    stack.update(0, valueWo="second", valueWoVersion=2)
    assert now() == "second"


def test_a_write_only_password_is_sent_and_in_no_output(stack: Stack) -> None:
    _, outputs = stack.create(
        DATABASE,
        "write-only",
        engine="postgres",
        engineVersion="16",
        instanceClass="db.t4g.micro",
        allocatedStorage=20,
        username="markets",
        passwordWo=SENTINEL,
        passwordWoVersion=1,
        skipFinalSnapshot=True,
    )
    assert outputs["passwordWoVersion"] == 1
    assert "passwordWo" not in outputs
    operations, _, inputs = stack.created[0]
    assert operations.diff(inputs, {**inputs, "passwordWo": "another-one"}).changed == ()
    outputs = stack.update(0, passwordWo=f"{SENTINEL}-2", passwordWoVersion=2)
    assert outputs["passwordWoVersion"] == 2
    assert SENTINEL not in json.dumps(outputs)


def test_a_protected_database_is_not_deleted_and_a_deleted_one_leaves_its_snapshot(
    stack: Stack, api: Api
) -> None:
    build_everything(stack, "final")
    main = position(stack, DATABASE)
    stack.update(main, deletionProtection=True)
    operations, resource_id, inputs = stack.created[main]
    with pytest.raises(ApiError, match="disable deletion protection"):
        operations.delete(resource_id, inputs)
    for token, used in ((DATABASE_PARAMETERS, "DBParameterGroup"), (DATABASE_SUBNETS, "DBSubnet")):
        group = stack.created[position(stack, token)]
        with pytest.raises(ApiError, match=rf"Invalid{used}\w*: .* is in use by main-final"):
            group[0].delete(group[1], group[2])
    stack.update(main, deletionProtection=False)
    replica = stack.created[main + 1]
    replica[0].delete(replica[1], replica[2])
    operations.delete(resource_id, stack.created[main][2])
    wanted = {"DBSnapshotIdentifier": "main-final-final"}
    answer = api.call("rds", Call("describe_db_snapshots"), {}, wanted)
    assert answer["DBSnapshots"][0]["Encrypted"] is True
    refusals = dict(operations.refusals({**inputs, "deletionProtection": False}))
    assert "DBSnapshotAlreadyExists" in refusals["finalSnapshotIdentifier"]


def test_a_database_is_known_by_its_resource_id_whatever_it_is_called(
    stack: Stack, api: Api
) -> None:
    given = {
        "engine": "postgres",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "username": "markets",
        "passwordWo": SENTINEL,
        "passwordWoVersion": 1,
        "skipFinalSnapshot": True,
        "backupRetentionPeriod": 7,
    }
    resource_id, _ = stack.create(DATABASE, "a", identifier="renamed-later", **given)
    operations, _, inputs = stack.created[0]
    rename = {"DBInstanceIdentifier": "renamed-later", "NewDBInstanceIdentifier": "renamed"}
    api.call("rds", Call("modify_db_instance"), {}, rename)
    another, _ = stack.create(DATABASE, "b", identifier="renamed-later", **given)
    assert another != resource_id
    assert (operations.read(resource_id, inputs) or {})["identifier"] == "renamed"
    with pytest.raises(ApiError, match="DBInstanceAlreadyExists"):
        api.call("rds", Call("modify_db_instance"), {}, rename)


def test_what_a_deleted_database_left_is_restored_by_its_resource_id(
    stack: Stack, api: Api
) -> None:
    resource_id, _ = stack.create(
        DATABASE,
        "a",
        identifier="left-backups",
        engine="postgres",
        instanceClass="db.t4g.micro",
        allocatedStorage=20,
        username="markets",
        passwordWo=SENTINEL,
        passwordWoVersion=1,
        skipFinalSnapshot=True,
        backupRetentionPeriod=7,
        deleteAutomatedBackups=False,
    )
    operations, _, inputs = stack.created[0]
    operations.delete(resource_id, inputs)
    where = {"DbiResourceId": resource_id}
    answer = api.call("rds", Call("describe_db_instance_automated_backups"), {}, where)
    (backups,) = answer["DBInstanceAutomatedBackups"]
    assert (backups["Status"], backups["DBInstanceIdentifier"]) == ("retained", "left-backups")
    wanted = {"SourceDbiResourceId": resource_id, "TargetDBInstanceIdentifier": "left-backups"}
    restored = api.call(
        "rds",
        Call("restore_db_instance_to_point_in_time"),
        {},
        {**wanted, "UseLatestRestorableTime": True},
    )
    assert restored["DBInstance"]["MasterUsername"] == "markets"
    assert restored["DBInstance"]["DbiResourceId"] != resource_id


def test_a_deleted_replication_group_is_gone_and_its_id_free(stack: Stack) -> None:
    given = {"description": "d", "engine": "redis", "nodeType": "cache.t4g.micro"}
    stack.create(CACHE, "c", replicationGroupId="used-before", **given)
    operations, resource_id, inputs = stack.created[0]
    operations.delete(resource_id, inputs)
    assert operations.read(resource_id, inputs) is None
    again, _ = stack.create(CACHE, "d", replicationGroupId="used-before", **given)
    assert again == "used-before"


def test_no_secret_is_in_an_error_an_unread_output_or_the_journal(
    stack: Stack, tmp_path: Path
) -> None:
    build_everything(stack, "secrets")
    for operations, _, inputs in list(stack.created):
        if operations.row.secrets & inputs.keys():
            again = {**inputs, "engineVersion": "0"} if "engine" in inputs else inputs
            told = str(list(operations.refusals({**again, "tags": {"x": 1}, "bad": SENTINEL})))
            assert SENTINEL not in told
            with pytest.raises(ApiError) as refused:
                operations.create(f"urn:again-{inputs}", {**inputs, "tags": {"aws:x": SENTINEL}})
            assert SENTINEL not in str(refused.value)
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(SENTINEL in text for text in written)


def test_what_is_kept_in_state_only_is_said_with_its_reason() -> None:
    group = "aws:elasticache/parameterGroup:ParameterGroup"
    assert "moto has no cache parameter groups" in str(said(group, {}))
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    assert said(attachment, {"policyArn": "arn:aws:iam::123456789012:policy/own"}) is None
    assert "AWS's own policies" in str(said(attachment, {"policyArn": MONITORING}))
    assert "performanceInsightsEnabled" in str(said(DATABASE, {"performanceInsightsEnabled": True}))
    assert said(DATABASE, {"engine": "postgres"}) is None
    for token, gap in STATE_ONLY.items():
        facts = TABLE[token].service, type_facts(token)
        assert gap.properties <= facts[1].outputs


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (SUBNET, {"vpcId": "vpc-1", "cidrBlock": "10.0.1.0/24"}, {"cidrBlock": "10.0.3.0/24"}),
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}),
        (LOG_GROUP, {"name": "/a"}, {"name": "/b"}),
        (GROUP, {"name": "a", "description": "a"}, {"description": "b"}),
        (INGRESS, {"securityGroupId": "sg-1"}, {"securityGroupId": "sg-2"}),
        *(
            (DATABASE, {"identifier": "a"}, {name: "new"})
            for name in (
                "storageEncrypted",
                "kmsKeyId",
                "snapshotIdentifier",
                "username",
                "dbName",
                "availabilityZone",
                "engine",
            )
        ),
        (DATABASE_PARAMETERS, {"name": "a", "family": "postgres15"}, {"family": "postgres16"}),
        (CACHE, {"replicationGroupId": "a"}, {"atRestEncryptionEnabled": True}),
        (CACHE, {"replicationGroupId": "a"}, {"kmsKeyId": "new"}),
        (CACHE, {"replicationGroupId": "a"}, {"subnetGroupName": "new"}),
        (PARAMETER, {"name": "/a"}, {"name": "/b"}),
        (POLICY, {"name": "a"}, {"name": "b"}),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


def test_a_fixed_name_is_deleted_before_its_replacement_and_a_made_one_is_not(
    operations: MakeOperations,
) -> None:
    log_group = operations(LOG_GROUP)
    fixed = log_group.diff({"name": "/a"}, {"name": "/b"})
    assert fixed.delete_first
    made = {"name": "a-1", "__defaults": ["name"]}
    assert not operations(GROUP).diff({**made, "vpcId": "1"}, {**made, "vpcId": "2"}).delete_first


def test_a_made_name_is_kept_by_the_next_run(operations: MakeOperations) -> None:
    role = operations(ROLE)
    first = role.check("role", {}, {"assumeRolePolicy": "{}"}, b"one")
    again = role.check("role", first, {"assumeRolePolicy": "{}"}, b"two")
    assert again["name"] == first["name"]
    assert first["name"].startswith("role-")


def test_drift_behind_the_stack_is_read(stack: Stack, api: Api) -> None:
    build_everything(stack, "drift")
    for operations, resource_id, inputs in stack.created:
        if operations.token == SUBNET and inputs.get("mapPublicIpOnLaunch"):
            api.client("ec2").modify_subnet_attribute(  # type: ignore[attr-defined]
                SubnetId=resource_id, MapPublicIpOnLaunch={"Value": False}
            )
            found = operations.read(resource_id, inputs) or {}
            now = operations.inputs_now(inputs, found)
            assert operations.diff(inputs, now).changed == ("mapPublicIpOnLaunch",)
        if operations.token == LOG_GROUP:
            api.call("logs", Call("delete_retention_policy", {"logGroupName": resource_id}), {})
            found = operations.read(resource_id, inputs) or {}
            now = operations.inputs_now(inputs, found)
            assert operations.diff(inputs, now).changed == ("retentionInDays",)


def test_the_default_group_starts_with_its_self_rule_and_ends_empty(stack: Stack, api: Api) -> None:
    vpc, outputs = stack.create(VPC, "main", cidrBlock="10.0.0.0/16")
    group = {"GroupIds": [outputs["defaultSecurityGroupId"]]}
    before = api.call("ec2", Call("describe_security_groups", group), {})["SecurityGroups"][0]
    assert before["IpPermissions"]
    stack.create("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "default", vpcId=vpc)
    after = api.call("ec2", Call("describe_security_groups", group), {})["SecurityGroups"][0]
    assert (after["IpPermissions"], after["IpPermissionsEgress"]) == ([], [])


def test_a_group_in_use_is_not_deleted(stack: Stack) -> None:
    build_everything(stack, "in-use")
    web = next(item for item in stack.created if item[0].token == GROUP)
    with pytest.raises(ApiError, match=r"DependencyViolation.*has a dependent object"):
        web[0].delete(web[1], web[2])


def test_a_log_group_is_refused_a_key_that_does_not_let_logs_in(stack: Stack) -> None:
    _, key = stack.create(KEY, "closed", policy=document(ROOT))
    with pytest.raises(ApiError, match=r"does not let logs\.ap-southeast-2\.amazonaws\.com in"):
        stack.create(LOG_GROUP, "refused", kmsKeyId=key["arn"])


def test_a_resource_deleted_behind_the_stack_reads_as_gone(stack: Stack, api: Api) -> None:
    vpc, _ = stack.create(VPC, "main", cidrBlock="10.0.0.0/16")
    operations, resource_id, inputs = stack.created[0]
    api.call("ec2", Call("delete_vpc", {"VpcId": vpc}), {})
    assert operations.read(resource_id, inputs) is None


def test_a_resource_in_another_region_than_before_is_replaced_and_in_the_same_one_not(
    operations: MakeOperations,
) -> None:
    vpc = operations(VPC)
    inputs = {"cidrBlock": "10.0.0.0/16"}
    assert vpc.diff(inputs, inputs, "us-east-1").replaces == ("region",)
    same = vpc.diff(inputs, {**inputs, "region": vpc.api.region}, vpc.api.region)
    assert same.changed == ()
    assert operations(ROLE).diff({}, {}, None).changed == ()


@pytest.mark.parametrize("area", AREAS.values(), ids=list(AREAS))
def test_tags_of_every_type_are_added_changed_and_taken_away(stack: Stack, area: Area) -> None:
    area.build(stack, "tags")
    for index, (operations, _, inputs) in enumerate(stack.created):
        if operations.row.tagging is not None:
            tags = inputs["tags"]
            for change in ({**tags, "new": "1"}, {**tags, "new": "2"}, tags):
                found = stack.update(index, tags=change)
                assert found["tags"] == found["tagsAll"] == change, operations.token


def test_a_change_that_no_call_makes_is_refused_at_preview(operations: MakeOperations) -> None:
    with pytest.raises(ApiError, match="cannot change kmsKeyId of a LogGroup in place yet"):
        operations(LOG_GROUP).diff({"name": "/a"}, {"name": "/a", "kmsKeyId": "arn:other"})


def test_a_setting_that_cannot_be_taken_away_is_refused_at_preview(
    operations: MakeOperations,
) -> None:
    with pytest.raises(ApiError, match="cannot take description away from a Role"):
        operations(ROLE).diff({"description": "a"}, {})


def test_a_rule_loses_its_description(stack: Stack) -> None:
    build_everything(stack, "rules")
    index = next(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == INGRESS)
    assert not stack.update(index, description=None).get("description")


def test_a_rule_with_another_kind_of_source_is_a_replacement(operations: MakeOperations) -> None:
    rule = operations(INGRESS)
    olds = {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"}
    other_kind = {"securityGroupId": "sg-1", "referencedSecurityGroupId": "sg-2"}
    assert rule.diff(olds, other_kind).replaces == ("cidrIpv4", "referencedSecurityGroupId")
    assert rule.diff(olds, {**olds, "cidrIpv4": "10.1.0.0/16"}).replaces == ()


def test_an_update_that_the_emulator_ignores_is_no_success(stack: Stack) -> None:
    build_everything(stack, "ignored")
    groups = [rid for ops, rid, _ in stack.created if ops.token == GROUP]
    index = max(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == INGRESS)
    with pytest.raises(ApiError, match="did not take the new referencedSecurityGroupId"):
        stack.update(index, referencedSecurityGroupId=groups[1])


def test_a_permissions_boundary_is_changed_and_taken_away(stack: Stack) -> None:
    stack.create(ROLE, "bounded", assumeRolePolicy=trust("ec2.amazonaws.com"))
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert stack.update(0, permissionsBoundary=boundary)["permissionsBoundary"] == boundary
    assert not stack.update(0, permissionsBoundary=None).get("permissionsBoundary")


def test_two_associations_of_a_subnet_are_never_made_at_a_time(operations: MakeOperations) -> None:
    association = operations("aws:ec2/routeTableAssociation:RouteTableAssociation")
    change = association.diff(
        {"subnetId": "s", "routeTableId": "1"}, {"subnetId": "s", "routeTableId": "2"}
    )
    assert change.delete_first


def test_an_import_reads_what_the_id_is_made_of_and_can_be_deleted(stack: Stack) -> None:
    role, _ = stack.create(ROLE, "imported", assumeRolePolicy=trust("ec2.amazonaws.com"))
    write = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    policy_id, _ = stack.create(
        "aws:iam/rolePolicy:RolePolicy", "imported", role=role, policy=document(write)
    )
    key_id, _ = stack.create(KEY, "imported", policy=document(ROOT))
    for operations, resource_id in zip(
        [item[0] for item in stack.created[1:]], [policy_id, key_id], strict=True
    ):
        found = operations.read(resource_id, {})
        assert found is not None
        assert operations.inputs_now({}, found)
        operations.delete(resource_id, found)
        assert operations.read(resource_id, {}) is None
