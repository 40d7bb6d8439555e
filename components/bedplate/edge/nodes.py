"""A fleet of edge nodes: how K3s is set up on each, their disks, GPUs and the namespace of what runs."""

from typing import Annotated, Literal

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.edge.fleet import EdgeNode, EdgeSite, fleet_problems
from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle, link_tolerations
from bedplate.edge.k3s import K3sSettings, config, registries, role_commands
from bedplate.edge.pods import untyped
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import MANAGED, namespace, options

__all__ = ["EdgeNodes", "EdgeNodesArgs"]

MODELS_PATH = "/var/lib/bedplate/models"
BUFFER_PATH = "/var/lib/bedplate/buffer"
"""The mount point that the alert EdgeBufferFilling watches."""


class EdgeNodesArgs(Args):
    """Arguments of EdgeNodes.

    Attributes:
        cluster: The cluster that the nodes join. Its pools with `edge` say what they tolerate.
        sites: The places, and the machines at each.
        k3s: How K3s is set up; None where the nodes run something else.
        namespace: Where everything at the edge runs, made here; "edge" by default.
        outage_seconds: How long pods stay on a node that is not heard of, in seconds; for ever by default, as
            nothing else could take over what is wired to that machine.
        gpus: Who tells Kubernetes of NVIDIA's GPUs: its device plugin, installed here for these nodes
            ("device-plugin", by default); the GPU operator, installed elsewhere; or nobody ("none").
    """

    cluster: InstanceOf[KubernetesHandle]
    sites: tuple[EdgeSite, ...]
    k3s: K3sSettings | None = None
    namespace: K8sName = "edge"
    outage_seconds: Annotated[int, Field(ge=300)] | None = None
    gpus: Literal["device-plugin", "gpu-operator", "none"] = "device-plugin"

    @model_validator(mode="after")
    def _check(self) -> "EdgeNodesArgs":
        problems = Problems("EdgeNodesArgs")
        problems.extend(fleet_problems(self.sites))
        for index, site in enumerate(self.sites):
            for registry in sorted(set(site.mirror_endpoints) - set(self.k3s.mirrors if self.k3s else ())):
                problems.add(
                    f"sites[{index}].mirror_endpoints",
                    f"{registry!r} is not among k3s.mirrors, so that nobody asks it; add it there",
                )
            for number, node in enumerate(site.nodes):
                where = f"sites[{index}].nodes[{number}]"
                if node.kind.integrated and self.gpus == "gpu-operator":
                    problems.add(
                        f"{where}.device",
                        f"{node.device} with gpus 'gpu-operator': its driver is part of JetPack, and "
                        "the operator does not serve Jetsons; allowed: gpus 'device-plugin'; change it",
                    )
                if node.gpus and self.gpus == "none":
                    problems.add("gpus", f"'none', and {node.hostname} has some; choose who serves them")
                if node.pool is not None and node.pool not in {pool.name for pool in self.pools}:
                    problems.add(
                        f"{where}.pool",
                        f"{node.pool!r} is no pool at the edge; {self.cluster.name}'s edge pools: "
                        f"{_described(self.pools)}; correct it",
                    )
                elif not _fitting(self.pools, node):
                    problems.add(
                        f"{where}.device",
                        f"{node.device} is {node.kind.architecture}; {self.cluster.name}'s edge pools: "
                        f"{_described(self.pools)}; add the pool, or correct the device",
                    )
        room = sum(pool.max_nodes for pool in self.pools)
        count = sum(len(site.nodes) for site in self.sites)
        if self.pools and count > room:
            problems.add(
                "sites", f"{count} nodes; the edge pools of {self.cluster.name} hold {room}; raise max_nodes"
            )
        problems.raise_if_any()
        return self

    @property
    def pools(self) -> tuple[NodePoolHandle, ...]:
        """The cluster's pools at the edge."""
        return tuple(pool for pool in self.cluster.pools if pool.edge)


def _fitting(pools: tuple[NodePoolHandle, ...], node: EdgeNode) -> NodePoolHandle | None:
    """The pool of a node: the one named, or of its architecture, with GPUs if it has some and one has."""
    same = [
        pool
        for pool in pools
        if pool.architecture == node.kind.architecture and node.pool in (None, pool.name)
    ]
    gpu = bool(node.kind.accelerator)
    return next((pool for pool in same if (pool.accelerator is not None) == gpu), same[0] if same else None)


