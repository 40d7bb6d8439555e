"""The add-ons of an EKS cluster, and the roles that their pods take."""

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import eks, iam

from bedplate.cluster.iam import attach, inline, pod_trust, role
from bedplate.cluster.settings import AddonArgs, AddonName
from bedplate.core.naming import child
from bedplate.keys.handles import KeyHandle

# Nodes become ready by these, so that they come before the first node group; the others need a node to run
# on.
BEFORE_NODES: tuple[AddonName, ...] = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
AFTER_NODES: tuple[AddonName, ...] = ("coredns", "eks-node-monitoring-agent", "aws-ebs-csi-driver")


def addon(
    name: str,
    addon_name: AddonName,
    args: AddonArgs,
    *,
    cluster_name: pulumi.Input[str],
    region: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
    identity: tuple[str, iam.Role] | None = None,
) -> eks.Addon:
    """Installs one add-on; `identity` is the service account of its pods and the role that they take."""
    associations = None
    if identity is not None:
        account, pod_role = identity
        associations = [eks.AddonPodIdentityAssociationArgs(service_account=account, role_arn=pod_role.arn)]
    return eks.Addon(
        child(name, addon_name),
        cluster_name=cluster_name,
        addon_name=addon_name,
        addon_version=args.version,
        configuration_values=json.dumps(args.configuration, sort_keys=True) if args.configuration else None,
        # A cluster whose default add-ons were not bootstrapped has nothing to conflict with; one that is
        # adopted does.
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update=args.resolve_conflicts_on_update,
        pod_identity_associations=associations,
        region=region,
        tags=dict(tags),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on)),
    )


def network_identity(
    name: str,
    *,
    region: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> tuple[tuple[str, iam.Role], list[pulumi.Resource]]:
    """The role of the network add-on's pods; nodes then need no right to change interfaces."""
    base = child(name, "vpc-cni")
    cni = role(
        base,
        trust=pod_trust(region),
        description="VPC CNI of an EKS cluster",
        tags=tags,
        parent=parent,
        boundary=boundary,
    )
    return ("aws-node", cni), attach(base, cni, ("AmazonEKS_CNI_Policy",), region=region, parent=parent)


def volume_identity(
    name: str,
    *,
    region: str,
    key: KeyHandle,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> tuple[tuple[str, iam.Role], list[pulumi.Resource]]:
    """The role of the EBS driver's controller; it may encrypt volumes with the cluster's key."""
    base = child(name, "ebs-csi")
    driver = role(
        base,
        trust=pod_trust(region),
        description="EBS CSI driver of an EKS cluster",
        tags=tags,
        parent=parent,
        boundary=boundary,
    )
    attachments = attach(
        base, driver, ("service-role/AmazonEBSCSIDriverPolicy",), region=region, parent=parent
    )
    # https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html, custom KMS key (2026-11-24)
    statements: pulumi.Output[Sequence[Mapping[str, object]]] = key.arn.apply(
        lambda arn: [
            {
                "Effect": "Allow",
                "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                "Resource": arn,
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
            {
                "Effect": "Allow",
                "Action": [
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                ],
                "Resource": arn,
            },
        ]
    )
    attachments.append(inline(base, driver, statements, parent=parent))
    return ("ebs-csi-controller-sa", driver), attachments
