"""Requests and answers of EKS clusters, and what the sandbox makes up for one."""

import base64
import ipaddress
from typing import Any

from bedplate.sandbox.providers.aws.handlers.service_base import stable_id
from bedplate.sandbox.providers.aws.handlers.service_rules import Problem
from bedplate.sandbox.providers.handler import Context, JsonObject

_PRIVATE = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def cluster_identity(ctx: Context, name: str) -> JsonObject:
    """Endpoint, issuer and certificate; moto's change with every start, these depend on the name alone."""
    unique = stable_id(ctx.account_id, ctx.region, name).upper()
    certificate = base64.b64encode(stable_id(unique, "ca", length=64).encode()).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
    return {
        "endpoint": f"https://{unique}.gr7.{ctx.region}.eks.amazonaws.com",
        "issuer": f"https://oidc.eks.{ctx.region}.amazonaws.com/id/{unique}",
        "certificateAuthority": base64.b64encode(pem.encode()).decode(),
    }


def make_security_group(ctx: Context, name: str, vpc_id: str) -> str:
    """The group of the control plane's and the nodes' interfaces: its members reach each other."""
    ec2 = ctx.client("ec2")
    tags = {"Name": f"eks-cluster-sg-{name}", f"kubernetes.io/cluster/{name}": "owned"}
    group = ec2.create_security_group(
        GroupName=f"eks-cluster-sg-{name}-{stable_id(ctx.region, vpc_id, name, length=8)}",
        Description="EKS created security group applied to ENI of the control plane and of the nodes",
        VpcId=vpc_id,
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}
        ],
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
    )
    return str(group)


def vpc_request(vpc: JsonObject) -> JsonObject:
    """`resourcesVpcConfig` of a call."""
    return {key: value for key, value in vpc.items() if value is not None}


def logging_request(types: list[str] | None) -> JsonObject:
    """`logging` of a call: every type, on or off."""
    every = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
    on = [name for name in every if name in (types or [])]
    off = [name for name in every if name not in on]
    groups = ((on, True), (off, False))
    return {"clusterLogging": [{"types": names, "enabled": enabled} for names, enabled in groups if names]}


def enabled_logs(logging: dict[str, Any]) -> list[str]:
    """The log types that are on, sorted."""
    groups = logging.get("clusterLogging") or []
    return sorted(name for group in groups if group.get("enabled") for name in group.get("types") or [])


def network_request(asked: JsonObject | None) -> JsonObject:
    """`kubernetesNetworkConfig` of a create, if any."""
    names = ("ipFamily", "serviceIpv4Cidr")
    request = {name: asked[name] for name in names if asked.get(name)} if asked else {}
    return {"kubernetesNetworkConfig": request} if request else {}


def encryption_request(asked: JsonObject | None) -> JsonObject:
    """`encryptionConfig` of a create, if any."""
    return {"encryptionConfig": [asked]} if asked else {}


def authentication_mode(inputs: JsonObject) -> str:
    """How principals are told to the cluster; EKS's own default is the config map."""
    return str((inputs.get("accessConfig") or {}).get("authenticationMode") or "CONFIG_MAP")


def service_cidr_problems(cidr: str) -> list[Problem]:
    """What EKS refuses as the range of Kubernetes services."""
    at = "kubernetesNetworkConfig.serviceIpv4Cidr"
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        return [(at, f"{cidr!r} is no IPv4 range: {error}; write it as 172.20.0.0/16")]
    if not any(network.version == 4 and network.subnet_of(other) for other in _PRIVATE):  # type: ignore[arg-type]
        return [(at, f"{cidr} is not in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16; choose a private range")]
    if not 12 <= network.prefixlen <= 24:
        return [(at, f"/{network.prefixlen} is not between /24 and /12; choose another size")]
    return []
