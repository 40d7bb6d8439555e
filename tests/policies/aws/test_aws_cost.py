"""Examples for the rules of cost tags and budgets, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.cost import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, StackCase

TAGS = {
    "bedplate:environment": "aws-dev",
    "bedplate:owner": "platform",
    "bedplate:cost-center": "ml",
}
BUDGET = "aws:budgets/budget:Budget"
NODES = ("aws:eks/nodeGroup:NodeGroup", "gpu", {})


def _group_tags(propagate: bool) -> list[dict[str, object]]:
    return [{"key": key, "value": value, "propagateAtLaunch": propagate} for key, value in TAGS.items()]


EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-cost-allocation-tags": (
        [{"tags": TAGS}, {"tags": {**TAGS, "more": "tags"}}],
        [{}, {"tags": {}}, {"tags": {**TAGS, "bedplate:owner": ""}}],
    ),
    "aws-autoscaling-cost-allocation-tags": (
        [{"tags": _group_tags(True)}],
        [{}, {"tags": _group_tags(False)}, {"tags": _group_tags(True)[:1]}],
    ),
    "aws-budget-notifies": (
        [
            {"notifications": [{"threshold": 80, "subscriberSnsTopicArns": ["arn"]}]},
            {"notifications": [{"threshold": 80, "subscriberEmailAddresses": ["a@example.com"]}]},
        ],
        [{}, {"notifications": []}, {"notifications": [{"threshold": 80}]}],
    ),
}
STACKS = {
    "aws-budget-exists": (
        [[], [NODES, (BUDGET, "budget", {})]],
        [[NODES]],
    )
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]
STACK_CASES = [
    StackCase(rule.name, good=STACKS[rule.name][0], bad=STACKS[rule.name][1])
    for rule in RULES
    if isinstance(rule, StackRule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
