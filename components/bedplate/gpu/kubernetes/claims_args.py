"""Arguments of GpuResourceClaims, and what the scheduler is told by them."""

import re
from typing import Self

from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.gpu.kubernetes.facts import mig_slices, nvidia_gpus
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName

# resource.k8s.io/v1 is served from here on (Kubernetes v1.34 release notes; from memory).
_OLDEST = (1, 34)
# The attributes that the driver publishes (kubernetes-sigs/dra-driver-nvidia-gpu v25.12.0,
# cmd/gpu-kubelet-plugin/deviceinfo.go).
_DRIVER = "gpu.nvidia.com"
_ATTRIBUTE = f"device.attributes['{_DRIVER}']"
_CAPACITY = f"device.capacity['{_DRIVER}']"
_MIG_CLASS = "mig.nvidia.com"
_GPU_CLASS = "gpu.nvidia.com"


class GpuClaimArgs(Args):
    """A template of claims: each pod that names it gets GPUs of its own.

    Attributes:
        name: The template's name.
        namespace: Where the pods are.
        model: The catalogue's name of the GPU; any by default.
        min_memory_gib: Memory of each at least, in GiB; any by default.
        mig_slice: A MIG instance in place of a whole GPU, such as 1g.10gb; none by default.
        count: How many; 1 by default.
    """

    name: K8sName
    namespace: K8sName
    model: str | None = None
    min_memory_gib: int | None = Field(default=None, ge=1, le=1024)
    mig_slice: str | None = None
    count: int = Field(default=1, ge=1, le=32)

    def expressions(self) -> list[str]:
        """What a device must be, besides its class, in CEL."""
        found: list[str] = []
        if self.mig_slice is not None:
            found.append(f"{_ATTRIBUTE}.profile == '{self.mig_slice}'")
            if self.model is not None:
                found.append(_product(self.model))
        if self.min_memory_gib is not None:
            found.append(f"{_CAPACITY}.memory.compareTo(quantity('{self.min_memory_gib}Gi')) >= 0")
        return found


class ComputeDomainArgs(Args):
    """Nodes that reach each other's GPU memory by NVLink, for as long as the pods of a job run.

    Attributes:
        name: The domain's name.
        namespace: Where the pods are.
        claim_template: The template that the driver makes; pods name it in their claims.
    """

    name: K8sName
    namespace: K8sName
    claim_template: K8sName


