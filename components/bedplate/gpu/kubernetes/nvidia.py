"""NVIDIA's GPU operator: drivers, toolkit, device plugin, MIG, metrics."""

import pulumi
import pulumi_kubernetes as k8s

from bedplate.core.naming import child
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.gpu.kubernetes.nvidia_args import NvidiaGpuOperatorArgs
from bedplate.gpu.kubernetes.nvidia_values import operator_values
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import MANAGED, namespace, options

__all__ = ["NvidiaGpuOperator", "NvidiaGpuOperatorArgs"]

# Services that the operator makes, by its own names (NVIDIA/gpu-operator v26.7.0, assets/).
_METRICS = "nvidia-dcgm-exporter:9400"
_DCGM = "nvidia-dcgm:5555"


class NvidiaGpuOperator(pulumi.ComponentResource):
    """The operator for all pools with NVIDIA GPUs of a cluster. It touches no other node.

    Attributes:
        handle: What pods may ask for, and what else others need of it.
    """

    handle: GpuLayerHandle

    def __init__(
        self, name: str, args: NvidiaGpuOperatorArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:NvidiaGpuOperator", name, None, opts)
        before: list[pulumi.Resource] = [
            namespace(self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged")
        ]
        if args.cluster.platform == "gke":
            before.append(critical_pods_quota(self, child(name, "quota"), args.namespace, after=before))
        if args.features is not None:
            before.append(args.features.release)
        operator = release(
            self,
            child(name, "operator"),
            chart_name="gpu-operator",
            namespace=args.namespace,
            values=operator_values(args),
            after=before,
            # A driver is compiled and loaded on every node.
            timeout_seconds=1800 if args.operator_driver else 900,
        )
        self.handle = GpuLayerHandle(
            vendor="nvidia",
            namespace=args.namespace,
            release=operator,
            resources=args.resources(),
            node_labels={pool.name: args.node_labels(pool.name) for pool in args.gpu_pools},
            device_plugin=args.serves_resources,
            driver_root=args.driver_root,
            driver_preinstalled=not args.operator_driver,
            dcgm_service=f"{args.namespace}/{_DCGM}" if args.standalone_dcgm else None,
            metrics_service=f"{args.namespace}/{_METRICS}",
            after=(operator,),
        )
        self.register_outputs({"namespace": args.namespace, "release": operator.name})


def critical_pods_quota(
    component: pulumi.Resource, name: str, object_namespace: str, after: list[pulumi.Resource]
) -> k8s.core.v1.ResourceQuota:
    """What lets pods of the system's priorities into a namespace of GKE, which keeps them to kube-system.

    NVIDIA GPU Operator, "Google GKE" (from memory).
    """
    return k8s.core.v1.ResourceQuota(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(name="critical-pods", namespace=object_namespace, labels=MANAGED),
        spec=k8s.core.v1.ResourceQuotaSpecArgs(
            hard={"pods": "10000"},
            scope_selector=k8s.core.v1.ScopeSelectorArgs(
                match_expressions=[
                    k8s.core.v1.ScopedResourceSelectorRequirementArgs(
                        scope_name="PriorityClass",
                        operator="In",
                        values=["system-node-critical", "system-cluster-critical"],
                    )
                ]
            ),
        ),
        opts=options(component, after),
    )
