"""What a stack may cost: what the rules let through, what they refuse, and what they say."""

import datetime
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedplate.catalog import unload_overlay
from bedplate_policies import budget
from bedplate_policies.rule import Config, Finding, StackRule
from bedplate_policies.stack import Stack
from bedplate_policies.testing import UNKNOWN, Secret, StackCase, make_resource

LIMIT, KNOWN, RECENT = budget.RULES
GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BUDGET = "aws:budgets/budget:Budget"
Written = tuple[str, str, Mapping[str, object], Mapping[str, Sequence[str]]]


@pytest.fixture(autouse=True)
def _fixed_day(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BEDPLATE_CATALOG", raising=False)
    monkeypatch.setattr(budget, "today", lambda: datetime.date(2026, 11, 24))
    yield
    unload_overlay()


def pool(name: str, most: int, machine: object = "p5.48xlarge", **more: object) -> Written:
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": most}
    inputs = {"region": "us-east-1", "scalingConfig": scaling, "instanceTypes": [machine], "diskSize": 100}
    return GROUP, name, {**inputs, **more}, {}


def stack(*resources: Written, **cost: object) -> Stack:
    urns = {name: make_resource(type, {}, name).urn for type, name, _, _ in resources}
    made = [
        make_resource(
            type,
            inputs,
            name,
            property_dependencies={key: [urns[one] for one in others] for key, others in links.items()},
        )
        for type, name, inputs, links in resources
    ]
    return Stack(made, "dev", {"bedplate:cost": json.dumps(cost)} if cost else {})


def found(rule: StackRule, of: Stack, **options: object) -> list[Finding]:
    return list(rule.check(of, Config({**rule.defaults(), **options})))


def aws_budget(**more: object) -> Written:
    inputs = {"budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"}
    return BUDGET, "month", {**inputs, **more}, {}


NODE_MONTH = Decimal("55.04") * 730 + 100 * Decimal("0.08")

# On a day on which the prices of machines are older than 180 days.
STACK_CASES = [
    StackCase(
        "stack-monthly-budget",
        good=[[pool("p", 1, "m6i.large"), aws_budget()], [aws_budget()]],
        bad=[[pool("p", 8), aws_budget()], [pool("p", 1, "m6i.large")], []],
    ),
    StackCase(
        "stack-prices-known",
        good=[[pool("p", 8)], [], [("kubernetes:core/v1:Pod", "pod", {}, {})]],
        bad=[[pool("p", 8, "trn2.48xlarge")], [("aws:rds/instance:Instance", "db", {}, {})]],
    ),
    StackCase("stack-prices-recent", good=[[]], bad=[[pool("p", 8)]]),
]


@pytest.mark.parametrize("case", STACK_CASES, ids=lambda case: case.rule_name)
def test_good_stacks_pass_and_bad_ones_do_not(case: StackCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "today", lambda: datetime.date(2027, 2, 1))
    rule = next(rule for rule in budget.RULES if rule.name == case.rule_name)
    for good in case.good:
        assert not found(rule, stack(*good))  # type: ignore[arg-type]
    for bad in case.bad:
        assert [one.kind for one in found(rule, stack(*bad))] == ["violation"]  # type: ignore[arg-type]


def test_the_message_has_total_limit_overrun_drivers_and_the_smallest_change() -> None:
    several = [pool("big", 8), pool("small", 4, "g6.12xlarge"), pool("system", 4, "m6i.large")]
    others: list[Written] = [("aws:ec2/natGateway:NatGateway", "nat", {"region": "us-east-1"}, {})]
    (one,) = found(LIMIT, stack(*several, *others, limit_usd_per_month=250000))
    small_node = Decimal("4.6016") * 730 + 8
    total = 8 * NODE_MONTH + 4 * small_node + 4 * (Decimal("0.096") * 730 + 8) + Decimal("32.85")
    text = one.message
    assert f"a month costs ${total:,.2f} at its maximum; the limit is $250,000.00" in text
    assert f"that is ${total - 250000:,.2f} too much" in text
    drivers = re.findall(r"= (\$[\d,.]+\d) a month", text)
    assert len(drivers) == 5
    assert "big: p5.48xlarge: 8 x $55.04 per hour x 730 = $321,433.60 a month" in text
    after = total - 3 * NODE_MONTH
    assert (
        "Smallest change that fits: lower scalingConfig.maxSize of big from 8 to 5, "
        f"which makes it ${after:,.2f}" in text
    )


@pytest.mark.parametrize("limit", [50_000, 90_000, 200_000, 320_000])
def test_the_smallest_change_is_the_smallest_by_trying_all(limit: int) -> None:
    sizes, machines = (6, 5), ("p5.48xlarge", "p4d.24xlarge")
    prices = (Decimal("55.04"), Decimal("21.957642"))
    months = [price * 730 + 8 for price in prices]
    fitting = [
        (sum(cut > 0 for cut in cuts), sum(cuts))
        for cuts in itertools.product(*(range(size) for size in sizes))
        if sum((size - cut) * month for size, cut, month in zip(sizes, cuts, months, strict=True)) <= limit
    ]
    findings = found(
        LIMIT,
        stack(*(pool(m, s, m) for m, s in zip(machines, sizes, strict=True)), limit_usd_per_month=limit),
    )
    if not fitting:
        assert "No size of the pools fits" in findings[0].message
        return
    cuts = re.findall(r"from (\d+) to (\d+)", findings[0].message)
    assert min(fitting) == (len(cuts), sum(int(before) - int(after) for before, after in cuts))


def test_where_no_size_fits_the_message_says_what_remains() -> None:
    (one,) = found(LIMIT, stack(pool("p", 8), limit_usd_per_month=1000))
    assert f"with each as small as it may be, a month costs ${NODE_MONTH:,.2f}" in one.message


def test_without_a_limit_nothing_passes() -> None:
    (one,) = found(LIMIT, stack(pool("p", 1)))
    assert one.kind == "violation"
    assert "no limit is configured" in one.message
    assert "limit_usd_per_month" in LIMIT.remediation


def test_the_limit_of_the_pack_wins_over_the_stacks_and_that_over_the_aws_budget() -> None:
    resources = (pool("p", 1), aws_budget(limitAmount="50000"))
    assert not found(LIMIT, stack(*resources))
    assert "the limit is $100.00" in found(LIMIT, stack(*resources, limit_usd_per_month=100))[0].message
    own = stack(*resources, limit_usd_per_month=100)
    assert not found(LIMIT, own, limit_usd_per_month=60000)
    lowest = stack(*resources, (BUDGET, "two", {**aws_budget()[2], "limitAmount": "7"}, {}))
    assert "the limit is $7.00" in found(LIMIT, lowest)[0].message


def test_a_yearly_budget_is_no_monthly_limit() -> None:
    (one,) = found(LIMIT, stack(pool("p", 1), aws_budget(timeUnit="ANNUALLY", limitAmount="999999")))
    assert "no limit is configured" in one.message


def test_the_basis_decides_which_size_is_counted() -> None:
    resources = stack(pool("p", 8), limit_usd_per_month=100)
    assert found(LIMIT, resources)
    assert not found(LIMIT, resources, basis="desired")
    assert not found(LIMIT, stack(pool("p", 8), limit_usd_per_month=100, basis="minimum"))


def test_declared_usage_counts_and_the_packs_wins() -> None:
    nat: Written = ("aws:ec2/natGateway:NatGateway", "n", {"region": "us-east-1"}, {})
    own = stack(nat, limit_usd_per_month=40, usage={"nat_gb": 1000})
    assert "declared usage: NAT data processed: 1,000 x $0.045 per GB" in found(LIMIT, own)[0].message
    assert not found(LIMIT, own, usage={"nat_gb": 10})


def test_spot_does_not_make_a_stack_fit() -> None:
    spot = stack(pool("p", 1, capacityType="SPOT"), limit_usd_per_month=30000)
    assert "$40,187.20" in found(LIMIT, spot)[0].message


def test_a_missing_price_names_the_row_and_the_resource() -> None:
    (one,) = found(KNOWN, stack(pool("p", 8, "trn2.48xlarge")))
    assert "machine,region,usd_per_hour,purchase,source,date" in one.message
    assert "trn2.48xlarge,us-east-1,...,on-demand,...,..." in one.message
    assert one.urn.endswith("::p")


def test_a_type_without_a_cost_model_can_be_accepted() -> None:
    database: Written = ("aws:rds/instance:Instance", "db", {}, {})
    assert "aws:rds/instance:Instance" in found(KNOWN, stack(database))[0].message
    assert not found(KNOWN, stack(database), uncounted_types=["aws:rds/instance:Instance"])
    assert not found(KNOWN, stack(database, uncounted_types=["aws:rds/instance:Instance"]))


def test_an_old_price_names_its_age_and_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "today", lambda: datetime.date(2027, 1, 18))
    (one,) = found(RECENT, stack(pool("p", 8), pool("q", 8)))
    assert "p5.48xlarge in us-east-1 is of 2026-07-20, 182 days old; allowed: 180" in one.message
    assert "p5.48xlarge,us-east-1,...,on-demand,...,..." in one.message
    assert not found(RECENT, stack(pool("p", 8)), max_price_age_days=200)
    assert not found(RECENT, stack(pool("p", 8), max_price_age_days=200))


