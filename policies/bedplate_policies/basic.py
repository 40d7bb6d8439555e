"""Checks as data: builders that say what they read, show no value that may be secret, and fail closed.

Every builder takes property paths as provider SDKs spell them (`a.b[0].c`, `rules[].x` for every element).
A value that is not known at preview gives `Finding.undetermined`; the same check runs again at the update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bedplate_policies.resource import Resource
from bedplate_policies.rule import Check, Config, Finding, Option
from bedplate_policies.value import (
    MISSING,
    UNKNOWN,
    Missing,
    Value,
    format_path,
    has_unknown,
    number,
    parse_path,
    same,
)

# True, False, or UNKNOWN where nobody can say yet.
Condition = Callable[[Resource, Config], object]


@dataclass(frozen=True)
class BuiltCheck:
    """A check that knows which properties it reads and which settings it takes."""

    run: Check
    reads: tuple[str, ...]
    options: Mapping[str, Option] = field(default_factory=dict)

    def __call__(self, resource: Resource, config: Config) -> Iterable[Finding]:
        return self.run(resource, config)


@dataclass(frozen=True)
class BuiltCondition:
    """A condition that knows which properties it reads."""

    run: Condition
    reads: tuple[str, ...]

    def __call__(self, resource: Resource, config: Config) -> object:
        return self.run(resource, config)


def reads_of(*parts: object) -> tuple[str, ...]:
    """What some checks and conditions read, each path once."""
    return tuple(dict.fromkeys(path for part in parts for path in getattr(part, "reads", ())))


def options_of(*parts: object) -> dict[str, Option]:
    """The settings of some checks."""
    return {name: option for part in parts for name, option in getattr(part, "options", {}).items()}


def on_values(
    path: str,
    judge: Callable[[Value, Config], str | None],
    *,
    missing: Missing = "violation",
    expected: str = "",
    allowed: tuple[Value, ...] = (),
    options: Mapping[str, Option] | None = None,
) -> BuiltCheck:
    """A check of every value that a path leads to: `judge` says what is wrong with one, or None.

    `expected` completes "... is not set" for a value that is missing; `allowed` are texts that may be shown.
    """

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        # Paths are written out for findings only: nearly every value of a stack is as it should be.
        for place, value in resource.places(path):
            if value is UNKNOWN:
                yield Finding.undetermined(resource.whole(place))
            elif value is MISSING:
                if missing == "violation":
                    where = resource.whole(place)
                    yield Finding.violation(
                        f"{where} is not set" + (f", {expected}" if expected else ""), where
                    )
            else:
                wrong = judge(value, config)
                if wrong is not None:
                    where = resource.whole(place)
                    shown = resource.shown(format_path(place), allowed)
                    yield Finding.violation(f"{where} is {shown}, {wrong}", where)

    return BuiltCheck(run, (path,), options or {})


def must_equal(path: str, value: Value, missing: Missing = "violation") -> BuiltCheck:
    """The property has this value."""
    must = f"it must be {_spelt(value)}"
    return on_values(
        path,
        lambda found, _: None if same(found, value) else must,
        missing=missing,
        expected=must,
    )


def each_must_equal(list_path: str, value: Value, missing: Missing = "violation") -> BuiltCheck:
    """Every element has this value, e.g. `rules[].encrypted`; a list that is absent has no element."""
    assert "[]" in list_path, f"{list_path} names no list: write the list with []"
    return must_equal(list_path, value, missing)


def must_be_one_of(path: str, values: Iterable[Value], missing: Missing = "violation") -> BuiltCheck:
    """The property has one of these values."""
    choices = tuple(values)
    must = "it must be one of " + ", ".join(_spelt(choice) for choice in choices)
    return on_values(
        path,
        lambda found, _: None if any(same(found, choice) for choice in choices) else must,
        missing=missing,
        expected=must,
    )


def must_not_be(path: str, *values: Value, missing: Missing = "ok") -> BuiltCheck:
    """The property has none of these values."""
    allowed = tuple(value for value in values if isinstance(value, str))
    return on_values(
        path,
        lambda found, _: "which is not allowed" if any(same(found, value) for value in values) else None,
        missing=missing,
        expected="and what the provider then takes is not allowed",
        allowed=allowed,
    )


def must_be_set(path: str) -> BuiltCheck:
    """The property is there and is neither an empty text, list nor object."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.places(path):
            if value is UNKNOWN:
                # An output of another resource stands here; it may still turn out empty.
                yield Finding.undetermined(resource.whole(place))
            elif value is MISSING or value in ("", [], {}):
                where = resource.whole(place)
                yield Finding.violation(f"{where} is not set", where)

    return BuiltCheck(run, (path,))


def must_be_given(path: str) -> BuiltCheck:
    """As must_be_set, but an output of a resource that is still to be made counts as set.

    For properties that can only hold another resource's identity, such as a key's ARN: it is never empty.
    Where something around the property is not known yet, nobody can say whether it will be there.
    """
    names = sum(isinstance(step, str) for step in parse_path(path))

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.places(path):
            if value is UNKNOWN:
                if sum(isinstance(step, str) for step in place) < names:
                    yield Finding.undetermined(resource.whole(place))
            elif value is MISSING or value in ("", [], {}):
                where = resource.whole(place)
                yield Finding.violation(f"{where} is not set", where)

    return BuiltCheck(run, (path,))


