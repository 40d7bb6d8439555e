"""`In[T]`: a field that takes a plain value or the output of another resource."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import pulumi
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bedplate.core.errors import ArgsError, Problem

__all__ = ["In", "InMarker", "checked"]

T = TypeVar("T")


class InMarker:
    """What `In[T]` leaves on a field: outputs and awaitables pass, everything else is validated as T."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            _pass_outputs,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


def _pass_outputs(value: object, validate: Callable[[object], object]) -> object:
    # An Output answers any attribute and defines __iter__, so it must never reach pydantic's own checks.
    if isinstance(value, pulumi.Output) or inspect.isawaitable(value):
        return value
    return validate(value)


if TYPE_CHECKING:
    from pulumi import Input as In
else:

    class In:
        """T or an output of T; constraints go inside: `In[Annotated[str, Field(min_length=1)]]`."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[item, InMarker()]


def checked(value: "In[T]", validator: Callable[[T], T], field: str = "") -> pulumi.Output[T]:
    """The value as an output, after `validator` has seen it.

    A plain value is validated now, an output's value once it is known. Raises ArgsError with `field` as the
    path where the validator raises ValueError; the text of that error is withheld where the output is secret.
    """
    name = getattr(validator, "__name__", "its check")
    if not isinstance(value, pulumi.Output) and not inspect.isawaitable(value):
        return pulumi.Output.from_input(_run(value, validator, field))
    output = pulumi.Output.from_input(value)

    async def check(known: T) -> T:
        try:
            return _run(known, validator, field)
        except ArgsError:
            if not await output.is_secret():
                raise
        reason = f"the value is secret and is not shown; {name} refused it; correct the value"
        raise ArgsError("output", [Problem(field, reason)])

    return output.apply(check)


def _run(value: T, validator: Callable[[T], T], field: str) -> T:
    try:
        return validator(value)
    except ArgsError as error:
        raise ArgsError(error.subject, [problem.under(field) for problem in error.problems]) from None
    except ValueError as error:
        raise ArgsError("value", [Problem(field, str(error))]) from None
