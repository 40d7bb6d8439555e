"""EventBridge rules and their targets."""

import json
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.property_names import camel, pascal
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, stable_id
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep, keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

_SCHEDULE = Pattern(
    r"rate\([1-9]\d* (minute|minutes|hour|hours|day|days)\)|cron\(\S+( \S+){5}\)",
    "rate(5 minutes) or cron(0 12 * * ? *), cron with six fields",
)
_PLAIN = {"Input": "input", "InputPath": "inputPath", "RoleArn": "roleArn"}
_NESTED = {"DeadLetterConfig": "deadLetterConfig", "RetryPolicy": "retryPolicy", "SqsParameters": "sqsTarget"}
_MISSING = (
    *("appsyncTarget", "batchTarget", "ecsTarget", "httpTarget", "kinesisTarget", "redshiftTarget"),
    *("runCommandTargets", "sagemakerPipelineTarget"),
)


@REGISTRY.register
class EventRule(ServiceHandler):
    token = "aws:cloudwatch/eventRule:EventRule"
    service = "events"
    auto_name = AutoName("name", 64)
    replace_on = frozenset({"name", "namePrefix", "eventBusName"})
    defaults: ClassVar = {"eventBusName": "default", "forceDestroy": False}
    references = (Reference("roleArn", "iam:role"),)
    json_documents = frozenset({"eventPattern"})
    conflicts = (("isEnabled", "state"),)
    enums: ClassVar = {"state": "events.RuleState"}
    patterns: ClassVar = {
        "name": Pattern(r"[\w.-]{1,64}", "1 to 64 of letters, digits, '.', '-' and '_'"),
        "description": Pattern(r".{0,512}", "at most 512 characters"),
        "scheduleExpression": _SCHEDULE,
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        if not {"eventPattern", "scheduleExpression"} & (set(inputs) | ctx.unknown):
            problems.append(("eventPattern", "missing; give eventPattern or scheduleExpression"))
        pattern = inputs.get("eventPattern")
        if pattern:
            try:
                parsed = json.loads(pattern)
            except ValueError as error:
                return [*problems, ("eventPattern", f"not JSON ({error}); build it with json.dumps")]
            if not isinstance(parsed, dict) or not parsed:
                problems.append(("eventPattern", "Event pattern is not valid: must be an object with fields"))
        if inputs.get("scheduleExpression") and inputs.get("eventBusName", "default") != "default":
            problems.append(("scheduleExpression", "only on the default event bus; remove eventBusName"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs, tag_list(inputs["tagsAll"]))
        bus = inputs.get("eventBusName", "default")
        return str(inputs["name"]) if bus == "default" else f"{bus}/{inputs['name']}"

    def _put(self, ctx: Context, inputs: JsonObject, tags: list[dict[str, str]]) -> None:
        state = inputs.get("state") or ("DISABLED" if inputs.get("isEnabled") is False else "ENABLED")
        ctx.client("events").put_rule(
            Name=inputs["name"],
            State=state,
            **given(
                inputs,
                Description="description",
                EventBusName="eventBusName",
                EventPattern="eventPattern",
                RoleArn="roleArn",
                ScheduleExpression="scheduleExpression",
            ),
            **({"Tags": tags} if tags else {}),
        )

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        bus, _, name = id.rpartition("/")
        events = ctx.client("events")
        shown = events.describe_rule(Name=name, EventBusName=bus or "default")
        seen: JsonObject = {
            "name": name,
            "arn": shown["Arn"],
            "eventBusName": bus or "default",
            "isEnabled": shown["State"] != "DISABLED",
            "state": shown["State"],
            "tagsAll": tag_map(events.list_tags_for_resource(ResourceARN=shown["Arn"])["Tags"]),
        }
        for boto_name, key in (
            ("Description", "description"),
            ("RoleArn", "roleArn"),
            ("ScheduleExpression", "scheduleExpression"),
        ):
            if shown.get(boto_name) or state.get(key):
                seen[key] = shown.get(boto_name)
        if shown.get("EventPattern") or state.get("eventPattern"):
            seen["eventPattern"] = keep_json(state.get("eventPattern"), shown.get("EventPattern"))
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "state" not in changed and "isEnabled" in changed:
            new.pop("state", None)  # what the old flag led to
        if changed:
            self._put(ctx, new, [])

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("events").untag_resource(ResourceARN=state["arn"], TagKeys=drop)
        if put:
            ctx.client("events").tag_resource(ResourceARN=state["arn"], Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        bus, _, name = id.rpartition("/")
        events = ctx.client("events")
        if state.get("forceDestroy"):
            targets = events.list_targets_by_rule(Rule=name, EventBusName=bus or "default")["Targets"]
            if targets:
                ids = [target["Id"] for target in targets]
                events.remove_targets(Rule=name, EventBusName=bus or "default", Ids=ids)
        events.delete_rule(Name=name, EventBusName=bus or "default")


@REGISTRY.register
class EventTarget(ServiceHandler):
    token = "aws:cloudwatch/eventTarget:EventTarget"
    service = "events"
    replace_on = frozenset({"rule", "eventBusName", "targetId"})
    defaults: ClassVar = {"eventBusName": "default", "forceDestroy": False}
    references = (Reference("roleArn", "iam:role"),)
    conflicts = (("input", "inputPath", "inputTransformer"),)
    ranges: ClassVar = {
        "retryPolicy.maximumEventAgeInSeconds": (60, 86400),
        "retryPolicy.maximumRetryAttempts": (0, 185),
    }
    patterns: ClassVar = {
        "arn": Pattern(r"arn:\S+", "the ARN of what is to get the events"),
        "targetId": Pattern(r"[\w.-]{1,64}", "1 to 64 of letters, digits, '.', '-' and '_'"),
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        return [
            (name, "the sandbox does not make targets of this kind; remove it or use a real account")
            for name in _MISSING
            if inputs.get(name)
        ]

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        inputs.setdefault("targetId", f"pulumi-{stable_id(ctx.urn, length=20)}")
        self._put(ctx, inputs)
        return f"{inputs['rule']}-{inputs['targetId']}"

    def _put(self, ctx: Context, inputs: JsonObject) -> None:
        target: JsonObject = {"Id": inputs["targetId"], "Arn": inputs["arn"], **given(inputs, **_PLAIN)}
        for boto_name, name in _NESTED.items():
            if inputs.get(name):
                target[boto_name] = pascal(inputs[name])
        transformer = inputs.get("inputTransformer")
        if transformer:
            target["InputTransformer"] = {
                "InputPathsMap": transformer.get("inputPaths") or {},
                "InputTemplate": transformer["inputTemplate"],
            }
        ctx.client("events").put_targets(
            Rule=inputs["rule"], EventBusName=inputs.get("eventBusName", "default"), Targets=[target]
        )

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        bus = state.get("eventBusName", "default")
        targets = ctx.client("events").list_targets_by_rule(Rule=state["rule"], EventBusName=bus)["Targets"]
        found: dict[str, Any] | None = next(
            (target for target in targets if target["Id"] == state["targetId"]), None
        )
        if found is None:
            return None
        seen: JsonObject = {"arn": found["Arn"]}
        for boto_name, name in _PLAIN.items():
            if found.get(boto_name) or state.get(name):
                seen[name] = found.get(boto_name)
        for boto_name, name in _NESTED.items():
            if found.get(boto_name) or state.get(name):
                seen[name] = keep(state.get(name), camel(found.get(boto_name)))
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        new.setdefault("targetId", old["targetId"])
        if changed:
            self._put(ctx, new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        bus = state.get("eventBusName", "default")
        ctx.client("events").remove_targets(Rule=state["rule"], EventBusName=bus, Ids=[state["targetId"]])
