"""Training runtimes: what a training pod needs on each pool, so that a job names nothing but a runtime."""

from pydantic import Field, model_validator

from bedplate.catalog import image
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import NodeFabric, NodePoolHandle
from bedplate.kubernetes.names import K8sName
from bedplate.queueing.quota import CPU, MEMORY, NodeShape, quantity

# What tells the trainer's pods from others (Kubeflow Trainer v2.2.0, pkg/constants).
_TRAINER_STEP = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
_USER = 1000
# What pods with EFA ask for: https://docs.aws.amazon.com/eks/latest/userguide/node-efa.html (2026-11-24).
_EFA_HUGE_PAGES_MIB = 5120


class TrainingRuntime(Args):
    """A way to train on one pool.

    Attributes:
        pool: The pool; it must have accelerators.
        name: By default torch-distributed-<pool>.
        nodes: Nodes of a job that does not say how many; 1 by default.
        image: The pods' image; PyTorch with CUDA by default, for NVIDIA's accelerators. It has no libraries
            of a cloud's fabric: on such a pool NCCL would fall back to TCP, so that an image must be named.
        shared_memory_gib: /dev/shm, through which the processes of a node hand on data; an eighth of the
            node's memory by default, at most 256.
        max_restarts: How often a job starts again, from its checkpoint, when a pod fails; 3 by default.
        environment: Variables beside, or in place of, those that the fabric needs.
    """

    pool: K8sName
    name: K8sName | None = None
    nodes: int = Field(default=1, ge=1)
    image: str | None = Field(default=None, pattern=r".+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$")
    shared_memory_gib: int | None = Field(default=None, ge=1)
    max_restarts: int = Field(default=3, ge=0)
    environment: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "TrainingRuntime":
        problems = Problems("TrainingRuntime")
        for name in self.environment:
            if name.startswith("PET_"):
                problems.add(
                    f"environment.{name}",
                    "is set by the trainer itself, by job and node; allowed: names that do not begin with "
                    "PET_; remove it",
                )
        problems.raise_if_any()
        return self

    @property
    def object_name(self) -> str:
        return self.name or f"torch-distributed-{self.pool}"

    def image_for(self, pool: NodePoolHandle) -> str:
        return self.image or image("pytorch").reference

    def problems_on(self, pool: NodePoolHandle) -> list[tuple[str, str]]:
        """What is wrong with it on that pool, as pairs of field and reason."""
        if pool.accelerator is None:
            return [("pool", f"{pool.name} has no accelerators; allowed: pools that have; choose another")]
        found: list[tuple[str, str]] = []
        if self.nodes > pool.max_nodes:
            found.append(
                ("nodes", f"{self.nodes}, and pool {pool.name} has at most {pool.max_nodes}; lower it")
            )
        if self.image is None and pool.accelerator.vendor != "nvidia":
            found.append(
                (
                    "image",
                    f"not given, and the default is for NVIDIA's accelerators, while pool {pool.name} has "
                    f"{pool.accelerator.vendor}'s; name one with PyTorch for them",
                )
            )
        if self.image is None and pool.fabric is not None and pool.fabric.kind not in ("infiniband", "roce"):
            found.append(
                (
                    "image",
                    f"not given, and the default has no plugin of NCCL for {pool.fabric.kind}, so that pool "
                    f"{pool.name} would train over TCP; name one that has",
                )
            )
        if self.shared_memory_gib is not None and self.shared_memory_gib > pool.memory_gib / 2:
            found.append(
                (
                    "shared_memory_gib",
                    f"{self.shared_memory_gib} of the {pool.memory_gib:g} GiB of a node; allowed: at most "
                    "half; lower it",
                )
            )
        return found


def fabric_environment(fabric: NodeFabric | None) -> dict[str, str]:
    """What NCCL must be told of a fabric.

    Sources: https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html (2026-11-25); libfabric,
    fabric(7), FI_PROVIDER (from memory).
    """
    # Bootstrap and sockets use the pod's own interface, never loopback or a bridge of containers.
    common = {"NCCL_SOCKET_IFNAME": "^lo,docker"}
    if fabric is None:
        # Without adapters for it, NCCL would look for InfiniBand and complain.
        return {**common, "NCCL_IB_DISABLE": "1"}
    known: dict[str, dict[str, str]] = {
        # Nothing else is tried where EFA cannot be used, so that the job fails at once.
        "efa": {"FI_PROVIDER": "efa"},
        "infiniband": {"NCCL_IB_DISABLE": "0"},
        # 3 is RoCE v2 over IPv4 on NVIDIA's adapters.
        "roce": {"NCCL_IB_DISABLE": "0", "NCCL_IB_GID_INDEX": "3"},
        "gpudirect-tcpx": {"NCCL_SOCKET_IFNAME": "eth0"},
        "gpudirect-rdma": {"NCCL_SOCKET_IFNAME": "eth0"},
    }
    return {**common, **known[fabric.kind]}


def pod_resources(pool: NodePoolHandle, reserve_percent: float) -> dict[str, str]:
    """What a pod with a node to itself asks for: what jobs can have of it."""
    shape = NodeShape.of(pool, reserve_percent)
    memory = shape.memory_mib
    pages: dict[str, str] = {}
    if pool.fabric is not None and pool.fabric.kind == "efa":
        memory -= _EFA_HUGE_PAGES_MIB
        pages = {"hugepages-2Mi": f"{_EFA_HUGE_PAGES_MIB}Mi"}
    return {
        CPU: quantity(CPU, shape.cpu_millicores),
        MEMORY: quantity(MEMORY, memory),
        **{name: str(count) for name, count in shape.devices.items()},
        **pages,
    }


def runtime_spec(
    runtime: TrainingRuntime,
    pool: NodePoolHandle,
    *,
    reserve_percent: float,
    annotations: dict[str, str],
) -> dict[str, object]:
    """The spec of a `ClusterTrainingRuntime`: one pod per node, one process per accelerator.

    The trainer counts the accelerators that a pod asks for and starts as many processes.
    """
    resources = pod_resources(pool, reserve_percent)
    shared = runtime.shared_memory_gib or max(1, min(256, int(pool.memory_gib / 8)))
    environment = {"HOME": "/tmp", **fabric_environment(pool.fabric), **runtime.environment}
    container: dict[str, object] = {
        "name": "node",
        "image": runtime.image_for(pool),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    pod: dict[str, object] = {
        "nodeSelector": dict(sorted(pool.labels.items())),
        "tolerations": pool.tolerations(),
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{shared}Gi"}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    template = {**({"metadata": {"annotations": annotations}} if annotations else {}), "spec": pod}
    return {
        "mlPolicy": {"numNodes": runtime.nodes, "torch": {}},
        "template": {
            "spec": {
                "failurePolicy": {"maxRestarts": runtime.max_restarts},
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": dict(_TRAINER_STEP)},
                            "spec": {"backoffLimit": 0, "template": template},
                        },
                    }
                ],
            }
        },
    }
