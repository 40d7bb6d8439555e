"""Settings of a bucket that are documents or lists of rules: policy, lifecycle, notifications."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.property_names import camel, pascal
from bedplate.sandbox.providers.aws.handlers.s3_setting import BucketSetting
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind, as_list, statements
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep_json
from bedplate.sandbox.providers.handler import Context, JsonObject

_IA_CLASSES = ("STANDARD_IA", "ONEZONE_IA")
_ACTIONS = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)


@REGISTRY.register
class S3BucketPolicy(BucketSetting):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    setting = "bucket_policy"
    replace_on = frozenset({"bucket"})
    json_documents = frozenset({"policy"})
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        bucket = inputs.get("bucket")
        if not bucket:
            return []
        own = f"arn:{ctx.partition}:s3:::{bucket}"
        for statement in statements(inputs.get("policy")):
            for resource in as_list(statement.get("Resource")):
                if resource != own and not str(resource).startswith(f"{own}/") and resource != f"{own}*":
                    return [
                        (
                            "policy",
                            f"MalformedPolicy: policy has invalid resource {resource!r}; "
                            f"name only {own} and {own}/*",
                        )
                    ]
        return []

    def body(self, inputs: JsonObject) -> JsonObject:
        return {"Policy": document_text(inputs["policy"])}

    def pick(self, answer: JsonObject) -> Any:
        return answer["Policy"]

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        return {"bucket": id, "policy": keep_json(state.get("policy"), self._get(ctx, id))}


@REGISTRY.register
class S3BucketLifecycle(BucketSetting):
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    setting = "bucket_lifecycle_configuration"
    defaults: ClassVar = {"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"}
    enums: ClassVar = {
        "rules[].status": "s3.ExpirationStatus",
        "rules[].transitions[].storageClass": "s3.TransitionStorageClass",
        "rules[].noncurrentVersionTransitions[].storageClass": "s3.TransitionStorageClass",
        "transitionDefaultMinimumObjectSize": "s3.TransitionDefaultMinimumObjectSize",
    }
    ranges: ClassVar = {
        "rules[].expiration.days": (1, 2147483647),
        "rules[].transitions[].days": (0, 2147483647),
        "rules[].noncurrentVersionExpiration.noncurrentDays": (1, 2147483647),
        "rules[].noncurrentVersionExpiration.newerNoncurrentVersions": (1, 100),
        "rules[].noncurrentVersionTransitions[].noncurrentDays": (0, 2147483647),
        "rules[].abortIncompleteMultipartUpload.daysAfterInitiation": (1, 2147483647),
    }
    patterns: ClassVar = {"rules[].id": Pattern(r".{1,255}", "1 to 255 characters")}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        rules = inputs.get("rules")
        if rules is None:
            return [] if "rules" in ctx.unknown else [("rules", "needs at least one rule; add one")]
        problems: list[Problem] = []
        ids: set[str] = set()
        for index, rule in enumerate(rules):
            at = f"rules[{index}]"
            if rule.get("id") in ids:
                problems.append((f"{at}.id", f"{rule['id']!r} is used twice; rule ids must be unique"))
            ids.add(rule.get("id"))
            problems += _lifecycle_rule(rule, at)
        if len(rules) > 1000:
            problems.append(("rules", f"{len(rules)} rules, a bucket may have 1000; merge some"))
        return problems

    def body(self, inputs: JsonObject) -> JsonObject:
        return {"LifecycleConfiguration": {"Rules": [_request(rule) for rule in inputs["rules"]]}}

    def pick(self, answer: JsonObject) -> Any:
        return answer["Rules"]

    def outputs(self, shown: Any) -> JsonObject:
        return {"rules": [_shown(rule) for rule in shown]}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("s3").delete_bucket_lifecycle(Bucket=id)
        self.forget(ctx, id)


def _lifecycle_rule(rule: JsonObject, at: str) -> list[Problem]:
    problems: list[Problem] = []
    if not any(rule.get(action) for action in _ACTIONS):
        problems.append((at, f"has no action; give at least one of {', '.join(_ACTIONS)}"))
    if rule.get("prefix") is not None and rule.get("filter") is not None:
        problems.append((f"{at}.prefix", "conflicts with filter; put the prefix into the filter"))
    chosen = [key for key, value in (rule.get("filter") or {}).items() if value is not None]
    if len(chosen) > 1:
        problems.append((f"{at}.filter", f"has {' and '.join(sorted(chosen))}; combine them with 'and'"))
    expiration = rule.get("expiration") or {}
    ways = [name for name in ("date", "days", "expiredObjectDeleteMarker") if expiration.get(name)]
    if len(ways) > 1:
        problems.append((f"{at}.expiration", f"has {' and '.join(ways)}; give one"))
    for number, transition in enumerate(rule.get("transitions") or []):
        where = f"{at}.transitions[{number}]"
        days = transition.get("days")
        if days is not None and transition.get("date"):
            problems.append((where, "has days and date; give one"))
        if days is not None and days < 30 and transition.get("storageClass") in _IA_CLASSES:
            problems.append(
                (f"{where}.days", f"{days} is too early for {transition['storageClass']}; at least 30 days")
            )
        if days is not None and expiration.get("days") is not None and expiration["days"] <= days:
            problems.append(
                (
                    f"{at}.expiration.days",
                    f"{expiration['days']} must be greater than the transition's {days}",
                )
            )
    return problems


def _request(rule: JsonObject) -> JsonObject:
    request: JsonObject = pascal(rule)
    request["ID"] = request.pop("Id")
    chosen = request.get("Filter") or {}
    if chosen.get("And", {}).get("Tags"):
        # Tag keys are the user's own: taken from the input, not from the renamed copy.
        tags = rule["filter"]["and"]["tags"]
        chosen["And"]["Tags"] = [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
    if ("Filter" not in request and "Prefix" not in request) or ("Filter" in request and not chosen):
        request["Filter"] = {"Prefix": ""}
    return request


def _shown(rule: JsonObject) -> JsonObject:
    shown: JsonObject = camel(rule)
    shown["id"] = rule.get("ID", "")
    shown.pop("iD", None)
    both = (shown.get("filter") or {}).get("and")
    if both and isinstance(both.get("tags"), list):
        both["tags"] = {tag["key"]: tag["value"] for tag in both["tags"]}
    return shown


@REGISTRY.register
class S3BucketNotification(BucketSetting):
    token = "aws:s3/bucketNotification:BucketNotification"
    setting = "bucket_notification_configuration"
    replace_on = frozenset({"bucket"})
    defaults: ClassVar = {"eventbridge": False}
    enums: ClassVar = {
        "topics[].events[]": "s3.Event",
        "queues[].events[]": "s3.Event",
        "lambdaFunctions[].events[]": "s3.Event",
    }
    _targets = (
        ("topics", "topicArn", "TopicConfigurations", "TopicArn"),
        ("queues", "queueArn", "QueueConfigurations", "QueueArn"),
        ("lambdaFunctions", "lambdaFunctionArn", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    )

    def body(self, inputs: JsonObject) -> JsonObject:
        request: JsonObject = {}
        for name, arn, group, boto_arn in self._targets:
            items = []
            for item in inputs.get(name) or []:
                rules = [
                    {"Name": kind, "Value": item[field]}
                    for kind, field in (("prefix", "filterPrefix"), ("suffix", "filterSuffix"))
                    if item.get(field)
                ]
                target: JsonObject = {boto_arn: item[arn], "Events": item["events"]}
                if item.get("id"):
                    target["Id"] = item["id"]
                if rules:
                    target["Filter"] = {"Key": {"FilterRules": rules}}
                items.append(target)
            if items:
                request[group] = items
        if inputs.get("eventbridge"):
            request["EventBridgeConfiguration"] = {}
        return {"NotificationConfiguration": request, "SkipDestinationValidation": True}

    def pick(self, answer: JsonObject) -> Any:
        names = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")
        return {name: answer[name] for name in (*names, "EventBridgeConfiguration") if name in answer}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        # moto shows no configuration that has EventBridge alone; the memory of the put tells it from none.
        if not self._get(ctx, id) and not self.remembers(ctx, id, {}):
            return None
        return super().look(ctx, id, state)

    def outputs(self, shown: Any) -> JsonObject:
        outputs: JsonObject = {"eventbridge": "EventBridgeConfiguration" in shown}
        for name, arn, group, boto_arn in self._targets:
            if shown.get(group):
                outputs[name] = [
                    {"id": item.get("Id"), arn: item[boto_arn], "events": item["Events"]}
                    for item in shown[group]
                ]
        return outputs

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("s3").put_bucket_notification_configuration(Bucket=id, NotificationConfiguration={})
        self.forget(ctx, id)
