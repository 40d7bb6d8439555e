"""One wiring, run twice: first to check every argument, then to make the components.

An environment's parts need what other parts hand on, and what is wrong with the last of them must be told
before the first is made. So the wiring is written once, against a `Build`: checking, it makes arguments only
and hands on stand-ins; deploying, it makes components and hands on their handles.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import pulumi

from bedplate.core import Args
from bedplate.core.errors import ArgsError, Problems
from bedplate.core.naming import child

A = TypeVar("A", bound=Args)
C = TypeVar("C", bound=pulumi.Resource)
H = TypeVar("H")

# Stands for a resource while a file is checked; nothing may be asked of it.
NOTHING: pulumi.Resource = object.__new__(pulumi.CustomResource)


@dataclass(frozen=True, kw_only=True)
class Part(Generic[A, C, H]):
    """A part of an environment.

    Attributes:
        name: Its name, after the environment's.
        path: Where it stands in the file.
        component: What makes it.
        args: The type of its arguments.
        values: The arguments.
        handle: What the component hands on.
        stand_in: What stands for that while the file is checked, where the arguments are refused as well:
            what is wrong with one part is no reason to blame those that build on it.
        refused: What stands for it there where the arguments say too little; as `stand_in` by default.
        options: Provider and order.
    """

    name: str
    path: str
    component: Callable[[str, A, pulumi.ResourceOptions], C]
    args: type[A]
    values: Mapping[str, object]
    handle: Callable[[C], H]
    stand_in: Callable[[A], H]
    refused: Callable[[A], H | None] | None
    options: pulumi.ResourceOptions | None


class Build(ABC):
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
        """What a part of the environment hands on; the arguments are those of `Part`."""
        return self._take(
            Part(
                name=name,
                path=path,
                component=component,
                args=args,
                values=values,
                handle=handle,
                stand_in=stand_in,
                refused=refused,
                options=options,
            )
        )

    @abstractmethod
    def _take(self, part: Part[A, C, H]) -> H | None: ...


class Checking(Build):
    """Makes nothing; everything that is wrong is in `problems`."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def _take(self, part: Part[A, C, H]) -> H | None:
        try:
            return part.stand_in(part.args.model_validate(part.values))
        except ArgsError as error:
            self.problems.extend(error.problems, under=part.path)
        except ValueError as error:
            self.problems.add(part.path, str(error))
        unchecked = cast("A", part.args.model_construct(None, **part.values))
        return (part.refused or part.stand_in)(unchecked)


class Deploying(Build):
    """Makes the parts of the environment of that name."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    def _take(self, part: Part[A, C, H]) -> H | None:
        made = part.component(
            child(self._environment, part.name),
            part.args.model_validate(part.values),
            part.options or pulumi.ResourceOptions(),
        )
        return part.handle(made)


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
