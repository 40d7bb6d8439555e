"""Files of rows: CSV (one section) and YAML (any sections), with file, row and field in every refusal."""

import csv
import datetime
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError

from bedplate.catalog.errors import CatalogError, RowProblem
from bedplate.catalog.price_checks import future_problems
from bedplate.catalog.rows import SECTIONS, Row
from bedplate.catalog.similar import nearest


@dataclass
class Tables:
    """Rows by section with their numbers in the file, and the problems met while reading them.

    `read`: reads a section that is asked for and not there yet.
    """

    file: str
    rows: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    read: Callable[[str], "Tables"] | None = None

    def of(self, section: str) -> list[tuple[int, Row]]:
        if self.read is not None and section not in self.rows:
            found = self.read(section)
            self.rows[section] = found.rows.get(section, [])
            self.problems.extend(found.problems)
        return self.rows.get(section, [])


def read_csv(text: str, section: str, file: str) -> Tables:
    """One section from CSV text; an empty cell is a field that is not given."""
    tables = Tables(file)
    records: list[tuple[int, object]] = []
    for number, record in enumerate(csv.DictReader(io.StringIO(text)), 1):
        if None in record or None in record.values():
            tables.problems.append(
                RowProblem(section, number, "", "not as many cells as the header; add commas")
            )
            continue
        records.append((number, {key: value for key, value in record.items() if value != ""}))
    _take(tables, section, records)
    return tables


def read_file(path: Path) -> Tables:
    """A user's own rows: a `.yaml` or `.yml` file with sections as keys, or a `.csv` file of one section.

    Raises CatalogError for a file that cannot be read at all; problems of single rows are in the result.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            file, [RowProblem("", 0, "", f"cannot be read: {error}; name a UTF-8 file")]
        ) from None
    if path.suffix.lower() == ".csv":
        return _of_today(read_csv(text, _section_of(text, file), file))
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_today(_read_yaml(text, file))
    reason = f"ends with {path.suffix!r}; rows are read from .csv, .yaml and .yml; rename it"
    raise CatalogError(file, [RowProblem("", 0, "", reason)])


def _of_today(tables: Tables) -> Tables:
    # Only a user's file: the package's own rows must not fail on a machine whose clock is behind.
    tables.problems.extend(future_problems(tables, datetime.date.today()))
    return tables


def _section_of(text: str, file: str) -> str:
    """The section of a CSV file, told by its header: the one whose required fields are all there."""
    header = set(next(csv.reader(io.StringIO(text)), []))
    for section, model in SECTIONS.items():
        fields = model.model_fields
        required = {name for name, info in fields.items() if info.is_required()}
        if required <= header and header <= set(fields):
            return section
    known = "; ".join(f"{section}: {', '.join(model.model_fields)}" for section, model in SECTIONS.items())
    reason = f"the header fits no section; give the columns of one ({known})"
    raise CatalogError(file, [RowProblem("", 0, "", reason)])


def _read_yaml(text: str, file: str) -> Tables:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = f"is not YAML: {' '.join(str(error).split())}"
        raise CatalogError(file, [RowProblem("", 0, "", reason)]) from None
    if not isinstance(content, dict):
        reason = f"must hold sections ({', '.join(SECTIONS)}), each with a list of rows"
        raise CatalogError(file, [RowProblem("", 0, "", reason)])
    tables = Tables(file)
    for section, records in content.items():
        if section not in SECTIONS:
            similar = nearest(str(section), SECTIONS)
            hint = f"did you mean {' or '.join(similar)}?" if similar else f"known are {', '.join(SECTIONS)}"
            tables.problems.append(RowProblem(str(section), 0, "", f"unknown section; {hint}"))
        elif not isinstance(records, list):
            tables.problems.append(RowProblem(section, 0, "", "must be a list of rows"))
        else:
            _take(tables, section, enumerate(records, 1))
    return tables


def _take(tables: Tables, section: str, records: Iterable[tuple[int, object]]) -> None:
    rows = tables.rows.setdefault(section, [])
    for number, record in records:
        try:
            rows.append((number, SECTIONS[section].model_validate(record)))
        except ValidationError as error:
            tables.problems.extend(_problems(section, number, error))


def _problems(section: str, number: int, error: ValidationError) -> list[RowProblem]:
    found: list[RowProblem] = []
    for details in error.errors(include_url=False):
        name = ".".join(str(part) for part in details["loc"])
        raised = details.get("ctx", {}).get("error")
        text = str(raised) if raised is not None else f"{details['msg'][:1].lower()}{details['msg'][1:]}"
        if details["type"] == "missing":
            reason = "not given; the field is required; add it"
        elif details["type"] == "extra_forbidden":
            fields = SECTIONS[section].model_fields
            hint = " or ".join(nearest(name, fields)) or ", ".join(fields)
            reason = f"unknown field; did you mean {hint}?"
        elif name:
            reason = f"{details['input']!r} given; {text}; correct it"
        else:
            reason = text
        found.append(RowProblem(section, number, name, reason))
    return found
