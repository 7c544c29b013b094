"""What moto gets wrong in a way that no caller can put right, mended in the emulator's process."""

import base64
import copy
import json
import threading
import uuid
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any


def repair() -> None:
    _delete_one_record_of_a_set_identifier()
    _update_web_acl_as_a_whole()
    _keep_distribution_config_as_given()
    _merge_detector_features()
    _change_and_forget_backup_plans()
    _read_every_log_bucket_policy()
    _leave_conditions_of_bucket_policies_aside()
    _lock_buckets_with_objects()
    _answer_replication_as_given()
    _replace_a_metric_filter_of_that_name()
    _deploy_what_a_service_is_updated_to()
    _tell_deployments_of_a_service()
    _let_tasks_be_entered()
    _keep_other_certificates_of_a_listener()
    _keep_arn_and_drop_old_alarms_of_a_scaling_policy()
    _tell_database_instances_apart()
    _keep_backups_of_deleted_databases()


def _delete_one_record_of_a_set_identifier() -> None:
    """moto deletes every record of the zone that has the identifier, whatever its name and type."""
    from moto.route53.models import FakeZone, Route53Backend

    change = Route53Backend.change_resource_record_sets

    def change_records(
        backend: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
    ) -> None:
        zone: FakeZone = backend.get_hosted_zone(zoneid)
        before = list(zone.rrsets)
        deleted = {
            (
                one["ResourceRecordSet"]["Name"].strip("."),
                one["ResourceRecordSet"]["Type"],
                one["ResourceRecordSet"]["SetIdentifier"],
            )
            for one in change_list
            if one["Action"] == "DELETE" and "SetIdentifier" in one["ResourceRecordSet"]
        }
        change(backend, zoneid, change_list)
        if deleted:
            lost = [record for record in before if record not in zone.rrsets]
            zone.rrsets += [
                record
                for record in lost
                if (record.name.strip("."), record.type, record.set_identifier) not in deleted
                and record.set_identifier in {identifier for _, _, identifier in deleted}
            ]

    Route53Backend.change_resource_record_sets = change_records  # type: ignore[assignment, method-assign]


def _update_web_acl_as_a_whole() -> None:
    """moto keeps what an update leaves out, where WAF takes it away."""
    from moto.wafv2.models import FakeWebACL

    update = FakeWebACL.update

    def update_whole(acl: FakeWebACL, *given: Any, **named: Any) -> None:
        update(acl, *given, **named)
        _, rules, description = given[:3]
        acl.rules = rules or []
        acl.description = description or ""

    FakeWebACL.update = update_whole  # type: ignore[assignment, method-assign]


def _keep_distribution_config_as_given() -> None:
    """moto loses origin access control, function associations and more of a distribution."""
    from moto.cloudfront.models import DistributionConfig

    convert = DistributionConfig.__init__

    def keep(config: DistributionConfig, given: dict[str, Any]) -> None:
        as_given = copy.deepcopy(given)
        # moto looks for the target among the origins alone, and not among their groups.
        given["DefaultCacheBehavior"]["TargetOriginId"] = given["Origins"]["Items"][0]["Id"]
        convert(config, given)
        config.__dict__.update(as_given)

    DistributionConfig.__init__ = keep  # type: ignore[assignment, method-assign]


def _merge_detector_features() -> None:
    """moto forgets the features that an update of a detector does not name."""
    from moto.guardduty.models import Detector

    update = Detector.update
    one_at_a_time = threading.Lock()

    def merge(
        detector: Detector,
        enable: bool,
        finding_publishing_frequency: str,
        data_sources: dict[str, Any],
        features: list[dict[str, Any]] | None,
    ) -> None:
        # The engine updates several features at once, each of a detector that has the others.
        with one_at_a_time:
            changed = {one["name"]: one for one in [*detector.features, *(features or [])]}
            merged = list(changed.values())
            update(detector, enable, finding_publishing_frequency, data_sources, merged)

    Detector.update = merge  # type: ignore[assignment, method-assign]


