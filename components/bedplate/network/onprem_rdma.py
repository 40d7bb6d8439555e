"""RDMA for pods on your own fabric: NVIDIA's network operator, adapters shared or cut into virtual
functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.network.onprem_rdma_args import RdmaFabric, RdmaNetworkArgs
from bedplate.network.onprem_rdma_specs import (
    address_pool,
    bare,
    chart_values,
    cluster_policy,
    node_policy,
    pool_config,
    shared_network,
    sriov_network,
)

__all__ = ["RdmaFabric", "RdmaNetwork", "RdmaNetworkArgs", "RdmaNetworkHandle"]

_SRIOV = "sriovnetwork.openshift.io/v1"
_NVIDIA = "mellanox.com/v1alpha1"


@dataclass(frozen=True, kw_only=True)
class RdmaNetworkHandle:
    """What a pod needs to say to get on the fabric.

    Attributes:
        resources: Extended resource to how much of it a node has.
        networks: Extended resource to the networks, each `<namespace>/<name>`, that the pod names in its
            annotation k8s.v1.cni.cncf.io/networks; empty where none is needed. With SR-IOV the one network is
            named as often as the resource is asked for.
        after: What must be there before such a pod starts.
    """

    resources: Mapping[str, int]
    networks: Mapping[str, tuple[str, ...]]
    after: tuple[pulumi.Resource, ...] = ()


class RdmaNetwork(pulumi.ComponentResource):
    """The operator, and what it makes of the adapters of the pools."""

    handle: RdmaNetworkHandle

    def __init__(self, name: str, args: RdmaNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:RdmaNetwork", name, None, opts)
        # Drivers, device plugins and network plugins work on their nodes.
        room = namespace(
            self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged"
        )
        operator = release(
            self,
            child(name, "operator"),
            chart_name="network-operator",
            namespace=args.namespace,
            values=chart_values(args),
            after=[room, *([] if args.features is None else [args.features.release])],
        )
        policy = custom_object(
            self,
            child(name, "policy"),
            api_version=_NVIDIA,
            kind="NicClusterPolicy",
            # The operator takes one policy, by this name.
            object_name="nic-cluster-policy",
            spec=cluster_policy(args),
            after=[operator],
        )
        self._name, self._args = name, args
        after: list[pulumi.Resource] = [operator, policy]
        after += self._addresses([operator, policy])
        networks = self._functions(after) if args.mode == "sriov" else self._shared(after)
        self.handle = RdmaNetworkHandle(
            resources={resource: args.resources_per_node(resource) for resource in args.fabrics},
            networks=networks,
            after=tuple(after),
        )
        self.register_outputs({})

    def _addresses(self, after: list[pulumi.Resource]) -> list[pulumi.Resource]:
        """The kind comes with the policy, which has the operator start the plugin."""
        return [
            custom_object(
                self,
                child(self._name, f"addresses-{_slug(resource)}"),
                api_version="nv-ipam.nvidia.com/v1alpha1",
                kind="IPPool",
                object_name=self._pool_name(resource),
                namespace=self._args.namespace,
                spec=address_pool(self._args, resource),
                after=after,
            )
            for resource, fabric in self._args.fabrics.items()
            if fabric.address_range is not None
        ]

    def _functions(self, after: list[pulumi.Resource]) -> dict[str, tuple[str, ...]]:
        args = self._args
        networks: dict[str, tuple[str, ...]] = {}
        exclusive: set[str] = set()
        for resource in args.fabrics:
            for pool in args.pools_of(resource):
                if pool.name not in exclusive:
                    exclusive.add(pool.name)
                    self._object(
                        f"pool-{pool.name}", _SRIOV, "SriovNetworkPoolConfig", pool_config(pool), after
                    )
                self._object(
                    f"functions-{_slug(resource)}-{pool.name}",
                    _SRIOV,
                    "SriovNetworkNodePolicy",
                    node_policy(args, resource, pool),
                    after,
                )
            kind = "SriovIBNetwork" if args.kind_of(resource) == "infiniband" else "SriovNetwork"
            spec = sriov_network(args, resource, self._pool_name(resource))
            part = f"network-{_slug(resource)}"
            self._object(part, _SRIOV, kind, spec, after)
            networks[resource] = (f"{args.networks_namespace}/{child(self._name, part)}",)
        return networks

    def _shared(self, after: list[pulumi.Resource]) -> dict[str, tuple[str, ...]]:
        args = self._args
        networks: dict[str, tuple[str, ...]] = {}
        for resource, fabric in args.fabrics.items():
            names: list[str] = []
            kind = "IPoIBNetwork" if args.kind_of(resource) == "infiniband" else "MacvlanNetwork"
            for index, interface in enumerate(fabric.interfaces if fabric.address_range else ()):
                part = f"network-{_slug(resource)}-{index}"
                spec = shared_network(args, resource, interface, self._pool_name(resource))
                custom_object(
                    self,
                    child(self._name, part),
                    api_version=_NVIDIA,
                    kind=kind,
                    object_name=child(self._name, part),
                    spec=spec,
                    after=after,
                )
                names.append(f"{args.networks_namespace}/{child(self._name, part)}")
            networks[resource] = tuple(names)
        return networks

    def _object(
        self, part: str, api_version: str, kind: str, spec: Mapping[str, object], after: list[pulumi.Resource]
    ) -> None:
        custom_object(
            self,
            child(self._name, part),
            api_version=api_version,
            kind=kind,
            object_name=child(self._name, part),
            namespace=self._args.namespace,
            spec=spec,
            after=after,
        )

    def _pool_name(self, resource: str) -> str:
        return child(self._name, _slug(resource))


def _slug(resource: str) -> str:
    return bare(resource).replace("_", "-")
