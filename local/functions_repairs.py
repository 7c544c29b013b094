"""What ministack gets wrong or keeps to itself, mended in its own process.

Its functions and schedules stand alone here: the queues, topics, buckets and log groups that they
name are in the other emulator, which boto3 reaches by this process's environment.
"""

import base64
import json
import logging
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import (
    error_response_json,
    get_region,
    set_request_account_id,
    set_request_region,
)
from ministack.services import eventbridge, lambda_svc, scheduler

Json = dict[str, Any]

# AWS promises the minute; a test has not the time.
_TICK_SECONDS: Final = 1

_log: Final = logging.getLogger("local")


def repair() -> None:
    _untag_every_key()
    _fetch_code_where_buckets_are()
    lambda_svc._emit_lambda_logs = _write_log
    lambda_svc._route_async_failure = _hand_failure_on
    scheduler._SCHEDULE_TICK_INTERVAL = _TICK_SECONDS
    scheduler._tick_schedules = _tick


@cache
def _client(service: str, region: str) -> Any:
    return boto3.session.Session().client(service, region_name=region)  # type: ignore[call-overload]


def _untag_every_key() -> None:
    """ministack takes away the first of the tags alone."""
    handle = scheduler.handle_request

    async def untag_each(method: str, path: str, headers: Json, body: bytes, query: Json) -> Any:
        keys = query.get("TagKeys")
        if method != "DELETE" or not isinstance(keys, list):
            return await handle(method, path, headers, body, query)
        answers = [
            await handle(method, path, headers, body, {**query, "TagKeys": [key]}) for key in keys
        ]
        return answers[-1]

    scheduler.handle_request = untag_each


def _fetch_code_where_buckets_are() -> None:
    """ministack looks into buckets of its own, and makes a function without code otherwise."""
    create, update = lambda_svc._create_function, lambda_svc._update_code

    def create_with_code(given: Json) -> Any:
        try:
            return create({**given, "Code": _with_object(given.get("Code") or {})})
        except ClientError as error:
            return _no_code(error)

    def update_with_code(name: str, given: Json) -> Any:
        try:
            return update(name, _with_object(given))
        except ClientError as error:
            return _no_code(error)

    lambda_svc._create_function = create_with_code
    lambda_svc._update_code = update_with_code


def _with_object(source: Json) -> Json:
    if "S3Bucket" not in source:
        return source
    version = source.get("S3ObjectVersion")
    where = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
    where |= {"VersionId": version} if version else {}
    code = _client("s3", get_region()).get_object(**where)["Body"].read()
    rest = {name: value for name, value in source.items() if not name.startswith("S3")}
    return {**rest, "ZipFile": base64.b64encode(code).decode()}


def _no_code(error: ClientError) -> Any:
    said = error.response["Error"]
    return error_response_json(
        "InvalidParameterValueException",
        f"Error occurred while GetObject. S3 Error Code: {said['Code']}. "
        f"S3 Error Message: {said['Message']}",
        400,
    )


# -- what functions leave behind -------------------------------------------------------------


def _write_log(
    function: Json, request: str, text: str, error: bool, milliseconds: int, **_: Any
) -> None:
    """Into the function's log group; where that is missing, nothing is written, as on AWS where
    the role may not create it."""
    del error  # its trace is part of the text
    config = function.get("config") or function
    name, version = config["FunctionName"], config["Version"]
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    now = datetime.now(UTC)
    stream = f"{now:%Y/%m/%d}/[{version}]{uuid.UUID(request).hex}"
    lines = [
        f"START RequestId: {request} Version: {version}",
        *text.splitlines(),
        f"END RequestId: {request}",
        f"REPORT RequestId: {request}\tDuration: {milliseconds} ms\t"
        f"Memory Size: {config['MemorySize']} MB",
    ]
    stamp = int(now.timestamp() * 1000)
    events = [{"timestamp": stamp, "message": line} for line in lines if line]
    logs = _client("logs", get_region())
    names = {"logGroupName": group, "logStreamName": stream}
    try:
        logs.create_log_stream(**names)
        logs.put_log_events(**names, logEvents=events)
    except (BotoCoreError, ClientError) as reason:
        _log.warning("no log of %s: %s", name, reason)


