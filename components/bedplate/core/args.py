"""`Args`: the base of every component's arguments and of the environment's configuration."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from bedplate.core.describe import Misfit
from bedplate.core.errors import ArgsError, Problem
from bedplate.core.inputs import InMarker
from bedplate.core.paths import locate, plain, union_members
from bedplate.core.reasons import reason

if TYPE_CHECKING:
    # mypy's plugin needs a base class by name; at run time `type(BaseModel)` will do, which is public.
    from pydantic._internal._model_construction import ModelMetaclass as _PydanticMeta
else:
    _PydanticMeta = type(BaseModel)


class _Meta(_PydanticMeta):
    """Turns the refusal of a call into an ArgsError.

    On the metaclass, because an `__init__` of the model would be run for nested models as well, and its error
    would then hide every other problem of the call.
    """

    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **values: Any) -> Any:
            try:
                return super().__call__(*args, **values)
            except ValidationError as error:
                raise to_args_error(cls, error) from None


class Args(BaseModel, metaclass=_Meta):
    """Frozen arguments: unknown fields are refused, and every problem of one call is reported at once.

    Fields that decide the shape (counts, enums, flags) are plain types; fields that wire resources together
    are `In[T]`. Raises ArgsError (an InputPropertiesError and a ValueError) at construction and in the
    `model_validate` methods.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=False, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _no_type_is_guessed(cls, data: object) -> object:
        """pydantic reads true as 1, "4" as 4 and 0 as false; in a file each is a slip of the pen."""
        if not isinstance(data, Mapping):
            return data
        numbers, flags = _number_fields(cls), _flag_fields(cls)
        return {
            name: Misfit(value)
            if (isinstance(value, bool | str) and name in numbers)
            or (isinstance(value, int | float | str) and not isinstance(value, bool) and name in flags)
            else value
            for name, value in data.items()
        }

    if not TYPE_CHECKING:

        @classmethod
        def model_validate(cls, *args: Any, **options: Any) -> Self:
            try:
                return super().model_validate(*args, **options)
            except ValidationError as error:
                raise to_args_error(cls, error) from None

        @classmethod
        def model_validate_json(cls, *args: Any, **options: Any) -> Self:
            try:
                return super().model_validate_json(*args, **options)
            except ValidationError as error:
                raise to_args_error(cls, error) from None

        @classmethod
        def __pydantic_init_subclass__(cls, **options: Any) -> None:
            super().__pydantic_init_subclass__(**options)
            for name, info in cls.model_fields.items():
                _refuse_outer_constraints(cls, name, info)


@cache
def _number_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields that hold a number, one of some numbers, or nothing."""
    return frozenset(name for name, kinds in _kinds(model) if all(map(_is_number, kinds)))


@cache
def _flag_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields that are true or false, or nothing."""
    return frozenset(name for name, kinds in _kinds(model) if all(kind is bool for kind in kinds))


def _kinds(model: type[BaseModel]) -> Iterator[tuple[str, list[object]]]:
    for name, info in model.model_fields.items():
        members = union_members(info.annotation) or [info.annotation]
        yield name, [plain(member) for member in members]


def _is_number(kind: object) -> bool:
    if get_origin(kind) is Literal:
        return all(isinstance(option, int) and not isinstance(option, bool) for option in get_args(kind))
    return kind in (int, float, Decimal)


def to_args_error(model: type[BaseModel], error: ValidationError) -> ArgsError:
    """Every problem of a pydantic error, with paths relative to `model`."""
    problems: list[Problem] = []
    for details in error.errors(include_url=False):
        place = locate(model, details["loc"])
        raised = details.get("ctx", {}).get("error")
        if isinstance(raised, ArgsError):
            problems.extend(problem.under(place.path) for problem in raised.problems)
        else:
            problems.append(Problem(place.path, reason(details, place)))
    return ArgsError(model.__name__, problems)


def _refuse_outer_constraints(model: type[BaseModel], name: str, info: FieldInfo) -> None:
    """A constraint that pydantic would apply to an output is a fault of the class, found before any call.

    Metadata stands in the order in which it is applied: what belongs to T comes before the marker of `In[T]`.
    A union (`In[T] | None`) keeps the marker on its member, so that everything on the field is outside of it.
    """
    markers = [index for index, item in enumerate(info.metadata) if isinstance(item, InMarker)]
    behind = bool(markers) and markers[-1] != len(info.metadata) - 1
    around = bool(info.metadata) and any(_is_wiring(member) for member in union_members(info.annotation))
    if behind or around:
        raise TypeError(
            f"{model.__name__}.{name}: a constraint outside of In[...] would be applied to an output; "
            "write In[Annotated[T, Field(...)]]"
        )


def _is_wiring(member: object) -> bool:
    return get_origin(member) is Annotated and any(
        isinstance(item, InMarker) for item in get_args(member)[1:]
    )
