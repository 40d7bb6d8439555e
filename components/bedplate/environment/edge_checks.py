"""What no part of the edge can tell by itself: names across the file, and what parts share of a machine."""

from collections.abc import Iterable, Iterator, Mapping

from bedplate.core.errors import Problems
from bedplate.edge.fleet import EdgeNode
from bedplate.edge.update_args import GIB, RESERVE_GIB
from bedplate.environment.edge_models import EdgeSettings


def check_edge(
    settings: EdgeSettings,
    problems: Problems,
    *,
    name: str,
    pools: Mapping[str, str],
    edge_pools: Iterable[str],
    buckets: Mapping[str, str],
    network_plugin: bool = False,
    path: str = "edge",
) -> None:
    """Adds what speaks against the edge as a whole.

    Args:
        settings: What the file says.
        problems: Where it is added.
        name: The environment's name.
        pools: The pool of each machine of the cluster, by the machine's name.
        edge_pools: The pools at the edge.
        buckets: The namespace of each bucket of the environment, by name.
        network_plugin: Whether the environment brings the cluster's network.
        path: Where the edge stands in the file.
    """
    found = Problems()
    _check_machines(settings, found, pools, tuple(edge_pools))
    _check_stores(settings, found, buckets)
    _check_lines(settings, found)
    _check_caches(settings, found)
    _check_machines_shares(settings, found)
    _check_lengths(settings, found, name)
    k3s = settings.nodes.k3s
    if network_plugin and k3s is not None and k3s.flannel_backend != "none" and _has_servers(settings):
        found.add(
            "nodes.k3s.flannel_backend",
            f"{k3s.flannel_backend!r}, and network.plugin brings another network; allowed: none; set it, or "
            "remove the plugin",
        )
    problems.extend(found, under=path)


def _nodes(settings: EdgeSettings) -> Iterator[tuple[str, EdgeNode]]:
    for index, site in enumerate(settings.nodes.sites):
        for number, node in enumerate(site.nodes):
            yield f"nodes.sites[{index}].nodes[{number}]", node


def _check_machines(
    settings: EdgeSettings, problems: Problems, pools: Mapping[str, str], edge_pools: tuple[str, ...]
) -> None:
    known = [name for name, pool in pools.items() if pool in edge_pools]
    for where, node in _nodes(settings):
        pool = pools.get(node.hostname)
        if pool not in edge_pools:
            what = (
                "no machine of cluster.pools"
                if pool is None
                else f"in pool {pool!r}, which is not at the edge"
            )
            problems.add(
                f"{where}.hostname",
                f"{node.hostname!r} is {what}; allowed: {', '.join(known) or 'none'}; add it to a pool with "
                "role edge, or correct the name",
            )
        elif node.pool is not None and node.pool != pool:
            problems.add(
                f"{where}.pool", f"{node.pool!r}, and cluster.pools has it in {pool!r}; remove it here"
            )


def _check_stores(settings: EdgeSettings, problems: Problems, buckets: Mapping[str, str]) -> None:
    for name in settings.object_stores:
        if name in buckets:
            problems.add(f"object_stores.{name}", "there is a bucket of that name; rename one of the two")
    named = {
        **({"cache.store": settings.cache.store} if settings.cache is not None else {}),
        **{f"lines.{name}.store": line.store for name, line in settings.lines.items()},
        **{f"updates.{name}.store": update.store for name, update in settings.updates.items()},
    }
    space = settings.nodes.namespace
    usable = [*settings.object_stores, *(name for name, where in buckets.items() if where == space)]
    for where, store in named.items():
        if store is None or store in usable:
            continue
        if store in buckets:
            problems.add(
                where,
                f"{store!r} is a bucket with its key in namespace {buckets[store]!r}, and pods at the edge "
                f"read secrets of {space!r} only; allowed: {', '.join(usable) or 'none'}; claim it in "
                f"{space!r}, or name it in object_stores with a secret there",
            )
        else:
            problems.add(
                where,
                f"{store!r} is neither in object_stores nor a bucket of the environment; allowed: "
                f"{', '.join(usable) or 'none'}; add it or correct the name",
            )


