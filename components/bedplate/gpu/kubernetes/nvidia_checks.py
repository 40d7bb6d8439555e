"""What the GPU operator cannot do in a given cluster."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bedplate.core.errors import Problem
from bedplate.gpu.kubernetes.facts import nvidia_gpus
from bedplate.gpu.kubernetes.mig import MIG_LABEL
from bedplate.gpu.kubernetes.sharing import PLUGIN_LABEL, pool_problems
from bedplate.kubernetes.handles import NodePoolHandle

if TYPE_CHECKING:
    from bedplate.gpu.kubernetes.nvidia_args import NvidiaGpuOperatorArgs

# What the chart v26.7.0 brings (NVIDIA/gpu-operator v26.7.0, deployments/gpu-operator/values.yaml).
DRIVER_VERSION = "595.91.07"
# Keeps GKE's own device plugin from a node (NVIDIA GPU Operator, "Google GKE"; from memory).
GKE_OWN_PLUGIN = "gke-no-default-nvidia-gpu-device-plugin"
# Fabrics whose cards nvidia-peermem knows. EFA's driver registers GPU memory by itself.
_PEERMEM_FABRICS = ("infiniband", "roce")


def operator_problems(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    """Everything that speaks against these arguments."""
    if not args.gpu_pools:
        yield Problem(
            "cluster",
            f"{args.cluster.name} has no pool with NVIDIA GPUs; allowed: a cluster with one; leave the "
            "operator out or add a pool",
        )
        return
    yield from _pools(args)
    yield from _driver(args)
    yield from _fabric(args)
    if args.features is None and any(
        pool.accelerator and pool.accelerator.vendor == "amd" for pool in args.cluster.pools
    ):
        yield Problem(
            "features",
            "not given in a cluster with AMD GPUs too: each vendor's operator would bring a Node Feature "
            "Discovery of its own, and the two would undo each other's labels; give the handle of one "
            "NodeFeatureDiscovery to both",
        )


def _pools(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    known = {pool.name: pool for pool in args.gpu_pools}
    for name in args.pools:
        if name not in known:
            yield Problem(
                f"pools.{name}",
                f"{name!r} is not a pool of {args.cluster.name} with NVIDIA GPUs; allowed: "
                f"{', '.join(known)}; correct the name",
            )
    if args.mig_strategy is not None and not args.cuts:
        yield Problem(
            "mig_strategy",
            f"{args.mig_strategy!r}, but no pool has a MIG layout; allowed: none; remove it or give a pool "
            "a mig_profile",
        )
    for pool in args.gpu_pools:
        settings, here = args.settings(pool.name), f"pools.{pool.name}"
        found = [one.under(here) for one in pool_problems(pool, settings, args.strategy)]
        yield from found
        if args.serves_resources and not found:
            yield from _labels(args, pool)
        elif not args.serves_resources and (settings.cut or settings.plugin_config() != "whole"):
            yield Problem(
                here,
                "GPUs cannot be cut or shared here, as this device plugin does not serve them; allowed: "
                f"whole GPUs; on GKE label the pool {GKE_OWN_PLUGIN}=true, or use GKE's own settings of "
                "the node pool",
            )
    yield from _clashing_layouts(args)
    if args.device_plugin is None and not args.serves_resources:
        for pool in args.gpu_pools:
            if pool.labels.get(GKE_OWN_PLUGIN) == "true":
                yield Problem(
                    "device_plugin",
                    f"not given, and {pool.name} keeps GKE's own plugin away while other pools do not, so "
                    f"that nobody would serve its GPUs; allowed: the label {GKE_OWN_PLUGIN} on all pools or "
                    "none; make them alike",
                )
    if args.device_plugin and args.cluster.platform == "gke":
        for pool in args.gpu_pools:
            if pool.labels.get(GKE_OWN_PLUGIN) != "true":
                yield Problem(
                    "device_plugin",
                    f"true, but GKE's own plugin serves the GPUs of {pool.name} already; allowed: false; "
                    f"remove it, or label the pool {GKE_OWN_PLUGIN}=true",
                )


def _labels(args: "NvidiaGpuOperatorArgs", pool: NodePoolHandle) -> Iterator[Problem]:
    """A node without the label takes the default; nobody but the pool can give labels to nodes to come."""
    settings, needed = args.settings(pool.name), args.node_labels(pool.name)
    wanted = {MIG_LABEL: settings.mig_config(pool.name), PLUGIN_LABEL: settings.plugin_config()}
    for label, value in wanted.items():
        given = pool.labels.get(label)
        if given is None and label in needed:
            yield Problem(
                f"pools.{pool.name}",
                f"its nodes lack the label {label}={value}, and the pools differ; allowed: that label, or "
                "the same settings for all pools; add it to the labels of the node pool",
            )
        elif given is not None and given != value:
            yield Problem(
                f"pools.{pool.name}",
                f"its nodes carry the label {label}={given}; allowed here: {value}; correct one of the two",
            )


def _clashing_layouts(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    """A list of layouts of our own has one layout of a name, whatever the GPU."""
    if not any(args.settings(pool.name).mig_instances for pool in args.gpu_pools):
        return
    seen: dict[str, dict[str, int]] = {}
    for pool in args.gpu_pools:
        settings = args.settings(pool.name)
        if settings.mig_profile is None or pool.accelerator is None:
            continue
        try:
            instances = settings.instances(pool.accelerator.model)
        except ValueError:
            continue
        if seen.setdefault(settings.mig_profile, instances) != instances:
            yield Problem(
                f"pools.{pool.name}.mig_profile",
                f"{settings.mig_profile!r} means another layout for another pool's GPUs, which cannot be "
                "told apart beside mig_instances; allowed: mig_instances for one of them; write it out",
            )


def _driver(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    platform = args.cluster.platform
    if args.driver == "operator" and platform == "eks":
        yield Problem(
            "driver",
            "'operator' on EKS, whose AL2023 NVIDIA image brings the driver; allowed: preinstalled; remove "
            "the line",
        )
        return
    if args.driver == "operator" and platform == "gke":
        for pool in args.gpu_pools:
            if pool.labels.get(GKE_OWN_PLUGIN) != "true":
                yield Problem(
                    "driver",
                    f"'operator', but GKE serves {pool.name} itself; allowed: preinstalled; remove the line, "
                    f"or make the pool with gpu_driver_version DISABLED and the label {GKE_OWN_PLUGIN}=true",
                )
    if not args.operator_driver:
        yield from _only_with_own_driver(args)
        return
    known = nvidia_gpus()
    branch = int((args.driver_version or DRIVER_VERSION).split(".")[0])
    for pool in args.gpu_pools:
        gpu = known.get(pool.accelerator.model) if pool.accelerator else None
        if gpu is None:
            continue
        if gpu.architecture == "blackwell" and args.kernel_modules == "proprietary":
            yield Problem(
                "kernel_modules",
                f"'proprietary', which does not drive {gpu.model} of {pool.name}; allowed for Blackwell: "
                "open; remove the line",
            )
        if branch < gpu.oldest_driver_branch:
            yield Problem(
                "driver_version",
                f"{args.driver_version!r} does not know {gpu.model} of {pool.name}; allowed: branch "
                f"{gpu.oldest_driver_branch} and later; raise it or remove the line",
            )


def _only_with_own_driver(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    given = {
        "driver_version": args.driver_version is not None,
        "kernel_modules": args.kernel_modules is not None,
        "driver_upgrades": args.driver_upgrades is not None,
        "gpudirect_rdma": args.gpudirect_rdma,
        "gdrcopy": args.gdrcopy,
    }
    for field, there in given.items():
        if there:
            yield Problem(
                field,
                "given, but the node's image brings the driver and its modules; allowed with driver "
                "'operator' only; remove it",
            )


def _fabric(args: "NvidiaGpuOperatorArgs") -> Iterator[Problem]:
    if args.host_mofed and not args.gpudirect_rdma:
        yield Problem(
            "host_mofed", "true without gpudirect_rdma; allowed: both or none; set both or remove it"
        )
    if not args.gpudirect_rdma:
        return
    kinds = {pool.fabric.kind for pool in args.gpu_pools if pool.fabric is not None}
    if not kinds & set(_PEERMEM_FABRICS):
        has = f"only {', '.join(sorted(kinds))}" if kinds else "no fabric"
        yield Problem(
            "gpudirect_rdma",
            f"true, but the pools with NVIDIA GPUs have {has}; allowed: a pool with "
            f"{' or '.join(_PEERMEM_FABRICS)}; remove it",
        )
