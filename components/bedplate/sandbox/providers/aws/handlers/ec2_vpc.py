"""VPCs and the address blocks added to them."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, cidr, enum
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import refuse_vpc_in_use
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given, network
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

# Input -> attribute of ModifyVpcAttribute, and what a new VPC has.
_ATTRIBUTES = {
    "enableDnsSupport": ("EnableDnsSupport", True),
    "enableDnsHostnames": ("EnableDnsHostnames", False),
    "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
}


def vpc_defaults(ec2: Any, vpc_id: str) -> JsonObject:
    """Ids of what AWS makes along with a VPC: main route table, default network ACL and security group."""
    of_vpc = filters(vpc_id=vpc_id)
    tables = ec2.describe_route_tables(Filters=[*of_vpc, *filters(**{"association.main": "true"})])[
        "RouteTables"
    ]
    acls = ec2.describe_network_acls(Filters=[*of_vpc, *filters(default="true")])["NetworkAcls"]
    groups = ec2.describe_security_groups(Filters=[*of_vpc, *filters(group_name="default")])["SecurityGroups"]
    return {
        "MainRouteTableId": tables[0]["RouteTableId"] if tables else None,
        "NetworkAclId": acls[0]["NetworkAclId"] if acls else None,
        "SecurityGroupId": groups[0]["GroupId"] if groups else None,
    }


@REGISTRY.register
class Vpc(Ec2Handler):
    token = "aws:ec2/vpc:Vpc"
    tag_type = "vpc"
    arn_type = "vpc"
    describe = ("describe_vpcs", "VpcIds", "Vpcs")
    replace_on = REGION | {"cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "instanceTenancy"}
    defaults: ClassVar = {"instanceTenancy": "default", "enableDnsSupport": True}
    # VPC user guide, "VPC CIDR blocks" (from memory): /16 to /28.
    checks: ClassVar = {"cidrBlock": cidr(4, 16, 28), "instanceTenancy": enum("default", "dedicated")}
    shows: ClassVar = {
        "cidrBlock": "CidrBlock",
        "instanceTenancy": "InstanceTenancy",
        "ownerId": "OwnerId",
        "dhcpOptionsId": "DhcpOptionsId",
        "mainRouteTableId": "MainRouteTableId",
        "defaultNetworkAclId": "NetworkAclId",
        "defaultSecurityGroupId": "SecurityGroupId",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if not inputs.get("cidrBlock") and not {"cidrBlock", "ipv4IpamPoolId"} & ctx.unknown:
            why = "no pools are kept in the sandbox" if inputs.get("ipv4IpamPoolId") else "it is missing"
            return [("cidrBlock", f"an IPv4 block must be given ({why}); write one such as 10.0.0.0/16")]
        if inputs.get("enableDnsHostnames") and not inputs.get("enableDnsSupport", True):
            return [("enableDnsHostnames", "true needs DNS support; set enableDnsSupport to true")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        vpc = ec2.create_vpc(
            **given(inputs, "cidrBlock", "instanceTenancy"),
            **given(
                inputs,
                AmazonProvidedIpv6CidrBlock="assignGeneratedIpv6CidrBlock",
                Ipv6CidrBlockNetworkBorderGroup="ipv6CidrBlockNetworkBorderGroup",
            ),
            **self.tagging(ctx, inputs),
        )["Vpc"]
        self._attributes(
            ec2, vpc["VpcId"], {name: default for name, (_, default) in _ATTRIBUTES.items()}, inputs
        )
        return vpc["VpcId"], {**vpc, **vpc_defaults(ec2, vpc["VpcId"]), **_asked_attributes(inputs)}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        ec2 = self.client(ctx)
        vpc = super().look(ctx, id, state)
        if vpc is None:
            return None
        for attribute, _ in _ATTRIBUTES.values():
            answer = ec2.describe_vpc_attribute(VpcId=id, Attribute=attribute[:1].lower() + attribute[1:])
            vpc[attribute] = answer[attribute]["Value"]
        return {**vpc, **vpc_defaults(ec2, id)}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        generated = [
            block
            for block in seen.get("Ipv6CidrBlockAssociationSet") or []
            if block.get("Ipv6CidrBlockState", {}).get("State") == "associated"
        ]
        first = generated[0] if generated else {}
        return {
            **{name: bool(seen[attribute]) for name, (attribute, _) in _ATTRIBUTES.items()},
            "assignGeneratedIpv6CidrBlock": bool(generated),
            "ipv6CidrBlock": first.get("Ipv6CidrBlock", ""),
            "ipv6AssociationId": first.get("AssociationId", ""),
            "ipv6CidrBlockNetworkBorderGroup": first.get("NetworkBorderGroup", ""),
            # The main table can be changed later; the one that came with the VPC stays the default.
            "defaultRouteTableId": state.get("defaultRouteTableId") or seen["MainRouteTableId"],
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        self._attributes(ec2, id, old, new)
        if "assignGeneratedIpv6CidrBlock" in changed:
            if new.get("assignGeneratedIpv6CidrBlock"):
                ec2.associate_vpc_cidr_block(VpcId=id, AmazonProvidedIpv6CidrBlock=True)
            elif old.get("ipv6AssociationId"):
                ec2.disassociate_vpc_cidr_block(AssociationId=old["ipv6AssociationId"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        refuse_vpc_in_use(ec2, id)
        ec2.delete_vpc(VpcId=id)
        # moto keeps the default network ACL of a VPC that is gone, and does not delete one with associations.
        for acl in ec2.describe_network_acls(Filters=filters(vpc_id=id))["NetworkAcls"]:
            if not acl["Associations"]:
                ec2.delete_network_acl(NetworkAclId=acl["NetworkAclId"])

    def _attributes(self, ec2: Any, id: str, old: JsonObject, new: JsonObject) -> None:
        # One attribute a call, and DNS support first: that is all that the API takes.
        for name, (attribute, default) in _ATTRIBUTES.items():
            wanted = bool(new.get(name, default))
            if bool(old.get(name, default)) != wanted:
                ec2.modify_vpc_attribute(VpcId=id, **{attribute: {"Value": wanted}})


def _asked_attributes(inputs: JsonObject) -> JsonObject:
    return {attribute: inputs.get(name, default) for name, (attribute, default) in _ATTRIBUTES.items()}


@REGISTRY.register
class VpcIpv4CidrBlockAssociation(Ec2Handler):
    token = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
    replace_on = REGION | {"vpcId", "cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"}
    checks: ClassVar = {"cidrBlock": cidr(4, 16, 28)}
    shows: ClassVar = {"cidrBlock": "CidrBlock"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        if not inputs.get("cidrBlock"):
            raise CloudError("MissingParameter", "no IPAM pools are kept in the sandbox; give cidrBlock")
        ec2, wanted = self.client(ctx), network(inputs["cidrBlock"])
        for block in ec2.describe_vpcs(VpcIds=[inputs["vpcId"]])["Vpcs"][0]["CidrBlockAssociationSet"]:
            if block["CidrBlockState"]["State"] == "associated" and wanted.overlaps(
                network(block["CidrBlock"])
            ):
                raise CloudError(
                    "CidrConflict",
                    f"the block {wanted} overlaps {block['CidrBlock']} of {inputs['vpcId']}; choose another",
                )
        answer = ec2.associate_vpc_cidr_block(**given(inputs, "vpcId", "cidrBlock"))
        return answer["CidrBlockAssociation"]["AssociationId"], answer["CidrBlockAssociation"]

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        of_association = filters(**{"cidr-block-association.association-id": id})
        for vpc in self.client(ctx).describe_vpcs(Filters=of_association)["Vpcs"]:
            for block in vpc["CidrBlockAssociationSet"]:
                if block["AssociationId"] == id and block["CidrBlockState"]["State"] == "associated":
                    return {"VpcId": vpc["VpcId"], "CidrBlock": block["CidrBlock"]}
        return None

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).disassociate_vpc_cidr_block(AssociationId=id)
