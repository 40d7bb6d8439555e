"""VPC endpoints: gateways in route tables, interfaces in subnets."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, same_json
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum, json_document
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import drop_interfaces
from bedplate.sandbox.providers.aws.handlers.ec2_shape import checksum, differences, given
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

# Input -> name within ModifyVpcEndpoint's Add... and Remove... parameters.
_MEMBERS = {
    "routeTableIds": "RouteTableIds",
    "subnetIds": "SubnetIds",
    "securityGroupIds": "SecurityGroupIds",
}
# VPC user guide, "Gateway endpoints" (from memory).
_GATEWAY_SERVICES = ("s3", "dynamodb", "s3express")


def _kind(inputs: JsonObject) -> str:
    return str(inputs.get("vpcEndpointType") or "Gateway")


@REGISTRY.register
class VpcEndpoint(Ec2Handler):
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    tag_type = "vpc-endpoint"
    arn_type = "vpc-endpoint"
    describe = ("describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints")
    replace_on = REGION | {
        "vpcId",
        "serviceName",
        "vpcEndpointType",
        "serviceRegion",
        "resourceConfigurationArn",
        "serviceNetworkArn",
        # moto changes neither of these in place.
        "privateDnsEnabled",
    }
    # Two interface endpoints of one service cannot both have the private name.
    delete_before_replace = True
    defaults: ClassVar = {"vpcEndpointType": "Gateway"}
    unordered = frozenset({"routeTableIds", "subnetIds", "securityGroupIds"})
    json_documents = frozenset({"policy"})
    references = (
        # The others are looked up by moto itself.
        Reference("securityGroupIds[]", "ec2:security-group"),
    )
    checks: ClassVar = {
        "vpcEndpointType": enum("Gateway", "Interface", "GatewayLoadBalancer"),
        "ipAddressType": enum("ipv4", "dualstack", "ipv6"),
        "policy": json_document,
    }
    shows: ClassVar = {
        "vpcId": "VpcId",
        "serviceName": "ServiceName",
        "state": "State",
        "ownerId": "OwnerId",
        "routeTableIds": "RouteTableIds",
        "subnetIds": "SubnetIds",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = []
        gateway = _kind(inputs) == "Gateway"
        wrong = ("subnetIds", "securityGroupIds", "privateDnsEnabled") if gateway else ("routeTableIds",)
        for name in wrong:
            if inputs.get(name):
                problems.append(
                    (name, f"has no meaning for an endpoint of type {_kind(inputs)}; leave it out")
                )
        service = inputs.get("serviceName")
        if service and str(service).startswith("com.amazonaws."):
            region, _, name = str(service).removeprefix("com.amazonaws.").partition(".")
            wanted_region = inputs.get("serviceRegion") or ctx.region
            if region != wanted_region:
                problems.append(
                    (
                        "serviceName",
                        f"{service!r} is not in {wanted_region}; write com.amazonaws.{wanted_region}.{name}",
                    )
                )
            elif gateway and name not in _GATEWAY_SERVICES:
                allowed = ", ".join(_GATEWAY_SERVICES)
                problems.append(
                    (
                        "vpcEndpointType",
                        f"{service!r} has no gateway endpoint (only {allowed} have); use Interface",
                    )
                )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        self._require_service(ec2, inputs)
        if inputs.get("privateDnsEnabled"):
            self._require_dns(ec2, inputs)
        endpoint = ec2.create_vpc_endpoint(
            **given(inputs, "vpcId", "serviceName", "vpcEndpointType", "routeTableIds", "subnetIds"),
            **given(inputs, "securityGroupIds", "ipAddressType", PolicyDocument="policy"),
            PrivateDnsEnabled=bool(inputs.get("privateDnsEnabled")),
            **self.tagging(ctx, inputs),
        )["VpcEndpoint"]
        return endpoint["VpcEndpointId"], endpoint

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        policy = seen.get("PolicyDocument")
        groups = [group["GroupId"] for group in seen.get("Groups") or []]
        gateway = seen.get("VpcEndpointType", "Gateway") == "Gateway"
        return {
            "vpcEndpointType": seen.get("VpcEndpointType", "Gateway"),
            "policy": state["policy"] if same_json(state.get("policy"), policy) else policy,
            "securityGroupIds": groups,
            "privateDnsEnabled": False if gateway else bool(seen.get("PrivateDnsEnabled")),
            "networkInterfaceIds": sorted(seen.get("NetworkInterfaceIds") or []),
            "dnsEntries": [
                {"dnsName": entry.get("DnsName", ""), "hostedZoneId": entry.get("HostedZoneId", "")}
                for entry in seen.get("DnsEntries") or []
            ],
            "ipAddressType": state.get("ipAddressType", "" if gateway else "ipv4"),
            "requesterManaged": False,
            "serviceRegion": state.get("serviceRegion", ctx.region),
            "prefixListId": state.get("prefixListId") or (self._prefix_list(ctx, seen) if gateway else ""),
            "cidrBlocks": state.get("cidrBlocks", []),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        call: JsonObject = {}
        for name, member in _MEMBERS.items():
            if name in changed:
                add, remove = differences(old.get(name), new.get(name))
                call |= {f"Add{member}": add} if add else {}
                call |= {f"Remove{member}": remove} if remove else {}
        if "policy" in changed:
            call |= {"PolicyDocument": new["policy"]} if new.get("policy") else {"ResetPolicy": True}
        if call:
            self.client(ctx).modify_vpc_endpoint(VpcEndpointId=id, **call)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        endpoint = self._seen(ctx, id, state)
        if endpoint is None:
            return
        ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
        drop_interfaces(ec2, endpoint.get("NetworkInterfaceIds") or [])

    def _require_service(self, ec2: Any, inputs: JsonObject) -> None:
        name = inputs.get("serviceName", "")
        if not str(name).startswith("com.amazonaws."):
            return
        known = ec2.describe_vpc_endpoint_services(ServiceNames=[name])["ServiceNames"]
        if name not in known:
            raise CloudError(
                "InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist; check its name"
            )

    def _require_dns(self, ec2: Any, inputs: JsonObject) -> None:
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            answer = ec2.describe_vpc_attribute(VpcId=inputs["vpcId"], Attribute=attribute)
            if not answer[attribute[:1].upper() + attribute[1:]]["Value"]:
                raise CloudError(
                    "InvalidParameter",
                    "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
                    f"attributes set to true for {inputs['vpcId']}; set {attribute} on the VPC.",
                )

    def _prefix_list(self, ctx: Context, seen: JsonObject) -> str:
        named = filters(prefix_list_name=seen["ServiceName"])
        found = self.client(ctx).describe_prefix_lists(Filters=named)["PrefixLists"]
        return str(found[0]["PrefixListId"]) if found else ""


@REGISTRY.register
class VpcEndpointRouteTableAssociation(Ec2Handler):
    token = "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"
    replace_on = REGION | {"vpcEndpointId", "routeTableId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        endpoint, table = inputs["vpcEndpointId"], inputs["routeTableId"]
        self.client(ctx).modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
        return f"a-{endpoint}{checksum(table)}", {}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        found = self.client(ctx).describe_vpc_endpoints(VpcEndpointIds=[state["vpcEndpointId"]])[
            "VpcEndpoints"
        ]
        held = found and found[0]["State"] not in self.gone_states
        return {} if held and state["routeTableId"] in found[0]["RouteTableIds"] else None

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if self.look(ctx, id, state) is not None:
            self.client(ctx).modify_vpc_endpoint(
                VpcEndpointId=state["vpcEndpointId"], RemoveRouteTableIds=[state["routeTableId"]]
            )
