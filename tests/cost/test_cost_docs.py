"""docs/cost.md says what the code does."""

import json
import re
from pathlib import Path

import yaml

from bedplate.cost import USAGE_KEYS, CostSettings
from bedplate_policies import budget

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)[0]


def test_every_usage_key_rule_and_setting_is_described() -> None:
    for name in (*USAGE_KEYS, *(rule.name for rule in budget.RULES)):
        assert f"`{name}`" in DOCS
    described = yaml.safe_load(block("yaml"))["config"]["bedplate:cost"]
    assert set(described) == set(CostSettings.__dataclass_fields__)
    assert CostSettings.parse(described).limit_usd_per_month == 750000


def test_the_packs_configuration_is_one_that_the_rules_take() -> None:
    for name, options in json.loads(block("json")).items():
        rule = next(rule for rule in budget.RULES if rule.name == name)
        assert set(options) <= set(rule.config)


def test_the_example_of_an_own_machine_runs() -> None:
    scope: dict[str, object] = {"print": lambda text: shown.append(str(text))}
    shown: list[str] = []
    exec(compile(block("python"), "docs/cost.md", "exec"), scope)
    assert "$9,949.00 a month" in shown[0]
    assert shown[1].startswith("3.40")
