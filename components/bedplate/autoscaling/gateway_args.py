"""What a gateway of inference services is: plain data, as an environment's file has it."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.autoscaling.gateway import GatewayHandle
from bedplate.core import Args
from bedplate.core.errors import Problem, Problems
from bedplate.kubernetes.names import K8sLabel, K8sName

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]{1,256}")


def _host(value: str) -> str:
    if len(value) > 253 or not _HOST.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the name of a host; allowed: lower-case names such as chat.example.com, or "
            "*.example.com for all under it; correct it"
        )
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or "//" in value or "/./" in value or "/../" in value:
        raise ValueError(
            f"{value!r} is not a path; allowed: begins with / and has no empty parts; correct it"
        )
    return value


Host = Annotated[str, AfterValidator(_host)]
UrlPath = Annotated[str, AfterValidator(_path)]


class GatewayListener(Args):
    """A host that the gateway answers for, by TLS on port 443.

    Attributes:
        hostname: The host; "*.example.com" for all under it.
        certificate_secret: The secret (kubernetes.io/tls) of its certificate; absent: the one that the
            gateway's issuer makes.
        certificate_namespace: The secret's namespace; the gateway's by default.
        route_namespaces: Namespaces besides the gateway's whose routes may use the host.
    """

    hostname: Host
    certificate_secret: K8sName | None = None
    certificate_namespace: K8sLabel | None = None
    route_namespaces: tuple[K8sLabel, ...] = ()


class RouteBackend(Args):
    """A service that a route goes to.

    Attributes:
        service: The service.
        namespace: Its namespace; the route's by default. Another one is opened to the route by name.
        port: Its port.
        weight: Its share of the requests among the route's backends.
    """

    service: K8sLabel
    namespace: K8sLabel | None = None
    port: int = Field(ge=1, le=65535)
    weight: int = Field(default=1, ge=0, le=1_000_000)


class LoadBalancing(Args):
    """Which replica gets a request.

    Attributes:
        kind: "least-request": of two at random the less busy one, which suits answers of unequal length.
            "round-robin". "source-ip", "header", "cookie": always the same one for the same client, header
            or cookie, as long as it lives (for caches of prompts and sessions).
        name: The header's or cookie's name.
        cookie_ttl_seconds: How long the cookie lives; for "cookie" only.
    """

    kind: Literal["least-request", "round-robin", "source-ip", "header", "cookie"] = "least-request"
    name: str | None = None
    cookie_ttl_seconds: int = Field(default=3600, ge=1)

    @model_validator(mode="after")
    def _named(self) -> Self:
        problems = Problems()
        if self.kind in ("header", "cookie"):
            if self.name is None:
                problems.add("name", f"nothing given for kind {self.kind!r}; allowed: its name; give it")
            elif not _HEADER.fullmatch(self.name):
                problems.add(
                    "name",
                    f"{self.name!r} is not a name of a {self.kind}; allowed: such as x-session; correct it",
                )
        elif self.name is not None:
            problems.add(
                "name", f"{self.name!r} for kind {self.kind!r}; allowed: for header and cookie; remove it"
            )
        problems.raise_if_any()
        return self


class HealthCheck(Args):
    """How the gateway asks replicas whether they are well."""

    path: UrlPath = "/health"
    interval_seconds: int = Field(default=5, ge=1)
    timeout_seconds: int = Field(default=2, ge=1)
    unhealthy_after: int = Field(default=3, ge=1)
    healthy_after: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.timeout_seconds >= self.interval_seconds:
            problems = Problems()
            problems.add(
                "timeout_seconds",
                f"{self.timeout_seconds} is not below interval_seconds {self.interval_seconds}; allowed: "
                "less; "
                "lower it, or raise the interval",
            )
            problems.raise_if_any()
        return self


class OutlierDetection(Args):
    """Which replicas are left out for a while because they fail requests.

    Attributes:
        errors: Answers 5xx in a row.
        ejection_seconds: How long a replica is left out, times the number of times it was.
        max_ejected_percent: Never more of them at once.
    """

    errors: int = Field(default=5, ge=1)
    ejection_seconds: int = Field(default=30, ge=1)
    max_ejected_percent: int = Field(default=50, ge=1, le=100)


class RateLimit(Args):
    """Requests that each Envoy lets through; those above get 429.

    Attributes:
        requests: So many.
        unit: In this time.
        header: Only requests with this header are counted.
        header_value: And this value of it.
    """

    requests: int = Field(ge=1)
    unit: Literal["Second", "Minute", "Hour"] = "Minute"
    header: Annotated[str, Field(pattern=_HEADER.pattern)] | None = None
    header_value: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.header is None) != (self.header_value is None):
            problems = Problems()
            problems.add(
                "header_value" if self.header_value is None else "header",
                "nothing given with the other of header and header_value; allowed: both or neither; add it",
            )
            problems.raise_if_any()
        return self


class GatewayRoute(Args):
    """Where requests go.

    Attributes:
        listeners: Names of the listeners that it uses; all by default.
        namespace: Where the route is; the gateway's namespace by default.
        hostnames: Only these hosts of the listeners; all of theirs by default.
        path_prefix: Only what begins so.
        backends: Services with their shares: two of them make a canary.
        request_timeout_seconds: How long an answer may take as a whole, streamed ones included.
        backend_timeout_seconds: How long one try may take; as long as the request by default.
        retries: Tries besides the first, where no byte has reached a replica or it said 503.
        load_balancing: Which replica gets a request.
        health_check: Asks replicas whether they are well; readiness alone decides where absent.
        outliers: Leaves out replicas that fail; None: never.
        rate_limits: What is let through; everything by default.
    """

    listeners: tuple[K8sLabel, ...] = ()
    namespace: K8sLabel | None = None
    hostnames: tuple[Host, ...] = Field(default=(), max_length=16)
    path_prefix: UrlPath = "/"
    backends: tuple[RouteBackend, ...] = Field(min_length=1, max_length=16)
    request_timeout_seconds: int = Field(default=600, ge=1, le=86_400)
    backend_timeout_seconds: int | None = Field(default=None, ge=1)
    retries: int = Field(default=2, ge=0, le=10)
    load_balancing: LoadBalancing = LoadBalancing()
    health_check: HealthCheck | None = None
    outliers: OutlierDetection | None = OutlierDetection()
    rate_limits: tuple[RateLimit, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if not any(backend.weight for backend in self.backends):
            problems.add(
                "backends",
                "every weight is 0, so that each request would be answered by 500; allowed: one "
                "above 0; raise one",
            )
        if len({(one.namespace, one.service, one.port) for one in self.backends}) != len(self.backends):
            problems.add("backends", "one is given twice; allowed: each once; add up their weights")
        limit = self.request_timeout_seconds
        if self.backend_timeout_seconds is not None and self.backend_timeout_seconds > limit:
            problems.add(
                "backend_timeout_seconds",
                f"{self.backend_timeout_seconds} is above request_timeout_seconds {limit}; allowed: up to "
                f"{limit}; lower it",
            )
        problems.raise_if_any()
        return self


class InferenceGatewayArgs(Args):
    """Arguments of InferenceGateway.

    Attributes:
        gateway: The controller.
        namespace: Where the gateway is.
        make_namespace: Whether it is made, closed for what comes in but from its own pods, from the
            gateway's proxies and from `allowed_namespaces`; on by default.
        allowed_namespaces: Namespaces whose pods may reach those of the namespace, such as Prometheus'.
        listeners: The hosts by name.
        issuer: The cert-manager issuer that makes certificates for listeners without a secret.
        issuer_kind: Whether it is the cluster's or the namespace's.
        redirect_http: Whether port 80 sends everybody to 443; otherwise nothing answers there.
        min_tls: The oldest TLS that is spoken.
        routes: The routes by name.
    """

    gateway: InstanceOf[GatewayHandle]
    namespace: K8sLabel
    make_namespace: bool = True
    allowed_namespaces: tuple[K8sLabel, ...] = ("monitoring",)
    listeners: dict[K8sLabel, GatewayListener] = Field(min_length=1, max_length=60)
    issuer: K8sName | None = None
    issuer_kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"
    redirect_http: bool = True
    min_tls: Literal["1.2", "1.3"] = "1.2"
    routes: dict[K8sLabel, GatewayRoute] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        problems.extend(self._certificates())
        if self.redirect_http and "redirect" in self.routes:
            problems.add(
                "routes.redirect", "the name is that of port 80's route; allowed: any other; rename it"
            )
        for name, route in self.routes.items():
            problems.extend(self._route(route), under=f"routes.{name}")
            if self.gateway.implementation == "cilium":
                problems.extend(_envoy_only(route), under=f"routes.{name}")
        if self.gateway.implementation == "cilium" and self.min_tls != "1.2":
            problems.add(
                "min_tls",
                "'1.3' with Cilium, which takes no policy for it; allowed: 1.2; use Envoy, or leave it",
            )
        problems.raise_if_any()
        return self

    def used_listeners(self, route: GatewayRoute) -> tuple[str, ...]:
        """The names of the listeners that a route uses."""
        return route.listeners or tuple(self.listeners)

    def _certificates(self) -> Iterator[Problem]:
        hosts: dict[str, str] = {}
        for name, listener in self.listeners.items():
            at = f"listeners.{name}"
            if listener.certificate_secret is None and self.issuer is None:
                yield Problem(
                    f"{at}.certificate_secret",
                    "nothing given, nor an issuer; allowed: one of the two, since nothing is served in the "
                    "clear; name a secret, or the gateway's issuer",
                )
            if listener.certificate_namespace is not None and listener.certificate_secret is None:
                yield Problem(
                    f"{at}.certificate_namespace",
                    "given without certificate_secret; allowed: with it; add it",
                )
            if name == "http" and self.redirect_http:
                yield Problem(at, "the name of the listener that redirects; allowed: any other; rename it")
            if listener.hostname in hosts:
                yield Problem(
                    f"{at}.hostname",
                    f"{listener.hostname!r} is that of {hosts[listener.hostname]!r} too; allowed: each "
                    "host once; "
                    "remove one",
                )
            hosts[listener.hostname] = name

    def _route(self, route: GatewayRoute) -> Iterator[Problem]:
        namespace = route.namespace or self.namespace
        for index, name in enumerate(route.listeners):
            if name not in self.listeners:
                yield Problem(
                    f"listeners[{index}]",
                    f"{name!r} is no listener; allowed: {', '.join(self.listeners)}; correct the name",
                )
        used = [self.listeners[name] for name in self.used_listeners(route) if name in self.listeners]
        for listener in used:
            if namespace not in (self.namespace, *listener.route_namespaces):
                yield Problem(
                    "namespace",
                    f"{namespace!r} may not use {listener.hostname}; allowed: "
                    f"{', '.join((self.namespace, *listener.route_namespaces))}; add it to the listener's "
                    "route_namespaces",
                )
        for index, host in enumerate(route.hostnames):
            if used and not any(_covers(listener.hostname, host) for listener in used):
                yield Problem(
                    f"hostnames[{index}]",
                    f"{host!r} is none that its listeners answer for; allowed: "
                    f"{', '.join(listener.hostname for listener in used)}; correct it, or add a listener",
                )


def _covers(listener: str, host: str) -> bool:
    return listener == host or (listener.startswith("*.") and host.endswith(listener[1:]))


def _envoy_only(route: GatewayRoute) -> Iterator[Problem]:
    for field, given in (
        ("health_check", route.health_check is not None),
        ("rate_limits", bool(route.rate_limits)),
        ("load_balancing", route.load_balancing != LoadBalancing()),
    ):
        if given:
            yield Problem(
                field,
                "given with Cilium, which has no policy for it; allowed: with Envoy; remove it, or use Envoy",
            )
