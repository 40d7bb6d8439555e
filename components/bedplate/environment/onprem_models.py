"""What an environment on your own racks is, as its file says it; checked before anything is made."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from bedplate.cluster.onprem import OLDEST_MINOR, OnPremClusterArgs
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.environment.edge_models import EdgeSettings
from bedplate.environment.layer_models import KubernetesLayerSettings
from bedplate.environment.models import Name, Text
from bedplate.environment.settings import plain_part
from bedplate.kubernetes.snapshots import SnapshotControllerArgs
from bedplate.network.onprem import ClusterNetworkArgs
from bedplate.network.onprem_load_balancer import LoadBalancerPoolArgs
from bedplate.network.onprem_rdma import RdmaNetworkArgs
from bedplate.storage.ceph.block import CephBlockStoreArgs
from bedplate.storage.ceph.bucket import CephBucketArgs
from bedplate.storage.ceph.cluster import RookCephClusterArgs
from bedplate.storage.ceph.external import ExternalCephClusterArgs
from bedplate.storage.ceph.files import CephFileStoreArgs
from bedplate.storage.ceph.object_store import CephObjectStoreArgs
from bedplate.storage.ceph.operator import RookOperatorArgs

if TYPE_CHECKING:
    ClusterSettings = OnPremClusterArgs
    NetworkSettings = ClusterNetworkArgs
    LoadBalancerSettings = LoadBalancerPoolArgs
    RdmaSettings = RdmaNetworkArgs
    RookSettings = RookOperatorArgs
    CephClusterSettings = RookCephClusterArgs
    ExternalCephSettings = ExternalCephClusterArgs
    BlockSettings = CephBlockStoreArgs
    FileSettings = CephFileStoreArgs
    StoreSettings = CephObjectStoreArgs
    BucketSettings = CephBucketArgs
    SnapshotSettings = SnapshotControllerArgs
else:
    # The kubeconfig is a secret and stands apart; the cluster's name is the environment's.
    ClusterSettings = plain_part(OnPremClusterArgs, without=("kubeconfig", "cluster_name"))
    NetworkSettings = plain_part(ClusterNetworkArgs, without=("cluster",))
    LoadBalancerSettings = plain_part(LoadBalancerPoolArgs, without=("cluster", "network", "install"))
    RdmaSettings = plain_part(RdmaNetworkArgs, without=("cluster", "network"))
    RookSettings = plain_part(RookOperatorArgs, without=())
    CephClusterSettings = plain_part(RookCephClusterArgs, without=("namespace", "operator_namespace"))
    ExternalCephSettings = plain_part(ExternalCephClusterArgs, without=("operator_namespace",))
    BlockSettings = plain_part(CephBlockStoreArgs, without=("cluster", "snapshot_controller"))
    FileSettings = plain_part(CephFileStoreArgs, without=("cluster", "snapshot_controller"))
    StoreSettings = plain_part(CephObjectStoreArgs, without=("cluster", "cert_manager"))
    SnapshotSettings = plain_part(SnapshotControllerArgs, without=("after",))
    BucketSettings = plain_part(CephBucketArgs, without=("store",))


class NetworkPart(Args):
    """The cluster's own network. Each is made where it is given.

    Attributes:
        plugin: Cilium or Calico; absent: what the cluster came with.
        load_balancers: Addresses for services of type LoadBalancer, by a name of your choice. Needs plugin.
        rdma: How pods reach the fabric; absent: they do not.
    """

    plugin: NetworkSettings | None = None
    load_balancers: dict[Name, LoadBalancerSettings] = Field(default_factory=dict)
    rdma: RdmaSettings | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        problems = Problems("network")
        if self.load_balancers and self.plugin is None:
            problems.add(
                "load_balancers",
                f"{len(self.load_balancers)} given without plugin, whose ranges their addresses are checked "
                "against; allowed: both or none; describe the network's plugin",
            )
        problems.raise_if_any()
        return self


class CephPart(Args):
    """Ceph, run by Rook on the cluster's machines, or connected to where it runs elsewhere.

    Attributes:
        operator: Rook's operator.
        cluster: The Ceph cluster; this or external.
        external: A Ceph cluster that exists; this or cluster.
        snapshots: The snapshot controller, of which a cluster has one; absent: it is there already, or no
            block or files ask for snapshots.
        block: Classes of block volumes, by a name of your choice.
        files: File systems.
        object_stores: Object stores, for buckets.
    """

    operator: RookSettings = Field(default_factory=lambda: RookSettings.model_validate({}))
    cluster: CephClusterSettings | None = None
    external: ExternalCephSettings | None = None
    snapshots: SnapshotSettings | None = None
    block: dict[Name, BlockSettings] = Field(default_factory=dict)
    files: dict[Name, FileSettings] = Field(default_factory=dict)
    object_stores: dict[Name, StoreSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        problems = Problems("ceph")
        if (self.cluster is None) == (self.external is None):
            given = "both given" if self.cluster is not None else "neither given"
            problems.add("cluster", f"cluster and external: {given}; allowed: exactly one; give one of them")
        problems.raise_if_any()
        return self


class BucketPart(BucketSettings):
    """A bucket, and the object store that it is on.

    Attributes:
        object_store: The name of one of ceph.object_stores; may be left out where there is one only.
    """

    object_store: str | None = None


# The machines of the control plane, among `costs`.
CONTROL_PLANE = "control_plane"


class MachineCosts(Args):
    """What one machine costs. Money is in US dollars.

    Attributes:
        capital_usd: The machine, with its share of network and racks.
        amortisation_months: Over how many months that is written off.
        power_watts: What it draws on average while it runs.
        energy_usd_per_kwh: The price of energy.
        pue: What the site draws for each watt of the machine; 1.5 by default.
        hosting_usd_per_month: Space, cooling, connectivity; nothing by default.
        staff_usd_per_month: Its share of those who run it; nothing by default.
    """

    capital_usd: float = Field(gt=0, le=1e9)
    amortisation_months: int = Field(ge=1, le=240)
    power_watts: float = Field(ge=0, le=1e6)
    energy_usd_per_kwh: float = Field(ge=0, le=100)
    pue: float = Field(default=1.5, ge=1, le=5)
    hosting_usd_per_month: float = Field(default=0, ge=0, le=1e9)
    staff_usd_per_month: float = Field(default=0, ge=0, le=1e9)


class OnPremFields(Args):
    """The fields of an environment on machines of your own, each by itself.

    Attributes:
        kind: Your own racks.
        name: Begins the name of everything in the environment.
        owner: The team that answers for it.
        cost_center: Who pays; nobody in particular by default.
        cluster: The cluster: its version and its machines. Its kubeconfig is `bedplate:kubeconfig`.
        network: The cluster's own network.
        ceph: Storage; absent: none.
        buckets: Object stores by claim, by a name of your choice.
        kubernetes: What runs on the cluster before anybody's work does.
        edge: Sites at the edge, with their caches, metrics, models and lines; absent: none.
        costs: What a machine costs, by its pool's name or `control_plane`; `bedplate cost` counts what is
            given, and says what is not.
    """

    kind: Literal["onprem"]
    name: Name
    owner: Text
    cost_center: str = ""
    cluster: ClusterSettings
    network: NetworkPart = NetworkPart()
    ceph: CephPart | None = None
    buckets: dict[Name, BucketPart] = Field(default_factory=dict)
    kubernetes: KubernetesLayerSettings = KubernetesLayerSettings()
    edge: EdgeSettings | None = None
    costs: dict[str, MachineCosts] = Field(default_factory=dict)


class OnPremEnvironment(OnPremFields):
    """One environment on machines of your own: fields that fit together."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # Imported here: the wiring needs this class.
        from bedplate.environment.onprem import check_onprem

        problems = Problems("environment")
        check_onprem(self, problems)
        problems.raise_if_any()
        return self


