"""How the parts of the Kubernetes layer are wired together, on whichever cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from bedplate.autoscaling.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.autoscaling.gateway import GatewayController, GatewayControllerArgs, GatewayHandle
from bedplate.autoscaling.gateway_args import InferenceGatewayArgs
from bedplate.autoscaling.inference_gateway import InferenceGateway
from bedplate.autoscaling.karpenter import KarpenterController, KarpenterControllerArgs, KarpenterHandle
from bedplate.autoscaling.karpenter_pools import KarpenterNodePools, KarpenterNodePoolsArgs
from bedplate.autoscaling.keda import KedaController, KedaControllerArgs
from bedplate.cluster.handles import ClusterHandle
from bedplate.environment.building import NOTHING, Build, standing_in
from bedplate.environment.layer_models import KubernetesLayerSettings
from bedplate.environment.settings import given
from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.handles import GpuLayerHandle, NodeFeaturesHandle
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.cert_manager import CertManager, CertManagerArgs, CertManagerHandle
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle, prometheus_url
from bedplate.monitoring.kubernetes.logs import LogShipping, LogShippingArgs
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.monitoring.kubernetes.stack import TrainingMonitoring, TrainingMonitoringArgs, groups_for
from bedplate.network.onprem_policies import DefaultDenyPolicies, DefaultDenyPoliciesArgs
from bedplate.queueing.handles import KueueHandle
from bedplate.queueing.jobset import JobSetController, JobSetControllerArgs, JobSetHandle
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.queueing.priorities import TrainingPriorities, TrainingPrioritiesArgs
from bedplate.queueing.trainer import KubeflowTrainer, KubeflowTrainerArgs
from bedplate.storage.handles import ObjectStoreHandle


@dataclass(frozen=True, kw_only=True)
class Aws:
    """What the layer needs of AWS, on EKS.

    Attributes:
        cluster: The cluster, as AWS knows it.
        common: Arguments of everything that makes AWS resources: tags and the boundary of roles.
    """

    cluster: ClusterHandle
    common: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What the layer hands on. Each is None where that part was not asked for, or is refused."""

    queues: KueueHandle | None = None
    monitoring: MonitoringHandle | None = None
    gateway: GatewayHandle | None = None
    gpus: tuple[GpuLayerHandle, ...] = ()
    jobset: JobSetHandle | None = None


