"""Network ACLs: their own, a VPC's default one, and single rules."""

from collections.abc import Mapping
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import between, cidr, enum
from bedplate.sandbox.providers.aws.handlers.ec2_shape import checksum, differences
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

# The rule at the end of every ACL, which nobody can remove.
_LAST = 32767
_NUMBERS = {"all": "-1", "tcp": "6", "udp": "17", "icmp": "1"}


def protocol_number(value: Any) -> str:
    text = str(value).lower()
    return _NUMBERS.get(text, text)


def _entry(rule: Mapping[str, Any], egress: bool, number: str, action: str) -> JsonObject:
    """CreateNetworkAclEntry's parameters; inline rules and rule resources name two of them differently."""
    protocol = protocol_number(rule["protocol"])
    call: JsonObject = {
        "RuleNumber": int(rule[number]),
        "Protocol": protocol,
        "RuleAction": rule[action],
        "Egress": egress,
    }
    if rule.get("cidrBlock"):
        call["CidrBlock"] = rule["cidrBlock"]
    if rule.get("ipv6CidrBlock"):
        call["Ipv6CidrBlock"] = rule["ipv6CidrBlock"]
    if protocol in ("6", "17"):
        call["PortRange"] = {"From": int(rule.get("fromPort") or 0), "To": int(rule.get("toPort") or 0)}
    if protocol in ("1", "58"):
        call["IcmpTypeCode"] = {
            "Type": int(rule.get("icmpType") or 0),
            "Code": int(rule.get("icmpCode") or 0),
        }
    return call


def _same_entry(call: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    # moto shows no ICMP type.
    names = ("RuleNumber", "Protocol", "RuleAction", "Egress", "CidrBlock", "Ipv6CidrBlock", "PortRange")
    return all(call.get(name) == seen.get(name) for name in names)


def _inline(entry: Mapping[str, Any]) -> JsonObject:
    ports = entry.get("PortRange") or {}
    return {
        "ruleNo": entry["RuleNumber"],
        "protocol": entry["Protocol"],
        "action": entry["RuleAction"],
        "cidrBlock": entry.get("CidrBlock", ""),
        "ipv6CidrBlock": entry.get("Ipv6CidrBlock", ""),
        "fromPort": ports.get("From", 0),
        "toPort": ports.get("To", 0),
        "icmpType": 0,
        "icmpCode": 0,
    }


def _entries(acl: Mapping[str, Any], egress: bool) -> list[JsonObject]:
    return [
        dict(entry) for entry in acl["Entries"] if entry["Egress"] == egress and entry["RuleNumber"] != _LAST
    ]


class _Acl(Ec2Handler):
    tag_type = "network-acl"
    arn_type = "network-acl"
    describe = ("describe_network_acls", "NetworkAclIds", "NetworkAcls")
    unordered = frozenset({"ingress", "egress", "subnetIds"})
    checks: ClassVar = {
        f"{direction}[].{name}": check
        for direction in ("ingress", "egress")
        for name, check in (
            ("cidrBlock", cidr(4)),
            ("ipv6CidrBlock", cidr(6)),
            ("ruleNo", between(1, _LAST - 1)),
            ("action", enum("allow", "deny")),
        )
    }
    shows: ClassVar = {"vpcId": "VpcId", "ownerId": "OwnerId"}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown: JsonObject = {}
        for name, egress in (("ingress", False), ("egress", True)):
            mine, now = state.get(name), _entries(seen, egress)
            if mine is None:
                # Rules of their own resources are no part of the ACL's: shown, they would be drift.
                shown[name] = None
                continue
            calls = [_entry(rule, egress, "ruleNo", "action") for rule in mine]
            same = len(calls) == len(now) and all(
                any(_same_entry(call, one) for one in now) for call in calls
            )
            shown[name] = mine if same else [_inline(entry) for entry in now]
        subnets = sorted(one["SubnetId"] for one in seen["Associations"])
        shown["subnetIds"] = subnets if state.get("subnetIds") is not None else None
        return shown

    def sync(self, ctx: Context, acl: JsonObject, inputs: JsonObject) -> None:
        """Bring the entries to those in the inputs; a rule that changed is replaced under its number."""
        ec2, id = self.client(ctx), acl["NetworkAclId"]
        for name, egress in (("ingress", False), ("egress", True)):
            if inputs.get(name) is None:
                continue
            wanted = [_entry(rule, egress, "ruleNo", "action") for rule in inputs[name]]
            for entry in _entries(acl, egress):
                if not any(_same_entry(call, entry) for call in wanted):
                    ec2.delete_network_acl_entry(
                        NetworkAclId=id, RuleNumber=entry["RuleNumber"], Egress=egress
                    )
            for call in wanted:
                if not any(_same_entry(call, entry) for entry in _entries(acl, egress)):
                    ec2.create_network_acl_entry(NetworkAclId=id, **call)

    def move_subnets(self, ctx: Context, acl_id: str, subnet_ids: list[str]) -> None:
        ec2 = self.client(ctx)
        for subnet_id in subnet_ids:
            of_subnet = filters(**{"association.subnet-id": subnet_id})
            for acl in ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]:
                for association in acl["Associations"]:
                    if association["SubnetId"] == subnet_id and acl["NetworkAclId"] != acl_id:
                        ec2.replace_network_acl_association(
                            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl_id
                        )

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed & {"ingress", "egress"}:
            acl = self.look(ctx, id, new)
            assert acl is not None, id
            self.sync(ctx, acl, new)
        if "subnetIds" in changed:
            add, remove = differences(old.get("subnetIds"), new.get("subnetIds"))
            self.move_subnets(ctx, id, add)
            if remove:
                self.move_subnets(ctx, self.default_of(ctx, new["vpcId"]), remove)

    def default_of(self, ctx: Context, vpc_id: str) -> str:
        wanted = [*filters(vpc_id=vpc_id), *filters(default="true")]
        return str(self.client(ctx).describe_network_acls(Filters=wanted)["NetworkAcls"][0]["NetworkAclId"])


