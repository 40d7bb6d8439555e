"""Route tables and their routes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import cidr
from bedplate.sandbox.providers.aws.handlers.ec2_shape import checksum, given
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

# Target input -> parameter of CreateRoute (and key of a described route).
TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "carrierGatewayId": "CarrierGatewayId",
    "localGatewayId": "LocalGatewayId",
    "coreNetworkArn": "CoreNetworkArn",
    "odbNetworkArn": "OdbNetworkArn",
}
DESTINATIONS = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
# A route written inside a route table names its destination differently.
_INLINE_DESTINATIONS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
# Of the targets, moto does not look for these.
_GATEWAY_KINDS = (Reference("natGatewayId", "ec2:nat-gateway"),)


def table_in(ec2: Any, table_id: str) -> JsonObject | None:
    found = ec2.describe_route_tables(Filters=filters(route_table_id=table_id))["RouteTables"]
    return dict(found[0]) if found else None


def destination_of(route: Mapping[str, Any]) -> JsonObject:
    """The destination of a boto3 route or route call."""
    return {key: route[key] for key in DESTINATIONS.values() if route.get(key)}


def call_of(route: Mapping[str, Any], destinations: Mapping[str, str]) -> JsonObject:
    """Parameters of CreateRoute for a route as the provider writes it."""
    return given(route, **{parameter: name for name, parameter in {**destinations, **TARGETS}.items()})


def normal(call: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """A route for comparison: a gateway endpoint is shown as a gateway."""
    pairs = {
        key: str(value) for key, value in call.items() if key in {*DESTINATIONS.values(), *TARGETS.values()}
    }
    if "VpcEndpointId" in pairs:
        pairs["GatewayId"] = pairs.pop("VpcEndpointId")
    return frozenset(pairs.items())


def own_routes(table: Mapping[str, Any]) -> list[JsonObject]:
    """Routes that someone made: neither the VPC's local ones nor those of gateway endpoints."""
    return [
        dict(route)
        for route in table["Routes"]
        if route.get("GatewayId") != "local"
        and not (str(route.get("GatewayId", "")).startswith("vpce-") and route.get("DestinationPrefixListId"))
    ]


def sync_routes(ec2: Any, table_id: str, now: list[JsonObject], wanted: list[JsonObject]) -> None:
    """Bring a table's routes to the wanted CreateRoute parameters: remove, replace, then add, in order."""
    by_destination = {str(destination_of(call)): call for call in wanted}
    present = set()
    for route in now:
        destination = destination_of(route)
        call = by_destination.get(str(destination))
        if call is None:
            ec2.delete_route(RouteTableId=table_id, **destination)
            continue
        present.add(str(destination))
        if normal(call) != normal(route):
            ec2.replace_route(RouteTableId=table_id, **call)
    for key, call in by_destination.items():
        if key not in present:
            ec2.create_route(RouteTableId=table_id, **call)


def shown_routes(state: JsonObject, table: Mapping[str, Any]) -> list[JsonObject] | None:
    """The inline routes: as they were given where they are the table's, else the table's."""
    mine = state.get("routes")
    seen = own_routes(table)
    if mine is None:
        # Routes of their own resources are no part of the table's: shown, they would be drift.
        return None
    if {normal(call_of(route, _INLINE_DESTINATIONS)) for route in mine} == {normal(route) for route in seen}:
        return list(mine)
    names = {parameter: name for name, parameter in {**_INLINE_DESTINATIONS, **TARGETS}.items()}
    return [{names[key]: value for key, value in route.items() if key in names} for route in seen]


class _Table(Ec2Handler):
    tag_type = "route-table"
    arn_type = "route-table"
    describe = ("describe_route_tables", "RouteTableIds", "RouteTables")
    unordered = frozenset({"routes", "propagatingVgws"})
    checks: ClassVar = {"routes[].cidrBlock": cidr(4), "routes[].ipv6CidrBlock": cidr(6)}
    shows: ClassVar = {"vpcId": "VpcId", "ownerId": "OwnerId"}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {"routes": shown_routes(state, seen), "propagatingVgws": state.get("propagatingVgws", [])}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "routes" in changed:
            self.sync(ctx, id, own_routes(table_in(self.client(ctx), id) or {"Routes": []}), new)

    def sync(self, ctx: Context, id: str, now: list[JsonObject], inputs: JsonObject) -> list[JsonObject]:
        wanted = [call_of(route, _INLINE_DESTINATIONS) for route in inputs.get("routes") or []]
        sync_routes(self.client(ctx), id, now, wanted)
        return wanted


