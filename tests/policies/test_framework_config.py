"""A pack's configuration and exemptions: what is wrong is said before any resource is looked at."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bedplate_policies import checks
from bedplate_policies.config import Given, settings
from bedplate_policies.errors import PolicyError
from bedplate_policies.exemptions import parse, read_file
from bedplate_policies.rule import Option, Severity, rule
from bedplate_policies.testing import make_resource

TODAY = date(2026, 11, 24)
RULES = [
    rule(
        name=name,
        description="A rule.",
        severity=Severity.LOW,
        remediation="Mend it.",
        types=("t",),
        check=checks.at_least("days", 7, option="minimumDays"),
        enforcement="advisory" if name == "second" else "mandatory",
        config={
            "mode": Option("string", "soft", "How.", enum=("soft", "hard")),
            "names": Option("array", (), "Which."),
        },
    )
    for name in ("first", "second")
]


def test_a_rule_keeps_its_own_enforcement_and_defaults() -> None:
    found = settings(RULES, {})
    assert [found[name].enforcement for name in ("first", "second")] == ["mandatory", "advisory"]
    assert dict(found["first"].config) == {"minimumDays": 7, "mode": "soft", "names": ()}


def test_all_applies_to_every_rule_and_one_rule_wins_over_it() -> None:
    found = settings(RULES, {"all": Given("advisory"), "first": Given("disabled", {"minimumDays": 30})})
    assert [found[name].enforcement for name in ("first", "second")] == ["disabled", "advisory"]
    assert found["first"].config.number("minimumDays") == 30
    assert found["second"].config.number("minimumDays") == 7


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frist": Given("mandatory")}, "no rule 'frist' in this pack; did you mean first"),
        (
            {"first": Given("mandatory", {"minimumdays": 1})},
            "first: no setting 'minimumdays'; it has minimumDays",
        ),
        (
            {"first": Given("", {"minimumDays": "30"})},
            "first.minimumDays must be of type integer, not string",
        ),
        (
            {"first": Given("", {"minimumDays": True})},
            "first.minimumDays must be of type integer, not boolean",
        ),
        ({"first": Given("", {"minimumDays": 2.5})}, "first.minimumDays must be of type integer, not number"),
        ({"first": Given("", {"minimumDays": -1})}, "first.minimumDays is -1, it must be at least 0"),
        ({"first": Given("", {"mode": "medium"})}, "first.mode must be one of soft, hard"),
        ({"first": Given("", {"names": "x"})}, "first.names must be of type array, not string"),
        ({"first": Given("strict")}, "first: enforcementLevel is one of"),
        ({"all": Given("mandatory", {"minimumDays": 1})}, '"all" takes an enforcement level only'),
    ],
)
def test_a_malformed_configuration_is_refused(given: dict[str, Given], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        settings(RULES, given)
    assert said in str(caught.value)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        settings(RULES, {"nobody": Given(), "first": Given("", {"x": 1, "minimumDays": None})})
    assert all(word in str(caught.value) for word in ("nobody", "'x'", "minimumDays"))


GOOD = {
    "rule": "first",
    "resource": "*::scratch-*",
    "owner": "data@example.com",
    "reason": "scratch data",
    "expires": "2026-11-24",
}


def test_an_exemption_holds_to_its_last_day_and_for_its_resources_only() -> None:
    (one,) = parse([GOOD], ["first"], TODAY, "file")
    assert one.covers("first", make_resource("t", {}, "scratch-1"))
    assert not one.covers("first", make_resource("t", {}, "data"))
    assert not one.covers("second", make_resource("t", {}, "scratch-1"))
    assert "data@example.com" in one.told()


@pytest.mark.parametrize("pattern", ["scratch-1", "t", "urn:*::scratch-?"])
def test_an_exemption_names_a_resource_by_name_type_or_urn(pattern: str) -> None:
    (one,) = parse([{**GOOD, "resource": pattern}], ["first"], TODAY, "file")
    assert one.covers("first", make_resource("t", {}, "scratch-1"))


def test_an_exemption_names_a_resource_with_brackets() -> None:
    (one,) = parse([{**GOOD, "resource": "subnet[0]*"}], ["first"], TODAY, "file")
    assert one.covers("first", make_resource("t", {}, "subnet[0]-a"))
    assert not one.covers("first", make_resource("t", {}, "subnet0-a"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"owner": ""}, "file: exemption 1 lacks owner"),
        ({"reason": None}, "file: exemption 1 lacks reason"),
        ({"resource": ""}, "lacks resource"),
        ({"expires": ""}, "lacks expires"),
        ({"expires": "soon"}, "write a day as YYYY-MM-DD"),
        ({"expires": "2026-11-23"}, "of rule 'first' expired on 2026-11-23: data@example.com renews it"),
        ({"rule": "nobody"}, "names the rule 'nobody', which this pack does not have"),
        ({"rule": "*"}, "names the rule '*', which this pack does not have"),
        ({"rule": ["first"]}, "which this pack does not have"),
        ({"expires": "2026-11-24T23:59:59+14:00"}, "write a day as YYYY-MM-DD"),
        ({"expires": 20.5}, "write a day as YYYY-MM-DD"),
        ({"until": "2027-01-01"}, "has unknown fields until"),
    ],
)
def test_a_malformed_or_expired_exemption_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse([{**GOOD, **change}], ["first"], TODAY, "file")
    assert said in str(caught.value)


def test_an_exemptions_file(tmp_path: Path) -> None:
    file = tmp_path / "exemptions.yaml"
    assert read_file(file) == []
    file.write_text("# none yet\n")
    assert read_file(file) == []
    file.write_text("- {rule: first, resource: '*', owner: me, reason: why, expires: 2027-01-31}\n")
    assert parse(read_file(file), ["first"], TODAY, str(file))[0].expires == date(2027, 1, 31)
    for wrong in ("rule: first\n", "- [\n"):
        file.write_text(wrong)
        with pytest.raises(PolicyError, match=r"exemptions\.yaml"):
            read_file(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match=r"exemptions\.yaml"):
        read_file(file)
    with pytest.raises(PolicyError, match="is no object"):
        parse(["text"], ["first"], TODAY, "file")
