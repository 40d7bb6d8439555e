"""What route tables are associated with.

Moving an association to another table gives it another id in EC2; the id of the resource stays the first one
here, and the association is found by what it associates.
"""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


@REGISTRY.register
class RouteTableAssociation(Ec2Handler):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    replace_on = REGION | {"subnetId", "gatewayId"}
    delete_before_replace = True
    references = (Reference("gatewayId", "ec2:internet-gateway"),)
    one_of = (("subnetId", "gatewayId"),)
    shows: ClassVar = {"routeTableId": "RouteTableId", "subnetId": "SubnetId", "gatewayId": "GatewayId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        # moto answers with an association to another table instead of a refusal.
        now = _association_of(ec2, inputs) if inputs.get("subnetId") else None
        if now is not None:
            raise CloudError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {inputs['routeTableId']} conflicts with an "
                f"existing association of {inputs['subnetId']} to {now['RouteTableId']}; remove that first.",
            )
        call = given(inputs, "routeTableId", "subnetId", "gatewayId")
        return ec2.associate_route_table(**call)["AssociationId"], call

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        ec2 = self.client(ctx)
        if state.get("subnetId") or state.get("gatewayId"):
            return _association_of(ec2, state)
        return _association_with(ec2, id)

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        now = _association_of(ec2, old)
        if now is not None:
            ec2.replace_route_table_association(
                AssociationId=now["RouteTableAssociationId"], RouteTableId=new["routeTableId"]
            )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        now = _association_of(ec2, state)
        if now is not None:
            ec2.disassociate_route_table(AssociationId=now["RouteTableAssociationId"])


def _association_of(ec2: Any, target: JsonObject) -> JsonObject | None:
    """The association of a subnet or an internet gateway as described, or None."""
    # moto keeps both kinds of target under this filter.
    wanted = target.get("subnetId") or target.get("gatewayId")
    for table in ec2.describe_route_tables(Filters=filters(**{"association.subnet-id": wanted}))[
        "RouteTables"
    ]:
        for association in table["Associations"]:
            if wanted in (association.get("SubnetId"), association.get("GatewayId")):
                return dict(association)
    return None


def _association_with(ec2: Any, id: str) -> JsonObject | None:
    of_association = filters(**{"association.route-table-association-id": id})
    for table in ec2.describe_route_tables(Filters=of_association)["RouteTables"]:
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == id:
                return dict(association)
    return None


@REGISTRY.register
class MainRouteTableAssociation(Ec2Handler):
    token = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
    replace_on = REGION | {"vpcId"}
    delete_before_replace = True
    shows: ClassVar = {"routeTableId": "RouteTableId", "originalRouteTableId": "OriginalRouteTableId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        before = _main_of(ec2, inputs["vpcId"])
        if before is None:
            raise CloudError("InvalidVpcID.NotFound", f"The vpc ID '{inputs['vpcId']}' does not exist")
        answer = ec2.replace_route_table_association(
            AssociationId=before["RouteTableAssociationId"], RouteTableId=inputs["routeTableId"]
        )
        return answer["NewAssociationId"], {
            "RouteTableId": inputs["routeTableId"],
            "OriginalRouteTableId": before["RouteTableId"],
        }

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        ec2 = self.client(ctx)
        vpc_id = state.get("vpcId")
        main = _main_of(ec2, vpc_id) if vpc_id else _association_with(ec2, id)
        if main is None or main["RouteTableId"] == state.get("originalRouteTableId"):
            return None
        return {**main, "OriginalRouteTableId": state.get("originalRouteTableId")}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        self._move(ctx, new["vpcId"], new["routeTableId"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self._move(ctx, state["vpcId"], state["originalRouteTableId"])

    def _move(self, ctx: Context, vpc_id: str, table_id: str) -> None:
        ec2 = self.client(ctx)
        main = _main_of(ec2, vpc_id)
        if main is not None and main["RouteTableId"] != table_id:
            ec2.replace_route_table_association(
                AssociationId=main["RouteTableAssociationId"], RouteTableId=table_id
            )


def _main_of(ec2: Any, vpc_id: str) -> JsonObject | None:
    of_vpc = [*filters(vpc_id=vpc_id), *filters(**{"association.main": "true"})]
    for table in ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]:
        for association in table["Associations"]:
            if association["Main"]:
                return {key: association[key] for key in ("RouteTableAssociationId", "RouteTableId")}
    return None