@REGISTRY.register
class NetworkAcl(_Acl):
    token = "aws:ec2/networkAcl:NetworkAcl"
    replace_on = REGION | {"vpcId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        acl = ec2.create_network_acl(VpcId=inputs["vpcId"], **self.tagging(ctx, inputs))["NetworkAcl"]
        self.sync(ctx, acl, inputs)
        self.move_subnets(ctx, acl["NetworkAclId"], inputs.get("subnetIds") or [])
        return acl["NetworkAclId"], self.look(ctx, acl["NetworkAclId"], inputs) or acl

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        acl = self.look(ctx, id, state)
        if acl is None:
            return
        self.move_subnets(
            ctx, self.default_of(ctx, acl["VpcId"]), [one["SubnetId"] for one in acl["Associations"]]
        )
        ec2.delete_network_acl(NetworkAclId=id)


@REGISTRY.register
class DefaultNetworkAcl(_Acl):
    """Adopts a VPC's default ACL and empties it of rules not given; a delete leaves the ACL."""

    token = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
    replace_on = REGION | {"defaultNetworkAclId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        id = inputs["defaultNetworkAclId"]
        acl = self.look(ctx, id, inputs)
        if acl is None:
            raise CloudError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{id}' does not exist")
        self.sync(ctx, acl, {"ingress": [], "egress": [], **inputs})
        self.move_subnets(ctx, id, inputs.get("subnetIds") or [])
        self.retag(ctx, id, ctx.tags(inputs), ())
        return id, self.look(ctx, id, inputs) or acl

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown = super().shown(ctx, seen, {"ingress": [], "egress": [], **state})
        return {**shown, "defaultNetworkAclId": seen["NetworkAclId"]}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        """The ACL goes with its VPC."""


@REGISTRY.register
class NetworkAclRule(Ec2Handler):
    token = "aws:ec2/networkAclRule:NetworkAclRule"
    replace_on = REGION | {
        "networkAclId",
        "ruleNumber",
        "egress",
        "protocol",
        "ruleAction",
        "cidrBlock",
        "ipv6CidrBlock",
        "fromPort",
        "toPort",
        "icmpType",
        "icmpCode",
    }
    delete_before_replace = True
    defaults: ClassVar = {"egress": False}
    one_of = (("cidrBlock", "ipv6CidrBlock"),)
    checks: ClassVar = {
        "cidrBlock": cidr(4),
        "ipv6CidrBlock": cidr(6),
        "ruleAction": enum("allow", "deny"),
        "ruleNumber": between(1, _LAST - 1),
    }

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        acl, egress = inputs["networkAclId"], bool(inputs.get("egress"))
        call = _entry(inputs, egress, "ruleNumber", "ruleAction")
        self.client(ctx).create_network_acl_entry(NetworkAclId=acl, **call)
        text = f"{acl}-{call['RuleNumber']}-{str(egress).lower()}-{call['Protocol']}-"
        return f"nacl-{checksum(text)}", call

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        acls = self.client(ctx).describe_network_acls(NetworkAclIds=[state["networkAclId"]])["NetworkAcls"]
        for entry in acls[0]["Entries"] if acls else ():
            if entry["RuleNumber"] == state["ruleNumber"] and entry["Egress"] == bool(state.get("egress")):
                return dict(entry)
        return None

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        if _same_entry(_entry(state, bool(state.get("egress")), "ruleNumber", "ruleAction"), seen):
            return {}
        now = _inline(seen)
        return {
            "ruleAction": now["action"],
            **{name: now[name] for name in ("protocol", "cidrBlock", "ipv6CidrBlock", "fromPort", "toPort")},
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if self.look(ctx, id, state) is None:
            return
        self.client(ctx).delete_network_acl_entry(
            NetworkAclId=state["networkAclId"],
            RuleNumber=state["ruleNumber"],
            Egress=bool(state.get("egress")),
        )
