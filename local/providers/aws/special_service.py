"""What a table cannot say about ECS; see `special.py`."""

import json
from collections.abc import Iterator
from typing import Any, Final

from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.trust import admits
from local.providers.aws.values import Properties, has_unknown

Refusals = Iterator[tuple[str, str]]


def _structures(value: object) -> list[Properties]:
    """The structures of a list, as far as they are known; a schema says what else is in it."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# -- cluster ---------------------------------------------------------------------------------

FARGATE_PROVIDERS: Final = ("FARGATE", "FARGATE_SPOT")
_INSIGHTS: Final = ("enhanced", "enabled", "disabled")


def cluster(properties: Properties) -> Refusals:
    for setting in _structures(properties.get("settings")):
        value = setting.get("value")
        if isinstance(value, str) and value not in _INSIGHTS:
            yield "settings", f"Invalid containerInsights '{value}': {', '.join(_INSIGHTS)}"


def _strategy_refusals(where: str, properties: Properties) -> Refusals:
    items = _structures(properties.get(where))
    if has_unknown(items):
        return
    if len([one for one in items if one.get("base")]) > 1:
        yield where, "A capacity provider strategy can have only one capacity provider with a base"
    if items and not any(one.get("weight") for one in items):
        yield where, "At least one capacity provider in a strategy must have a weight over 0"


def capacity_providers(properties: Properties) -> Refusals:
    yield from _strategy_refusals("defaultCapacityProviderStrategies", properties)
    providers = properties.get("capacityProviders") or []
    strategy = properties.get("defaultCapacityProviderStrategies") or []
    if has_unknown(providers) or has_unknown(strategy):
        return
    for name in providers:
        if name not in FARGATE_PROVIDERS:
            yield "capacityProviders", f"the local cloud has no capacity provider '{name}'"
    for item in strategy:
        if item["capacityProvider"] not in providers:
            yield (
                "defaultCapacityProviderStrategies",
                f"The capacity provider '{item['capacityProvider']}' is not associated with the "
                "cluster; name it in capacityProviders too",
            )


def cluster_capacity(properties: Properties) -> dict[str, Any]:
    """Both lists are required, and empty ones take all away."""
    return {
        "cluster": properties["clusterName"],
        "capacityProviders": properties.get("capacityProviders") or [],
        "defaultCapacityProviderStrategy": (
            properties.get("defaultCapacityProviderStrategies") or []
        ),
    }


def refuse_cluster_in_use(api: Api, arn: str) -> None:
    """The emulator deletes a cluster with services and tasks."""
    try:
        services = api.call("ecs", Call("list_services"), {}, {"cluster": arn})["serviceArns"]
        tasks = api.call("ecs", Call("list_tasks"), {}, {"cluster": arn})["taskArns"]
    except MissingError:
        return
    active = [one for one in services if _service(api, arn, one)]
    if active:
        raise ApiError(
            "ecs:delete_cluster refused: ClusterContainsServicesException: The Cluster cannot be "
            f"deleted while Services are active ({', '.join(active)})"
        )
    running = [one for one in tasks if _runs(api, arn, one)]
    if running:
        raise ApiError(
            "ecs:delete_cluster refused: ClusterContainsTasksException: The Cluster cannot be "
            f"deleted while Tasks are active ({', '.join(running)})"
        )


def _service(api: Api, cluster: str, name: str) -> Properties | None:
    request = {"cluster": cluster, "services": [name]}
    answer = api.call("ecs", Call("describe_services"), {}, request)
    active = [one for one in answer["services"] if one["status"] != "INACTIVE"]
    return dict(active[0]) if active else None


def _runs(api: Api, cluster: str, task: str) -> bool:
    request = {"cluster": cluster, "tasks": [task]}
    answer = api.call("ecs", Call("describe_tasks"), {}, request)
    return any(one["lastStatus"] != "STOPPED" for one in answer["tasks"])


# -- task definition -------------------------------------------------------------------------


def _containers(properties: Properties) -> list[Properties]:
    """The container definitions, as far as they are known and are what they should be."""
    text = properties.get("containerDefinitions")
    try:
        return _structures(json.loads(text)) if isinstance(text, str) else []
    except ValueError:
        return []


def task_to_send(properties: Properties) -> Properties:
    containers = _containers(properties)
    return {**properties, "containerDefinitions": containers} if containers else properties


def task(properties: Properties) -> Refusals:
    text = properties.get("containerDefinitions")
    containers = _containers(properties)
    if isinstance(text, str) and not containers:
        yield "containerDefinitions", "is no JSON list of at least one container definition"
    if containers and not any(one.get("essential", True) for one in containers):
        yield "containerDefinitions", "a task has at least one essential container"
    names = [one.get("name") for one in containers]
    if len(set(names)) < len(names):
        yield "containerDefinitions", "container names must be unique within a task definition"
    for container in containers:
        for reason in _container(container, names, properties):
            yield "containerDefinitions", reason
    yield from _whole_task(containers, properties)


def _container(container: Properties, names: list[Any], properties: Properties) -> Iterator[str]:
    name, memory = container.get("name"), _number(properties.get("memory"))
    own = container.get("memory")
    if isinstance(own, int) and memory is not None and own > memory:
        yield f"The 'memory' setting for container '{name}' is greater than for the task."
    reserved = container.get("memoryReservation")
    if isinstance(own, int) and isinstance(reserved, int) and reserved > own:
        yield f"container '{name}': memoryReservation must not be greater than memory"
    volumes = properties.get("volumes")
    if not has_unknown(volumes):
        declared = [one.get("name") for one in _structures(volumes)]
        for mount in _structures(container.get("mountPoints")):
            if mount.get("sourceVolume") not in declared:
                yield f"Unknown volume '{mount.get('sourceVolume')}'."
    for dependency in _structures(container.get("dependsOn")):
        if dependency.get("containerName") not in names:
            yield f"container '{name}' depends on '{dependency.get('containerName')}', not defined"
    if _is_fargate(properties):
        yield from _fargate_container(container, properties)
    if (
        container.get("secrets") or _log(container).get("secretOptions")
    ) and "executionRoleArn" not in properties:
        yield (
            "When you are specifying container secrets, you must also specify a value for "
            "'executionRoleArn'."
        )


def _fargate_container(container: Properties, properties: Properties) -> Iterator[str]:
    if container.get("privileged"):
        yield "Fargate compatible task definitions do not support privileged containers"
    log = _log(container)
    if log.get("logDriver") != "awslogs":
        return
    wanted = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
    missing = [one for one in wanted if one not in (log.get("options") or {})]
    if missing:
        yield f"Log driver awslogs requires options: {', '.join(missing)}"
    if "executionRoleArn" not in properties:
        yield (
            "Fargate requires task definition to have execution role ARN to support log driver "
            "awslogs."
        )


def _log(container: Properties) -> Properties:
    log = container.get("logConfiguration")
    return log if isinstance(log, dict) else {}


def _whole_task(containers: list[Properties], properties: Properties) -> Refusals:
    cpu, total = _number(properties.get("cpu")), sum(_int(one.get("cpu")) for one in containers)
    if cpu is not None and total > cpu:
        yield (
            "containerDefinitions",
            f"The total 'cpu' of the containers, {total}, is greater than the task's {cpu}",
        )
    reserved = sum(_int(one.get("memoryReservation") or one.get("memory")) for one in containers)
    memory = _number(properties.get("memory"))
    if memory is not None and len(containers) > 1 and reserved > memory:
        yield (
            "containerDefinitions",
            f"The total memory of the containers, {reserved}, is greater than the task's {memory}",
        )
    storage = properties.get("ephemeralStorage")
    size = storage.get("sizeInGib") if isinstance(storage, dict) else None
    if isinstance(size, int) and not 21 <= size <= 200:
        yield "ephemeralStorage.sizeInGib", f"{size} is not between 21 and 200 GiB"


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str | int) and str(value).isdigit() else None


def _is_fargate(properties: Properties) -> bool:
    kinds = properties.get("requiresCompatibilities")
    return isinstance(kinds, list) and "FARGATE" in kinds


def task_as_given(found: Properties, like: Properties) -> None:
    """ECS fills in defaults and reorders; what means the same reads back as it was given."""
    given, there = _containers(like), found.get("containerDefinitions") or []
    same = [_canonical(one) for one in given] == [_canonical(one) for one in there]
    found["containerDefinitions"] = (
        like["containerDefinitions"] if given and same else json.dumps(there)
    )
    found["arnWithoutRevision"] = found["taskDefinitionArn"].rsplit(":", 1)[0]


def _canonical(container: Properties) -> Properties:
    result = {key: value for key, value in container.items() if value not in (None, [], {})}
    if result.get("cpu") == 0:
        del result["cpu"]
    result.setdefault("essential", True)
    for name in ("environment", "secrets"):
        if name in result:
            result[name] = sorted(result[name], key=lambda one: str(one.get("name")))
    if "portMappings" in result:
        result["portMappings"] = [_port(one) for one in result["portMappings"]]
    return result


def _port(mapping: Properties) -> Properties:
    return {"hostPort": mapping.get("containerPort"), "protocol": "tcp", **mapping}


# -- service ---------------------------------------------------------------------------------

# What of a service the API has in one structure.
_DEPLOYMENT: Final = {
    "alarms": "alarms",
    "deploymentCircuitBreaker": "deploymentCircuitBreaker",
    "deploymentMaximumPercent": "maximumPercent",
    "deploymentMinimumHealthyPercent": "minimumHealthyPercent",
}
_NUMBERS: Final = (
    "bakeTimeInMinutes",
    "canaryBakeTimeInMinutes",
    "stepBakeTimeInMinutes",
    "timeoutInMinutes",
)
# The API's names of what an update changes, each with the value that takes it away.
_CHANGES: Final = {
    "availabilityZoneRebalancing": ("availabilityZoneRebalancing", "DISABLED"),
    "capacityProviderStrategies": ("capacityProviderStrategy", []),
    "deploymentConfiguration": ("deploymentConfiguration", {}),
    "desiredCount": ("desiredCount", 0),
    "enableEcsManagedTags": ("enableECSManagedTags", False),
    "enableExecuteCommand": ("enableExecuteCommand", False),
    "healthCheckGracePeriodSeconds": ("healthCheckGracePeriodSeconds", 0),
    "loadBalancers": ("loadBalancers", []),
    "networkConfiguration": ("networkConfiguration", {}),
    "platformVersion": ("platformVersion", "LATEST"),
    "propagateTags": ("propagateTags", "NONE"),
    "taskDefinition": ("taskDefinition", ""),
}
# A change of `triggers` only deploys anew.
SERVICE_CHANGES: Final = (*_CHANGES, *_DEPLOYMENT, "forceNewDeployment", "triggers")
_CREATED_ONLY: Final = {
    "cluster": "cluster",
    "deploymentController": "deploymentController",
    "launchType": "launchType",
    "name": "serviceName",
    "schedulingStrategy": "schedulingStrategy",
}
SERVICE_PROPERTIES: Final = frozenset({*SERVICE_CHANGES, *_CREATED_ONLY})
_UNSUPPORTED: Final = (
    "orderedPlacementStrategies",
    "placementConstraints",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfiguration",
    "vpcLatticeConfigurations",
)
_SHIFTING: Final = ("BLUE_GREEN", "CANARY", "LINEAR")


def service(properties: Properties) -> Refusals:
    for name in _UNSUPPORTED:
        if properties.get(name) is not None:
            yield name, "the local cloud cannot set this property yet (docs/local-cloud.md)"
    strategies = properties.get("capacityProviderStrategies")
    if properties.get("launchType") is not None and strategies:
        yield (
            "launchType",
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again.",
        )
    yield from _strategy_refusals("capacityProviderStrategies", properties)
    yield from _percent_refusals(properties)
    yield from _network_refusals(properties)
    yield from _balancer_refusals(properties)
    configuration = properties.get("deploymentConfiguration")
    if isinstance(configuration, dict):
        yield from _configuration_refusals(configuration)


def _percent_refusals(properties: Properties) -> Refusals:
    most = properties.get("deploymentMaximumPercent", 200)
    least = properties.get("deploymentMinimumHealthyPercent", 100)
    if not isinstance(most, int) or not isinstance(least, int):
        return
    if properties.get("availabilityZoneRebalancing") == "ENABLED" and most <= 100:
        yield (
            "availabilityZoneRebalancing",
            "Availability Zone rebalancing needs a deploymentMaximumPercent over 100, since it "
            "starts a task before it stops another",
        )
    if most == least == 100:
        yield (
            "deploymentMaximumPercent",
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block "
            "deployments.",
        )
    if least > most:
        yield (
            "deploymentMinimumHealthyPercent",
            "minimumHealthyPercent must not be greater than maximumPercent",
        )


def _network_refusals(properties: Properties) -> Refusals:
    strategies = _structures(properties.get("capacityProviderStrategies"))
    providers = [one.get("capacityProvider") for one in strategies]
    fargate = properties.get("launchType") == "FARGATE" or any(
        one in FARGATE_PROVIDERS for one in providers
    )
    if fargate and properties.get("networkConfiguration") is None:
        yield (
            "networkConfiguration",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )
    if fargate and properties.get("schedulingStrategy") == "DAEMON":
        yield "schedulingStrategy", "The daemon scheduling strategy is not supported on AWS Fargate"


def _balancer_refusals(properties: Properties) -> Refusals:
    balancers = properties.get("loadBalancers")
    if properties.get("healthCheckGracePeriodSeconds") is not None and not balancers:
        yield (
            "healthCheckGracePeriodSeconds",
            "Health check grace period is only valid for services configured to use load balancers",
        )
    configuration = properties.get("deploymentConfiguration")
    strategy = configuration.get("strategy") if isinstance(configuration, dict) else None
    simple = [one for one in _structures(balancers) if "advancedConfiguration" not in one]
    if strategy in _SHIFTING and simple:
        yield (
            "loadBalancers",
            "advancedConfiguration field is required for all loadBalancers when using the "
            f"{str(strategy).lower()} deployment strategy",
        )


def _configuration_refusals(configuration: Properties) -> Refusals:
    strategy = configuration.get("strategy", "ROLLING")
    where = "deploymentConfiguration"
    if strategy == "ROLLING" and configuration.get("bakeTimeInMinutes") is not None:
        yield f"{where}.bakeTimeInMinutes", "is not supported with the ROLLING deployment strategy"
    for name, kind in (("canaryConfiguration", "CANARY"), ("linearConfiguration", "LINEAR")):
        other = strategy in ("ROLLING", *_SHIFTING) and strategy != kind
        if configuration.get(name) is not None and other:
            yield f"{where}.{name}", f"is supported with the {kind} deployment strategy only"


def service_to_send(properties: Properties) -> Properties:
    """The structures of the API: network, and everything about a deployment."""
    result = dict(properties)
    network = properties.get("networkConfiguration")
    if isinstance(network, dict):
        result["networkConfiguration"] = {"awsvpcConfiguration": _network(network)}
    deployment = {
        name: result.pop(key) for key, name in _DEPLOYMENT.items() if result.get(key) is not None
    }
    configuration = properties.get("deploymentConfiguration")
    if isinstance(configuration, dict):
        deployment = {**deployment, **_with_numbers(configuration)}
    if deployment:
        result["deploymentConfiguration"] = deployment
    if isinstance(properties.get("loadBalancers"), list):
        result["loadBalancers"] = [_balancer(one) for one in properties["loadBalancers"]]
    return result


def _network(network: Properties) -> Properties:
    result = {"securityGroups": [], **network}
    public = network.get("assignPublicIp", False)
    if isinstance(public, bool):
        result["assignPublicIp"] = "ENABLED" if public else "DISABLED"
    return result


def _balancer(balancer: Any) -> Any:
    if not isinstance(balancer, dict):
        return balancer
    return {
        {"elbName": "loadBalancerName"}.get(name, name): value for name, value in balancer.items()
    }


def _with_numbers(value: Any) -> Any:
    """Pulumi has minutes as strings, and a hook's details as JSON."""
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, item in value.items():
        if name in _NUMBERS and isinstance(item, str) and item.isdigit():
            result[name] = int(item)
        elif name == "hookDetails" and isinstance(item, str):
            result[name] = json.loads(item)
        else:
            result[name] = _with_numbers(item)
    return result


