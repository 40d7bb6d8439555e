"""A Kubernetes cluster on your own racks that exists: reached by its kubeconfig, its nodes told what they
are.
"""

from typing import Annotated, Literal

import pulumi
import pulumi_kubernetes as k8s
from pydantic import AfterValidator, Field, model_validator

from bedplate.cluster.onprem_checks import inventory_problems, minor
from bedplate.cluster.onprem_inventory import (
    OnPremNode,
    OnPremPool,
    PoolAccelerator,
    PoolDisks,
    PoolFabric,
    node_labels,
    pool_handle,
    topology_levels,
)
from bedplate.cluster.onprem_kubeconfig import check_kubeconfig, server_of
from bedplate.cluster.onprem_labels import NodeTaint
from bedplate.core import Args, In
from bedplate.core.errors import ArgsError, Problems
from bedplate.core.inputs import checked
from bedplate.core.naming import child
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import options

__all__ = [
    "NodeTaint",
    "OnPremCluster",
    "OnPremClusterArgs",
    "OnPremNode",
    "OnPremPool",
    "PoolAccelerator",
    "PoolDisks",
    "PoolFabric",
]

# The oldest whose objects the Kubernetes layer is written for: sidecars, DRA and restricted anonymous access
# came before it (https://kubernetes.io/releases/, from memory).
OLDEST_MINOR = 32


def supported_version(version: str) -> str:
    """The minor version, given back. Raises ValueError where it is too old or no minor version."""
    parts = version.split(".")
    if len(parts) != 2 or parts[0] != "1" or not parts[1].isdecimal():
        raise ValueError(
            f"{version!r} is not a minor version of Kubernetes; allowed: 1.<minor>, such as '1.36' in "
            "quotes; leave the patch release out"
        )
    if minor(version) < OLDEST_MINOR:
        raise ValueError(
            f"{version!r} is older than the Kubernetes layer is made for; allowed: 1.{OLDEST_MINOR} and "
            "newer; upgrade the cluster one minor version at a time"
        )
    return version


class OnPremClusterArgs(Args):
    """Arguments of OnPremCluster.

    Attributes:
        kubeconfig: The kubeconfig's content. It is a secret: it is encrypted in the state and never printed.
            Exec plugins are allowed; files that it names, and connections that are not verified, are not.
        version: The control plane's minor version, such as "1.36".
        pools: Pool name to its machines.
        control_plane: The machines of the control plane where they are yours to describe; an odd number.
        cluster_name: The cluster's name; the component's by default.
        context: The kubeconfig's context; its current one by default.
        cluster_identifier: What tells this cluster from another: when it changes, everything in the cluster
            is made anew. By default the API server's address; give it before that address changes.
        manage_nodes: What is written on the nodes: "labels-and-taints" by default. "labels" where the
            kubelets register with their taints, "nothing" where they register with their labels as well (as
            those of BareMetalCluster do).
        storage_class: The class of plain block volumes; the cluster's default by default.
    """

    kubeconfig: In[str] = Field(repr=False)
    version: Annotated[str, AfterValidator(supported_version)]
    pools: dict[K8sLabel, OnPremPool]
    control_plane: tuple[OnPremNode, ...] = ()
    cluster_name: K8sLabel | None = None
    context: str | None = Field(default=None, min_length=1)
    cluster_identifier: str | None = Field(default=None, min_length=1)
    manage_nodes: Literal["labels-and-taints", "labels", "nothing"] = "labels-and-taints"
    storage_class: K8sName | None = None

    @model_validator(mode="after")
    def _check(self) -> "OnPremClusterArgs":
        problems = Problems("OnPremClusterArgs")
        problems.extend(inventory_problems(self.pools, self.control_plane, self.version))
        if isinstance(self.kubeconfig, str):
            try:
                check_kubeconfig(self.kubeconfig, self.context)
            except ArgsError as error:
                problems.extend(error.problems, "kubeconfig")
        problems.raise_if_any()
        return self


class OnPremCluster(pulumi.ComponentResource):
    """A cluster that exists, and what its nodes are."""

    handle: KubernetesHandle
    server: pulumi.Output[str]
    """The API server's address, without its scheme."""

    def __init__(
        self, name: str, args: OnPremClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:OnPremCluster", name, None, opts)
        context = args.context
        secret = pulumi.Output.secret(args.kubeconfig)

        def check(text: str) -> str:
            return check_kubeconfig(text, context)

        kubeconfig = checked(secret, check, "kubeconfig")
        # An address is no secret, and the identifier is shown when clusters are told apart.
        self.server = pulumi.Output.unsecret(kubeconfig.apply(lambda text: server_of(text, context)))
        provider = k8s.Provider(
            child(name, "provider"),
            kubeconfig=kubeconfig,
            context=context,
            cluster_identifier=args.cluster_identifier or self.server,
            enable_server_side_apply=True,
            opts=options(self),
        )
        nodes = [node for pool in args.pools.values() for node in pool.nodes]
        ready = self._mark(name, args, provider)
        self.handle = KubernetesHandle(
            name=args.cluster_name or name,
            platform="onprem",
            version=args.version,
            provider=provider,
            pools=tuple(pool_handle(key, pool) for key, pool in args.pools.items()),
            topology_levels=topology_levels(nodes),
            storage_class=args.storage_class,
            ready=tuple(ready),
        )
        self.register_outputs({"server": self.server})

    def _mark(self, name: str, args: OnPremClusterArgs, provider: k8s.Provider) -> list[pulumi.Resource]:
        """Labels and taints, by server-side apply of those fields only: kubelets go on owning their nodes.

        A node's taints are one field to the API server, so that a list which something else has written is
        refused as a conflict, never overwritten: it may hold the mark of a broken node.
        """
        if args.manage_nodes == "nothing":
            return []
        made: list[pulumi.Resource] = []
        for pool_name, pool in args.pools.items():
            taints = [
                k8s.core.v1.TaintPatchArgs(key=taint.key, effect=taint.effect, value=taint.value or None)
                for taint in pool.all_taints
            ]
            with_taints = taints and args.manage_nodes == "labels-and-taints"
            for node in pool.nodes:
                made.append(
                    k8s.core.v1.NodePatch(
                        child(name, f"node-{node.name}"),
                        metadata={"name": node.name, "labels": node_labels(pool_name, pool, node)},
                        spec=k8s.core.v1.NodeSpecPatchArgs(taints=taints) if with_taints else None,
                        opts=pulumi.ResourceOptions(parent=self, provider=provider),
                    )
                )
        return made
