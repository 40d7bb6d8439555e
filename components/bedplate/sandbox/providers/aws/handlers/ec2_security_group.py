"""Security groups with their inline rules."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Check, Problem
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import refuse_group_in_use
from bedplate.sandbox.providers.aws.handlers.ec2_rules import (
    DESCRIPTION,
    Permission,
    described,
    inline_problems,
    permissions,
    to_call,
    to_rules,
)
from bedplate.sandbox.providers.aws.handlers.ec2_shape import stable_id
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject

# Input -> (list of a described group, authorize call, revoke call)
_DIRECTIONS = {
    "ingress": ("IpPermissions", "authorize_security_group_ingress", "revoke_security_group_ingress"),
    "egress": ("IpPermissionsEgress", "authorize_security_group_egress", "revoke_security_group_egress"),
}
# What EC2 gives each new group; the provider removes it, so that a group has the rules that were written.
_BORN_WITH = [Permission("-1", -1, -1, "cidrBlocks", "0.0.0.0/0", "")]


def authorize(ec2: Any, group_id: str, direction: str, items: list[Permission]) -> None:
    if items:
        getattr(ec2, _DIRECTIONS[direction][1])(GroupId=group_id, IpPermissions=to_call(items))


def revoke(ec2: Any, group_id: str, direction: str, items: list[Permission]) -> None:
    if items:
        getattr(ec2, _DIRECTIONS[direction][2])(GroupId=group_id, IpPermissions=to_call(items))


def sync_rules(
    ec2: Any, group_id: str, direction: str, now: list[Permission], wanted: list[Permission]
) -> None:
    """Revoke what is too much, then authorize what is missing."""
    revoke(ec2, group_id, direction, [item for item in now if item not in wanted])
    authorize(ec2, group_id, direction, [item for item in wanted if item not in now])


def _name(value: Any) -> str | None:
    if len(str(value)) > 255 or str(value).startswith("sg-"):
        return (
            f"{value!r} is not a group name: at most 255 characters, not beginning with sg-; choose another"
        )
    return DESCRIPTION(value)


class _Group(Ec2Handler):
    tag_type = "security-group"
    arn_type = "security-group"
    describe = ("describe_security_groups", "GroupIds", "SecurityGroups")
    unordered = frozenset({"ingress", "egress"})
    checks: ClassVar[dict[str, Check]] = {"name": _name, "description": DESCRIPTION}
    shows: ClassVar = {
        "name": "GroupName",
        "description": "Description",
        "vpcId": "VpcId",
        "ownerId": "OwnerId",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        return inline_problems(inputs, "ingress") + inline_problems(inputs, "egress")

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        id = seen["GroupId"]
        shown: JsonObject = {"namePrefix": state.get("namePrefix", "")}
        for name, (list_name, _, _) in _DIRECTIONS.items():
            mine = state.get(name)
            now = described(seen[list_name]) if list_name in seen else None
            if mine is None:
                # Rules of their own resources are no part of the group's: shown, they would be drift.
                shown[name] = None
            elif now is None or set(permissions(mine, id)) == set(now):
                shown[name] = mine
            else:
                shown[name] = to_rules(now, id)
        return shown

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        wanted = [name for name in _DIRECTIONS if name in changed]
        if not wanted:
            return
        group = self.look(ctx, id, new) or {}
        for name in wanted:
            if new.get(name) is not None:
                now = described(group.get(_DIRECTIONS[name][0], ()))
                sync_rules(self.client(ctx), id, name, now, permissions(new[name], id))


@REGISTRY.register
class SecurityGroup(_Group):
    token = "aws:ec2/securityGroup:SecurityGroup"
    auto_name = AutoName("name", 255)
    replace_on = REGION | {"name", "namePrefix", "description", "vpcId"}
    defaults: ClassVar = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        name = (
            inputs.get("name") or f"{inputs.get('namePrefix', 'terraform-')}{stable_id(ctx.urn, length=26)}"
        )
        vpc_id = inputs.get("vpcId") or _default_vpc(ec2)
        has_ipv6 = _has_ipv6(ec2, vpc_id)
        group = ec2.create_security_group(
            GroupName=name,
            Description=inputs.get("description", "Managed by Pulumi"),
            VpcId=vpc_id,
            **self.tagging(ctx, inputs),
        )
        id = group["GroupId"]
        revoke(ec2, id, "egress", _BORN_WITH)
        if has_ipv6:
            revoke(ec2, id, "egress", [Permission("-1", -1, -1, "ipv6CidrBlocks", "::/0", "")])
        for direction in _DIRECTIONS:
            authorize(ec2, id, direction, permissions(inputs.get(direction) or (), id))
        return id, {
            "GroupId": id,
            "GroupName": name,
            "Description": inputs.get("description"),
            "VpcId": vpc_id,
            "OwnerId": ctx.account_id,
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        refuse_group_in_use(ec2, id)
        ec2.delete_security_group(GroupId=id)


def _default_vpc(ec2: Any) -> str:
    for vpc in ec2.describe_vpcs(Filters=filters(is_default="true"))["Vpcs"]:
        return str(vpc["VpcId"])
    raise CloudError("VPCIdNotSpecified", "No default VPC for this user; give vpcId")


def _has_ipv6(ec2: Any, vpc_id: str) -> bool:
    """Whether a new group gets a rule for IPv6, too. Fails for a VPC that is not there; moto takes it."""
    vpcs = ec2.describe_vpcs(Filters=filters(vpc_id=vpc_id))["Vpcs"]
    if not vpcs:
        raise CloudError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist in this region")
    return bool(vpcs[0].get("Ipv6CidrBlockAssociationSet"))


@REGISTRY.register
class DefaultSecurityGroup(_Group):
    """Adopts a VPC's default group and empties it of rules that are not given; a delete leaves the group."""

    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    replace_on = REGION | {"vpcId"}
    defaults: ClassVar = {"revokeRulesOnDelete": False}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        vpc_id = inputs.get("vpcId") or _default_vpc(ec2)
        wanted = [*filters(vpc_id=vpc_id), *filters(group_name="default")]
        groups = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
        if not groups:
            raise CloudError("InvalidGroup.NotFound", f"no default security group in '{vpc_id}'; check vpcId")
        group, id = groups[0], groups[0]["GroupId"]
        for direction, (list_name, _, _) in _DIRECTIONS.items():
            rules = permissions(inputs.get(direction) or (), id)
            sync_rules(ec2, id, direction, described(group[list_name]), rules)
        self.retag(ctx, id, ctx.tags(inputs), ())
        return id, self.look(ctx, id, inputs) or group

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        # The adopted group has no rules beyond these: one that is added by hand is drift.
        return super().shown(ctx, seen, {"ingress": [], "egress": [], **state})

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        """The group goes with its VPC."""
