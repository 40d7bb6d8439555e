"""Between the provider's property names and EC2's, and between what was asked for and what is there."""

import hashlib
import ipaddress
import zlib
from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject


def at_path(value: Any, path: str) -> Any:
    """The value at a dotted path of an answer (a number is an index of a list); None where there is none."""
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def given(inputs: Mapping[str, Any], *names: str, **renamed: str) -> JsonObject:
    """Parameters of a call for the named inputs that have a value; `Parameter="input"` renames one."""
    pairs = [(name[:1].upper() + name[1:], name) for name in names] + list(renamed.items())
    return {target: inputs[source] for target, source in pairs if inputs.get(source) not in (None, "", [])}


def keep(mine: Any, seen: Any) -> Any:
    """The value as given where the cloud shows the same, lists in any order, else the cloud's."""
    return mine if mine is not None and same(mine, seen) else seen


def same(mine: Any, seen: Any) -> bool:
    """Whether two values mean the same to EC2: sets have no order, and empty is as good as absent."""
    if mine in (None, "", [], {}, False, 0) and seen in (None, "", [], {}, False, 0):
        return True
    if isinstance(mine, Mapping) and isinstance(seen, Mapping):
        return all(same(mine.get(key), seen.get(key)) for key in {*mine, *seen})
    if isinstance(mine, list) and isinstance(seen, list):
        rest = list(seen)
        for item in mine:
            match = next((index for index, other in enumerate(rest) if same(item, other)), None)
            if match is None:
                return False
            del rest[match]
        return not rest
    return bool(mine == seen)


def differences(old: list[str] | None, new: list[str] | None) -> tuple[list[str], list[str]]:
    """What to add and what to remove, both sorted, to get from one set to the other."""
    return sorted(set(new or ()) - set(old or ())), sorted(set(old or ()) - set(new or ()))


def stable_id(*parts: str, length: int = 17) -> str:
    """Hex digits that depend on the parts alone, so that a repeated create gives the same identifier."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:length]


def checksum(text: str) -> int:
    """The CRC-32 by which the provider makes ids for things that have none in the cloud."""
    return zlib.crc32(text.encode())


def network(text: str) -> ipaddress.IPv4Network:
    """An IPv4 block; host bits are cut off, as EC2 does. Raises ValueError."""
    return ipaddress.IPv4Network(text, strict=False)