@dataclass(frozen=True, kw_only=True)
class LayerWiring:
    """The wiring of one cluster's layer: `stack` first, then the cluster's storage, then `rest`.

    Attributes:
        build: What it is run against.
        settings: What the file says.
        cluster: The cluster.
        path: Where the layer stands in the file.
        ceph: Whether the cluster has a Ceph to watch.
        aws: What there is of AWS; None elsewhere.
    """

    build: Build
    settings: KubernetesLayerSettings
    cluster: KubernetesHandle
    path: str = "kubernetes"
    ceph: bool = False
    aws: Aws | None = None

    def rest(
        self, monitoring: MonitoringHandle | None, buckets: Mapping[str, ObjectStoreHandle] | None = None
    ) -> Layer:
        """Everything but the Prometheus stack. `buckets`: those of the environment, by name."""
        self._policies()
        gateway = self._gateway()
        certificates = self._certificates(gateway, monitoring)
        self._gateways(gateway, certificates)
        gpus = self._gpus(certificates, monitoring)
        queues = self._queues(monitoring)
        jobset = self._trainer(queues)
        self._scaling(monitoring)
        self._logs(monitoring, buckets or {})
        self._alerts(monitoring, queues)
        return Layer(queues=queues, monitoring=monitoring, gateway=gateway, gpus=gpus, jobset=jobset)

    def stack(self) -> MonitoringHandle | None:
        """Prometheus, before everything else: what others tell it needs its operator's definitions."""
        stack = self.settings.monitoring.stack
        if stack is None:
            return None
        return self.build.add(
            "monitoring",
            f"{self.path}.monitoring.stack",
            PrometheusStack,
            PrometheusStackArgs,
            {**given(stack), "cluster": self.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: MonitoringHandle(
                namespace=args.namespace,
                release=args.release_name,
                cluster=self.cluster.name,
                prometheus_url=prometheus_url(args.release_name, args.namespace),
                alertmanager_name=f"{args.release_name}-alertmanager",
                routes_name=args.alertmanager.routes_name,
            ),
            options=self._options(),
        )

    def _alerts(self, monitoring: MonitoringHandle | None, queues: KueueHandle | None) -> None:
        alerts = self.settings.monitoring.alerts
        if alerts is None:
            return
        values = given(alerts)
        if "groups" not in values:
            values["groups"] = groups_for(
                self.cluster,
                ceph=self.ceph,
                queues=queues is not None,
                logs=self.settings.monitoring.logs is not None,
            )
        self.build.add(
            "alerts",
            f"{self.path}.monitoring.alerts",
            TrainingMonitoring,
            TrainingMonitoringArgs,
            {**values, "stack": monitoring, "cluster": self.cluster.name},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self._options(),
        )

    def _logs(self, monitoring: MonitoringHandle | None, buckets: Mapping[str, ObjectStoreHandle]) -> None:
        logs, archive = self.settings.monitoring.logs, self.settings.monitoring.log_archive
        if logs is None:
            return
        self.build.add(
            "logs",
            f"{self.path}.monitoring.logs",
            LogShipping,
            LogShippingArgs,
            {
                **given(logs),
                "cluster": self.cluster,
                "monitoring": monitoring,
                "archive": buckets.get(archive) if archive is not None else None,
            },
            handle=lambda made: made.handle,
            stand_in=lambda _: None,
            options=self._options(*_resources(monitoring)),
        )

    def _policies(self) -> None:
        if self.settings.policies is not None:
            self.build.add(
                "policies",
                f"{self.path}.policies",
                DefaultDenyPolicies,
                DefaultDenyPoliciesArgs,
                given(self.settings.policies),
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(),
            )

    # Certificates come after the gateway's definitions, which cert-manager looks for when it starts.

    def _gateway(self) -> GatewayHandle | None:
        gateway = self.settings.serving.gateway
        if gateway is None:
            return None
        return self.build.add(
            "gateway",
            f"{self.path}.serving.gateway",
            GatewayController,
            GatewayControllerArgs,
            {**given(gateway), "cluster": self.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(
                GatewayHandle,
                class_name=args.class_name or args.implementation,
                implementation=args.implementation,
                platform=self.cluster.platform,
                annotations={},
                after=(),
            ),
            options=self._options(),
        )

    def _certificates(
        self, gateway: GatewayHandle | None, monitoring: MonitoringHandle | None
    ) -> CertManagerHandle | None:
        settings = self.settings.cert_manager
        if settings is None:
            return None
        values = given(settings)
        if gateway is not None:
            values.setdefault("gateway_api", True)
        if monitoring is not None:
            values.setdefault("service_monitor", True)
        return self.build.add(
            "certificates",
            f"{self.path}.cert_manager",
            CertManager,
            CertManagerArgs,
            {**values, "after": (gateway.after if gateway else ())},
            handle=lambda made: made.handle,
            stand_in=lambda args: CertManagerHandle(
                namespace=args.namespace, issuers=tuple(args.issuers), release=NOTHING
            ),
            options=self._options(*_resources(monitoring)),
        )

    def _gateways(self, gateway: GatewayHandle | None, certificates: CertManagerHandle | None) -> None:
        for name, one in self.settings.serving.gateways.items():
            if gateway is not None:
                self.build.add(
                    f"gateway-{name}",
                    f"{self.path}.serving.gateways.{name}",
                    InferenceGateway,
                    InferenceGatewayArgs,
                    {**given(one), "gateway": gateway},
                    handle=lambda made: made,
                    stand_in=lambda _: None,
                    options=self._options(*([certificates.release] if certificates else [])),
                )

    def _gpus(
        self, certificates: CertManagerHandle | None, monitoring: MonitoringHandle | None
    ) -> tuple[GpuLayerHandle, ...]:
        gpu = self.settings.gpu
        found: list[GpuLayerHandle] = []
        features: NodeFeaturesHandle | None = None
        if gpu.features is not None:
            features = self.build.add(
                "node-features",
                f"{self.path}.gpu.features",
                NodeFeatureDiscovery,
                NodeFeatureDiscoveryArgs,
                {**given(gpu.features), "cluster": self.cluster},
                handle=lambda made: made.handle,
                stand_in=lambda args: standing_in(NodeFeaturesHandle, namespace=args.namespace, labels={}),
                options=self._options(),
            )
        wiring = {"cluster": self.cluster, "features": features}
        after = _resources(monitoring)
        if gpu.nvidia is not None:
            nvidia = self.build.add(
                "gpu-operator",
                f"{self.path}.gpu.nvidia",
                NvidiaGpuOperator,
                NvidiaGpuOperatorArgs,
                {**given(gpu.nvidia), **wiring},
                handle=lambda made: made.handle,
                stand_in=lambda args: standing_in(
                    GpuLayerHandle,
                    vendor="nvidia",
                    namespace=args.namespace,
                    resources=(),
                    device_plugin=args.device_plugin is not False,
                    dcgm_service="gpu-operator/nvidia-dcgm:5555" if args.standalone_dcgm else None,
                ),
                options=self._options(*after),
            )
            found += [nvidia] if nvidia is not None else []
        if gpu.amd is not None:
            amd = self.build.add(
                "amd-gpu-operator",
                f"{self.path}.gpu.amd",
                AmdGpuOperator,
                AmdGpuOperatorArgs,
                {**given(gpu.amd), **wiring, "cert_manager": certificates and certificates.release},
                handle=lambda made: made.handle,
                stand_in=lambda args: standing_in(
                    GpuLayerHandle, vendor="amd", namespace=args.namespace, resources=()
                ),
                options=self._options(*after),
            )
            found += [amd] if amd is not None else []
        nvidia_layer = next((one for one in found if one.vendor == "nvidia"), None)
        if gpu.health is not None:
            self.build.add(
                "node-health",
                f"{self.path}.gpu.health",
                NodeHealth,
                NodeHealthArgs,
                {
                    **given(gpu.health),
                    "cluster": self.cluster,
                    "layer": nvidia_layer,
                    "cert_manager": certificates and certificates.release,
                },
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(*after),
            )
        if gpu.claims is not None:
            self.build.add(
                "gpu-claims",
                f"{self.path}.gpu.claims",
                GpuResourceClaims,
                GpuResourceClaimsArgs,
                {**given(gpu.claims), "cluster": self.cluster, "layer": nvidia_layer},
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(),
            )
        return tuple(found)

    def _queues(self, monitoring: MonitoringHandle | None) -> KueueHandle | None:
        queueing = self.settings.queueing
        queues: KueueHandle | None = None
        if queueing.queues is not None:
            queues = self.build.add(
                "queues",
                f"{self.path}.queueing.queues",
                KueueQueues,
                KueueQueuesArgs,
                {**given(queueing.queues), "cluster": self.cluster, "after": _resources(monitoring)},
                handle=lambda made: made.handle,
                stand_in=lambda args: KueueHandle(namespace=args.namespace),
                options=self._options(),
            )
        if queueing.priorities is not None:
            self.build.add(
                "priorities",
                f"{self.path}.queueing.priorities",
                TrainingPriorities,
                TrainingPrioritiesArgs,
                {**given(queueing.priorities), "queues": queues},
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(),
            )
        return queues

    def _trainer(self, queues: KueueHandle | None) -> JobSetHandle | None:
        queueing = self.settings.queueing
        if queueing.jobset is None:
            return None
        jobset = self.build.add(
            "jobset",
            f"{self.path}.queueing.jobset",
            JobSetController,
            JobSetControllerArgs,
            {**given(queueing.jobset)},
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(JobSetHandle, namespace=args.namespace),
            options=self._options(),
        )
        if queueing.trainer is not None and jobset is not None:
            self.build.add(
                "trainer",
                f"{self.path}.queueing.trainer",
                KubeflowTrainer,
                KubeflowTrainerArgs,
                {**given(queueing.trainer), "cluster": self.cluster, "jobset": jobset, "queues": queues},
                handle=lambda made: made.handle,
                stand_in=lambda _: None,
                options=self._options(),
            )
        return jobset

    def _scaling(self, monitoring: MonitoringHandle | None) -> None:
        scaling = self.settings.scaling
        after = _resources(monitoring)
        eks: dict[str, object] = {}
        if self.aws is not None:
            eks = {**self.aws.common, "eks": self.aws.cluster}
        karpenter: KarpenterHandle | None = None
        if scaling.karpenter is not None:
            karpenter = self.build.add(
                "karpenter",
                f"{self.path}.scaling.karpenter",
                KarpenterController,
                KarpenterControllerArgs,
                {**given(scaling.karpenter), **eks, "cluster": self.cluster},
                handle=lambda made: made.handle,
                stand_in=lambda args: standing_in(
                    KarpenterHandle, cluster=self.cluster, eks=args.eks, after=()
                ),
                options=self._options(*after),
            )
        if scaling.karpenter_pools is not None and karpenter is not None:
            tags = {} if self.aws is None else {"tags": self.aws.common.get("tags", {})}
            self.build.add(
                "karpenter-pools",
                f"{self.path}.scaling.karpenter_pools",
                KarpenterNodePools,
                KarpenterNodePoolsArgs,
                {**given(scaling.karpenter_pools), **tags, "karpenter": karpenter},
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(),
            )
        if scaling.cluster_autoscaler is not None:
            pools = scaling.karpenter_pools
            self.build.add(
                "autoscaler",
                f"{self.path}.scaling.cluster_autoscaler",
                ClusterAutoscaler,
                ClusterAutoscalerArgs,
                {
                    **given(scaling.cluster_autoscaler),
                    **eks,
                    "cluster": self.cluster,
                    "karpenter_pools": tuple(pools.pools) if pools is not None else (),
                },
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self._options(*after),
            )
        if scaling.keda is not None:
            self.build.add(
                "keda",
                f"{self.path}.scaling.keda",
                KedaController,
                KedaControllerArgs,
                {**given(scaling.keda), **eks, "cluster": self.cluster},
                handle=lambda made: made.handle,
                stand_in=lambda _: None,
                options=self._options(*after),
            )

    def _options(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            provider=self.cluster.provider, depends_on=[*self.cluster.ready, *after]
        )


def _resources(monitoring: MonitoringHandle | None) -> tuple[pulumi.Resource, ...]:
    return tuple(monitoring.after()) if monitoring is not None else ()
