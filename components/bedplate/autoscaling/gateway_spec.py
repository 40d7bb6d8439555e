"""The objects of a gateway, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from bedplate.autoscaling.gateway import GATEWAY_API
from bedplate.autoscaling.gateway_args import (
    GatewayListener,
    GatewayRoute,
    InferenceGatewayArgs,
    LoadBalancing,
    RateLimit,
)


@dataclass(frozen=True)
class Grant:
    """A leave for an object of one namespace to name one of another."""

    from_group: str
    from_kind: str
    from_namespace: str
    kind: str
    name: str
    namespace: str

    @property
    def slug(self) -> str:
        """A name for it, unique among the grants of its namespace and gateway."""
        return f"{self.from_namespace}-{self.kind.lower()}-{self.name}"

    def spec(self) -> dict[str, object]:
        """The ReferenceGrant: for this one object, not for all of its kind."""
        return {
            "from": [{"group": self.from_group, "kind": self.from_kind, "namespace": self.from_namespace}],
            "to": [{"group": "", "kind": self.kind, "name": self.name}],
        }


def gateway_spec(name: str, args: InferenceGatewayArgs) -> dict[str, object]:
    """The Gateway: a TLS listener for each host, and port 80 to send everybody there."""
    listeners = [_listener(name, key, one, args) for key, one in args.listeners.items()]
    if args.redirect_http:
        listeners.append(
            {
                "name": "http",
                "port": 80,
                "protocol": "HTTP",
                # Only the redirect, which is beside the gateway.
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
        )
    spec: dict[str, object] = {"gatewayClassName": args.gateway.class_name, "listeners": listeners}
    if args.gateway.annotations:
        spec["infrastructure"] = {"annotations": dict(args.gateway.annotations)}
    return spec


def certificate_secret(name: str, key: str, listener: GatewayListener) -> str:
    """The secret of a listener's certificate: the given one, or the one that the issuer makes."""
    return listener.certificate_secret or f"{name}-{key}-tls"


def _listener(
    name: str, key: str, listener: GatewayListener, args: InferenceGatewayArgs
) -> dict[str, object]:
    reference: dict[str, object] = {
        "group": "",
        "kind": "Secret",
        "name": certificate_secret(name, key, listener),
    }
    if listener.certificate_namespace is not None:
        reference["namespace"] = listener.certificate_namespace
    allowed: dict[str, object] = {"from": "Same"}
    if listener.route_namespaces:
        # Every namespace has this label, set by the API server and out of its owner's reach.
        wanted = {
            "key": "kubernetes.io/metadata.name",
            "operator": "In",
            "values": sorted({args.namespace, *listener.route_namespaces}),
        }
        allowed = {"from": "Selector", "selector": {"matchExpressions": [wanted]}}
    return {
        "name": key,
        "hostname": listener.hostname,
        "port": 443,
        "protocol": "HTTPS",
        "tls": {"mode": "Terminate", "certificateRefs": [reference]},
        "allowedRoutes": {"namespaces": allowed, "kinds": [{"group": GATEWAY_API, "kind": "HTTPRoute"}]},
    }


def redirect_spec(name: str) -> dict[str, object]:
    """The HTTPRoute of port 80."""
    return {
        "parentRefs": [{"group": GATEWAY_API, "kind": "Gateway", "name": name, "sectionName": "http"}],
        "rules": [
            {
                "filters": [
                    {
                        "type": "RequestRedirect",
                        "requestRedirect": {"scheme": "https", "statusCode": 301},
                    }
                ]
            }
        ],
    }


def route_spec(gateway: str, args: InferenceGatewayArgs, route: GatewayRoute) -> dict[str, object]:
    """The HTTPRoute of a route."""
    timeouts = {"request": f"{route.request_timeout_seconds}s"}
    if route.backend_timeout_seconds is not None:
        timeouts["backendRequest"] = f"{route.backend_timeout_seconds}s"
    spec: dict[str, object] = {
        "parentRefs": [
            {
                "group": GATEWAY_API,
                "kind": "Gateway",
                "name": gateway,
                "namespace": args.namespace,
                "sectionName": listener,
            }
            for listener in args.used_listeners(route)
        ],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": route.path_prefix}}],
                "backendRefs": [
                    {
                        "group": "",
                        "kind": "Service",
                        "name": one.service,
                        **({"namespace": one.namespace} if one.namespace is not None else {}),
                        "port": one.port,
                        "weight": one.weight,
                    }
                    for one in route.backends
                ],
                "timeouts": timeouts,
            }
        ],
    }
    if route.hostnames:
        spec["hostnames"] = list(route.hostnames)
    return spec


