"""Runs the rules of a pack, and decides what a finding means: the part of a pack that knows no protocol."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bedplate_policies.config import RuleSettings, settings
from bedplate_policies.exemptions import Exemptions
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Finding, Rule, StackRule
from bedplate_policies.stack import Stack

Level = Literal["advisory", "mandatory"]
# Messages name this many properties that are not known yet; the rest are counted.
_SHOWN_PATHS = 3


@dataclass(frozen=True)
class Verdict:
    """One line for the user."""

    rule: AnyRule
    level: Level
    message: str
    urn: str


@dataclass(frozen=True)
class _Open:
    """A question that a rule cannot answer yet."""

    rule: AnyRule
    level: Level
    path: str
    urn: str


class Judge:
    """The rules of a pack with their settings.

    `preview` says whether a value may still be unknown: at a preview a rule that needs one says so and is
    asked again at the update, where everything is known. At an update what cannot be determined is a
    violation.
    """

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        self.rules = tuple(rules)
        self.preview = True
        self.exemptions = Exemptions()
        self._by_type: dict[str, list[tuple[Rule, RuleSettings]]] = {}
        self._stack_rules: list[tuple[StackRule, RuleSettings]] = []
        self.apply(settings(self.rules, {}))

    def apply(self, settings: Mapping[str, RuleSettings]) -> None:
        """Take the settings over; rules that are disabled are not asked."""
        self._by_type = {}
        self._stack_rules = []
        for rule in self.rules:
            found = settings[rule.name]
            if found.enforcement == "disabled":
                continue
            if isinstance(rule, Rule):
                for type in rule.types:
                    self._by_type.setdefault(type, []).append((rule, found))
            else:
                self._stack_rules.append((rule, found))

    def looks_at(self, type: str) -> bool:
        """Whether any rule looks at resources of a type by themselves."""
        return type in self._by_type

    @property
    def looks_at_stacks(self) -> bool:
        """Whether any rule looks at all resources together."""
        return bool(self._stack_rules)

    def resource(self, resource: Resource) -> list[Verdict]:
        """What the rules of its type say to a resource."""
        verdicts: list[Verdict] = []
        open_ones: list[_Open] = []
        for rule, found in self._by_type.get(resource.type, ()):
            verdicts += self._verdicts(
                rule,
                found,
                lambda rule=rule, found=found: rule.check(resource, found.config),  # type: ignore[misc]
                lambda _: resource,
                open_ones,
            )
        return verdicts + self._undetermined(open_ones)

    def stack(self, stack: Stack) -> list[Verdict]:
        """What the rules say to the whole stack; exemptions that nothing needed are told here."""
        verdicts: list[Verdict] = []
        open_ones: list[_Open] = []
        for rule, found in self._stack_rules:
            verdicts += self._verdicts(
                rule,
                found,
                lambda rule=rule, found=found: rule.check(stack, found.config),  # type: ignore[misc]
                lambda finding: stack.by_urn.get(finding.urn),
                open_ones,
            )
        verdicts += self._undetermined(open_ones)
        by_name = {rule.name: rule for rule in self.rules}
        for exemption in self.exemptions.unused():
            message = f"the exemption of {exemption.resource} ({exemption.owner}) spared nothing: remove it"
            verdicts.append(Verdict(by_name[exemption.rule], "advisory", message, ""))
        return verdicts

    def _verdicts(
        self,
        rule: AnyRule,
        found: RuleSettings,
        check: Callable[[], Iterable[Finding]],
        resource_of: Callable[[Finding], Resource | None],
        open_ones: list[_Open],
    ) -> Iterator[Verdict]:
        level: Level = "mandatory" if found.enforcement == "mandatory" else "advisory"
        try:
            findings = list(check())
        except Exception as error:  # noqa: BLE001 a rule may fail in any way; then nothing is known about it
            where = resource_of(Finding.violation(""))
            message = f"the rule itself failed ({_place(error)}); nothing is known about what it checks"
            yield Verdict(rule, "mandatory", message, where.urn if where else "")
            return
        for finding in findings:
            resource = resource_of(finding)
            urn = resource.urn if resource else ""
            exemption = self.exemptions.covering(rule.name, resource) if resource else None
            if exemption is not None:
                yield Verdict(rule, "advisory", exemption.told(), urn)
            elif finding.kind == "violation":
                yield Verdict(rule, level, f"{_sentence(finding.message)} {rule.remediation}", urn)
            else:
                open_ones.append(_Open(rule, level, finding.path, urn))

    def _undetermined(self, open_ones: Sequence[_Open]) -> list[Verdict]:
        """At a preview one line per resource and level, for all rules that wait; at an update one each."""
        grouped: dict[tuple[str, str], list[_Open]] = {}
        for one in open_ones:
            grouped.setdefault((one.urn, one.level if self.preview else one.rule.name), []).append(one)
        verdicts = []
        for group in grouped.values():
            first = group[0]
            paths = _listed(one.path or "the resource" for one in group)
            if self.preview:
                others = [one.rule.name for one in group if one.rule is not first.rule]
                also = f" (also by {', '.join(dict.fromkeys(others))})" if others else ""
                message = (
                    f"undetermined: {paths} not known yet; checked again at the update ({first.level}){also}"
                )
                verdicts.append(Verdict(first.rule, "advisory", message, first.urn))
            else:
                message = (
                    f"undetermined: {paths} not known at the update either, which counts as a violation."
                )
                verdicts.append(
                    Verdict(first.rule, first.level, f"{message} {first.rule.remediation}", first.urn)
                )
        return verdicts


def _listed(paths: Iterable[str]) -> str:
    found = list(dict.fromkeys(paths))
    shown = ", ".join(found[:_SHOWN_PATHS])
    if len(found) > _SHOWN_PATHS:
        shown += f" and {len(found) - _SHOWN_PATHS} more"
    return f"{shown} {'is' if len(found) == 1 else 'are'}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _place(error: Exception) -> str:
    """The kind of an error and the line of ours that raised it: an error's own text may hold values."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    ours = [frame for frame in frames if Path(__file__).parent in Path(frame.filename).parents]
    if not frames:
        return type(error).__name__
    frame = ours[-1] if ours else frames[0]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
