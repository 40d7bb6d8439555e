"""Network interfaces of their own."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_map
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


@REGISTRY.register
class NetworkInterface(Ec2Handler):
    token = "aws:ec2/networkInterface:NetworkInterface"
    tag_type = "network-interface"
    arn_type = "network-interface"
    describe = ("describe_network_interfaces", "NetworkInterfaceIds", "NetworkInterfaces")
    replace_on = REGION | {"subnetId", "interfaceType", "privateIp", "privateIps", "privateIpsCount"}
    unordered = frozenset({"privateIps", "securityGroups"})
    defaults: ClassVar = {"sourceDestCheck": True}
    references = (Reference("securityGroups[]", "ec2:security-group"),)
    checks: ClassVar = {"interfaceType": enum("interface", "efa", "efa-only", "branch", "trunk")}
    shows: ClassVar = {
        "subnetId": "SubnetId",
        "description": "Description",
        "macAddress": "MacAddress",
        "ownerId": "OwnerId",
        "privateIp": "PrivateIpAddress",
        "sourceDestCheck": "SourceDestCheck",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if inputs.get("attachments"):
            return [
                ("attachments", "the sandbox attaches no interfaces; leave it out, a real account takes it")
            ]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        addresses = inputs.get("privateIps") or []
        first = inputs.get("privateIp") or (addresses[0] if addresses else None)
        call = given(inputs, "subnetId", "description", "interfaceType", Groups="securityGroups")
        if addresses:
            call["PrivateIpAddresses"] = [
                {"PrivateIpAddress": one, "Primary": one == first} for one in addresses
            ]
        elif first:
            call["PrivateIpAddress"] = first
        if inputs.get("privateIpsCount"):
            call["SecondaryPrivateIpAddressCount"] = inputs["privateIpsCount"]
        interface = ec2.create_network_interface(**call, **self.tagging(ctx, inputs))["NetworkInterface"]
        id = interface["NetworkInterfaceId"]
        if not inputs.get("sourceDestCheck", True):
            ec2.modify_network_interface_attribute(NetworkInterfaceId=id, SourceDestCheck={"Value": False})
            interface["SourceDestCheck"] = False
        return id, interface

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        addresses = [one["PrivateIpAddress"] for one in seen["PrivateIpAddresses"]]
        return {
            "privateIps": addresses,
            "privateIpsCount": state.get("privateIpsCount", len(addresses) - 1),
            "securityGroups": sorted(group["GroupId"] for group in seen["Groups"]),
            # moto makes each one a plain interface.
            "interfaceType": state.get("interfaceType", seen.get("InterfaceType", "interface")),
            "privateDnsName": seen.get("PrivateDnsName", ""),
            "outpostArn": "",
            "attachments": [],
        }

    def tags_of(self, seen: JsonObject) -> dict[str, str] | None:
        return tag_map(seen["TagSet"]) if "TagSet" in seen else None

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        # One attribute a call is what the API takes.
        calls: dict[str, tuple[str, Any]] = {
            "description": ("Description", {"Value": new.get("description", "")}),
            "sourceDestCheck": ("SourceDestCheck", {"Value": bool(new.get("sourceDestCheck", True))}),
            "securityGroups": ("Groups", new.get("securityGroups") or []),
        }
        for name, (parameter, value) in calls.items():
            if name in changed:
                self.client(ctx).modify_network_interface_attribute(
                    NetworkInterfaceId=id, **{parameter: value}
                )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        interface = self.look(ctx, id, state)
        holder = ((interface or {}).get("Attachment") or {}).get("InstanceId")
        if holder:
            raise CloudError(
                "InvalidParameterValue",
                f"Network interface '{id}' is currently in use by {holder}; terminate or detach that first",
            )
        self.client(ctx).delete_network_interface(NetworkInterfaceId=id)
