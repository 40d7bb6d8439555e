"""Services, Ingresses and NetworkPolicies."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import metadata
from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each, texts
from bedplate.sandbox.providers.schema import Problem

_BALANCER_ONLY = ("loadBalancerClass", "allocateLoadBalancerNodePorts")
_TRAFFIC = ("PreferClose", "PreferSameZone", "PreferSameNode")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")


def service(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    if not isinstance(spec, Mapping):
        return
    kind = spec.get("type") or "ClusterIP"
    yield from _addresses(spec, kind)
    external = spec.get("externalIPs")
    for here, text in texts(external, "spec.externalIPs"):
        yield from forms.address(text, here)
        if forms.is_address(text):
            ip = ipaddress.ip_address(text)
            if ip.is_loopback or ip.is_unspecified or ip.is_link_local or ip.is_multicast:
                yield here, f"'{text}'; must be an address that others can reach"
    if isinstance(kind, str):
        outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(external))
        if spec.get("externalTrafficPolicy") and not outside:
            yield "spec.externalTrafficPolicy", "only with the type NodePort or LoadBalancer"
        for name in _BALANCER_ONLY:
            if spec.get(name) is not None and kind != "LoadBalancer":
                yield f"spec.{name}", "only with the type LoadBalancer"
        local = kind == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
        if spec.get("healthCheckNodePort") and not local:
            yield (
                "spec.healthCheckNodePort",
                "only with the type LoadBalancer and externalTrafficPolicy: Local",
            )
        if spec.get("loadBalancerSourceRanges") and kind != "LoadBalancer":
            yield "spec.loadBalancerSourceRanges", "only with the type LoadBalancer"
    for here, text in texts(spec.get("loadBalancerSourceRanges"), "spec.loadBalancerSourceRanges"):
        yield from forms.network(text.strip(), here)
    yield from forms.qualified(spec.get("loadBalancerClass"), "spec.loadBalancerClass")
    yield from forms.choice(spec.get("trafficDistribution"), _TRAFFIC, "spec.trafficDistribution")
    if isinstance(spec.get("externalName"), str) and kind == "ExternalName":
        yield from forms.subdomain(spec["externalName"].removesuffix("."), "spec.externalName")
    seconds = at(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    sticky = spec.get("sessionAffinity") == "ClientIP"
    if sticky and isinstance(seconds, int) and not 1 <= seconds <= 86400:
        yield "spec.sessionAffinityConfig.clientIP.timeoutSeconds", f"{seconds}; must be 1 to 86400"
    taken: set[tuple[Any, Any]] = set()
    for here, one in each(spec.get("ports"), "spec.ports"):
        yield from forms.qualified(one.get("appProtocol"), f"{here}.appProtocol")
        key = (one.get("protocol", "TCP"), one.get("nodePort"))
        if isinstance(key[1], int) and key[1]:
            if key in taken:
                yield f"{here}.nodePort", f"{key[1]} is the nodePort of another port of this service"
            taken.add(key)


def _addresses(spec: Values, kind: Any) -> Iterator[Problem]:
    own = spec.get("clusterIP")
    addresses = [("spec.clusterIP", own)] if isinstance(own, str) else []
    addresses += texts(spec.get("clusterIPs"), "spec.clusterIPs")
    for here, text in addresses:
        if not text:
            continue
        if kind == "ExternalName":
            yield here, "not with the type ExternalName; leave it out"
        elif text == "None" and kind in ("NodePort", "LoadBalancer"):
            yield here, f"'None' is not for the type {kind}; leave it out, or take the type ClusterIP"
        elif text != "None":
            yield from forms.address(text, here)
    families = spec.get("ipFamilies")
    if isinstance(families, list) and len(families) == 2 and families[0] == families[1]:
        yield "spec.ipFamilies[1]", f"'{families[1]}' is named twice"
    if isinstance(families, list) and len(families) == 2 and spec.get("ipFamilyPolicy") == "SingleStack":
        yield "spec.ipFamilies", "has two families, and ipFamilyPolicy is SingleStack"


def ingress(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    default, rules = at(spec, "defaultBackend"), at(spec, "rules")
    if isinstance(spec, Mapping) and default is None and rules in (None, []):
        yield "spec", "empty; give a defaultBackend or rules"
    if isinstance(default, Mapping):
        yield from _backend(default, "spec.defaultBackend")
    yield from forms.subdomain(at(spec, "ingressClassName"), "spec.ingressClassName")
    for here, rule in each(rules, "spec.rules"):
        yield from _host(rule.get("host"), f"{here}.host")
        paths = at(rule, "http", "paths")
        if isinstance(rule.get("http"), Mapping) and paths in (None, []):
            yield f"{here}.http.paths", "missing: give at least one path"
        for where, one in each(paths, f"{here}.http.paths"):
            yield from _path(one, where)
            if isinstance(one.get("backend"), Mapping):
                yield from _backend(one["backend"], f"{where}.backend")
    for here, one in each(at(spec, "tls"), "spec.tls"):
        for where, host in texts(one.get("hosts"), f"{here}.hosts"):
            yield from _host(host, where, addresses=True)
        yield from forms.subdomain(one.get("secretName"), f"{here}.secretName")


def _host(host: Any, path: str, addresses: bool = False) -> Iterator[Problem]:
    if not isinstance(host, str) or not host:
        return
    if forms.is_address(host) and not addresses:
        yield path, f"'{host}' is an IP address; give a DNS name"
    elif "*" in host:
        if not host.startswith("*.") or list(metadata.dns_subdomain(host[2:], path)):
            yield path, f"'{host}'; a wildcard is the whole first part, such as *.example.com"
    else:
        yield from forms.subdomain(host, path)


def _path(one: Values, path: str) -> Iterator[Problem]:
    kind, given = one.get("pathType"), one.get("path")
    if kind not in ("Exact", "Prefix"):
        return
    if given in (None, ""):
        yield f"{path}.path", f"missing: the pathType {kind} needs it"
    elif isinstance(given, str):
        bad = [part for part in _BAD_PARTS if part in given] + [
            end for end in _BAD_ENDS if given.endswith(end)
        ]
        if bad:
            yield f"{path}.path", f"'{given}'; must not have '{bad[0]}' in it"


def _backend(backend: Values, path: str) -> Iterator[Problem]:
    yield from forms.one_of(backend, ("service", "resource"), path)
    found = backend.get("service")
    if not isinstance(found, Mapping):
        return
    yield from forms.needed(found, ("name",), f"{path}.service")
    yield from forms.label(found.get("name") or None, f"{path}.service.name")
    if isinstance(found.get("port", {}), Mapping):
        here = f"{path}.service.port"
        wanted = found.get("port") or {}
        yield from forms.one_of({k: v or None for k, v in wanted.items()}, ("number", "name"), here)
        yield from forms.port(wanted.get("number") or None, f"{here}.number")
        yield from forms.port(wanted.get("name") or None, f"{here}.name")


def ingress_class(manifest: Values) -> Iterator[Problem]:
    yield from forms.domain_path(at(manifest, "spec", "controller"), "spec.controller")
    parameters = at(manifest, "spec", "parameters")
    if isinstance(parameters, Mapping):
        scope, here = parameters.get("scope", "Cluster"), "spec.parameters"
        yield from forms.needed(parameters, ("kind", "name"), here)
        yield from forms.choice(scope, ("Cluster", "Namespace"), f"{here}.scope")
        if scope == "Namespace" and not parameters.get("namespace"):
            yield f"{here}.namespace", "missing: the scope Namespace needs it"
        elif scope == "Cluster" and parameters.get("namespace"):
            yield f"{here}.namespace", "only with the scope Namespace"


def network_policy(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    kinds = at(spec, "policyTypes")
    if isinstance(kinds, list) and len(kinds) > 2:
        yield "spec.policyTypes", f"{len(kinds)} types; there are only Ingress and Egress"
    for side, peers in (("ingress", "from"), ("egress", "to")):
        for here, rule in each(at(spec, side), f"spec.{side}"):
            for where, one in each(rule.get("ports"), f"{here}.ports"):
                yield from _end(one, where)
            for where, peer in each(rule.get(peers), f"{here}.{peers}"):
                for name in ("podSelector", "namespaceSelector"):
                    yield from metadata.selector(peer.get(name), f"{where}.{name}")
                if isinstance(peer.get("ipBlock"), Mapping):
                    yield from _block(peer["ipBlock"], f"{where}.ipBlock")


def _end(one: Values, path: str) -> Iterator[Problem]:
    first, last = one.get("port"), one.get("endPort")
    if last is None:
        return
    if first is None:
        yield f"{path}.endPort", "only with port"
    elif isinstance(first, str):
        yield f"{path}.endPort", "only with a port that is a number"
    elif isinstance(first, int) and isinstance(last, int) and last < first:
        yield f"{path}.endPort", f"{last}; must not be less than port, {first}"
    yield from forms.port(last, f"{path}.endPort")


def _block(block: Values, path: str) -> Iterator[Problem]:
    whole = block.get("cidr")
    yield from forms.network(whole, f"{path}.cidr")
    outer = forms.parsed_network(whole) if isinstance(whole, str) else None
    for here, text in texts(block.get("except"), f"{path}.except"):
        inner = forms.parsed_network(text)
        yield from forms.network(text, here)
        if inner is None or outer is None:
            continue
        same = inner.version == outer.version and inner != outer
        fits = same and inner[0] in outer and inner[-1] in outer
        if not fits:
            yield here, f"'{text}'; must be a part of {whole}, and not all of it"


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("", "Service"): service,
    ("networking.k8s.io", "Ingress"): ingress,
    ("networking.k8s.io", "IngressClass"): ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): network_policy,
}
