"""Ways out of a VPC: internet gateways, egress-only gateways, public addresses, NAT gateways."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, between, enum, resource_id
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import (
    drop_interfaces,
)
from bedplate.sandbox.providers.aws.handlers.ec2_shape import at_path, given
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


@REGISTRY.register
class InternetGateway(Ec2Handler):
    token = "aws:ec2/internetGateway:InternetGateway"
    tag_type = "internet-gateway"
    arn_type = "internet-gateway"
    describe = ("describe_internet_gateways", "InternetGatewayIds", "InternetGateways")
    replace_on = REGION
    shows: ClassVar = {"ownerId": "OwnerId", "vpcId": "Attachments.0.VpcId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        gateway = ec2.create_internet_gateway(**self.tagging(ctx, inputs))["InternetGateway"]
        if inputs.get("vpcId"):
            ec2.attach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=inputs["vpcId"])
            gateway["Attachments"] = [{"VpcId": inputs["vpcId"]}]
        return gateway["InternetGatewayId"], gateway

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "vpcId" in changed:
            self._detach(ctx, id, old.get("vpcId"))
            if new.get("vpcId"):
                self.client(ctx).attach_internet_gateway(InternetGatewayId=id, VpcId=new["vpcId"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        gateway = self.look(ctx, id, state) or {}
        self._detach(ctx, id, at_path(gateway, "Attachments.0.VpcId"))
        self.client(ctx).delete_internet_gateway(InternetGatewayId=id)

    def _detach(self, ctx: Context, id: str, vpc_id: str | None) -> None:
        if not vpc_id:
            return
        ec2 = self.client(ctx)
        public = [
            gateway["NatGatewayId"]
            for gateway in ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])[
                "NatGateways"
            ]
            if gateway["State"] not in self.gone_states
            and gateway.get("ConnectivityType", "public") == "public"
        ]
        if public:
            raise CloudError(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es), of {', '.join(sorted(public))}. "
                f"Delete these before detaching {id}.",
            )
        ec2.detach_internet_gateway(InternetGatewayId=id, VpcId=vpc_id)


@REGISTRY.register
class EgressOnlyInternetGateway(Ec2Handler):
    token = "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"
    tag_type = "egress-only-internet-gateway"
    describe = (
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGatewayIds",
        "EgressOnlyInternetGateways",
    )
    replace_on = REGION | {"vpcId"}
    shows: ClassVar = {"vpcId": "Attachments.0.VpcId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        gateway = self.client(ctx).create_egress_only_internet_gateway(
            VpcId=inputs["vpcId"], **self.tagging(ctx, inputs)
        )["EgressOnlyInternetGateway"]
        return gateway["EgressOnlyInternetGatewayId"], gateway

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=id)


@REGISTRY.register
class Eip(Ec2Handler):
    token = "aws:ec2/eip:Eip"
    tag_type = "elastic-ip"
    describe = ("describe_addresses", "AllocationIds", "Addresses")
    replace_on = REGION | {
        "address",
        "customerOwnedIpv4Pool",
        "domain",
        "ipamPoolId",
        "networkBorderGroup",
        "publicIpv4Pool",
    }
    conflicts = (("instance", "networkInterface"),)
    checks: ClassVar = {"domain": enum("vpc")}
    shows: ClassVar = {"domain": "Domain", "publicIp": "PublicIp", "allocationId": "AllocationId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        address = ec2.allocate_address(
            Domain="vpc",
            **given(inputs, "address", "publicIpv4Pool", "networkBorderGroup", "customerOwnedIpv4Pool"),
            **self.tagging(ctx, inputs),
        )
        id = address["AllocationId"]
        if inputs.get("instance") or inputs.get("networkInterface"):
            self._associate(ctx, id, inputs)
            address = self.look(ctx, id, inputs) or address
        return id, address

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        # Who uses the address is shown only where it was asked for here: a NAT gateway that takes it later
        # is no drift.
        mine = bool(state.get("instance") or state.get("networkInterface"))
        dashed = str(seen["PublicIp"]).replace(".", "-")
        return {
            "arn": f"arn:{ctx.partition}:ec2:{ctx.region}:{ctx.account_id}:elastic-ip/{seen['AllocationId']}",
            "associationId": seen.get("AssociationId", "") if mine else "",
            "instance": seen.get("InstanceId", "") if mine else "",
            "networkInterface": seen.get("NetworkInterfaceId", "") if mine else "",
            "privateIp": seen.get("PrivateIpAddress", "") if mine else "",
            "privateDns": state.get("privateDns", ""),
            "publicDns": f"ec2-{dashed}.{ctx.region}.compute.amazonaws.com",
            "ptrRecord": "",
            "publicIpv4Pool": seen.get("PublicIpv4Pool") or state.get("publicIpv4Pool") or "amazon",
            "networkBorderGroup": seen.get("NetworkBorderGroup")
            or state.get("networkBorderGroup")
            or ctx.region,
            "carrierIp": "",
            "customerOwnedIp": "",
            "customerOwnedIpv4Pool": state.get("customerOwnedIpv4Pool", ""),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed & {"instance", "networkInterface", "associateWithPrivateIp"}:
            if old.get("associationId"):
                self.client(ctx).disassociate_address(AssociationId=old["associationId"])
            if new.get("instance") or new.get("networkInterface"):
                self._associate(ctx, id, new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        address = self.look(ctx, id, state) or {}
        for gateway in ec2.describe_nat_gateways()["NatGateways"]:
            mine = any(one.get("AllocationId") == id for one in gateway["NatGatewayAddresses"])
            if mine and gateway["State"] not in self.gone_states:
                raise CloudError(
                    "AuthFailure",
                    "You do not have permission to access the specified resource: "
                    f"{address.get('PublicIp', id)} is used by {gateway['NatGatewayId']}; delete that first.",
                )
        if address.get("AssociationId"):
            ec2.disassociate_address(AssociationId=address["AssociationId"])
        ec2.release_address(AllocationId=id)

    def _associate(self, ctx: Context, id: str, inputs: JsonObject) -> None:
        self.client(ctx).associate_address(
            AllocationId=id,
            **given(
                inputs,
                InstanceId="instance",
                NetworkInterfaceId="networkInterface",
                PrivateIpAddress="associateWithPrivateIp",
            ),
        )


@REGISTRY.register
class NatGateway(Ec2Handler):
    token = "aws:ec2/natGateway:NatGateway"
    tag_type = "natgateway"
    describe = ("describe_nat_gateways", "NatGatewayIds", "NatGateways")
    replace_on = REGION | {
        "allocationId",
        "connectivityType",
        "privateIp",
        "subnetId",
        "vpcId",
        "availabilityMode",
    }
    defaults: ClassVar = {"connectivityType": "public"}
    references = (Reference("secondaryAllocationIds[]", "ec2:eip-allocation"),)
    unordered = frozenset({"secondaryAllocationIds", "secondaryPrivateIpAddresses"})
    checks: ClassVar = {
        "connectivityType": enum("public", "private"),
        "availabilityMode": enum("zonal"),
        "allocationId": resource_id("eipalloc"),
        "secondaryPrivateIpAddressCount": between(1, 31),
    }
    shows: ClassVar = {
        "subnetId": "SubnetId",
        "vpcId": "VpcId",
        "networkInterfaceId": "NatGatewayAddresses.0.NetworkInterfaceId",
        "associationId": "NatGatewayAddresses.0.AssociationId",
        "publicIp": "NatGatewayAddresses.0.PublicIp",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        public = inputs.get("connectivityType", "public") == "public"
        has_address = inputs.get("allocationId") or "allocationId" in ctx.unknown
        if "connectivityType" in ctx.unknown:
            return []
        if public and not has_address:
            return [
                ("allocationId", "a public NAT gateway needs an address; give the id of an Eip (domain vpc)")
            ]
        if not public and has_address:
            return [("allocationId", "a private NAT gateway takes no public address; leave allocationId out")]
        if not inputs.get("subnetId") and "subnetId" not in ctx.unknown:
            return [("subnetId", "a zonal NAT gateway needs a subnet; give a public subnet's id")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        address = inputs.get("allocationId")
        # moto would let two gateways share an address.
        taken = [
            gateway
            for gateway in ec2.describe_nat_gateways()["NatGateways"]
            if gateway["State"] not in self.gone_states
            and any(one.get("AllocationId") == address for one in gateway["NatGatewayAddresses"])
        ]
        if address and taken:
            raise CloudError(
                "Resource.AlreadyAssociated",
                f"resource {address} is already associated with {taken[0]['NatGatewayId']}; "
                "allocate an address for each NAT gateway.",
            )
        gateway = ec2.create_nat_gateway(
            **given(inputs, "subnetId", "allocationId", "connectivityType", PrivateIpAddress="privateIp"),
            **given(
                inputs,
                "secondaryAllocationIds",
                "secondaryPrivateIpAddresses",
                "secondaryPrivateIpAddressCount",
            ),
            **self.tagging(ctx, inputs),
        )["NatGateway"]
        return gateway["NatGatewayId"], gateway

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {
            "connectivityType": seen.get("ConnectivityType") or "public",
            "allocationId": at_path(seen, "NatGatewayAddresses.0.AllocationId"),
            # moto draws the private address itself, whatever was asked for.
            "privateIp": state.get("privateIp") or at_path(seen, "NatGatewayAddresses.0.PrivateIp"),
            "availabilityMode": state.get("availabilityMode", "zonal"),
            "secondaryAllocationIds": state.get("secondaryAllocationIds", []),
            "secondaryPrivateIpAddresses": state.get("secondaryPrivateIpAddresses", []),
            "secondaryPrivateIpAddressCount": state.get("secondaryPrivateIpAddressCount", 0),
            "availabilityZoneAddresses": [],
            "regionalNatGatewayAddresses": [],
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        gateway = self.look(ctx, id, state)
        if gateway is None or gateway["State"] in self.gone_states:
            return
        ec2.delete_nat_gateway(NatGatewayId=id)
        drop_interfaces(ec2, [one["NetworkInterfaceId"] for one in gateway["NatGatewayAddresses"]])
