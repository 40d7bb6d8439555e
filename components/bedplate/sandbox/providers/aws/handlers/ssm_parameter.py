"""SSM parameters."""

import re
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

_LIMITS = {"Standard": 4096, "Intelligent-Tiering": 8192, "Advanced": 8192}


@REGISTRY.register
class SsmParameter(ServiceHandler):
    token = "aws:ssm/parameter:Parameter"
    service = "ssm"
    auto_name = AutoName("name", 1011)
    replace_on = frozenset({"name", "dataType"})
    references = (Reference("keyId", "kms:key"),)
    secret_outputs = frozenset({"value", "valueWo"})
    conflicts = (("value", "insecureValue", "valueWo"),)
    enums: ClassVar = {
        "type": "ssm.ParameterType",
        "tier": "ssm.ParameterTier",
        "dataType": ("text", "aws:ec2:image", "aws:ssm:integration"),
    }
    patterns: ClassVar = {
        "name": Pattern(
            r"(?!/?(aws|ssm))[\w.-]{1,1011}|(?!/(aws|ssm)(/|$))(/[\w.-]+){1,15}",
            "letters, digits, '.', '-', '_', in a path of at most 15 parts that begins with '/'; "
            "'aws' and 'ssm' are reserved",
        ),
        "description": Pattern(r".{0,1024}", "at most 1024 characters"),
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        given_value = next((name for name in ("value", "insecureValue", "valueWo") if inputs.get(name)), None)
        if given_value is None:
            if not {"value", "insecureValue", "valueWo"} & ctx.unknown:
                problems.append(
                    ("value", "missing or empty; give value, or insecureValue for one to be shown")
                )
            return problems
        value = str(inputs[given_value])
        limit = _LIMITS.get(inputs.get("tier") or "Standard", 4096)
        if len(value.encode()) > limit:
            problems.append((given_value, f"longer than {limit} bytes; set tier to 'Advanced' or shorten it"))
        if inputs.get("type") == "SecureString" and given_value == "insecureValue":
            problems.append(("insecureValue", "not with type SecureString; use value"))
        if inputs.get("keyId") and inputs.get("type") not in ("SecureString", None):
            problems.append(("keyId", f"only with type SecureString, not {inputs['type']}; remove it"))
        pattern = inputs.get("allowedPattern")
        if pattern and not re.search(pattern, value):
            problems.append((given_value, f"does not match allowedPattern {pattern!r}; change one of them"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs, overwrite=bool(inputs.get("overwrite")))
        if inputs["tagsAll"]:
            ctx.client("ssm").add_tags_to_resource(
                ResourceType="Parameter", ResourceId=inputs["name"], Tags=tag_list(inputs["tagsAll"])
            )
        return str(inputs["name"])

    def _put(self, ctx: Context, inputs: JsonObject, overwrite: bool) -> None:
        value = next(inputs[name] for name in ("value", "insecureValue", "valueWo") if inputs.get(name))
        if inputs.pop("valueWo", None):
            inputs["hasValueWo"] = True
        ctx.client("ssm").put_parameter(
            Name=inputs["name"],
            Value=value,
            Type=inputs["type"],
            Overwrite=overwrite,
            **given(
                inputs,
                AllowedPattern="allowedPattern",
                DataType="dataType",
                Description="description",
                KeyId="keyId",
                Tier="tier",
            ),
        )

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        ssm = ctx.client("ssm")
        shown = ssm.get_parameter(Name=id, WithDecryption=True)["Parameter"]
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=id)["TagList"]
        seen: JsonObject = {
            "name": id,
            "arn": shown["ARN"],
            "type": shown["Type"],
            "version": shown["Version"],
            "dataType": shown.get("DataType", "text"),
            "tier": state.get("tier") or "Standard",
            "hasValueWo": bool(state.get("hasValueWo")),
            "tagsAll": tag_map(tags),
        }
        if state.get("insecureValue"):
            seen["insecureValue"] = shown["Value"]
        if not state.get("hasValueWo"):
            seen["value"] = shown["Value"]
        if shown["Type"] == "SecureString":
            seen["keyId"] = state.get("keyId") or "alias/aws/ssm"
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed - {"overwrite"}:
            self._put(ctx, new, overwrite=True)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        ssm = ctx.client("ssm")
        if drop:
            ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=id, TagKeys=drop)
        if put:
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("ssm").delete_parameter(Name=id)
