"""K3s' configuration of each node: files for /etc/rancher/k3s, with no secret in them.

Options: https://docs.k3s.io/cli/server, https://docs.k3s.io/cli/agent; the hardened ones:
https://docs.k3s.io/security/hardening-guide (CIS 1.11, k3s-io/docs pull request 489); the registry mirror:
https://docs.k3s.io/installation/registry-mirror (all read 2026-11-25).
"""

from collections.abc import Sequence
from typing import Literal

import yaml
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.edge.fleet import EdgeNode, EdgeSite
from bedplate.kubernetes.handles import Taint

_CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
)


class K3sSettings(Args):
    """How K3s is set up on the nodes.

    Attributes:
        server_url: Where agents and further servers join, such as https://k3s.example.com:6443.
        token_file: The file on each node that holds the token; /etc/rancher/k3s/token by default. The token
            itself is in no program.
        flannel_backend: How pods of different nodes reach each other; "wireguard-native" by default, which
            encrypts. "none" where another network plugin does it.
        embedded_registry: Whether nodes hand images to each other (Spegel); on by default. Needs TCP 5001 and
            6443 between the nodes of a site.
        mirrors: Registries whose images are taken from other nodes or the site's cache first.
        mirror_endpoints: For each of them, addresses of a cache that are asked first; none by default.
        max_pods: Pods per node; 60 by default.
        status_seconds: How often a node reports itself, in seconds; 20 by default: less traffic than
            Kubernetes' 10.
        grace_seconds: After how many silent seconds the server calls a node unknown; 120 by default.
        eviction_memory_mib: Free memory, in MiB, below which pods are stopped; 500 by default.
        eviction_disk_percent: Free disk below which pods are stopped; 10 by default.
        image_gc_percent: The disk's fill from which unused images are deleted, and to which; 85, 75 by
            default. Deleted images must come over the link again.
        hardened: Whether the options of K3s' hardening guide are set; on by default. The kernel parameters
            that it asks for must be set on the nodes, or the kubelet does not start.
    """

    server_url: str = Field(pattern=r"^https://[A-Za-z0-9.\-\[\]:]+:\d{2,5}$")
    token_file: str = Field(default="/etc/rancher/k3s/token", pattern=r"^(/[A-Za-z0-9._-]+)+$")
    flannel_backend: Literal["wireguard-native", "none"] = "wireguard-native"
    embedded_registry: bool = True
    mirrors: tuple[str, ...] = ("docker.io", "ghcr.io", "nvcr.io", "quay.io", "registry.k8s.io")
    mirror_endpoints: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    max_pods: int = Field(default=60, ge=10, le=250)
    status_seconds: int = Field(default=20, ge=4, le=300)
    grace_seconds: int = Field(default=120, ge=20, le=3600)
    eviction_memory_mib: int = Field(default=500, ge=100)
    eviction_disk_percent: int = Field(default=10, ge=5, le=50)
    image_gc_percent: tuple[int, int] = (85, 75)
    hardened: bool = True

    @model_validator(mode="after")
    def _check(self) -> "K3sSettings":
        problems = Problems("K3sSettings")
        if self.grace_seconds < 4 * self.status_seconds:
            problems.add(
                "grace_seconds",
                f"{self.grace_seconds} with status_seconds {self.status_seconds}; allowed: "
                f"{4 * self.status_seconds} or more, or one lost report makes a node unknown; raise it",
            )
        high, low = self.image_gc_percent
        if not 0 < low < high <= 100 - self.eviction_disk_percent:
            problems.add(
                "image_gc_percent",
                f"{high}, {low}; allowed: the first above the second, and at most "
                f"{100 - self.eviction_disk_percent}, where pods are stopped; change them",
            )
        for registry in sorted(set(self.mirror_endpoints) - set(self.mirrors)):
            problems.add(
                "mirror_endpoints", f"{registry!r} is not among mirrors, so that nobody asks it; add it there"
            )
        problems.raise_if_any()
        return self


