"""Packs as processes under the offline engine: what stops, when, and what a user reads."""

from __future__ import annotations

import json
import os
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest

from bedplate.sandbox.engine import InlineProgram, PolicyEvent, PolicyPack, Request, StackId, run

PACK = """
from pathlib import Path
from bedplate_policies import checks
from bedplate_policies.pack import Pack, serve_pack
from bedplate_policies.rule import Finding, Option, Severity, rule, stack_rule

def broken(resource, config):
    if resource.name == "breaks":
        raise ValueError(resource.get("value"))
    return ()

def few(stack, config):
    things = stack.of_type("probe:index:Thing")
    if len(things) > config["most"]:
        yield Finding.violation(f"{len(things)} things", resource=things[-1])

COMMON = dict(severity=Severity.HIGH, remediation="Mend it.", types=("probe:index:Thing",))
rules = (
    rule(name="thing-value", description="Small.", check=checks.at_most("value", 10, missing="ok"), **COMMON),
    rule(name="thing-key", description="Key.", enforcement="advisory",
         check=checks.must_not_be_set("key"), **COMMON),
    rule(name="thing-sound", description="Sound.", check=broken, **COMMON),
    stack_rule(name="thing-few", description="Few.", check=few, config={
        "most": Option("integer", 3, "How many.")}, **COMMON),
)
serve_pack(Pack("test-pack", "9.9.9", "For tests.", rules), Path(__file__).parent)
"""

SDK_PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.resource_type == "probe:index:Thing" and args.props.get("value") == 99:
        report("is 99")

