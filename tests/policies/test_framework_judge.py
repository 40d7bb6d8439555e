"""What a finding means: unknowns, exemptions, rules that fail, and stacks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pytest

from bedplate_policies import checks
from bedplate_policies.config import Given, settings
from bedplate_policies.exemptions import Exemption, Exemptions
from bedplate_policies.judge import Judge
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, StackCheck, rule, stack_rule
from bedplate_policies.stack import Stack
from bedplate_policies.testing import UNKNOWN, make_resource

PASSWORD = "hunter2-in-plain-text"


def on_resource(check: Check, enforcement: str = "mandatory") -> AnyRule:
    return rule(
        name="test-rule",
        description="A rule.",
        severity=Severity.HIGH,
        remediation="Mend it.",
        types=("t",),
        check=check,
        enforcement=enforcement,  # type: ignore[arg-type]
    )


def on_stack(check: StackCheck) -> AnyRule:
    return stack_rule(
        name="test-rule",
        description="A rule.",
        severity=Severity.HIGH,
        remediation="Mend it.",
        types=("t",),
        check=check,
    )


def verdicts(judge: Judge, inputs: dict[str, object]) -> list[tuple[str, str]]:
    return [(one.level, one.message) for one in judge.resource(make_resource("t", inputs))]


ENCRYPTED = checks.must_equal("encrypted", True)


def test_a_violation_says_what_was_found_what_is_asked_and_the_fix() -> None:
    judge = Judge([on_resource(ENCRYPTED)])
    assert verdicts(judge, {"encrypted": False}) == [
        ("mandatory", "encrypted is false, it must be true. Mend it.")
    ]
    assert verdicts(judge, {"encrypted": True}) == []
    assert judge.resource(make_resource("other", {})) == []


def test_an_unknown_is_told_at_preview_and_refused_at_the_update() -> None:
    judge = Judge([on_resource(ENCRYPTED)])
    judge.preview = True
    ((level, message),) = verdicts(judge, {"encrypted": UNKNOWN})
    assert level == "advisory"
    assert message == "undetermined: encrypted is not known yet; checked again at the update (mandatory)"
    judge.preview = False
    ((level, message),) = verdicts(judge, {"encrypted": UNKNOWN})
    assert level == "mandatory"
    assert "counts as a violation" in message
    assert verdicts(judge, {"encrypted": False})[0][0] == "mandatory"


def test_an_unknown_hides_no_violation_beside_it() -> None:
    both = checks.all_of(checks.must_equal("other", 1), ENCRYPTED)
    levels = [
        level for level, _ in verdicts(Judge([on_resource(both)]), {"other": UNKNOWN, "encrypted": False})
    ]
    assert sorted(levels) == ["advisory", "mandatory"]


@pytest.mark.parametrize(("given", "levels"), [("advisory", ["advisory"]), ("disabled", [])])
def test_enforcement(given: str, levels: list[str]) -> None:
    judge = Judge([on_resource(ENCRYPTED)])
    judge.apply(settings(judge.rules, {"test-rule": Given(given)}))
    assert [level for level, _ in verdicts(judge, {})] == levels


@pytest.mark.parametrize("enforcement", ["mandatory", "advisory"])
def test_a_rule_that_raises_is_a_mandatory_violation_without_values(enforcement: str) -> None:
    def broken(resource: Resource, config: Config) -> Iterable[Finding]:
        raise KeyError(resource.get("password"))

    judge = Judge([on_resource(broken, enforcement)])
    ((level, message),) = verdicts(judge, {"password": PASSWORD})
    assert level == "mandatory"
    assert "the rule itself failed (KeyError in test_framework_judge.py, line" in message
    assert PASSWORD not in message


def test_a_stack_rule_that_raises_is_a_mandatory_violation() -> None:
    def broken(stack: Stack, config: Config) -> Iterable[Finding]:
        yield Finding.violation(str(len(stack.resources)))
        raise ValueError(PASSWORD)

    (verdict,) = Judge([on_stack(broken)]).stack(Stack([]))
    assert verdict.level == "mandatory"
    assert verdict.rule.name == "test-rule"
    assert PASSWORD not in verdict.message


def test_exemptions_spare_are_reported_and_counted() -> None:
    judge = Judge([on_resource(ENCRYPTED)])
    spared = Exemption("test-rule", "resource", "me", "because", date(2027, 1, 31))
    judge.exemptions = Exemptions([spared, Exemption("test-rule", "nobody", "you", "why", date(2027, 1, 31))])
    assert verdicts(judge, {}) == [("advisory", "exempt until 2027-01-31 (me): because")]
    (unused,) = judge.stack(Stack([]))
    assert unused.level == "advisory"
    assert "of nobody (you) spared nothing" in unused.message


def test_a_stack_rule_names_its_resource() -> None:
    def check(stack: Stack, config: Config) -> Iterable[Finding]:
        for bucket in stack.of_type("bucket"):
            if not stack.companions(bucket, "block", "bucket"):
                yield Finding.violation("no block", resource=bucket)

    first, second = (
        make_resource("bucket", {"id": "a"}, "first"),
        make_resource("bucket", {"id": UNKNOWN}, "second"),
    )
    by_value = make_resource("block", {"bucket": "a"}, "one")
    by_dependency = make_resource(
        "block", {"bucket": UNKNOWN}, "two", property_dependencies={"bucket": [second.urn]}
    )
    judge = Judge([on_stack(check)])
    assert judge.stack(Stack([first, second, by_value, by_dependency])) == []
    assert [one.urn for one in judge.stack(Stack([first, second, by_dependency]))] == [first.urn]
    assert [one.urn for one in judge.stack(Stack([first, second, by_value]))] == [second.urn]


def test_a_reference_that_nobody_knows_is_unresolved() -> None:
    known = make_resource("block", {"bucket": UNKNOWN}, "one", property_dependencies={"bucket": ["urn"]})
    assert not Stack([known]).unresolved("block", "bucket")
    assert Stack([make_resource("block", {"bucket": UNKNOWN})]).unresolved("block", "bucket")
