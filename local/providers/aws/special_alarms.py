"""What a table cannot say about alarms and dashboards; see `special.py`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from local.providers.aws import documents
from local.providers.aws.api import Api
from local.providers.aws.documents import Refusals
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, has_unknown

_DAY: Final = 24 * 60 * 60
_WEEK: Final = 7 * _DAY
_HOUR: Final = 60 * 60

# -- alarms ----------------------------------------------------------------------------------

_ONE_METRIC: Final = (
    "dimensions",
    "extendedStatistic",
    "metricName",
    "namespace",
    "period",
    "statistic",
    "unit",
)
ALARM_PROPERTIES: Final = (
    "actionsEnabled",
    "alarmActions",
    "alarmDescription",
    "comparisonOperator",
    "datapointsToAlarm",
    "evaluateLowSampleCountPercentiles",
    "evaluationPeriods",
    "insufficientDataActions",
    "metricQueries",
    "okActions",
    "threshold",
    "thresholdMetricId",
    "treatMissingData",
    *_ONE_METRIC,
)
COMPOSITE_PROPERTIES: Final = (
    "actionsSuppressor",
    "alarmActions",
    "alarmDescription",
    "alarmRule",
    "insufficientDataActions",
    "okActions",
)
_ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")
_SHORT_PERIODS: Final = (10, 20, 30)
_MOST_DIMENSIONS: Final = 30
_MOST_METRICS: Final = 10
_MOST_ACTIONS: Final = 5
_MISSING_DATA: Final = ("breaching", "notBreaching", "ignore", "missing")
_STATISTICS: Final = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})
_EXTENDED: Final = re.compile(
    r"IQM|(p|tm|wm|tc|ts)(\d{1,2}(\.\d{1,10})?|100)|(TM|WM|PR|TC|TS)\([\d.%]*:[\d.%]*\)"
)
_ALARM: Final = "alarm"


def _pairs(dimensions: Any) -> Any:
    if not isinstance(dimensions, Mapping):
        return dimensions
    return [{"name": name, "value": value} for name, value in dimensions.items()]


def alarm_to_send(properties: Properties) -> Properties:
    """CloudWatch has pairs for dimensions, and a metric's period, statistic and unit outside it."""
    result = dict(properties)
    if "dimensions" in result:
        result["dimensions"] = _pairs(result["dimensions"])
    if isinstance(result.get("metricQueries"), list):
        result["metricQueries"] = [_query_to_send(query) for query in result["metricQueries"]]
    return result


def _query_to_send(query: Any) -> Any:
    if not isinstance(query, Mapping) or not isinstance(query.get("metric"), Mapping):
        return query
    metric = dict(query["metric"])
    stat = {name: metric.pop(name) for name in ("period", "stat", "unit") if name in metric}
    if "dimensions" in metric:
        metric["dimensions"] = _pairs(metric["dimensions"])
    others = {name: value for name, value in query.items() if name != "metric"}
    return {**others, "metricStat": {"metric": metric, **stat}}


def alarm_as_given(found: Properties, _: Properties) -> None:
    found["Dimensions"] = _map(found.get("Dimensions"))
    found["Metrics"] = [_query_as_given(query) for query in found.get("Metrics") or []]


def _map(pairs: Any) -> dict[str, str]:
    return {pair["Name"]: pair["Value"] for pair in pairs or []}


def _query_as_given(query: Properties) -> Properties:
    stat = dict(query.get("MetricStat") or {})
    if not stat:
        return {"ReturnData": False, **query}
    metric = {**stat.pop("Metric"), **stat}
    if "Dimensions" in metric:
        metric["Dimensions"] = _map(metric["Dimensions"])
    return {**{k: v for k, v in query.items() if k != "MetricStat"}, "metric": metric}