def _read_every_log_bucket_policy() -> None:
    """moto fails on a log bucket whose policy has a statement for everyone or several resources."""
    from moto.s3.models import FakeBucket

    def listed(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    def lets_logs_in(target_bucket: FakeBucket, target_prefix: str | None) -> bool:
        document = json.loads(target_bucket.policy.decode()) if target_bucket.policy else {}
        written = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}*"
        return any(
            statement.get("Effect") == "Allow"
            and isinstance(statement.get("Principal"), dict)
            and "logging.s3.amazonaws.com" in listed(statement["Principal"].get("Service"))
            and bool({"s3:PutObject", "s3:*"} & set(listed(statement.get("Action"))))
            and any(fnmatchcase(written, one) for one in listed(statement.get("Resource")))
            for statement in listed(document.get("Statement", []))
        )

    policy_check = staticmethod(lets_logs_in)
    FakeBucket._log_permissions_enabled_policy = policy_check  # type: ignore[method-assign]


def _leave_conditions_of_bucket_policies_aside() -> None:
    """moto takes a statement with a condition for one without: TLS alone is then nothing at all."""
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        document = json.loads(bucket.policy.decode()) if bucket.policy else {}
        given = document.get("Statement", [])
        statements = [
            one for one in (given if isinstance(given, list) else [given]) if "Condition" not in one
        ]
        if not statements:
            return PermissionResult.NEUTRAL
        rest = IAMPolicy(json.dumps({**document, "Statement": statements}))
        return rest.is_action_permitted(action, resource)

    FakeBucket.get_permission = permission  # type: ignore[assignment, method-assign]


def _lock_buckets_with_objects() -> None:
    """moto changes Object Lock of empty buckets only, where S3 wants no more than versioning."""
    from moto.s3.models import S3Backend

    configure = S3Backend.put_object_lock_configuration

    def lock(
        backend: S3Backend,
        bucket_name: str,
        lock_enabled: bool,
        mode: str | None = None,
        days: int | None = None,
        years: int | None = None,
    ) -> None:
        bucket = backend.get_bucket(bucket_name)
        if not bucket.is_versioned:
            configure(backend, bucket_name, lock_enabled, mode, days, years)
        bucket.object_lock_enabled = lock_enabled or bucket.object_lock_enabled
        bucket.default_lock_mode = mode
        bucket.default_lock_days = days
        bucket.default_lock_years = years

    S3Backend.put_object_lock_configuration = lock  # type: ignore[assignment, method-assign]


def _change_and_forget_backup_plans() -> None:
    """moto cannot change a backup plan, and keeps the name of a deleted one taken."""
    from moto.backup.models import BackupBackend, Plan
    from moto.backup.responses import BackupResponse

    begin = BackupBackend.delete_backup_plan

    def delete(backend: BackupBackend, backup_plan_id: str) -> tuple[str, str, float, str]:
        answer = begin(backend, backup_plan_id)
        del backend.plans[backup_plan_id]
        return answer

    def update(response: BackupResponse) -> str:
        old = response.backup_backend.get_backup_plan(response.path.split("/")[-1], None)
        new = Plan(json.loads(response.body)["BackupPlan"], "", response.backup_backend)
        new.backup_plan_id, new.backup_plan_arn = old.backup_plan_id, old.backup_plan_arn
        response.backup_backend.plans[old.backup_plan_id] = new
        return json.dumps(new.to_dict())

    BackupBackend.delete_backup_plan = delete  # type: ignore[assignment, method-assign]
    BackupResponse.update_backup_plan = update  # type: ignore[attr-defined]


def _deploy_what_a_service_is_updated_to() -> None:
    """moto's deployment stays that of the creation, and in progress for ever."""
    from moto.ecs.models import EC2ContainerServiceBackend, Service

    update = EC2ContainerServiceBackend.update_service

    def deploy(backend: EC2ContainerServiceBackend, service_properties: dict[str, Any]) -> Service:
        service = update(backend, service_properties)
        if service.task_definition is not None:
            definition = backend.describe_task_definition(service.task_definition)
            service.task_definition = definition.arn
        for deployment in service.deployments:
            if deployment["taskDefinition"] != service.task_definition:
                deployment["id"] = f"ecs-svc/{uuid.uuid4().int % 10**19}"
            deployment.update(
                taskDefinition=service.task_definition,
                desiredCount=service.desired_count,
                runningCount=service.running_count,
                pendingCount=service.pending_count,
            )
            if service.running_count >= service.desired_count:
                deployment["rolloutState"] = "COMPLETED"
                deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} completed."
        return service

    EC2ContainerServiceBackend.update_service = deploy  # type: ignore[assignment, method-assign]


