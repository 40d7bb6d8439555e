"""Karpenter on EKS: its role, the nodes' role, the interruption queue, and the controller itself."""

from dataclasses import dataclass
from typing import Self

import pulumi
from pulumi_aws import eks, iam
from pydantic import Field, InstanceOf, model_validator

from bedplate.autoscaling.karpenter_policy import KarpenterScope, controller_statements
from bedplate.autoscaling.karpenter_queue import Interruptions, interruption_queue
from bedplate.autoscaling.pod_identity import pod_role
from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import inline, role_base
from bedplate.cluster.nodes import node_role
from bedplate.core import Args
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.keys.handles import KeyHandle
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import namespace

SERVICE_ACCOUNT = "karpenter"


class KarpenterControllerArgs(Args):
    """Arguments of KarpenterController.

    Attributes:
        cluster: The cluster that it scales; on EKS.
        eks: The same cluster as AWS knows it.
        namespace: Where the controller runs, made here; "karpenter" by default.
        replicas: Controllers; one leads, the others wait. They run on nodes that Karpenter did not make.
        cpu: Cores of a controller.
        memory_gib: Memory of a controller, in GiB.
        queue_key: Encrypts the interruption queue; its policy must let events.amazonaws.com decrypt and
            generate data keys. Absent: a key of the queue's own.
        isolated: Whether the network has no way to AWS's public endpoints: prices are then those that the
            controller was built with.
        service_monitor: Whether the Prometheus operator scrapes it; needs PrometheusStack.
        node_policy_arns: IAM policies of the nodes besides those that a kubelet needs.
        permissions_boundary_arn: The boundary of every role that is made here; none by default.
        tags: On everything that takes tags.
    """

    cluster: InstanceOf[KubernetesHandle]
    eks: InstanceOf[ClusterHandle]
    namespace: K8sName = "karpenter"
    replicas: int = Field(default=2, ge=1, le=5)
    cpu: float = Field(default=1, ge=0.25, le=16)
    memory_gib: float = Field(default=1, ge=0.25, le=64)
    queue_key: InstanceOf[KeyHandle] | None = None
    isolated: bool = False
    service_monitor: bool = False
    node_policy_arns: tuple[PolicyArn, ...] = Field(default=(), max_length=8)
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _on_eks(self) -> Self:
        problems = Problems()
        if self.cluster.platform != "eks":
            problems.add(
                "cluster",
                f"{self.cluster.name!r} is on {self.cluster.platform}; allowed: eks, since this Karpenter "
                "makes EC2 machines; use ClusterAutoscaler there",
            )
        problems.raise_if_any()
        return self


@dataclass(frozen=True, kw_only=True)
class KarpenterHandle:
    """Karpenter in a cluster, as node pools see it.

    Attributes:
        cluster: The cluster.
        eks: The same cluster as AWS knows it.
        node_role_arn: The role of the nodes that it makes.
        instance_profile_name: The profile by which they get it.
        queue_arn: The interruption queue.
        after: What brings the definitions of node pools and lets nodes join.
    """

    cluster: KubernetesHandle
    eks: ClusterHandle
    node_role_arn: pulumi.Output[str]
    instance_profile_name: pulumi.Output[str]
    queue_arn: pulumi.Output[str]
    after: tuple[pulumi.Resource, ...]


class KarpenterController(pulumi.ComponentResource):
    """Karpenter's controller, and what it needs of AWS. It makes no node until there is a node pool.

    Attributes:
        handle: What node pools need of it.
    """

    handle: KarpenterHandle

    def __init__(
        self, name: str, args: KarpenterControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:KarpenterController", name, None, opts)
        tags = dict(args.tags)
        region = args.eks.network.region
        node, profile, joined = self._nodes(name, args)
        queue = interruption_queue(
            name, cluster_arn=args.eks.arn, region=region, key=args.queue_key, tags=tags, parent=self
        )
        controller, association = pod_role(
            child(name, "controller"),
            cluster=args.eks,
            namespace=args.namespace,
            service_account=SERVICE_ACCOUNT,
            description=f"Karpenter in the cluster {args.cluster.name}",
            tags=tags,
            parent=self,
            boundary=args.permissions_boundary_arn,
        )
        policy = inline(
            child(name, "controller"),
            controller,
            pulumi.Output.all(
                cluster_name=args.eks.name,
                cluster_arn=args.eks.arn,
                node_role_arn=node.arn,
                instance_profile_arn=profile.arn,
                queue_arn=queue.arn,
                queue_key_arn=queue.key_arn,
                volume_key_arn=args.eks.key.arn,
            ).apply(lambda known: controller_statements(KarpenterScope(region=region, **known))),
            parent=self,
        )
        home = namespace(
            self, child(name, "namespace"), object_name=args.namespace, after=list(args.cluster.ready)
        )
        # Metrics.
        doors = close(self, child(name, "namespace"), namespace=args.namespace, after=[home], ports=(8080,))
        # A chart of their own: helm never upgrades the definitions that another chart brings in `crds/`.
        definitions = release(
            self,
            child(name, "definitions"),
            chart_name="karpenter-crd",
            namespace=args.namespace,
            after=[home],
        )
        controllers = release(
            self,
            child(name, "chart"),
            chart_name="karpenter",
            skip_crds=True,
            namespace=args.namespace,
            values=_values(args, queue),
            # On the way down the controller goes before its rights do, so that it can end its machines.
            after=[definitions, *doors, association, policy, *joined, *queue.ready],
        )
        self.handle = KarpenterHandle(
            cluster=args.cluster,
            eks=args.eks,
            node_role_arn=node.arn,
            instance_profile_name=profile.name,
            queue_arn=queue.arn,
            after=(controllers,),
        )
        self.register_outputs({"nodeRoleArn": node.arn, "queueArn": queue.arn})

    def _nodes(
        self, name: str, args: KarpenterControllerArgs
    ) -> tuple[iam.Role, iam.InstanceProfile, list[pulumi.Resource]]:
        """The nodes' role, its profile, and what a node needs to join."""
        region = args.eks.network.region
        base = child(name, "nodes")
        node, attachments = node_role(
            role_base(base),
            region=region,
            tags=args.tags,
            parent=self,
            more_policy_arns=args.node_policy_arns,
            boundary=args.permissions_boundary_arn,
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=attachments)
        profile = iam.InstanceProfile(child(base, "profile"), role=node.name, tags=dict(args.tags), opts=opts)
        # EKS makes this entry by itself for its own node groups only.
        entry = eks.AccessEntry(
            child(base, "access"),
            cluster_name=args.eks.name,
            principal_arn=node.arn,
            type="EC2_LINUX",
            region=region,
            tags=dict(args.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return node, profile, [profile, entry]


def _values(args: KarpenterControllerArgs, queue: Interruptions) -> dict[str, object]:
    # Requests equal limits, so that the controller is not what a full node evicts first.
    size = {"cpu": str(args.cpu), "memory": f"{round(args.memory_gib * 1024)}Mi"}
    return {
        "replicas": args.replicas,
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT},
        "serviceMonitor": {"enabled": args.service_monitor},
        "controller": {"resources": {"requests": size, "limits": size}},
        "settings": {
            "clusterName": args.eks.name,
            "clusterEndpoint": args.eks.endpoint,
            "eksControlPlane": True,
            "interruptionQueue": queue.name,
            "isolatedVPC": args.isolated,
            "featureGates": {"reservedCapacity": True},
        },
    }
