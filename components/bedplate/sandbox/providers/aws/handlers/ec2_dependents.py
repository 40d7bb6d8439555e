"""What still hangs on a network object: AWS refuses to delete it then, moto mostly does not."""

from collections.abc import Iterable
from typing import Any, NoReturn

from bedplate.sandbox.providers.aws.handlers.ec2_base import filters
from bedplate.sandbox.providers.handler import CloudError


def violation(what: str, dependents: Iterable[str]) -> NoReturn:
    """AWS's DependencyViolation, with what AWS leaves unsaid: which dependents."""
    raise CloudError(
        "DependencyViolation",
        f"{what} has dependencies and cannot be deleted; first delete {', '.join(sorted(dependents))}",
    )


def live_nat_gateways(ec2: Any, **where: str) -> list[str]:
    gateways = ec2.describe_nat_gateways(Filters=filters(**where))["NatGateways"]
    return [
        gateway["NatGatewayId"] for gateway in gateways if gateway["State"] not in ("deleted", "deleting")
    ]


def live_endpoints(ec2: Any, **where: str) -> list[dict[str, Any]]:
    endpoints = ec2.describe_vpc_endpoints(Filters=filters(**where))["VpcEndpoints"]
    return [endpoint for endpoint in endpoints if endpoint["State"] not in ("deleted", "deleting")]


def refuse_vpc_in_use(ec2: Any, vpc_id: str) -> None:
    """Raises CloudError while the VPC holds anything that it was not born with."""
    of_vpc = filters(vpc_id=vpc_id)
    found = [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=of_vpc)["Subnets"]]
    attached = filters(**{"attachment.vpc-id": vpc_id})
    found += [
        gateway["InternetGatewayId"]
        for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
    ]
    found += [
        group["GroupId"]
        for group in ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
        if group["GroupName"] != "default"
    ]
    found += [
        table["RouteTableId"]
        for table in ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
        if not any(association["Main"] for association in table["Associations"])
    ]
    found += [
        acl["NetworkAclId"]
        for acl in ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"]
        if not acl["IsDefault"]
    ]
    found += [endpoint["VpcEndpointId"] for endpoint in live_endpoints(ec2, vpc_id=vpc_id)]
    found += live_nat_gateways(ec2, vpc_id=vpc_id)
    if found:
        violation(f"the vpc '{vpc_id}'", found)


def refuse_subnet_in_use(ec2: Any, subnet_id: str) -> None:
    """Raises CloudError while network interfaces use the subnet."""
    left = live_interfaces(ec2, subnet_id=subnet_id)
    if left:
        violation(f"the subnet '{subnet_id}'", left)


def live_interfaces(ec2: Any, **where: str) -> list[str]:
    """Ids of the interfaces that something still uses.

    Those of NAT gateways, endpoints and instances that are gone are removed: AWS does so, moto does not.
    """
    found = ec2.describe_network_interfaces(Filters=filters(**where))["NetworkInterfaces"]
    if not found:
        return []
    orphans = _orphans(ec2, found)
    for interface in found:
        if interface["NetworkInterfaceId"] in orphans:
            drop_interface(ec2, interface)
    return sorted({interface["NetworkInterfaceId"] for interface in found} - orphans)


def _orphans(ec2: Any, interfaces: list[dict[str, Any]]) -> set[str]:
    gone = ("deleted", "deleting", "terminated")
    orphans: set[str] = set()
    for gateway in ec2.describe_nat_gateways()["NatGateways"]:
        if gateway["State"] in gone:
            orphans |= {address["NetworkInterfaceId"] for address in gateway["NatGatewayAddresses"]}
    for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]:
        if endpoint["State"] in gone:
            orphans |= set(endpoint["NetworkInterfaceIds"])
    held = {one.get("Attachment", {}).get("InstanceId"): one["NetworkInterfaceId"] for one in interfaces}
    held.pop(None, None)
    if held:
        for reservation in ec2.describe_instances(InstanceIds=sorted(held))["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] in gone:
                    orphans.add(held[instance["InstanceId"]])
    return orphans


def drop_interface(ec2: Any, interface: dict[str, Any]) -> None:
    """Remove an interface with its association to a public address."""
    association = interface.get("Association", {}).get("AssociationId")
    if association:
        ec2.disassociate_address(AssociationId=association)
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def drop_interfaces(ec2: Any, ids: Iterable[str]) -> None:
    """Remove the interfaces of a deleted NAT gateway or endpoint; those already gone are skipped."""
    wanted = sorted(ids)
    if not wanted:
        return
    found = ec2.describe_network_interfaces(Filters=filters(network_interface_id=wanted))["NetworkInterfaces"]
    for interface in sorted(found, key=lambda one: str(one["NetworkInterfaceId"])):
        drop_interface(ec2, interface)


def refuse_group_in_use(ec2: Any, group_id: str) -> None:
    """Raises CloudError while an interface, an endpoint or another group's rule names the security group."""
    found = set(live_interfaces(ec2, group_id=group_id))
    for direction in ("ip-permission.group-id", "egress.ip-permission.group-id"):
        for group in ec2.describe_security_groups(Filters=filters(**{direction: group_id}))["SecurityGroups"]:
            if group["GroupId"] != group_id:
                found.add(group["GroupId"])
    for endpoint in live_endpoints(ec2, vpc_endpoint_type="Interface"):
        if any(group["GroupId"] == group_id for group in endpoint["Groups"]):
            found.add(endpoint["VpcEndpointId"])
    if found:
        violation(f"resource {group_id}", found)