def service_to_create(properties: Properties) -> dict[str, Any]:
    changeable = {key: name for key, (name, _) in _CHANGES.items()}
    names = {**_CREATED_ONLY, **changeable}
    return {name: properties[key] for key, name in names.items() if properties.get(key) is not None}


def service_update(properties: Properties) -> dict[str, Any]:
    """What changed; with the desired count only then, which autoscaling may have moved."""
    force = {"forceNewDeployment": True} if properties.get("forceNewDeployment") else {}
    changed = {
        name: nothing if properties.get(key) is None else properties[key]
        for key, (name, nothing) in _CHANGES.items()
        if f"old_{key}" in properties
    }
    return {**changed, **force}


def store_whole_service(api: Api, arn: str, inputs: Properties) -> None:
    """The emulator's `create_service` loses what its `update_service` stores."""
    sent = service_to_send(inputs)
    given = {f"old_{name}": None for name in _CHANGES if sent.get(name) is not None}
    request = {"cluster": inputs["cluster"], "service": arn}
    changes = service_update({**sent, **given, "forceNewDeployment": False})
    api.call("ecs", Call("update_service"), {}, {**request, **changes})


def service_as_given(found: Properties, like: Properties) -> None:
    configuration = _with_strings(found.pop("deploymentConfiguration", None) or {})
    for key, name in _DEPLOYMENT.items():
        value = configuration.pop(name, None)
        if value is not None:
            found[key] = value
    if configuration:
        found["deploymentConfiguration"] = configuration
    network = (found.pop("networkConfiguration", None) or {}).get("awsvpcConfiguration")
    if network:
        public = network.get("assignPublicIp") == "ENABLED"
        found["networkConfiguration"] = {**network, "assignPublicIp": public}
    for balancer in found.get("loadBalancers") or []:
        balancer["elbName"] = balancer.pop("loadBalancerName", None)
    # A name where the API says the ARN, as pulumi-aws keeps it.
    for name, key in (("cluster", "clusterArn"), ("taskDefinition", "taskDefinition")):
        given, arn = like.get(name), str(found.get(key))
        found[name] = given if given and arn.endswith(f"/{given}") else arn
    if found.get("capacityProviderStrategy"):
        found["launchType"] = ""  # the emulator answers EC2
    found["platformVersion"] = found.get("platformVersion") or "LATEST"
    most = found.get("deploymentMaximumPercent", 200)
    found.setdefault("availabilityZoneRebalancing", "ENABLED" if most > 100 else "DISABLED")


