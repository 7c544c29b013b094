"""What a table cannot say about databases, caches and parameters; see `special.py`."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

import cfnlint.data.schemas.extensions.aws_elasticache_cachecluster as cache_data
import cfnlint.data.schemas.extensions.aws_rds_dbinstance as instance_data

from local.providers.aws import schema
from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.state_only import AWS_MANAGED
from local.providers.aws.values import Properties, has_unknown

Refusals = Iterator[tuple[str, str]]

_DATABASE_FAMILY: Final = "database parameter family"
_CACHE_FAMILY: Final = "cache parameter family"
_BACKUPS: Final = "database backup retention"

# -- versions and families -------------------------------------------------------------------


@cache
def _versions(package: Any, file: str) -> dict[str, tuple[str, ...]]:
    """Engine versions by engine, from the data that cfn-lint takes from AWS's own API."""
    rules = json.loads(resources.files(package).joinpath(file).read_text())["allOf"]
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        where = rule["if"]["properties"]
        allowed = rule.get("then") or rule["if"]
        versions = (
            allowed["properties"].get("EngineVersion", {}) if isinstance(allowed, dict) else {}
        )
        versions = versions or where.get("EngineVersion", {})
        if "const" in where["Engine"] and "enum" in versions:
            found[where["Engine"]["const"]] = tuple(versions["enum"])
    return found


def full_version(engine: str, version: str) -> str:
    """The newest version with the prefix `version`, which is what RDS installs."""
    known = _versions(instance_data, "engine_version.json").get(engine, ())
    longer = [one for one in known if one.startswith(f"{version}.") and _numbers(one)]
    return max(longer, key=_numbers) if longer else version


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def _families(engine: str, version: str) -> frozenset[str]:
    """The names that AWS's parameter group families of this version can have."""
    parts = version.split(".")
    major, minor = parts[0], ".".join(parts[:2])
    if engine in ("redis", "valkey"):
        modern = int(major) >= 7 if major.isdigit() else True
        names = [major] if modern else [f"{major}.x"] if major == "6" else [minor]
        return frozenset(f"{engine}{name}" for name in names)
    if engine == "postgres" and major.isdigit() and int(major) >= 10:
        return frozenset({f"postgres{major}"})
    return frozenset(f"{engine}{dash}{part}" for dash in ("", "-") for part in (major, minor))


def _known_families(package: Any, file: str) -> frozenset[str]:
    versions = _versions(package, file).items()
    return frozenset(
        f for engine, all_of_it in versions for v in all_of_it for f in _families(engine, v)
    )


def _noted_family(kind: str, package: Any, file: str, api: Api, properties: Properties) -> Refusals:
    family, name = properties.get("family"), properties.get("name")
    if not isinstance(family, str):
        return
    if family not in _known_families(package, file):
        yield "family", f"ParameterGroupFamily {family} is not a valid parameter group family"
    api.noted[kind, str(name)] = family


def database_family(api: Api, properties: Properties) -> Refusals:
    yield from _noted_family(
        _DATABASE_FAMILY, instance_data, "engine_version.json", api, properties
    )


def cache_family(api: Api, properties: Properties) -> Refusals:
    yield from _noted_family(_CACHE_FAMILY, cache_data, "engine_version.json", api, properties)


def _family_refusal(family: str | None, properties: Properties) -> Refusals:
    engine, version = properties.get("engine"), properties.get("engineVersion")
    if family is None or not isinstance(engine, str) or not isinstance(version, str):
        return
    if family not in _families(engine, version):
        yield (
            "parameterGroupName",
            f"The parameter group {properties['parameterGroupName']} with family {family} can't "
            f"be used with {engine} {version}",
        )


# -- RDS -------------------------------------------------------------------------------------

# What pulumi-aws sends when the program says nothing.
_INSTANCE_DEFAULTS: Final = {
    "autoMinorVersionUpgrade": True,
    "backupRetentionPeriod": 0,
    "copyTagsToSnapshot": False,
    "deletionProtection": False,
    "iamDatabaseAuthenticationEnabled": False,
    "monitoringInterval": 0,
    "multiAz": False,
    "performanceInsightsEnabled": False,
    "publiclyAccessible": False,
}
_SMALLEST_STORAGE: Final = 20
_LONGEST_PASSWORD: Final = {"mysql": 41, "mariadb": 41, "oracle": 30}
_STATIC_PARAMETERS: Final = frozenset(
    {
        "autovacuum_max_workers",
        "huge_pages",
        "max_connections",
        "max_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "rds.logical_replication",
        "shared_buffers",
        "shared_preload_libraries",
        "superuser_reserved_connections",
        "track_activity_query_size",
        "wal_buffers",
    }
)


