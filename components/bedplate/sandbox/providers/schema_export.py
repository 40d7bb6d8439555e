"""The provider's types in the form of Pulumi's package schema (pulumi.com, "Package schema", metaschema of
3.x).
"""

from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.schema import Schema, Spec


def package(schema: Schema, name: str, tokens: list[str]) -> dict[str, Any]:
    """A package with the registered types only, and the objects that they use."""
    used: dict[str, Any] = {}

    def properties(specs: Mapping[str, Spec]) -> dict[str, Any]:
        return {key: spelled(spec) for key, spec in specs.items()}

    def spelled(spec: Spec) -> dict[str, Any]:
        if spec == "any":
            return {"$ref": "pulumi.json#/Any"}
        if isinstance(spec, str):
            return {"type": spec}
        kind, inner = spec
        if kind == "list":
            return {"type": "array", "items": spelled(inner)}
        if kind == "map":
            return {"type": "object", "additionalProperties": spelled(inner)}
        token = f"{name}:{inner.replace('.', '/')}:{inner.rpartition('.')[2]}"
        if token not in used:
            used[token] = None  # a type may contain itself
            members, required = schema.object(inner)
            used[token] = {"type": "object", "properties": properties(members), "required": sorted(required)}
        return {"$ref": f"#/types/{token}"}

    resources = {}
    for token in sorted(tokens):
        resource = schema.resource(token)
        resources[token] = {
            "inputProperties": properties(resource.inputs),
            "requiredInputs": list(resource.required),
            "properties": properties(resource.outputs),
        }
    configuration = properties(schema.provider.inputs)
    return {
        "name": name,
        "version": schema.version,
        "provider": {"inputProperties": configuration},
        "config": {"variables": configuration},
        "resources": resources,
        "types": used,
    }
