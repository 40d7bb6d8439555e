"""Services, ingresses, gateways and network policies: how traffic reaches pods."""

from collections.abc import Iterator, Mapping

from bedplate_policies.checks import custom, is_open, must_not_be, must_not_be_set
from bedplate_policies.kubernetes.controls import cis, kubernetes, nsa
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

SERVICE = ("kubernetes:core/v1:Service",)
INGRESS = ("kubernetes:networking.k8s.io/v1:Ingress",)
NETWORK_POLICY = ("kubernetes:networking.k8s.io/v1:NetworkPolicy",)
GATEWAY = (
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
    "kubernetes:gateway.networking.k8s.io/v1beta1:Gateway",
)

# How each cloud's controller is told to give a load balancer a private address.
_INTERNAL = {
    "networking.gke.io/load-balancer-type": ("internal",),
    "cloud.google.com/load-balancer-type": ("internal",),
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
    "service.beta.kubernetes.io/azure-load-balancer-internal": ("true",),
}
_SNIPPETS = (
    "nginx.ingress.kubernetes.io/configuration-snippet",
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/auth-snippet",
    "nginx.ingress.kubernetes.io/stream-snippet",
)
_PLAIN = {
    "nginx.ingress.kubernetes.io/ssl-redirect": ("false",),
    "ingress.kubernetes.io/ssl-redirect": ("false",),
    "kubernetes.io/ingress.allow-http": ("true",),
}


# Where an ingress gets its certificate without a secret.
_CERTIFICATES = (
    "networking.gke.io/managed-certificates",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "alb.ingress.kubernetes.io/certificate-arn",
)


def _annotated(resource: Resource, wanted: Mapping[str, tuple[str, ...]]) -> object:
    """The first annotation with one of its values, UNKNOWN where that is open, False where there is none."""
    annotations = resource.get("metadata.annotations")
    if annotations is UNKNOWN:
        return UNKNOWN
    unknown = False
    for name, values in wanted.items():
        value = annotations.get(name) if isinstance(annotations, Mapping) else None
        if value is UNKNOWN:
            unknown = True
        elif value is not None and str(value).lower() in values:
            return name
    return UNKNOWN if unknown else False


def _public_load_balancer(resource: Resource, config: Config) -> Iterator[Finding]:
    kind = resource.get("spec.type")
    if kind is UNKNOWN:
        yield Finding.undetermined("spec.type")
        return
    if kind != "LoadBalancer":
        return
    internal = _annotated(resource, _INTERNAL)
    if internal and internal is not UNKNOWN:
        return
    ranges = [value for _, value in resource.each("spec.loadBalancerSourceRanges[]")]
    where = "spec.loadBalancerSourceRanges"
    if internal is UNKNOWN or UNKNOWN in ranges:
        yield Finding.undetermined("metadata.annotations" if internal is UNKNOWN else where)
    elif not ranges or any(is_open(value) for value in ranges):
        yield Finding.violation(
            f"{where} does not narrow down who reaches a load balancer with a public address", where
        )


def _snippets(resource: Resource, config: Config) -> Iterator[Finding]:
    annotations = resource.get("metadata.annotations")
    if annotations is UNKNOWN:
        yield Finding.undetermined("metadata.annotations")
    for name in _SNIPPETS:
        if isinstance(annotations, Mapping) and name in annotations:
            yield Finding.violation(
                f"metadata.annotations has {name}, which runs code in the controller", "metadata.annotations"
            )


def _ingress_tls(resource: Resource, config: Config) -> Iterator[Finding]:
    tls = resource.get("spec.tls")
    plain = _annotated(resource, _PLAIN)
    if UNKNOWN in (tls, plain):
        yield Finding.undetermined("spec.tls" if tls is UNKNOWN else "metadata.annotations")
        return
    if plain:
        yield Finding.violation(
            f"metadata.annotations lets plain HTTP through ({plain})", "metadata.annotations"
        )
    annotations = resource.get("metadata.annotations")
    # A certificate that is still to be made, so that its name is not known yet, is a certificate.
    named = isinstance(annotations, Mapping) and any(
        annotations.get(one) not in (None, "") for one in _CERTIFICATES
    )
    if tls in (MISSING, []) and not named:
        yield Finding.violation("spec.tls is not set", "spec.tls")


