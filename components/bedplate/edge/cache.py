"""Caches at sites: models of a bucket on each node's disk, and images for all nodes of a site."""

import ipaddress
from typing import Annotated

import pulumi
import pulumi_kubernetes as k8s
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.catalog import image
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle
from bedplate.edge.pods import (
    CONTAINER_SECURITY,
    METRICS_PORT,
    Json,
    agent_code,
    agent_container,
    checked_credentials,
    code_digest,
    deployment,
    digest,
    labels,
    node_spec,
    pod_security,
    resources_of,
    store_config,
    store_env,
    untyped,
)
from bedplate.kubernetes.names import K8sLabel
from bedplate.kubernetes.objects import MANAGED, options
from bedplate.storage.handles import ObjectStoreHandle

__all__ = ["EdgeCache", "EdgeCacheArgs", "ImageCache", "ModelCache"]

GIB = 1 << 30
_REGISTRY_PORT = 5000


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address; give a free one of the cluster's services") from None


class ModelCache(Args):
    """A copy of what lies under a prefix of a bucket, on every node with a disk for models.

    Attributes:
        prefix: The prefix, such as "published/"; a pod finds <key> under /models/cache/<key>.
        size_gib: What it may take of each node's disk; what was used longest ago goes first.
        bandwidth_kib_per_second: What it may take of the link; no limit by default.
        poll_seconds: How often the bucket is looked at; 300 by default.
    """

    prefix: str = Field(pattern=r"^[^/\s][^\s]*$")
    size_gib: float = Field(gt=0)
    bandwidth_kib_per_second: Annotated[int, Field(ge=8)] | None = None
    poll_seconds: int = Field(default=300, ge=10, le=86400)


class ImageCache(Args):
    """A registry that fetches what it lacks from another one, on the buffer disk of one node per site.

    Attributes:
        site: The site.
        upstream: The registry that it stands for, such as "https://nvcr.io"; Docker Hub's is
            "https://registry-1.docker.io".
        cluster_ip: A free address of the cluster's services, chosen by you, for the site's
            `mirror_endpoints={"nvcr.io": ("http://<cluster_ip>:5000",)}`: containerd resolves no names of
            the cluster. Images are checked by their digests.
        keep_hours: How long an image is kept; 168 by default.
    """

    site: K8sLabel
    upstream: str = Field(pattern=r"^https://[A-Za-z0-9.\-]+(:\d+)?$")
    cluster_ip: Annotated[str, AfterValidator(_address)]
    keep_hours: int = Field(default=168, ge=1)

    @property
    def registry(self) -> str:
        """The registry's name, as images have it and K3s' mirrors do."""
        host = self.upstream.removeprefix("https://")
        return "docker.io" if host == "registry-1.docker.io" else host

    @property
    def object_part(self) -> str:
        """The registry in names of objects."""
        return self.registry.replace(".", "-").replace(":", "-").lower()

    @property
    def endpoint(self) -> str:
        """Where the site's nodes ask it."""
        return f"http://{self.cluster_ip}:{_REGISTRY_PORT}"