def test_what_is_not_known_at_preview_is_undetermined() -> None:
    unknown = stack(pool("p", 8, UNKNOWN), limit_usd_per_month=10**9)
    for rule in (LIMIT, KNOWN):
        (one,) = found(rule, unknown)
        assert (one.kind, one.path) == ("undetermined", "instanceTypes")
        assert one.urn.endswith("::p")
    (limit,) = found(LIMIT, stack(aws_budget(limitAmount=UNKNOWN)))
    assert (limit.kind, limit.path) == ("undetermined", "limitAmount")


def test_an_unknown_template_is_found_by_what_it_comes_from() -> None:
    disk = {"volumeSize": 500, "volumeType": "gp3"}
    template: Written = (TEMPLATE, "t", {"blockDeviceMappings": [{"ebs": disk}]}, {})
    type, name, inputs, _ = pool("p", 1)
    group: Written = (
        type,
        name,
        {**inputs, "launchTemplate": {"id": UNKNOWN, "version": UNKNOWN}},
        {"launchTemplate": ["t"]},
    )
    month = Decimal("55.04") * 730 + 500 * Decimal("0.08")
    (one,) = found(LIMIT, stack(template, group, limit_usd_per_month=1))
    assert f"${month:,.2f}" in one.message


def test_what_is_over_the_limit_already_is_refused_whatever_else_is_unknown() -> None:
    kinds = [
        one.kind for one in found(LIMIT, stack(pool("p", 8), pool("q", 1, UNKNOWN), limit_usd_per_month=9))
    ]
    assert sorted(kinds) == ["undetermined", "violation"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not a mapping"),
        ("[]", "is not a mapping"),
        ('{"limit": 5}', "limit: unknown; known: limit_usd_per_month"),
        ('{"limit_usd_per_month": -5}', "limit_usd_per_month: -5 given"),
        ('{"usage": {"nat_gib": 1}}', "known: nat_gb"),
    ],
)
def test_wrong_settings_are_a_violation_of_every_rule(text: str, expected: str) -> None:
    for rule in budget.RULES:
        (one,) = list(rule.check(Stack([], "dev", {"bedplate:cost": text}), rule.defaults()))
        assert one.kind == "violation"
        assert expected in one.message


