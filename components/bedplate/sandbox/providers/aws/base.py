"""What every AWS handler module shares: the registry, and small pure helpers over boto3's answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bedplate.sandbox.providers.handler import HandlerRegistry

REGISTRY = HandlerRegistry()

_NOT_FOUND_CODES = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NotFound",
        "OwnershipControlsNotFoundError",
        "QueueDoesNotExist",
        "ServerSideEncryptionConfigurationNotFoundError",
        "ResourceNotFound",
    }
)
_NOT_FOUND_ENDINGS = (".NotFound", "NotFoundException", "NotFoundFault")


def error_code(exc: BaseException) -> str:
    """The cloud's error code of a botocore ClientError; empty for any other exception."""
    response = getattr(exc, "response", None)
    if not isinstance(response, Mapping):
        return ""
    error = response.get("Error")
    return str(error.get("Code", "")) if isinstance(error, Mapping) else ""


def not_found(exc: BaseException) -> bool:
    """Whether a botocore ClientError says that what was named does not exist."""
    code = error_code(exc)
    if code.endswith(".Malformed"):
        return code.startswith("Invalid") and "ID" in code
    return code in _NOT_FOUND_CODES or code.endswith(_NOT_FOUND_ENDINGS)


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags in the list form that most AWS calls take, sorted by key so that a call is the same every time."""
    return [{key: name, value: tags[name]} for name in sorted(tags)]


def tag_map(
    tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """The map form of AWS's tag list, without the tags that AWS itself sets (`aws:...`)."""
    return {tag[key]: tag[value] for tag in tags or () if not tag[key].startswith("aws:")}


def tag_changes(current: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What to set and which keys to remove, to get from the current tags to the wanted ones."""
    to_set = {name: wanted[name] for name in sorted(wanted) if current.get(name) != wanted[name]}
    return to_set, sorted(set(current) - set(wanted))


def same_json(left: str | None, right: str | None) -> bool:
    """Whether two JSON documents mean the same; text that is not JSON is compared as it is."""
    if left == right:
        return True
    if left is None or right is None:
        return False
    try:
        return bool(json.loads(left) == json.loads(right))
    except ValueError:
        return False


def compact_json(value: Any) -> str:
    """JSON as AWS policies are stored in state: no white space, keys in the given order."""
    return json.dumps(value, separators=(",", ":"))


def sorted_strings(values: Iterable[str] | None) -> list[str]:
    """A set from the cloud in a stable order."""
    return sorted(values or ())


def sorted_by(values: Iterable[Mapping[str, Any]] | None, *keys: str) -> list[dict[str, Any]]:
    """Objects from the cloud in a stable order, by the given keys (a missing key sorts first)."""
    return sorted((dict(value) for value in values or ()), key=lambda value: _sort_key(value, keys))


def _sort_key(value: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple("" if value.get(key) is None else str(value[key]) for key in keys)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that have a value: boto3 refuses None for a parameter that is not given."""
    return {key: value for key, value in values.items() if value is not None}
