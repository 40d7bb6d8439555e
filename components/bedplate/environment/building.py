"""One wiring, run twice: first to check every argument, then to make the components.

An environment's parts need what other parts hand on, and what is wrong with the last of them must be told
before the first is made. So the wiring is written once, against a `Build`: checking, it makes arguments only
and hands on stand-ins; deploying, it makes components and hands on their handles.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

import pulumi

from bedplate.core import Args
from bedplate.core.errors import ArgsError, Problems
from bedplate.core.naming import child

A = TypeVar("A", bound=Args)
C = TypeVar("C", bound=pulumi.Resource)
H = TypeVar("H")

# Stands for a resource while a file is checked; nothing may be asked of it.
NOTHING: pulumi.Resource = object.__new__(pulumi.CustomResource)


class Build(Protocol):
    """What a wiring is run against."""

    def add(
        self,
        name: str,
        path: str,
        component: Callable[[str, A, pulumi.ResourceOptions], C],
        args: type[A],
        values: Mapping[str, object],
        *,
        handle: Callable[[C], H],
        stand_in: Callable[[A], H],
        refused: Callable[[A], H | None] | None = None,
        options: pulumi.ResourceOptions | None = None,
    ) -> H | None:
        """A part of the environment, and what it hands on.

        Args:
            name: The part's name, after the environment's.
            path: Where the part stands in the file.
            component: What makes it.
            args: The type of its arguments.
            values: The arguments.
            handle: What the component hands on.
            stand_in: What stands for that while the file is checked, where the arguments are refused as
                well: what is wrong with one part is no reason to blame those that build on it.
            refused: What stands for it there where the arguments say too little; as `stand_in` by default.
            options: Provider and order.
        """


class Checking:
    """Makes nothing; everything that is wrong is in `problems`."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def add(
        self,
        name: str,
        path: str,
        component: Callable[[str, A, pulumi.ResourceOptions], C],
        args: type[A],
        values: Mapping[str, object],
        *,
        handle: Callable[[C], H],
        stand_in: Callable[[A], H],
        refused: Callable[[A], H | None] | None = None,
        options: pulumi.ResourceOptions | None = None,
    ) -> H | None:
        try:
            return stand_in(args.model_validate(values))
        except ArgsError as error:
            self.problems.extend(error.problems, under=path)
        except ValueError as error:
            self.problems.add(path, str(error))
        unchecked = cast("A", args.model_construct(None, **values))
        return (refused or stand_in)(unchecked)


class Deploying:
    """Makes the parts of the environment of that name."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    def add(
        self,
        name: str,
        path: str,
        component: Callable[[str, A, pulumi.ResourceOptions], C],
        args: type[A],
        values: Mapping[str, object],
        *,
        handle: Callable[[C], H],
        stand_in: Callable[[A], H],
        refused: Callable[[A], H | None] | None = None,
        options: pulumi.ResourceOptions | None = None,
    ) -> H | None:
        made = component(
            child(self._environment, name), args.model_validate(values), options or pulumi.ResourceOptions()
        )
        return handle(made)


def standing_in(kind: type[H], **known: object) -> H:
    """A handle of which only what is known can be asked.

    Fields that are neither known nor have a default hold `NOTHING`, whatever their type.
    """
    assert dataclasses.is_dataclass(kind)
    values: dict[str, Any] = dict(known)
    for one in dataclasses.fields(kind):
        required = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if required and one.name not in values:
            values[one.name] = NOTHING
    return cast(H, kind(**values))
