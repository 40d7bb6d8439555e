"""The builders of checks: what they find, what they leave open, and what they never show."""

from __future__ import annotations

import json

import pytest

from bedplate_policies import checks
from bedplate_policies.checks import BuiltCheck
from bedplate_policies.errors import PathError
from bedplate_policies.rule import Rule, Severity, rule
from bedplate_policies.testing import UNKNOWN, Secret, findings, make_resource
from bedplate_policies.value import MISSING, safe

TYPE = "test:index:Thing"


def made(check: BuiltCheck, *types: str) -> Rule:
    return rule(
        name="test-rule",
        description="A rule.",
        severity=Severity.HIGH,
        remediation="Mend it.",
        types=types or (TYPE,),
        check=check,
    )


def kinds(check: BuiltCheck, inputs: dict[str, object], **config: object) -> list[tuple[str, str]]:
    return [(one.kind, one.path) for one in findings(made(check), TYPE, inputs, config)]


@pytest.mark.parametrize(
    ("check", "inputs", "expected"),
    [
        (checks.must_equal("a.b", True), {"a": {"b": True}}, []),
        (checks.must_equal("a.b", True), {"a": {"b": "true"}}, []),
        (checks.must_equal("a.b", True), {"a": {"b": False}}, [("violation", "a.b")]),
        (checks.must_equal("a.b", True), {"a": {}}, [("violation", "a.b")]),
        (checks.must_equal("a.b", True), {"a": {"b": None}}, [("violation", "a.b")]),
        (checks.must_equal("a.b", True, missing="ok"), {}, []),
        (checks.must_equal("a.b", True), {"a": UNKNOWN}, [("undetermined", "a")]),
        (checks.must_equal("a", 1), {"a": True}, [("violation", "a")]),
        (checks.each_must_equal("l[].x", "y"), {"l": [{"x": "y"}, {"x": "z"}]}, [("violation", "l[1].x")]),
        (checks.each_must_equal("l[].x", "y"), {}, []),
        (checks.each_must_equal("l[].x", "y"), {"l": UNKNOWN}, [("undetermined", "l")]),
        (checks.must_be_set("k"), {"k": ""}, [("violation", "k")]),
        (checks.must_be_set("k"), {"k": UNKNOWN}, [("undetermined", "k")]),
        (checks.must_be_given("k"), {"k": UNKNOWN}, []),
        (checks.must_be_given("a.k"), {"a": UNKNOWN}, [("undetermined", "a")]),
        (checks.must_be_given("a.k"), {"a": {"k": UNKNOWN}}, []),
        (checks.must_be_given("l[].k"), {"l": UNKNOWN}, [("undetermined", "l")]),
        (checks.must_be_given("l[].k"), {"l": [{"k": UNKNOWN}, UNKNOWN]}, [("undetermined", "l[1]")]),
        (checks.must_be_given("l[].k"), {"l": {"k": UNKNOWN}}, []),
        (checks.must_be_given("k"), {}, [("violation", "k")]),
        (checks.must_not_be_set("k"), {"k": []}, []),
        (checks.must_not_be_set("k"), {"k": ["x"]}, [("violation", "k")]),
        (checks.must_not_be("k", "a", "b"), {"k": "b"}, [("violation", "k")]),
        (checks.must_not_be("k", "a", "b"), {}, []),
        (checks.must_be_one_of("k", ("a", "b")), {"k": "c"}, [("violation", "k")]),
        (checks.at_least("n", 7), {"n": 6}, [("violation", "n")]),
        (checks.at_least("n", 7), {"n": "7"}, []),
        (checks.at_least("n", 7), {"n": "many"}, [("violation", "n")]),
        (checks.at_most("n", 7), {"n": 8}, [("violation", "n")]),
        (checks.must_have_keys("tags", ("owner",)), {"tags": {"owner": "me"}}, []),
        (checks.must_have_keys("tags", ("owner",)), {"tags": {"owner": ""}}, [("violation", "tags")]),
        (checks.must_have_keys("tags", ("owner",)), {"tags": UNKNOWN}, [("undetermined", "tags")]),
    ],
)
def test_builders(check: BuiltCheck, inputs: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert kinds(check, inputs) == expected


def test_parts_have_the_paths_of_the_whole() -> None:
    check = checks.for_each("disks[].ebs", checks.must_equal("encrypted", True))
    found = kinds(check, {"disks": [{"ebs": {"encrypted": True}}, {"ebs": {}}, UNKNOWN, {}]})
    assert found == [("violation", "disks[1].ebs.encrypted"), ("undetermined", "disks[2]")]
    assert check.reads == ("disks[].ebs.encrypted",)


def test_a_setting_changes_the_limit_and_stands_in_the_schema() -> None:
    check = checks.at_least("days", 7, option="minimumDays")
    assert kinds(check, {"days": 10}) == []
    assert kinds(check, {"days": 10}, minimumDays=30) == [("violation", "days")]
    assert made(check).config["minimumDays"].schema()["default"] == 7


def test_any_of_stays_open_while_one_may_hold() -> None:
    check = checks.any_of(checks.must_equal("a", 1), checks.must_equal("b", 1))
    assert kinds(check, {"a": 1}) == []
    assert kinds(check, {"a": 2, "b": UNKNOWN}) == [("undetermined", "b")]
    assert kinds(check, {"a": 2, "b": 2}) == [("violation", "a")]


def test_an_unknown_condition_leaves_only_what_would_fail_open() -> None:
    check = checks.when(checks.equals("kind", "x"), checks.must_equal("a", 1))
    assert kinds(check, {"kind": "y", "a": 2}) == []
    assert kinds(check, {"kind": "x", "a": 2}) == [("violation", "a")]
    assert kinds(check, {"kind": UNKNOWN, "a": 2}) == [("undetermined", "kind")]
    assert kinds(check, {"kind": UNKNOWN, "a": 1}) == []
    assert kinds(checks.when(checks.negated(checks.is_set("kind")), checks.must_equal("a", 1)), {"a": 2})


@pytest.mark.parametrize("secret", [True, False])
def test_messages_show_no_text_of_a_resource(secret: bool) -> None:
    password = "hunter2-in-plain-text"
    inputs = {"a": Secret(password) if secret else password, "l": [{"x": password}]}
    for check in (
        checks.must_equal("a", "good"),
        checks.must_be_one_of("a", ("good",)),
        checks.must_not_be_set("a"),
        checks.at_least("a", 1),
        checks.each_must_equal("l[].x", "good"),
        checks.policy_document("a", checks.no_admin),
    ):
        found = findings(made(check), TYPE, inputs)
        assert [one.kind for one in found] == ["violation"]
        assert password not in found[0].message


def test_a_secret_number_is_not_shown_either() -> None:
    shown = findings(made(checks.at_least("n", 7)), TYPE, {"n": 3})[0].message
    hidden = findings(made(checks.at_least("n", 7)), TYPE, {"n": Secret(3)})[0].message
    assert "is 3," in shown
    assert "3" not in hidden


@pytest.mark.parametrize(
    ("value", "shown"),
    [(MISSING, "not set"), (UNKNOWN, "not known yet"), (True, "true"), (2.5, "2.5"), ({"a": 1}, "an object")],
)
def test_safe_words(value: object, shown: str) -> None:
    assert safe(value) == shown


def test_keys_with_dots_are_quoted() -> None:
    resource = make_resource(TYPE, {"labels": {"a.b/c": "d"}})
    assert resource.get('labels["a.b/c"]') == "d"
    assert [path for path, _ in resource.each('labels["a.b/c"]')] == ['labels["a.b/c"]']


@pytest.mark.parametrize("path", ["a[", "a]b", "[x]"])
def test_a_wrong_path_is_refused(path: str) -> None:
    with pytest.raises(PathError, match="is not a property path"):
        make_resource(TYPE, {}).get(path)


CIDRS = checks.no_open_cidr(("cidrBlocks[]", "ipv6CidrBlocks[]"), ports=(22,), within="ingress[]")


@pytest.mark.parametrize(
    ("rule_in", "expected"),
    [
        ({"fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrBlocks": ["0.0.0.0/0"]}, ["violation"]),
        ({"fromPort": 0, "toPort": 65535, "protocol": "tcp", "cidrBlocks": ["128.0.0.0/1"]}, ["violation"]),
        ({"fromPort": 0, "toPort": 0, "protocol": "-1", "ipv6CidrBlocks": ["::/0"]}, ["violation"]),
        ({"fromPort": 443, "toPort": 443, "protocol": "tcp", "cidrBlocks": ["0.0.0.0/0"]}, []),
        ({"fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrBlocks": ["10.0.0.0/8"]}, []),
        ({"fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrBlocks": UNKNOWN}, ["undetermined"]),
        ({"fromPort": UNKNOWN, "toPort": 22, "protocol": "tcp", "cidrBlocks": ["::/0"]}, ["undetermined"]),
    ],
)
def test_open_ports(rule_in: dict[str, object], expected: list[str]) -> None:
    assert [kind for kind, _ in kinds(CIDRS, {"ingress": [rule_in]})] == expected


def statement(**fields: object) -> dict[str, object]:
    return {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:x", **fields}]}


@pytest.mark.parametrize(
    ("predicate", "document", "wrong"),
    [
        (checks.no_public_principal, statement(Principal="*"), True),
        (checks.no_public_principal, statement(Principal={"AWS": ["*"]}), True),
        (checks.no_public_principal, statement(NotPrincipal={"AWS": "arn:me"}), True),
        (checks.no_public_principal, statement(Principal={"AWS": "arn:me"}), False),
        (
            checks.no_public_principal,
            statement(Principal="*", Condition={"StringEquals": {"aws:SourceAccount": "1"}}),
            False,
        ),
        (
            checks.no_public_principal,
            statement(Principal="*", Condition={"StringNotEquals": {"aws:SourceAccount": "1"}}),
            True,
        ),
        (checks.no_admin, statement(Action="*", Resource="*"), True),
        (checks.no_admin, statement(Action=["*"], Resource="arn:x"), False),
        (checks.no_wildcard_action, statement(Action="s3:*", Resource=["*"]), True),
        (checks.no_wildcard_action, statement(NotAction="iam:*", Action=None, Resource="*"), True),
        (checks.grants_none_of("iam:PassRole"), statement(Action="iam:Pass*", Resource="*"), True),
        (checks.grants_none_of("iam:PassRole"), statement(Action="iam:Get*", Resource="*"), False),
        (checks.requires_tls, statement(), True),
        (
            checks.requires_tls,
            statement(
                Effect="Deny",
                Principal="*",
                Action="s3:*",
                Condition={"Bool": {"aws:SecureTransport": "false"}},
            ),
            False,
        ),
    ],
)
def test_policy_documents(predicate: object, document: dict[str, object], wrong: bool) -> None:
    check = checks.policy_document("policy", predicate)  # type: ignore[arg-type]
    for written in (json.dumps(document), document):
        assert bool(kinds(check, {"policy": written})) is wrong


def test_a_policy_that_is_no_json_or_not_known_yet() -> None:
    check = checks.policy_document("policy", checks.no_admin)
    assert kinds(check, {"policy": "{"}) == [("violation", "policy")]
    assert kinds(check, {"policy": UNKNOWN}) == [("undetermined", "policy")]
    assert kinds(check, {"policy": {"Statement": [{"Action": UNKNOWN}]}}) == [("undetermined", "policy")]


@pytest.mark.parametrize("type", checks.POD_TYPES)
def test_containers_are_found_in_every_kind_with_pods(type: str) -> None:
    check = checks.container_check(checks.must_equal("securityContext.privileged", False, missing="ok"))
    pod: object = {
        "containers": [{"securityContext": {"privileged": True}}],
        "initContainers": [{"securityContext": {"privileged": False}}, UNKNOWN],
        "ephemeralContainers": [{"securityContext": {"privileged": True}}],
    }
    for key in reversed(checks.POD_PATHS[type].split(".")):
        pod = {key: pod}
    assert isinstance(pod, dict)
    found = [one.kind for one in findings(made(check, type), type, pod)]
    assert found == ["violation", "undetermined", "violation"]
