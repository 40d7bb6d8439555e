"""What moto leaves behind and a cloud does not: put right after the call, inside the same journal entry."""

from collections.abc import Callable
from typing import Any

from bedplate.sandbox.server.requests import CloudRequest


def _forget_associations(backend: Any) -> None:
    """A deleted subnet's association with its network ACL, which then cannot be deleted."""
    known = {id for subnets in backend.subnets.values() for id in subnets}
    for acl in backend.network_acls.values():
        for name in [name for name, one in acl._associations.items() if one.subnet_id not in known]:
            del acl._associations[name]


def _forget_deleted(kept: dict[str, Any]) -> None:
    """EC2 goes on showing these for about an hour after their deletion, moto for ever."""
    for name in [name for name, one in kept.items() if one.state == "deleted"]:
        del kept[name]


_AFTER: dict[str, Callable[[Any], None]] = {
    "DeleteSubnet": _forget_associations,
    "DeleteVpcEndpoints": lambda backend: _forget_deleted(backend.vpc_end_points),
    "DeleteNatGateway": lambda backend: _forget_deleted(backend.nat_gateways),
}


def repair(request: CloudRequest) -> None:
    """Called after a request that succeeded."""
    service, region = request.scope
    action = _AFTER.get(request.call) if service == "ec2" else None
    if action is not None:
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.ec2.models import ec2_backends

        action(ec2_backends[DEFAULT_ACCOUNT_ID][region])
