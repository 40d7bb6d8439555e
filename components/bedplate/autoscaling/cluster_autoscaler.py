"""Cluster Autoscaler: sizes node groups of EKS, and machine deployments of Cluster API on-prem."""

from collections.abc import Mapping
from typing import Literal, Self

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.autoscaling.pod_identity import pod_role
from bedplate.catalog import image
from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import inline
from bedplate.core import Args
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import namespace

Expander = Literal["least-waste", "least-nodes", "most-pods", "priority", "random"]

SERVICE_ACCOUNT = "cluster-autoscaler"
_TAG = "k8s.io/cluster-autoscaler"


class ClusterAutoscalerArgs(Args):
    """Arguments of ClusterAutoscaler.

    Attributes:
        cluster: The cluster that it scales: on EKS, or on-prem with machines that Cluster API makes (Metal3).
        eks: The same cluster as AWS knows it; on EKS only.
        cluster_api_namespace: Where the cluster's machine deployments are; on-prem only. Those with the
            annotations cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size and -max-size are scaled.
        namespace: Where it runs, made here; "cluster-autoscaler" by default.
        karpenter_pools: Pools that Karpenter runs. Their nodes are none of this autoscaler's business: it
            knows Auto Scaling groups only, and none of these may be named in `priorities`.
        expander: Which of several groups that would do is enlarged: the one that leaves least idle by
            default.
        priorities: For the expander "priority": weight to patterns of group names; more weight goes first.
        balance_similar: Whether groups that differ in their zone only are kept at the same size.
        scale_down: Whether idle nodes are removed.
        scale_down_unneeded_minutes: How long a node must have been idle.
        scale_down_delay_after_add_minutes: How long nothing is removed after a node came.
        utilization_threshold: Share of a node's requests below which it is idle, 0 to 1.
        gpu_utilization_threshold: The same for the GPUs of a GPU node, whose CPU and memory do not count.
        max_node_provision_minutes: How long a node may take to join before another group is tried.
        max_nodes: Never more nodes in the whole cluster; no limit by default.
        replicas: Autoscalers; one leads, the others wait.
        service_monitor: Whether the Prometheus operator scrapes it; needs PrometheusStack.
        permissions_boundary_arn: The boundary of its role; none by default.
        tags: On everything that takes tags.
    """

    cluster: InstanceOf[KubernetesHandle]
    eks: InstanceOf[ClusterHandle] | None = None
    cluster_api_namespace: K8sName | None = None
    namespace: K8sName = "cluster-autoscaler"
    karpenter_pools: tuple[str, ...] = ()
    expander: Expander = "least-waste"
    priorities: dict[int, tuple[str, ...]] = Field(default_factory=dict)
    balance_similar: bool = True
    scale_down: bool = True
    scale_down_unneeded_minutes: int = Field(default=10, ge=1, le=1440)
    scale_down_delay_after_add_minutes: int = Field(default=10, ge=0, le=1440)
    utilization_threshold: float = Field(default=0.5, gt=0, le=1)
    gpu_utilization_threshold: float = Field(default=0.5, gt=0, le=1)
    # GPU machines take longer than others: drivers and images of tens of GB.
    max_node_provision_minutes: int = Field(default=20, ge=1, le=240)
    max_nodes: int | None = Field(default=None, ge=1)
    replicas: int = Field(default=2, ge=1, le=5)
    service_monitor: bool = False
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        platform = self.cluster.platform
        if platform == "gke":
            problems.add(
                "cluster",
                f"{self.cluster.name!r} is on gke, which scales its node pools by itself; allowed: eks, "
                "onprem; "
                "set the node pools' sizes instead",
            )
        if platform == "eks" and self.eks is None:
            problems.add("eks", "nothing given on eks; allowed: the handle of the EKS cluster; give it")
        if platform == "eks" and self.cluster_api_namespace is not None:
            problems.add(
                "cluster_api_namespace",
                f"{self.cluster_api_namespace!r} on eks; allowed: on-prem only; remove it",
            )
        if platform == "onprem":
            if self.eks is not None:
                problems.add("eks", "given on onprem; allowed: on eks only; remove it")
            if self.cluster_api_namespace is None:
                problems.add(
                    "cluster_api_namespace",
                    "nothing given on onprem; allowed: the namespace of the cluster's machine deployments; "
                    "give it",
                )
        if (self.expander == "priority") != bool(self.priorities):
            problems.add(
                "priorities",
                f"{self.priorities!r} with expander {self.expander!r}; allowed: given with 'priority' and "
                "with that only; change one of the two",
            )
        for weight, patterns in self.priorities.items():
            for pool in self.karpenter_pools:
                if any(pool in pattern for pattern in patterns):
                    problems.add(
                        f"priorities.{weight}",
                        f"names {pool!r}, which Karpenter runs; allowed: node groups; take it out",
                    )
        groups = [pool for pool in self.cluster.pools if pool.name not in self.karpenter_pools]
        if self.cluster.pools and not groups:
            problems.add(
                "karpenter_pools",
                f"every pool of {self.cluster.name} is Karpenter's; allowed: at least one that is not; leave "
                "this component out",
            )
        for index, name in enumerate(self.karpenter_pools):
            if name not in {pool.name for pool in self.cluster.pools}:
                problems.add(
                    f"karpenter_pools[{index}]",
                    f"{name!r} is not a pool of {self.cluster.name}; allowed: "
                    f"{', '.join(pool.name for pool in self.cluster.pools) or 'none'}; correct the name",
                )
        problems.raise_if_any()
        return self