@REGISTRY.register
class RouteTable(_Table):
    token = "aws:ec2/routeTable:RouteTable"
    replace_on = REGION | {"vpcId"}
    references = tuple(Reference(f"routes[].{one.path}", one.kind) for one in _GATEWAY_KINDS)

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        table = self.client(ctx).create_route_table(VpcId=inputs["vpcId"], **self.tagging(ctx, inputs))[
            "RouteTable"
        ]
        added = self.sync(ctx, table["RouteTableId"], [], inputs)
        return table["RouteTableId"], {**table, "Routes": [*table["Routes"], *added]}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        table = self.look(ctx, id, state)
        if table is None:
            return
        used = [one["SubnetId"] for one in table["Associations"] if one.get("SubnetId")]
        main = any(one["Main"] for one in table["Associations"])
        if used or main:
            what = ", ".join(used) or f"it is the main route table of {table['VpcId']}"
            raise CloudError(
                "DependencyViolation",
                f"The routeTable '{id}' has dependencies and cannot be deleted; first remove its "
                f"associations ({what})",
            )
        ec2.delete_route_table(RouteTableId=id)


@REGISTRY.register
class DefaultRouteTable(_Table):
    """Adopts a VPC's main route table and empties it of routes not given; a delete leaves the table."""

    token = "aws:ec2/defaultRouteTable:DefaultRouteTable"
    replace_on = REGION | {"defaultRouteTableId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        id = inputs["defaultRouteTableId"]
        table = table_in(self.client(ctx), id)
        if table is None:
            raise CloudError("InvalidRouteTableID.NotFound", f"The routeTable ID '{id}' does not exist")
        self.sync(ctx, id, own_routes(table), inputs)
        self.retag(ctx, id, ctx.tags(inputs), ())
        return id, self.look(ctx, id, inputs) or table

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown = super().shown(ctx, seen, {"routes": [], **state})
        return {**shown, "defaultRouteTableId": seen["RouteTableId"]}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        """The table goes with its VPC."""


@REGISTRY.register
class Route(Ec2Handler):
    token = "aws:ec2/route:Route"
    replace_on = REGION | {"routeTableId", *DESTINATIONS}
    delete_before_replace = True
    references = _GATEWAY_KINDS
    one_of = (tuple(DESTINATIONS), tuple(TARGETS))
    checks: ClassVar = {"destinationCidrBlock": cidr(4), "destinationIpv6CidrBlock": cidr(6)}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        call = call_of(inputs, DESTINATIONS)
        self.client(ctx).create_route(RouteTableId=inputs["routeTableId"], **call)
        destination = next(iter(destination_of(call).values()))
        return f"r-{inputs['routeTableId']}{checksum(destination)}", call

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        if "routeTableId" not in state:
            raise CloudError(
                "ImportNotSupported",
                "the sandbox does not import single routes; a real account does. Let the program make the "
                "route, without import",
            )
        table = table_in(self.client(ctx), state["routeTableId"])
        wanted = destination_of(call_of(state, DESTINATIONS))
        return next(
            (route for route in (table or {}).get("Routes", []) if destination_of(route) == wanted), None
        )

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown: JsonObject = {"origin": "CreateRoute", "state": "active"}
        if normal(call_of(state, DESTINATIONS)) == normal(seen):
            return shown
        return {**shown, **{name: seen.get(parameter) for name, parameter in TARGETS.items()}}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        self.client(ctx).replace_route(RouteTableId=new["routeTableId"], **call_of(new, DESTINATIONS))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        destination = destination_of(call_of(state, DESTINATIONS))
        self.client(ctx).delete_route(RouteTableId=state["routeTableId"], **destination)
