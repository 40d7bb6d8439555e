"""CloudWatch metric alarms, on one metric or on metric math."""

import re
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject

ACTIONS = {
    "alarmActions": "AlarmActions",
    "okActions": "OKActions",
    "insufficientDataActions": "InsufficientDataActions",
}
ACTION_ARN = Pattern(r"arn:\S+", "an ARN, e.g. of an SNS topic")
ALARM_NAME = Pattern(r"[^\x00-\x1f]{1,255}", "1 to 255 printable characters")
_SCALARS = {
    "ActionsEnabled": "actionsEnabled",
    "AlarmDescription": "alarmDescription",
    "ComparisonOperator": "comparisonOperator",
    "DatapointsToAlarm": "datapointsToAlarm",
    "EvaluateLowSampleCountPercentile": "evaluateLowSampleCountPercentiles",
    "EvaluationPeriods": "evaluationPeriods",
    "ExtendedStatistic": "extendedStatistic",
    "MetricName": "metricName",
    "Namespace": "namespace",
    "Period": "period",
    "Statistic": "statistic",
    "Threshold": "threshold",
    "ThresholdMetricId": "thresholdMetricId",
    "TreatMissingData": "treatMissingData",
    "Unit": "unit",
}
_VOLATILE = ("State", "AlarmConfigurationUpdatedTimestamp")
_BAND_OPERATORS = (
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_DAY_SECONDS = 86400


@REGISTRY.register
class MetricAlarm(ServiceHandler):
    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    service = "cloudwatch"
    auto_name = AutoName("name", 255)
    replace_on = frozenset({"name"})
    defaults: ClassVar = {"actionsEnabled": True, "treatMissingData": "missing"}
    unordered = frozenset({*ACTIONS, "metricQueries"})
    conflicts = (("metricName", "metricQueries"), ("statistic", "extendedStatistic"))
    enums: ClassVar = {
        "comparisonOperator": "cloudwatch.ComparisonOperator",
        "statistic": "cloudwatch.Statistic",
        "unit": "cloudwatch.StandardUnit",
        "treatMissingData": ("missing", "ignore", "breaching", "notBreaching"),
        "evaluateLowSampleCountPercentiles": ("evaluate", "ignore"),
    }
    ranges: ClassVar = {"evaluationPeriods": (1, _DAY_SECONDS), "datapointsToAlarm": (1, _DAY_SECONDS)}
    patterns: ClassVar = {
        "name": ALARM_NAME,
        "alarmDescription": Pattern(r".{0,1024}", "at most 1024 characters"),
        "extendedStatistic": Pattern(
            r"p\d{1,2}(\.\d{1,2})?|p100|(tm|wm|tc|ts)\S+|PR\S+|IQM", "a percentile such as 'p99.9'"
        ),
        "metricQueries[].id": Pattern(
            r"[a-z]\w{0,254}", "a lower-case letter and then letters, digits or '_'"
        ),
        **{f"{name}[]": ACTION_ARN for name in ACTIONS},
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = [
            (name, f"{len(inputs[name])} actions, CloudWatch allows 5; notify through one SNS topic")
            for name in ACTIONS
            if len(inputs.get(name) or []) > 5
        ]
        problems += self._condition(ctx, inputs)
        if inputs.get("metricQueries"):
            problems += _queries(inputs["metricQueries"])
        elif inputs.get("metricName"):
            problems += self._metric(ctx, inputs)
        elif not {"metricName", "metricQueries", "evaluationCriteria"} & (ctx.unknown | set(inputs)):
            problems.append(
                ("metricName", "nothing to watch; give metricName with namespace, or metricQueries")
            )
        periods, points = inputs.get("evaluationPeriods"), inputs.get("datapointsToAlarm")
        if periods and points and points > periods:
            problems.append(
                ("datapointsToAlarm", f"{points} is more than evaluationPeriods ({periods}); lower it")
            )
        return problems

    def _condition(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        for name in ("comparisonOperator", "evaluationPeriods"):
            if inputs.get(name) is None and name not in ctx.unknown and not inputs.get("evaluationCriteria"):
                problems.append((name, "missing; an alarm on metrics needs it"))
        band = inputs.get("comparisonOperator") in _BAND_OPERATORS
        if band and not inputs.get("thresholdMetricId") and "thresholdMetricId" not in ctx.unknown:
            problems.append(
                ("thresholdMetricId", f"{inputs['comparisonOperator']} needs the id of a band; set it")
            )
        open_threshold = inputs.get("threshold") is None and "threshold" not in ctx.unknown
        if inputs.get("comparisonOperator") and not band and open_threshold:
            problems.append(("threshold", f"{inputs['comparisonOperator']} needs a threshold; set it"))
        return problems

    def _metric(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = [
            (name, "missing; needed beside metricName")
            for name in ("namespace", "period")
            if inputs.get(name) is None and name not in ctx.unknown
        ]
        statistics = {"statistic", "extendedStatistic"}
        if not statistics & (set(inputs) | ctx.unknown):
            problems.append(("statistic", "missing; give statistic or extendedStatistic"))
        period, periods = inputs.get("period"), inputs.get("evaluationPeriods") or 1
        if period is not None:
            problems += _period(period, "period")
            longest = 7 * _DAY_SECONDS if period >= 3600 else _DAY_SECONDS
            if period * periods > longest:
                problems.append(
                    (
                        "evaluationPeriods",
                        f"{periods} periods of {period} s are more than {longest} s; lower one",
                    )
                )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs["name"], inputs, tag_list(inputs["tagsAll"]))
        return str(inputs["name"])

    def _put(self, ctx: Context, name: str, inputs: JsonObject, tags: list[dict[str, str]]) -> None:
        request: JsonObject = {"AlarmName": name, **given(inputs, **_SCALARS)}
        for source, target in ACTIONS.items():
            if inputs.get(source):
                request[target] = sorted(inputs[source])
        if inputs.get("dimensions"):
            request["Dimensions"] = _dimensions(inputs["dimensions"])
        if inputs.get("metricQueries"):
            request["Metrics"] = [_query(query) for query in inputs["metricQueries"]]
        if tags:
            request["Tags"] = tags
        ctx.client("cloudwatch").put_metric_alarm(**request)
        self.remember(ctx, name, self._shown(ctx, name))

    def _shown(self, ctx: Context, name: str) -> JsonObject | None:
        alarms = ctx.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        if not alarms:
            return None
        return {key: value for key, value in alarms[0].items() if not key.startswith(_VOLATILE)}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = self._shown(ctx, id)
        if shown is None:
            return None
        tags = ctx.client("cloudwatch").list_tags_for_resource(ResourceARN=shown["AlarmArn"])["Tags"]
        seen: JsonObject = {"name": id, "arn": shown["AlarmArn"], "tagsAll": tag_map(tags)}
        if self.remembers(ctx, id, shown) and "comparisonOperator" in state:
            return seen
        for boto_name, name in _SCALARS.items():
            seen[name] = shown.get(boto_name)
        for name, boto_name in ACTIONS.items():
            seen[name] = shown.get(boto_name) or []
        seen["dimensions"] = {item["Name"]: item["Value"] for item in shown.get("Dimensions") or []}
        seen["metricQueries"] = [_shown_query(query) for query in shown.get("Metrics") or []]
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed:
            self._put(ctx, id, new, [])

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        cloudwatch = ctx.client("cloudwatch")
        if drop:
            cloudwatch.untag_resource(ResourceARN=state["arn"], TagKeys=drop)
        if put:
            cloudwatch.tag_resource(ResourceARN=state["arn"], Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("cloudwatch").delete_alarms(AlarmNames=[id])
        self.forget(ctx, id)


def _period(seconds: float, at: str) -> list[Problem]:
    if seconds in (1, 5, 10, 20, 30) or (seconds >= 60 and seconds % 60 == 0):
        return []
    return [(at, f"{seconds} is not 10, 20, 30 or a multiple of 60 (seconds); choose one of these")]


def _queries(queries: list[JsonObject]) -> list[Problem]:
    problems: list[Problem] = []
    ids = [query.get("id") for query in queries]
    for index, query in enumerate(queries):
        at = f"metricQueries[{index}]"
        if ids.index(query.get("id")) != index:
            problems.append((f"{at}.id", f"{query.get('id')!r} is used twice; ids must be unique"))
        if bool(query.get("expression")) == bool(query.get("metric")):
            problems.append((at, "needs exactly one of expression and metric; give one"))
        if query.get("metric"):
            problems += _period(query["metric"].get("period", 60), f"{at}.metric.period")
        for name in _names(query.get("expression") or ""):
            if name not in ids:
                known = ", ".join(map(str, ids))
                problems.append((f"{at}.expression", f"{name!r} is the id of no query; ids are {known}"))
    returned = [query for query in queries if query.get("returnData")]
    if len(returned) != 1 and len(queries) > 1:
        problems.append(
            (
                "metricQueries",
                f"{len(returned)} queries have returnData; exactly one must: the one alarmed on",
            )
        )
    return problems


def _names(expression: str) -> list[str]:
    """The ids that a metric math expression uses; SQL ("SELECT ...") and quoted text have none."""
    if expression.lstrip().upper().startswith("SELECT"):
        return []
    return re.findall(r"\b[a-z]\w*\b(?!\s*\()", re.sub(r"'[^']*'|\"[^\"]*\"", "", expression))


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": dimensions[name]} for name in sorted(dimensions)]


def _query(query: JsonObject) -> JsonObject:
    request = given(
        query, Id="id", Expression="expression", Label="label", Period="period", AccountId="accountId"
    )
    request["ReturnData"] = bool(query.get("returnData"))
    metric = query.get("metric")
    if metric:
        request["MetricStat"] = {
            "Metric": {
                **given(metric, Namespace="namespace", MetricName="metricName"),
                "Dimensions": _dimensions(metric.get("dimensions") or {}),
            },
            **given(metric, Period="period", Stat="stat", Unit="unit"),
        }
    return request


def _shown_query(shown: JsonObject) -> JsonObject:
    query = given(shown, id="Id", expression="Expression", label="Label", period="Period")
    query["returnData"] = bool(shown.get("ReturnData"))
    stat: dict[str, Any] | None = shown.get("MetricStat")
    if stat:
        query["metric"] = {
            **given(stat["Metric"], namespace="Namespace", metricName="MetricName"),
            "dimensions": {item["Name"]: item["Value"] for item in stat["Metric"].get("Dimensions") or []},
            **given(stat, period="Period", stat="Stat", unit="Unit"),
        }
    return query
