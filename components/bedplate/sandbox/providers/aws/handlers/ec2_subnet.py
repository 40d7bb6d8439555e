"""Subnets."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, cidr, enum
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import refuse_subnet_in_use
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.handler import Context, JsonObject

# Input -> (parameter of ModifySubnetAttribute, where a describe shows it; empty where moto does not).
_FLAGS = {
    "mapPublicIpOnLaunch": ("MapPublicIpOnLaunch", "MapPublicIpOnLaunch"),
    "assignIpv6AddressOnCreation": ("AssignIpv6AddressOnCreation", "AssignIpv6AddressOnCreation"),
    "enableDns64": ("EnableDns64", ""),
    "enableResourceNameDnsARecordOnLaunch": (
        "EnableResourceNameDnsARecordOnLaunch",
        "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
    ),
    "enableResourceNameDnsAaaaRecordOnLaunch": ("EnableResourceNameDnsAAAARecordOnLaunch", ""),
}


@REGISTRY.register
class Subnet(Ec2Handler):
    token = "aws:ec2/subnet:Subnet"
    tag_type = "subnet"
    describe = ("describe_subnets", "SubnetIds", "Subnets")
    replace_on = REGION | {
        "vpcId",
        "cidrBlock",
        "availabilityZone",
        "availabilityZoneId",
        "ipv6Native",
        "outpostArn",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
    }
    # A new subnet with the old one's block would be refused while the old one exists.
    delete_before_replace = True
    defaults: ClassVar = {
        "assignIpv6AddressOnCreation": False,
        "enableDns64": False,
        "enableResourceNameDnsARecordOnLaunch": False,
        "enableResourceNameDnsAaaaRecordOnLaunch": False,
        "ipv6Native": False,
        "mapPublicIpOnLaunch": False,
    }
    conflicts = (("availabilityZone", "availabilityZoneId"),)
    # VPC user guide, "Subnet CIDR blocks" (from memory): /16 to /28.
    checks: ClassVar = {
        "cidrBlock": cidr(4, 16, 28),
        "ipv6CidrBlock": cidr(6, 44, 64),
        "privateDnsHostnameTypeOnLaunch": enum("ip-name", "resource-name"),
    }
    shows: ClassVar = {
        "arn": "SubnetArn",
        "vpcId": "VpcId",
        "cidrBlock": "CidrBlock",
        "availabilityZone": "AvailabilityZone",
        "availabilityZoneId": "AvailabilityZoneId",
        "ownerId": "OwnerId",
        "ipv6Native": "Ipv6Native",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = []
        zone = inputs.get("availabilityZone")
        if zone and not str(zone).startswith(ctx.region):
            known = self.client(ctx).describe_availability_zones()["AvailabilityZones"]
            names = ", ".join(one["ZoneName"] for one in known)
            problems.append(("availabilityZone", f"{zone!r} is not in {ctx.region}; choose one of {names}"))
        if not inputs.get("cidrBlock") and not inputs.get("ipv6Native") and "cidrBlock" not in ctx.unknown:
            problems.append(
                ("cidrBlock", "a subnet needs an IPv4 block; write one inside the VPC's, /16 to /28")
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        subnet = ec2.create_subnet(
            **given(inputs, "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
            **given(inputs, "ipv6CidrBlock", "ipv6Native", "outpostArn"),
            **self.tagging(ctx, inputs),
        )["Subnet"]
        id = subnet["SubnetId"]
        for name in _FLAGS:
            # moto makes the first subnet of a zone a default one, with public addresses.
            now = bool(subnet.get("MapPublicIpOnLaunch")) if name == "mapPublicIpOnLaunch" else False
            if bool(inputs.get(name)) != now:
                self._set(ec2, id, name, bool(inputs.get(name)))
        if inputs.get("privateDnsHostnameTypeOnLaunch") == "resource-name":
            self._hostnames(ec2, id, inputs)
        return id, {**subnet, "flags": {name: bool(inputs.get(name)) for name in _FLAGS}}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        flags = seen.get("flags") or self._flags(seen, state)
        blocks = seen.get("Ipv6CidrBlockAssociationSet") or []
        first = blocks[0] if blocks else {}
        return {
            **flags,
            "ipv6CidrBlock": first.get("Ipv6CidrBlock", ""),
            "ipv6CidrBlockAssociationId": first.get("AssociationId", ""),
            "privateDnsHostnameTypeOnLaunch": state.get("privateDnsHostnameTypeOnLaunch", "ip-name"),
            "outpostArn": state.get("outpostArn", ""),
            "mapCustomerOwnedIpOnLaunch": state.get("mapCustomerOwnedIpOnLaunch", False),
            "customerOwnedIpv4Pool": state.get("customerOwnedIpv4Pool", ""),
            "enableLniAtDeviceIndex": state.get("enableLniAtDeviceIndex", 0),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        if "ipv6CidrBlock" in changed:
            if old.get("ipv6CidrBlockAssociationId"):
                ec2.disassociate_subnet_cidr_block(AssociationId=old["ipv6CidrBlockAssociationId"])
            if new.get("ipv6CidrBlock"):
                ec2.associate_subnet_cidr_block(SubnetId=id, Ipv6CidrBlock=new["ipv6CidrBlock"])
        for name in _FLAGS:
            if name in changed:
                self._set(ec2, id, name, bool(new.get(name)))
        if "privateDnsHostnameTypeOnLaunch" in changed:
            self._hostnames(ec2, id, new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        refuse_subnet_in_use(ec2, id)
        ec2.delete_subnet(SubnetId=id)

    def _set(self, ec2: Any, id: str, name: str, value: bool) -> None:
        parameter = _FLAGS[name][0]
        if parameter == "EnableResourceNameDnsAAAARecordOnLaunch":
            ec2.modify_subnet_attribute(SubnetId=id, EnableResourceNameDnsAAAARecordOnLaunch={"Value": value})
        else:
            ec2.modify_subnet_attribute(SubnetId=id, **{parameter: {"Value": value}})

    def _hostnames(self, ec2: Any, id: str, inputs: JsonObject) -> None:
        kind = inputs.get("privateDnsHostnameTypeOnLaunch", "ip-name")
        ec2.modify_subnet_attribute(SubnetId=id, PrivateDnsHostnameTypeOnLaunch=kind)

    def _flags(self, seen: JsonObject, state: JsonObject) -> JsonObject:
        options = seen.get("PrivateDnsNameOptionsOnLaunch") or {}
        return {
            "mapPublicIpOnLaunch": bool(seen.get("MapPublicIpOnLaunch")),
            "assignIpv6AddressOnCreation": bool(seen.get("AssignIpv6AddressOnCreation")),
            "enableResourceNameDnsARecordOnLaunch": bool(options.get("EnableResourceNameDnsARecord")),
            # moto keeps neither of these two.
            "enableDns64": bool(state.get("enableDns64")),
            "enableResourceNameDnsAaaaRecordOnLaunch": bool(
                state.get("enableResourceNameDnsAaaaRecordOnLaunch")
            ),
        }
