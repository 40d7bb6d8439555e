"""The kinds of a Kubernetes version, from its published OpenAPI document (package `kubernetes-validate`)."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

from bedplate.cluster.versions import supported_versions
from bedplate.sandbox.providers.handler import CloudError

VERSION_VARIABLE = "BEDPLATE_KUBERNETES_VERSION"
_DIRECTORY = re.compile(r"^v(\d+)\.(\d+)\.\d+-local-strict$")
# Whether a kind lives in a namespace is not in the OpenAPI definitions; these do not (Kubernetes 1.36 API
# reference, from memory).
_CLUSTER_SCOPED = frozenset({
    "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
    "ClusterTrustBundle", "ComponentStatus", "CustomResourceDefinition", "DeviceClass", "DeviceTaintRule",
    "FlowSchema", "IPAddress", "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
    "PriorityLevelConfiguration", "ResourcePoolStatusRequest", "ResourceSlice", "RuntimeClass",
    "ServiceCIDR", "StorageClass", "StorageVersion", "StorageVersionMigration",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip
# Requests that the API server answers and does not keep.
_NOT_KEPT = frozenset({
    "Binding", "Eviction", "LocalSubjectAccessReview", "Scale", "SelfSubjectAccessReview",
    "SelfSubjectReview", "SelfSubjectRulesReview", "Status", "SubjectAccessReview", "TokenRequest",
    "TokenReview",
})  # fmt: skip


@dataclass(frozen=True, order=True)
class GroupKind:
    """What an object is, whatever version it is written in."""

    group: str
    kind: str

    @property
    def plural(self) -> str:
        """The name in the API's paths, as `kubectl` shows it (without the group)."""
        lower = self.kind.lower()
        if lower == "endpoints":
            return lower
        if lower.endswith("s"):
            return f"{lower}es"
        return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


def group_of(api_version: str) -> str:
    return api_version.rpartition("/")[0]


class BuiltIn:
    """The built-in kinds of one minor version. The document (1.6 MB) is read at the first use."""

    def __init__(self, version: str) -> None:
        """Use `built_in`."""
        self.version = version

    @cached_property
    def definitions(self) -> Mapping[str, Any]:
        """Schemas by definition name."""
        document = _root() / _versions()[self.version] / "_definitions.json"
        found = json.loads(document.read_text(encoding="utf-8"))["$defs"]
        assert isinstance(found, dict)
        return found

    @cached_property
    def _schemas(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for schema in self.definitions.values():
            for one in schema.get("x-kubernetes-group-version-kind") or ():
                properties = schema.get("properties", {})
                if "metadata" in properties and not one["kind"].endswith("List"):
                    api_version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
                    found[api_version, one["kind"]] = schema
        return found

    def schema(self, api_version: str, kind: str) -> Mapping[str, Any] | None:
        """The schema of a kind that is kept; None for one that is not built in."""
        return None if kind in _NOT_KEPT else self._schemas.get((api_version, kind))

    def owns(self, group: str) -> bool:
        """Whether a group is Kubernetes' own, so that no custom resource can be in it."""
        return "." not in group or group in {group_of(api_version) for api_version, _ in self._schemas}

    def versions_of(self, kind: str) -> list[str]:
        """The API versions that have a kind of this name."""
        return sorted(api_version for api_version, name in self._schemas if name == kind)

    def kinds(self) -> dict[GroupKind, bool]:
        """Every kind that is kept, and whether it lives in a namespace."""
        return {
            GroupKind(group_of(api_version), kind): is_namespaced(kind)
            for api_version, kind in self._schemas
            if kind not in _NOT_KEPT
        }


def is_namespaced(kind: str) -> bool:
    """Of a built-in kind."""
    return kind not in _CLUSTER_SCOPED


def known_versions() -> list[str]:
    """The minor versions whose schema is here, newest first."""
    return list(_versions())


@cache
def built_in(version: str) -> BuiltIn:
    """Raises CloudError for a version whose document is not there."""
    minor = ".".join(version.removeprefix("v").split(".")[:2])
    if minor not in _versions():
        raise CloudError(
            "UnknownVersion",
            f"there is no published schema of Kubernetes {version!r} here; known are "
            f"{', '.join(_versions())} (set {VERSION_VARIABLE})",
        )
    return BuiltIn(minor)


def default_version() -> str:
    """BEDPLATE_KUBERNETES_VERSION, else the newest version that EKS takes and whose schema is here."""
    named = os.environ.get(VERSION_VARIABLE)
    if named:
        return named
    return next(version for version in supported_versions() if version in _versions())


def _root() -> Any:
    return resources.files("kubernetes_validate") / "kubernetes-json-schema"


@cache
def _versions() -> dict[str, str]:
    """Directory names by minor version, newest first."""
    matches = [match for entry in _root().iterdir() if (match := _DIRECTORY.match(entry.name))]
    matches.sort(key=lambda match: (int(match[1]), int(match[2])), reverse=True)
    return {f"{match[1]}.{match[2]}": match[0] for match in matches}