def alarm(properties: Properties) -> Refusals:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    if properties.get("metricQueries"):
        for name in (name for name in _ONE_METRIC if properties.get(name) is not None):
            yield name, f"InvalidParameterCombination: {name} and metricQueries exclude each other"
    elif properties.get("metricName") is None:
        yield "metricName", "MissingParameter: an alarm has a metricName or metricQueries"
    else:
        yield from _one_metric(properties)
    for name in ("comparisonOperator", "evaluationPeriods"):
        if properties.get(name) is None:
            yield name, f"MissingParameter: The parameter {name} is required"
    if properties.get("threshold") is None and properties.get("thresholdMetricId") is None:
        yield "threshold", "MissingParameter: an alarm has a threshold or a thresholdMetricId"
    missing = properties.get("treatMissingData")
    if isinstance(missing, str) and missing not in _MISSING_DATA:
        yield (
            "treatMissingData",
            f"ValidationError: {missing} is not one of {', '.join(_MISSING_DATA)}",
        )
    yield from _evaluation(properties)


def _one_metric(properties: Properties) -> Refusals:
    for name in ("namespace", "period"):
        if properties.get(name) is None:
            yield name, f"MissingParameter: The parameter {name} is required with metricName"
    statistics = [n for n in ("statistic", "extendedStatistic") if properties.get(n) is not None]
    if len(statistics) != 1:
        yield (
            "statistic",
            "InvalidParameterCombination: an alarm on one metric has either a statistic or an "
            "extendedStatistic",
        )
    yield from _extended(properties.get("extendedStatistic"), "extendedStatistic")
    low = properties.get("evaluateLowSampleCountPercentiles")
    if low and not str(properties.get("extendedStatistic", "p")).startswith("p"):
        yield "evaluateLowSampleCountPercentiles", "ValidationError: only for percentiles"
    elif isinstance(low, str) and low and low not in ("evaluate", "ignore"):
        yield "evaluateLowSampleCountPercentiles", "ValidationError: evaluate or ignore"
    yield from _dimensions(properties.get("dimensions"), "dimensions")


def _extended(statistic: Any, where: str) -> Refusals:
    if isinstance(statistic, str) and not _EXTENDED.fullmatch(statistic):
        yield (
            where,
            f"ValidationError: {statistic!r} is no statistic such as p99, p99.9 or TM(10%:90%)",
        )


def _dimensions(dimensions: Any, where: str) -> Refusals:
    if isinstance(dimensions, dict) and len(dimensions) > _MOST_DIMENSIONS:
        yield where, f"ValidationError: {len(dimensions)} dimensions; a metric has at most 30"
    for name, value in dimensions.items() if isinstance(dimensions, dict) else ():
        if value == "":
            yield f"{where}.{name}", "ValidationError: the value of a dimension is not empty"


def _periods(properties: Properties) -> Iterator[tuple[str, int]]:
    if isinstance(properties.get("period"), int):
        yield "period", properties["period"]
    for index, query in enumerate(documents.items(properties.get("metricQueries"))):
        metric = query.get("metric")
        for where, owner in (
            (f"metricQueries.{index}", query),
            (f"metricQueries.{index}.metric", metric),
        ):
            if isinstance(owner, dict) and isinstance(owner.get("period"), int):
                yield f"{where}.period", owner["period"]


def _evaluation(properties: Properties) -> Refusals:
    times, enough = properties.get("evaluationPeriods"), properties.get("datapointsToAlarm")
    if isinstance(times, int) and times < 1:
        yield "evaluationPeriods", "ValidationError: at least 1"
    if isinstance(times, int) and isinstance(enough, int) and not 1 <= enough <= times:
        yield "datapointsToAlarm", f"ValidationError: from 1 to evaluationPeriods, {times}"
    for where, period in _periods(properties):
        if period not in _SHORT_PERIODS and (period < 60 or period % 60):
            yield where, f"ValidationError: Period {period} is not 10, 20, 30 or a multiple of 60"
        longest = _DAY if period < _HOUR else _WEEK
        if isinstance(times, int) and times * period > longest:
            yield (
                where,
                f"ValidationError: Metrics cannot be checked across more than {longest // _DAY} "
                f"day(s) (EvaluationPeriods * Period must be <= {longest})",
            )


