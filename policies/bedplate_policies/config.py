"""A pack's configuration: which rules are enforced how, and their settings, checked before any resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bedplate_policies.errors import PolicyError
from bedplate_policies.rule import AnyRule, Config, Enforcement, Option

ALL = "all"
"""Stands for every rule of a pack in Pulumi's policy configuration."""
EXEMPTIONS = "exemptions"
"""The key of the exemptions in a pack's configuration; no rule has that name."""
_RESERVED = (ALL, EXEMPTIONS)


@dataclass(frozen=True)
class RuleSettings:
    """How one rule runs."""

    enforcement: Enforcement
    config: Config


@dataclass(frozen=True)
class Given:
    """What a configuration says about one rule; no enforcement keeps the rule's own."""

    enforcement: str = ""
    options: Mapping[str, object] | None = None


def settings(rules: Iterable[AnyRule], given: Mapping[str, Given]) -> dict[str, RuleSettings]:
    """The settings of every rule. Raises PolicyError with all that is wrong at once."""
    by_name = {rule.name: rule for rule in rules}
    problems: list[str] = []
    for name in given:
        if name not in by_name and name not in _RESERVED:
            problems.append(f"no rule {name!r} in this pack{_nearest(name, by_name)}")
    common = given.get(ALL, Given())
    problems += _enforcement_problems(ALL, common.enforcement)
    if common.options:
        problems.append(
            f'"{ALL}" takes an enforcement level only; give {_names(common.options)} to each rule that has it'
        )
    found: dict[str, RuleSettings] = {}
    for name, rule in by_name.items():
        one = given.get(name, Given())
        problems += _enforcement_problems(name, one.enforcement)
        problems += _option_problems(rule, one.options or {})
        enforcement = one.enforcement or common.enforcement or rule.enforcement
        if enforcement == "remediate":
            # These rules change nothing by themselves; asked to, they insist.
            enforcement = "mandatory"
        found[name] = RuleSettings(
            enforcement,  # type: ignore[arg-type]
            Config({**rule.defaults(), **(one.options or {})}),
        )
    if problems:
        raise PolicyError("; ".join(problems))
    return found


_LEVELS = ("", "advisory", "mandatory", "disabled", "remediate")


def _enforcement_problems(name: str, enforcement: str) -> list[str]:
    if enforcement in _LEVELS:
        return []
    return [f'{name}: enforcementLevel is one of "advisory", "mandatory", "disabled"']


def _option_problems(rule: AnyRule, options: Mapping[str, object]) -> list[str]:
    problems = []
    for name, value in options.items():
        option = rule.config.get(name)
        if option is None:
            has = f"it has {_names(rule.config)}" if rule.config else "it has none"
            problems.append(f"{rule.name}: no setting {name!r}; {has}")
            continue
        wrong = _wrong(option, value)
        if wrong:
            problems.append(f"{rule.name}.{name} {wrong}")
    return problems


_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
}


def _wrong(option: Option, value: object) -> str:
    """What is wrong with a value; it is the user's own configuration, still a text is not repeated."""
    kinds = _KINDS[option.kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and option.kind != "boolean"):
        return f"must be of type {option.kind}, not {_kind(value)}"
    if option.enum and value not in option.enum:
        return "must be one of " + ", ".join(str(one) for one in option.enum)
    if isinstance(value, int | float):
        if option.minimum is not None and value < option.minimum:
            return f"is {value:g}, it must be at least {option.minimum:g}"
        if option.maximum is not None and value > option.maximum:
            return f"is {value:g}, it must be at most {option.maximum:g}"
    return ""


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    for name in ("integer", "number", "string", "array", "object"):
        if isinstance(value, _KINDS[name]):
            return name
    return "null"


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _nearest(name: str, known: Iterable[str]) -> str:
    near: Sequence[str] = get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