def _gateway_tls(resource: Resource, config: Config) -> Iterator[Finding]:
    protocols: list[object] = []
    for listener in resource.at("spec.listeners[]"):
        protocol, where = listener.get("protocol"), listener.path("")
        protocols.append(protocol)
        if listener.is_unknown or protocol is UNKNOWN:
            yield Finding.undetermined(where)
        # GKE and others also take a certificate by name from the listener's options.
        elif (
            protocol == "HTTPS"
            and listener.get("tls.certificateRefs") in (MISSING, [])
            and listener.get("tls.options") in (MISSING, {})
        ):
            yield Finding.violation(f"{where} speaks HTTPS without tls.certificateRefs", where)
    if "HTTP" in protocols and "HTTPS" not in protocols and UNKNOWN not in protocols:
        yield Finding.violation("spec.listeners has a listener for HTTP and none for HTTPS", "spec.listeners")


def _open_policy(resource: Resource, config: Config) -> Iterator[Finding]:
    """A policy with an empty rule lets everything in."""
    for place, value in resource.each("spec.ingress[]"):
        if value is UNKNOWN:
            yield Finding.undetermined(place)
        elif isinstance(value, Mapping) and not value.get("from") and not value.get("ports"):
            yield Finding.violation(f"{place} is empty, so everything comes in on every port", place)
    for place, value in resource.each("spec.ingress[].from[].ipBlock.cidr"):
        if value is UNKNOWN:
            yield Finding.undetermined(place)
        elif is_open(value):
            yield Finding.violation(f"{place} lets the whole internet in", place)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-service-public-load-balancer",
        description="A load balancer with a public address serves named ranges only.",
        severity=Severity.HIGH,
        remediation="Set spec.load_balancer_source_ranges, or the annotation that makes it internal.",
        controls=(nsa("Network separation and hardening"),),
        types=SERVICE,
        check=custom(
            _public_load_balancer, "spec.type", "spec.loadBalancerSourceRanges", "metadata.annotations"
        ),
    ),
    rule(
        name="kubernetes-service-node-port",
        description="Services do not open ports of every node.",
        severity=Severity.LOW,
        remediation='Use spec.type="ClusterIP" behind a gateway, or a load balancer.',
        controls=(nsa("Network separation and hardening"),),
        types=SERVICE,
        enforcement="advisory",
        check=must_not_be("spec.type", "NodePort"),
    ),
    rule(
        name="kubernetes-service-external-ips",
        description="No service takes over addresses that belong to others (CVE-2020-8554).",
        severity=Severity.HIGH,
        remediation="Leave spec.external_ips out; use a load balancer.",
        controls=(kubernetes("DenyServiceExternalIPs admission controller"),),
        types=SERVICE,
        check=must_not_be_set("spec.externalIPs"),
    ),
    rule(
        name="kubernetes-ingress-tls",
        description="An ingress serves HTTPS.",
        severity=Severity.HIGH,
        remediation="Set spec.tls with a secret that holds the certificate (cert-manager fills it).",
        controls=(nsa("Network separation and hardening"), kubernetes("Ingress: TLS")),
        types=INGRESS,
        group="encryption",
        check=custom(_ingress_tls, "spec.tls", "metadata.annotations"),
    ),
    rule(
        name="kubernetes-ingress-snippets",
        description="No ingress writes into the configuration of its controller (CVE-2021-25742).",
        severity=Severity.HIGH,
        remediation="Leave the snippet annotations out.",
        controls=(kubernetes("CVE-2021-25742: Ingress-nginx custom snippets"),),
        types=INGRESS,
        check=custom(_snippets, "metadata.annotations"),
    ),
    rule(
        name="kubernetes-gateway-tls",
        description="A gateway serves HTTPS, with a certificate.",
        severity=Severity.HIGH,
        remediation='Add a listener with protocol="HTTPS" and tls.certificateRefs; plain HTTP may '
        "redirect to it.",
        controls=(nsa("Network separation and hardening"),),
        types=GATEWAY,
        group="encryption",
        check=custom(_gateway_tls, "spec.listeners"),
    ),
    rule(
        name="kubernetes-network-policy-open",
        description="No network policy opens a pod to everything.",
        severity=Severity.MEDIUM,
        remediation="Name pods, namespaces or your own ranges in spec.ingress[].from.",
        controls=(cis("5.3.2"), nsa("Network policies")),
        types=NETWORK_POLICY,
        check=custom(_open_policy, "spec.ingress[].from[].ipBlock.cidr", "spec.ingress[].ports"),
    ),
)