def alarm_queries(properties: Properties) -> Refusals:
    queries = documents.items(properties.get("metricQueries"))
    ids = [query["id"] for query in queries if isinstance(query.get("id"), str)]
    if len(ids) != len(set(ids)):
        yield "metricQueries", "ValidationError: two queries have the same id"
    if (
        queries
        and not has_unknown(queries)
        and [q.get("returnData") for q in queries].count(True) != 1
    ):
        yield (
            "metricQueries",
            "ValidationError: Exactly one element of the metrics list should return data",
        )
    if len([query for query in queries if query.get("metric")]) > _MOST_METRICS:
        yield "metricQueries", f"ValidationError: an alarm is on at most {_MOST_METRICS} metrics"
    for index, query in enumerate(queries):
        for where, reason in _query(query, ids):
            yield f"metricQueries.{index}{where}", f"ValidationError: {reason}"


def _query(query: Properties, ids: list[str]) -> Refusals:
    name, expression, metric = query.get("id"), query.get("expression"), query.get("metric")
    if isinstance(name, str) and not re.fullmatch(r"[a-z]\w{0,254}", name):
        yield ".id", f"Id {name!r} is not letters, digits and _, the first a small letter"
    if (expression is None) == (metric is None):
        yield "", "a query has either an expression or a metric"
    if isinstance(expression, str):
        plain = re.sub(r"'[^']*'|\"[^\"]*\"", "", expression)
        for word in sorted(set(re.findall(r"(?<![\w.])[a-z]\w*", plain)) - set(ids)):
            yield (
                ".expression",
                f"Invalid metrics list: {word} in the expression is the id of no query",
            )
    if isinstance(metric, dict):
        stat = metric.get("stat")
        if stat not in _STATISTICS:
            yield from _extended(stat, ".metric.stat")
        yield from _dimensions(metric.get("dimensions"), ".metric.dimensions")


def alarm_actions(api: Api, properties: Properties) -> Refusals:
    for name in _ACTIONS:
        actions = properties.get(name)
        if not isinstance(actions, list):
            continue
        if len(actions) > _MOST_ACTIONS:
            yield (
                name,
                f"ValidationError: {len(actions)} actions for a state; at most {_MOST_ACTIONS}",
            )
        for index, action in enumerate(actions):
            if not isinstance(action, str):
                continue
            parts = action.split(":")
            if len(parts) < 6 or parts[0] != "arn":
                yield f"{name}.{index}", f"ValidationError: Invalid arn syntax: {action}"
            elif parts[3] not in ("", api.region):
                yield (
                    f"{name}.{index}",
                    f"ValidationError: Invalid region {parts[3]} specified. Only {api.region} is "
                    "supported",
                )


def note_alarm(api: Api, properties: Properties) -> Refusals:
    """Remembers what this run makes, for composite alarms on it."""
    name = properties.get("name") or properties.get("alarmName")
    if isinstance(name, str):
        api.noted[_ALARM, name] = True
    yield from ()


# -- composite alarms ------------------------------------------------------------------------

_RULE_TOKENS: Final = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?P<alarm>\"[^\"]+\"|'[^']+'|[^\s()\"']+)\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<bracket>[()]))",
)
_LONGEST_RULE: Final = 10240


def _rule_words(rule: str) -> list[str] | None:
    """The rule with one `x` for each alarm or constant; None where it is no rule's word."""
    words, position = [], 0
    while position < len(rule.rstrip()):
        found = _RULE_TOKENS.match(rule, position)
        if found is None:
            return None
        word = found["word"] or found["bracket"] or "x"
        words.append("x" if word in ("TRUE", "FALSE") else word)
        position = found.end()
    return words


def _is_rule(words: list[str]) -> bool:
    """Reduces `NOT x`, `( x )` and `x AND x` until nothing changes; a rule ends as one `x`."""
    text, before = " ".join(words), ""
    while text != before:
        before = text
        text = re.sub(r"NOT x|\( x \)|x (?:AND|OR) x", "x", text)
    return text == "x"


