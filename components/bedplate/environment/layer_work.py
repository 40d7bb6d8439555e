"""How queues, trainers and scaling are wired: whose turn it is, and how much of everything there is."""

from collections.abc import Sequence

import pulumi

from bedplate.autoscaling.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.autoscaling.karpenter import KarpenterController, KarpenterControllerArgs, KarpenterHandle
from bedplate.autoscaling.karpenter_pools import KarpenterNodePools, KarpenterNodePoolsArgs
from bedplate.autoscaling.keda import KedaController, KedaControllerArgs
from bedplate.environment.building import standing_in
from bedplate.environment.layer_parts import LayerParts, resources
from bedplate.environment.settings import given
from bedplate.kubernetes.cert_manager import CertManagerHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.queueing.controller import KueueControllerArgs
from bedplate.queueing.handles import KueueHandle
from bedplate.queueing.jobset import JobSetController, JobSetControllerArgs, JobSetHandle
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.queueing.priorities import TrainingPriorities, TrainingPrioritiesArgs
from bedplate.queueing.trainer import KubeflowTrainer, KubeflowTrainerArgs


def _certified(certificates: CertManagerHandle | None, asked: bool) -> tuple[pulumi.Resource, ...]:
    """cert-manager, for what has its webhook's certificate made by it."""
    return (certificates.release,) if asked and certificates is not None else ()


def wire_queues(
    parts: LayerParts,
    certificates: CertManagerHandle | None,
    monitoring: MonitoringHandle | None,
    nodes: Sequence[pulumi.Resource],
) -> KueueHandle | None:
    """Kueue with its queues, and the classes of priority.

    `nodes`: what gives work its nodes and GPUs, and so must outlive the queues: they are drained first.
    """
    queueing = parts.settings.queueing
    queues: KueueHandle | None = None
    if queueing.queues is not None:
        values = given(queueing.queues)
        controller = queueing.queues.controller
        if monitoring is None and "service_monitor" not in controller.model_fields_set:
            controller = KueueControllerArgs.model_validate({**given(controller), "service_monitor": False})
            values["controller"] = controller
        queues = parts.build.add(
            "queues",
            f"{parts.path}.queueing.queues",
            KueueQueues,
            KueueQueuesArgs,
            {
                **values,
                "cluster": parts.cluster,
                "after": (*resources(monitoring), *_certified(certificates, controller.cert_manager), *nodes),
            },
            handle=lambda made: made.handle,
            stand_in=lambda args: KueueHandle(
                namespace=args.namespace,
                placed_pools=tuple(args.placed),
                topology_levels=args.levels if args.placed else (),
            ),
            refused=lambda args: KueueHandle(namespace=args.namespace),
            options=parts.options(),
        )
    if queueing.priorities is not None:
        parts.build.add(
            "priorities",
            f"{parts.path}.queueing.priorities",
            TrainingPriorities,
            TrainingPrioritiesArgs,
            {**given(queueing.priorities), "queues": queues},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=parts.options(),
        )
    return queues


def wire_trainer(
    parts: LayerParts,
    queues: KueueHandle | None,
    certificates: CertManagerHandle | None,
    monitoring: MonitoringHandle | None,
) -> JobSetHandle | None:
    """JobSet, and Kubeflow's trainer on it."""
    queueing = parts.settings.queueing
    if queueing.jobset is None:
        return None
    jobset = parts.build.add(
        "jobset",
        f"{parts.path}.queueing.jobset",
        JobSetController,
        JobSetControllerArgs,
        {
            **given(queueing.jobset),
            "after": (
                *(resources(monitoring) if queueing.jobset.prometheus else ()),
                *_certified(certificates, queueing.jobset.cert_manager),
            ),
        },
        handle=lambda made: made.handle,
        stand_in=lambda args: standing_in(JobSetHandle, namespace=args.namespace),
        options=parts.options(),
    )
    if queueing.trainer is not None and jobset is not None:
        parts.build.add(
            "trainer",
            f"{parts.path}.queueing.trainer",
            KubeflowTrainer,
            KubeflowTrainerArgs,
            {**given(queueing.trainer), "cluster": parts.cluster, "jobset": jobset, "queues": queues},
            handle=lambda made: made.handle,
            stand_in=lambda _: None,
            options=parts.options(),
        )
    return jobset


def wire_scaling(
    parts: LayerParts, certificates: CertManagerHandle | None, monitoring: MonitoringHandle | None
) -> tuple[pulumi.Resource, ...]:
    """Karpenter or the cluster autoscaler, and KEDA; returns what starts and stops nodes."""
    nodes: list[pulumi.Resource] = []
    scaling, path = parts.settings.scaling, f"{parts.path}.scaling"
    after = resources(monitoring)
    eks: dict[str, object] = {}
    if parts.aws is not None:
        eks = {**parts.aws.common, "eks": parts.aws.cluster}
    karpenter: KarpenterHandle | None = None
    if scaling.karpenter is not None and parts.aws is not None:
        karpenter = parts.build.add(
            "karpenter",
            f"{path}.karpenter",
            KarpenterController,
            KarpenterControllerArgs,
            {**given(scaling.karpenter), **eks, "cluster": parts.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(KarpenterHandle, cluster=parts.cluster, eks=args.eks, after=()),
            refused=lambda _: None,
            options=parts.options(*after),
        )
    if scaling.karpenter_pools is not None and karpenter is not None:
        tags = {} if parts.aws is None else {"tags": parts.aws.common.get("tags", {})}
        pools_made = parts.build.add(
            "karpenter-pools",
            f"{path}.karpenter_pools",
            KarpenterNodePools,
            KarpenterNodePoolsArgs,
            {**given(scaling.karpenter_pools), **tags, "karpenter": karpenter},
            handle=_resource,
            stand_in=lambda _: None,
            options=parts.options(),
        )
        nodes += [pools_made] if pools_made is not None else []
    if scaling.cluster_autoscaler is not None:
        pools = scaling.karpenter_pools
        autoscaler = parts.build.add(
            "autoscaler",
            f"{path}.cluster_autoscaler",
            ClusterAutoscaler,
            ClusterAutoscalerArgs,
            {
                **given(scaling.cluster_autoscaler),
                **eks,
                "cluster": parts.cluster,
                "karpenter_pools": tuple(pools.pools) if pools is not None else (),
            },
            handle=_resource,
            stand_in=lambda _: None,
            options=parts.options(*after),
        )
        nodes += [autoscaler] if autoscaler is not None else []
    if scaling.keda is not None:
        parts.build.add(
            "keda",
            f"{path}.keda",
            KedaController,
            KedaControllerArgs,
            {**given(scaling.keda), **eks, "cluster": parts.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda _: None,
            options=parts.options(*after, *_certified(certificates, scaling.keda.cert_manager)),
        )
    return tuple(nodes)


def _resource(made: pulumi.Resource) -> pulumi.Resource | None:
    return made
