"""cert-manager, which makes the certificates of webhooks, gateways and object stores and renews them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import custom_object, namespace

IssuerKind = Literal["ca", "acme", "self-signed"]

# The webhook's port and that of metrics (cert-manager v1.21.2, deploy/charts/cert-manager/values.yaml).
_WEBHOOK_PORT = 10250
_METRICS_PORT = 9402
_SMALL = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}


def _https(value: str) -> str:
    if not value.startswith("https://"):
        raise ValueError(f"{value!r} is not https; allowed: https://...; a directory is never asked in plain")
    return value


class CertificateIssuer(Args):
    """Who signs certificates, for every namespace (a `ClusterIssuer`).

    Attributes:
        kind: "ca" signs by a certificate authority of your own, whose key is in a secret; "acme" asks a
            directory such as Let's Encrypt; "self-signed" is for a first authority only: nobody trusts it.
        secret_name: The authority's secret of type kubernetes.io/tls in cert-manager's namespace; for, and
            only for, ca.
        acme_server: The directory; for, and only for, acme.
        acme_email: Who is told of certificates that run out; for acme only.
        acme_gateway: The Gateway (namespace/name) through which ownership of a name is proven; for, and only
            for, acme.
    """

    kind: IssuerKind
    secret_name: K8sName | None = None
    acme_server: Annotated[str, AfterValidator(_https)] | None = None
    acme_email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    acme_gateway: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}$")

    @model_validator(mode="after")
    def _check(self) -> "CertificateIssuer":
        problems = Problems("CertificateIssuer")
        needed = {"ca": ("secret_name",), "acme": ("acme_server", "acme_gateway"), "self-signed": ()}[
            self.kind
        ]
        allowed = (*needed, "acme_email") if self.kind == "acme" else needed
        for name in needed:
            if getattr(self, name) is None:
                problems.add(name, f"not given, and kind is {self.kind!r}, which needs it; give it")
        for name in ("secret_name", "acme_server", "acme_email", "acme_gateway"):
            if name not in allowed and getattr(self, name) is not None:
                problems.add(name, f"given, and kind is {self.kind!r}, which has none; remove it")
        problems.raise_if_any()
        return self

    def spec(self, name: str) -> dict[str, object]:
        """The spec of the `ClusterIssuer` object of that name (cert-manager v1.21, API reference)."""
        if self.kind == "ca":
            return {"ca": {"secretName": self.secret_name}}
        if self.kind == "self-signed":
            return {"selfSigned": {}}
        where, _, gateway = str(self.acme_gateway).partition("/")
        parent = {"name": gateway, "namespace": where, "kind": "Gateway"}
        return {
            "acme": {
                "server": self.acme_server,
                **({} if self.acme_email is None else {"email": self.acme_email}),
                "privateKeySecretRef": {"name": f"{name}-account"},
                "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [parent]}}}],
            }
        }


class CertManagerArgs(Args):
    """Arguments of CertManager.

    Attributes:
        namespace: Where it runs, made here and closed but for the webhook; "cert-manager" by default.
        replicas: Of each of its parts; 2 by default.
        gateway_api: Whether listeners of gateways get certificates; off by default. The Gateway API's
            definitions must then be there before.
        issuers: Who signs, by name.
        service_monitor: Whether Prometheus' operator is told of its metrics; off by default.
        after: What must be there first.
    """

    namespace: K8sName = "cert-manager"
    replicas: int = Field(default=2, ge=1, le=5)
    gateway_api: bool = False
    issuers: dict[K8sLabel, CertificateIssuer] = Field(default_factory=dict)
    service_monitor: bool = False
    after: tuple[pulumi.Resource, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "CertManagerArgs":
        problems = Problems("CertManagerArgs")
        for name, issuer in self.issuers.items():
            if issuer.kind == "acme" and not self.gateway_api:
                problems.add(
                    f"issuers.{name}.acme_gateway",
                    "given, and gateway_api is off, without which no gateway proves anything; set "
                    "gateway_api, or use another kind",
                )
        problems.raise_if_any()
        return self


@dataclass(frozen=True, kw_only=True)
class CertManagerHandle:
    """cert-manager in a cluster.

    Attributes:
        namespace: Where it runs.
        issuers: The names of its ClusterIssuers.
        release: What brings its definitions; certificates wait for it.
        issuer_kinds: How each of them signs; one that is missing here is not judged.
    """

    namespace: str
    issuers: tuple[str, ...]
    release: pulumi.Resource
    issuer_kinds: Mapping[str, IssuerKind] = field(default_factory=dict)

    def check_inside(self, problems: Problems, path: str, issuer: str) -> None:
        """Note where an issuer cannot sign the name of a service, which clients in the cluster trust."""
        if issuer not in self.issuers:
            known = ", ".join(self.issuers) or "none"
            problems.add(
                path, f"{issuer!r} is not an issuer of cert-manager's; allowed: {known}; add it there"
            )
            return
        kind = self.issuer_kinds.get(issuer, "ca")
        if kind == "ca":
            return
        fitting = ", ".join(repr(one) for one in self.issuers if self.issuer_kinds.get(one, "ca") == "ca")
        why = (
            "asks a public directory, which signs no names inside of a cluster"
            if kind == "acme"
            else "signs each certificate with itself, so that nobody trusts it"
        )
        problems.add(
            path,
            f"{issuer!r} {why}; allowed: an issuer of kind 'ca' ({fitting or 'there is none'}); name one",
        )


class CertManager(pulumi.ComponentResource):
    """cert-manager and its issuers. Its definitions, and with them every certificate, outlive its release."""

    handle: CertManagerHandle

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:CertManager", name, None, opts)
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=args.after)
        doors = close(
            self,
            child(name, "namespace"),
            namespace=args.namespace,
            after=[home],
            ports=(_WEBHOOK_PORT, _METRICS_PORT) if args.service_monitor else (_WEBHOOK_PORT,),
        )
        chart = release(
            self,
            child(name, "chart"),
            chart_name="cert-manager",
            namespace=args.namespace,
            values={
                **chart_values(args.replicas, gateway_api=args.gateway_api, budget=args.replicas > 1),
                "prometheus": {"servicemonitor": {"enabled": args.service_monitor}},
            },
            after=[home, *doors],
        )
        for issuer_name, issuer in args.issuers.items():
            custom_object(
                self,
                child(name, f"issuer-{issuer_name}"),
                api_version="cert-manager.io/v1",
                kind="ClusterIssuer",
                object_name=issuer_name,
                spec=issuer.spec(issuer_name),
                after=[chart],
            )
        self.handle = CertManagerHandle(
            namespace=args.namespace,
            issuers=tuple(args.issuers),
            release=chart,
            issuer_kinds={issuer_name: issuer.kind for issuer_name, issuer in args.issuers.items()},
        )
        self.register_outputs({"namespace": args.namespace})


def chart_values(replicas: int, *, gateway_api: bool, budget: bool) -> dict[str, object]:
    """The values of the chart cert-manager v1.21.2. `budget`: whether evictions leave all pods but one."""
    part: dict[str, object] = {
        "replicaCount": replicas,
        "resources": _SMALL,
        "podDisruptionBudget": {"enabled": budget, "maxUnavailable": 1},
    }
    return {
        **part,
        "crds": {"enabled": True, "keep": True},
        "config": {
            "apiVersion": "controller.config.cert-manager.io/v1alpha1",
            "kind": "ControllerConfiguration",
            "enableGatewayAPI": gateway_api,
        },
        "webhook": part,
        "cainjector": part,
        "startupapicheck": {"resources": _SMALL},
    }


def certificate(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    namespace: str,
    issuer: str,
    dns_names: Sequence[str],
    days: int,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi.Resource:
    """A server's certificate, in the secret of the object's own name; renewed after two thirds of its life.

    `issuer`: a ClusterIssuer. `days`: how long a certificate is valid.
    """
    return custom_object(
        component,
        name,
        api_version="cert-manager.io/v1",
        kind="Certificate",
        object_name=object_name,
        namespace=namespace,
        spec={
            "secretName": object_name,
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
            "dnsNames": list(dns_names),
            "duration": f"{days * 24}h",
            "renewBefore": f"{days * 8}h",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
        },
        after=after,
    )
