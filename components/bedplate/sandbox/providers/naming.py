"""Physical names that the provider makes up, in the form of Pulumi's own providers: `<logical name>-<7 hex
digits>`.
"""

import hashlib
import re
import secrets

from bedplate.sandbox.providers.handler import AutoName

_HEX = 7


def automatic(rule: AutoName, logical_name: str, seed: bytes) -> str:
    """A new name. The engine's seed makes it the same again in the run that asked for it; without one it is
    random.

    A logical name that is too long for the type's limit is cut, as the vendor's provider would refuse it
    otherwise.
    """
    digits = (
        hashlib.sha256(seed + logical_name.encode()).hexdigest()[:_HEX]
        if seed
        else secrets.token_hex(4)[:_HEX]
    )
    stem = logical_name.lower() if rule.lower_case else logical_name
    room = rule.max_length - _HEX - 1 - len(rule.suffix)
    return f"{stem[:room]}-{digits}{rule.suffix}"


def is_automatic(rule: AutoName, logical_name: str, name: object) -> bool:
    """Whether a name has the form that `automatic` gives to this logical name."""
    if not isinstance(name, str):
        return False
    stem = logical_name.lower() if rule.lower_case else logical_name
    stem = stem[: rule.max_length - _HEX - 1 - len(rule.suffix)]
    return re.fullmatch(re.escape(stem) + r"-[0-9a-f]{7}" + re.escape(rule.suffix), name) is not None
