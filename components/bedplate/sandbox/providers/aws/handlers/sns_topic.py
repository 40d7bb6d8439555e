"""SNS topics, their policies and subscriptions."""

import re
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, same_json, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

# A policy that a resource of its own puts on a topic is no change of the topic.
_POLICY = "sns:topic-policy"
_FEEDBACK = tuple(
    f"{kind}{suffix}"
    for kind in ("application", "firehose", "http", "lambda", "sqs")
    for suffix in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
)
_ATTRIBUTES = (
    *("archivePolicy", "contentBasedDeduplication", "deliveryPolicy", "displayName", "fifoThroughputScope"),
    *("kmsMasterKeyId", "policy", "signatureVersion", "tracingConfig"),
    *_FEEDBACK,
)
TOPIC_ARN = Pattern(r"arn:[^:]+:sns:[^:]+:\d{12}:[\w.-]+", "the ARN of an SNS topic")
_ENDPOINTS = {
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "email-json": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "http": (r"http://\S+", "a URL with http://"),
    "https": (r"https://\S+", "a URL with https://"),
    "sms": (r"\+[1-9]\d{1,14}", "a phone number in E.164 form, e.g. '+14155550100'"),
    "sqs": (r"arn:[^:]+:sqs:[^:]+:\d{12}:\S+", "the ARN of an SQS queue"),
    "lambda": (r"arn:[^:]+:lambda:[^:]+:\d{12}:function:\S+", "the ARN of a Lambda function"),
    "firehose": (r"arn:[^:]+:firehose:[^:]+:\d{12}:\S+", "the ARN of a Firehose stream"),
    "application": (r"arn:[^:]+:sns:[^:]+:\d{12}:(app|endpoint)/\S+", "the ARN of a mobile endpoint"),
}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@REGISTRY.register
class SnsTopic(ServiceHandler):
    token = "aws:sns/topic:Topic"
    service = "sns"
    auto_name = AutoName("name", 256)
    replace_on = frozenset({"name", "namePrefix", "fifoTopic"})
    defaults: ClassVar = {"fifoTopic": False, "contentBasedDeduplication": False}
    references = (Reference("kmsMasterKeyId", "kms:key"),)
    json_documents = frozenset({"policy", "deliveryPolicy", "archivePolicy"})
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}
    patterns: ClassVar = {
        "name": Pattern(
            r"[\w-]{1,256}|[\w-]{1,251}\.fifo", "1 to 256 of letters, digits, '-' and '_' (and '.fifo')"
        ),
        "displayName": Pattern(r".{0,100}", "at most 100 characters"),
    }
    enums: ClassVar = {
        "tracingConfig": ("Active", "PassThrough"),
        "fifoThroughputScope": ("Topic", "MessageGroup"),
    }
    ranges: ClassVar = {
        "signatureVersion": (1, 2),
        **{f"{name}": (0, 100) for name in _FEEDBACK if name.endswith("Rate")},
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        name = inputs.get("name")
        if name and bool(inputs.get("fifoTopic")) != name.endswith(".fifo"):
            return [
                (
                    "name",
                    f"{name!r}: exactly the FIFO topics end in '.fifo'; set fifoTopic or change the name",
                )
            ]
        if inputs.get("contentBasedDeduplication") and not inputs.get("fifoTopic"):
            return [("contentBasedDeduplication", "only for FIFO topics; set fifoTopic or remove it")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        attributes = {
            name[:1].upper() + name[1:]: _text(inputs[name])
            for name in _ATTRIBUTES
            if inputs.get(name) not in (None, "", False)
        }
        if inputs.get("fifoTopic"):
            attributes["FifoTopic"] = "true"
        request: JsonObject = {"Name": inputs["name"], "Attributes": attributes}
        if inputs["tagsAll"]:
            request["Tags"] = tag_list(inputs["tagsAll"])
        return str(ctx.client("sns").create_topic(**request)["TopicArn"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        sns = ctx.client("sns")
        shown = sns.get_topic_attributes(TopicArn=id)["Attributes"]
        elsewhere = ctx.store.get(_POLICY, id) is not None and state.get("policy")
        seen: JsonObject = {
            "arn": id,
            "name": id.rsplit(":", 1)[-1],
            "owner": shown["Owner"],
            "displayName": shown.get("DisplayName") or "",
            "policy": state["policy"] if elsewhere else keep_json(state.get("policy"), shown.get("Policy")),
            "fifoTopic": _text(shown.get("FifoTopic", False)) == "true",
            "contentBasedDeduplication": _text(shown.get("ContentBasedDeduplication", False)) == "true",
            "signatureVersion": state.get("signatureVersion", 1),
            "beginningArchiveTime": "",
            "tagsAll": tag_map(sns.list_tags_for_resource(ResourceArn=id)["Tags"]),
        }
        if shown.get("KmsMasterKeyId") or state.get("kmsMasterKeyId"):
            seen["kmsMasterKeyId"] = shown.get("KmsMasterKeyId")
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        sns = ctx.client("sns")
        for name in _ATTRIBUTES:
            if name in changed and not (name == "policy" and not new.get("policy")):
                value = new.get(name)
                sns.set_topic_attributes(
                    TopicArn=id,
                    AttributeName=name[:1].upper() + name[1:],
                    AttributeValue="" if value is None else _text(value),
                )

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("sns").untag_resource(ResourceArn=id, TagKeys=drop)
        if put:
            ctx.client("sns").tag_resource(ResourceArn=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("sns").delete_topic(TopicArn=id)


@REGISTRY.register
class SnsTopicPolicy(ServiceHandler):
    """Removing it gives the topic its owner's policy again."""

    token = "aws:sns/topicPolicy:TopicPolicy"
    service = "sns"
    replace_on = frozenset({"arn"})
    references = (Reference("arn", "sns:topic"),)
    json_documents = frozenset({"policy"})
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}
    patterns: ClassVar = {"arn": TOPIC_ARN}

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        arn = str(inputs["arn"])
        shown = ctx.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        before = ctx.store.get(_POLICY, arn) or {"before": shown["Policy"]}
        ctx.store.put(_POLICY, arn, before)
        self._put(ctx, arn, document_text(inputs["policy"]))
        return arn

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = ctx.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]
        before = ctx.store.get(_POLICY, id)
        if before is None or same_json(before["before"], shown["Policy"]):
            return None
        return {"arn": id, "owner": shown["Owner"], "policy": keep_json(state.get("policy"), shown["Policy"])}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "policy" in changed:
            self._put(ctx, id, document_text(new["policy"]))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        before = ctx.store.get(_POLICY, id)
        ctx.store.delete(_POLICY, id)
        if before is not None:
            self._put(ctx, id, before["before"])

    def _put(self, ctx: Context, arn: str, policy: str) -> None:
        ctx.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


@REGISTRY.register
class SnsTopicSubscription(ServiceHandler):
    """An e-mail subscription stays pending, as it does until its owner follows the link in the mail."""

    token = "aws:sns/topicSubscription:TopicSubscription"
    service = "sns"
    replace_on = frozenset({"topic", "protocol", "endpoint"})
    defaults: ClassVar = {
        "confirmationTimeoutInMinutes": 1,
        "endpointAutoConfirms": False,
        "rawMessageDelivery": False,
    }
    references = (Reference("topic", "sns:topic"),)
    json_documents = frozenset({"filterPolicy", "redrivePolicy", "deliveryPolicy", "replayPolicy"})
    patterns: ClassVar = {"topic": TOPIC_ARN}
    enums: ClassVar = {
        "protocol": tuple(_ENDPOINTS),
        "filterPolicyScope": ("MessageAttributes", "MessageBody"),
    }
    _settings = (
        *("filterPolicyScope", "filterPolicy", "deliveryPolicy", "redrivePolicy", "rawMessageDelivery"),
        "subscriptionRoleArn",
    )

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        protocol, endpoint = inputs.get("protocol"), inputs.get("endpoint")
        if protocol in _ENDPOINTS and endpoint is not None:
            expression, meaning = _ENDPOINTS[protocol]
            if not re.fullmatch(expression, endpoint):
                problems.append(
                    ("endpoint", f"{endpoint!r} does not fit protocol {protocol}; give {meaning}")
                )
        if inputs.get("rawMessageDelivery") and protocol not in ("sqs", "http", "https", "firehose", None):
            problems.append(
                ("rawMessageDelivery", f"not for protocol {protocol}; only sqs, http, https, firehose")
            )
        if protocol == "firehose" and not {"subscriptionRoleArn"} & (set(inputs) | ctx.unknown):
            problems.append(("subscriptionRoleArn", "missing; protocol firehose needs a role"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        attributes = {
            name[:1].upper() + name[1:]: _text(inputs[name])
            for name in self._settings
            if inputs.get(name) not in (None, "", False)
        }
        answer = ctx.client("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            ReturnSubscriptionArn=True,
            Attributes=attributes,
        )
        return str(answer["SubscriptionArn"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = ctx.client("sns").get_subscription_attributes(SubscriptionArn=id)["Attributes"]
        pending = shown["Protocol"] in ("email", "email-json")
        seen: JsonObject = {
            "arn": id,
            "topic": shown["TopicArn"],
            "protocol": shown["Protocol"],
            "endpoint": shown["Endpoint"],
            "ownerId": shown.get("Owner", ctx.account_id),
            "rawMessageDelivery": _text(shown.get("RawMessageDelivery", False)) == "true",
            "pendingConfirmation": pending,
            "confirmationWasAuthenticated": not pending,
        }
        for name in ("filterPolicy", "redrivePolicy", "deliveryPolicy"):
            if shown.get(name[:1].upper() + name[1:]) or state.get(name):
                seen[name] = keep_json(state.get(name), shown.get(name[:1].upper() + name[1:]))
        if shown.get("FilterPolicyScope"):
            seen["filterPolicyScope"] = shown["FilterPolicyScope"]
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        for name in self._settings:
            if name in changed:
                value = new.get(name)
                ctx.client("sns").set_subscription_attributes(
                    SubscriptionArn=id,
                    AttributeName=name[:1].upper() + name[1:],
                    AttributeValue="" if value is None else _text(value),
                )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("sns").unsubscribe(SubscriptionArn=id)