# Stand for what cannot be left out while the rest of a file is judged.
STAND_INS: dict[str, object] = {
    "kind": "onprem",
    "name": "environment",
    "owner": "owner",
    "cluster.version": f"1.{OLDEST_MINOR}",
    "cluster": {
        "version": f"1.{OLDEST_MINOR}",
        "pools": {"none": {"cpu": 1, "memory_gib": 1, "nodes": [{"name": "none", "rack": "none"}]}},
    },
}
# What says nothing about the file where something under the first path was taken out of it.
FOLLOWS: dict[str, tuple[str, ...]] = {
    "name": ("kubernetes.serving.gateway.address_pool", "kubernetes.monitoring.stack.grafana"),
    "cluster.storage_class": ("kubernetes.monitoring.stack.grafana", "ceph"),
    "cluster.pools": (
        "cluster",
        "network.rdma",
        "network.plugin",
        "network.load_balancers",
        "ceph",
        "kubernetes.queueing",
        "kubernetes.gpu",
        "kubernetes.scaling",
        "kubernetes.monitoring.stack.grafana",
        "edge",
        "costs",
    ),
    "network": ("network", "kubernetes.serving.gateway"),
    "ceph": ("ceph", "buckets", "kubernetes.monitoring", "edge"),
    "buckets": ("kubernetes.monitoring.logs", "kubernetes.monitoring.log_archive", "edge"),
    "kubernetes.cert_manager": ("ceph.object_stores", "kubernetes.serving", "kubernetes.gpu"),
    "kubernetes.gpu": ("kubernetes.gpu", "network.rdma", "kubernetes.queueing.queues"),
    "kubernetes.queueing": ("kubernetes.queueing",),
    "kubernetes.monitoring": ("kubernetes.monitoring", "buckets"),
    "kubernetes.serving": ("kubernetes.serving",),
    "edge": ("edge", "buckets"),
}
