"""Property names as the provider spells them and as AWS does, and numbers as boto3 takes them."""

from collections.abc import Mapping
from typing import Any


def pascal(value: Any) -> Any:
    """Property names of every level as EC2 writes them: a capital first letter."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [pascal(item) for item in value]
    return value


def camel(value: Any) -> Any:
    """The reverse of `pascal`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value


def integers(value: Any) -> Any:
    """Whole numbers as int: the protocol carries each number as a double, which boto3 does not take."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [integers(item) for item in value]
    return value
