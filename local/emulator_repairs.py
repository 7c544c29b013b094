"""What moto gets wrong in a way that no caller can put right, mended in the emulator's process."""

import copy
import json
import threading
import uuid
from fnmatch import fnmatchcase
from typing import Any


def repair() -> None:
    _delete_one_record_of_a_set_identifier()
    _update_web_acl_as_a_whole()
    _keep_distribution_config_as_given()
    _merge_detector_features()
    _change_and_forget_backup_plans()
    _keep_settings_of_functions()
    _replace_event_invoke_config()
    _read_every_log_bucket_policy()
    _lock_buckets_with_objects()
    _answer_replication_as_given()
    _replace_a_metric_filter_of_that_name()
    _deploy_what_a_service_is_updated_to()
    _keep_other_certificates_of_a_listener()
    _keep_arn_and_drop_old_alarms_of_a_scaling_policy()


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


def _keep_settings_of_functions() -> None:
    """moto forgets these settings of a Lambda function, or never changes them."""
    from moto.awslambda.models import LambdaFunction

    lost = ("DeadLetterConfig", "KMSKeyArn", "LoggingConfig", "TracingConfig")
    create = LambdaFunction.__init__
    describe = LambdaFunction.get_configuration
    configure = LambdaFunction.update_configuration
    change_code = LambdaFunction.update_function_code

    def keep(function: LambdaFunction, settings: dict[str, Any]) -> None:
        kept = {name: settings[name] for name in lost if name in settings}
        function.__dict__.setdefault("kept_settings", {}).update(kept)
        if "EphemeralStorage" in settings:
            function.ephemeral_storage = settings["EphemeralStorage"]["Size"]
        if "Architectures" in settings:
            function.architectures = settings["Architectures"]

    def created(
        function: LambdaFunction,
        account_id: str,
        spec: dict[str, Any],
        region: str,
        version: str | int = 1,
    ) -> None:
        create(function, account_id, spec, region, version)
        keep(function, spec)

    def described(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        settings = {**describe(function, on_create), **function.__dict__["kept_settings"]}
        return {name: value for name, value in settings.items() if value or name not in lost}

    def configured(function: LambdaFunction, changes: dict[str, Any]) -> dict[str, Any]:
        keep(function, changes)
        return configure(function, changes)

    def code_changed(function: LambdaFunction, changes: dict[str, Any]) -> dict[str, Any]:
        keep(function, changes)
        return change_code(function, changes)

    LambdaFunction.__init__ = created  # type: ignore[assignment, method-assign]
    LambdaFunction.get_configuration = described  # type: ignore[assignment, method-assign]
    LambdaFunction.update_configuration = configured  # type: ignore[assignment, method-assign]
    LambdaFunction.update_function_code = code_changed  # type: ignore[assignment, method-assign]


def _replace_event_invoke_config() -> None:
    """moto puts another beside the first, and answers with the first."""
    from moto.awslambda.models import LambdaBackend

    put = LambdaBackend.put_function_event_invoke_config

    def replace(
        backend: LambdaBackend, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        backend.get_function(function_name).event_invoke_config.clear()
        return put(backend, function_name, config)

    LambdaBackend.put_function_event_invoke_config = replace  # type: ignore[assignment, method-assign]


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
