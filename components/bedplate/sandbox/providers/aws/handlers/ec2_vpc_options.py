"""What a VPC is connected to and told: DHCP options and peering."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

_OPTIONS = {
    "domainName": "domain-name",
    "domainNameServers": "domain-name-servers",
    "ntpServers": "ntp-servers",
    "netbiosNameServers": "netbios-name-servers",
    "netbiosNodeType": "netbios-node-type",
}


@REGISTRY.register
class VpcDhcpOptions(Ec2Handler):
    token = "aws:ec2/vpcDhcpOptions:VpcDhcpOptions"
    tag_type = "dhcp-options"
    arn_type = "dhcp-options"
    describe = ("describe_dhcp_options", "DhcpOptionsIds", "DhcpOptions")
    replace_on = REGION | {*_OPTIONS, "ipv6AddressPreferredLeaseTime"}
    checks: ClassVar = {"netbiosNodeType": enum("1", "2", "4", "8")}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if any(inputs.get(name) or name in ctx.unknown for name in _OPTIONS):
            return []
        return [("domainName", f"no option is given; give at least one of {', '.join(_OPTIONS)}")]

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        configurations: list[JsonObject] = []
        for name, key in _OPTIONS.items():
            value = inputs.get(name)
            if value:
                values = value if isinstance(value, list) else [value]
                configurations.append({"Key": key, "Values": [str(one) for one in values]})
        options = ec2.create_dhcp_options(DhcpConfigurations=configurations)["DhcpOptions"]
        # moto forgets tags that are given at creation.
        tags = ctx.tags(inputs)
        if tags:
            ec2.create_tags(Resources=[options["DhcpOptionsId"]], Tags=tag_list(tags))
        return options["DhcpOptionsId"], {**options, "Tags": tag_list(tags)}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        now = {one["Key"]: [value["Value"] for value in one["Values"]] for one in seen["DhcpConfigurations"]}
        shown: JsonObject = {"ownerId": ctx.account_id}
        for name, key in _OPTIONS.items():
            values = now.get(key)
            shown[name] = values if name.endswith("Servers") else (values[0] if values else None)
        return shown

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).delete_dhcp_options(DhcpOptionsId=id)


@REGISTRY.register
class VpcDhcpOptionsAssociation(Ec2Handler):
    token = "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation"
    replace_on = REGION | {"vpcId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        self._associate(ctx, inputs, inputs["dhcpOptionsId"])
        return f"{inputs['dhcpOptionsId']}-{inputs['vpcId']}", {"DhcpOptionsId": inputs["dhcpOptionsId"]}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        vpcs = self.client(ctx).describe_vpcs(VpcIds=[state["vpcId"]])["Vpcs"]
        # A VPC with the default set has no association that could be removed.
        return dict(vpcs[0]) if vpcs and vpcs[0].get("DhcpOptionsId") != "default" else None

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {"dhcpOptionsId": seen["DhcpOptionsId"]}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        self._associate(ctx, new, new["dhcpOptionsId"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self._associate(ctx, state, "default")

    def _associate(self, ctx: Context, inputs: JsonObject, options: str) -> None:
        self.client(ctx).associate_dhcp_options(DhcpOptionsId=options, VpcId=inputs["vpcId"])


@REGISTRY.register
class VpcPeeringConnection(Ec2Handler):
    token = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
    tag_type = "vpc-peering-connection"
    describe = ("describe_vpc_peering_connections", "VpcPeeringConnectionIds", "VpcPeeringConnections")
    replace_on = REGION | {"vpcId", "peerVpcId", "peerOwnerId", "peerRegion"}
    shows: ClassVar = {
        "vpcId": "RequesterVpcInfo.VpcId",
        "peerVpcId": "AccepterVpcInfo.VpcId",
        "peerOwnerId": "AccepterVpcInfo.OwnerId",
        "peerRegion": "AccepterVpcInfo.Region",
        "acceptStatus": "Status.Code",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if inputs.get("autoAccept") and inputs.get("peerRegion") not in (None, ctx.region):
            return [("autoAccept", "a peering into another region is accepted there; leave autoAccept out")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        call: JsonObject = {"VpcId": inputs["vpcId"], "PeerVpcId": inputs["peerVpcId"]}
        for parameter, name in (("PeerOwnerId", "peerOwnerId"), ("PeerRegion", "peerRegion")):
            if inputs.get(name):
                call[parameter] = inputs[name]
        made = ec2.create_vpc_peering_connection(**call, **self.tagging(ctx, inputs))["VpcPeeringConnection"]
        id = made["VpcPeeringConnectionId"]
        if inputs.get("autoAccept"):
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
        self._options(ec2, id, inputs)
        return id, self.look(ctx, id, inputs) or made

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        seen = super().look(ctx, id, state)
        over = ("deleted", "deleting", "rejected", "expired", "failed")
        return None if seen is None or seen["Status"]["Code"] in over else seen

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {
            side: {
                "allowRemoteVpcDnsResolution": bool(
                    seen[info].get("PeeringOptions", {}).get("AllowDnsResolutionFromRemoteVpc")
                )
            }
            for side, info in (("accepter", "AccepterVpcInfo"), ("requester", "RequesterVpcInfo"))
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        if (
            "autoAccept" in changed
            and new.get("autoAccept")
            and old.get("acceptStatus") == "pending-acceptance"
        ):
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
        if changed & {"accepter", "requester"}:
            self._options(ec2, id, new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if self.look(ctx, id, state) is not None:
            self.client(ctx).delete_vpc_peering_connection(VpcPeeringConnectionId=id)

    def _options(self, ec2: Any, id: str, inputs: JsonObject) -> None:
        call: JsonObject = {}
        for side, parameter in (
            ("accepter", "AccepterPeeringConnectionOptions"),
            ("requester", "RequesterPeeringConnectionOptions"),
        ):
            if inputs.get(side):
                allowed = bool(inputs[side].get("allowRemoteVpcDnsResolution"))
                call[parameter] = {"AllowDnsResolutionFromRemoteVpc": allowed}
        if not call:
            return
        if not inputs.get("autoAccept"):
            raise CloudError(
                "OperationNotPermitted",
                "peering options need an accepted connection; set autoAccept, or give them on the accepter",
            )
        ec2.modify_vpc_peering_connection_options(VpcPeeringConnectionId=id, **call)
