"""How the parts of the edge are wired together: the fleet before buckets in its namespace, the rest after."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pydantic import BaseModel

from bedplate.edge.cache import EdgeCache, EdgeCacheArgs
from bedplate.edge.camera import CameraLine, CameraLineArgs, CameraLineHandle
from bedplate.edge.handles import EdgeHandle
from bedplate.edge.metrics import EdgeMetrics, EdgeMetricsArgs
from bedplate.edge.nodes import EdgeNodes, EdgeNodesArgs
from bedplate.edge.update import ModelUpdate, ModelUpdateArgs
from bedplate.environment.building import NOTHING, Build, Checking, standing_in
from bedplate.environment.edge_models import EdgeSettings, ExistingStore, LinePart, UpdatePart
from bedplate.environment.settings import given
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.storage.handles import CredentialsReference, ObjectStoreHandle


@dataclass(frozen=True, kw_only=True)
class EdgeWiring:
    """The wiring of one cluster's edge: `fleet` first, then the environment's buckets, then `rest`.

    Attributes:
        build: What it is run against.
        settings: What the file says.
        cluster: The cluster.
        pools: The pool of each machine of the cluster, by the machine's name.
        path: Where the edge stands in the file.
    """

    build: Build
    settings: EdgeSettings
    cluster: KubernetesHandle
    pools: Mapping[str, str]
    path: str = "edge"

    def fleet(self) -> EdgeHandle | None:
        """The sites, with the namespace of all that runs there; None where they are refused."""
        return self.build.add(
            "edge",
            f"{self.path}.nodes",
            EdgeNodes,
            EdgeNodesArgs,
            {**given(self.settings.nodes), "sites": self._sites(), "cluster": self.cluster},
            handle=lambda made: made.handle,
            stand_in=_standing_fleet,
            options=self.cluster.options(),
        )

    def rest(self, edge: EdgeHandle | None, buckets: Mapping[str, ObjectStoreHandle]) -> None:
        """Everything but the fleet. `buckets`: those of the environment, by name."""
        if edge is None:
            return
        stores = {**buckets, **self._stores(edge)}
        self._cache(edge, stores)
        self._metrics(edge)
        lines = {
            name: handle
            for name, line in self.settings.lines.items()
            if (handle := self._line(edge, name, line, stores)) is not None
        }
        for name, update in self.settings.updates.items():
            self._update(edge, name, update, lines, stores)

    def _sites(self) -> list[object]:
        """The sites as the file has them, with what stands elsewhere in it: pools, and the sites' caches."""
        k3s, cache = self.settings.nodes.k3s, self.settings.cache
        made: list[object] = []
        for site in self.settings.nodes.sites:
            endpoints: dict[str, tuple[str, ...]] = dict(site.mirror_endpoints)
            for one in cache.images if cache is not None else ():
                if k3s is not None and one.site == site.name and one.registry in k3s.mirrors:
                    endpoints[one.registry] = (*endpoints.get(one.registry, ()), one.endpoint)
            nodes = tuple(
                node
                if node.pool is not None or node.hostname not in self.pools
                else node.model_copy(update={"pool": self.pools[node.hostname]})
                for node in site.nodes
            )
            made.append(site.model_copy(update={"nodes": nodes, "mirror_endpoints": endpoints}))
        return made

    def _stores(self, edge: EdgeHandle) -> dict[str, ObjectStoreHandle]:
        # Outputs need a running program, and a file is checked without one.
        checking = isinstance(self.build, Checking)
        return {
            name: standing_in(ObjectStoreHandle, region=store.region) if checking else _existing(store, edge)
            for name, store in self.settings.object_stores.items()
        }

    def _cache(self, edge: EdgeHandle, stores: Mapping[str, ObjectStoreHandle]) -> None:
        cache = self.settings.cache
        if cache is None or _missing(cache.store, stores):
            return
        self.build.add(
            "cache",
            f"{self.path}.cache",
            EdgeCache,
            EdgeCacheArgs,
            {**_own(cache), "edge": edge, "store": _store(cache.store, stores)},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self._options(),
        )

    def _metrics(self, edge: EdgeHandle) -> None:
        if self.settings.metrics is None:
            return
        self.build.add(
            "metrics",
            f"{self.path}.metrics",
            EdgeMetrics,
            EdgeMetricsArgs,
            {**given(self.settings.metrics), "edge": edge},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self._options(),
        )

    def _line(
        self, edge: EdgeHandle, name: str, line: LinePart, stores: Mapping[str, ObjectStoreHandle]
    ) -> CameraLineHandle | None:
        if _missing(line.store, stores):
            return None
        return self.build.add(
            f"line-{name}",
            f"{self.path}.lines.{name}",
            CameraLine,
            CameraLineArgs,
            {
                **_own(line),
                "edge": edge,
                "line": line.line or name,
                "store": _store(line.store, stores),
            },
            handle=lambda made: made.handle,
            stand_in=_standing_line,
            options=self._options(),
        )

    def _update(
        self,
        edge: EdgeHandle,
        name: str,
        update: UpdatePart,
        lines: Mapping[str, CameraLineHandle],
        stores: Mapping[str, ObjectStoreHandle],
    ) -> None:
        if _missing(update.store, stores) or any(line not in lines for line in update.lines):
            return
        self.build.add(
            f"model-{name}",
            f"{self.path}.updates.{name}",
            ModelUpdate,
            ModelUpdateArgs,
            {
                **_own(update),
                "edge": edge,
                "lines": tuple(lines[line] for line in update.lines),
                "store": stores[update.store],
            },
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self._options(),
        )

    def _options(self) -> pulumi.ResourceOptions:
        return self.cluster.options()


def _standing_fleet(args: EdgeNodesArgs) -> EdgeHandle | None:
    if not args.sites:
        return None
    return EdgeHandle(
        namespace=args.namespace,
        sites=tuple(site.handle() for site in args.sites),
        tolerations=(),
        runtime_class=None,
        resources=(),
    )


def _standing_line(args: CameraLineArgs) -> CameraLineHandle | None:
    """None where no machine serves the line, so that nothing can be said of its model's update."""
    if not any(args.line in node.lines for node in args.edge.nodes):
        return None
    return standing_in(
        CameraLineHandle,
        line=args.line,
        model=args.model,
        nodes=args.nodes,
        server_labels={},
        port=args.port,
        health_path=args.health_path,
        reload_path=args.reload_path,
        idle_path=args.idle_path,
        resource=NOTHING,
    )


def _own(part: BaseModel) -> dict[str, object]:
    """What is given of a part, without what the file has as names of other parts."""
    return {field: value for field, value in given(part).items() if field not in ("store", "line", "lines")}


def _missing(name: str | None, stores: Mapping[str, ObjectStoreHandle]) -> bool:
    """Whether a store is named that is not there, which has been told by `check_edge` or as its own."""
    return name is not None and name not in stores


def _store(name: str | None, stores: Mapping[str, ObjectStoreHandle]) -> ObjectStoreHandle | None:
    return None if name is None else stores[name]


def _existing(store: ExistingStore, edge: EdgeHandle) -> ObjectStoreHandle:
    return ObjectStoreHandle.from_existing(
        name=store.bucket_name,
        region=store.region,
        endpoint=store.endpoint,
        path_style=store.path_style,
        credentials=CredentialsReference(
            namespace=pulumi.Output.from_input(edge.namespace),
            secret_name=pulumi.Output.from_input(store.credentials.secret_name),
            access_key_id_key=store.credentials.access_key_id_key,
            secret_access_key_key=store.credentials.secret_access_key_key,
        ),
    )
