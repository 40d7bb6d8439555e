"""Node Feature Discovery: labels that tell what a node has."""

from typing import Self

import pulumi
from pydantic import InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.gpu.kubernetes.handles import NodeFeaturesHandle
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import custom_object, namespace

__all__ = ["NodeFeatureDiscovery", "NodeFeatureDiscoveryArgs"]

_API_VERSION = "nfd.k8s-sigs.io/v1alpha1"
# PCI classes: network, InfiniBand, display and 3D controllers, accelerators (PCI ID repository; from memory).
_PCI_CLASSES = ["02", "0200", "0207", "0300", "0302", "0380", "12"]
_LABELS = {
    "bedplate/gpu-vendor": "whose GPUs the node has: nvidia or amd",
    "bedplate/rdma-nic": "what kind of RDMA cards the node has: mellanox or efa",
    "bedplate/nvidia-peermem": "true where nvidia-peermem is loaded, so that cards reach GPU memory",
    "bedplate/numa": "true where memory is nearer to some cores than to others",
    "bedplate/kernel-5.11": "true where the kernel is 5.11 or newer, which Ceph's encrypted messages need",
}
_RACK_LABEL = {"topology.rook.io/rack": "the rack, as the node itself tells"}


class NodeFeatureDiscoveryArgs(Args):
    """Arguments of NodeFeatureDiscovery.

    Attributes:
        cluster: Where it runs, on every node.
        namespace: Where it runs; "kube-system" by default: its workers read the node's own files.
        make_namespace: Whether the namespace is made; off by default.
        racks_from_nodes: Whether nodes tell their rack by a line `rack=NAME` in a file under
            /etc/kubernetes/node-feature-discovery/features.d; on-prem only, off by default.
        numa_topology: Whether the free resources of each NUMA zone are published, for schedulers that read
            NodeResourceTopology; off by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sName = "kube-system"
    make_namespace: bool = False
    racks_from_nodes: bool = False
    numa_topology: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("NodeFeatureDiscoveryArgs")
        if self.make_namespace and self.namespace.startswith("kube-"):
            problems.add(
                "make_namespace",
                f"true, but {self.namespace!r} is the cluster's own; allowed: false; remove it or choose "
                "another namespace",
            )
        if self.racks_from_nodes and self.cluster.platform != "onprem":
            problems.add(
                "racks_from_nodes",
                f"true on {self.cluster.platform}, whose nodes do not know their rack; allowed: false; "
                "remove it: the cloud labels nodes with its own topology",
            )
        problems.raise_if_any()
        return self


def rules(*, racks: bool) -> dict[str, list[dict[str, object]]]:
    """The rules that give Bedplate's labels, by the name of the object that holds them."""
    found: dict[str, list[dict[str, object]]] = {
        "gpus": [
            _pci("nvidia", "bedplate/gpu-vendor", "nvidia", vendor="10de", classes=["0300", "0302"]),
            _pci("amd", "bedplate/gpu-vendor", "amd", vendor="1002", classes=["0302", "0380", "1200"]),
        ],
        "rdma": [
            _pci("mellanox", "bedplate/rdma-nic", "mellanox", vendor="15b3", classes=["0200", "0207"]),
            {
                "name": "efa",
                "labels": {"bedplate/rdma-nic": "efa"},
                # Amazon's cards of class 0200 are ENA as well; EFA's own device numbers are these
                # (Linux, drivers/infiniband/hw/efa/efa_main.c; from memory).
                "matchFeatures": [
                    {
                        "feature": "pci.device",
                        "matchExpressions": {
                            "vendor": {"op": "In", "value": ["1d0f"]},
                            "device": {"op": "In", "value": ["efa0", "efa1", "efa2", "efa3"]},
                        },
                    }
                ],
            },
            {
                "name": "nvidia-peermem",
                "labels": {"bedplate/nvidia-peermem": "true"},
                "matchFeatures": [
                    {
                        "feature": "kernel.loadedmodule",
                        "matchExpressions": {"nvidia_peermem": {"op": "Exists"}},
                    }
                ],
            },
        ],
        "numa": [
            {
                "name": "numa",
                "labels": {"bedplate/numa": "true"},
                "matchFeatures": [
                    {"feature": "memory.numa", "matchExpressions": {"is_numa": {"op": "IsTrue"}}}
                ],
            }
        ],
        "kernel": [
            {
                "name": "kernel-5-11",
                "labels": {"bedplate/kernel-5.11": "true"},
                "matchAny": [
                    {"matchFeatures": [_kernel({"major": {"op": "Gt", "value": ["5"]}})]},
                    {
                        "matchFeatures": [
                            _kernel(
                                {
                                    "major": {"op": "In", "value": ["5"]},
                                    "minor": {"op": "Gt", "value": ["10"]},
                                }
                            )
                        ]
                    },
                ],
            }
        ],
    }
    if racks:
        found["racks"] = [
            {
                "name": "rack",
                "labelsTemplate": "{{ range .local.feature }}topology.rook.io/rack={{ .Value }}\n{{ end }}",
                "matchFeatures": [
                    {"feature": "local.feature", "matchExpressions": {"rack": {"op": "Exists"}}}
                ],
            }
        ]
    return found