class EdgeCacheArgs(Args):
    """Arguments of EdgeCache. Without `images`, nodes hand images to each other (K3s' embedded registry).

    Attributes:
        edge: The fleet.
        models: Which models are copied; none by default.
        store: The bucket that they are in.
        images: Registries that sites have a cache for; none by default.
    """

    edge: InstanceOf[EdgeHandle]
    models: ModelCache | None = None
    store: InstanceOf[ObjectStoreHandle] | None = None
    images: tuple[ImageCache, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "EdgeCacheArgs":
        problems = Problems("EdgeCacheArgs")
        if self.models is None and not self.images:
            problems.add("models", "none, and no images; allowed: one of the two or both; give what to cache")
        if (self.models is None) != (self.store is None):
            problems.add("store", "models and store go together; give both, or neither")
        if self.models is not None:
            if not self.nodes:
                problems.add("models", "no node has a disk for models; give some models_gib")
            for node in self.nodes:
                if self.models.size_gib > node.models_gib - 1:
                    problems.add(
                        "models.size_gib",
                        f"{self.models.size_gib:g}; {node.hostname} has {node.models_gib:g} GiB for models; "
                        "1 of them stays free; lower it, or raise models_gib",
                    )
        seen: set[tuple[str, str]] = set()
        addresses: set[str] = set()
        for index, cache in enumerate(self.images):
            try:
                site = self.edge.site(cache.site)
            except ValueError as error:
                problems.add(f"images[{index}].site", str(error))
                continue
            if site.gateway is None:
                problems.add(f"images[{index}].site", f"no node of {site.name} has a buffer; give buffer_gib")
            if (cache.site, cache.upstream) in seen:
                problems.add(
                    f"images[{index}].upstream", f"{cache.upstream} is cached there twice; remove one"
                )
            if cache.cluster_ip in addresses:
                problems.add(f"images[{index}].cluster_ip", f"{cache.cluster_ip} is given twice; change one")
            seen.add((cache.site, cache.upstream))
            addresses.add(cache.cluster_ip)
        problems.raise_if_any()
        return self

    @property
    def nodes(self) -> tuple[EdgeNodeHandle, ...]:
        """The nodes that hold copies."""
        return tuple(node for node in self.edge.nodes if node.models_gib)


class EdgeCache(pulumi.ComponentResource):
    """Copies that are there while the link is not: the last good one is kept until a newer one is whole."""

    mirror_endpoints: dict[str, dict[str, tuple[str, ...]]]
    """For each site, what its entry in the fleet takes as `mirror_endpoints`."""

    def __init__(self, name: str, args: EdgeCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:EdgeCache", name, None, opts)
        self._name, self._args = name, args
        self.mirror_endpoints = {}
        if args.models is not None and args.store is not None:
            self._mirrors(args.models, args.store)
        for cache in args.images:
            self._registry(cache)
        self.register_outputs({})

    def _metadata(self, name: str) -> Json:
        return {"name": name, "namespace": self._args.edge.namespace, "labels": dict(MANAGED)}

    def _mirrors(self, models: ModelCache, store: ObjectStoreHandle) -> None:
        args, name = self._args, self._name
        chosen = labels("bedplate-model-cache", name)
        code = agent_code(self, child(name, "agent"), args.edge)
        config = pulumi.Output.json_dumps(
            {
                "root": "/models/cache",
                "bucket": store.name,
                "prefix": models.prefix,
                "size_bytes": round(models.size_gib * GIB),
                "poll_seconds": models.poll_seconds,
                "port": METRICS_PORT,
                "store": store_config(store),
                "namespace": checked_credentials(store, args.edge),
                "limits": {
                    "bytes_per_second": (models.bandwidth_kib_per_second or 0) * 1024,
                    "reserve_bytes": GIB,
                },
            }
        )
        config_map = k8s.core.v1.ConfigMap(
            child(name, "config"),
            metadata=untyped(self._metadata(f"{name}-config")),
            data={"config.json": config},
            opts=options(self, args.edge.resources),
        )
        for node in args.nodes:
            deployment(
                self,
                child(name, node.hostname),
                args.edge,
                pod_labels={**chosen, "bedplate/node": node.hostname},
                spec={
                    **node_spec(args.edge, node),
                    "securityContext": pod_security(),
                    "containers": [
                        agent_container(
                            image("python-slim").reference,
                            "mirror",
                            mounts=[{"name": "models", "mountPath": "/models"}],
                            env=store_env(store),
                        )
                    ],
                    "volumes": [
                        {"name": "code", "configMap": {"name": f"{name}-agent"}},
                        {"name": "config", "configMap": {"name": f"{name}-config"}},
                        {"name": "models", "persistentVolumeClaim": {"claimName": node.models_claim}},
                    ],
                },
                annotations={"bedplate/code": code_digest(), "bedplate/config": digest(config)},
                after=[code, config_map],
            )
        scraper = {"podSelector": {"matchLabels": {"bedplate/scrapes": "true"}}}
        self._policy(
            f"{name}-models",
            chosen,
            {"from": [scraper], "ports": [{"protocol": "TCP", "port": METRICS_PORT}]},
        )

    def _registry(self, cache: ImageCache) -> None:
        args = self._args
        site = args.edge.site(cache.site)
        gateway = site.gateway
        assert gateway is not None  # the arguments were checked
        host = cache.registry
        name = child(self._name, f"{cache.site}-{cache.object_part}")
        chosen = labels("bedplate-image-cache", name)
        self.mirror_endpoints.setdefault(cache.site, {})[host] = (cache.endpoint,)
        container: Json = {
            "name": "registry",
            "image": image("registry").reference,
            "env": [
                {"name": "REGISTRY_PROXY_REMOTEURL", "value": cache.upstream},
                {"name": "REGISTRY_PROXY_TTL", "value": f"{cache.keep_hours}h"},
                {"name": "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "value": "/images"},
                {"name": "REGISTRY_STORAGE_DELETE_ENABLED", "value": "true"},
                {"name": "OTEL_TRACES_EXPORTER", "value": "none"},
            ],
            "ports": [{"name": "http", "containerPort": _REGISTRY_PORT}],
            "readinessProbe": {"httpGet": {"path": "/v2/", "port": "http"}},
            "livenessProbe": {"httpGet": {"path": "/v2/", "port": "http"}, "periodSeconds": 30},
            "resources": resources_of("50m", "256Mi"),
            "securityContext": CONTAINER_SECURITY,
            "volumeMounts": [
                {"name": "buffer", "mountPath": "/images", "subPath": f"images/{host.replace(':', '-')}"}
            ],
        }
        deployment(
            self,
            name,
            args.edge,
            pod_labels=chosen,
            spec={
                **node_spec(args.edge, gateway),
                "securityContext": pod_security(),
                "containers": [container],
                "volumes": [{"name": "buffer", "persistentVolumeClaim": {"claimName": gateway.buffer_claim}}],
            },
        )
        k8s.core.v1.Service(
            child(name, "service"),
            metadata=untyped(
                {**self._metadata(name), "annotations": {"pulumi.com/skipAwait": "true"}},
            ),
            spec=untyped(
                {
                    "clusterIP": cache.cluster_ip,
                    "selector": chosen,
                    "ports": [{"name": "http", "port": _REGISTRY_PORT, "targetPort": "http"}],
                }
            ),
            opts=options(self, args.edge.resources),
        )
        nodes = [
            {"ipBlock": {"cidr": f"{node.address}/{128 if ':' in node.address else 32}"}}
            for node in site.nodes
        ]
        self._policy(name, chosen, {"from": nodes, "ports": [{"protocol": "TCP", "port": _REGISTRY_PORT}]})

    def _policy(self, name: str, chosen: dict[str, str], ingress: Json) -> None:
        """What is cached comes over TLS from names, and policies know addresses only."""
        k8s.networking.v1.NetworkPolicy(
            child(name, "network"),
            metadata=untyped(self._metadata(name)),
            spec=untyped(
                {
                    "podSelector": {"matchLabels": chosen},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [ingress],
                    "egress": [{"ports": [{"protocol": "TCP", "port": port} for port in (443, 8443)]}],
                }
            ),
            opts=options(self, self._args.edge.resources),
        )
