"""Exemptions: a named rule spares named resources, for a reason that somebody owns, until a day.

They stand in `exemptions.yaml` beside the pack, or under "exemptions" in its configuration:

    - rule: aws-s3-access-logging
      resource: "*::scratch-*"          # URN, type or name; * and ? are wildcards
      owner: data-platform@example.com
      reason: scratch data, deleted after a day
      expires: 2027-01-31
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from bedplate_policies.errors import PolicyError
from bedplate_policies.resource import Resource

FILE = "exemptions.yaml"
_FIELDS = ("rule", "resource", "owner", "reason", "expires")


@dataclass(frozen=True)
class Exemption:
    """One exemption; `expires` is the last day on which it holds."""

    rule: str
    resource: str
    owner: str
    reason: str
    expires: date

    def covers(self, rule: str, resource: Resource) -> bool:
        """Whether the rule spares this resource."""
        # Names may hold brackets (`subnet[0]`), which fnmatch would take for a set of letters.
        pattern = self.resource.replace("[", "[[]")
        return rule == self.rule and any(
            fnmatchcase(text, pattern) for text in (resource.urn, resource.type, resource.name)
        )

    def told(self) -> str:
        """What is reported where it is used."""
        return f"exempt until {self.expires.isoformat()} ({self.owner}): {self.reason}"


def read_file(path: Path) -> list[object]:
    """The entries of an exemptions file, none where there is no file. Raises PolicyError."""
    if not path.is_file():
        return []
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: no readable YAML: {error}") from error
    if content is None:
        return []
    if not isinstance(content, list):
        raise PolicyError(f"{path}: write a list of exemptions, each with {', '.join(_FIELDS)}")
    return content


def parse(entries: Iterable[object], rules: Iterable[str], today: date, source: str) -> tuple[Exemption, ...]:
    """The exemptions of some entries.

    Raises PolicyError with all that is wrong at once: a field that is missing or unknown, a rule that the
    pack does not have, a day that is past.
    """
    known = set(rules)
    problems: list[str] = []
    found: list[Exemption] = []
    for number, entry in enumerate(entries):
        where = f"{source}: exemption {number + 1}"
        if not isinstance(entry, Mapping):
            problems.append(f"{where} is no object with {', '.join(_FIELDS)}")
            continue
        wrong = _problems(entry, known, today)
        if wrong:
            problems += [f"{where} {one}" for one in wrong]
        else:
            found.append(
                Exemption(
                    rule=str(entry["rule"]),
                    resource=str(entry["resource"]),
                    owner=str(entry["owner"]).strip(),
                    reason=str(entry["reason"]).strip(),
                    expires=_date(entry["expires"]) or today,
                )
            )
    if problems:
        raise PolicyError("; ".join(problems))
    return tuple(found)


def _problems(entry: Mapping[object, object], rules: set[str], today: date) -> list[str]:
    problems = [f"lacks {name}" for name in _FIELDS if not str(entry.get(name) or "").strip()]
    unknown = sorted(str(name) for name in entry if name not in _FIELDS)
    if unknown:
        problems.append(f"has unknown fields {', '.join(unknown)}; it takes {', '.join(_FIELDS)}")
    rule = entry.get("rule")
    if rule and str(rule) not in rules:
        problems.append(f"names the rule {rule!r}, which this pack does not have")
    if entry.get("expires"):
        expires = _date(entry["expires"])
        if expires is None:
            problems.append("expires: write a day as YYYY-MM-DD")
        elif expires < today:
            problems.append(
                f"of rule {rule!r} expired on {expires.isoformat()}: {entry.get('owner') or 'its owner'} "
                "renews it with a new reason, or removes it"
            )
    return problems


def _date(value: object) -> date | None:
    if isinstance(value, date):
        # YAML reads a day as a date; a time of day is no day.
        return value if type(value) is date else None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


class Exemptions:
    """The exemptions of a pack, and which of them were used."""

    def __init__(self, exemptions: Sequence[Exemption] = ()) -> None:
        self._by_rule: dict[str, list[Exemption]] = {}
        for one in exemptions:
            self._by_rule.setdefault(one.rule, []).append(one)
        self._used: set[Exemption] = set()

    def covering(self, rule: str, resource: Resource) -> Exemption | None:
        """The exemption that spares a resource, noted as used."""
        for one in self._by_rule.get(rule, ()):
            if one.covers(rule, resource):
                self._used.add(one)
                return one
        return None

    def unused(self) -> list[Exemption]:
        """Those that spared nothing: nobody needs them any more."""
        return [one for of_rule in self._by_rule.values() for one in of_rule if one not in self._used]