def node_labels(node: EdgeNode, site: str) -> dict[str, str]:
    """The labels that the node gives itself. Its role it cannot: see role_commands."""
    gpu = bool(node.kind.accelerator)
    return {
        "bedplate/edge": "true",
        "bedplate/site": site,
        "bedplate/device": node.device,
        **({"nvidia.com/gpu.present": "true"} if gpu else {}),
        **({"bedplate/jetson": "true"} if node.kind.integrated else {}),
        # One label per line: a value holds one name only.
        **{f"line.bedplate/{line}": "true" for line in node.lines},
        **node.labels,
    }


def config(settings: K3sSettings, node: EdgeNode, site: str, pool: str, taints: Sequence[Taint]) -> str:
    """/etc/rancher/k3s/config.yaml of a node."""
    labels = {"bedplate/pool": pool, **node_labels(node, site)}
    high, low = settings.image_gc_percent
    kubelet = [
        f"max-pods={settings.max_pods}",
        f"node-status-update-frequency={settings.status_seconds}s",
        f"eviction-hard=memory.available<{settings.eviction_memory_mib}Mi,"
        f"nodefs.available<{settings.eviction_disk_percent}%,"
        f"imagefs.available<{settings.eviction_disk_percent}%,nodefs.inodesFree<5%",
        f"image-gc-high-threshold={high}",
        f"image-gc-low-threshold={low}",
    ]
    if settings.hardened:
        kubelet += [
            "streaming-connection-idle-timeout=5m",
            f"tls-cipher-suites={','.join(_CIPHERS)}",
        ]
    made: dict[str, object] = {
        "server": settings.server_url,
        "token-file": settings.token_file,
        "node-name": node.hostname,
        "node-ip": node.address,
        "node-label": [f"{key}={value}" for key, value in sorted(labels.items())],
        "node-taint": [f"{taint.key}={taint.value}:{taint.effect}" for taint in taints],
        "kubelet-arg": kubelet,
        "protect-kernel-defaults": settings.hardened,
    }
    return yaml.safe_dump(made | (_server(settings) if node.server else {}), sort_keys=True, width=10_000)


def _server(settings: K3sSettings) -> dict[str, object]:
    api = ["anonymous-auth=false"]
    if settings.hardened:
        api += [
            "enable-admission-plugins=NodeRestriction",
            "audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log",
            "audit-policy-file=/var/lib/rancher/k3s/server/audit.yaml",
            "audit-log-maxage=30",
            "audit-log-maxbackup=10",
            "audit-log-maxsize=100",
            "service-account-extend-token-expiration=false",
        ]
    return {
        "secrets-encryption": True,
        "flannel-backend": settings.flannel_backend,
        "embedded-registry": settings.embedded_registry,
        "write-kubeconfig-mode": "0600",
        "kube-apiserver-arg": api,
        "kube-controller-manager-arg": [
            f"node-monitor-grace-period={settings.grace_seconds}s",
            "terminated-pod-gc-threshold=100",
        ],
    }


def registries(settings: K3sSettings, site: EdgeSite) -> str:
    """/etc/rancher/k3s/registries.yaml of a site's nodes. Without endpoints, they share images."""
    mirrors: dict[str, dict[str, list[str]]] = {}
    for registry in settings.mirrors:
        asked = (*site.mirror_endpoints.get(registry, ()), *settings.mirror_endpoints.get(registry, ()))
        mirrors[registry] = {"endpoint": list(dict.fromkeys(asked))} if asked else {}
    return yaml.safe_dump({"mirrors": mirrors}, sort_keys=True)


def role_commands(nodes: Sequence[EdgeNode]) -> list[str]:
    """What an administrator runs once: a kubelet may not give its own node a role.

    The NodeRestriction plugin refuses it:
    https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/ (from memory).
    """
    return [f"kubectl label node {node.hostname} node-role.kubernetes.io/edge=" for node in nodes]
