"""Roles for EKS: who may take one, and which of AWS's own policies it has."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import iam

from bedplate.core.arns import partition
from bedplate.core.naming import IAM_ROLE, child

# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html (2026-11-24)
POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if partition(region) == "aws-cn" else "amazonaws.com"


def service_trust(service: str, *, region: str, actions: Sequence[str] = ("sts:AssumeRole",)) -> str:
    """A trust policy for one AWS service, as JSON. EC2 alone has another name in China."""
    if service == "ec2.amazonaws.com":
        service = f"ec2.{_suffix(region)}"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}],
        }
    )


def pod_trust(region: str) -> str:
    """The trust policy of a role that pods take by EKS Pod Identity."""
    return service_trust(POD_IDENTITY_SERVICE, region=region, actions=("sts:AssumeRole", "sts:TagSession"))


def role_base(name: str) -> str:
    """The name itself, or its beginning and a digest where the role made of it would be too long for IAM."""
    room = IAM_ROLE.room_for("-0123456") - len("-role")
    if len(name) <= room:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: room - len(digest) - 1].rstrip('-')}-{digest}"


def role(
    name: str,
    *,
    trust: str,
    description: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> iam.Role:
    """The role `<name>-role`. Raises ValueError where its name would be longer than IAM allows."""
    logical = child(name, "role")
    room = IAM_ROLE.room_for("-0123456")
    if len(logical) > room:
        raise ValueError(
            f"the role {logical!r} has {len(logical)} characters; allowed: {room} (64 in IAM, less the "
            "suffix that "
            "Pulumi adds); shorten the component's name"
        )
    return iam.Role(
        logical,
        assume_role_policy=trust,
        description=description,
        permissions_boundary=boundary,
        tags=dict(tags),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def attach(
    name: str, to: iam.Role, policies: Sequence[str], *, region: str, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Attaches policies that AWS manages, each named by its path below `policy/`."""
    return [
        iam.RolePolicyAttachment(
            child(name, policy.rsplit("/", 1)[-1].replace("_", "-").lower()),
            role=to.name,
            policy_arn=f"arn:{partition(region)}:iam::aws:policy/{policy}",
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for policy in policies
    ]


def attach_arns(
    name: str, to: iam.Role, policy_arns: Sequence[str], *, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Attaches policies by their ARNs, whose last parts must differ: resources are named after them."""
    return [
        iam.RolePolicyAttachment(
            child(name, f"{arn.rsplit('/', 1)[-1]}-own"),
            role=to.name,
            policy_arn=arn,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for arn in policy_arns
    ]


def inline(
    name: str,
    to: iam.Role,
    statements: pulumi.Input[Sequence[Mapping[str, object]]],
    *,
    parent: pulumi.Resource,
) -> iam.RolePolicy:
    """A policy of the role's own, for what names one resource."""
    document = pulumi.Output.from_input(statements).apply(
        lambda known: json.dumps({"Version": "2012-10-17", "Statement": known})
    )
    return iam.RolePolicy(
        child(name, "policy"), role=to.id, policy=document, opts=pulumi.ResourceOptions(parent=parent)
    )