def _pci(name: str, label: str, value: str, *, vendor: str, classes: list[str]) -> dict[str, object]:
    return {
        "name": name,
        "labels": {label: value},
        "matchFeatures": [
            {
                "feature": "pci.device",
                "matchExpressions": {
                    "vendor": {"op": "In", "value": [vendor]},
                    "class": {"op": "In", "value": classes},
                },
            }
        ],
    }


def _kernel(expressions: dict[str, dict[str, object]]) -> dict[str, object]:
    return {"feature": "kernel.version", "matchExpressions": expressions}


def _values(args: NodeFeatureDiscoveryArgs) -> dict[str, object]:
    tolerations: list[dict[str, str]] = [
        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
    ]
    for pool in args.cluster.pools:
        tolerations += [one for one in pool.tolerations() if one not in tolerations]
    return {
        "priorityClassName": "system-node-critical",
        "master": {"extraLabelNs": ["nvidia.com", "amd.com", "bedplate", "topology.rook.io"]},
        "worker": {
            "tolerations": tolerations,
            "config": {
                "sources": {"pci": {"deviceClassWhitelist": _PCI_CLASSES, "deviceLabelFields": ["vendor"]}}
            },
        },
        "topologyUpdater": {"enable": args.numa_topology, "tolerations": tolerations},
    }


class NodeFeatureDiscovery(pulumi.ComponentResource):
    """One Node Feature Discovery for the operators of all vendors, with rules of Bedplate's own.

    Attributes:
        handle: What operators need of it.
    """

    handle: NodeFeaturesHandle

    def __init__(
        self, name: str, args: NodeFeatureDiscoveryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:NodeFeatureDiscovery", name, None, opts)
        before: list[pulumi.Resource] = []
        if args.make_namespace:
            before.append(
                namespace(
                    self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged"
                )
            )
        discovery = release(
            self,
            child(name, "discovery"),
            chart_name="node-feature-discovery",
            namespace=args.namespace,
            values=_values(args),
            after=before,
        )
        for part, found in rules(racks=args.racks_from_nodes).items():
            custom_object(
                self,
                child(name, part),
                api_version=_API_VERSION,
                kind="NodeFeatureRule",
                object_name=f"bedplate-{part}",
                spec={"rules": found},
                after=[discovery],
            )
        self.handle = NodeFeaturesHandle(
            namespace=args.namespace,
            release=discovery,
            labels={**_LABELS, **(_RACK_LABEL if args.racks_from_nodes else {})},
        )
        self.register_outputs({"namespace": args.namespace})
