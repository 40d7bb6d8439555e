"""What no single pool of an inventory can tell: names, racks, zones and versions over all of them."""

from collections.abc import Iterable, Mapping

from bedplate.cluster.onprem_inventory import OnPremNode, OnPremPool, PoolFabric
from bedplate.core.errors import Problems


def inventory_problems(
    pools: Mapping[str, OnPremPool], control_plane: tuple[OnPremNode, ...], version: str
) -> Problems:
    """What no single pool can tell: names, racks and zones over all pools, and the kubelets' versions."""
    problems = Problems("inventory")
    if not pools:
        problems.add("pools", "none; allowed: one or more; describe the machines")
    _check_names(problems, pools, control_plane)
    _check_racks(problems, pools, control_plane)
    _check_fabrics(problems, pools)
    for name, pool in pools.items():
        _check_version(problems, f"pools.{name}.kubelet_version", pool.kubelet_version, version)
    if pools and all(
        any(taint.effect != "PreferNoSchedule" for taint in p.all_taints) for p in pools.values()
    ):
        problems.add(
            "pools",
            "all of them are tainted, so that operators have nowhere to run; allowed: at least one without; "
            "add one with the role system, or set role_taint to false on one",
        )
    if len(control_plane) not in (0, 1, 3, 5, 7):
        problems.add(
            "control_plane",
            f"{len(control_plane)} machines; allowed: 1, 3, 5 or 7, since etcd needs a majority and an even "
            "number outlives no more losses; add or remove one",
        )
    return problems


def _check_names(
    problems: Problems, pools: Mapping[str, OnPremPool], control_plane: tuple[OnPremNode, ...]
) -> None:
    places: dict[str, list[str]] = {}
    for path, node in _all(pools, control_plane):
        places.setdefault(node.name, []).append(path)
    for node_name, paths in places.items():
        if len(paths) > 1:
            problems.add(
                f"{paths[1]}.name",
                f"{node_name!r} is also {' and '.join(paths[:1] + paths[2:])}; a machine is in one pool; "
                "remove it from the others",
            )


def _check_racks(
    problems: Problems, pools: Mapping[str, OnPremPool], control_plane: tuple[OnPremNode, ...]
) -> None:
    zones: dict[str, str] = {}
    for path, node in _all(pools, control_plane):
        first = zones.setdefault(node.rack, node.where)
        if first != node.where:
            problems.add(
                f"{path}.zone",
                f"{node.where!r} for rack {node.rack!r}, which is in {first!r} for another node; a rack is "
                "in one zone; correct one of them",
            )
    racks = [node.rack for node in control_plane]
    if len(zones) >= 3 and len(racks) >= 3:
        for rack in sorted(set(racks)):
            if racks.count(rack) * 2 > len(racks):
                problems.add(
                    "control_plane",
                    f"{racks.count(rack)} of {len(racks)} are in rack {rack!r}, and its loss would stop the "
                    f"cluster; allowed: at most {len(racks) // 2} in one rack; spread them over the "
                    f"{len(zones)} racks",
                )


def _check_fabrics(problems: Problems, pools: Mapping[str, OnPremPool]) -> None:
    seen: dict[str, tuple[str, PoolFabric]] = {}
    for name, pool in pools.items():
        if pool.fabric is None:
            continue
        first, fabric = seen.setdefault(pool.fabric.resource_name, (name, pool.fabric))
        if fabric.kind != pool.fabric.kind:
            problems.add(
                f"pools.{name}.fabric.resource",
                f"{pool.fabric.resource_name!r} is {fabric.kind} in pool {first!r} and {pool.fabric.kind} "
                "here; a resource is of one kind; rename it",
            )


def _check_version(problems: Problems, path: str, kubelet: str | None, version: str) -> None:
    """https://kubernetes.io/releases/version-skew-policy/ (from memory)"""
    if kubelet is None:
        return
    behind = minor(version) - minor(kubelet)
    if not 0 <= behind <= 3:
        way = "newer than" if behind < 0 else f"{behind} versions behind"
        problems.add(
            path,
            f"{kubelet!r} is {way} the control plane's {version}; allowed: 1.{max(0, minor(version) - 3)} to "
            f"{version}; upgrade the older one first",
        )


def minor(version: str) -> int:
    """The minor version as a number: 36 of "1.36"."""
    return int(version.split(".")[1])


def _all(
    pools: Mapping[str, OnPremPool], control_plane: tuple[OnPremNode, ...]
) -> Iterable[tuple[str, OnPremNode]]:
    for index, node in enumerate(control_plane):
        yield f"control_plane[{index}]", node
    for name, pool in pools.items():
        for index, node in enumerate(pool.nodes):
            yield f"pools.{name}.nodes[{index}]", node
