"""Arguments of a cluster's RDMA network: which adapters carry collectives, and how pods share them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.gpu.kubernetes.handles import NodeFeaturesHandle
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sLabel
from bedplate.network.onprem_args import ClusterNetworkHandle
from bedplate.network.onprem_ranges import AddressText, Cidr, Named, overlap_problems, parse_range

# Linux, IFNAMSIZ: 15 characters (from memory).
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
# The most virtual functions of one port of a ConnectX-7 (NVIDIA firmware, NUM_OF_VFS; from memory).
MOST_VIRTUAL_FUNCTIONS = 127
# The largest packets in bytes: IPoIB's in connected mode is 4092 with a subnet manager's 4096 (from memory).
_MOST_MTU = {"infiniband": 4092, "roce": 9216}
RDMA_KINDS = ("infiniband", "roce")


def _interface(name: str) -> str:
    if not _INTERFACE.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of an interface; allowed: at most 15 letters, digits, '.', '_' and "
            "'-', such as ens1f0np0; see `ip link`"
        )
    return name


def _pci(address: str) -> str:
    if not _PCI.fullmatch(address):
        raise ValueError(
            f"{address!r} is not a PCI address; allowed: 0000:3b:00.0, in lower case; see `lspci -D`"
        )
    return address


class RdmaFabric(Args):
    """The adapters behind one extended resource.

    Attributes:
        interfaces: The interfaces of the adapters, the same on every node of the pools; as many as the pools
            have. Needed where pods share adapters.
        pci_addresses: Their PCI addresses, in place of interfaces; for SR-IOV only.
        device_id: The adapters' device ID, such as 1021 (ConnectX-7) or a2dc (BlueField-3); any by default.
        mtu: The largest packet in bytes; 9000 for RoCE and 4092 for InfiniBand by default.
        functions_per_device: Virtual functions of each adapter, for SR-IOV; 1 by default: a pod gets all of
            an adapter.
        pods_per_device: Pods that share an adapter, where they do; 1 by default.
        address_range: Where pods get addresses on the fabric. Needed for RoCE, which finds peers by them;
            none by default for InfiniBand, whose collectives need none.
        addresses_per_node: A node's part of the range; by default as many as pods of a node can ask for.
        gateway: The range's router, where fabrics of racks are routed; none by default.
        vlan: The VLAN of a RoCE fabric's virtual functions; none by default.
    """

    interfaces: tuple[Annotated[str, AfterValidator(_interface)], ...] = ()
    pci_addresses: tuple[Annotated[str, AfterValidator(_pci)], ...] = ()
    device_id: str | None = Field(default=None, pattern=r"^[0-9a-f]{4}$")
    mtu: int | None = Field(default=None, ge=1280)
    functions_per_device: int = Field(default=1, ge=1, le=MOST_VIRTUAL_FUNCTIONS)
    pods_per_device: int = Field(default=1, ge=1, le=1000)
    address_range: Cidr | None = None
    addresses_per_node: int | None = Field(default=None, ge=1)
    gateway: AddressText | None = None
    vlan: int | None = Field(default=None, ge=1, le=4094)

    @property
    def adapters(self) -> int:
        return len(self.interfaces) or len(self.pci_addresses)


class RdmaNetworkArgs(Args):
    """Arguments of RdmaNetwork.

    Attributes:
        cluster: The cluster. Its pools say which extended resource is on which nodes.
        fabrics: Extended resource (as the pools announce it, such as rdma/infiniband) to its adapters.
        network: The cluster's network, with whose ranges the fabrics may not be mixed up; not checked by
            default.
        mode: "sriov" by default: a pod gets virtual functions of its own, and sees no others. "shared": pods
            share the adapters themselves, up to `pods_per_device` on each.
        driver: Whose driver is used: "host" by default, that of the machines; "operator" has the network
            operator load NVIDIA's on every node, which takes the network down while it is loaded.
        namespace: The operator's namespace, made here; "nvidia-network-operator" by default.
        networks_namespace: Where pods find the networks; "default" by default. Pods elsewhere name it with
            them.
        features: Node Feature Discovery, which labels nodes with adapters; the operator waits for it and
            brings its own rule. By default the labels are taken to be there.
        node_feature_discovery: Whether the chart brings Node Feature Discovery, for a cluster without GPUs;
            off by default. A cluster has one: two take each other's labels away.
    """

    cluster: KubernetesHandle
    fabrics: dict[str, RdmaFabric]
    network: ClusterNetworkHandle | None = None
    mode: Literal["shared", "sriov"] = "sriov"
    driver: Literal["host", "operator"] = "host"
    namespace: K8sLabel = "nvidia-network-operator"
    networks_namespace: K8sLabel = "default"
    features: InstanceOf[NodeFeaturesHandle] | None = None
    node_feature_discovery: bool = False

    @model_validator(mode="after")
    def _check(self) -> "RdmaNetworkArgs":
        problems = Problems("RdmaNetworkArgs")
        announced = {
            pool.fabric.resource: pool.fabric.kind
            for pool in self.cluster.pools
            if pool.fabric is not None and pool.fabric.kind in RDMA_KINDS
        }
        known = ", ".join(sorted(announced)) or "none"
        for resource in sorted(set(self.fabrics) - set(announced)):
            problems.add(
                "fabrics",
                f"{resource!r} is the resource of no pool; allowed: {known}; correct it, or give a pool the "
                "fabric",
            )
        for resource in sorted(set(announced) - set(self.fabrics)):
            problems.add(
                "fabrics",
                f"pools announce {resource!r}, and nothing is said of its adapters; add an entry for it",
            )
        for resource, fabric in self.fabrics.items():
            if resource in announced:
                self._check_fabric(problems, resource, fabric, announced[resource])
        self._check_ranges(problems)
        if self.features is not None and self.node_feature_discovery:
            problems.add(
                "node_feature_discovery",
                f"on, and features runs in {self.features.namespace!r}; two take each other's labels away; "
                "allowed: one of the two; remove it",
            )
        problems.raise_if_any()
        return self

    def _check_fabric(self, problems: Problems, resource: str, fabric: RdmaFabric, kind: str) -> None:
        path = f"fabrics.{resource}"
        if bool(fabric.interfaces) == bool(fabric.pci_addresses):
            problems.add(
                f"{path}.interfaces",
                f"{'both' if fabric.interfaces else 'neither'} of interfaces and pci_addresses; allowed: "
                "one of the two; say which adapters they are",
            )
        if self.mode == "shared" and not fabric.interfaces:
            problems.add(
                f"{path}.interfaces", 'none, and mode is "shared"; allowed: the interfaces; name them'
            )
        for field in ("interfaces", "pci_addresses"):
            given = getattr(fabric, field)
            if len(set(given)) < len(given):
                problems.add(f"{path}.{field}", "one of them is given twice; remove it")
        for pool in self.pools_of(resource):
            assert pool.fabric is not None
            if fabric.adapters and pool.fabric.count != fabric.adapters:
                problems.add(
                    f"{path}.interfaces",
                    f"{fabric.adapters} adapters, and the nodes of pool {pool.name!r} have "
                    f"{pool.fabric.count}; allowed: all of them; correct one of the two, or give the pool a "
                    "resource of its own",
                )
        unused = "pods_per_device" if self.mode == "sriov" else "functions_per_device"
        if getattr(fabric, unused) != 1:
            problems.add(
                f"{path}.{unused}", f'{getattr(fabric, unused)}, and mode is "{self.mode}"; remove it'
            )
        mtu = self.mtu_of(resource)
        if mtu > _MOST_MTU[kind]:
            problems.add(f"{path}.mtu", f"{mtu}; allowed for {kind}: 1280 to {_MOST_MTU[kind]}; lower it")
        if kind == "roce" and fabric.address_range is None:
            problems.add(
                f"{path}.address_range",
                "none, and RoCE finds its peers by addresses; allowed: a range of its own; give it",
            )
        if fabric.vlan is not None and (kind == "infiniband" or self.mode == "shared"):
            problems.add(f"{path}.vlan", "given; allowed for RoCE by SR-IOV only; remove it")
        for field in ("gateway", "addresses_per_node"):
            if getattr(fabric, field) is not None and fabric.address_range is None:
                problems.add(f"{path}.{field}", "given without address_range; give both or neither")
        if fabric.address_range is not None:
            self._check_addresses(problems, path, resource, fabric)

    def _check_addresses(self, problems: Problems, path: str, resource: str, fabric: RdmaFabric) -> None:
        assert fabric.address_range is not None
        block = parse_range(fabric.address_range)
        nodes = sum(pool.max_nodes for pool in self.pools_of(resource))
        needed = nodes * self.addresses_per_node(resource)
        # Network, broadcast and gateway.
        if needed > block.num_addresses - 3:
            problems.add(
                f"{path}.address_range",
                f"{fabric.address_range!r} has {block.num_addresses} addresses, and {nodes} nodes of "
                f"{self.addresses_per_node(resource)} each take {needed} beside the network's own; give a "
                "wider range",
            )
        least = fabric.adapters * (
            fabric.functions_per_device if self.mode == "sriov" else fabric.pods_per_device
        )
        if fabric.addresses_per_node is not None and fabric.addresses_per_node < least:
            problems.add(
                f"{path}.addresses_per_node",
                f"{fabric.addresses_per_node}, and pods of a node can ask for {least}; raise it",
            )
        if fabric.gateway is not None:
            inside = parse_range(fabric.address_range)
            if not any(str(address) == fabric.gateway for address in (inside[1], inside[-2])):
                problems.add(
                    f"{path}.gateway",
                    f"{fabric.gateway!r}; allowed: {inside[1]} or {inside[-2]}, the ends of the range; the "
                    "parts of the nodes are cut from between; move it",
                )

    def _check_ranges(self, problems: Problems) -> None:
        groups = [
            Named(
                f"fabrics.{resource}.address_range",
                f"fabric {resource}'s",
                (fabric.address_range,),
                single=True,
            )
            for resource, fabric in self.fabrics.items()
            if fabric.address_range is not None
        ]
        if self.network is not None:
            groups = [
                Named("network.pod_cidrs", "the pods'", self.network.pod_cidrs),
                Named("network.service_cidrs", "the services'", self.network.service_cidrs),
                *groups,
            ]
        overlap_problems(problems, groups)

    def pools_of(self, resource: str) -> list[NodePoolHandle]:
        """The pools whose nodes have a resource."""
        return [
            pool
            for pool in self.cluster.pools
            if pool.fabric is not None and pool.fabric.resource == resource
        ]

    def kind_of(self, resource: str) -> str:
        """The kind of fabric behind a resource."""
        pool = self.pools_of(resource)[0]
        assert pool.fabric is not None
        return pool.fabric.kind

    def mtu_of(self, resource: str) -> int:
        """The largest packet on a fabric, in bytes."""
        return self.fabrics[resource].mtu or (9000 if self.kind_of(resource) == "roce" else 4092)

    def addresses_per_node(self, resource: str) -> int:
        """A node's part of a fabric's range."""
        fabric = self.fabrics[resource]
        if fabric.addresses_per_node is not None:
            return fabric.addresses_per_node
        return self.resources_per_node(resource)

    def resources_per_node(self, resource: str) -> int:
        """How much of a resource a node has."""
        fabric = self.fabrics[resource]
        share = fabric.functions_per_device if self.mode == "sriov" else fabric.pods_per_device
        return fabric.adapters * share
