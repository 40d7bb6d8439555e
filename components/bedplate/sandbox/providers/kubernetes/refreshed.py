"""Which inputs describe an object as it is now."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.kubernetes.defaults import encoded

_SERVER_METADATA = ("uid", "creationTimestamp", "resourceVersion", "generation", "managedFields", "selfLink")


def inputs(old: JsonObject, live: JsonObject) -> JsonObject:
    """What was given, with the values of now; what was not given stays out, since it is not the program's."""
    # Write-only: it shows in `data`.
    result = dict(_now(old, {**live, "stringData": None}))
    texts = old.get("stringData")
    if isinstance(texts, Mapping):
        data = live.get("data") or {}
        result["stringData"] = {
            key: value if data[key] == encoded(value) else _decoded(data[key])
            for key, value in texts.items()
            if key in data
        }
    metadata, before = result.get("metadata"), old.get("metadata")
    if isinstance(metadata, dict) and isinstance(before, Mapping) and "generateName" in before:
        metadata["generateName"] = before["generateName"]
    return result


def imported(live: JsonObject) -> JsonObject:
    """Inputs of an object that no program has described yet."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_METADATA}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def _now(old: Any, live: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(live, Mapping):
        result = {}
        for key, value in old.items():
            if live.get(key) is not None:
                result[key] = _now(value, live[key])
            elif value in ({}, [], ""):
                result[key] = value  # the server leaves out what is empty
        return result
    if isinstance(old, list) and isinstance(live, list) and len(old) == len(live):
        return [_now(one, other) for one, other in zip(old, live, strict=True)]
    return live


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