def _described(pools: tuple[NodePoolHandle, ...]) -> str:
    return ", ".join(f"{pool.name} ({pool.architecture})" for pool in pools) or "none"


class EdgeNodes(pulumi.ComponentResource):
    """The fleet: configuration of its nodes, their disks as volumes, their GPUs."""

    handle: EdgeHandle
    """What the other components of the edge take."""
    k3s_files: pulumi.Output[dict[str, str]]
    """`<hostname>.config.yaml` and `<hostname>.registries.yaml` for /etc/rancher/k3s; no secrets."""
    commands: pulumi.Output[list[str]]
    """What an administrator runs once the nodes have joined: roles, which nodes may not give themselves."""

    def __init__(self, name: str, args: EdgeNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:EdgeNodes", name, None, opts)
        self._name, self._args = name, args
        space = namespace(self, child(name, "namespace"), object_name=args.namespace)
        self._closed(space)
        self._limited(space)
        sites = tuple(site.handle() for site in args.sites)
        nodes = tuple(node for site in sites for node in site.nodes)
        ready: list[pulumi.Resource] = [space]
        if any(node.models_gib or node.buffer_gib for node in nodes):
            ready += self._disks(nodes, space)
        runtime_class = None
        if any(node.gpus for node in nodes) and args.gpus != "none":
            ready += self._gpus(nodes)
            runtime_class = f"{name}-nvidia"
        files = k3s_files(args)
        if files:
            k8s.core.v1.ConfigMap(
                child(name, "k3s"),
                metadata=untyped(
                    {"name": f"{name}-k3s", "namespace": args.namespace, "labels": dict(MANAGED)}
                ),
                data=files,
                opts=options(self, [space]),
            )
        tolerations = [one for pool in args.pools for one in pool.tolerations()]
        self.handle = EdgeHandle(
            namespace=args.namespace,
            sites=sites,
            tolerations=link_tolerations(tolerations, args.outage_seconds),
            runtime_class=runtime_class,
            resources=tuple(ready),
        )
        self.k3s_files = pulumi.Output.from_input(files)
        self.commands = pulumi.Output.from_input(
            role_commands([node for site in args.sites for node in site.nodes])
        )
        self.register_outputs({"k3s_files": self.k3s_files, "commands": self.commands})

    def _closed(self, space: pulumi.Resource) -> None:
        """Nothing comes in and nothing goes out, names apart, unless another policy says so."""
        k8s.networking.v1.NetworkPolicy(
            child(self._name, "closed"),
            metadata=untyped({"name": "closed", "namespace": self._args.namespace, "labels": dict(MANAGED)}),
            spec=untyped(
                {
                    "podSelector": {},
                    "policyTypes": ["Ingress", "Egress"],
                    "egress": [
                        {
                            "to": [
                                {
                                    "namespaceSelector": {
                                        "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
                                    },
                                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                                }
                            ],
                            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
                        }
                    ],
                }
            ),
            opts=options(self, [space]),
        )

    def _limited(self, space: pulumi.Resource) -> None:
        """What others put there without saying what it needs gets little: the machines are small."""
        k8s.core.v1.LimitRange(
            child(self._name, "limits"),
            metadata=untyped({"name": "limits", "namespace": self._args.namespace, "labels": dict(MANAGED)}),
            spec=untyped(
                {
                    "limits": [
                        {
                            "type": "Container",
                            "defaultRequest": {"cpu": "50m", "memory": "128Mi"},
                            "default": {"memory": "256Mi"},
                        }
                    ]
                }
            ),
            opts=options(self, [space]),
        )

    def _disks(self, nodes: tuple[EdgeNodeHandle, ...], space: pulumi.Resource) -> list[pulumi.Resource]:
        """Each node's file systems as volumes with claims of their own: no pod needs a path of the node."""
        storage_class = k8s.storage.v1.StorageClass(
            child(self._name, "disks"),
            metadata=untyped({"name": f"{self._name}-disks", "labels": dict(MANAGED)}),
            provisioner="kubernetes.io/no-provisioner",
            volume_binding_mode="WaitForFirstConsumer",
            reclaim_policy="Retain",
            opts=options(self),
        )
        made: list[pulumi.Resource] = []
        for node in nodes:
            for purpose, path, size, claim in (
                ("models", MODELS_PATH, node.models_gib, node.models_claim),
                ("buffer", BUFFER_PATH, node.buffer_gib, node.buffer_claim),
            ):
                if size:
                    capacity = f"{round(size * 1024)}Mi"
                    made.append(self._disk(node, purpose, path, capacity, claim, storage_class))
        return made

    def _disk(
        self,
        node: EdgeNodeHandle,
        purpose: str,
        path: str,
        size: str,
        claim: str,
        storage_class: k8s.storage.v1.StorageClass,
    ) -> pulumi.Resource:
        name = child(self._name, f"{purpose}-{node.hostname}")
        affinity = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.hostname]}
        volume = k8s.core.v1.PersistentVolume(
            name,
            metadata=untyped({"name": name, "labels": dict(MANAGED)}),
            spec=untyped(
                {
                    "capacity": {"storage": size},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": f"{self._name}-disks",
                    "volumeMode": "Filesystem",
                    "local": {"path": path},
                    "claimRef": {"namespace": self._args.namespace, "name": claim},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [affinity]}]}},
                }
            ),
            opts=options(self, [storage_class]),
        )
        return k8s.core.v1.PersistentVolumeClaim(
            child(name, "claim"),
            metadata=untyped(
                {
                    "name": claim,
                    "namespace": self._args.namespace,
                    "labels": dict(MANAGED),
                    # It is bound when its first pod comes.
                    "annotations": {"pulumi.com/skipAwait": "true"},
                }
            ),
            spec=untyped(
                {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": f"{self._name}-disks",
                    "volumeName": name,
                    "resources": {"requests": {"storage": size}},
                }
            ),
            opts=options(self, [volume]),
        )

    def _gpus(self, nodes: tuple[EdgeNodeHandle, ...]) -> list[pulumi.Resource]:
        runtime = k8s.node.v1.RuntimeClass(
            child(self._name, "runtime"),
            # K3s makes a class "nvidia" of its own, and no two can have one name.
            metadata=untyped({"name": f"{self._name}-nvidia", "labels": dict(MANAGED)}),
            handler="nvidia",
            opts=options(self),
        )
        if self._args.gpus != "device-plugin":
            return [runtime]
        kinds = {node.device.name: node.device for node in nodes if node.gpus}
        made: list[pulumi.Resource] = [runtime]
        for part, strategy, integrated in (("plugin", "nvml", False), ("jetson-plugin", "tegra", True)):
            chosen = sorted(name for name, device in kinds.items() if device.integrated is integrated)
            if chosen:
                made.append(
                    release(
                        self,
                        child(self._name, part),
                        chart_name="nvidia-device-plugin",
                        release_name=f"{self._name}-{part}",
                        # A device plugin talks to the kubelet by its socket on the node.
                        namespace="kube-system",
                        values=_plugin_values(self._args, strategy, chosen, f"{self._name}-nvidia"),
                        after=[runtime],
                    )
                )
        return made


def _plugin_values(
    args: EdgeNodesArgs, strategy: str, kinds: list[str], runtime_class: str
) -> dict[str, object]:
    chosen = {"key": "bedplate/device", "operator": "In", "values": kinds}
    return {
        "deviceDiscoveryStrategy": strategy,
        "runtimeClassName": runtime_class,
        "failOnInitError": True,
        "gfd": {"enabled": False},
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [chosen]}]
                }
            }
        },
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            *(one for pool in args.pools for one in pool.tolerations()),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }


def k3s_files(args: EdgeNodesArgs) -> dict[str, str]:
    """The configuration of every node; empty where K3s is not ours to set up."""
    if args.k3s is None:
        return {}
    files: dict[str, str] = {}
    for site in args.sites:
        for node in site.nodes:
            pool = _fitting(args.pools, node)
            assert pool is not None  # the arguments were checked
            files[f"{node.hostname}.config.yaml"] = config(args.k3s, node, site.name, pool.name, pool.taints)
            files[f"{node.hostname}.registries.yaml"] = registries(args.k3s, site)
    return files
