"""Google Cloud resources: GKE clusters and node pools, instances, disks, and what costs by use."""

from collections.abc import Callable, Mapping

from bedplate.cost.figures import Counts, Pool
from bedplate.cost.resource import MISSING, UNKNOWN, StackResource, get, whole
from bedplate.cost.scope import Scope

_ONE = Counts.always(1)
# Where a node pool says nothing: google_container_node_pool, node_config (from memory).
_MACHINE, _DISK, _DISK_GIB = "e2-medium", "pd-balanced", 100
# A regional cluster spreads every pool over three zones unless it names them (from memory).
_ZONES_OF_A_REGION = 3
CLUSTER = "gcp:container/cluster:Cluster"


def _cluster(scope: Scope, resource: StackResource) -> None:
    book = scope.gcp_book(resource)
    book.add(scope.to, resource.name, "GKE management fee", _ONE, "cluster-hour")
    if resource.get("removeDefaultNodePool") is True or resource.get("enableAutopilot") is True:
        return
    count = scope.number(resource, 1, "initialNodeCount")
    if count is not None:
        _nodes(scope, resource, Counts.always(count * _zones(scope, resource)), None)


def _node_pool(scope: Scope, resource: StackResource) -> None:
    scaling = resource.get("autoscaling")
    if scaling is UNKNOWN:
        scope.unknown(resource, "autoscaling")
        return
    zones = _zones(scope, resource)
    counted = "nodeCount" if resource.get("nodeCount") is not MISSING else "initialNodeCount"
    start = scope.number(resource, 1, counted)
    if start is None:
        return
    if scaling is MISSING:
        _nodes(scope, resource, Counts.always(start * zones), ("nodeCount",) * 3, zones)
        return
    total = get(scaling, "totalMaxNodeCount") is not MISSING
    names = ("totalMinNodeCount", "totalMaxNodeCount") if total else ("minNodeCount", "maxNodeCount")
    least = scope.number(resource, 0, "autoscaling", names[0])
    most = scope.number(resource, None, "autoscaling", names[1])
    if least is None or most is None:
        return
    each = 1 if total else zones
    now = min(max(start * zones, least * each), most * each)
    fields = (f"autoscaling.{names[0]}", "nodeCount", f"autoscaling.{names[1]}")
    _nodes(scope, resource, Counts.of(least * each, now, most * each), fields, each)


def _zones(scope: Scope, resource: StackResource) -> int:
    """In how many zones each node of a pool is."""
    cluster = scope.linked(resource, "cluster", CLUSTER)
    for place in (resource, cluster):
        named = place.get("nodeLocations") if place else MISSING
        if isinstance(named, list | tuple) and named:
            return len(named)
    location = resource.text("location") or (cluster.text("location") if cluster else "")
    return 1 if location.count("-") == 2 else _ZONES_OF_A_REGION


def _nodes(
    scope: Scope,
    resource: StackResource,
    count: Counts,
    fields: tuple[str, str, str] | None,
    zones: int = 1,
) -> None:
    config = resource.get("nodeConfig")
    if config is UNKNOWN or get(config, "machineType") is UNKNOWN:
        scope.unknown(resource, "nodeConfig.machineType")
        return
    machine = str(get(config, "machineType") or _MACHINE)
    size = _DISK_GIB if get(config, "diskSizeGb") is MISSING else whole(get(config, "diskSizeGb"))
    if size is None or get(config, "diskType") is UNKNOWN:
        scope.unknown(resource, "nodeConfig.diskSizeGb or diskType")
        return
    book = scope.gcp_book(resource)
    pool = resource.urn if fields and zones == 1 else ""
    if fields and pool:
        scope.to.pools.append(Pool(resource.name, machine, count, fields, 0, pool))
    note = "counted at the on-demand price: spot never passes the gate" if get(config, "spot") is True else ""
    book.add_machines(scope.to, resource.name, machine, count, pool=pool, note=note)
    disk = str(get(config, "diskType") or _DISK)
    book.add(scope.to, resource.name, disk, count, "GB-month", each=size, pool=pool)


def _instance(scope: Scope, resource: StackResource) -> None:
    machine = resource.text("machineType")
    if not machine:
        scope.unknown(resource, "machineType")
        return
    book = scope.gcp_book(resource)
    book.add_machines(scope.to, resource.name, machine.rsplit("/", 1)[-1], _ONE)
    boot = resource.get("bootDisk", "initializeParams")
    size = whole(get(boot, "size"))
    if size is not None:
        kind = str(get(boot, "type") or "pd-standard")
        book.add(scope.to, resource.name, kind, _ONE, "GB-month", each=size)
    else:
        scope.to.free.append(f"{resource.name}: the boot disk's size is the image's and is not counted")


def _disk(scope: Scope, resource: StackResource) -> None:
    size = scope.number(resource, None, "size")
    if size is not None:
        kind = resource.text("type").rsplit("/", 1)[-1] or "pd-standard"
        scope.gcp_book(resource).add(scope.to, resource.name, kind, _ONE, "GB-month", each=size)


def _by_use(*kinds: str) -> Callable[[Scope, StackResource], None]:
    def handle(scope: Scope, resource: StackResource) -> None:
        scope.kinds.update(kinds)

    return handle


HANDLERS: Mapping[str, Callable[[Scope, StackResource], None]] = {
    CLUSTER: _cluster,
    "gcp:container/nodePool:NodePool": _node_pool,
    "gcp:compute/instance:Instance": _instance,
    "gcp:compute/disk:Disk": _disk,
    "gcp:compute/regionDisk:RegionDisk": _disk,
    "gcp:compute/routerNat:RouterNat": _by_use("gcp-nat", "gcp-egress"),
    "gcp:storage/bucket:Bucket": _by_use("gcs"),
}
"""How a resource of each type is priced."""