def alarm_rule(properties: Properties) -> Refusals:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html"""
    rule = properties.get("alarmRule")
    if not isinstance(rule, str):
        return
    words = _rule_words(rule)
    if words is None or not _is_rule(words):
        yield (
            "alarmRule",
            "ValidationError: AlarmRule is not ALARM(name), OK(name) and INSUFFICIENT_DATA(name), "
            f"joined by AND, OR, NOT and brackets: {rule!r}",
        )
    elif len(rule) > _LONGEST_RULE:
        yield "alarmRule", f"ValidationError: {len(rule)} characters; a rule has at most 10240"


def alarms_of_rule_exist(api: Api, properties: Properties) -> Refusals:
    rule = properties.get("alarmRule")
    if not isinstance(rule, str) or _rule_words(rule) is None:
        return
    named = [found["alarm"].strip("\"'") for found in _RULE_TOKENS.finditer(rule) if found["alarm"]]
    if not named:
        yield "alarmRule", "ValidationError: the rule names no alarm"
    for name in named:
        parts = name.split(":")
        if parts[0] == "arn" and parts[3] != api.region:
            yield (
                "alarmRule",
                f"ValidationError: {name} is in {parts[3]}; a composite alarm in {api.region} "
                "watches alarms of its own region",
            )
        elif not _alarm_exists(api, parts[-1]):
            yield (
                "alarmRule",
                f"ValidationError: Could not save the composite alarm as alarms [{name}] in the "
                "alarm rule do not exist",
            )


def _alarm_exists(api: Api, name: str) -> bool:
    if (_ALARM, name) in api.noted:
        return True
    answer = api.call("cloudwatch", Call("describe_alarms"), {}, {"AlarmNames": [name]})
    return bool(answer["MetricAlarms"])


# -- dashboards ------------------------------------------------------------------------------

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
_COLUMNS: Final = 24
_TALLEST: Final = 1000
_MOST_WIDGETS: Final = 500
_MOST_DASHBOARD_METRICS: Final = 2500
_WIDGET_NEEDS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "metric": (("metrics", "annotations"), ("region",)),
    "log": (("query",), ("region",)),
    "text": (("markdown",),),
    "alarm": (("alarms",),),
    "explorer": (("metrics",),),
    "custom": (("endpoint",),),
}


def dashboard(properties: Properties) -> Refusals:
    name, text = properties.get("dashboardName"), properties.get("dashboardBody")
    if isinstance(name, str) and not re.fullmatch(r"[\w-]{1,255}", name, re.ASCII):
        yield (
            "dashboardName",
            f"InvalidParameterValue: {name!r}: letters, digits, hyphens, underscores",
        )
    if not isinstance(text, str):
        return
    body = documents.document(text)
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list):
        yield "dashboardBody", "DashboardInvalidInputError: the body is no JSON object with widgets"
        return
    if len(widgets) > _MOST_WIDGETS:
        yield (
            "dashboardBody",
            f"DashboardInvalidInputError: {len(widgets)} widgets; at most {_MOST_WIDGETS}",
        )
    metrics = sum(
        len(documents.listed(w.get("properties", {}).get("metrics") or []))
        for w in documents.items(widgets)
    )
    if metrics > _MOST_DASHBOARD_METRICS:
        yield (
            "dashboardBody",
            f"DashboardInvalidInputError: {metrics} metrics; at most {_MOST_DASHBOARD_METRICS}",
        )
    for index, widget in enumerate(widgets):
        for where, reason in _widget(widget):
            yield "dashboardBody", f"DashboardInvalidInputError: /widgets/{index}{where}: {reason}"


def _widget(widget: Any) -> Refusals:
    if not isinstance(widget, dict) or widget.get("type") not in _WIDGET_NEEDS:
        yield "/type", f"one of {', '.join(_WIDGET_NEEDS)}"
        return
    inside = widget.get("properties")
    inside = inside if isinstance(inside, dict) else {}
    for needed in _WIDGET_NEEDS[widget["type"]]:
        if not any(inside.get(name) for name in needed):
            yield "/properties", f"Should have required property '{' or '.join(needed)}'"
    for name, least, most in (
        ("width", 1, _COLUMNS),
        ("height", 1, _TALLEST),
        ("x", 0, _COLUMNS - 1),
    ):
        size = widget.get(name)
        if size is not None and not (isinstance(size, int) and least <= size <= most):
            yield f"/{name}", f"{size!r} is no number from {least} to {most}"
            return
    if widget.get("x", 0) + widget.get("width", 6) > _COLUMNS:
        yield "/width", f"the widget ends right of column {_COLUMNS}"
