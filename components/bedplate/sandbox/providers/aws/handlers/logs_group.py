"""CloudWatch log groups and streams."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.kms_key import service_problem
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

# PutRetentionPolicy, CloudWatch Logs API reference (from memory); 0 is the provider's "never expire".
_RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_NAME = Pattern(
    r"(?!aws/)[\w./#-]{1,512}", "1 to 512 of letters, digits and ._-/#, and not begin with 'aws/'"
)


@REGISTRY.register
class LogGroup(ServiceHandler):
    token = "aws:cloudwatch/logGroup:LogGroup"
    service = "logs"
    auto_name = AutoName("name", 512)
    replace_on = frozenset({"name", "namePrefix", "logGroupClass"})
    defaults: ClassVar = {"retentionInDays": 0, "skipDestroy": False}
    references = (Reference("kmsKeyId", "kms:key"),)
    patterns: ClassVar = {
        "name": _NAME,
        "kmsKeyId": Pattern(
            r"arn:[^:]+:kms:[^:]+:\d{12}:key/.+", "the ARN of a KMS key (no alias, no key id)"
        ),
    }
    enums: ClassVar = {"logGroupClass": "logs.LogGroupClass"}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = []
        days = inputs.get("retentionInDays", 0)
        if days not in _RETENTION_DAYS:
            allowed = ", ".join(map(str, _RETENTION_DAYS))
            problems.append(
                ("retentionInDays", f"{days} is not one of {allowed} (0: never); choose one of these")
            )
        if str(inputs.get("kmsKeyId") or "").startswith("arn:"):
            reason = service_problem(ctx, inputs["kmsKeyId"], f"logs.{ctx.region}.amazonaws.com")
            if reason:
                problems.append(("kmsKeyId", reason))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        logs, name = ctx.client("logs"), str(inputs["name"])
        logs.create_log_group(
            logGroupName=name,
            **given(inputs, "kmsKeyId", "logGroupClass"),
            **({"tags": inputs["tagsAll"]} if inputs["tagsAll"] else {}),
        )
        if inputs.get("retentionInDays"):
            logs.put_retention_policy(logGroupName=name, retentionInDays=inputs["retentionInDays"])
        return name

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        logs = ctx.client("logs")
        found = _named(logs.describe_log_groups(logGroupNamePrefix=id)["logGroups"], "logGroupName", id)
        if found is None:
            return None
        arn = found["arn"].removesuffix(":*")
        seen: JsonObject = {
            "name": id,
            "arn": arn,
            "retentionInDays": found.get("retentionInDays") or 0,
            "logGroupClass": found.get("logGroupClass") or state.get("logGroupClass") or "STANDARD",
            "skipDestroy": bool(state.get("skipDestroy")),
            "deletionProtectionEnabled": bool(state.get("deletionProtectionEnabled")),
            "tagsAll": logs.list_tags_for_resource(resourceArn=arn)["tags"],
        }
        if found.get("kmsKeyId") or state.get("kmsKeyId"):
            seen["kmsKeyId"] = found.get("kmsKeyId")
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        logs = ctx.client("logs")
        if "retentionInDays" in changed:
            if new.get("retentionInDays"):
                logs.put_retention_policy(logGroupName=id, retentionInDays=new["retentionInDays"])
            else:
                logs.delete_retention_policy(logGroupName=id)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        logs, arn = ctx.client("logs"), state["arn"]
        if drop:
            logs.untag_resource(resourceArn=arn, tagKeys=drop)
        if put:
            logs.tag_resource(resourceArn=arn, tags=put)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if not state.get("skipDestroy"):
            ctx.client("logs").delete_log_group(logGroupName=id)


@REGISTRY.register
class LogStream(ServiceHandler):
    token = "aws:cloudwatch/logStream:LogStream"
    service = "logs"
    auto_name = AutoName("name", 512)
    replace_on = frozenset({"name", "logGroupName"})
    references = (Reference("logGroupName", "logs:group"),)
    patterns: ClassVar = {"name": Pattern(r"[^:*]{1,512}", "1 to 512 characters without ':' and '*'")}

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        ctx.client("logs").create_log_stream(
            logGroupName=inputs["logGroupName"], logStreamName=inputs["name"]
        )
        return str(inputs["name"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        group = state["logGroupName"]
        answer = ctx.client("logs").describe_log_streams(logGroupName=group, logStreamNamePrefix=id)
        found = _named(answer["logStreams"], "logStreamName", id)
        return None if found is None else {"name": id, "logGroupName": group, "arn": found["arn"]}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("logs").delete_log_stream(logGroupName=state["logGroupName"], logStreamName=id)


def _named(items: list[dict[str, Any]], key: str, name: str) -> dict[str, Any] | None:
    return next((item for item in items if item[key] == name), None)