def _tell_deployments_of_a_service() -> None:
    """moto has deployments, but neither call that lists and describes them for themselves."""
    from moto.core.responses import ActionResult
    from moto.ecs.models import Service
    from moto.ecs.responses import EC2ContainerServiceResponse

    statuses = {"COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_SUCCESSFUL"}

    def deployments_of(service: Service) -> list[dict[str, Any]]:
        where = service.arn.replace(":service/", ":service-deployment/")
        return [
            {
                "serviceDeploymentArn": f"{where}/{str(deployment['id']).rpartition('/')[2]}",
                "serviceArn": service.arn,
                "clusterArn": service.cluster_arn,
                "createdAt": deployment["createdAt"],
                "status": statuses.get(str(deployment["rolloutState"]), "IN_PROGRESS"),
                "statusReason": deployment["rolloutStateReason"],
            }
            for deployment in service.deployments
        ]

    def listed(response: EC2ContainerServiceResponse) -> ActionResult:
        name, cluster = response._get_param("service"), response._get_param("cluster", "default")
        (found,), _ = response.ecs_backend.describe_services(cluster, [name])
        return ActionResult({"serviceDeployments": deployments_of(found)})

    def described(response: EC2ContainerServiceResponse) -> ActionResult:
        wanted = response._get_param("serviceDeploymentArns")
        services = response.ecs_backend.services.values()
        known = {
            deployment["serviceDeploymentArn"]: deployment
            for service in services
            for deployment in deployments_of(service)
        }
        missing = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known]
        found = [known[arn] for arn in wanted if arn in known]
        return ActionResult({"serviceDeployments": found, "failures": missing})

    response = EC2ContainerServiceResponse
    response.list_service_deployments = listed  # type: ignore[attr-defined]
    response.describe_service_deployments = described  # type: ignore[attr-defined]


def _let_tasks_be_entered() -> None:
    """moto has no ECS Exec, and ends each task once it was described a few times."""
    from moto.core.responses import ActionResult
    from moto.ecs.exceptions import InvalidParameterException
    from moto.ecs.responses import EC2ContainerServiceResponse

    run = EC2ContainerServiceResponse.run_task

    def started(response: EC2ContainerServiceResponse) -> ActionResult:
        answer = run(response)
        if response._get_param("enableExecuteCommand"):
            for task in answer.result["tasks"]:  # type: ignore[index]
                # One that is entered runs until it is stopped.
                task._transitions = []
                task.enable_execute_command = True
                for container in task.containers:
                    container.runtime_id = f"{task.id}-{uuid.uuid4().int % 10**10}"
                    agent = {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}
                    container.managed_agents = [agent]
        return answer

    def entered(response: EC2ContainerServiceResponse) -> ActionResult:
        cluster, name = response._get_param("cluster", "default"), response._get_param("task")
        (task,) = response.ecs_backend.describe_tasks(cluster, [name])
        if task.status != "RUNNING" or "enable_execute_command" not in task.__dict__:
            raise InvalidParameterException(
                "The execute command failed because execute command was not enabled when the task "
                "was run or the execute command agent isn't running."
            )
        identifier = f"ecs-execute-command-{uuid.uuid4().hex[:17]}"
        session = {
            "sessionId": identifier,
            "streamUrl": f"wss://127.0.0.1/{identifier}",
            "tokenValue": uuid.uuid4().hex,
        }
        return ActionResult(
            {
                "clusterArn": task.cluster_arn,
                "taskArn": task.task_arn,
                "containerArn": task.containers[0].container_arn,
                "containerName": task.containers[0].name,
                "interactive": response._get_param("interactive"),
                "session": session,
            }
        )

    EC2ContainerServiceResponse.run_task = started  # type: ignore[assignment, method-assign]
    EC2ContainerServiceResponse.execute_command = entered  # type: ignore[attr-defined]


