"""Functions that were made through the stand-in really run, and schedules fire them."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local import functions_emulator
from local.paths import REPOSITORY, folders
from local.providers.aws.api import Api, ApiError, idempotent
from local.providers.aws.rows import Call
from tests.local.aws.build import LOG_GROUP, ROLE, Stack, trust
from tests.local.aws.build_functions import (
    FUNCTION,
    INVOKE_CONFIG,
    SCHEDULE,
    SCHEDULE_GROUP,
    code,
    make_queue,
)

# Writes down what it was called with, where the other emulator keeps it.
NOTING = """
import json, os, boto3

def handler(event, context):
    print("noting", event)
    account = boto3.client("sts").get_caller_identity()["Account"]
    boto3.client("ssm").put_parameter(
        Name="/" + context.function_name, Value=json.dumps(event), Type="String", Overwrite=True
    )
    return {"account": account, "region": os.environ["AWS_REGION"], "own": os.environ.get("OWN")}
"""
FAILING = "def handler(event, context): raise ValueError('not today')"
SLEEPING = "import time\ndef handler(event, context): time.sleep(30)"
CALLING = """
import boto3

def handler(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["call"], Payload="{}")
    return answer["Payload"].read().decode()
"""
BRISBANE = "Australia/Brisbane"


def make_function(stack: Stack, name: str, text: str, **settings: Any) -> str:
    _, role = stack.create(ROLE, name, assumeRolePolicy=trust("lambda.amazonaws.com"))
    _, outputs = stack.create(
        FUNCTION,
        name,
        name=name,
        code=code(text),
        runtime="python3.13",
        handler="backup.handler",
        role=role["arn"],
        **settings,
    )
    return str(outputs["arn"])


def make_schedule(stack: Stack, name: str, target: str, **settings: Any) -> None:
    """One that is soon due, in Brisbane, ten hours before UTC."""
    _, role = stack.create(ROLE, f"{name}-s", assumeRolePolicy=trust("scheduler.amazonaws.com"))
    stack.create(
        SCHEDULE,
        name,
        name=name,
        scheduleExpression="rate(1 day)",
        scheduleExpressionTimezone=BRISBANE,
        flexibleTimeWindow={"mode": "OFF"},
        target={"arn": target, "roleArn": role["arn"], **settings},
    )
    # Of a creation nobody knows how long it takes, schemas are read for it.
    moment = datetime.now(ZoneInfo(BRISBANE)) + timedelta(seconds=3)
    stack.update(len(stack.created) - 1, scheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})")


def invoke(api: Api, name: str, event: Any, kind: str = "RequestResponse") -> tuple[Any, Any]:
    """What the function answered, and the kind of its error."""
    params = {"FunctionName": name, "Payload": json.dumps(event), "InvocationType": kind}
    answer = api.call("lambda", Call("invoke"), {}, params)
    text = answer["Payload"].read()
    return json.loads(text) if text else None, answer.get("FunctionError")


def wait_for(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while (found := look()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def noted(api: Api, name: str) -> Any:
    found = api.call("ssm", Call("get_parameters"), {}, {"Names": [f"/{name}"]})["Parameters"]
    return json.loads(found[0]["Value"]) if found else None


def received(api: Api, queue: str) -> Any:
    url = api.call("sqs", Call("get_queue_url"), {}, {"QueueName": queue})["QueueUrl"]
    answer = api.call("sqs", Call("receive_message"), {}, {"QueueUrl": url})
    return next((json.loads(one["Body"]) for one in answer.get("Messages", [])), None)


def test_a_function_runs_and_reaches_the_other_emulator(stack: Stack, api: Api) -> None:
    _, logs = stack.create(LOG_GROUP, "logs", name="/of/noting")
    make_function(
        stack,
        "noting",
        NOTING,
        environment={"variables": {"OWN": "value"}},
        loggingConfig={"logFormat": "Text", "logGroup": logs["name"]},
    )
    answer, error = invoke(api, "noting", {"step": "begin"})
    assert (answer, error) == (
        {"account": "123456789012", "region": "ap-southeast-2", "own": "value"},
        None,
    )
    assert noted(api, "noting") == {"step": "begin"}
    name = {"FunctionName": "noting"}
    now = api.call("lambda", Call("get_function_configuration"), {}, name)
    assert now["Environment"]["Variables"] == {"OWN": "value"}
    lines = api.call("logs", Call("filter_log_events"), {}, {"logGroupName": "/of/noting"})
    assert "noting {'step': 'begin'}" in [event["message"] for event in lines["events"]]


def test_a_function_calls_another_one(stack: Stack, api: Api) -> None:
    make_function(stack, "called", "def handler(event, context): return 'here'")
    make_function(stack, "calling", CALLING)
    assert invoke(api, "calling", {"call": "called"}) == ('"here"', None)


def test_an_error_and_a_time_out_are_reported(stack: Stack, api: Api) -> None:
    make_function(stack, "failing", FAILING)
    make_function(stack, "sleeping", SLEEPING, timeout=1)
    answer, error = invoke(api, "failing", {})
    assert (answer["errorMessage"], error) == ("not today", "Unhandled")
    answer, error = invoke(api, "sleeping", {})
    assert (answer["errorMessage"], error) == ("Task timed out after 1.00 seconds", "Unhandled")


def test_new_code_and_a_new_environment_are_what_runs_next(stack: Stack, api: Api) -> None:
    text = "import os\ndef handler(event, context): return {}, os.environ.get('MODE')"
    make_function(stack, "changing", text.format(1), environment={"variables": {"MODE": "a"}})
    assert invoke(api, "changing", {})[0] == [1, "a"]
    stack.update(1, code=code(text.format(2)))
    assert invoke(api, "changing", {})[0] == [2, "a"]
    stack.update(1, environment={"variables": {"MODE": "b"}})
    assert invoke(api, "changing", {})[0] == [2, "b"]


def test_a_schedule_fires_in_its_own_time_zone(stack: Stack, api: Api) -> None:
    make_schedule(stack, "soon", make_function(stack, "fired", NOTING), input='{"step": "go on"}')
    assert noted(api, "fired") is None
    assert wait_for(lambda: noted(api, "fired")) == {"step": "go on"}


def test_what_a_schedule_cannot_call_goes_to_its_queue(stack: Stack, api: Api) -> None:
    arn = make_function(stack, "gone", NOTING)
    operations, name, inputs = stack.created[-1]
    operations.delete(name, inputs)
    queue = make_queue(api, "of-the-schedule")
    make_schedule(stack, "late", arn, input='{"step": 1}', deadLetterConfig={"arn": queue})
    assert wait_for(lambda: received(api, "of-the-schedule")) == {"step": 1}


def test_a_failure_goes_to_the_queue_or_the_destination_of_the_function(
    stack: Stack, api: Api
) -> None:
    letters, failures = make_queue(api, "dead-letters"), make_queue(api, "failures")
    make_function(stack, "dying", FAILING, deadLetterConfig={"targetArn": letters})
    once = {"functionName": "dying", "maximumRetryAttempts": 0}
    stack.create(INVOKE_CONFIG, "dying", **once)
    invoke(api, "dying", {"number": 1}, "Event")
    assert wait_for(lambda: received(api, "dead-letters")) == {"number": 1}
    stack.update(2, destinationConfig={"onFailure": {"destination": failures}})
    invoke(api, "dying", {"number": 2}, "Event")
    found = wait_for(lambda: received(api, "failures"))
    assert found["requestPayload"] == {"number": 2}
    assert found["responsePayload"]["errorMessage"] == "not today"


def test_code_that_is_not_in_its_bucket_is_refused(stack: Stack) -> None:
    _, role = stack.create(ROLE, "nowhere", assumeRolePolicy=trust("lambda.amazonaws.com"))
    given = {"runtime": "python3.13", "handler": "a.b", "role": role["arn"]}
    with pytest.raises(ApiError, match="S3 Error Code: NoSuchBucket"):
        stack.create(FUNCTION, "nowhere", s3Bucket="no-such-bucket", s3Key="f.zip", **given)


def test_a_creation_that_is_repeated_is_made_once(api: Api) -> None:
    def create() -> Any:
        return api.call("scheduler", Call("create_schedule_group"), {}, {"Name": "twice"})

    with idempotent("a token"):
        assert create()["ScheduleGroupArn"] == create()["ScheduleGroupArn"]
    with pytest.raises(ApiError, match="ConflictException"):
        create()


def test_several_tags_of_a_group_are_taken_away_at_once(stack: Stack) -> None:
    stack.create(SCHEDULE_GROUP, "tagged", tags={"One": "1", "Two": "2", "Three": "3"})
    assert stack.update(0, tags={"Three": "3"})["tags"] == {"Three": "3"}


def firings(*cases: tuple[dict[str, Any], str]) -> list[str | None]:
    """For schedules and times: when they fire next, as the emulator's own process works it out."""
    program = (
        "import json, sys; from datetime import datetime; from local.functions_repairs import "
        "next_firing\n"
        "found = [next_firing(s, datetime.fromisoformat(t)) for s, t in json.load(sys.stdin)]\n"
        "print(json.dumps([moment and f'{moment:%Y-%m-%dT%H:%M:%SZ}' for moment in found]))"
    )
    answer = subprocess.run(
        [functions_emulator.interpreter(folders()), "-c", program],
        cwd=REPOSITORY,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(answer.stdout))


