"""Arguments of the parts of the stack: Prometheus, Alertmanager, Grafana and the nodes' exporters."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sName
from bedplate.monitoring.kubernetes.addresses import HttpsUrl, PodResources
from bedplate.monitoring.kubernetes.routing_args import Name, SecretRef

# Set by the operator, or by PrometheusStack from the cluster's handle.
_RESERVED_LABELS = ("cluster", "prometheus", "prometheus_replica")
_LABEL_NAME = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


def validate_regex(pattern: str) -> str:
    """A regular expression, given back. Raises ValueError where it is none, or RE2 would not know it."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern[:80]!r} is no regular expression: {error}; correct it") from None
    if re.search(r"\(\?<?[=!]|\\[1-9]", pattern):
        raise ValueError(
            f"{pattern[:80]!r} looks ahead, behind or back, which RE2 and Rust's expressions cannot; "
            "rewrite it"
        )
    return pattern


Regex = Annotated[str, AfterValidator(validate_regex)]


class RemoteWrite(Args):
    """Another store that every sample is sent to as well, over TLS.

    Attributes:
        name: What the queue is called in Prometheus' own metrics.
        url: Where to; https only.
        username, password: Basic authentication, both by reference.
        bearer_token: A token, by reference.
        sigv4_region: The region of an Amazon Managed Service for Prometheus; requests are then signed with
            the identity of the pod.
        ca: The certificate of a private authority, by reference; the system's authorities by default.
        metrics: A regular expression of the metrics that are sent, anchored at both ends; all by default.
    """

    name: Name
    url: HttpsUrl
    username: SecretRef | None = None
    password: SecretRef | None = None
    bearer_token: SecretRef | None = None
    sigv4_region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    ca: SecretRef | None = None
    metrics: Regex | None = None

    @model_validator(mode="after")
    def _check(self) -> "RemoteWrite":
        problems = Problems("RemoteWrite")
        if (self.username is None) != (self.password is None):
            problems.add("password", "username and password go together; give both or none")
        ways = [
            name for name in ("username", "bearer_token", "sigv4_region") if getattr(self, name) is not None
        ]
        if len(ways) > 1:
            problems.add(
                ways[1], f"given with {ways[0]}; allowed: one way to authenticate; remove the others"
            )
        problems.raise_if_any()
        return self


class ThanosSidecar(Args):
    """Blocks are copied to an object store and served from there by Thanos.

    Attributes:
        object_store_config: The Secret and key with Thanos' `objstore.yml`, in the stack's namespace.
        resources: What the sidecar gets; 0.1 cores, 0.5 GiB by default.
    """

    object_store_config: SecretRef
    resources: PodResources = PodResources(cpu=0.1, memory_gib=0.5)


class PrometheusSettings(Args):
    """Prometheus.

    Attributes:
        replicas: Servers that each scrape everything; 2 by default. With 1, nothing is watched while its
            node is replaced.
        retention_days: How long samples are kept; 15 days by default.
        volume_gib: The volume of each replica, in GiB; 100 by default.
        retention_size_gib: Above this the oldest samples go, whatever their age; 85% of the volume by
            default. It must leave a tenth of the volume free for the log that is written ahead.
        storage_class: The class of the volumes; the cluster's by default.
        resources: What a server gets; 2 cores, 8 GiB by default. A million series need about 3 GiB
            (from memory).
        scrape_interval_seconds: How often targets are asked; 30 s by default.
        out_of_order_minutes: How late samples may come, from edge nodes whose link was down; 0 by default.
        external_labels: On all that leaves this cluster, beside `cluster`.
        remote_write: Other stores.
        thanos: Blocks in an object store; none by default.
    """

    replicas: int = Field(default=2, ge=1, le=8)
    retention_days: int = Field(default=15, ge=1, le=1825)
    volume_gib: int = Field(default=100, ge=5, le=65536)
    retention_size_gib: int | None = Field(default=None, ge=1)
    storage_class: K8sName | None = None
    resources: PodResources = PodResources(cpu=2, memory_gib=8)
    scrape_interval_seconds: int = Field(default=30, ge=5, le=120)
    out_of_order_minutes: int = Field(default=0, ge=0, le=7 * 1440)
    external_labels: dict[_LABEL_NAME, str] = Field(default_factory=dict)
    remote_write: tuple[RemoteWrite, ...] = ()
    thanos: ThanosSidecar | None = None

    @property
    def size_limit_gib(self) -> int:
        """What the blocks may take, in GiB."""
        return self.retention_size_gib or self.volume_gib * 85 // 100

    @model_validator(mode="after")
    def _check(self) -> "PrometheusSettings":
        problems = Problems("PrometheusSettings")
        most = self.volume_gib * 9 // 10
        if self.retention_size_gib is not None and self.retention_size_gib > most:
            problems.add(
                "retention_size_gib",
                f"{self.retention_size_gib} GiB of a volume of {self.volume_gib} GiB leave no room for the "
                f"log that is written ahead; allowed: at most {most}; lower it or raise volume_gib",
            )
        for label in _RESERVED_LABELS:
            if label in self.external_labels:
                problems.add(
                    f"external_labels.{label}", f"{label!r} is set for you; choose another name or remove it"
                )
        names = [one.name for one in self.remote_write]
        for index, name in enumerate(names):
            if name in names[:index]:
                problems.add(
                    f"remote_write[{index}].name",
                    f"{name!r} is taken by another; names are unique; rename it",
                )
        problems.raise_if_any()
        return self