def _keep_other_certificates_of_a_listener() -> None:
    """moto drops a listener's other certificates when its default one changes."""
    from moto.elbv2.models import ELBv2Backend, FakeListener

    modify = ELBv2Backend.modify_listener

    def keep(backend: ELBv2Backend, arn: str, *given: Any, **named: Any) -> FakeListener:
        others = backend.describe_listeners(None, [arn])[0].certificates[1:]
        listener = modify(backend, arn, *given, **named)
        listener.certificates = [*listener.certificates[:1], *others]
        return listener

    ELBv2Backend.modify_listener = keep  # type: ignore[assignment, method-assign]


def _keep_arn_and_drop_old_alarms_of_a_scaling_policy() -> None:
    """moto makes a changed policy anew and leaves the alarms of the old one."""
    from moto.applicationautoscaling.models import (
        ApplicationAutoscalingBackend,
        FakeApplicationAutoscalingPolicy,
    )

    put = ApplicationAutoscalingBackend.put_scaling_policy

    def change(
        backend: ApplicationAutoscalingBackend, **given: Any
    ) -> FakeApplicationAutoscalingPolicy:
        names = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
        identity = {name: given[name] for name in names}
        old = backend.policies.get(FakeApplicationAutoscalingPolicy.formulate_key(**identity))
        policy = put(backend, **given)
        if old is not None:
            old.delete_alarms(backend.account_id, backend.region_name)
            policy.policy_arn = old.policy_arn
        return policy

    ApplicationAutoscalingBackend.put_scaling_policy = change  # type: ignore[assignment, method-assign]


def _answer_replication_as_given() -> None:
    """moto stores a rule's filter, delete markers and source criteria, and answers fixed ones."""
    from moto.core.responses import ActionResult
    from moto.s3.exceptions import ReplicationConfigurationNotFoundError
    from moto.s3.responses import S3Response

    def given(value: Any) -> Any:
        if isinstance(value, list):
            return [given(item) for item in value]
        if not isinstance(value, dict):
            return "" if value is None else value
        tags = value.get("Tag")
        if isinstance(tags, list) or (tags and "Prefix" in value):  # several, in XML's one name
            value = {**value, "Tags": tags if isinstance(tags, list) else [tags]}
            del value["Tag"]
        return {name: given(item) for name, item in value.items() if not name.startswith("@")}

    def answer(response: S3Response) -> Any:
        response.data["Action"] = "GetBucketReplication"
        stored = response.backend.get_bucket_replication(response.bucket_name)
        if not stored:
            raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
        found = {"Role": stored["Role"], "Rules": given(stored["Rule"])}
        return response.serialized(ActionResult({"ReplicationConfiguration": found}))

    S3Response.get_bucket_replication = answer  # type: ignore[assignment, method-assign]


def _replace_a_metric_filter_of_that_name() -> None:
    """moto keeps the old filter beside the new one, and answers the old one."""
    from moto.logs.metric_filters import MetricFilters

    add = MetricFilters.add_filter

    def put(
        filters: MetricFilters,
        filter_name: str,
        filter_pattern: str,
        log_group_name: str,
        metric_transformations: str,
    ) -> None:
        filters.metric_filters = [
            one
            for one in filters.metric_filters
            if (one["filterName"], one["logGroupName"]) != (filter_name, log_group_name)
        ]
        add(filters, filter_name, filter_pattern, log_group_name, metric_transformations)

    MetricFilters.add_filter = put  # type: ignore[assignment, method-assign]