class GpuResourceClaimsArgs(Args):
    """Arguments of GpuResourceClaims.

    Attributes:
        cluster: Where it runs; Kubernetes 1.34 or newer.
        namespace: The driver's namespace, made here; "nvidia-dra-driver" by default.
        layer: The GPU operator's handle, where it runs: it brings the driver.
        gpus: Whether GPUs are given by claims; on by default. Off where only compute domains are wanted,
            and the device plugin gives the GPUs.
        claims: Templates of claims.
        compute_domains: Domains of multi-node NVLink.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sName = "nvidia-dra-driver"
    layer: InstanceOf[GpuLayerHandle] | None = None
    gpus: bool = True
    claims: tuple[GpuClaimArgs, ...] = ()
    compute_domains: tuple[ComputeDomainArgs, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("GpuResourceClaimsArgs")
        self._cluster_problems(problems)
        taken: set[tuple[str, str]] = set()
        for index, claim in enumerate(self.claims):
            here = f"claims[{index}]"
            self._claim_problems(problems, here, claim)
            if (claim.namespace, claim.name) in taken:
                problems.add(
                    f"{here}.name",
                    f"{claim.name!r} is there already in {claim.namespace}; allowed: each name once; "
                    "rename it",
                )
            taken.add((claim.namespace, claim.name))
        for index, domain in enumerate(self.compute_domains):
            if (domain.namespace, domain.claim_template) in taken:
                problems.add(
                    f"compute_domains[{index}].claim_template",
                    f"{domain.claim_template!r} is there already in {domain.namespace}; allowed: a name of "
                    "its own, as the driver makes it; rename it",
                )
            taken.add((domain.namespace, domain.claim_template))
        problems.raise_if_any()
        return self

    def _cluster_problems(self, problems: Problems) -> None:
        major, minor = (int(part) for part in self.cluster.version.split(".")[:2])
        if (major, minor) < _OLDEST:
            problems.add(
                "cluster",
                f"Kubernetes {self.cluster.version} does not serve resource.k8s.io/v1; allowed: "
                f"{_OLDEST[0]}.{_OLDEST[1]} and newer; upgrade it or use the device plugin",
            )
        if not self.gpu_pools:
            problems.add(
                "cluster",
                f"{self.cluster.name} has no pool with NVIDIA GPUs; allowed: a cluster with one; leave the "
                "claims out",
            )
        if self.gpus and self.layer is not None and self.layer.device_plugin:
            problems.add(
                "gpus",
                "true, but the device plugin gives the same GPUs to pods that ask for nvidia.com/gpu, so "
                "that a GPU could be given twice; allowed: one of the two; set device_plugin of "
                "NvidiaGpuOperator or this to false",
            )
        if self.claims and not self.gpus:
            problems.add(
                "claims",
                "given, but gpus is false and nothing would answer them; allowed: none; remove them",
            )
        if not self.gpus and not self.compute_domains:
            problems.add(
                "gpus", "false without compute_domains; allowed: either; there would be nothing to do"
            )
        known = nvidia_gpus()
        models = self._models()
        if self.compute_domains and not any(
            known[model].multi_node_nvlink for model in models if model in known
        ):
            able = ", ".join(name for name, one in known.items() if one.multi_node_nvlink)
            problems.add(
                "compute_domains",
                f"given, but {', '.join(models) or 'no GPU'} has no NVLink between nodes; allowed: {able}; "
                "remove them",
            )

    def _claim_problems(self, problems: Problems, here: str, claim: GpuClaimArgs) -> None:
        models, known = self._models(), nvidia_gpus()
        wanted = [model for model in models if claim.model in (None, model)]
        if claim.model is not None and claim.model not in models:
            problems.add(
                f"{here}.model",
                f"{claim.model!r} is not in {self.cluster.name}; allowed: {', '.join(models)}; correct it",
            )
            return
        if claim.model is not None and claim.model not in known:
            problems.add(
                f"{here}.model",
                f"what the driver calls {claim.model!r} is not known; allowed: {', '.join(known)}; leave it "
                "out and give min_memory_gib",
            )
        slices = {
            name: one.memory_gb
            for model in wanted
            if model in known and (family := known[model].mig_family) is not None
            for name, one in mig_slices(family).items()
        }
        if claim.mig_slice is not None and claim.mig_slice not in slices:
            problems.add(
                f"{here}.mig_slice",
                f"{claim.mig_slice!r} is not a slice of {', '.join(wanted)}; allowed: "
                f"{', '.join(slices) or 'none, they have no MIG'}; correct it",
            )
            return
        pools = [
            pool.accelerator
            for pool in self.gpu_pools
            if pool.accelerator is not None and pool.accelerator.model in wanted
        ]
        largest = max((one.memory_gib for one in pools), default=0.0)
        if claim.mig_slice is not None:
            largest = slices[claim.mig_slice]
        if claim.min_memory_gib is not None and claim.min_memory_gib > largest:
            problems.add(
                f"{here}.min_memory_gib",
                f"{claim.min_memory_gib}, more than any has; allowed: up to {largest:g}; lower it",
            )
        most = max((one.count for one in pools), default=0)
        if claim.mig_slice is None and claim.count > most:
            problems.add(
                f"{here}.count", f"{claim.count}, more than a node has; allowed: up to {most}; lower it"
            )

    @property
    def gpu_pools(self) -> tuple[NodePoolHandle, ...]:
        """The pools with NVIDIA GPUs."""
        return tuple(
            pool
            for pool in self.cluster.gpu_pools
            if pool.accelerator is not None and pool.accelerator.vendor == "nvidia"
        )

    def _models(self) -> list[str]:
        return list(dict.fromkeys(one.accelerator.model for one in self.gpu_pools if one.accelerator))

    def class_names(self) -> dict[str, str]:
        """The class of devices of each model of GPU that the cluster has and that is known."""
        return {
            model: re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
            for model in self._models()
            if model in nvidia_gpus()
        }

    def class_of(self, claim: GpuClaimArgs) -> str:
        """The class of devices that a claim asks for."""
        if claim.mig_slice is not None:
            return _MIG_CLASS
        return _GPU_CLASS if claim.model is None else self.class_names()[claim.model]


def _product(model: str) -> str:
    return f"{_ATTRIBUTE}.productName == '{nvidia_gpus()[model].product_name}'"


def class_expression(model: str) -> str:
    """What a whole GPU of the model is, in CEL."""
    return f"device.driver == '{_DRIVER}' && {_ATTRIBUTE}.type == 'gpu' && {_product(model)}"


def driver_values(args: GpuResourceClaimsArgs) -> dict[str, object]:
    """The values of the driver's chart (kubernetes-sigs/dra-driver-nvidia-gpu, deployments/helm)."""
    tolerations: list[dict[str, str]] = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    for pool in args.gpu_pools:
        tolerations += [one for one in pool.tolerations() if one not in tolerations]
    root = {"gke": "/home/kubernetes/bin/nvidia"}.get(args.cluster.platform, "/")
    return {
        "nvidiaDriverRoot": root if args.layer is None else args.layer.driver_root,
        "resourceApiVersion": "resource.k8s.io/v1",
        # Without it, the chart refuses to give GPUs, for fear of a device plugin beside it.
        "gpuResourcesEnabledOverride": args.gpus,
        "resources": {
            "gpus": {"enabled": args.gpus},
            "computeDomains": {"enabled": bool(args.compute_domains)},
        },
        "controller": {"priorityClassName": "system-cluster-critical"},
        "kubeletPlugin": {"priorityClassName": "system-node-critical", "tolerations": tolerations},
    }