def _with_strings(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_strings(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(item) if name in _NUMBERS and item is not None else _with_strings(item)
        for name, item in value.items()
    }


def replaced_with_capacity(olds: Properties, news: Properties) -> frozenset[str]:
    """pulumi-aws replaces for another strategy, unless it may force a deployment in place."""
    old, new = olds.get("capacityProviderStrategies"), news.get("capacityProviderStrategies")
    in_place = news.get("forceNewDeployment") and old and new
    return frozenset() if in_place else frozenset({"capacityProviderStrategies"})


def refuse_taken_service_name(api: Api, properties: Properties) -> None:
    try:
        existing = _service(api, properties["cluster"], properties["name"])
    except MissingError:
        return
    if existing:
        raise ApiError(
            "ecs:create_service refused: InvalidParameterException: Creation of service was not "
            f"idempotent: {properties['name']} exists already"
        )


def service_among_others(api: Api, properties: Properties) -> None:
    """What ECS looks up of a service's cluster, task definition, target groups and roles."""
    if has_unknown(properties):
        return
    request = {"taskDefinition": properties["taskDefinition"]}
    definition = api.call("ecs", Call("describe_task_definition"), {}, request)["taskDefinition"]
    for reason in (
        *_capacity_reasons(api, properties),
        *_task_reasons(definition, properties),
        *_target_reasons(api, properties),
    ):
        raise ApiError(f"ecs:create_service refused: InvalidParameterException: {reason}")


def _capacity_reasons(api: Api, properties: Properties) -> Iterator[str]:
    strategies = properties.get("capacityProviderStrategies") or []
    request = {"clusters": [properties["cluster"]]}
    clusters = api.call("ecs", Call("describe_clusters"), {}, request)["clusters"]
    associated = clusters[0].get("capacityProviders") or [] if clusters else []
    for item in strategies:
        if item["capacityProvider"] not in associated:
            yield (
                "The specified capacity provider strategy cannot contain a capacity provider that "
                f"is not associated with the cluster: {item['capacityProvider']}. Associate the "
                "capacity provider with the cluster and try again"
            )


def _task_reasons(definition: Properties, properties: Properties) -> Iterator[str]:
    ports = {
        one["name"]: [mapping.get("containerPort") for mapping in one.get("portMappings") or []]
        for one in definition["containerDefinitions"]
    }
    for balancer in properties.get("loadBalancers") or []:
        name, port = balancer["containerName"], balancer["containerPort"]
        if name not in ports:
            yield f"The container {name} does not exist in the task definition."
        elif port not in ports[name]:
            yield f"The container {name} did not have a container port {port} defined."
    if properties.get("enableExecuteCommand") and not definition.get("taskRoleArn"):
        yield (
            "The service couldn't be created because a valid taskRoleArn is not being used. "
            "Specify a valid task role in your task definition and try again."
        )
    if properties.get("launchType") == "FARGATE" and not _is_fargate(definition):
        yield "Task definition does not support launch_type FARGATE."


def _target_reasons(api: Api, properties: Properties) -> Iterator[str]:
    balancers = properties.get("loadBalancers") or []
    used = _used_target_groups(api) if balancers else frozenset()
    for balancer in balancers:
        advanced = balancer.get("advancedConfiguration") or {}
        groups = (balancer.get("targetGroupArn"), advanced.get("alternateTargetGroupArn"))
        for group in groups:
            if group and group not in used:
                yield (
                    f"The target group with targetGroupArn {group} does not have an associated "
                    "load balancer."
                )
        role = advanced.get("roleArn")
        if role and not admits(api, role, "ecs.amazonaws.com"):
            yield f"Unable to assume the role {role}: it must let ecs.amazonaws.com assume it"


def _used_target_groups(api: Api) -> frozenset[str]:
    """Every target group that an action of a listener or a rule names."""
    found: set[str] = set()
    for balancer in api.call("elbv2", Call("describe_load_balancers"), {})["LoadBalancers"]:
        request = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
        for one in api.call("elbv2", Call("describe_listeners"), {}, request)["Listeners"]:
            asked = {"ListenerArn": one["ListenerArn"]}
            rules = api.call("elbv2", Call("describe_rules"), {}, asked)["Rules"]
            actions = [action for rule in rules for action in rule.get("Actions") or []]
            found.update(_groups(actions))
    return frozenset(found)


def _groups(actions: list[Properties]) -> Iterator[str]:
    for action in actions:
        if "TargetGroupArn" in action:
            yield action["TargetGroupArn"]
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or []:
            yield group["TargetGroupArn"]
