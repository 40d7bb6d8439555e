"""SQS queues and their policies."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, same_json
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

# A policy that a resource of its own puts on a queue is no change of the queue.
_POLICY = "sqs:queue-policy"
_NUMBERS = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_FLAGS = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "fifoQueue": "FifoQueue",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}
_DOCUMENTS = {
    "policy": "Policy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
}
_TEXTS = {
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsMasterKeyId": "KmsMasterKeyId",
}
_ALL = {**_NUMBERS, **_FLAGS, **_DOCUMENTS, **_TEXTS}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@REGISTRY.register
class SqsQueue(ServiceHandler):
    token = "aws:sqs/queue:Queue"
    service = "sqs"
    auto_name = AutoName("name", 80)
    replace_on = frozenset({"name", "namePrefix", "fifoQueue"})
    defaults: ClassVar = {
        "contentBasedDeduplication": False,
        "delaySeconds": 0,
        "fifoQueue": False,
        "maxMessageSize": 262144,
        "messageRetentionSeconds": 345600,
        "receiveWaitTimeSeconds": 0,
        "visibilityTimeoutSeconds": 30,
    }
    references = (Reference("kmsMasterKeyId", "kms:key"),)
    json_documents = frozenset(_DOCUMENTS)
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}
    conflicts = (("kmsMasterKeyId", "sqsManagedSseEnabled"),)
    enums: ClassVar = {
        "deduplicationScope": ("messageGroup", "queue"),
        "fifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    }
    ranges: ClassVar = {
        "delaySeconds": (0, 900),
        "kmsDataKeyReusePeriodSeconds": (60, 86400),
        "maxMessageSize": (1024, 1048576),
        "messageRetentionSeconds": (60, 1209600),
        "receiveWaitTimeSeconds": (0, 20),
        "visibilityTimeoutSeconds": (0, 43200),
    }
    patterns: ClassVar = {
        "name": Pattern(
            r"[\w-]{1,80}|[\w-]{1,75}\.fifo", "1 to 80 of letters, digits, '-', '_' (and '.fifo')"
        )
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        name = inputs.get("name")
        if name and bool(inputs.get("fifoQueue")) != name.endswith(".fifo"):
            return [
                (
                    "name",
                    f"{name!r}: exactly the FIFO queues end in '.fifo'; set fifoQueue or change the name",
                )
            ]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        attributes = {
            boto_name: _text(inputs[name])
            for name, boto_name in _ALL.items()
            if inputs.get(name) not in (None, "", False)
        }
        ctx.client("sqs").create_queue(
            QueueName=inputs["name"],
            Attributes=attributes,
            **({"tags": inputs["tagsAll"]} if inputs["tagsAll"] else {}),
        )
        return f"https://sqs.{ctx.region}.amazonaws.com/{ctx.account_id}/{inputs['name']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        sqs = ctx.client("sqs")
        shown = sqs.get_queue_attributes(QueueUrl=id, AttributeNames=["All"])["Attributes"]
        seen: JsonObject = {
            "name": id.rsplit("/", 1)[-1],
            "url": id,
            "arn": shown["QueueArn"],
            "tagsAll": sqs.list_queue_tags(QueueUrl=id).get("Tags") or {},
        }
        for name, boto_name in _NUMBERS.items():
            if shown.get(boto_name) is not None:
                seen[name] = int(shown[boto_name])
        for name, boto_name in _FLAGS.items():
            seen[name] = shown.get(boto_name, "false") == "true"
        for name, boto_name in _TEXTS.items():
            if shown.get(boto_name) or state.get(name):
                seen[name] = shown.get(boto_name)
        for name, boto_name in _DOCUMENTS.items():
            if name == "policy" and ctx.store.get(_POLICY, id) is not None:
                continue
            if shown.get(boto_name) or state.get(name):
                seen[name] = keep_json(state.get(name), shown.get(boto_name))
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        attributes = {
            boto_name: "" if new.get(name) is None else _text(new[name])
            for name, boto_name in _ALL.items()
            if name in changed
        }
        if attributes:
            ctx.client("sqs").set_queue_attributes(QueueUrl=id, Attributes=attributes)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("sqs").untag_queue(QueueUrl=id, TagKeys=drop)
        if put:
            ctx.client("sqs").tag_queue(QueueUrl=id, Tags=put)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("sqs").delete_queue(QueueUrl=id)
        ctx.store.delete(_POLICY, id)


@REGISTRY.register
class SqsQueuePolicy(ServiceHandler):
    token = "aws:sqs/queuePolicy:QueuePolicy"
    service = "sqs"
    replace_on = frozenset({"queueUrl"})
    json_documents = frozenset({"policy"})
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        url = str(inputs["queueUrl"])
        self._put(ctx, url, document_text(inputs["policy"]))
        ctx.store.put(_POLICY, url, {})
        return url

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        answer = ctx.client("sqs").get_queue_attributes(QueueUrl=id, AttributeNames=["Policy"])
        shown = answer.get("Attributes", {}).get("Policy")
        if not shown or same_json(shown, "{}"):
            return None
        return {"queueUrl": id, "policy": keep_json(state.get("policy"), shown)}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "policy" in changed:
            self._put(ctx, id, document_text(new["policy"]))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.store.delete(_POLICY, id)
        self._put(ctx, id, "")

    def _put(self, ctx: Context, url: str, policy: str) -> None:
        ctx.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
