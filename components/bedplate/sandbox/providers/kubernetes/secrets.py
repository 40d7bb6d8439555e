"""Secret marks: what came in as a secret stays one, and a Secret's data always is."""

from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.wire import Secret, plain

_SECRET = "kubernetes:core/v1:Secret"
_HIDDEN = ("data", "stringData")


def marked_like(value: Any, model: Any) -> Any:
    """The value with the model's secret marks, place by place."""
    if isinstance(model, Secret):
        return Secret(plain(value))
    if isinstance(value, Mapping) and isinstance(model, Mapping):
        return {key: marked_like(item, model.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(model, list):
        models = [*model, *[None] * len(value)]
        return [marked_like(item, other) for item, other in zip(value, models, strict=False)]
    return value


def outputs(urn: str, value: JsonObject, model: Mapping[str, Any]) -> JsonObject:
    """Outputs with marks."""
    marked = marked_like(value, model)
    assert isinstance(marked, dict)
    return _hidden(urn, marked)


def inputs(urn: str, value: JsonObject, model: Mapping[str, Any]) -> JsonObject:
    """Inputs that a refresh leads to, with marks."""
    return outputs(urn, value, model)


def _hidden(urn: str, value: JsonObject) -> JsonObject:
    if urn.split("::")[2].rpartition("$")[2] != _SECRET:
        return value
    return {key: Secret(plain(item)) if key in _HIDDEN else item for key, item in value.items()}