def _hand_failure_on(target: str, name: str, event: Any, result: Json) -> None:
    """To the function's destination or dead-letter queue, after the last attempt."""
    function = lambda_svc._functions.get(name) or {}
    settings = function.get("event_invoke_config") or {}
    destination = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get(
        "Destination"
    )
    if target != destination:  # a dead-letter queue gets the event alone
        _deliver(target, json.dumps(event))
        return
    attempts = settings.get("MaximumRetryAttempts", 2) + 1
    message = {
        "version": "1.0",
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "requestContext": {
            "functionArn": f"{function.get('config', {}).get('FunctionArn')}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": result.get("body"),
    }
    _deliver(target, json.dumps(message))


def _deliver(target: str, message: str) -> None:
    _, _, service, region, _, name = target.split(":", 5)
    try:
        if service == "sqs":
            queues = _client("sqs", region)
            url = queues.get_queue_url(QueueName=name)["QueueUrl"]
            queues.send_message(QueueUrl=url, MessageBody=message)
        elif service == "sns":
            _client("sns", region).publish(TopicArn=target, Message=message)
        else:
            _log.warning("nothing is delivered to %s: it is neither a queue nor a topic", target)
    except (BotoCoreError, ClientError) as reason:
        _log.warning("nothing was delivered to %s: %s", target, reason)


# -- schedules -------------------------------------------------------------------------------

# What a schedule was when it was looked at last, and when that was: a changed one begins anew.
_seen: Final[dict[tuple[str, str, str], tuple[float, datetime]]] = {}


def _tick() -> None:
    now = datetime.now(UTC)
    stored = scheduler._schedules._data
    for gone in _seen.keys() - stored.keys():
        del _seen[gone]
    for key, schedule in list(stored.items()):
        changed = schedule["LastModificationDate"]
        known, last = _seen.get(key, (None, now))
        if known != changed:
            last = datetime.fromtimestamp(changed, UTC)
        moment = next_firing(schedule, last)
        _seen[key] = (changed, last)
        once = schedule["ScheduleExpression"].startswith("at(")
        if schedule["State"] == "ENABLED" and moment is not None and moment <= now:
            _seen[key] = (changed, now)
            _fire(key, schedule, moment)
            moment = next_firing(schedule, now)
        over = moment is None and (once or schedule.get("EndDate") is not None)
        if over and schedule["ActionAfterCompletion"] == "DELETE":
            stored.pop(key, None)


def next_firing(schedule: Json, after: datetime) -> datetime | None:
    """The first time after `after` at which a schedule is due, in its own time zone.

    ministack takes every expression for one in UTC.
    """
    expression, zone = (
        schedule["ScheduleExpression"],
        ZoneInfo(schedule["ScheduleExpressionTimezone"]),
    )
    start = schedule.get("StartDate")
    begin = datetime.fromtimestamp(start, UTC) if start is not None else None
    if begin is not None and begin > after:
        after = begin - timedelta(microseconds=1)
    if expression.startswith("at("):
        moment = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=zone).astimezone(UTC)
        found = moment if moment > after else None
    elif expression.startswith("rate("):
        created = begin or datetime.fromtimestamp(schedule["CreationDate"], UTC)
        interval = timedelta(seconds=eventbridge._parse_rate_seconds(expression))
        found = created + (max(after - created, timedelta()) // interval + 1) * interval
        if begin is not None and begin > after:
            found = begin
    else:
        found = _next_of_cron(expression, after.astimezone(zone))
    end = schedule.get("EndDate")
    over = found is not None and end is not None and found.timestamp() > end
    return None if over else found


def _next_of_cron(expression: str, after: datetime) -> datetime | None:
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return None
    while True:
        found: datetime | None = eventbridge._cron_next_fire(fields, after)
        if found is None:
            return None
        there = found.astimezone(UTC).astimezone(found.tzinfo)
        # A wall-clock time that daylight saving leaves out is left out.
        if there.replace(tzinfo=None) == found.replace(tzinfo=None):
            return found.astimezone(UTC)
        after = found


def _fire(key: tuple[str, str, str], schedule: Json, moment: datetime) -> None:
    account, region, _ = key
    set_request_account_id(account)
    set_request_region(region)
    target = schedule["Target"]
    text = target.get("Input") or json.dumps(_event(key, schedule, moment))
    if ":lambda:" not in target["Arn"]:
        _deliver(target["Arn"], text)
        return
    function, config, _ = lambda_svc._get_func_record_for_ref(target["Arn"])
    if function is not None and config is not None:
        _log.info("%s fires %s", schedule["Arn"], target["Arn"])
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(text))
        return
    _log.warning("%s: there is no %s", schedule["Arn"], target["Arn"])
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters:
        _deliver(dead_letters, text)


def _event(key: tuple[str, str, str], schedule: Json, moment: datetime) -> Json:
    account, region, _ = key
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [schedule["Arn"]],
        "detail": "{}",
    }