def instance_to_send(properties: Properties) -> Properties:
    result = {**_INSTANCE_DEFAULTS, "applyImmediately": False, **properties}
    engine, version = properties.get("engine"), properties.get("engineVersion")
    if isinstance(engine, str) and isinstance(version, str):
        result["engineVersion"] = full_version(engine, version)
    if properties.get("replicateSourceDb") is not None:
        result.pop("storageEncrypted", None)  # pulumi-aws sends none: the source decides
    return result


def instance_as_given(found: Properties, like: Properties) -> None:
    """Spells what RDS says as the program does: a version prefix, a source's ARN, a window."""
    actual = str(found["EngineVersion"])
    given = like.get("engineVersion")
    found["EngineVersionActual"] = actual
    if given is not None and f"{actual}.".startswith(f"{given}."):
        found["EngineVersion"] = given
    source = found.get("ReadReplicaSourceDBInstanceIdentifier")
    if source and str(like.get("replicateSourceDb")).split(":")[-1] == str(source).split(":")[-1]:
        found["ReadReplicaSourceDBInstanceIdentifier"] = like["replicateSourceDb"]
    window = like.get("maintenanceWindow")
    if window is not None and window.lower() == found.get("PreferredMaintenanceWindow"):
        found["PreferredMaintenanceWindow"] = window
    if found["Engine"] == "postgres":
        found["LicenseModel"] = "postgresql-license"  # the emulator has MySQL's for every engine


def cannot_change_source(_: Properties) -> dict[str, Any]:
    raise ApiError("cannot elect new source database for replication")


def instance_deletion(properties: Properties) -> dict[str, Any]:
    keep = {"DeleteAutomatedBackups": properties.get("deleteAutomatedBackups", True)}
    if properties.get("skipFinalSnapshot"):
        return {**keep, "SkipFinalSnapshot": True}
    snapshot = properties.get("finalSnapshotIdentifier")
    if snapshot is None:
        raise ApiError(
            "rds:delete_db_instance refused: InvalidParameterCombination: "
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified"
        )
    return {**keep, "SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": snapshot}


def instance(properties: Properties) -> Refusals:
    yield from _password(properties)
    storage, kind = properties.get("allocatedStorage"), properties.get("storageType", "gp2")
    if isinstance(storage, int) and storage < _SMALLEST_STORAGE and kind in ("gp2", "gp3"):
        yield (
            "allocatedStorage",
            f"Invalid storage size for engine name {properties.get('engine')} and storage type "
            f"{kind}: {storage}; the least is {_SMALLEST_STORAGE} GiB",
        )
    days = properties.get("performanceInsightsRetentionPeriod")
    if isinstance(days, int) and days not in (7, 731) and (days % 31 or not 31 <= days <= 713):
        yield (
            "performanceInsightsRetentionPeriod",
            f"Invalid Performance Insights retention period {days}: 7, 731 or a multiple of 31",
        )
    advanced = properties.get("databaseInsightsMode") == "advanced"
    if advanced and (
        properties.get("performanceInsightsEnabled") is not True
        or (isinstance(days, int) and days < 465)
        or days is None
    ):
        yield (
            "databaseInsightsMode",
            "the advanced mode of Database Insights wants Performance Insights, kept at least 465 "
            "days",
        )
    if properties.get("replicateSourceDb") is not None:
        yield from _replica(properties)
    elif properties.get("skipFinalSnapshot") is not True and not properties.get(
        "finalSnapshotIdentifier"
    ):
        yield (
            "finalSnapshotIdentifier",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified",
        )


def _replica(properties: Properties) -> Refusals:
    for name in ("username", "password", "passwordWo", "dbName", "engine"):
        if properties.get(name) is not None:
            yield name, f"a read replica takes its {name} from its source; leave it out"
    if properties.get("finalSnapshotIdentifier") is not None:
        yield (
            "finalSnapshotIdentifier",
            "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance",
        )
    elif properties.get("skipFinalSnapshot") is not True:
        yield "skipFinalSnapshot", "a read replica can only be deleted with SkipFinalSnapshot"


def _password(properties: Properties) -> Refusals:
    engine = str(properties.get("engine", "")).split("-")[0]
    longest = _LONGEST_PASSWORD.get(engine, 128)
    for name in ("password", "passwordWo"):
        password = properties.get(name)
        if not isinstance(password, str):
            continue
        if not 8 <= len(password) <= longest:
            yield (
                name,
                "The parameter MasterUserPassword is not a valid password because its length is "
                f"not between 8 and {longest} characters",
            )
        if re.search(r"[/@\" ]|[^\x20-\x7e]", password):
            yield (
                name,
                "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
                "characters besides '/', '@', '\"', ' ' may be used",
            )


