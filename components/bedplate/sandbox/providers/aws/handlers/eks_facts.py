"""What EKS takes, as data, with checks that several of its types share."""

from typing import Any

from bedplate.cluster.versions import supported_versions
from bedplate.sandbox.providers.aws.handlers.service_base import optional
from bedplate.sandbox.providers.aws.handlers.service_policy import trusts_service
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

CLUSTER_NAME = Pattern(
    r"[0-9A-Za-z][\w-]{0,99}", "1 to 100 of letters, digits, '-' and '_', not first a sign"
)
ROLE_ARN = Pattern(r"arn:[^:]+:iam::\d{12}:role/\S+", "the ARN of an IAM role")
PRINCIPAL_ARN = Pattern(
    r"arn:[^:]+:iam::\d{12}:(role|user)/\S+",
    "the ARN of an IAM role or user (of an assumed role, arn:...:sts::..., give the role itself)",
)

# "AWS add-ons" and "community add-ons", Amazon EKS user guide (from memory). Marketplace add-ons have a '_'
# in their name (vendor_product).
ADDONS = frozenset(
    {
        "adot",
        "amazon-cloudwatch-observability",
        "amazon-sagemaker-hyperpod-taskgovernance",
        "amazon-sagemaker-hyperpod-training-operator",
        "aws-ebs-csi-driver",
        "aws-efs-csi-driver",
        "aws-fsx-csi-driver",
        "aws-guardduty-agent",
        "aws-mountpoint-s3-csi-driver",
        "aws-network-flow-monitoring-agent",
        "aws-privateca-connector-for-kubernetes",
        "aws-secrets-store-csi-driver-provider",
        "cert-manager",
        "coredns",
        "eks-node-monitoring-agent",
        "eks-pod-identity-agent",
        "external-dns",
        "fluent-bit",
        "kube-proxy",
        "kube-state-metrics",
        "metrics-server",
        "prometheus-node-exporter",
        "snapshot-controller",
        "vpc-cni",
    }
)
# "Review access policy permissions", Amazon EKS user guide (from memory).
ACCESS_POLICIES = frozenset(
    {
        "AWSBackupFullAccessPolicyForBackup",
        "AWSBackupFullAccessPolicyForRestore",
        "AmazonEKSAdminPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSAutoNodePolicy",
        "AmazonEKSBlockStorageClusterPolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSClusterInsightsPolicy",
        "AmazonEKSComputeClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSHybridPolicy",
        "AmazonEKSLoadBalancingClusterPolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingClusterPolicy",
        "AmazonEKSNetworkingPolicy",
        "AmazonEKSSecretReaderPolicy",
        "AmazonEKSViewPolicy",
    }
)
# "Create access entries", Amazon EKS user guide (from memory).
RESERVED_GROUPS = ("system:", "eks:", "aws:", "amazon:", "iam:")


def version_problem(version: str) -> str | None:
    """Why EKS would not take a Kubernetes version."""
    known = supported_versions()
    if version in known:
        return None
    return (
        f"unsupported Kubernetes version {version!r}; supported are {', '.join(known)}; choose one of these"
    )


def newest_version() -> str:
    """What a cluster without `version` gets."""
    return next(iter(supported_versions()))


def minor(version: str) -> int:
    """35 for "1.35"."""
    return int(version.split(".")[1])


def trust_problem(ctx: Context, role_arn: str, service: str) -> str | None:
    """Why a service cannot take a role: the role does not trust it. None where the role cannot be read."""
    name = role_arn.rsplit("/", 1)[-1]
    answer = optional(lambda: ctx.client("iam").get_role(RoleName=name))
    if answer is None or trusts_service(answer["Role"]["AssumeRolePolicyDocument"], service):
        return None
    return (
        f"role {role_arn} does not trust {service}; allow sts:AssumeRole to Principal "
        f"{{'Service': '{service}'}} in its assumeRolePolicy"
    )


def find_cluster(ctx: Context, name: str) -> JsonObject | None:
    """The cluster as moto has it, or None."""
    answer = optional(lambda: ctx.client("eks").describe_cluster(name=name))
    return None if answer is None else dict(answer["cluster"])


def need_cluster(ctx: Context, name: str) -> JsonObject:
    """Raises ResourceNotFoundException as EKS words it."""
    found = find_cluster(ctx, name)
    if found is None:
        raise CloudError(
            "ResourceNotFoundException",
            f"No cluster found for name: {name}. Create it first, or correct the name",
        )
    return found


def find_subnets(ctx: Context, ids: list[str]) -> list[dict[str, Any]]:
    """The subnets among `ids` that exist."""
    answer = optional(lambda: ctx.client("ec2").describe_subnets(SubnetIds=ids)) if ids else None
    return list(answer["Subnets"]) if answer else []
