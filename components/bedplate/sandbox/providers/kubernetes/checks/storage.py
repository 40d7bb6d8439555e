"""PersistentVolumes, claims, and the classes of storage."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import metadata
from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each, texts
from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem, join

_SINGLE = "ReadWriteOncePod"
_SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume",
    "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk",
    "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip
_SECRETS = (
    "controllerPublishSecretRef", "nodeStageSecretRef", "nodePublishSecretRef", "controllerExpandSecretRef",
    "nodeExpandSecretRef",
)  # fmt: skip
_PARAMETERS = 512
_PARAMETER_BYTES = 256 * 1024


def _modes(spec: Any, path: str) -> Iterator[Problem]:
    modes = at(spec, "accessModes")
    if isinstance(modes, list) and _SINGLE in modes and len(modes) > 1:
        yield f"{path}.accessModes", f"{_SINGLE} goes with no other mode"


def claim_spec(spec: Any, path: str) -> Iterator[Problem]:
    yield from _modes(spec, path)
    yield from metadata.selector(at(spec, "selector"), f"{path}.selector")
    for name in ("storageClassName", "volumeAttributesClassName"):
        yield from forms.subdomain(at(spec, name), f"{path}.{name}")
    for name in ("dataSource", "dataSourceRef"):
        source = at(spec, name)
        if isinstance(source, Mapping):
            yield from forms.needed(source, ("kind", "name"), f"{path}.{name}")


def claim(manifest: Values) -> Iterator[Problem]:
    yield from claim_spec(manifest.get("spec"), "spec")


def stateful_set(manifest: Values) -> Iterator[Problem]:
    path = "spec.volumeClaimTemplates"
    for here, one in each(at(manifest, "spec", "volumeClaimTemplates"), path):
        yield from claim_spec(one.get("spec"), f"{here}.spec")


def volume(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    if not isinstance(spec, Mapping):
        return
    yield from _modes(spec, "spec")
    yield from forms.one_of(spec, _SOURCES, "spec")
    if isinstance(spec.get("csi"), Mapping):
        yield from forms.needed(spec["csi"], ("driver", "volumeHandle"), "spec.csi")
        for name in _SECRETS:
            if isinstance(spec["csi"].get(name), Mapping):
                yield from forms.needed(spec["csi"][name], ("name",), f"spec.csi.{name}")
    for name, fields in (("hostPath", ("path",)), ("local", ("path",)), ("nfs", ("server", "path"))):
        if isinstance(spec.get(name), Mapping):
            yield from forms.needed(spec[name], fields, f"spec.{name}")
            yield from forms.no_backsteps(spec[name].get("path"), f"spec.{name}.path")
    if spec.get("local") is not None and spec.get("nodeAffinity") is None:
        yield "spec.nodeAffinity", "missing: a local volume says on which node it is"
    terms = at(spec, "nodeAffinity", "required")
    if isinstance(terms, Mapping):
        where = "spec.nodeAffinity.required.nodeSelectorTerms"
        yield from forms.node_terms(terms.get("nodeSelectorTerms", []), where)
    for name in ("storageClassName", "volumeAttributesClassName"):
        yield from forms.subdomain(spec.get(name), f"spec.{name}")
    capacity = spec.get("capacity")
    for name, given in capacity.items() if isinstance(capacity, Mapping) else ():
        size = amount(given)
        if name != "storage":
            yield join("spec.capacity", name), "a volume has storage only"
        elif size is not None and size <= 0:
            yield "spec.capacity.storage", f"{given}; must be more than 0"


def _parameters(given: Any) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        return
    if len(given) > _PARAMETERS:
        yield "parameters", f"{len(given)} of them; at most {_PARAMETERS} are allowed"
    if "" in given:
        yield "parameters", "a parameter has an empty name"
    size = sum(len(key) + len(value) for key, value in given.items() if isinstance(value, str))
    if size > _PARAMETER_BYTES:
        yield "parameters", f"{size} bytes in all; at most {_PARAMETER_BYTES} are allowed"


def _driver(name: Any, path: str) -> Iterator[Problem]:
    if isinstance(name, str) and name:
        yield from forms.qualified(name.lower(), path)


def storage_class(manifest: Values) -> Iterator[Problem]:
    yield from _driver(manifest.get("provisioner"), "provisioner")
    yield from _parameters(manifest.get("parameters"))
    for here, term in each(manifest.get("allowedTopologies"), "allowedTopologies"):
        seen: set[str] = set()
        path = f"{here}.matchLabelExpressions"
        for where, one in each(term.get("matchLabelExpressions"), path):
            key, values = one.get("key"), one.get("values")
            yield from forms.qualified(key, f"{where}.key")
            if values in (None, []):
                yield f"{where}.values", "missing: give at least one value"
            found = [text for _, text in texts(values, where)]
            if len(set(found)) < len(found):
                yield f"{where}.values", "a value is given twice"
            if isinstance(key, str) and key in seen:
                yield f"{where}.key", f"'{key}' is in this term already"
            seen.add(str(key))


def attributes_class(manifest: Values) -> Iterator[Problem]:
    yield from _driver(manifest.get("driverName"), "driverName")
    yield from _parameters(manifest.get("parameters"))


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("", "PersistentVolume"): volume,
    ("", "PersistentVolumeClaim"): claim,
    ("apps", "StatefulSet"): stateful_set,
    ("storage.k8s.io", "StorageClass"): storage_class,
    ("storage.k8s.io", "VolumeAttributesClass"): attributes_class,
}
