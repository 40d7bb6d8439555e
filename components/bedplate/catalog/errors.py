"""What the catalogue refuses: names that it does not know, and rows that cannot be true."""

from collections.abc import Iterable
from dataclasses import dataclass

from bedplate.catalog.similar import nearest


class UnknownMachineError(ValueError):
    """A machine that is in no row. `nearest` holds the names that look like it."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.nearest = tuple(nearest(name, known))
        hint = f"did you mean {' or '.join(self.nearest)}?" if self.nearest else "check the spelling"
        super().__init__(
            f"machine {name!r} is not in the catalogue; {hint} "
            "A machine of your own can be added in a file named by BEDPLATE_CATALOG"
        )


class UnknownItemError(ValueError):
    """A priced item (a service, not a machine) that is in no row."""

    def __init__(self, item: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        self.nearest = tuple(nearest(item, names))
        hint = (
            f"did you mean {' or '.join(self.nearest)}?" if self.nearest else f"known are {', '.join(names)}"
        )
        super().__init__(f"no price of {item!r} is in the catalogue; {hint}")


class UnknownArtifactError(ValueError):
    """A chart or image that is in no row."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        self.nearest = tuple(nearest(name, names))
        hint = (
            f"did you mean {' or '.join(self.nearest)}?" if self.nearest else f"known are {', '.join(names)}"
        )
        super().__init__(f"no {kind} {name!r} is pinned in the catalogue; {hint}")


@dataclass(frozen=True)
class RowProblem:
    """One refused row. `row` counts the data rows of a section from 1; 0 for the section as a whole."""

    section: str
    row: int
    field: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.section} row {self.row}" if self.row else self.section or "the file"
        return f"{where}, {self.field}: {self.reason}" if self.field else f"{where}: {self.reason}"


class CatalogError(ValueError):
    """A file of rows that is refused, with every problem in it."""

    def __init__(self, file: str, problems: Iterable[RowProblem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{file}: {count}", *(f"  {problem}" for problem in self.problems)]))
