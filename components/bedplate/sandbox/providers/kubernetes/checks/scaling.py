"""HorizontalPodAutoscalers, PodDisruptionBudgets, ResourceQuotas, LimitRanges and RuntimeClasses."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks import containers, forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each
from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem, join

# The type of a metric, and the field that tells about it.
_SOURCES = {
    "Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object",
    "External": "external",
}  # fmt: skip
# Which of a target's fields a source takes, and whether it takes one only.
_TARGETS = {
    "resource": (("averageUtilization", "averageValue"), True),
    "containerResource": (("averageUtilization", "averageValue"), True),
    "pods": (("averageValue",), True),
    "object": (("value", "averageValue"), False),
    "external": (("value", "averageValue"), True),
}
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = (
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
)  # fmt: skip
_QUOTAS = frozenset(
    [*_COUNTED, *_COMPUTE, "requests.storage"]
    + [f"{side}.{name}" for side in ("requests", "limits") for name in _COMPUTE]
)
_HUGE = ("hugepages-", "requests.hugepages-")


def scaler(manifest: Values) -> Iterator[Problem]:
    for here, metric in each(at(manifest, "spec", "metrics"), "spec.metrics"):
        kind = metric.get("type")
        given = [name for name in _SOURCES.values() if metric.get(name) is not None]
        wanted = _SOURCES.get(kind) if isinstance(kind, str) else None
        if wanted and wanted not in given:
            yield f"{here}.{wanted}", f"missing: the type {kind} needs it"
        if wanted:
            for name in given:
                if name != wanted:
                    yield f"{here}.{name}", f"not with the type {kind}; leave it out"
        for name in given:
            if isinstance(metric[name], Mapping):
                yield from _source(metric[name], name, f"{here}.{name}")
    for side in ("scaleUp", "scaleDown"):
        rules, here = at(manifest, "spec", "behavior", side), f"spec.behavior.{side}"
        yield from forms.choice(at(rules, "selectPolicy"), ("Max", "Min", "Disabled"), f"{here}.selectPolicy")
        if at(rules, "policies") == []:
            yield f"{here}.policies", "empty; give at least one policy, or leave it out"
        for where, policy in each(at(rules, "policies"), f"{here}.policies"):
            yield from forms.choice(policy.get("type"), ("Pods", "Percent"), f"{where}.type")


def _source(source: Values, name: str, path: str) -> Iterator[Problem]:
    if name in ("resource", "containerResource"):
        yield from forms.needed(source, ("name",), path)
    elif isinstance(source.get("metric"), Mapping):
        yield from forms.needed(source["metric"], ("name",), f"{path}.metric")
    target, here = source.get("target"), f"{path}.target"
    if not isinstance(target, Mapping):
        return
    yield from forms.choice(target.get("type"), ("Utilization", "Value", "AverageValue"), f"{here}.type")
    fields, single = _TARGETS[name]
    given = [one for one in fields if target.get(one) is not None]
    if not given:
        yield f"{here}.{fields[0]}", f"missing: give {' or '.join(fields)}"
    elif single and len(given) > 1:
        yield here, f"has {' and '.join(given)}; give only one of them"
    for one in ("value", "averageValue", "averageUtilization"):
        size = amount(target.get(one))
        if size is not None and size <= 0:
            yield f"{here}.{one}", f"{target[one]}; must be more than 0"


def budget(manifest: Values) -> Iterator[Problem]:
    for name in ("minAvailable", "maxUnavailable"):
        yield from forms.share(at(manifest, "spec", name), f"spec.{name}")


def quota(manifest: Values) -> Iterator[Problem]:
    hard = at(manifest, "spec", "hard")
    for name, given in hard.items() if isinstance(hard, Mapping) else ():
        here, size = join("spec.hard", name), amount(given)
        if "/" in name:
            yield from forms.qualified(name, here)
        elif name not in _QUOTAS and not name.startswith(_HUGE):
            yield here, f"'{name}' cannot be limited; choose from {', '.join(sorted(_QUOTAS))}, or a device"
        if size is not None and size < 0:
            yield here, f"{given}; must not be negative"
        elif size is not None and size != int(size) and (name in _COUNTED or name.startswith("count/")):
            yield here, f"{given}; must be a whole number"


def limit_range(manifest: Values) -> Iterator[Problem]:
    kinds: set[str] = set()
    for here, one in each(at(manifest, "spec", "limits"), "spec.limits"):
        kind = one.get("type")
        if isinstance(kind, str):
            if "/" not in kind:
                yield from forms.choice(kind, ("Pod", "Container", "PersistentVolumeClaim"), f"{here}.type")
            if kind in kinds:
                yield f"{here}.type", f"'{kind}' has limits already"
            kinds.add(kind)
        if kind == "Pod":
            for name in ("default", "defaultRequest"):
                if one.get(name):
                    yield f"{here}.{name}", "not with the type Pod; leave it out"
        bounds = at(one, "min", "storage"), at(one, "max", "storage")
        if kind == "PersistentVolumeClaim" and bounds == (None, None):
            yield f"{here}.min.storage", "missing: give the least or the most storage of a claim"
        yield from _ordered(one, here)


def _ordered(one: Values, path: str) -> Iterator[Problem]:
    sides = ("min", "defaultRequest", "default", "max")
    for index, low in enumerate(sides):
        given = one.get(low)
        for name, least in given.items() if isinstance(given, Mapping) else ():
            for high in sides[index + 1 :]:
                most = at(one, high, name)
                smaller, larger = amount(least), amount(most)
                if smaller is not None and larger is not None and smaller > larger:
                    yield join(f"{path}.{low}", name), f"{least} is more than {high}, {most}"
    ratio = one.get("maxLimitRequestRatio")
    for name, given in ratio.items() if isinstance(ratio, Mapping) else ():
        size = amount(given)
        if size is not None and size < 1:
            yield join(f"{path}.maxLimitRequestRatio", name), f"{given}; must be 1 or more"


def runtime_class(manifest: Values) -> Iterator[Problem]:
    yield from forms.label(manifest.get("handler"), "handler")
    fixed: Any = at(manifest, "overhead", "podFixed")
    for name, given in fixed.items() if isinstance(fixed, Mapping) else ():
        here, size = join("overhead.podFixed", name), amount(given)
        yield from containers.resource_name(name, here)
        if size is not None and size < 0:
            yield here, f"{given}; must not be negative"


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): scaler,
    ("policy", "PodDisruptionBudget"): budget,
    ("", "ResourceQuota"): quota,
    ("", "LimitRange"): limit_range,
    ("node.k8s.io", "RuntimeClass"): runtime_class,
}
