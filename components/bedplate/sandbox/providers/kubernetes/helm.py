"""Helm releases, kept as they are recorded: the sandbox neither fetches nor renders a chart.

What a known chart brings of CustomResourceDefinitions is put into the cluster (`brought.py`).
A release is checked for what can be told without its chart: that the version is pinned, and its values where
`charts.json` has the chart's own schema of them, or its top-level keys ("derived", see `values_build.py`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes import api, brought, metadata, names, refreshed
from bedplate.sandbox.providers.kubernetes.cluster import NAMESPACE, RELEASE, Cluster
from bedplate.sandbox.providers.kubernetes.connection import Connection
from bedplate.sandbox.providers.kubernetes.openapi import Checker
from bedplate.sandbox.providers.schema import Problem, nearest
from bedplate.sandbox.providers.wire import UNKNOWN

_VERSION = re.compile(r"^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$")
# helm's own limit, since names become labels (helm, pkg/chart/common/util, from memory).
_NAME_LENGTH = 53
_TYPES: dict[str, type] = {
    **dict.fromkeys(("chart", "description", "keyring", "name", "namespace", "postrender", "version"), str),
    **dict.fromkeys(("values", "manifest", "repositoryOpts", "resourceNames"), dict),
    **dict.fromkeys(("maxHistory", "timeout"), int),
    "valueYamlFiles": list,
    "compat": str,
    **dict.fromkeys(
        (
            "allowNullValues", "atomic", "cleanupOnFail", "createNamespace", "dependencyUpdate", "devel",
            "disableCRDHooks", "disableOpenapiValidation", "disableWebhooks", "forceUpdate", "lint",
            "recreatePods", "renderSubchartNotes", "replace", "resetValues", "reuseValues", "skipAwait",
            "skipCrds", "takeOwnership", "verify", "waitForJobs",
        ),
        bool,
    ),
}  # fmt: skip


class ReleaseLife:
    """A `Life` (see `lives.py`)."""

    def __init__(self, cluster: Cluster, connection: Connection) -> None:
        self._cluster = cluster
        self._connection = connection

    def named(self, inputs: JsonObject, kept: Any, logical_name: str, seed: bytes) -> JsonObject:
        if "name" in inputs:
            return inputs
        stem = logical_name[: _NAME_LENGTH - 9]
        before = kept.get("name") if isinstance(kept, Mapping) else None
        stays = isinstance(before, str) and re.fullmatch(re.escape(stem) + r"-[0-9a-f]{8}", before)
        return {**inputs, "name": before if stays else names.automatic(stem, seed)}

    def automatic(self, inputs: Mapping[str, Any]) -> bool:
        return False  # two releases of one name in one namespace cannot be, and names seldom change

    def problems(self, inputs: JsonObject) -> list[Problem]:
        found: list[Problem] = []
        for name, value in inputs.items():
            if name not in _TYPES:
                found.append((name, f"unknown property; {nearest(name, sorted(_TYPES))}"))
            elif value is not UNKNOWN and (
                not isinstance(value, _TYPES[name]) or (_TYPES[name] is int and isinstance(value, bool))
            ):
                found.append((name, f"a {type(value).__name__} was given; give a {_word(_TYPES[name])}"))
        if found:
            return found
        chart, version = inputs.get("chart"), inputs.get("version")
        if not chart:
            found.append(("chart", "missing: name the chart"))
        if isinstance(inputs["name"], str):
            found += metadata.dns_subdomain(inputs["name"], "name")
            if len(inputs["name"]) > _NAME_LENGTH:
                found.append(("name", f"{len(inputs['name'])} characters; helm takes {_NAME_LENGTH}"))
        if version is None and not (isinstance(chart, str) and chart.endswith(".tgz")):
            found.append(("version", "missing: pin the chart's version, or each run may install another"))
        elif isinstance(version, str) and not _VERSION.match(version):
            found.append(
                ("version", f"'{version}' is no exact version; give one such as 1.2.3, and no range")
            )
        found += _values_problems(str(chart).rpartition("/")[2], inputs.get("values", {}))
        return found

    def replaces(self, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return path in ("name", "namespace")

    def moved(self, state: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        before = state.get("namespace")
        return "namespace" not in new and before not in (None, self._connection.namespace)

    def preview(self, inputs: JsonObject, old: JsonObject, state: JsonObject | None) -> JsonObject:
        return {
            "namespace": self._connection.namespace,
            **inputs,
            "status": UNKNOWN,
            "resourceNames": UNKNOWN,
        }

    def create(self, inputs: JsonObject) -> JsonObject:
        namespace, name = inputs.get("namespace", self._connection.namespace), inputs["name"]
        if self._cluster.get(NAMESPACE, "", namespace) is None:
            if not inputs.get("createNamespace"):
                raise CloudError(
                    "NotFound",
                    f"namespace: there is no namespace '{namespace}'; make it first, or set createNamespace",
                )
            kind = api.find_kind(self._cluster, "v1", "Namespace")
            assert kind is not None
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            api.create(self._cluster, kind, made)
        if self._cluster.get(RELEASE, namespace, name) is not None:
            raise CloudError("AlreadyExists", f"a release '{name}' is in namespace {namespace} already")
        brought.install(self._cluster, brought.Owner(namespace, name), inputs)
        return self._put(inputs, namespace, 1)

    def read(self, id: str) -> JsonObject | None:
        namespace, _, name = id.rpartition("/")
        found = self._cluster.get(RELEASE, namespace or self._connection.namespace, name)
        return None if found is None else dict(found["spec"])

    def inputs_now(self, inputs: JsonObject, outputs: JsonObject) -> JsonObject:
        if inputs:
            return refreshed.inputs(inputs, outputs)
        return {name: value for name, value in outputs.items() if name not in ("status", "resourceNames")}

    def update(self, id: str, old: JsonObject, new: JsonObject) -> JsonObject:
        live = self.read(id)
        if live is None:
            raise CloudError("NotFound", f"the release '{id}' does not exist any more; run a refresh first")
        brought.upgrade(self._cluster, brought.Owner(live["namespace"], live["name"]), new)
        return self._put(new, live["namespace"], live["status"]["revision"] + 1)

    def delete(self, id: str) -> None:
        live = self.read(id)
        if live is not None:
            brought.uninstall(self._cluster, brought.Owner(live["namespace"], live["name"]))
            self._cluster.remove(RELEASE, live["namespace"], live["name"])

    def id(self, outputs: Mapping[str, Any]) -> str:
        return f"{outputs['namespace']}/{outputs['name']}"

    def _put(self, inputs: JsonObject, namespace: str, revision: int) -> JsonObject:
        status = {
            "name": inputs["name"],
            "namespace": namespace,
            "chart": str(inputs["chart"]).rpartition("/")[2],
            "version": inputs.get("version", ""),
            "revision": revision,
            "status": "deployed",
        }
        outputs = {"resourceNames": {}, **inputs, "namespace": namespace, "status": status}
        record = {
            "apiVersion": "helm.sh/v3",
            "kind": "Release",
            "metadata": {"name": inputs["name"], "namespace": namespace},
            "spec": outputs,
        }
        self._cluster.put(RELEASE, namespace, inputs["name"], record)
        return outputs


def _word(kind: type) -> str:
    return {str: "string", dict: "map", int: "whole number", bool: "boolean"}.get(kind, "list")


def _values_problems(chart: str, values: Any) -> Iterator[Problem]:
    known = _schemas().get(chart)
    if known is None or not isinstance(values, dict):
        return
    for path, reason in Checker({}).problems(known["schema"], values):
        if known["derived"] and reason.startswith("unknown field"):
            hint = reason.removeprefix("unknown field")
            reason = f"the chart has no such value, and helm would pass over it{hint}"
        yield (f"values.{path}" if path else "values"), reason


@cache
def _schemas() -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(
        resources.files(__package__).joinpath("charts.json").read_text(encoding="utf-8")
    )
    return found
