"""Property values as the engine keeps them: plain JSON, with Pulumi's signature objects for what JSON lacks.

A secret is `{signature: SECRET, "value": v}`, an unknown is a sentinel string, as on the wire (the signature
keys and sentinels are those of Pulumi's SDK, `pulumi.runtime.rpc`). So a protobuf struct turns into a value
and back without loss, and most of a value is also what the state file holds.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Properties = dict[str, Value]

# Above this a float no longer holds every integer (2**53, IEEE 754 double precision).
_EXACT = 9_007_199_254_740_992


def from_proto(value: Any) -> Value:
    """A protobuf `Value` as plain JSON; whole numbers become ints, as Pulumi's state file writes them."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text: str = value.string_value
        return text
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [from_proto(item) for item in value.list_value.values]
    if kind == "number_value":
        number: float = value.number_value
        return int(number) if number.is_integer() and abs(number) < _EXACT else number
    if kind == "bool_value":
        return bool(value.bool_value)
    return None


def from_struct(struct: Any) -> Properties:
    """A protobuf `Struct` as properties, in the order of their names (the wire has none)."""
    return {key: from_proto(item) for key, item in sorted(struct.fields.items())}


def _fill(target: Any, value: Value) -> None:
    if value is None:
        target.null_value = 0
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        fields = target.struct_value.fields
        for key, item in value.items():
            _fill(fields[key], item)
    else:
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)


def to_proto(value: Value) -> Any:
    """The protobuf `Value` of one value."""
    result = struct_pb2.Value()
    _fill(result, value)
    return result


def to_struct(properties: Mapping[str, Value]) -> Any:
    """The protobuf `Struct` of some properties."""
    result = struct_pb2.Struct()
    for key, item in properties.items():
        _fill(result.fields[key], item)
    return result


def secret(value: Value) -> Value:
    """The value, marked secret (once)."""
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def is_secret(value: Value) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def reveal(value: Value) -> Value:
    """The value without any secret marks, at every depth."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return reveal(value.get("value"))
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def reveal_all(properties: Properties) -> Properties:
    return {key: reveal(item) for key, item in properties.items()}


def mask(value: Value) -> Value:
    """The value for display: secrets and unknowns are words in brackets."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return "[secret]"
        return {key: mask(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item) for item in value]
    return "[unknown]" if value == UNKNOWN else value


def _any(value: Value, test: Callable[[Value], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, dict):
        return any(_any(item, test) for item in value.values())
    return isinstance(value, list) and any(_any(item, test) for item in value)


def has_secret(value: Value) -> bool:
    """Whether the value is, or holds, a secret."""
    return _any(value, is_secret)


def has_unknown(value: Value) -> bool:
    """Whether the value is, or holds, something not known yet."""
    return _any(value, lambda item: item == UNKNOWN)


def same(left: Value, right: Value) -> bool:
    """Equality as Pulumi has it: unlike Python's, a bool is not a number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def mark_secrets(properties: Properties, keys: Iterable[str]) -> Properties:
    """The properties with the named ones, where present, marked secret."""
    return {**properties, **{key: secret(properties[key]) for key in keys if key in properties}}


def mark_like(properties: Properties, model: Mapping[str, Value]) -> Properties:
    """The properties with those marked secret that hold a secret in `model` (for a provider that drops the
    marks).
    """
    return mark_secrets(
        properties,
        [key for key, item in properties.items() if not has_secret(item) and has_secret(model.get(key))],
    )


def lower_outputs(value: Value, dependencies: set[str]) -> Value:
    """Output values as plain, secret or unknown values; the resources that they came from join
    `dependencies`.
    """
    if isinstance(value, list):
        return [lower_outputs(item, dependencies) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) != OUTPUT:
        return {key: lower_outputs(item, dependencies) for key, item in value.items()}
    sources = value.get("dependencies")
    if isinstance(sources, list):
        dependencies.update(str(source) for source in sources)
    inner = lower_outputs(value["value"], dependencies) if "value" in value else UNKNOWN
    return secret(inner) if value.get("secret") else inner


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    for item in files:
        if item != path:
            digest.update(str(item.relative_to(path)).encode() + b"\0")
        digest.update(item.read_bytes())
    return digest.hexdigest()


def hash_assets(value: Value, directory: Path) -> Value:
    """The value with a content hash on each asset and archive of a file, so that changed content is a
    difference.

    Paths are relative to `directory` (the program's). Raises ValueError for a file that does not exist.
    """
    if isinstance(value, list):
        return [hash_assets(item, directory) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) not in (ASSET, ARCHIVE):
        return {key: hash_assets(item, directory) for key, item in value.items()}
    text, path = value.get("text"), value.get("path")
    if isinstance(text, str):
        return {**value, "hash": hashlib.sha256(text.encode()).hexdigest()}
    if isinstance(path, str):
        full = directory / path
        if not full.exists():
            raise ValueError(f"asset {path!r}: no such file or directory below {directory}; correct the path")
        return {**value, "hash": _digest(full)}
    return value
