"""Gateways: what is refused, what the objects say, and a life in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.autoscaling.gateway import (
    GatewayController,
    GatewayControllerArgs,
    GatewayHandle,
    proxy_spec,
    service_annotations,
)
from bedplate.autoscaling.gateway_args import GatewayRoute, InferenceGatewayArgs
from bedplate.autoscaling.gateway_spec import route_spec
from bedplate.autoscaling.inference_gateway import InferenceGateway
from bedplate.core.errors import ArgsError
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("autoscaling-gateway")

API = "gateway.networking.k8s.io"
ENVOY = GatewayHandle(class_name="envoy", implementation="envoy", platform="eks", annotations={}, after=())
CILIUM = GatewayHandle(
    class_name="cilium", implementation="cilium", platform="onprem", annotations={"a": "b"}, after=()
)
LISTENER = {"hostname": "chat.example.com", "certificate_secret": "chat-tls"}
BACKEND = {"service": "chat", "port": 8000}
ROUTE = {"backends": [BACKEND]}
BASE: dict[str, Any] = {
    "gateway": ENVOY,
    "namespace": "serving",
    "listeners": {"chat": LISTENER},
    "routes": {"chat": ROUTE},
}
CANARY = [{**BACKEND, "weight": 90}, {"service": "chat-next", "port": 8000, "weight": 10}]


def with_route(**changes: Any) -> dict[str, Any]:
    return {**BASE, "routes": {"chat": {**ROUTE, **changes}}}


def with_listener(**changes: Any) -> dict[str, Any]:
    return {**BASE, "listeners": {"chat": {**LISTENER, **changes}}}


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({**BASE, "listeners": {}}, ("listeners", "at least 1")),
        (with_listener(certificate_secret=None), ("certificate_secret", "in the clear", "issuer")),
        (with_listener(hostname="Chat"), ("hostname", "'Chat'", "chat.example.com")),
        (
            {
                **BASE,
                "issuer": "le",
                "listeners": {"chat": {"hostname": "a.b", "certificate_namespace": "c"}},
            },
            ("certificate_namespace", "without certificate_secret"),
        ),
        (
            {**BASE, "listeners": {"chat": LISTENER, "two": LISTENER}},
            ("listeners.two.hostname", "that of 'chat' too", "remove one"),
        ),
        ({**BASE, "listeners": {"http": LISTENER}}, ("listeners.http", "listener that redirects", "rename")),
        (with_route(listeners=["x"]), ("routes.chat.listeners[0]", "'x' is no listener", "chat")),
        (
            with_route(namespace="other"),
            ("routes.chat.namespace", "may not use chat.example.com", "route_names"),
        ),
        (with_route(hostnames=["b.example.com"]), ("routes.chat.hostnames[0]", "answer for", "chat.example")),
        (with_route(path_prefix="v1"), ("path_prefix", "'v1' is not a path", "begins with /")),
        (with_route(backends=[]), ("backends", "at least 1")),
        (with_route(backends=[{**BACKEND, "weight": 0}]), ("backends", "every weight is 0", "raise one")),
        (with_route(backends=[BACKEND, BACKEND]), ("backends", "given twice", "add up")),
        (with_route(backends=[{**BACKEND, "port": 0}]), ("backends[0].port", "0")),
        (
            with_route(backend_timeout_seconds=601),
            ("backend_timeout_seconds", "above request_timeout_seconds 600", "lower it"),
        ),
        (
            with_route(health_check={"interval_seconds": 2, "timeout_seconds": 2}),
            ("health_check.timeout_seconds", "not below interval_seconds 2"),
        ),
        (with_route(load_balancing={"kind": "cookie"}), ("load_balancing.name", "nothing given", "give it")),
        (with_route(load_balancing={"name": "x"}), ("load_balancing.name", "least-request", "remove it")),
        (with_route(load_balancing={"kind": "header", "name": "a b"}), ("name", "'a b'", "x-session")),
        (with_route(rate_limits=[{"requests": 0}]), ("rate_limits[0].requests", "0")),
        (with_route(rate_limits=[{"requests": 1, "header": "x"}]), ("header_value", "both or neither")),
        ({**with_route(health_check={}), "gateway": CILIUM}, ("routes.chat.health_check", "with Cilium")),
        ({**BASE, "gateway": CILIUM, "min_tls": "1.3"}, ("min_tls", "with Cilium", "use Envoy")),
        ({**BASE, "min_tls": "1.1"}, ("min_tls", "1.1", "1.2")),
        ({**BASE, "routes": {"redirect": ROUTE}}, ("routes.redirect", "that of port 80", "rename it")),
    ],
)
def test_impossible_gateways_are_refused(values: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(ArgsError) as refused:
        InferenceGatewayArgs.model_validate(values)
    for part in parts:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("platform", "values", "parts"),
    [
        ("eks", {"internet_facing": True}, ("source_cidrs", "nothing given", "0.0.0.0/0")),
        ("onprem", {"internet_facing": True}, ("internet_facing", "on onprem", "address_pool")),
        ("eks", {"address_pool": "racks"}, ("address_pool", "'racks' on eks", "remove it")),
        ("eks", {"source_cidrs": ["10.0.0.1/8"]}, ("source_cidrs[0]", "10.0.0.1/8", "198.51.100.0/24")),
        ("eks", {"proxies": 11}, ("proxies", "above max_proxies 10", "raise")),
        ("onprem", {"implementation": "cilium", "class_name": "x"}, ("class_name", "'x' with Cilium")),
        ("eks", {"implementation": "cilium", "source_cidrs": ["10.0.0.0/8"]}, ("source_cidrs", "Cilium")),
    ],
)
def test_impossible_controllers_are_refused(
    record: Any, kubernetes: Any, platform: str, values: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as refused:
        record(lambda: GatewayControllerArgs.model_validate({"cluster": kubernetes(platform), **values}))
    for part in parts:
        assert part in str(refused.value)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 65535)), min_size=1, max_size=16))
def test_a_route_that_is_taken_sends_every_request_somewhere(backends: list[tuple[int, int]]) -> None:
    wanted = [
        {"service": f"s{index}", "port": port, "weight": weight}
        for index, (weight, port) in enumerate(backends)
    ]
    possible = any(weight for weight, _ in backends)
    try:
        args = InferenceGatewayArgs.model_validate(with_route(backends=wanted))
    except ArgsError:
        assert not possible
        return
    made: Any = route_spec("in", args, args.routes["chat"])
    references = made["rules"][0]["backendRefs"]
    assert possible
    assert [(one["weight"], one["port"]) for one in references] == backends


def made_by(record: Any, values: dict[str, Any]) -> Any:
    return record(lambda: InferenceGateway("in", InferenceGatewayArgs.model_validate(values)))


def test_tls_only_and_port_80_sends_there(record: Any) -> None:
    made = made_by(record, BASE)
    https, http = made.one("Gateway").inputs["spec"]["listeners"]
    assert (https["protocol"], https["port"]) == ("HTTPS", 443)
    assert https["tls"]["certificateRefs"] == [{"group": "", "kind": "Secret", "name": "chat-tls"}]
    assert https["allowedRoutes"]["namespaces"] == {"from": "Same"}
    assert (http["protocol"], http["port"]) == ("HTTP", 80)
    redirect = made.one("HTTPRoute", "in-redirect").inputs["spec"]
    assert redirect["parentRefs"][0]["sectionName"] == "http"
    assert redirect["rules"][0]["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 301}
    assert made.one("ClientTrafficPolicy").inputs["spec"]["tls"]["minVersion"] == "1.2"
    # The route itself hears TLS only.
    route = made.one("HTTPRoute", "in-route-chat").inputs["spec"]
    assert [one["sectionName"] for one in route["parentRefs"]] == ["chat"]


def test_without_a_redirect_port_80_is_closed(record: Any) -> None:
    made = made_by(record, {**BASE, "redirect_http": False})
    assert [one["port"] for one in made.one("Gateway").inputs["spec"]["listeners"]] == [443]


def test_an_issuer_makes_the_certificates(record: Any) -> None:
    values = {**BASE, "issuer": "internal-ca", "listeners": {"chat": {"hostname": "chat.example.com"}}}
    gateway = made_by(record, values).one("Gateway").inputs
    assert gateway["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "internal-ca"}
    assert gateway["spec"]["listeners"][0]["tls"]["certificateRefs"][0]["name"] == "in-chat-tls"


def test_a_canary_gets_its_share_and_replicas_are_treated_as_said(record: Any) -> None:
    values = with_route(
        backends=CANARY,
        load_balancing={"kind": "cookie", "name": "session", "cookie_ttl_seconds": 60},
        health_check={"path": "/ready"},
        rate_limits=[{"requests": 100, "header": "x-team", "header_value": "a"}],
        backend_timeout_seconds=300,
    )
    made = made_by(record, values)
    rule = made.one("HTTPRoute", "in-route-chat").inputs["spec"]["rules"][0]
    assert [one["weight"] for one in rule["backendRefs"]] == [90, 10]
    assert rule["timeouts"] == {"request": "600s", "backendRequest": "300s"}
    policy = made.one("BackendTrafficPolicy").inputs["spec"]
    assert policy["targetRefs"] == [{"group": API, "kind": "HTTPRoute", "name": "in-chat"}]
    hashed = policy["loadBalancer"]["consistentHash"]
    assert hashed == {"type": "Cookie", "cookie": {"name": "session", "ttl": "60s"}}
    assert policy["healthCheck"]["active"]["http"]["path"] == "/ready"
    assert policy["healthCheck"]["passive"]["maxEjectionPercent"] == 50
    assert policy["retry"]["retryOn"]["httpStatusCodes"] == [503]
    (limit,) = policy["rateLimit"]["local"]["rules"]
    assert limit["limit"] == {"requests": 100, "unit": "Minute"}


def test_the_least_busy_replica_is_the_default() -> None:
    assert GatewayRoute.model_validate(ROUTE).load_balancing.kind == "least-request"


def test_other_namespaces_are_opened_object_by_object(record: Any) -> None:
    listener = {**LISTENER, "certificate_namespace": "certificates", "route_namespaces": ["team-a"]}
    route = {"namespace": "team-a", "backends": [{**BACKEND, "namespace": "models"}]}
    made = made_by(record, {**BASE, "listeners": {"chat": listener}, "routes": {"chat": route}})
    grants = {
        one.inputs["metadata"]["namespace"]: one.inputs["spec"] for one in made.of_type("ReferenceGrant")
    }
    assert grants == {
        "certificates": {
            "from": [{"group": API, "kind": "Gateway", "namespace": "serving"}],
            "to": [{"group": "", "kind": "Secret", "name": "chat-tls"}],
        },
        "models": {
            "from": [{"group": API, "kind": "HTTPRoute", "namespace": "team-a"}],
            "to": [{"group": "", "kind": "Service", "name": "chat"}],
        },
    }
    allowed = made.one("Gateway").inputs["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]
    assert allowed["selector"]["matchExpressions"][0]["values"] == ["serving", "team-a"]


def test_cilium_gets_what_the_standard_knows(record: Any) -> None:
    made = made_by(record, {**BASE, "gateway": CILIUM})
    assert made.one("Gateway").inputs["spec"]["infrastructure"] == {"annotations": {"a": "b"}}
    assert made.of_type("BackendTrafficPolicy") == made.of_type("ClientTrafficPolicy") == []
    through = made.one("CiliumNetworkPolicy").inputs["spec"]
    assert through == {"endpointSelector": {}, "ingress": [{"fromEntities": ["ingress"]}]}


def test_cert_manager_comes_after_the_definitions_that_it_looks_for(record: Any, kubernetes: Any) -> None:
    def program() -> None:
        GatewayController("gateways", GatewayControllerArgs(cluster=kubernetes(), cert_manager=True))

    made = record(program)
    assert "gateways-class" in made.one("Namespace", "gateways-certificates").depends_on
    assert "gateways-certificates" in made.one("Release", "gateways-cert-manager").depends_on


def test_load_balancers_are_private_unless_declared(record: Any, kubernetes: Any) -> None:
    scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme"

    def program() -> None:
        private = GatewayControllerArgs(cluster=kubernetes())
        assert service_annotations(private)[scheme] == "internal"
        public = GatewayControllerArgs(
            cluster=private.cluster, internet_facing=True, source_cidrs=("198.51.100.0/24",)
        )
        assert service_annotations(public)[scheme] == "internet-facing"
        service: Any = proxy_spec(public)
        service = service["provider"]["kubernetes"]["envoyService"]
        assert service["loadBalancerSourceRanges"] == ["198.51.100.0/24"]

    record(program)


@pytest.mark.parametrize(
    ("platform", "more", "wanted"),
    [
        ("gke", {}, {"networking.gke.io/load-balancer-type": "Internal"}),
        ("onprem", {"address_pool": "racks"}, {"metallb.io/address-pool": "racks"}),
        ("onprem", {}, {}),
    ],
)
def test_each_platform_is_told_in_its_own_words(
    record: Any, kubernetes: Any, platform: str, more: Any, wanted: dict[str, str]
) -> None:
    def program() -> None:
        args = GatewayControllerArgs.model_validate({"cluster": kubernetes(platform), **more})
        assert service_annotations(args) == wanted

    record(program)


def way_in(weight: int = 10) -> None:
    cluster = KubernetesHandle(
        name="rack",
        platform="onprem",
        version="1.36",
        provider=k8s.Provider("cluster", cluster_identifier="rack"),
    )
    args = GatewayControllerArgs(cluster=cluster, address_pool="racks", cert_manager=True)
    controller = GatewayController("gateways", args, cluster.options())
    models = k8s.core.v1.Namespace("models", metadata={"name": "models"}, opts=cluster.options())
    backends = [
        {**BACKEND, "weight": 100},
        {"service": "next", "port": 80, "weight": weight, "namespace": "models"},
    ]
    route = {
        "backends": backends,
        "health_check": {},
        "rate_limits": [{"requests": 600}],
        "load_balancing": {"kind": "header", "name": "x-session"},
    }
    values = {**BASE, "gateway": controller.handle, "routes": {"chat": route}}
    opts = cluster.options()
    opts.depends_on = [models]
    InferenceGateway("in", InferenceGatewayArgs.model_validate(values), opts)


def test_life_of_a_gateway(sandbox: SandboxFixture, mandatory: Callable[[str], list[str]]) -> None:
    sandbox.up(way_in)
    assert {key for key, count in sandbox.up().changes.items() if count} == {"same"}
    rack = sandbox.cluster("rack")
    (gateway,) = rack.objects(GroupKind(API, "Gateway"), "serving")
    assert gateway["spec"]["gatewayClassName"] == "envoy"
    assert mandatory("Gateway") == []
    sandbox.up(lambda: way_in(weight=50))
    assert sandbox.steps("update") == ["in-route-chat"]
    sandbox.destroy()
    assert rack.objects(GroupKind(API, "Gateway"), "serving") == []