def _tell_database_instances_apart() -> None:
    """moto gives all of them one resource id, and lets one take the name of another.

    It names automated snapshots by the minute, so that a name is free for no other until then.
    """
    from moto.rds.exceptions import DBInstanceAlreadyExists
    from moto.rds.models import DBInstance, DBSnapshot, RDSBackend

    back_up = RDSBackend.create_auto_snapshot
    create = DBInstance.__init__
    replicate = RDSBackend.create_db_instance_read_replica
    modify = RDSBackend.modify_db_instance

    def new_id() -> str:
        return f"db-{base64.b32encode(uuid.uuid4().bytes).decode().rstrip('=')}"

    def created(instance: DBInstance, *given: Any, **named: Any) -> None:
        create(instance, *given, **named)
        instance.dbi_resource_id = new_id()

    def replicated(backend: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
        replica = replicate(backend, db_kwargs)
        replica.dbi_resource_id = new_id()
        return replica

    def modified(
        backend: RDSBackend, db_instance_identifier: str, db_kwargs: dict[str, Any]
    ) -> DBInstance:
        name = db_kwargs.get("new_db_instance_identifier")
        if name is not None and name in backend.databases:
            raise DBInstanceAlreadyExists
        return modify(backend, db_instance_identifier, db_kwargs)

    def backed_up(
        backend: RDSBackend, db_instance_identifier: str, db_snapshot_identifier: str
    ) -> DBSnapshot:
        taken = db_snapshot_identifier in backend.database_snapshots
        suffix = f"-{uuid.uuid4().hex[:8]}" if taken else ""
        return back_up(backend, db_instance_identifier, f"{db_snapshot_identifier}{suffix}")

    DBInstance.__init__ = created  # type: ignore[assignment, method-assign]
    RDSBackend.create_auto_snapshot = backed_up  # type: ignore[assignment, method-assign]
    RDSBackend.create_db_instance_read_replica = replicated  # type: ignore[assignment, method-assign]
    RDSBackend.modify_db_instance = modified  # type: ignore[assignment, method-assign]


def _keep_backups_of_deleted_databases() -> None:
    """moto restores neither by resource id nor from the backups that a deleted instance left."""
    from moto.core.utils import utcnow
    from moto.rds.models import DBInstance, RDSBackend

    delete = RDSBackend.delete_db_instance
    restore = RDSBackend.restore_db_instance_to_point_in_time

    def retained(backend: RDSBackend) -> list[SimpleNamespace]:
        kept: list[SimpleNamespace] = backend.__dict__.setdefault("retained_backups", [])
        return kept

    def backups_of(instance: DBInstance, status: str) -> SimpleNamespace:
        return SimpleNamespace(
            status=status,
            instance=instance,
            db_instance_identifier=instance.db_instance_identifier,
            dbi_resource_id=instance.dbi_resource_id,
            restore_window={"EarliestTime": instance.created, "LatestTime": utcnow()},
        )

    def deleted(
        backend: RDSBackend,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        delete_automated_backups: bool | None = True,
    ) -> DBInstance:
        instance = delete(
            backend,
            db_instance_identifier,
            final_db_snapshot_identifier,
            skip_final_snapshot,
            delete_automated_backups,
        )
        if not delete_automated_backups:
            retained(backend).append(backups_of(instance, "retained"))
        return instance

    def described(
        backend: RDSBackend,
        db_instance_identifier: str | None = None,
        dbi_resource_id: str | None = None,
        **_: Any,
    ) -> list[SimpleNamespace]:
        backed_up = [one for one in backend.databases.values() if one.backup_retention_period]
        return [
            one
            for one in [*(backups_of(each, "active") for each in backed_up), *retained(backend)]
            if db_instance_identifier in (None, one.db_instance_identifier)
            and dbi_resource_id in (None, one.dbi_resource_id)
        ]

    def restored(
        backend: RDSBackend,
        source_db_identifier: str | None,
        target_db_identifier: str,
        overrides: dict[str, Any],
    ) -> DBInstance:
        if source_db_identifier is not None:
            return restore(backend, source_db_identifier, target_db_identifier, overrides)
        (source,) = described(backend, dbi_resource_id=overrides["source_dbi_resource_id"])
        # Finds the source alone, and keeps what it makes where the backend does.
        finder = copy.copy(backend)
        finder.__dict__["describe_db_instances"] = lambda **_: [source.instance]
        made = restore(finder, source.db_instance_identifier, target_db_identifier, overrides)
        made.backend = backend
        return made

    RDSBackend.delete_db_instance = deleted  # type: ignore[assignment, method-assign]
    RDSBackend.describe_db_instance_automated_backups = described  # type: ignore[assignment, method-assign]
    RDSBackend.restore_db_instance_to_point_in_time = restored  # type: ignore[assignment, method-assign]
