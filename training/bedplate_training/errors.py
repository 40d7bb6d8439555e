"""Errors that tell what to do, and a collector that reports all problems of an input at once."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One wrong setting: its path, what was given, what is allowed, what to do."""

    path: str
    value: object
    allowed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: got {self.value!r}; allowed: {self.allowed}; {self.fix}"


class ConfigError(ValueError):
    """Wrong settings; `problems` holds each of them."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{count} in the settings:", *(f"  {problem}" for problem in problems)]))


class NotFinite(ArithmeticError):
    """The loss or the gradient is not a finite number."""


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, committed or read."""
