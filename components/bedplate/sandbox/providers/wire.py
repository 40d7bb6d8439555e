"""Between the provider protocol's structs and plain Python values.

The SDK's `PropertyValue` neither reads nor writes unknown values, so the sandbox has its own codec: an
unknown is `UNKNOWN`, a secret is `Secret(value)`, whole numbers are int, and everything else is JSON. Assets
stay the JSON objects with signature that they are on the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

# The protocol's own constants (pulumi SDK 3.272: sdk/python/lib/pulumi/runtime/rpc.py and
# sdk/go/common/resource).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6eeb387e-5c5a-4d5f-8a7c-0d5bd6d3cd2c",
    }
)
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that is not known before something is created."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown; its text form hides it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A protocol struct as a dictionary."""
    return {key: decode(value) for key, value in struct.fields.items()}


def decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
        if signature == _SECRET:
            return _secret(decode(fields["value"]))
        if signature == _OUTPUT:
            inner = decode(fields["value"]) if "value" in fields else UNKNOWN
            return _secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        if signature == _RESOURCE:
            return decode(fields["id"]) if "id" in fields else fields["urn"].string_value
        return {key: decode(item) for key, item in fields.items()}
    return None


def encode_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A dictionary as a protocol struct."""
    return struct_pb2.Struct(fields={key: encode(value) for key, value in values.items()})


def encode(value: Any) -> struct_pb2.Value:
    """One value. Raises TypeError for what the protocol cannot carry."""
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=_UNKNOWN_TEXT)
    if isinstance(value, Secret):
        fields = {_SIGNATURE: struct_pb2.Value(string_value=_SECRET), "value": encode(value.value)}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} has no form in the provider protocol")


def plain(value: Any) -> Any:
    """The value without its secret marks, at every level."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is unknown."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, list) and any(has_unknown(item) for item in value)


def has_secret(value: Any) -> bool:
    """Whether any part of the value is a secret."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def secret_texts(value: Any, inside: bool = False) -> set[str]:
    """Every string under a secret mark: what no message may repeat."""
    if isinstance(value, Secret):
        return secret_texts(value.value, True)
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in secret_texts(item, inside)}
    if isinstance(value, list):
        return {text for item in value for text in secret_texts(item, inside)}
    return {value} if inside and isinstance(value, str) and value else set()


def _secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)