def must_not_be_set(path: str) -> BuiltCheck:
    """The property is absent or empty."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.places(path):
            if value is UNKNOWN:
                yield Finding.undetermined(resource.whole(place))
            elif value is not MISSING and value not in ("", [], {}):
                where = resource.whole(place)
                yield Finding.violation(f"{where} is set, which is not allowed", where)

    return BuiltCheck(run, (path,))


def at_least(path: str, n: float, option: str | None = None, missing: Missing = "violation") -> BuiltCheck:
    """The property is a number of at least `n`, or of at least what the setting `option` says."""
    return _bounded(path, n, option, missing, "at least", lambda value, limit: value >= limit)


def at_most(path: str, n: float, option: str | None = None, missing: Missing = "violation") -> BuiltCheck:
    """The property is a number of at most `n`, or of at most what the setting `option` says."""
    return _bounded(path, n, option, missing, "at most", lambda value, limit: value <= limit)


def _bounded(
    path: str,
    n: float,
    option: str | None,
    missing: Missing,
    words: str,
    holds: Callable[[float, float], bool],
) -> BuiltCheck:
    options = {}
    if option is not None:
        kind = "integer" if isinstance(n, int) else "number"
        options[option] = Option(
            "integer" if kind == "integer" else "number",
            n,
            f"{path} must be {words} this.",
            minimum=0,
        )

    def judge(value: Value, config: Config) -> str | None:
        limit = config.number(option) if option is not None else n
        found = number(value)
        if found is not None and holds(found, limit):
            return None
        return f"it must be {words} {limit:g}"

    return on_values(path, judge, missing=missing, expected=f"it must be {words} {n:g}", options=options)


def for_each(path: str, check: Check) -> BuiltCheck:
    """The check for every part that a path leads to (`blockDeviceMappings[].ebs`), by paths within it."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for part in resource.at(path):
            if part.is_unknown:
                yield Finding.undetermined(part.path(""))
            else:
                yield from check(part, config)

    reads = tuple(f"{path}.{read}" for read in reads_of(check)) or (path,)
    return BuiltCheck(run, reads, options_of(check))


def all_of(*checks: Check) -> BuiltCheck:
    """All of the checks hold."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for check in checks:
            yield from check(resource, config)

    return BuiltCheck(run, reads_of(*checks), options_of(*checks))


def any_of(*checks: Check) -> BuiltCheck:
    """At least one of the checks holds."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        found: list[list[Finding]] = []
        for check in checks:
            of_one = list(check(resource, config))
            if not of_one:
                return
            found.append(of_one)
        # One that may still hold leaves the whole open.
        open_ones = [of_one for of_one in found if all(one.kind == "undetermined" for one in of_one)]
        if open_ones:
            yield from open_ones[0]
        elif found:
            message = "; or ".join(
                one.message for of_one in found for one in of_one if one.kind == "violation"
            )
            yield Finding.violation(message, found[0][0].path)

    return BuiltCheck(run, reads_of(*checks), options_of(*checks))


def when(condition: Condition, check: Check) -> BuiltCheck:
    """The check where the condition holds."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        holds = condition(resource, config)
        if holds is UNKNOWN:
            if next(iter(check(resource, config)), None) is not None:
                path = next(iter(reads_of(condition)), "")
                yield Finding.undetermined(resource.path(path))
        elif holds:
            yield from check(resource, config)

    return BuiltCheck(run, reads_of(condition, check), options_of(check))


def equals(path: str, *values: Value) -> BuiltCondition:
    """The property has one of these values."""

    def run(resource: Resource, config: Config) -> object:
        found = resource.get(path)
        if found is UNKNOWN:
            return UNKNOWN
        return found is not MISSING and any(same(found, value) for value in values)

    return BuiltCondition(run, (path,))


def is_set(path: str) -> BuiltCondition:
    """The property is there and not empty."""

    def run(resource: Resource, config: Config) -> object:
        found = resource.get(path)
        if found is UNKNOWN:
            return UNKNOWN
        return found is not MISSING and found not in ("", [], {})

    return BuiltCondition(run, (path,))


def negated(condition: Condition) -> BuiltCondition:
    """The opposite of a condition."""

    def run(resource: Resource, config: Config) -> object:
        holds = condition(resource, config)
        return UNKNOWN if holds is UNKNOWN else not holds

    return BuiltCondition(run, reads_of(condition))


def custom(function: Check, *reads: str, options: Mapping[str, Option] | None = None) -> BuiltCheck:
    """A check in code, with what it reads."""
    return BuiltCheck(function, reads, options or {})


def must_have_keys(path: str, keys: Iterable[str]) -> BuiltCheck:
    """The map has all of these keys with a value that is not empty, e.g. tags."""
    wanted = tuple(keys)

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        value = resource.get(path)
        if value is UNKNOWN:
            yield Finding.undetermined(resource.path(path))
            return
        found = value if isinstance(value, Mapping) else {}
        if has_unknown(found) and all(key in found for key in wanted):
            return
        absent = [key for key in wanted if found.get(key) in (None, "")]
        if absent:
            yield Finding.violation(f"{resource.path(path)} lacks {', '.join(absent)}", resource.path(path))

    return BuiltCheck(run, (path,))


def _spelt(value: Value) -> str:
    """A value of the rule itself: never a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
