"""From the location of a pydantic error to a property path and to the field behind it."""

import re
import types
from dataclasses import dataclass, field
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

_SENSITIVE_NAME = re.compile(r"(^|_)(password|passphrase|secret|token|private_key|credentials?)$")


@dataclass
class Place:
    """Where an error happened."""

    path: str = ""
    annotation: object = None
    owner: type[BaseModel] | None = None
    sensitive: bool = False
    at_key: bool = False
    _names: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last field of the path."""
        return self._names[-1] if self._names else ""


def locate(model: type[BaseModel], location: tuple[int | str, ...]) -> Place:
    """Follow an error's location through the models' annotations, leaving out the labels of union members."""
    place = Place(annotation=model)
    for element in location:
        _step(place, element)
    place.sensitive = place.sensitive or _mentions_secret(place.annotation)
    return place


def _step(place: Place, element: int | str) -> None:
    if element == "[key]":
        place.at_key = True
        place.annotation = None
        return
    annotation = plain(place.annotation)
    members = union_members(annotation)
    if len(members) > 1:
        # pydantic puts the label of the member (its tag, else its type's name) before the member's own
        # location.
        place.annotation = _member_for(members, str(element))
        return
    if members:
        annotation = plain(members[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        known = annotation.model_fields.get(str(element))
        place.path = f"{place.path}.{element}" if place.path else str(element)
        place.owner = annotation
        place.annotation = known.annotation if known else None
        place._names.append(str(element))
        place.sensitive = place.sensitive or bool(_SENSITIVE_NAME.search(str(element)))
        return
    place.annotation = _item(annotation, element)
    if isinstance(element, str):
        place.sensitive = place.sensitive or bool(_SENSITIVE_NAME.search(element))
    if isinstance(element, int):
        place.path = f"{place.path}[{element}]"
    else:
        place.path = f"{place.path}.{element}" if place.path else element


def _item(annotation: object, element: int | str) -> object:
    """What stands under an index or a key of a sequence or mapping; None where that is not known."""
    arguments = [argument for argument in get_args(annotation) if argument is not ...]
    if not arguments:
        return None
    origin = get_origin(annotation)
    if origin is tuple and isinstance(element, int):
        return arguments[min(element, len(arguments) - 1)]
    # The value of a mapping is its last argument; a sequence has one.
    return arguments[-1]


def plain(annotation: object) -> object:
    """The type under any `Annotated`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def union_members(annotation: object) -> list[object]:
    """The members of a union other than None; empty where the annotation is no union."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return []
    return [member for member in get_args(annotation) if member is not type(None)]


def _member_for(members: list[object], label: str) -> object:
    for member in members:
        bare = plain(member)
        if isinstance(bare, type) and (bare.__name__ == label or _has_tag(bare, label)):
            return bare
    return None


def _has_tag(model: type, tag: str) -> bool:
    if not issubclass(model, BaseModel):
        return False
    literals = [info.annotation for info in model.model_fields.values()]
    return any(get_origin(literal) is Literal and tag in map(str, get_args(literal)) for literal in literals)


def _mentions_secret(annotation: object) -> bool:
    annotation = plain(annotation)
    if annotation is SecretStr or annotation is SecretBytes:
        return True
    return any(_mentions_secret(argument) for argument in get_args(annotation))
