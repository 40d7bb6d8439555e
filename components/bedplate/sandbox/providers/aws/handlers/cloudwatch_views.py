"""CloudWatch dashboards, and composite alarms, which moto lacks."""

import json
import re
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.cloudwatch_alarm import ACTION_ARN, ACTIONS, ALARM_NAME
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep_json
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

_COMPOSITE = "cloudwatch:composite-alarm"
_TERM = re.compile(
    r"""\s*(?:(AND|OR)\b|(NOT)\b|(TRUE|FALSE)\b|(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]+"|'[^']+'|[^\s()]+)\s*\)|([()]))"""
)


@REGISTRY.register
class Dashboard(ServiceHandler):
    token = "aws:cloudwatch/dashboard:Dashboard"
    service = "cloudwatch"
    replace_on = frozenset({"dashboardName"})
    json_documents = frozenset({"dashboardBody"})
    patterns: ClassVar = {
        "dashboardName": Pattern(r"[\w-]{1,255}", "1 to 255 of letters, digits, '-' and '_'")
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        body = inputs.get("dashboardBody")
        if body is None:
            return []
        try:
            parsed = json.loads(body)
        except ValueError as error:
            return [("dashboardBody", f"not JSON ({error}); build it with json.dumps")]
        if not isinstance(parsed, dict) or not isinstance(parsed.get("widgets"), list):
            return [("dashboardBody", "must be an object with a list 'widgets'")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self.change(ctx, str(inputs["dashboardName"]), {}, inputs, frozenset({"dashboardBody"}))
        return str(inputs["dashboardName"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = ctx.client("cloudwatch").get_dashboard(DashboardName=id)
        return {
            "dashboardName": id,
            "dashboardArn": f"arn:{ctx.partition}:cloudwatch::{ctx.account_id}:dashboard/{id}",
            "dashboardBody": keep_json(state.get("dashboardBody"), shown["DashboardBody"]),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "dashboardBody" in changed:
            ctx.client("cloudwatch").put_dashboard(DashboardName=id, DashboardBody=new["dashboardBody"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("cloudwatch").delete_dashboards(DashboardNames=[id])


@REGISTRY.register
class CompositeAlarm(ServiceHandler):
    token = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
    service = "cloudwatch"
    stored = True
    delete_before_replace = True
    replace_on = frozenset({"alarmName"})
    defaults: ClassVar = {"actionsEnabled": True}
    unordered = frozenset(ACTIONS)
    patterns: ClassVar = {"alarmName": ALARM_NAME, **{f"{name}[]": ACTION_ARN for name in ACTIONS}}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        rule = inputs.get("alarmRule")
        reason = None if rule is None else _rule_problem(rule)
        return [("alarmRule", reason)] if reason else []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        name = str(inputs["alarmName"])
        if ctx.store.get(_COMPOSITE, f"{ctx.region}/{name}") is not None:
            raise CloudError(
                "ResourceConflict", f"alarm {name!r} already exists in {ctx.region}; choose another name"
            )
        arn = f"arn:{ctx.partition}:cloudwatch:{ctx.region}:{ctx.account_id}:alarm:{name}"
        ctx.store.put(_COMPOSITE, f"{ctx.region}/{name}", {**inputs, "arn": arn})
        return name

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        return ctx.store.get(_COMPOSITE, f"{ctx.region}/{id}")

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ctx.store.put(_COMPOSITE, f"{ctx.region}/{id}", dict(new))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.store.delete(_COMPOSITE, f"{ctx.region}/{id}")


def _rule_problem(rule: str) -> str | None:
    """Why an expression is not like `ALARM(a) AND NOT OK("b")`: terms joined by AND and OR, with brackets."""
    position, depth, wants_term = 0, 0, True
    rule = rule.strip()
    while position < len(rule):
        match = _TERM.match(rule, position)
        if match is None:
            return (
                f'cannot be read at {rule[position : position + 20]!r}; write e.g. ALARM(a) AND NOT OK("b c")'
            )
        joint, negation, _, _, bracket = match.groups()
        opens = bracket == "("
        if bool(joint) or bracket == ")":
            if wants_term:
                return f"a term is missing before {match.group().strip()!r} (character {position})"
            depth -= bracket == ")"
            wants_term = bool(joint)
        else:
            if not wants_term:
                return f"AND or OR is missing before {match.group().strip()!r} (character {position})"
            depth += opens
            wants_term = opens or bool(negation)
        if depth < 0:
            return f"a ')' too many (character {position})"
        position = match.end()
    if wants_term or depth:
        return "ends too early: a term or a ')' is missing"
    return None
