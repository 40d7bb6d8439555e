"""What moto leaves behind and a cloud does not: put right after the call, inside the same journal entry."""

from collections.abc import Callable

from bedplate.sandbox.server.requests import CloudRequest


def _forget_associations(region: str) -> None:
    """moto 5.2.5 keeps a deleted subnet's association with its network ACL, which then cannot be deleted."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.ec2.models import ec2_backends

    backend = ec2_backends[DEFAULT_ACCOUNT_ID][region]
    known = {id for subnets in backend.subnets.values() for id in subnets}
    for acl in backend.network_acls.values():
        for name in [name for name, one in acl._associations.items() if one.subnet_id not in known]:
            del acl._associations[name]


_AFTER: dict[tuple[str, str], Callable[[str], None]] = {("ec2", "DeleteSubnet"): _forget_associations}


def repair(request: CloudRequest) -> None:
    """Called after a request that succeeded."""
    service, region = request.scope
    if service == "ec2":
        action = _AFTER.get((service, request.call))
        if action is not None:
            action(region)
