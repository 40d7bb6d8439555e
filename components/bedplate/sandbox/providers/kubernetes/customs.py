"""Custom resources: what a CustomResourceDefinition must be, and what it asks of its objects.

Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (from memory).
Rules in CEL (x-kubernetes-validations) are in `validations.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.kubernetes import validations
from bedplate.sandbox.providers.kubernetes.checks.forms import at, choice, items
from bedplate.sandbox.providers.kubernetes.openapi import Checker, with_defaults
from bedplate.sandbox.providers.schema import Problem, join

_ROOT = ("apiVersion", "kind", "metadata")


def definition_problems(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a definition beyond its own schema."""
    spec = manifest.get("spec")
    plural, group = at(spec, "names", "plural"), at(spec, "group")
    name = at(manifest, "metadata", "name")
    if all(isinstance(part, str) for part in (plural, group, name)) and name != f"{plural}.{group}":
        yield "metadata.name", f"'{name}'; must be the plural and the group, '{plural}.{group}'"
    if isinstance(group, str) and "." not in group:
        yield "spec.group", f"'{group}'; a custom resource's group is a domain, such as example.com"
    yield from choice(at(spec, "scope"), ("Namespaced", "Cluster"), "spec.scope")
    versions = items(at(spec, "versions"))
    stored = [one.get("name") for one in versions if one.get("storage") is True]
    told = all(isinstance(one.get("storage", False), bool) for one in versions)
    if versions and told and len(stored) != 1:
        yield "spec.versions", f"{len(stored)} versions have storage true; exactly one must"
    for index, one in enumerate(versions):
        here = f"spec.versions[{index}].schema.openAPIV3Schema"
        schema = at(one, "schema", "openAPIV3Schema")
        if schema is None and isinstance(one.get("schema", {}), Mapping):
            yield here, "missing: every version needs a structural schema"
        elif isinstance(schema, Mapping):
            if schema.get("type") != "object":
                yield f"{here}.type", "must be object at the root"
            else:
                yield from _structure(schema, here)


def _structure(schema: Any, path: str) -> Iterator[Problem]:
    """A structural schema gives every field a type."""
    if not isinstance(schema, Mapping):
        return
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if not schema.get("type") and not free:
        yield f"{path}.type", "missing: every field of a structural schema has a type"
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{path}.items", "missing: an array says what it holds"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}.additionalProperties", "not together with properties"
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        yield from _structure(part, join(f"{path}.properties", name))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from _structure(schema[name], f"{path}.{name}")


def served(definition: Mapping[str, Any]) -> list[str]:
    """The API versions in which objects of the kind can be given."""
    group = definition["spec"]["group"]
    return [f"{group}/{one['name']}" for one in definition["spec"]["versions"] if one.get("served")]


def schema_of(definition: Mapping[str, Any], api_version: str) -> Mapping[str, Any]:
    """The schema of an API version that the definition serves."""
    version = api_version.rpartition("/")[2]
    schema = next(one for one in definition["spec"]["versions"] if one["name"] == version)
    found: Mapping[str, Any] = schema["schema"]["openAPIV3Schema"]
    return found


def problems(definition: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with an object of the kind. Rules in CEL are asked where the schema refuses nothing."""
    schema = schema_of(definition, manifest["apiVersion"])
    found = list(Checker().problems(_root(schema), manifest))
    yield from found or validations.problems(schema, with_defaults(schema, manifest))


def change_problems(
    definition: Mapping[str, Any], live: Mapping[str, Any], manifest: Mapping[str, Any]
) -> list[Problem]:
    """What is wrong with a change: rules that compare an object with what it was (`oldSelf`)."""
    schema = schema_of(definition, manifest["apiVersion"])
    return list(validations.problems(schema, with_defaults(schema, manifest), live))


def defaulted(definition: Mapping[str, Any], manifest: Mapping[str, Any]) -> JsonObject:
    """The object as the API server would keep it."""
    filled = with_defaults(schema_of(definition, manifest["apiVersion"]), manifest)
    assert isinstance(filled, dict)
    return filled


def _root(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The API server knows these fields of every object itself; their schemas here are only for readers."""
    free = {"x-kubernetes-preserve-unknown-fields": True}
    return {**schema, "properties": {**(schema.get("properties") or {}), **dict.fromkeys(_ROOT, free)}}