PolicyPack("sdk-pack", [ResourceValidationPolicy("no-99", "No 99.", check, EnforcementLevel.MANDATORY)])
"""


class Thing(pulumi.CustomResource):
    serial: pulumi.Output[int]

    def __init__(self, label: str, opts: pulumi.ResourceOptions | None = None, **props: Any) -> None:
        super().__init__("probe:index:Thing", label, {"serial": None, **props}, opts)


@dataclass
class Stack:
    root: Path
    probe: Any
    events: list[Any] = field(default_factory=list)

    def pack(self, source: str = PACK, name: str = "pack") -> Path:
        directory = self.root / name
        directory.mkdir(exist_ok=True)
        (directory / "PulumiPolicy.yaml").write_text(
            "runtime: python\nversion: 1.2.3\ndescription: For tests\n"
        )
        (directory / "__main__.py").write_text(textwrap.dedent(source))
        return directory

    def run(self, operation: Any, program: Callable[[], None], *packs: PolicyPack) -> Any:
        self.events = []
        return run(
            Request(
                operation=operation,
                stack=StackId("policies", "test"),
                backend=self.root,
                providers={"probe": self.probe.address},
                program=InlineProgram(program),
                passphrase="words",
                policy_packs=packs or (PolicyPack(self.pack()),),
                on_event=self.events.append,
            )
        )

    def found(self) -> list[tuple[str, str, str]]:
        """Rule, level and resource of each finding."""
        policies = [event for event in self.events if isinstance(event, PolicyEvent)]
        return sorted((event.rule, event.level, event.urn.rsplit("::", 1)[-1]) for event in policies)


@pytest.fixture
def stack(probe: Any, tmp_path: Path) -> Stack:
    return Stack(tmp_path, probe)


def test_a_mandatory_violation_fails_a_preview_at_its_end(stack: Stack) -> None:
    def program() -> None:
        Thing("large", value=11)
        Thing("small", value=1, key="k")

    result = stack.run("preview", program)
    assert not result.ok
    assert result.changes["create"] == 3
    assert stack.found() == [("thing-key", "advisory", "small"), ("thing-value", "mandatory", "large")]
    assert result.errors == [
        "test-pack@v1.2.3 thing-value [mandatory, high]: value is 11, it must be at most 10. Mend it."
    ]


def test_an_update_makes_nothing_that_is_refused(stack: Stack) -> None:
    def program() -> None:
        small = Thing("small", value=1, name="small")
        Thing("large", value=11, name="large", opts=pulumi.ResourceOptions(depends_on=[small]))

    result = stack.run("up", program)
    assert not result.ok
    assert stack.probe.names() == ["small"]
    assert stack.found() == [("thing-value", "mandatory", "large")]


def test_an_advisory_finding_lets_the_update_go_on(stack: Stack) -> None:
    result = stack.run("up", lambda: Thing("one", key="k", name="one") and None)
    assert result.ok
    assert stack.probe.names() == ["one"]
    assert stack.found() == [("thing-key", "advisory", "one")]


def test_an_unknown_is_told_at_preview_and_refused_at_the_update_before_it_is_made(stack: Stack) -> None:
    def program() -> None:
        first = Thing("first", name="first")
        Thing("second", name="second", value=first.serial.apply(lambda serial: serial + 100))

    assert stack.run("preview", program).ok
    assert stack.found() == [("thing-value", "advisory", "second")]
    assert "undetermined" in next(event.message for event in stack.events if isinstance(event, PolicyEvent))
    assert not stack.run("up", program).ok
    assert stack.found() == [("thing-value", "mandatory", "second")]
    assert stack.probe.names() == ["first"]


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_a_stack_rule_sees_all_resources(stack: Stack, operation: str) -> None:
    def program() -> None:
        for index in range(4):
            Thing(f"thing-{index}")

    result = stack.run(operation, program)
    assert not result.ok
    assert [one[:2] for one in stack.found()] == [("thing-few", "mandatory")]
    file = stack.root / "config.json"
    file.write_text(json.dumps({"thing-few": {"most": 4}, "all": "advisory"}))
    assert stack.run(operation, program, PolicyPack(stack.pack(), file)).ok
    assert stack.found() == []


def test_a_rule_that_raises_stops_the_update(stack: Stack) -> None:
    result = stack.run("up", lambda: Thing("breaks", value="hunter2-in-plain-text") and None)
    assert not result.ok
    assert stack.probe.names() == []
    assert any(
        "thing-sound [mandatory, high]: the rule itself failed (ValueError" in one for one in result.errors
    )
    assert "hunter2" not in " ".join(result.errors)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"thing-valu": "mandatory"}, "no rule 'thing-valu' in this pack; did you mean thing-value"),
        ({"thing-few": {"mots": 1}}, "thing-few: no setting 'mots'; it has most"),
        ({"thing-few": {"most": "many"}}, "thing-few.most must be of type integer, not string"),
        ({"thing-few": "strict"}, "'strict' is not a valid enforcement level"),
        ({"thing-few": 1}, "thing-few must be a string or an object"),
        ({"exemptions": {"entries": [{"rule": "thing-few"}]}}, "configuration: exemption 1 lacks resource"),
        ([], "must be an object with an entry per rule"),
    ],
)
def test_a_malformed_configuration_stops_the_deployment(stack: Stack, config: object, said: str) -> None:
    file = stack.root / "config.json"
    file.write_text(json.dumps(config))
    result = stack.run("up", lambda: Thing("one") and None, PolicyPack(stack.pack(), file))
    assert not result.ok
    assert stack.probe.names() == []
    assert len(result.errors) == 1
    assert said in result.errors[0]


def test_an_exemption_is_reported_and_an_expired_one_stops_the_deployment(stack: Stack) -> None:
    def program() -> None:
        Thing("large", value=11, name="large")

    entry = "- {rule: thing-value, resource: large, owner: me, reason: a trial, expires: %s}\n"
    file = stack.pack() / "exemptions.yaml"
    file.write_text(entry % "2999-12-31")
    assert stack.run("up", program).ok
    assert stack.found() == [("thing-value", "advisory", "large")]
    file.write_text(entry % "2020-01-31")
    result = stack.run("up", program)
    assert not result.ok
    assert "expired on 2020-01-31: me renews it with a new reason, or removes it" in result.errors[0]


@pytest.mark.parametrize(
    ("source", "said"), [("raise SystemExit('no luck')", "no luck"), ("1 +", "SyntaxError")]
)
def test_a_pack_that_does_not_start_stops_the_deployment(stack: Stack, source: str, said: str) -> None:
    result = stack.run("up", lambda: Thing("one") and None, PolicyPack(stack.pack(source)))
    assert not result.ok
    assert stack.probe.names() == []
    assert "failed to start" in result.errors[0]
    assert said in result.errors[0]


@pytest.mark.parametrize(
    ("project", "said"),
    [
        (None, "has no PulumiPolicy.yaml"),
        ("runtime: nodejs\n", "runs packs in Python only"),
        (
            "runtime: {name: python, options: {virtualenv: nowhere}}\n",
            "virtualenv 'nowhere' has no bin/python",
        ),
    ],
)
def test_a_directory_that_is_no_pack_is_refused(stack: Stack, project: str | None, said: str) -> None:
    directory = stack.pack()
    (directory / "PulumiPolicy.yaml").unlink()
    if project is not None:
        (directory / "PulumiPolicy.yaml").write_text(project)
    result = stack.run("preview", lambda: None, PolicyPack(directory))
    assert not result.ok
    assert said in result.errors[0]


def test_packs_of_pulumis_own_sdk_run_beside_ours(stack: Stack) -> None:
    packs = (PolicyPack(stack.pack()), PolicyPack(stack.pack(SDK_PACK, "sdk")))
    assert not stack.run("preview", lambda: Thing("one", value=99) and None, *packs).ok
    assert stack.found() == [("no-99", "mandatory", "one"), ("thing-value", "mandatory", "one")]


def test_packs_end_with_the_run_and_say_nothing_when_things_are_deleted(stack: Stack) -> None:
    marker = stack.root / "pid"
    source = f"import os\nopen({str(marker)!r}, 'a').write(str(os.getpid()) + chr(10))\n{PACK}"
    pack = PolicyPack(stack.pack(source))
    assert stack.run("up", lambda: Thing("one", name="one") and None, pack).ok
    assert stack.run("refresh", lambda: None, pack).ok
    assert stack.run("destroy", lambda: None, pack).ok
    (pid,) = marker.read_text().split()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


_CLOSED = {"metadata": {"namespace": "team"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}


@pytest.mark.parametrize(
    ("namespace", "policy", "levels"),
    [
        ({}, {}, ["ADVISORY"]),
        ({"metadata": {"name": "team"}}, _CLOSED, []),
        ({"metadata": {"name": "other"}}, _CLOSED, ["MANDATORY"]),
    ],
    ids=["nothing known", "closed", "open"],
)
def test_what_a_provider_to_come_said_nothing_of_lacks_nothing_yet(
    tmp_path: Path, namespace: dict[str, Any], policy: dict[str, Any], levels: list[str]
) -> None:
    """The objects of a cluster that the same run makes have no outputs at preview."""
    from google.protobuf.struct_pb2 import Struct
    from pulumi.runtime.proto import analyzer_pb2

    from bedplate_policies.kubernetes.namespaces import RULES
    from bedplate_policies.servicer import Servicer

    def resource(kind: str, answer: dict[str, Any]) -> Any:
        properties = Struct()
        properties.update(answer)
        provider = "pulumi:providers:kubernetes"
        return analyzer_pb2.AnalyzerResource(
            type=kind,
            urn=f"urn:pulumi:s::p::{kind}::team",
            name="team",
            properties=properties,
            provider=analyzer_pb2.AnalyzerProviderResource(
                type=provider, urn=f"urn:pulumi:s::p::{provider}::c", name="c"
            ),
        )

    servicer = Servicer("pack", "1", "For tests.", RULES, tmp_path)
    request = analyzer_pb2.AnalyzeStackRequest(
        resources=[
            resource("kubernetes:core/v1:Namespace", namespace),
            resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", policy),
        ]
    )
    told = [
        found.enforcementLevel
        for found in servicer.AnalyzeStack(request, None).diagnostics
        if "default-deny" in f"{found.policyName} {found.message}"
    ]
    assert told == [getattr(analyzer_pb2, level) for level in levels]
