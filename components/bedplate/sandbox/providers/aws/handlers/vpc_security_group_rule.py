"""One rule of a security group as a resource of its own (`aws:vpc/...`)."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, cidr
from bedplate.sandbox.providers.aws.handlers.ec2_rules import DESCRIPTION, port_problems, protocol_of
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.handler import Context, JsonObject

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


class _Rule(Ec2Handler):
    direction: ClassVar[str]
    tag_type = "security-group-rule"
    arn_type = "security-group-rule"
    describe = ("describe_security_group_rules", "SecurityGroupRuleIds", "SecurityGroupRules")
    # EC2 refuses to change the kind of source of a rule; moto changes an IPv4 block only.
    replace_on = REGION | {"securityGroupId", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"}
    one_of = (_SOURCES,)
    checks: ClassVar = {"cidrIpv4": cidr(4), "cidrIpv6": cidr(6), "description": DESCRIPTION}
    shows: ClassVar = {
        "securityGroupId": "GroupId",
        "securityGroupRuleId": "SecurityGroupRuleId",
        "cidrIpv4": "CidrIpv4",
        "cidrIpv6": "CidrIpv6",
        "prefixListId": "PrefixListId",
        "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if ctx.unknown & {"ipProtocol", "fromPort", "toPort"}:
            return []
        return port_problems(inputs, "", "ipProtocol")

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        rule: JsonObject = {"IpProtocol": str(inputs["ipProtocol"]), **self._ports(inputs)}
        text = {"Description": inputs["description"]} if inputs.get("description") else {}
        if inputs.get("cidrIpv4"):
            rule["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **text}]
        elif inputs.get("cidrIpv6"):
            rule["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **text}]
        elif inputs.get("prefixListId"):
            rule["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **text}]
        else:
            rule["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **text}]
        call = getattr(self.client(ctx), f"authorize_security_group_{self.direction}")
        answer = call(GroupId=inputs["securityGroupId"], IpPermissions=[rule], **self.tagging(ctx, inputs))[
            "SecurityGroupRules"
        ][0]
        return answer["SecurityGroupRuleId"], answer

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        given_protocol = state.get("ipProtocol")
        protocol = protocol_of(seen["IpProtocol"])
        same = given_protocol is not None and protocol_of(given_protocol) == protocol
        ports = protocol != "-1"
        return {
            "ipProtocol": given_protocol if same else protocol,
            "fromPort": seen.get("FromPort") if ports else state.get("fromPort"),
            "toPort": seen.get("ToPort") if ports else state.get("toPort"),
            # moto does not show the description of a rule that names a group.
            "description": seen.get("Description", state.get("description")),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if not changed:
            return
        everything = protocol_of(new["ipProtocol"]) == "-1"
        ports = {"FromPort": -1, "ToPort": -1} if everything else self._ports(new)
        rule = {
            "IpProtocol": str(new["ipProtocol"]),
            "Description": new.get("description", ""),
            **ports,
            **given(
                new, "cidrIpv4", "cidrIpv6", "prefixListId", ReferencedGroupId="referencedSecurityGroupId"
            ),
        }
        self.client(ctx).modify_security_group_rules(
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}],
        )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if self.look(ctx, id, state) is None:
            return
        call = getattr(self.client(ctx), f"revoke_security_group_{self.direction}")
        call(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[id])

    def _ports(self, inputs: JsonObject) -> JsonObject:
        if protocol_of(inputs["ipProtocol"]) == "-1":
            return {}
        return {"FromPort": inputs.get("fromPort", -1), "ToPort": inputs.get("toPort", -1)}


@REGISTRY.register
class SecurityGroupIngressRule(_Rule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


@REGISTRY.register
class SecurityGroupEgressRule(_Rule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"
