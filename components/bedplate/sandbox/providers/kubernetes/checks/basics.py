"""Finalizers of every kind; ConfigMaps, Secrets, Namespaces, Nodes, and bindings of roles."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import metadata
from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each, texts
from bedplate.sandbox.providers.schema import Problem, join

_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_POD_SECURITY = re.compile(r"^(latest|v1\.\d{1,3})$")
_RBAC = "rbac.authorization.k8s.io"
_ACCOUNT = "kubernetes.io/service-account.name"
_JSON = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}


def finalizers(manifest: Values) -> Iterator[Problem]:
    """Of a built-in kind; those of custom resources need no domain."""
    given = at(manifest, "metadata", "finalizers")
    for here, text in texts(given, "metadata.finalizers"):
        if "/" not in text and text not in _FINALIZERS:
            yield here, f"'{text}' has no domain; give one such as example.com/{text or 'name'}"


def config_map(manifest: Values) -> Iterator[Problem]:
    data, binary = manifest.get("data"), manifest.get("binaryData")
    if isinstance(data, Mapping) and isinstance(binary, Mapping):
        for key in data.keys() & binary.keys():
            yield join("binaryData", key), f"'{key}' is in data, too"


def secret(manifest: Values) -> Iterator[Problem]:
    kind, data, written = manifest.get("type"), manifest.get("data", {}), manifest.get("stringData", {})
    if not isinstance(data, Mapping) or not isinstance(written, Mapping) or not isinstance(kind, str):
        return
    keys = data.keys() | written.keys()
    if kind == "kubernetes.io/basic-auth" and not keys & {"username", "password"}:
        yield "data.username", f"missing: a secret of the type {kind} needs username, password, or both"
    noted = at(manifest, "metadata", "annotations")
    token = kind == "kubernetes.io/service-account-token"
    if token and isinstance(noted, Mapping | None) and not (noted or {}).get(_ACCOUNT):
        yield join("metadata.annotations", _ACCOUNT), f"missing: the type {kind} names its account"
    key = _JSON.get(kind)
    if kind == "kubernetes.io/dockercfg" and key not in keys:
        yield join("data", str(key)), f"missing: a secret of the type {kind} needs it"
    if key is not None and not _is_json(data.get(key), written.get(key)):
        field = "stringData" if key in written else "data"
        yield join(field, key), f"no JSON; a secret of the type {kind} holds the settings of a registry"


def _is_json(encoded: Any, text: Any) -> bool:
    try:
        if isinstance(text, str):
            json.loads(text)
        elif text is None and isinstance(encoded, str):
            json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, binascii.Error):
        return False
    return True


def namespace(manifest: Values) -> Iterator[Problem]:
    given = at(manifest, "metadata", "labels")
    for mode in ("enforce", "audit", "warn"):
        key = f"pod-security.kubernetes.io/{mode}-version"
        version = at(given, key)
        if isinstance(version, str) and not _POD_SECURITY.match(version):
            yield join("metadata.labels", key), f"'{version}'; give latest, or a version such as v1.35"


def node(manifest: Values) -> Iterator[Problem]:
    taken: set[tuple[str, str]] = set()
    for here, taint in each(at(manifest, "spec", "taints"), "spec.taints"):
        key, effect, value = taint.get("key"), taint.get("effect"), taint.get("value")
        yield from forms.qualified(key, f"{here}.key")
        if isinstance(value, str):
            yield from metadata.label_value(value, f"{here}.value")
        if isinstance(key, str) and isinstance(effect, str):
            if (key, effect) in taken:
                yield here, f"the taint '{key}' with the effect {effect} is there already"
            taken.add((key, effect))


def cluster_role(manifest: Values) -> Iterator[Problem]:
    for here, rule in each(manifest.get("rules"), "rules"):
        if rule.get("nonResourceURLs") and (rule.get("resources") or rule.get("apiGroups")):
            yield f"{here}.nonResourceURLs", "not in one rule with resources; make it a rule of its own"


def binding(manifest: Values) -> Iterator[Problem]:
    for here, subject in each(manifest.get("subjects"), "subjects"):
        yield from forms.needed(subject, ("name",), here)
        if subject.get("kind") == "ServiceAccount":
            yield from forms.subdomain(subject.get("name"), f"{here}.name")
        elif subject.get("kind") in ("User", "Group"):
            yield from forms.choice(subject.get("apiGroup") or None, (_RBAC,), f"{here}.apiGroup")


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("", "ConfigMap"): config_map,
    ("", "Secret"): secret,
    ("", "Namespace"): namespace,
    ("", "Node"): node,
    (_RBAC, "ClusterRole"): cluster_role,
    (_RBAC, "ClusterRoleBinding"): binding,
    (_RBAC, "RoleBinding"): binding,
}
