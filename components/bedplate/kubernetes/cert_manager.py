"""cert-manager, which makes the certificates of webhooks, gateways and object stores and renews them."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import custom_object, namespace

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

    kind: Literal["ca", "acme", "self-signed"]
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

    def spec(self) -> dict[str, object]:
        """The spec of the `ClusterIssuer` object (cert-manager v1.21, API reference)."""
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
                "privateKeySecretRef": {"name": "acme-account"},
                "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [parent]}}}],
            }
        }


class CertManagerArgs(Args):
    """Arguments of CertManager.

    Attributes:
        namespace: Where it runs, made here.
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


@dataclass(frozen=True, kw_only=True)
class CertManagerHandle:
    """cert-manager in a cluster.

    Attributes:
        namespace: Where it runs.
        issuers: The names of its ClusterIssuers.
        release: What brings its definitions; certificates wait for it.
    """

    namespace: str
    issuers: tuple[str, ...]
    release: pulumi.Resource


class CertManager(pulumi.ComponentResource):
    """cert-manager and its issuers. Its definitions, and with them every certificate, outlive its release."""

    handle: CertManagerHandle

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:CertManager", name, None, opts)
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=args.after)
        part: dict[str, object] = {
            "replicaCount": args.replicas,
            "resources": _SMALL,
            "podDisruptionBudget": {"enabled": args.replicas > 1, "maxUnavailable": 1},
        }
        chart = release(
            self,
            child(name, "chart"),
            chart_name="cert-manager",
            namespace=args.namespace,
            values={
                **part,
                "crds": {"enabled": True, "keep": True},
                "config": {
                    "apiVersion": "controller.config.cert-manager.io/v1alpha1",
                    "kind": "ControllerConfiguration",
                    "enableGatewayAPI": args.gateway_api,
                },
                "webhook": part,
                "cainjector": part,
                "startupapicheck": {"resources": _SMALL},
                "prometheus": {"servicemonitor": {"enabled": args.service_monitor}},
            },
            after=[home],
        )
        for issuer_name, issuer in args.issuers.items():
            custom_object(
                self,
                child(name, f"issuer-{issuer_name}"),
                api_version="cert-manager.io/v1",
                kind="ClusterIssuer",
                object_name=issuer_name,
                spec=issuer.spec(),
                after=[chart],
            )
        self.handle = CertManagerHandle(namespace=args.namespace, issuers=tuple(args.issuers), release=chart)
        self.register_outputs({"namespace": args.namespace})
