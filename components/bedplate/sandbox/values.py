"""Output values as a person or a machine may see them: secrets hidden, unless asked for."""

import json
from collections.abc import Mapping, Sequence

from bedplate.sandbox.engine.events import Secret
from bedplate.sandbox.engine.values import UNKNOWN as _UNKNOWN_SENTINEL
from bedplate.sandbox.outcome import Json

SECRET = "[secret]"
UNKNOWN = "[unknown]"


def plain(value: object, *, show_secrets: bool = False) -> Json:
    """The value as JSON; secrets (unless they are to be shown) and unknown values become their markers."""
    if isinstance(value, Secret):
        return plain(value.value, show_secrets=True) if show_secrets else SECRET
    if value == _UNKNOWN_SENTINEL:
        return UNKNOWN
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item, show_secrets=show_secrets) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item, show_secrets=show_secrets) for item in value]
    raise TypeError(f"an output is JSON or a secret, not {type(value).__name__}")


def short(value: object, width: int = 60) -> str:
    """One line for a diff; longer values are cut at `width` characters (0: never)."""
    shown = plain(value)
    text = _marker(shown) or json.dumps(shown, ensure_ascii=False)
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def block(value: object, indent: str, *, show_secrets: bool = False) -> str:
    """A value of the outputs block: strings in quotes, objects and lists over several lines."""
    shown = plain(value, show_secrets=show_secrets)
    return _marker(shown) or json.dumps(shown, indent=4, ensure_ascii=False).replace("\n", "\n" + indent)


def _marker(shown: Json) -> str:
    return shown if isinstance(shown, str) and shown in (SECRET, UNKNOWN) else ""