def instance_among_others(api: Api, properties: Properties) -> Refusals:
    identifier = properties.get("identifier")
    api.noted[_BACKUPS, str(identifier)] = properties.get("backupRetentionPeriod", 0)
    group = properties.get("parameterGroupName")
    if isinstance(group, str):
        yield from _family_refusal(_database_family_of(api, group), properties)
    source = properties.get("replicateSourceDb")
    if isinstance(source, str) and _backups_of(api, source.split(":")[-1]) == 0:
        yield (
            "replicateSourceDb",
            f"Automated backups are not enabled for this database instance: {source}; set its "
            "backupRetentionPeriod to at least 1",
        )
    snapshot = properties.get("finalSnapshotIdentifier")
    if isinstance(snapshot, str) and _snapshot_exists(api, snapshot):
        yield (
            "finalSnapshotIdentifier",
            f"DBSnapshotAlreadyExists: Cannot create the snapshot because a snapshot with the "
            f"identifier {snapshot} already exists",
        )


def _database_family_of(api: Api, group: str) -> str | None:
    noted = api.noted.get((_DATABASE_FAMILY, group))
    if noted is not None:
        return str(noted)
    answer = _ask(api, "describe_db_parameter_groups", {"DBParameterGroupName": group})
    groups = answer.get("DBParameterGroups", [])
    return str(groups[0]["DBParameterGroupFamily"]) if groups else None


def _backups_of(api: Api, identifier: str) -> object:
    if (_BACKUPS, identifier) in api.noted:
        return api.noted[_BACKUPS, identifier]
    found = _ask(api, "describe_db_instances", {"DBInstanceIdentifier": identifier})
    instances = found.get("DBInstances", [])
    return instances[0]["BackupRetentionPeriod"] if instances else None


def _snapshot_exists(api: Api, snapshot: str) -> bool:
    answer = _ask(api, "describe_db_snapshots", {"DBSnapshotIdentifier": snapshot})
    return bool(answer.get("DBSnapshots"))


def _ask(api: Api, operation: str, params: Properties) -> Properties:
    try:
        return api.call("rds", Call(operation), {}, params)
    except MissingError:
        return {}


def database_parameters(properties: Properties) -> Refusals:
    for parameter in properties.get("parameters") or []:
        if not isinstance(parameter, dict):
            continue
        name, method = parameter.get("name"), parameter.get("applyMethod", "immediate")
        if name in _STATIC_PARAMETERS and method == "immediate":
            yield (
                "parameters",
                f"cannot use immediate apply method for static parameter {name}; use "
                "pending-reboot",
            )


def parameters_to_set(properties: Properties) -> dict[str, Any]:
    """All parameters as they are to be; the emulator has no reset, so that empty stands for it."""
    wanted = {item["name"]: item for item in properties.get("parameters") or []}
    gone = [
        {"ParameterName": item["name"], "ParameterValue": "", "ApplyMethod": "pending-reboot"}
        for item in properties.get("old_parameters") or []
        if item["name"] not in wanted
    ]
    there = [
        {
            "ParameterName": name,
            "ParameterValue": str(item["value"]),
            "ApplyMethod": item.get("applyMethod", "immediate"),
        }
        for name, item in sorted(wanted.items())
    ]
    return {"Parameters": [*there, *gone]}


def parameters_as_given(found: Properties, like: Properties) -> None:
    """Pulumi's names for what the API answers, in the program's order."""
    order = [item["name"] for item in like.get("parameters") or []]
    given = {item["name"]: item for item in like.get("parameters") or []}
    parameters = [
        {
            "name": item["ParameterName"],
            "value": item["ParameterValue"],
            **(
                {"applyMethod": item["ApplyMethod"]}
                if "applyMethod" in given.get(item["ParameterName"], {"applyMethod": ""})
                else {}
            ),
        }
        for item in found.pop("parameters", None) or []
    ]
    parameters.sort(key=lambda p: order.index(p["name"]) if p["name"] in order else len(order))
    if parameters:
        found["parameters"] = parameters


def refuse_used_parameter_group(api: Api, name: str) -> None:
    """The emulator deletes a group that instances use, and then cannot describe them."""
    _refuse_used(
        api,
        lambda one: name in [group["DBParameterGroupName"] for group in one["DBParameterGroups"]],
        f"rds:delete_db_parameter_group refused: InvalidDBParameterGroupState: {name} is in use",
    )


