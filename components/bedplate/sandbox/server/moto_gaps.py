"""What AWS forgets along with a resource and moto 5.2 keeps: put right after the request that deleted it."""

from bedplate.sandbox.server.requests import CloudRequest, CloudResponse


def put_right(account_id: str, request: CloudRequest, response: CloudResponse) -> None:
    """Called after each request; a replay of the journal comes through here as well."""
    service, region = request.scope
    if service == "ec2" and response.status < 300 and request.call in ("DeleteSubnet", "DeleteVpc"):
        _forget_network_acls(account_id, region)


def _forget_network_acls(account_id: str, region: str) -> None:
    """A subnet's association with its network ACL ends with the subnet, a VPC's ACLs with the VPC.

    moto keeps both, and then refuses to delete an ACL because of subnets that are gone.
    """
    from moto.ec2.models import ec2_backends

    backend = ec2_backends[account_id][region]
    subnets = {subnet for of_zone in backend.subnets.values() for subnet in of_zone}
    for acl in list(backend.network_acls.values()):
        if acl.vpc_id not in backend.vpcs:
            del backend.network_acls[acl.id]
            continue
        gone = [key for key, held in acl._associations.items() if held.subnet_id not in subnets]
        for key in gone:
            del acl._associations[key]
