"""Names of objects that a program does not name: `<resource's name>-<8 hex digits>`, as pulumi-kubernetes
makes them, with its annotation.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

AUTONAMED = "pulumi.com/autonamed"
_HEX = 8


def automatic(logical_name: str, seed: bytes) -> str:
    """A new name; the engine's seed makes it the same again in the run that asked for it."""
    digits = (
        hashlib.sha256(seed + logical_name.encode()).hexdigest()[:_HEX]
        if seed
        else secrets.token_hex(_HEX // 2)
    )
    return f"{logical_name}-{digits}"


def is_automatic(manifest: Mapping[str, Any]) -> bool:
    """Whether the name of an object was made here."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return isinstance(annotations, Mapping) and annotations.get(AUTONAMED) == "true"
