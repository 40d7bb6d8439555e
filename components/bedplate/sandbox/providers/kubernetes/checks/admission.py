"""Webhooks and admission policies."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bedplate.sandbox.providers.kubernetes import metadata, validations
from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each
from bedplate.sandbox.providers.schema import Problem

_GROUP = "admissionregistration.k8s.io"
_REVIEWS = ("v1", "v1beta1")
_REASONS = ("Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge")


def expression(value: Any, path: str) -> Iterator[Problem]:
    """An expression in CEL: whether it can be read. What it means is not asked."""
    if value == "":
        yield path, "empty; give an expression in CEL"
    elif isinstance(value, str):
        wrong = validations.syntax_error(value)
        if wrong is not None:
            yield path, f"no expression in CEL: {wrong}"


def client(config: Any, path: str) -> Iterator[Problem]:
    """Where a webhook is."""
    if not isinstance(config, Mapping):
        return
    yield from forms.one_of(config, ("url", "service"), path)
    url = config.get("url")
    if isinstance(url, str):
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.netloc:
            yield f"{path}.url", f"'{url}'; must be https://host[/path]"
        elif parts.username or parts.query or parts.fragment:
            yield f"{path}.url", f"'{url}'; must have no user, query or fragment"
    service = config.get("service")
    if isinstance(service, Mapping):
        yield from forms.needed(service, ("namespace", "name"), f"{path}.service")
        yield from forms.port(service.get("port"), f"{path}.service.port")
        where = service.get("path")
        if isinstance(where, str) and not where.startswith("/"):
            yield f"{path}.service.path", f"'{where}'; must begin with '/'"


def webhooks(manifest: Values) -> Iterator[Problem]:
    names: set[str] = set()
    for here, hook in each(manifest.get("webhooks"), "webhooks"):
        name = hook.get("name")
        if isinstance(name, str):
            yield from metadata.dns_subdomain(name, f"{here}.name")
            if len(name.split(".")) < 3:
                yield f"{here}.name", f"'{name}'; must be a domain of three parts or more"
            if name in names:
                yield f"{here}.name", f"'{name}' is the name of another webhook here"
            names.add(name)
        versions = hook.get("admissionReviewVersions")
        known = versions if isinstance(versions, list) else []
        if known and all(isinstance(one, str) and one not in _REVIEWS for one in known):
            yield f"{here}.admissionReviewVersions", f"must have one of {', '.join(_REVIEWS)}"
        yield from client(hook.get("clientConfig"), f"{here}.clientConfig")
        yield from _matching(hook, here)
        for where, rule in each(hook.get("rules"), f"{here}.rules"):
            yield from _rule(rule, where)


def _matching(one: Values, path: str) -> Iterator[Problem]:
    for name in ("namespaceSelector", "objectSelector"):
        yield from metadata.selector(one.get(name), f"{path}.{name}")
    for here, condition in each(one.get("matchConditions"), f"{path}.matchConditions"):
        yield from forms.qualified(condition.get("name"), f"{here}.name")
        yield from expression(condition.get("expression"), f"{here}.expression")


def _rule(rule: Values, path: str) -> Iterator[Problem]:
    for name in ("operations", "apiGroups", "apiVersions", "resources"):
        given = rule.get(name)
        if given in (None, []):
            yield f"{path}.{name}", "missing: a rule needs it"
        elif name != "resources" and isinstance(given, list) and "*" in given and len(given) > 1:
            yield f"{path}.{name}", "'*' means all; leave the others out"


def policy(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    if not isinstance(spec, Mapping):
        return
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield "spec.validations", "missing: give validations or auditAnnotations"
    matching = spec.get("matchConstraints")
    if matching is None:
        yield "spec.matchConstraints", "missing: say which requests are checked"
    elif isinstance(matching, Mapping):
        if matching.get("resourceRules") in (None, []):
            yield "spec.matchConstraints.resourceRules", "missing: give at least one rule"
        yield from _matching(matching, "spec.matchConstraints")
        for name in ("resourceRules", "excludeResourceRules"):
            for here, rule in each(matching.get(name), f"spec.matchConstraints.{name}"):
                yield from _rule(rule, here)
    yield from _matching({"matchConditions": spec.get("matchConditions")}, "spec")
    if isinstance(spec.get("paramKind"), Mapping):
        yield from forms.needed(spec["paramKind"], ("apiVersion", "kind"), "spec.paramKind")
    for name in ("validations", "variables"):
        for here, one in each(spec.get(name), f"spec.{name}"):
            yield from expression(one.get("expression"), f"{here}.expression")
            yield from expression(one.get("messageExpression") or None, f"{here}.messageExpression")
            yield from forms.choice(one.get("reason"), _REASONS, f"{here}.reason")
    for here, one in each(spec.get("auditAnnotations"), "spec.auditAnnotations"):
        yield from forms.needed(one, ("key",), here)
        yield from expression(one.get("valueExpression"), f"{here}.valueExpression")


def policy_binding(manifest: Values) -> Iterator[Problem]:
    actions = at(manifest, "spec", "validationActions")
    if not isinstance(actions, list):
        return
    if "Deny" in actions and "Warn" in actions:
        yield "spec.validationActions", "Deny and Warn tell the same twice; give one of them"
    known = [one for one in actions if isinstance(one, str)]
    if len(set(known)) < len(known):
        yield "spec.validationActions", "an action is given twice"


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    (_GROUP, "ValidatingWebhookConfiguration"): webhooks,
    (_GROUP, "MutatingWebhookConfiguration"): webhooks,
    (_GROUP, "ValidatingAdmissionPolicy"): policy,
    (_GROUP, "ValidatingAdmissionPolicyBinding"): policy_binding,
}
