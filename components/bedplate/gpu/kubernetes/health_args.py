"""Arguments of NodeHealth, and what NVSentinel is told by them."""

from typing import Annotated, Literal, Self

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.gpu.kubernetes.facts import xids
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.gpu.kubernetes.health_config import drained_xids
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName

Action = Literal["watch", "quarantine", "drain", "repair"]
Xid = Annotated[int, Field(ge=1, le=999)]

# `repair` reboots nodes, as the clouds' own repair does.
_ORDER: tuple[Action, ...] = ("watch", "quarantine", "drain", "repair")


class NodeHealthArgs(Args):
    """Arguments of NodeHealth.

    Attributes:
        cluster: Where it runs, on every node.
        namespace: Where the detector runs; "kube-system" by default: it reads the kernel's log.
        action: What is done about a node whose GPU is broken: "watch" tells it by a condition; "quarantine"
            cordons the node; "drain" moves its pods away as well; "repair" resets the GPU or reboots the node
            after that. By default "drain", and "watch" where the platform repairs nodes itself (EKS) or
            the cluster has no NVIDIA GPUs, or cert_manager or layer is not given.
        platform_repair: Whether the platform repairs nodes by itself (node_repair of EksGpuNodeGroup, GKE's
            auto-repair); true by default on EKS and GKE. EKS's acts on XIDs, GKE's on nodes that are not
            ready.
        layer: The GPU layer, whose DCGM is asked.
        cert_manager: The release of cert-manager, which NVSentinel's store needs.
        sentinel_namespace: NVSentinel's namespace, made here; "nvsentinel" by default.
        dry_run: Whether NVSentinel only says what it would do; off by default.
        store_class: The storage class of NVSentinel's store; the cluster's by default.
        more_fatal_xids: XIDs that are fatal too, for the detector's condition.
        ignored_xids: XIDs that are not, in spite of the list; for the detector's condition.
        links: Whether the ports of InfiniBand and RoCE cards are watched; by default where a pool has them.
        clock: Whether the clock is watched; on by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sName = "kube-system"
    action: Action | None = None
    platform_repair: bool | None = None
    layer: InstanceOf[GpuLayerHandle] | None = None
    cert_manager: InstanceOf[pulumi.Resource] | None = None
    sentinel_namespace: K8sName = "nvsentinel"
    dry_run: bool = False
    store_class: K8sName | None = None
    more_fatal_xids: tuple[Xid, ...] = ()
    ignored_xids: tuple[Xid, ...] = ()
    links: bool | None = None
    clock: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("NodeHealthArgs")
        self._action_problems(problems)
        both = sorted(set(self.more_fatal_xids) & set(self.ignored_xids))
        if both:
            problems.add(
                "ignored_xids",
                f"{', '.join(map(str, both))} are in more_fatal_xids as well; allowed: one of the two; "
                "remove them from one",
            )
        application = {one.number for one in xids() if one.action == "application"}
        for number in sorted(application & set(self.more_fatal_xids)):
            problems.add(
                "more_fatal_xids",
                f"{number} is raised by a faulty program, and would take a healthy node from everybody; "
                "allowed: XIDs of the GPU itself; remove it",
            )
        if not self.fatal_xids:
            problems.add("ignored_xids", "nothing is left that is fatal; allowed: some; remove a few")
        if self.links and not self._fabrics():
            problems.add(
                "links",
                "true, but no pool has InfiniBand or RoCE; allowed: false; remove it",
            )
        problems.raise_if_any()
        return self

    def _action_problems(self, problems: Problems) -> None:
        action = self.action
        if action is None or action == "watch":
            return
        platform = self.cluster.platform
        if not self.gpu_pools:
            problems.add(
                "action",
                f"{action!r}, but {self.cluster.name} has no NVIDIA GPUs to act on; allowed: watch; remove "
                "the line",
            )
            return
        if self.repaired_by_platform and (platform == "eks" or action == "repair"):
            who = "EKS replaces such nodes itself" if platform == "eks" else "GKE repairs nodes itself"
            problems.add(
                "action",
                f"{action!r}, but {who}: two repairs would work against each other; allowed: "
                f"{'watch' if platform == 'eks' else 'watch, quarantine, drain'}; choose one of these, or "
                "switch the node pools' repair off and set platform_repair to false",
            )
        if self.layer is None:
            problems.add(
                "layer", f"not given, and action {action!r} asks DCGM; give NvidiaGpuOperator's handle"
            )
        elif self.layer.vendor != "nvidia" or self.layer.dcgm_service is None:
            problems.add(
                "layer",
                f"action {action!r} needs NVIDIA's DCGM as a service; allowed: NvidiaGpuOperator with "
                "standalone_dcgm; switch it on",
            )
        if self.cert_manager is None:
            problems.add(
                "cert_manager",
                f"not given, and action {action!r} keeps events in a store with TLS; give cert-manager's "
                "release",
            )

    def _fabrics(self) -> bool:
        return any(
            pool.fabric is not None and pool.fabric.kind in ("infiniband", "roce")
            for pool in self.cluster.pools
        )

    @property
    def gpu_pools(self) -> tuple[NodePoolHandle, ...]:
        """The pools with NVIDIA GPUs."""
        return tuple(
            pool
            for pool in self.cluster.pools
            if pool.accelerator is not None and pool.accelerator.vendor == "nvidia"
        )

    @property
    def repaired_by_platform(self) -> bool:
        """Whether the platform repairs nodes."""
        return self.cluster.platform != "onprem" if self.platform_repair is None else self.platform_repair

    @property
    def does(self) -> Action:
        """What is done about a node whose GPU is broken."""
        if self.action is not None:
            return self.action
        able = self.layer is not None and self.layer.dcgm_service and self.cert_manager is not None
        by_eks = self.cluster.platform == "eks" and self.repaired_by_platform
        return "drain" if able and self.gpu_pools and not by_eks else "watch"

    @property
    def acts(self) -> bool:
        """Whether anything is done beyond telling."""
        return self.does != "watch"

    @property
    def fatal_xids(self) -> tuple[int, ...]:
        """The XIDs of the detector's condition."""
        return drained_xids(self.more_fatal_xids, self.ignored_xids)

    @property
    def watches_links(self) -> bool:
        """Whether ports of the fabric are watched."""
        return self._fabrics() if self.links is None else self.links


