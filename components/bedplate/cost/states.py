"""Resources to price out of a Pulumi deployment (version 3), as both engines keep it."""

from collections.abc import Iterator, Mapping

from bedplate.cost.resource import UNKNOWN, StackResource

# Pulumi's marks in a state and in engine events: a secret, and a value that is not known yet.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def resources_of(deployment: Mapping[str, object]) -> Iterator[StackResource]:
    """What the state holds; a secret is UNKNOWN, as the state alone does not open it."""
    entries = deployment.get("resources")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and not entry.get("delete"):
            urn = str(entry["urn"])
            inputs = _value(entry.get("inputs") or {})
            links = entry.get("propertyDependencies") or {}
            yield StackResource(
                type=str(entry["type"]),
                name=urn.rpartition("::")[2],
                urn=urn,
                inputs=inputs if isinstance(inputs, dict) else {},
                id=str(entry.get("id") or ""),
                dependencies={name: tuple(urns or ()) for name, urns in links.items()},
            )


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        if _SIGNATURE in value:
            return UNKNOWN
        return {str(key): _value(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_value(part) for part in value]
    return UNKNOWN if value == _UNKNOWN_TEXT else value
