"""A provider instance's configuration: which cluster it means, and its settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes.cluster import DEFAULT_CLUSTER
from bedplate.sandbox.providers.schema import Problem, nearest

_SETTINGS = frozenset(
    {
        "alwaysRender",
        "cluster",
        "clusterIdentifier",
        "context",
        "deleteUnreachable",
        "enableConfigMapMutable",
        "enablePatchForce",
        "enableReplaceCRD",
        "enableSecretMutable",
        "enableServerSideApply",
        "helmReleaseSettings",
        "kubeClientSettings",
        "kubeconfig",
        "namespace",
        "renderYamlToDirectory",
        "skipUpdateUnreachable",
        "strictMode",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "upsertExistingObjects",
    }
)


# The settings that say which cluster a provider means.
IDENTITY = ("kubeconfig", "context", "cluster", "clusterIdentifier")
# The name of the extension of a kubeconfig's cluster that gives its version: `{kubernetesVersion: "1.34"}`.
_EXTENSION = "bedplate"


@dataclass(frozen=True)
class Connection:
    """`cluster` tells the clusters of a sandbox apart; nothing of it is ever called. `version`: empty where
    the kubeconfig does not tell it.
    """

    cluster: str
    namespace: str
    secrets_mutable: bool = False
    config_maps_mutable: bool = False
    version: str = ""


def problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a provider's known inputs."""
    found = [
        (name, f"unknown property; {nearest(name, sorted(_SETTINGS))}")
        for name in inputs
        if name not in _SETTINGS
    ]
    if inputs.get("renderYamlToDirectory"):
        found.append(
            ("renderYamlToDirectory", "the sandbox keeps objects and writes no files; leave it out here")
        )
    if "kubeconfig" in inputs:
        try:
            cluster_name(inputs)
        except CloudError as error:
            found.append(("kubeconfig", error.message))
    return found


def connect(inputs: Mapping[str, Any]) -> Connection:
    """Raises CloudError for a kubeconfig that cannot be read."""
    return Connection(
        cluster_name(inputs),
        str(inputs.get("namespace") or "default"),
        _true(inputs.get("enableSecretMutable")),
        _true(inputs.get("enableConfigMapMutable")),
        _version(inputs),
    )


def cluster_name(inputs: Mapping[str, Any]) -> str:
    """The explicit identifier; else the server that the kubeconfig's context names; else the default."""
    if inputs.get("clusterIdentifier"):
        return str(inputs["clusterIdentifier"])
    if not inputs.get("kubeconfig"):
        return str(inputs.get("cluster") or inputs.get("context") or DEFAULT_CLUSTER)
    name, cluster = _entry(inputs)
    # Many clusters are called "kubernetes"; their servers tell them apart.
    return str(cluster.get("server") or name).removeprefix("https://").rstrip("/")


def _version(inputs: Mapping[str, Any]) -> str:
    """The Kubernetes version that the kubeconfig's cluster has in its extension; empty without one."""
    if not inputs.get("kubeconfig"):
        return ""
    _, cluster = _entry(inputs)
    for one in cluster.get("extensions") or ():
        told = one.get("extension")
        if one.get("name") == _EXTENSION and isinstance(told, Mapping):
            return str(told.get("kubernetesVersion") or "")
    return ""


def _entry(inputs: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Name and content of the cluster that a kubeconfig's context names. Raises CloudError without one."""
    given, wanted = inputs.get("kubeconfig"), inputs.get("context")
    config = _document(given)
    context_name = wanted or config.get("current-context")
    contexts = {one.get("name"): one.get("context") or {} for one in config.get("contexts") or ()}
    if wanted and wanted not in contexts:
        raise CloudError(
            "InvalidKubeconfig", f"no context '{wanted}'; the kubeconfig has {', '.join(map(str, contexts))}"
        )
    name = inputs.get("cluster") or contexts.get(context_name, {}).get("cluster")
    entries = {one.get("name"): one.get("cluster") or {} for one in config.get("clusters") or ()}
    if name is None and len(entries) == 1:
        name = next(iter(entries))
    if name not in entries:
        raise CloudError("InvalidKubeconfig", "it names no cluster; set current-context or the input context")
    return name, entries[name]


def _document(given: Any) -> Mapping[str, Any]:
    text = given if isinstance(given, str) else json.dumps(given)
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        if not path.is_file():
            raise CloudError("InvalidKubeconfig", "it is neither a kubeconfig's text nor the path of one")
        text = path.read_text(encoding="utf-8")
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CloudError("InvalidKubeconfig", "it is no YAML") from error
    if not isinstance(config, Mapping) or "clusters" not in config:
        raise CloudError("InvalidKubeconfig", "it has no clusters")
    return config


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