class AlertmanagerSettings(Args):
    """Alertmanager.

    Attributes:
        replicas: Members that tell each other what they sent; 3 by default, so that one may be replaced
            while another fails.
        volume_gib: Silences and what was sent, in GiB; 5 by default.
        retention_hours: How long both are kept; 120 by default.
        storage_class: The class of the volumes; the cluster's by default.
        resources: What a member gets; 0.1 cores, 0.25 GiB by default.
        routes_name: The AlertmanagerConfig that is the whole configuration; TrainingMonitoring makes it
            under this name. Alertmanager starts once it is there. Without it, configurations are found by
            the label `release` in any namespace, and apply to alerts of all namespaces.
    """

    replicas: int = Field(default=3, ge=1, le=7)
    volume_gib: int = Field(default=5, ge=1, le=1024)
    retention_hours: int = Field(default=120, ge=1, le=8760)
    storage_class: K8sName | None = None
    resources: PodResources = PodResources(cpu=0.1, memory_gib=0.25)
    routes_name: K8sName | None = None


class OidcLogin(Args):
    """Sign-in at Grafana with the accounts of an OpenID Connect provider.

    Attributes:
        client_id: Grafana's id at the provider.
        client_secret: By reference, in the stack's namespace.
        auth_url, token_url, user_info_url: The provider's endpoints.
        scopes: What is asked for; openid, profile and email by default.
        allowed_domains: Mail domains that may sign in; at least one, since a public provider knows everybody.
        role_path: JMESPath from the claims to Viewer, Editor or Admin; whoever gets none is refused.
    """

    client_id: str = Field(min_length=1)
    client_secret: SecretRef
    auth_url: HttpsUrl
    token_url: HttpsUrl
    user_info_url: HttpsUrl
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    allowed_domains: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")], ...], Field(min_length=1)
    ]
    role_path: str = Field(default="'Viewer'", min_length=1)


class GrafanaSettings(Args):
    """Grafana. It is reached by `kubectl port-forward` or a route of your own; no ingress is made.

    Attributes:
        admin_secret_name: The Secret with the administrator's name and password, in the stack's namespace.
        admin_user_key, admin_password_key: Its entries; `admin-user` and `admin-password` by default.
        root_url: The address that users see, needed for sign-in by OIDC.
        oidc: Sign-in by a provider; only the administrator can sign in by default.
        volume_gib: Users, folders and dashboards that were made by hand, in GiB; 10 by default.
        storage_class: The class of the volume; the cluster's by default.
        resources: What it gets; 0.25 cores, 1 GiB by default.
    """

    admin_secret_name: K8sName
    admin_user_key: str = Field(default="admin-user", pattern=r"^[A-Za-z0-9._-]{1,253}$")
    admin_password_key: str = Field(default="admin-password", pattern=r"^[A-Za-z0-9._-]{1,253}$")
    root_url: HttpsUrl | None = None
    oidc: OidcLogin | None = None
    volume_gib: int = Field(default=10, ge=1, le=1024)
    storage_class: K8sName | None = None
    resources: PodResources = PodResources(cpu=0.25, memory_gib=1)

    @model_validator(mode="after")
    def _check(self) -> "GrafanaSettings":
        problems = Problems("GrafanaSettings")
        if self.oidc is not None and self.root_url is None:
            problems.add(
                "root_url",
                "not given, and the provider sends users back to it after sign-in; give the https address "
                "under which users reach Grafana",
            )
        problems.raise_if_any()
        return self


class NodeMetrics(Args):
    """Exporters on every node. They see the host, and are alone in a namespace that lets them.

    Attributes:
        ethtool: Counters of network drivers (drops, pauses, errors by queue); off by default: hundreds of
            series for each card.
        ethtool_devices: A regular expression of the cards; those of servers by default.
        smart: Wear and health of drives (smartctl exporter, privileged); by default on where the machines
            are your own.
    """

    ethtool: bool = False
    ethtool_devices: Regex = "^(eth|en|ib).*"
    smart: bool | None = None
