"""The part of a component's arguments that an environment's file may set."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, create_model

from bedplate.core import Args

M = TypeVar("M", bound=BaseModel)


def plain_part(args: type[BaseModel], without: Sequence[str]) -> type[Args]:
    """A model of the fields of `args` that are not in `without`, with their types, limits and defaults.

    What is left out is wiring, or stands elsewhere in the file. Checks across fields are made when the
    arguments
    themselves are.
    """
    missing = [name for name in without if name not in args.model_fields]
    assert not missing, f"{args.__name__} has no field {', '.join(missing)}"
    fields = {
        name: (info.annotation, info) for name, info in args.model_fields.items() if name not in without
    }
    name = args.__name__.removesuffix("Args") + "Settings"
    made: type[Args] = create_model(  # type: ignore[call-overload]
        name, __base__=Args, __module__=__name__, __doc__=f"The plain-data part of {args.__name__}.", **fields
    )
    return made


def all_defaults(settings: type[M]) -> Callable[[], M]:
    """What a section is where the file has none."""
    return lambda: settings.model_validate({})


def given(settings: BaseModel) -> dict[str, object]:
    """The fields that were set, as they are, so that what was left out keeps its default in the arguments."""
    return {name: getattr(settings, name) for name in settings.model_fields_set}
