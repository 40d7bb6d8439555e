"""What every part of the Kubernetes layer's wiring needs, and the parts on accelerators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi

from bedplate.cluster.handles import ClusterHandle
from bedplate.environment.building import Build, standing_in
from bedplate.environment.layer_models import KubernetesLayerSettings
from bedplate.environment.settings import given
from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.handles import GpuLayerHandle, NodeFeaturesHandle
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.cert_manager import CertManagerHandle
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle


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
class LayerParts:
    """What the wiring of one cluster's layer is made from.

    Attributes:
        build: What it is run against.
        settings: What the file says.
        cluster: The cluster.
        path: Where the layer stands in the file.
        ceph: Whether the cluster has a Ceph to watch.
        aws: What there is of AWS; None elsewhere.
        classes: Storage classes that are made in the same run, with what makes them.
        node_labels: Labels that the nodes of a pool carry for the layer's sake, by the pool's name.
        address_pools: Pools of load balancers' addresses that the file names, with their own names.
    """

    build: Build
    settings: KubernetesLayerSettings
    cluster: KubernetesHandle
    path: str = "kubernetes"
    ceph: bool = False
    aws: Aws | None = None
    classes: Mapping[str, pulumi.Resource] = field(default_factory=dict)
    node_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    address_pools: Mapping[str, str] = field(default_factory=dict)

    def options(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Of a part of the layer that waits for these."""
        return waiting(self.cluster, *after).options()

    def class_after(self, name: str | None) -> Sequence[pulumi.Resource]:
        """What makes a storage class, for a release that waits until its volume is there."""
        found = self.classes.get(name or self.cluster.storage_class or "")
        return [] if found is None else [found]


def waiting(cluster: KubernetesHandle, *after: pulumi.Resource) -> KubernetesHandle:
    """The cluster for what is made after these, and goes before them."""
    return replace(cluster, ready=(*cluster.ready, *after))


def resources(monitoring: MonitoringHandle | None) -> tuple[pulumi.Resource, ...]:
    """What brings the definitions of Prometheus' operator."""
    return tuple(monitoring.after()) if monitoring is not None else ()


def wire_gpus(
    parts: LayerParts, certificates: CertManagerHandle | None, monitoring: MonitoringHandle | None
) -> tuple[GpuLayerHandle, ...]:
    """Node features, the vendors' operators, node health and claims."""
    gpu, build, path = parts.settings.gpu, parts.build, f"{parts.path}.gpu"
    after = resources(monitoring)
    cluster = _labelled(parts)
    features: NodeFeaturesHandle | None = None
    if gpu.features is not None:
        features = build.add(
            "node-features",
            f"{path}.features",
            NodeFeatureDiscovery,
            NodeFeatureDiscoveryArgs,
            {**given(gpu.features), "cluster": cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(NodeFeaturesHandle, namespace=args.namespace, labels={}),
            options=parts.options(),
        )
    wiring = {"cluster": cluster, "features": features}
    # Without Prometheus' operator nobody knows what a monitor is.
    monitors = {} if monitoring is not None else {"service_monitor": False}
    found: list[GpuLayerHandle] = []
    if gpu.nvidia is not None:
        nvidia = build.add(
            "gpu-operator",
            f"{path}.nvidia",
            NvidiaGpuOperator,
            NvidiaGpuOperatorArgs,
            {**monitors, **given(gpu.nvidia), **wiring},
            handle=lambda made: made.handle,
            stand_in=lambda args: _nvidia(args, known=True),
            refused=lambda args: _nvidia(args, known=False),
            options=parts.options(*after),
        )
        found += [nvidia] if nvidia is not None else []
    if gpu.amd is not None:
        amd = build.add(
            "amd-gpu-operator",
            f"{path}.amd",
            AmdGpuOperator,
            AmdGpuOperatorArgs,
            {
                **monitors,
                **given(gpu.amd),
                **wiring,
                "cert_manager": certificates and certificates.release,
            },
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(
                GpuLayerHandle, vendor="amd", namespace=args.namespace, resources=()
            ),
            options=parts.options(*after),
        )
        found += [amd] if amd is not None else []
    layer = next((one for one in found if one.vendor == "nvidia"), None)
    if gpu.health is not None:
        _health(parts, layer, certificates, after)
    if gpu.claims is not None:
        build.add(
            "gpu-claims",
            f"{path}.claims",
            GpuResourceClaims,
            GpuResourceClaimsArgs,
            {**given(gpu.claims), "cluster": cluster, "layer": layer},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=parts.options(),
        )
    return tuple(found)


def _health(
    parts: LayerParts,
    layer: GpuLayerHandle | None,
    certificates: CertManagerHandle | None,
    after: Sequence[pulumi.Resource],
) -> None:
    assert parts.settings.gpu.health is not None
    values = given(parts.settings.gpu.health)
    if parts.cluster.storage_class is not None:
        values.setdefault("store_class", parts.cluster.storage_class)
    store_class = values.get("store_class")
    parts.build.add(
        "node-health",
        f"{parts.path}.gpu.health",
        NodeHealth,
        NodeHealthArgs,
        {
            **values,
            "cluster": parts.cluster,
            "layer": layer,
            "cert_manager": certificates and certificates.release,
        },
        handle=lambda made: made,
        stand_in=lambda _: None,
        # Its release waits for the volume of its store.
        options=parts.options(
            *after, *parts.class_after(store_class if isinstance(store_class, str) else None)
        ),
    )


def _nvidia(args: NvidiaGpuOperatorArgs, *, known: bool) -> GpuLayerHandle:
    return standing_in(
        GpuLayerHandle,
        vendor="nvidia",
        namespace=args.namespace,
        resources=args.resources() if known else (),
        device_plugin=args.serves_resources,
        dcgm_service=f"{args.namespace}/nvidia-dcgm:5555" if args.standalone_dcgm else None,
    )


def _labelled(parts: LayerParts) -> KubernetesHandle:
    """The cluster with the labels that its nodes carry for the layer's sake."""
    return replace(
        parts.cluster,
        pools=tuple(
            replace(pool, labels={**parts.node_labels.get(pool.name, {}), **pool.labels})
            for pool in parts.cluster.pools
        ),
    )