def _check_lines(settings: EdgeSettings, problems: Problems) -> None:
    brought: dict[str, str] = {}
    for name, update in settings.updates.items():
        for index, line in enumerate(update.lines):
            where = f"updates.{name}.lines[{index}]"
            if line not in settings.lines:
                problems.add(
                    where,
                    f"{line!r} is not among lines; allowed: {', '.join(settings.lines) or 'none'}; add it or "
                    "correct the name",
                )
            elif line in brought:
                problems.add(
                    where,
                    f"{line!r} gets its model by {brought[line]} already, and both would swap it; remove "
                    "it from one",
                )
            brought.setdefault(line, f"updates.{name}")


def _check_caches(settings: EdgeSettings, problems: Problems) -> None:
    k3s = settings.nodes.k3s
    for index, cache in enumerate(settings.cache.images if settings.cache is not None else ()):
        if k3s is not None and cache.registry not in k3s.mirrors:
            problems.add(
                f"cache.images[{index}].upstream",
                f"{cache.registry!r} is not among nodes.k3s.mirrors, so that no node would ask the cache; "
                f"allowed: {', '.join(k3s.mirrors)}; add it there",
            )


def _check_machines_shares(settings: EdgeSettings, problems: Problems) -> None:
    """Each part fits on a machine by itself; together they must, too."""
    cached = settings.cache.models.size_gib if settings.cache and settings.cache.models else 0.0
    for where, node in _nodes(settings):
        lines = [name for name, line in settings.lines.items() if (line.line or name) in node.lines]
        gpus = sum(settings.lines[name].gpus for name in lines)
        there = node.handle("").gpus
        if len(lines) > 1 and gpus > there:
            problems.add(
                f"{where}.lines",
                f"{', '.join(lines)} ask for {gpus} accelerators; {node.hostname} has {there}; lower their "
                "gpus, or move one to another machine",
            )
        _check_models(settings, problems, node.hostname, lines)
        models = {
            f"updates.{name}": (update.keep + 1) * update.release.size_bytes / GIB
            for name, update in settings.updates.items()
            if any(line in lines for line in update.lines)
        }
        parts = {**({"cache.models": cached} if cached and node.models_gib else {}), **models}
        needed = sum(parts.values()) + RESERVE_GIB
        if len(parts) > 1 and needed > node.models_gib:
            listed = ", ".join(f"{name} {size:.1f}" for name, size in parts.items())
            problems.add(
                f"{where}.models_gib",
                f"{node.models_gib:g} GiB; {listed} and {RESERVE_GIB:g} to spare need {needed:.1f}; raise "
                "it, or lower what they keep",
            )


def _check_models(settings: EdgeSettings, problems: Problems, hostname: str, lines: list[str]) -> None:
    """Lines of one model on one machine share its file, which one update only may swap."""
    by: dict[str, tuple[str, str]] = {}
    for name, update in settings.updates.items():
        for index, line in enumerate(update.lines):
            if line not in lines:
                continue
            model = settings.lines[line].model
            first, other = by.setdefault(model, (name, line))
            if first != name and other != line:
                problems.add(
                    f"updates.{name}.lines[{index}]",
                    f"{line!r} and {other!r} of updates.{first} share the model {model!r} on {hostname}; "
                    "allowed: one update for both; join them",
                )


def _has_servers(settings: EdgeSettings) -> bool:
    return any(node.server for _, node in _nodes(settings))


def _check_lengths(settings: EdgeSettings, problems: Problems, name: str) -> None:
    """Services and the labels of pods are called after the parts; both have at most 63 characters."""
    images = settings.cache.images if settings.cache is not None else ()
    named = {
        **{f"lines.{line}": f"{name}-line-{line}" for line in settings.lines},
        **{f"updates.{update}": f"{name}-model-{update}" for update in settings.updates},
        **{
            f"cache.images[{index}].upstream": f"{name}-cache-{one.site}-{one.object_part}"
            for index, one in enumerate(images)
        },
    }
    for where, made in named.items():
        if len(made) > 63:
            problems.add(
                where,
                f"makes {made!r}, which has {len(made)} characters; allowed: 63; shorten its name, or the "
                "environment's",
            )