class ClusterAutoscaler(pulumi.ComponentResource):
    """Cluster Autoscaler, with a role that reaches this cluster's Auto Scaling groups and no others.

    On EKS it finds groups by the tags that EKS gives to those of its node groups:
    k8s.io/cluster-autoscaler/enabled and k8s.io/cluster-autoscaler/<cluster>.

    Attributes:
        namespace: Where it runs.
    """

    namespace: pulumi.Output[str]

    def __init__(
        self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:ClusterAutoscaler", name, None, opts)
        after: list[pulumi.Resource] = [
            namespace(
                self, child(name, "namespace"), object_name=args.namespace, after=list(args.cluster.ready)
            )
        ]
        # Metrics.
        after += close(self, child(name, "namespace"), namespace=args.namespace, after=after, ports=(8085,))
        if args.eks is not None:
            made, association = pod_role(
                name,
                cluster=args.eks,
                namespace=args.namespace,
                service_account=SERVICE_ACCOUNT,
                description=f"Cluster Autoscaler in the cluster {args.cluster.name}",
                tags=args.tags,
                parent=self,
                boundary=args.permissions_boundary_arn,
            )
            region = args.eks.network.region
            policy = inline(
                name,
                made,
                pulumi.Output.all(args.eks.name, args.eks.arn).apply(
                    lambda known: autoscaler_statements(known[0], known[1], region)
                ),
                parent=self,
            )
            after += [association, policy]
        release(
            self,
            child(name, "chart"),
            chart_name="cluster-autoscaler",
            namespace=args.namespace,
            values={**_common_values(args), **_provider_values(args)},
            after=after,
        )
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})


def autoscaler_statements(cluster_name: str, cluster_arn: str, region: str) -> list[Mapping[str, object]]:
    """The policy of the autoscaler on AWS: it reads what there is and sizes what is tagged as this cluster's.

    kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/README.md, "Full Cluster Autoscaler Features
    Policy", with the tag condition that it recommends (from memory).
    """
    partition, account = cluster_arn.split(":")[1], cluster_arn.split(":")[4]
    return [
        {
            "Sid": "ReadGroupsAndMachines",
            "Effect": "Allow",
            # None of these knows resources.
            "Action": [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
        },
        {
            "Sid": "SizeOwnGroups",
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Resource": f"arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*",
            "Condition": {
                "StringEquals": {
                    f"aws:ResourceTag/{_TAG}/enabled": "true",
                    f"aws:ResourceTag/{_TAG}/{cluster_name}": "owned",
                }
            },
        },
        {
            # Labels and taints of a node group that has no node to look at.
            "Sid": "ReadNodeGroups",
            "Effect": "Allow",
            "Action": "eks:DescribeNodegroup",
            "Resource": f"arn:{partition}:eks:{region}:{account}:nodegroup/{cluster_name}/*",
        },
    ]


def _common_values(args: ClusterAutoscalerArgs) -> dict[str, object]:
    pin = image("cluster-autoscaler")
    extra: dict[str, object] = {
        "expander": args.expander,
        "balance-similar-node-groups": args.balance_similar,
        "scale-down-enabled": args.scale_down,
        "scale-down-unneeded-time": f"{args.scale_down_unneeded_minutes}m",
        "scale-down-delay-after-add": f"{args.scale_down_delay_after_add_minutes}m",
        "scale-down-utilization-threshold": args.utilization_threshold,
        "scale-down-gpu-utilization-threshold": args.gpu_utilization_threshold,
        "max-node-provision-time": f"{args.max_node_provision_minutes}m",
        # A node that its own daemon sets or caches keep full would never be idle.
        "ignore-daemonsets-utilization": True,
        "skip-nodes-with-local-storage": False,
        "skip-nodes-with-system-pods": True,
        "v": 2,
        # Pool labels would make all groups different.
        "balancing-ignore-label_1": "bedplate/pool",
        "balancing-ignore-label_2": "topology.ebs.csi.aws.com/zone",
    }
    if args.max_nodes is not None:
        extra["max-nodes-total"] = args.max_nodes
    # Requests equal limits, so that it is not what a full node evicts first.
    size = {"cpu": "200m", "memory": "600Mi"}
    values: dict[str, object] = {
        "fullnameOverride": SERVICE_ACCOUNT,
        "image": {"repository": pin.repository, "tag": pin.version},
        "replicaCount": args.replicas,
        "rbac": {"create": True, "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT}},
        "priorityClassName": "system-cluster-critical",
        "podDisruptionBudget": {"maxUnavailable": 1},
        "serviceMonitor": {"enabled": args.service_monitor, "namespace": args.namespace},
        "resources": {"requests": size, "limits": size},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "extraArgs": extra,
    }
    if args.priorities:
        values["expanderPriorities"] = {
            str(weight): list(patterns) for weight, patterns in sorted(args.priorities.items())
        }
    return values


def _provider_values(args: ClusterAutoscalerArgs) -> dict[str, object]:
    if args.eks is not None:
        return {
            "cloudProvider": "aws",
            "awsRegion": args.eks.network.region,
            "autoDiscovery": {
                "clusterName": args.eks.name,
                "tags": [f"{_TAG}/enabled", args.eks.name.apply(lambda known: f"{_TAG}/{known}")],
            },
        }
    return {
        "cloudProvider": "clusterapi",
        "clusterAPIMode": "incluster-incluster",
        "autoDiscovery": {
            "clusterName": args.cluster.name,
            "namespace": args.cluster_api_namespace,
        },
    }