def backend_policy_spec(route_name: str, route: GatewayRoute) -> dict[str, object]:
    """The BackendTrafficPolicy of a route: Envoy's, for what a route cannot say."""
    spec: dict[str, object] = {
        "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": route_name}],
        "loadBalancer": _balancing(route.load_balancing),
        "timeout": {"tcp": {"connectTimeout": "5s"}},
    }
    health: dict[str, object] = {}
    if route.health_check is not None:
        check = route.health_check
        health["active"] = {
            "type": "HTTP",
            "interval": f"{check.interval_seconds}s",
            "timeout": f"{check.timeout_seconds}s",
            "unhealthyThreshold": check.unhealthy_after,
            "healthyThreshold": check.healthy_after,
            "http": {"path": check.path, "method": "GET", "expectedStatuses": [200]},
        }
    if route.outliers is not None:
        health["passive"] = {
            "consecutive5XxErrors": route.outliers.errors,
            "interval": "5s",
            "baseEjectionTime": f"{route.outliers.ejection_seconds}s",
            "maxEjectionPercent": route.outliers.max_ejected_percent,
        }
    if health:
        spec["healthCheck"] = health
    if route.retries:
        spec["retry"] = {
            "numRetries": route.retries,
            # A prompt that reached a replica costs GPU time: it is not sent twice.
            "retryOn": {
                "triggers": ["connect-failure", "refused-stream", "retriable-status-codes"],
                "httpStatusCodes": [503],
            },
            "perRetry": {"backOff": {"baseInterval": "100ms", "maxInterval": "2s"}},
        }
    if route.rate_limits:
        spec["rateLimit"] = {"type": "Local", "local": {"rules": [_limit(one) for one in route.rate_limits]}}
    return spec


def client_policy_spec(gateway: str, args: InferenceGatewayArgs) -> dict[str, object]:
    """The ClientTrafficPolicy of the gateway: which TLS is spoken, and what of a request is refused."""
    return {
        "targetRefs": [{"group": GATEWAY_API, "kind": "Gateway", "name": gateway}],
        "tls": {"minVersion": args.min_tls, "alpnProtocols": ["h2", "http/1.1"]},
        "path": {"escapedSlashesAction": "UnescapeAndRedirect"},
        "headers": {"withUnderscoresAction": "RejectRequest"},
        "timeout": {"http": {"requestReceivedTimeout": "60s"}},
    }


def grants(name: str, args: InferenceGatewayArgs, routes: Mapping[str, GatewayRoute]) -> list[Grant]:
    """What names something of another namespace, once each."""
    found: dict[tuple[str, str], Grant] = {}
    for key, listener in args.listeners.items():
        other = listener.certificate_namespace
        if other is not None and other != args.namespace:
            secret = certificate_secret(name, key, listener)
            grant = Grant(GATEWAY_API, "Gateway", args.namespace, "Secret", secret, other)
            found[(other, grant.slug)] = grant
    for route in routes.values():
        own = route.namespace or args.namespace
        for backend in route.backends:
            if backend.namespace is not None and backend.namespace != own:
                grant = Grant(GATEWAY_API, "HTTPRoute", own, "Service", backend.service, backend.namespace)
                found[(backend.namespace, grant.slug)] = grant
    return list(found.values())


def _balancing(balancing: LoadBalancing) -> dict[str, object]:
    if balancing.kind == "least-request":
        return {"type": "LeastRequest"}
    if balancing.kind == "round-robin":
        return {"type": "RoundRobin"}
    if balancing.kind == "source-ip":
        return {"type": "ConsistentHash", "consistentHash": {"type": "SourceIP"}}
    assert balancing.name is not None, "refused by the arguments"
    if balancing.kind == "header":
        by: dict[str, object] = {"type": "Header", "header": {"name": balancing.name}}
    else:
        cookie = {"name": balancing.name, "ttl": f"{balancing.cookie_ttl_seconds}s"}
        by = {"type": "Cookie", "cookie": cookie}
    return {"type": "ConsistentHash", "consistentHash": by}


def _limit(limit: RateLimit) -> dict[str, object]:
    rule: dict[str, object] = {"limit": {"requests": limit.requests, "unit": limit.unit}}
    if limit.header is not None:
        header = {"name": limit.header, "value": limit.header_value, "type": "Exact"}
        rule["clientSelectors"] = [{"headers": [header]}]
    return rule
