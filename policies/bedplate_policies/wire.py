"""Resources as they come over the wire: read once, with secrets and unknowns told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate_policies.resource import Options, Resource
from bedplate_policies.value import MISSING, UNKNOWN, Step, Value

# The keys and sentinels of Pulumi's protocol (sdk/python/lib/pulumi/runtime/rpc.py, 3.272).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
# One sentinel per kind of value that is not known yet.
_UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
# Above this a float no longer holds every whole number (2**53, IEEE 754 double precision).
_EXACT = 9_007_199_254_740_992


class _Reader:
    def __init__(self) -> None:
        self.secrets: list[tuple[Step, ...]] = []

    def value(self, message: Any, at: tuple[Step, ...]) -> Value:
        kind = message.WhichOneof("kind")
        if kind == "string_value":
            text: str = message.string_value
            return UNKNOWN if text in _UNKNOWNS else text
        if kind == "struct_value":
            return self.struct(message.struct_value, at)
        if kind == "list_value":
            values = message.list_value.values
            return [self.value(item, (*at, index)) for index, item in enumerate(values)]
        if kind == "bool_value":
            return bool(message.bool_value)
        if kind == "number_value":
            number: float = message.number_value
            return int(number) if number.is_integer() and abs(number) < _EXACT else number
        return None

    def struct(self, message: Any, at: tuple[Step, ...]) -> Value:
        fields = message.fields
        if _SIGNATURE in fields:
            signature = fields[_SIGNATURE].string_value
            if signature == _SECRET:
                self.secrets.append(at)
                return self.value(fields["value"], at)
            if signature == _OUTPUT:
                if "secret" in fields and fields["secret"].bool_value:
                    self.secrets.append(at)
                return self.value(fields["value"], at) if "value" in fields else UNKNOWN
            if signature == _REFERENCE:
                return fields["id"].string_value if "id" in fields else fields["urn"].string_value
        return {key: self.value(item, (*at, key)) for key, item in fields.items()}


def read_properties(struct: Any) -> tuple[Value, frozenset[tuple[Step, ...]]]:
    """The properties of a protobuf Struct, and where secrets stand in them."""
    reader = _Reader()
    return reader.struct(struct, ()), frozenset(reader.secrets)


def read_resource(message: Any) -> Resource:
    """The resource of an AnalyzeRequest or an AnalyzerResource."""
    properties, secrets = read_properties(message.properties)
    options = message.options
    depends: Mapping[str, Sequence[str]] = {}
    parent, dependencies = options.parent, ()
    if hasattr(message, "propertyDependencies"):
        depends = {key: tuple(found.urns) for key, found in message.propertyDependencies.items()}
        parent, dependencies = message.parent, tuple(message.dependencies)
    provider: Value = MISSING
    if message.HasField("provider"):
        provider, _ = read_properties(message.provider.properties)
    return Resource(
        type=message.type,
        urn=message.urn,
        name=message.name,
        properties=properties,
        options=Options(
            protect=options.protect,
            ignore_changes=tuple(options.ignoreChanges),
            delete_before_replace=options.deleteBeforeReplace,
            aliases=tuple(options.aliases),
        ),
        secrets=secrets,
        parent_urn=parent,
        property_dependencies=depends,
        dependencies=dependencies,
        provider_urn=message.provider.urn,
        provider=provider,
    )