def sentinel_values(args: NodeHealthArgs) -> dict[str, object]:
    """The values of NVSentinel's chart.

    https://docs.nvidia.com/nvsentinel/ (Configuration: fault quarantine, node drainer, fault remediation,
    MongoDB store; 2026-11-25); janitor and labeler as NVIDIA/aicr sets them (recipes/components/nvsentinel).
    """
    assert args.layer is not None
    at_least = {one: _ORDER.index(args.does) >= _ORDER.index(one) for one in _ORDER}
    persistence = {} if args.store_class is None else {"persistence": {"storageClass": args.store_class}}
    return {
        "fullnameOverride": "nvsentinel",
        "global": {
            "dryRun": args.dry_run,
            "tolerations": [{"operator": "Exists"}],
            "mongodbStore": {"enabled": True},
            "faultQuarantine": {"enabled": at_least["quarantine"]},
            "nodeDrainer": {"enabled": at_least["drain"]},
            "faultRemediation": {"enabled": at_least["repair"]},
            "janitor": {"enabled": at_least["repair"]},
        },
        # No driver pod tells of a driver that the node's image brought.
        "labeler": {"assumeDriverInstalled": args.layer.driver_preinstalled},
        "janitor-provider": {"csp": {"provider": "generic"}},
        # The store's image is built for this architecture only (NVSentinel, "MongoDB Store Configuration").
        "mongodb-store": {"mongodb": {"nodeSelector": {"kubernetes.io/arch": "amd64"}, **persistence}},
    }
