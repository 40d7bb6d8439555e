"""What is wrong with one value, in the words of a user: the value given, what is allowed, what to do."""

import re
from collections.abc import Mapping

import pulumi
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bedplate.catalog.similar import nearest
from bedplate.core.describe import describe
from bedplate.core.paths import Place


def reason(error: ErrorDetails, place: Place) -> str:
    """The reason of one pydantic error."""
    kind: str = error["type"]
    context: Mapping[str, object] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(place)
    if kind == "missing":
        return "not given; the field is required; add it"
    given = "a hidden value" if place.sensitive else describe(error["input"])
    if place.at_key:
        given = f"key {given}"
    if kind in ("too_short", "too_long") and isinstance(error["input"], str):
        kind = f"string_{kind}"
    known = _WORDS.get(kind)
    if known is not None:
        allowed, advice = known
        values = {name: str(value) for name, value in context.items()}
        if kind in _SIZES and "actual_length" in context and not place.sensitive:
            # The length of the text or list is the fault, not its content.
            given = f"{given} ({context['actual_length']} long)"
        return f"{given} given; must be {allowed.format_map(values)}; {_advice(advice, kind, error['input'])}"
    if kind in ("literal_error", "enum"):
        return _not_among(given, str(context.get("expected", "")), error["input"], place)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        field = str(context.get("discriminator", "")).strip("'")
        tags = str(context.get("expected_tags", "one of its kinds"))
        got = f"{field} {describe(context['tag'])} given" if "tag" in context else f"{field} is not given"
        return f"{got}; it decides which fields are allowed and must be one of {tags}; set it"
    if kind in ("value_error", "assertion_error"):
        return _from_validator(str(context.get("error", error["msg"])), given, error["input"])
    return f"{given} given; {error['msg'][:1].lower()}{error['msg'][1:]}; correct the value"


_SIZES = frozenset({"string_too_short", "string_too_long", "too_short", "too_long"})
_NUMBER = "a number, without quotes or units"
_WORDS: Mapping[str, tuple[str, str]] = {
    "int_type": ("a whole number", "give " + _NUMBER),
    "int_parsing": ("a whole number", "give " + _NUMBER),
    "int_from_float": ("a whole number", "round it"),
    "float_type": ("a number", "give " + _NUMBER),
    "float_parsing": ("a number", "give " + _NUMBER),
    "decimal_type": ("a number", "give " + _NUMBER),
    "decimal_parsing": ("a number", "give " + _NUMBER),
    "bool_type": ("true or false", "give one of the two"),
    "bool_parsing": ("true or false", "give one of the two"),
    "string_type": ("a text", "give a text"),
    "list_type": ("a list", "give a list, also for a single item"),
    "tuple_type": ("a list", "give a list, also for a single item"),
    "set_type": ("a list", "give a list, also for a single item"),
    "frozen_set_type": ("a list", "give a list, also for a single item"),
    "dict_type": ("a mapping of keys to values", "give one"),
    "mapping_type": ("a mapping of keys to values", "give one"),
    "model_type": ("a {class_name} or a mapping of its fields", "give one"),
    "model_attributes_type": ("a mapping of fields", "give one"),
    "greater_than": ("more than {gt}", "raise it"),
    "greater_than_equal": ("at least {ge}", "raise it"),
    "less_than": ("less than {lt}", "lower it"),
    "less_than_equal": ("at most {le}", "lower it"),
    "multiple_of": ("a multiple of {multiple_of}", "round it to one"),
    "string_too_short": ("at least {min_length} characters long", "lengthen it"),
    "string_too_long": ("at most {max_length} characters long", "shorten it"),
    "string_pattern_mismatch": ("a text that matches {pattern}", "correct the value"),
    "too_short": ("a list of at least {min_length} items", "add more"),
    "too_long": ("a list of at most {max_length} items", "remove some"),
}


def _advice(advice: str, kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return "put it in quotes"
    if isinstance(value, pulumi.Output):
        return "this must be known before anything is made: give a plain value"
    return advice


def _unknown_field(place: Place) -> str:
    names = list(place.owner.model_fields) if place.owner else []
    similar = nearest(place.name, names)
    if similar:
        return f"unknown field; did you mean {' or '.join(similar)}? Rename or remove it"
    return f"unknown field; allowed are {', '.join(sorted(names)) or 'no fields'}; remove it"


def _not_among(given: str, expected: str, value: object, place: Place) -> str:
    options = [option.strip(" '") for option in expected.replace(" or ", ",").split(",")]
    similar = nearest(value, options) if isinstance(value, str) and not place.sensitive else []
    advice = f"did you mean {' or '.join(similar)}?" if similar else "choose one of them"
    return f"{given} given; allowed are {', '.join(option for option in options if option)}; {advice}"


def _from_validator(text: str, given: str, value: object) -> str:
    # A check over a whole object names the fields itself; a check of one field need not repeat its value.
    bare = re.escape(given.strip("'\""))
    if isinstance(value, Mapping | BaseModel) or re.search(rf"(?<![\w.-]){bare}(?![\w.-])", text):
        return text
    return f"{given} given; {text}"