def refuse_used_subnet_group(api: Api, name: str) -> None:
    """The emulator deletes a group that instances use; AWS refuses."""
    _refuse_used(
        api,
        lambda one: one.get("DBSubnetGroup", {}).get("DBSubnetGroupName") == name,
        f"rds:delete_db_subnet_group refused: InvalidDBSubnetGroupStateFault: {name} is in use",
    )


def _refuse_used(api: Api, uses: Any, reason: str) -> None:
    instances = api.call("rds", Call("describe_db_instances"), {})["DBInstances"]
    users = sorted(one["DBInstanceIdentifier"] for one in instances if uses(one))
    if users:
        raise ApiError(f"{reason} by {', '.join(users)}")


def subnet_group_again(properties: Properties) -> dict[str, Any]:
    """The emulator loses a subnet group that it changes, so that it is made again."""
    return {
        "DBSubnetGroupDescription": properties["description"],
        "SubnetIds": properties["subnetIds"],
        "Tags": [{"Key": k, "Value": v} for k, v in (properties.get("tags") or {}).items()],
    }


# -- ElastiCache -----------------------------------------------------------------------------

_LEAST_FAILOVER_NODES: Final = 2


def replication_group(properties: Properties) -> Refusals:
    nodes = properties.get("numCacheClusters", 1)
    shards = properties.get("replicasPerNodeGroup")
    alone = (isinstance(nodes, int) and nodes < _LEAST_FAILOVER_NODES) and not shards
    failover = properties.get("automaticFailoverEnabled")
    if failover is True and alone and not has_unknown(shards):
        yield (
            "automaticFailoverEnabled",
            "When using automatic failover, there must be at least 2 cache clusters in the "
            "replication group",
        )
    if properties.get("multiAzEnabled") is True and alone and not has_unknown(shards):
        yield "multiAzEnabled", "Multi-AZ must have at least 1 replica in the replication group"
    if properties.get("multiAzEnabled") is True and failover in (None, False):
        yield "multiAzEnabled", "Multi-AZ needs automaticFailoverEnabled"
    for name in ("authToken", "authTokenWo"):
        if properties.get(name) is not None:
            yield from _token(name, properties)


def _token(name: str, properties: Properties) -> Refusals:
    token = properties[name]
    if properties.get("transitEncryptionEnabled") in (None, False):
        yield (
            name,
            "The AUTH token is only supported when encryption-in-transit is enabled; set "
            "transitEncryptionEnabled",
        )
    if isinstance(token, str) and not 16 <= len(token) <= 128:
        yield name, "Invalid AuthToken provided: it has 16 to 128 characters"
    if isinstance(token, str) and re.search(r"[^A-Za-z0-9!&#$^<>-]", token):
        yield (
            name,
            "Invalid AuthToken provided: only letters, digits and the symbols ! & # $ ^ < > - may "
            "be used",
        )


def replication_group_among_others(api: Api, properties: Properties) -> Refusals:
    """Engine versions and node types are in AWS's data for cache clusters alone."""
    names = ("engine", "engineVersion", "nodeType")
    cluster = {name: properties[name] for name in names if properties.get(name) is not None}
    renames = {"nodeType": "CacheNodeType"}
    constants = {"NumCacheNodes": 1}
    kind = "AWS::ElastiCache::CacheCluster"
    if {"engine", "nodeType"} <= cluster.keys():
        yield from schema.refusals(kind, api.region, cluster, renames, constants)
    group = properties.get("parameterGroupName")
    if isinstance(group, str):
        family = api.noted.get((_CACHE_FAMILY, group))
        if family is None and group.startswith("default."):
            family = group.removeprefix("default.").removesuffix(".cluster.on")
        yield from _family_refusal(family, properties)


def replication_group_to_send(properties: Properties) -> Properties:
    """Log destinations as the API nests them; the emulator counts replicas, not nodes."""
    result = {"applyImmediately": False, **properties}
    logs = properties.get("logDeliveryConfigurations")
    if isinstance(logs, list):
        result["logDeliveryConfigurations"] = [
            _log_delivery(item) if isinstance(item, dict) else item for item in logs
        ]
    nodes = properties.get("numCacheClusters")
    if isinstance(nodes, int) and nodes > 1 and "replicasPerNodeGroup" not in properties:
        result["replicasPerNodeGroup"] = nodes - 1
    return result


