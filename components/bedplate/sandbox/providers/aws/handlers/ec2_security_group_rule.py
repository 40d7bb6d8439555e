"""The older kind of rule resource, which holds several sources at once (`aws:ec2/securityGroupRule`)."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum
from bedplate.sandbox.providers.aws.handlers.ec2_rules import (
    Permission,
    described,
    inline_problems,
    permissions,
    to_rules,
)
from bedplate.sandbox.providers.aws.handlers.ec2_security_group import authorize, revoke, sync_rules
from bedplate.sandbox.providers.aws.handlers.ec2_shape import checksum
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

_LISTS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}


@REGISTRY.register
class SecurityGroupRule(Ec2Handler):
    token = "aws:ec2/securityGroupRule:SecurityGroupRule"
    replace_on = REGION | {
        "type",
        "securityGroupId",
        "protocol",
        "fromPort",
        "toPort",
        "cidrBlocks",
        "ipv6CidrBlocks",
        "prefixListIds",
        "sourceSecurityGroupId",
        "self",
    }
    defaults: ClassVar = {"self": False}
    conflicts = (("self", "sourceSecurityGroupId"), ("sourceSecurityGroupId", "cidrBlocks"))
    checks: ClassVar = {"type": enum("ingress", "egress")}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if ctx.unknown & {"protocol", "fromPort", "toPort", *self._rule({})}:
            return []
        prefix = "rule[0]"
        return [
            (path.removeprefix(prefix).removeprefix(".") or "cidrBlocks", reason)
            for path, reason in inline_problems({"rule": [self._rule(inputs)]}, "rule")
        ]

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        items = self._items(inputs)
        authorize(self.client(ctx), inputs["securityGroupId"], inputs["type"], items)
        text = "|".join(
            [inputs["securityGroupId"], inputs["type"], *(str(item[:5]) for item in sorted(items))]
        )
        return f"sgrule-{checksum(text)}", {"items": items}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        groups = self.client(ctx).describe_security_groups(GroupIds=[state["securityGroupId"]])[
            "SecurityGroups"
        ]
        if not groups:
            return None
        wanted = {item[:5] for item in self._items(state)}
        found = [item for item in described(groups[0][_LISTS[state["type"]]]) if item[:5] in wanted]
        return {"items": found} if found else None

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        if set(seen["items"]) == set(self._items(state)):
            return {}
        rule = to_rules(seen["items"], state["securityGroupId"])[0]
        return {name: rule[name] for name in ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "description")}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "description" in changed:
            group = new["securityGroupId"]
            sync_rules(self.client(ctx), group, new["type"], self._items(old), self._items(new))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        seen = self._seen(ctx, id, state)
        if seen is not None:
            revoke(self.client(ctx), state["securityGroupId"], state["type"], seen["items"])

    def _rule(self, inputs: JsonObject) -> JsonObject:
        names = ("protocol", "fromPort", "toPort", "cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "self")
        rule = {name: inputs.get(name) for name in (*names, "description")}
        rule["securityGroups"] = (
            [inputs["sourceSecurityGroupId"]] if inputs.get("sourceSecurityGroupId") else []
        )
        return rule

    def _items(self, inputs: JsonObject) -> list[Permission]:
        items = permissions([self._rule(inputs)], inputs["securityGroupId"])
        if not items:
            raise CloudError("MissingParameter", "the rule has no source; give cidrBlocks or another one")
        return items
