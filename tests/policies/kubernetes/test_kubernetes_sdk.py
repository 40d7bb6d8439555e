"""What only some of a rule's kinds hold is spelt as the SDK for Kubernetes spells it."""

from __future__ import annotations

import importlib
import re
from functools import cache
from types import ModuleType

import pytest


def sdk(type: str) -> tuple[ModuleType, str]:
    _, version, kind = type.split(":")
    package = version.replace(".k8s.io", "").replace("/", ".")
    return importlib.import_module(f"pulumi_kubernetes.{package}"), kind


@cache
def spelt(owner: type) -> dict[str, str]:
    return {
        getattr(value.fget, "_pulumi_name", name): str(value.fget.__annotations__["return"])
        for name, value in vars(owner).items()
        if isinstance(value, property)
    }


def inner_class(annotation: str, module: ModuleType) -> tuple[type | None, ModuleType]:
    found = re.search(r"(?:_(\w+)\.(v\w+)\.)?(\w+Args)\b(?!Dict)", annotation)
    if found is None:
        return None, module
    group, version, name = found.groups()
    if group:
        module = importlib.import_module(f"pulumi_kubernetes.{group}.{version}")
    return getattr(module, name), module


def has(type: str, path: str) -> bool:
    module, kind = sdk(type)
    owner: type | None = getattr(module, f"{kind}InitArgs", None) or getattr(module, f"{kind}Args")
    # A key of a map, such as a label, is the user's to choose.
    steps = re.sub(r'\["[^"]*"\].*', "", path).replace("[]", "").split(".")
    for number, step in enumerate(steps):
        if owner is None or step not in spelt(owner):
            return False
        annotation = spelt(owner)[step]
        owner, module = inner_class(annotation, module)
        if owner is None and "Mapping[str" in annotation and number < len(steps) - 1:
            return True
    return True


@pytest.mark.parametrize(
    ("type", "path"),
    [
        ("kubernetes:core/v1:PersistentVolumeClaim", "spec.storageClassName"),
        ("kubernetes:apps/v1:StatefulSet", "spec.volumeClaimTemplates[].spec.storageClassName"),
        ("kubernetes:batch/v1:Job", "spec.activeDeadlineSeconds"),
        ("kubernetes:batch/v1:CronJob", "spec.jobTemplate.spec.activeDeadlineSeconds"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "spec.podSelector"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "spec.policyTypes"),
        ("kubernetes:policy/v1:PodDisruptionBudget", "spec.selector.matchLabels"),
    ],
)
def test_the_sdk_has_what_only_some_kinds_of_a_rule_hold(type: str, path: str) -> None:
    assert has(type, path)


def test_a_field_that_is_not_there_is_noticed() -> None:
    assert not has("kubernetes:core/v1:Pod", "spec.hostNetworking")
    assert not has("kubernetes:core/v1:Pod", "spec.containers[].securityContext.privilege")