def _log_delivery(item: Properties) -> Properties:
    result = {key: value for key, value in item.items() if key != "destination"}
    if "destination" in item:
        firehose = item.get("destinationType") == "kinesis-firehose"
        inner = {"deliveryStream" if firehose else "logGroup": item["destination"]}
        outer = "kinesisFirehoseDetails" if firehose else "cloudWatchLogsDetails"
        result["destinationDetails"] = {outer: inner}
    return result


def replication_group_as_given(found: Properties, like: Properties) -> None:
    nodes = like.get("numCacheClusters")
    found["NumCacheClusters"] = nodes or len(found.get("MemberClusters", []))
    version = like.get("engineVersion")
    found["EngineVersionActual"] = f"{version}.0" if str(version).count(".") == 1 else version


def cache_parameters(properties: Properties) -> dict[str, Any]:
    values = [
        {"ParameterName": item["name"], "ParameterValue": str(item["value"])}
        for item in properties.get("parameters") or []
    ]
    return {"ParameterNameValues": values}


def nothing_more(_: Properties) -> dict[str, Any]:
    return {}


def cache_final_snapshot(properties: Properties) -> dict[str, Any]:
    snapshot = properties.get("finalSnapshotIdentifier")
    return {"FinalSnapshotIdentifier": snapshot} if snapshot else {}


# -- Systems Manager -------------------------------------------------------------------------

_LARGEST: Final = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
_PARAMETER_NAMES: Final = {
    "allowedPattern": "AllowedPattern",
    "dataType": "DataType",
    "description": "Description",
    "keyId": "KeyId",
    "tier": "Tier",
    "type": "Type",
}


def parameter(properties: Properties) -> Refusals:
    kind = properties.get("type")
    if isinstance(kind, str) and kind not in ("String", "StringList", "SecureString"):
        yield "type", f"'{kind}' is not one of String, StringList, SecureString"
    values = [name for name in ("value", "valueWo") if properties.get(name) is not None]
    if len(values) > 1:
        yield "value", "only one of value and valueWo can be given"
    if (properties.get("valueWo") is None) != (properties.get("valueWoVersion") is None):
        yield "valueWoVersion", "valueWo and valueWoVersion go together"
    if properties.get("keyId") is not None and kind in ("String", "StringList"):
        yield "keyId", "KeyId is required for SecureString type parameter only"
    tier = properties.get("tier", "Standard")
    for name in values:
        value = properties[name]
        if isinstance(value, str) and tier in _LARGEST and len(value.encode()) > _LARGEST[tier]:
            yield (
                name,
                f"{tier} tier parameters support a maximum parameter value of {_LARGEST[tier]} "
                f"characters; this one has {len(value.encode())}",
            )
        if value == "":
            yield name, "the value must have at least 1 character"


def put_parameter(properties: Properties) -> dict[str, Any]:
    """AWS writes a parameter as a whole, its value included."""
    value = properties.get("valueWo", properties.get("value"))
    if value is None:
        raise ApiError(
            "ssm:put_parameter refused: ValidationException: the value must have at least 1 "
            "character; pulumi-aws sends valueWo only when valueWoVersion changes, so change it too"
        )
    there = {
        name: properties[key]
        for key, name in _PARAMETER_NAMES.items()
        if properties.get(key) is not None
    }
    return {"Value": value, "Overwrite": True, **there}


def parameter_as_given(found: Properties, like: Properties) -> None:
    """A write-only value is not read back."""
    if like.get("valueWoVersion") is not None:
        found.pop("Value", None)
        found["HasValueWo"] = True


# -- IAM -------------------------------------------------------------------------------------


@cache
def _aws_policies() -> frozenset[str]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies = json.loads(aws_managed_policies_data).items()
    return frozenset(f"{AWS_MANAGED}{one.get('Path', '/')[1:]}{name}" for name, one in policies)


def policy_exists(properties: Properties) -> Refusals:
    arn = properties.get("policyArn")
    if isinstance(arn, str) and arn.startswith(AWS_MANAGED) and arn not in _aws_policies():
        yield "policyArn", f"Policy {arn} does not exist or is not attachable"


def delete_older_versions(api: Api, arn: str) -> None:
    """IAM refuses to delete a policy that has versions beside its default one."""
    try:
        versions = api.call("iam", Call("list_policy_versions"), {}, {"PolicyArn": arn})["Versions"]
    except MissingError:
        return
    for version in versions:
        if not version["IsDefaultVersion"]:
            params = {"PolicyArn": arn, "VersionId": version["VersionId"]}
            api.call("iam", Call("delete_policy_version"), {}, params)