def test_expressions_are_read_in_the_schedules_time_zone() -> None:
    def schedule(expression: str, zone: str = BRISBANE, **dates: str) -> dict[str, Any]:
        stamps = {name: datetime.fromisoformat(text).timestamp() for name, text in dates.items()}
        created = {"CreationDate": datetime.fromisoformat("2026-03-01T00:00:10Z").timestamp()}
        written = {"ScheduleExpression": expression, "ScheduleExpressionTimezone": zone}
        return {**written, **created, **stamps}

    nightly = "cron(0 2 * * ? *)"
    noon = "2026-03-02T12:00:00Z"
    assert firings(
        (schedule(nightly), noon),
        (schedule(nightly), "2026-03-02T16:00:00+00:00"),
        (schedule(nightly, "UTC"), noon),
        # Sydney has no 02:00 on the first Sunday of October.
        (schedule(nightly, "Australia/Sydney"), "2026-10-02T16:00:00Z"),
        (schedule(nightly, "Australia/Sydney"), "2026-10-03T12:00:00Z"),
        (schedule("cron(0 2 1 1 ? 2025)"), noon),
        (schedule("at(2026-03-03T02:00:00)"), noon),
        (schedule("at(2026-03-01T02:00:00)"), noon),
        (schedule("rate(15 minutes)"), noon),
        (schedule("rate(1 hour)", StartDate="2026-04-01T00:30:00Z"), noon),
        (schedule(nightly, StartDate="2026-04-01T16:00:00Z"), noon),
        (schedule(nightly, EndDate="2026-03-02T15:00:00Z"), noon),
    ) == [
        "2026-03-02T16:00:00Z",
        "2026-03-03T16:00:00Z",
        "2026-03-03T02:00:00Z",
        "2026-10-04T15:00:00Z",
        "2026-10-04T15:00:00Z",
        None,
        "2026-03-02T16:00:00Z",
        None,
        "2026-03-02T12:00:10Z",
        "2026-04-01T00:30:00Z",
        "2026-04-01T16:00:00Z",
        None,
    ]
