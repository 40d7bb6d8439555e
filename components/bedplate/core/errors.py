"""The errors that a user of the components sees: every problem of one call, each with its property's path."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pulumi import InputPropertiesError, RunError
from pulumi.errors import InputPropertyErrorDetails


@dataclass(frozen=True)
class Problem:
    """One refused property. `path` is dotted with list indices in brackets; empty for the whole object."""

    path: str
    reason: str

    def under(self, prefix: str) -> "Problem":
        """The same problem, seen from an object that holds this one at `prefix`."""
        return Problem(join_path(prefix, self.path), self.reason)


def join_path(prefix: str, path: str) -> str:
    """`("pools[0]", "max_size")` -> `"pools[0].max_size"`; either part may be empty."""
    if not prefix or not path:
        return prefix or path
    return f"{prefix}{path}" if path.startswith("[") else f"{prefix}.{path}"


def list_problems(subject: str, problems: Iterable[Problem]) -> str:
    """The text of an error: the subject and the number of problems, then one problem a line."""
    found = list(problems)
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    lines = [f"  {problem.path or '(as a whole)'}: {problem.reason}" for problem in found]
    return "\n".join([f"{subject}: {count}", *lines])


class ArgsError(InputPropertiesError, RunError, ValueError):
    """Every problem of one `Args` at once.

    An `InputPropertiesError`, so that Pulumi attributes each problem to its property; a `RunError`, so that a
    program that is refused ends with this text and without a stack; a `ValueError`, so that it may be raised
    in validators.
    """

    def __init__(self, subject: str, problems: Iterable[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        details: list[InputPropertyErrorDetails] = [
            {"property_path": problem.path, "reason": problem.reason} for problem in self.problems
        ]
        super().__init__(list_problems(subject, self.problems), details)


class ConfigError(RunError, ValueError):
    """A configuration file that is refused. Pulumi prints its text without a stack.

    `problems` is empty where the file as a whole is at fault (missing, not YAML).
    """

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def in_file(cls, file: str, problems: Iterable[Problem], prefix: str = "") -> "ConfigError":
        """The problems of one file; `prefix` is the key in the file under which the refused object stands."""
        placed = [problem.under(prefix) for problem in problems]
        return cls(list_problems(file, placed), placed)


class Problems:
    """Collects the problems of one cross-field check, so that a user meets all of them in one run.

    Example:
        problems = Problems()
        if self.max_size < self.min_size:
            problems.add("max_size", f"{self.max_size} is below min_size {self.min_size}; raise it")
        problems.raise_if_any()
    """

    def __init__(self, subject: str = "arguments") -> None:
        self._subject = subject
        self._found: list[Problem] = []

    def add(self, path: str, reason: str) -> None:
        """Note that the property at `path` (relative to the object that is checked) is refused, and why."""
        self._found.append(Problem(path, reason))

    def extend(self, problems: Iterable[Problem], under: str = "") -> None:
        """Take over problems that another check found, placed under a path of this object."""
        self._found.extend(problem.under(under) for problem in problems)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def raise_if_any(self) -> None:
        """Raises ArgsError with everything that was added; does nothing where nothing was."""
        if self._found:
            raise ArgsError(self._subject, self._found)