def test_a_price_file_that_cannot_be_true_stops_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prices.csv"
    head = "machine,region,usd_per_hour,purchase,source,date\n"
    file.write_text(head + "p5.48xlarge,us-east-1,99,spot,quote,2026-11-01\n")
    monkeypatch.setenv("BEDPLATE_CATALOG", str(file))
    for rule in budget.RULES:
        (one,) = found(rule, stack(pool("p", 1), limit_usd_per_month=10**9))
        assert "prices row 1, usd_per_hour: 99 for spot is above the on-demand price 55.04" in one.message


def test_a_secret_never_reaches_a_message() -> None:
    hidden = "hunter2.large"
    secret = stack(pool("p", 1, Secret(hidden)), limit_usd_per_month=1)
    said = [one for rule in budget.RULES for one in found(rule, secret)]
    assert "instanceTypes" in [one.path for one in said]
    assert not [one for one in said if hidden in one.message]


def test_aws_dev_passes_as_shipped_and_a_larger_pool_does_not() -> None:
    import yaml

    from bedplate.cost import read_environment

    file = Path(__file__).resolve().parents[2] / "stacks" / "config" / "Pulumi.aws-dev.yaml"
    config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
    env = read_environment(config["bedplate:environment"])
    pools = {"system": env.cluster.system_pool, **env.gpu_pools}
    for more, fits in ((0, True), (12, False)):
        resources = []
        for name, one in pools.items():
            scaling = {"minSize": one.min_size, "desiredSize": one.min_size, "maxSize": one.max_size}
            scaling["maxSize"] += more if name == "h100" else 0
            inputs = {"region": env.region, "scalingConfig": scaling, "instanceTypes": [one.machine]}
            resources.append(make_resource(GROUP, inputs, name))
        shipped = Stack(resources, "aws-dev", {"bedplate:cost": json.dumps(config["bedplate:cost"])})
        for rule in budget.RULES:
            refused = list(rule.check(shipped, rule.defaults()))
            assert bool(refused) is (rule is LIMIT and not fits), refused
