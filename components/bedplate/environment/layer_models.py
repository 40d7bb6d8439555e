"""What runs on a Kubernetes cluster before anybody's work does, as an environment's file says it.

The same on every cluster: what differs follows from its pools and its platform.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from bedplate.autoscaling.cluster_autoscaler import ClusterAutoscalerArgs
from bedplate.autoscaling.gateway import GatewayControllerArgs
from bedplate.autoscaling.gateway_args import InferenceGatewayArgs
from bedplate.autoscaling.karpenter import KarpenterControllerArgs
from bedplate.autoscaling.karpenter_pools import KarpenterNodePoolsArgs
from bedplate.autoscaling.keda import KedaControllerArgs
from bedplate.core import Args
from bedplate.environment.settings import plain_part
from bedplate.gpu.kubernetes.amd import AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.health import NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperatorArgs
from bedplate.kubernetes.cert_manager import CertManagerArgs
from bedplate.kubernetes.names import K8sLabel
from bedplate.monitoring.kubernetes.logs import LogShippingArgs
from bedplate.monitoring.kubernetes.prometheus import PrometheusStackArgs
from bedplate.monitoring.kubernetes.stack import TrainingMonitoringArgs
from bedplate.network.onprem_policies import DefaultDenyPoliciesArgs
from bedplate.queueing.jobset import JobSetControllerArgs
from bedplate.queueing.kueue import KueueQueuesArgs
from bedplate.queueing.priorities import TrainingPrioritiesArgs
from bedplate.queueing.trainer import KubeflowTrainerArgs

if TYPE_CHECKING:
    CertManagerSettings = CertManagerArgs
    NodeFeaturesSettings = NodeFeatureDiscoveryArgs
    NvidiaSettings = NvidiaGpuOperatorArgs
    AmdSettings = AmdGpuOperatorArgs
    ClaimsSettings = GpuResourceClaimsArgs
    HealthSettings = NodeHealthArgs
    StackSettings = PrometheusStackArgs
    AlertSettings = TrainingMonitoringArgs
    LogSettings = LogShippingArgs
    QueueSettings = KueueQueuesArgs
    PrioritySettings = TrainingPrioritiesArgs
    JobSetSettings = JobSetControllerArgs
    TrainerSettings = KubeflowTrainerArgs
    KarpenterSettings = KarpenterControllerArgs
    KarpenterPoolSettings = KarpenterNodePoolsArgs
    AutoscalerSettings = ClusterAutoscalerArgs
    KedaSettings = KedaControllerArgs
    GatewaySettings = GatewayControllerArgs
    InferenceGatewaySettings = InferenceGatewayArgs
    PolicySettings = DefaultDenyPoliciesArgs
else:
    # The cluster and what other parts hand on is wiring; tags and boundaries stand at the top.
    CertManagerSettings = plain_part(CertManagerArgs, without=("after",))
    NodeFeaturesSettings = plain_part(NodeFeatureDiscoveryArgs, without=("cluster",))
    NvidiaSettings = plain_part(NvidiaGpuOperatorArgs, without=("cluster", "features"))
    AmdSettings = plain_part(AmdGpuOperatorArgs, without=("cluster", "features", "cert_manager"))
    ClaimsSettings = plain_part(GpuResourceClaimsArgs, without=("cluster", "layer"))
    HealthSettings = plain_part(NodeHealthArgs, without=("cluster", "layer", "cert_manager"))
    StackSettings = plain_part(PrometheusStackArgs, without=("cluster",))
    AlertSettings = plain_part(TrainingMonitoringArgs, without=("stack", "cluster", "operator"))
    LogSettings = plain_part(LogShippingArgs, without=("cluster", "monitoring", "archive", "role_arn"))
    QueueSettings = plain_part(KueueQueuesArgs, without=("cluster", "after"))
    PrioritySettings = plain_part(TrainingPrioritiesArgs, without=("queues",))
    JobSetSettings = plain_part(JobSetControllerArgs, without=("after",))
    TrainerSettings = plain_part(KubeflowTrainerArgs, without=("cluster", "jobset", "queues", "after"))
    KarpenterSettings = plain_part(
        KarpenterControllerArgs, without=("cluster", "eks", "queue_key", "permissions_boundary_arn", "tags")
    )
    KarpenterPoolSettings = plain_part(KarpenterNodePoolsArgs, without=("karpenter", "tags"))
    AutoscalerSettings = plain_part(
        ClusterAutoscalerArgs,
        without=("cluster", "eks", "karpenter_pools", "permissions_boundary_arn", "tags"),
    )
    KedaSettings = plain_part(
        KedaControllerArgs, without=("cluster", "eks", "permissions_boundary_arn", "tags")
    )
    GatewaySettings = plain_part(GatewayControllerArgs, without=("cluster", "cert_manager"))
    InferenceGatewaySettings = plain_part(InferenceGatewayArgs, without=("gateway",))
    PolicySettings = plain_part(DefaultDenyPoliciesArgs, without=())


class GpuLayerSettings(Args):
    """Drivers and devices.

    Attributes:
        features: Node Feature Discovery with Bedplate's rules; absent: the GPU operator's own.
        nvidia: NVIDIA's operator, for the pools with its GPUs; absent: none.
        amd: AMD's operator; absent: none. Needs features and cert_manager.
        health: Who watches the GPUs and what is done with a broken one; absent: nobody.
        claims: GPUs by resource claims (DRA); absent: none.
    """

    features: NodeFeaturesSettings | None = None
    nvidia: NvidiaSettings | None = None
    amd: AmdSettings | None = None
    health: HealthSettings | None = None
    claims: ClaimsSettings | None = None


class MonitoringSettings(Args):
    """Who sees what happens.

    Attributes:
        stack: Prometheus, Alertmanager and Grafana; absent: none.
        alerts: Bedplate's alerts and dashboards, with who is told; absent: none. Which
            groups there are follows from the cluster unless they are named.
        logs: What becomes of the logs of pods and nodes; absent: they stay where they are.
        log_archive: The bucket of the environment that logs are kept in; none by default.
    """

    stack: StackSettings | None = None
    alerts: AlertSettings | None = None
    logs: LogSettings | None = None
    log_archive: str | None = None


class QueueingSettings(Args):
    """Whose turn it is.

    Attributes:
        queues: Kueue with a queue for each team; absent: none.
        priorities: Classes of priority; absent: none.
        jobset: JobSet, which the trainer needs; absent: none.
        trainer: Kubeflow Trainer with runtimes for the pools; absent: none.
    """

    queues: QueueSettings | None = None
    priorities: PrioritySettings | None = None
    jobset: JobSetSettings | None = None
    trainer: TrainerSettings | None = None


class ScalingSettings(Args):
    """How many nodes and replicas there are.

    Attributes:
        cluster_autoscaler: For the node groups (EKS) or machine deployments (Cluster API); absent: none.
        karpenter: Karpenter's controller, on EKS only; absent: none.
        karpenter_pools: What Karpenter may start; absent: nothing.
        keda: KEDA, for inference that follows its load; absent: none.
    """

    cluster_autoscaler: AutoscalerSettings | None = None
    karpenter: KarpenterSettings | None = None
    karpenter_pools: KarpenterPoolSettings | None = None
    keda: KedaSettings | None = None


class ServingSettings(Args):
    """How models are reached.

    Attributes:
        gateway: The Gateway API's controller; absent: none.
        gateways: Gateways with their routes, by a name of your choice.
    """

    gateway: GatewaySettings | None = None
    gateways: dict[K8sLabel, InferenceGatewaySettings] = Field(default_factory=dict)


class KubernetesLayerSettings(Args):
    """The Kubernetes layer. What is absent is not made.

    Attributes:
        cert_manager: What makes certificates for webhooks and gateways.
        policies: Namespaces in which nothing may speak to anything that is not named.
        gpu: Drivers and devices.
        monitoring: Who sees what happens.
        queueing: Whose turn it is.
        scaling: How many nodes and replicas there are.
        serving: How models are reached.
    """

    cert_manager: CertManagerSettings | None = None
    policies: PolicySettings | None = None
    gpu: GpuLayerSettings = GpuLayerSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    queueing: QueueingSettings = QueueingSettings()
    scaling: ScalingSettings = ScalingSettings()
    serving: ServingSettings = ServingSettings()
