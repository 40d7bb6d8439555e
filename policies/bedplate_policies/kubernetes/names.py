"""Names that say that a value is a secret. The value itself is never looked at."""

import re
from itertools import pairwise

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET = frozenset(
    ["apikey", "credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "token"]
)
_KEYS = frozenset(["access", "api", "encryption", "private", "secret", "signing"])
# What such a word is about when it is not the secret itself: MODEL_TOKEN_LIMIT, SECRET_NAME, TOKEN_FILE.
_ABOUT = frozenset(
    [
        "arn",
        "bucket",
        "budget",
        "class",
        "count",
        "dir",
        "directory",
        "enabled",
        "endpoint",
        "expiry",
        "file",
        "length",
        "limit",
        "manager",
        "max",
        "min",
        "mount",
        "name",
        "namespace",
        "path",
        "ref",
        "size",
        "store",
        "ttl",
        "type",
        "uri",
        "url",
        "version",
    ]
)


def sounds_secret(name: object) -> bool:
    """Whether a value of this name is likely to be a secret, e.g. HF_TOKEN or dbPassword."""
    if not isinstance(name, str):
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if any(word in _SECRET for word in words):
        return True
    return any(first in _KEYS and second == "key" for first, second in pairwise(words))
