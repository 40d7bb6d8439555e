"""What only some of a rule's types hold is spelt as the SDK for Google Cloud spells it."""

from __future__ import annotations

import importlib
import re
from functools import cache
from types import ModuleType

import pytest

from bedplate_policies.gcp import RULES

TYPES = sorted({type for rule in RULES for type in rule.types})
# What grants of IAM hold, by how the name of their type ends. Their rules read all three.
GRANTS = {"member": "member", "binding": "members", "policy": "policyData"}


def sdk(type: str) -> tuple[ModuleType, str]:
    _, module, name = type.split(":")
    return importlib.import_module(f"pulumi_gcp.{module.split('/')[0]}"), name


@cache
def spelt(owner: type) -> dict[str, str]:
    """The properties of a class for inputs: name on the wire, and annotation."""
    return {
        getattr(value.fget, "_pulumi_name", name): str(value.fget.__annotations__["return"])
        for name, value in vars(owner).items()
        if isinstance(value, property)
    }


def has(type: str, path: str) -> bool:
    module, name = sdk(type)
    owner: type | None = getattr(module, f"{name}Args")
    # A key of a map is the user's to choose.
    for step in re.sub(r'\[("[^"]*")?\]', "", path).split("."):
        if owner is None or step not in spelt(owner):
            return False
        inner = re.findall(r"\b(\w+Args)\b(?!Dict)", spelt(owner)[step])
        owner = getattr(module, inner[0]) if inner else None
    return True


def test_the_sdk_has_what_grants_hold() -> None:
    grants = [type for type in TYPES if re.search(r"I(AM|am)(Member|Binding|Policy)$", type)]
    assert grants
    for type in grants:
        ending = re.sub(r".*I(AM|am)", "", type).lower()
        assert has(type, GRANTS[ending]), type


@pytest.mark.parametrize(
    ("type", "path"),
    [
        ("gcp:storage/bucketACL:BucketACL", "predefinedAcl"),
        ("gcp:storage/bucketACL:BucketACL", "defaultAcl"),
        ("gcp:storage/bucketACL:BucketACL", "roleEntities"),
        ("gcp:storage/defaultObjectACL:DefaultObjectACL", "roleEntities"),
        ("gcp:storage/bucketAccessControl:BucketAccessControl", "entity"),
        ("gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl", "entity"),
        ("gcp:bigquery/dataset:Dataset", "accesses[].specialGroup"),
        ("gcp:bigquery/dataset:Dataset", "accesses[].iamMember"),
        ("gcp:bigquery/datasetAccess:DatasetAccess", "specialGroup"),
        ("gcp:bigquery/datasetAccess:DatasetAccess", "iamMember"),
    ],
)
def test_the_sdk_has_what_only_some_types_of_a_rule_hold(type: str, path: str) -> None:
    assert has(type, path)


def test_a_property_that_is_not_there_is_noticed() -> None:
    assert not has("gcp:storage/bucket:Bucket", "encryption.defaultKmsKey")
    assert not has("gcp:storage/bucket:Bucket", "uniformBucketLevelAccesss")
