"""Claims of devices (resource.k8s.io) and their classes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.admission import expression
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each, texts
from bedplate.sandbox.providers.schema import Problem

_GROUP = "resource.k8s.io"
_MOST = 32


def _selectors(value: Any, path: str) -> Iterator[Problem]:
    for here, one in each(value, path):
        yield from forms.one_of(one, ("cel",), here)
        yield from expression(at(one, "cel", "expression"), f"{here}.cel.expression")


def device_class(manifest: Values) -> Iterator[Problem]:
    yield from _selectors(at(manifest, "spec", "selectors"), "spec.selectors")
    for here, one in each(at(manifest, "spec", "config"), "spec.config"):
        yield from _opaque(one, here)


def _opaque(one: Values, path: str) -> Iterator[Problem]:
    yield from forms.one_of(one, ("opaque",), path)
    yield from forms.subdomain(at(one, "opaque", "driver"), f"{path}.opaque.driver")


def claim_devices(devices: Any, path: str) -> Iterator[Problem]:
    requests = at(devices, "requests")
    names: set[str] = set()
    if isinstance(requests, list) and len(requests) > _MOST:
        yield f"{path}.requests", f"{len(requests)} requests; at most {_MOST} are allowed"
    for here, request in each(requests, f"{path}.requests"):
        name = request.get("name")
        yield from forms.label(name, f"{here}.name")
        if isinstance(name, str):
            if name in names:
                yield f"{here}.name", f"'{name}' is the name of another request"
            names.add(name)
        yield from forms.one_of(request, ("exactly", "firstAvailable"), here)
        if isinstance(request.get("exactly"), Mapping):
            yield from _request(request["exactly"], f"{here}.exactly")
        for where, one in each(request.get("firstAvailable"), f"{here}.firstAvailable"):
            yield from forms.label(one.get("name"), f"{where}.name")
            if isinstance(name, str) and isinstance(one.get("name"), str):
                names.add(f"{name}/{one['name']}")
            yield from _request(one, where)
    known = isinstance(requests, list) and all(isinstance(at(one, "name"), str) for one in requests)
    for group in ("constraints", "config"):
        for here, one in each(at(devices, group), f"{path}.{group}"):
            for where, name in texts(one.get("requests"), f"{here}.requests"):
                if known and name not in names:
                    yield where, f"no request '{name}' in this claim; there are {', '.join(sorted(names))}"
            if group == "constraints":
                yield from forms.one_of(one, ("matchAttribute", "distinctAttribute"), here)
                for kind in ("matchAttribute", "distinctAttribute"):
                    value = one.get(kind)
                    if isinstance(value, str) and "/" not in value:
                        yield f"{here}.{kind}", f"'{value}'; give it with its domain, such as a.com/{value}"
            else:
                yield from _opaque(one, here)


def _request(one: Values, path: str) -> Iterator[Problem]:
    yield from forms.needed(one, ("deviceClassName",), path)
    yield from forms.subdomain(one.get("deviceClassName"), f"{path}.deviceClassName")
    yield from _selectors(one.get("selectors"), f"{path}.selectors")
    if one.get("allocationMode") == "All" and one.get("count"):
        yield f"{path}.count", "not with the allocationMode All; leave it out"


def claim(manifest: Values) -> Iterator[Problem]:
    yield from claim_devices(at(manifest, "spec", "devices"), "spec.devices")


def template(manifest: Values) -> Iterator[Problem]:
    yield from claim_devices(at(manifest, "spec", "spec", "devices"), "spec.spec.devices")


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    (_GROUP, "DeviceClass"): device_class,
    (_GROUP, "ResourceClaim"): claim,
    (_GROUP, "ResourceClaimTemplate"): template,
}
