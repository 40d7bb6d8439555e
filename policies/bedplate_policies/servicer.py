"""Pulumi's analyzer protocol for a pack of rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from bedplate_policies.config import EXEMPTIONS, Given, settings
from bedplate_policies.errors import PolicyError
from bedplate_policies.exemptions import FILE, Exemptions, parse, read_file
from bedplate_policies.judge import Judge, Verdict
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Rule, Severity
from bedplate_policies.stack import Stack
from bedplate_policies.value import UNKNOWN
from bedplate_policies.wire import read_properties, read_resource

_LEVELS = {
    "advisory": analyzer_pb2.ADVISORY,
    "mandatory": analyzer_pb2.MANDATORY,
    "disabled": analyzer_pb2.DISABLED,
    "remediate": analyzer_pb2.REMEDIATE,
}
_LEVEL_NAMES = {number: name for name, number in _LEVELS.items()}
_SEVERITIES = {
    Severity.LOW: analyzer_pb2.POLICY_SEVERITY_LOW,
    Severity.MEDIUM: analyzer_pb2.POLICY_SEVERITY_MEDIUM,
    Severity.HIGH: analyzer_pb2.POLICY_SEVERITY_HIGH,
    Severity.CRITICAL: analyzer_pb2.POLICY_SEVERITY_CRITICAL,
}
_Answer = TypeVar("_Answer")


class Servicer(analyzer_pb2_grpc.AnalyzerServicer):
    """One pack. A resource is read once, and only where a rule looks at its type."""

    def __init__(
        self,
        name: str,
        version: str,
        description: str,
        rules: Sequence[AnyRule],
        directory: Path,
        today: date | None = None,
    ) -> None:
        self._name = name
        self._version = version
        self._description = description
        self._directory = directory
        self._today = today
        self._judge = Judge(rules)
        self._stack_config: dict[str, str] = {}
        self._stack_name = ""

    def Handshake(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzerInfo(
            name=self._name,
            version=self._version,
            description=self._description,
            supportsConfig=True,
            policies=[_info(rule) for rule in self._judge.rules],
        )

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        self._judge.preview = request.dry_run
        self._stack_name = request.stack
        secret = set(request.config_secret_keys)
        self._stack_config = {key: value for key, value in request.config.items() if key not in secret}
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            rules = self._judge.rules
            given: dict[str, Given] = {}
            entries: object = ()
            for name, one in request.policyConfig.items():
                options, _ = read_properties(one.properties)
                assert isinstance(options, dict)
                if name == EXEMPTIONS:
                    entries = _entries(options)
                else:
                    given[name] = Given(_LEVEL_NAMES[one.enforcementLevel], options)
            found = settings(rules, given)
            today = self._today or datetime.now(UTC).date()
            names = [rule.name for rule in rules]
            file = self._directory / FILE
            exemptions = (
                *parse(read_file(file), names, today, str(file)),
                *parse(entries, names, today, "configuration"),  # type: ignore[arg-type]
            )
            self._judge.apply(found)
            self._judge.exemptions = Exemptions(exemptions)
            return empty_pb2.Empty()

        return self._guard(context, work)

    def _guard(self, context: Any, work: Callable[[], _Answer]) -> _Answer:
        """Answer, or refuse in the user's words: the engine stops the deployment and shows them."""
        try:
            return work()
        except PolicyError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise AssertionError("context.abort raises") from error

    def Analyze(self, request: Any, context: Any) -> Any:
        if not self._judge.looks_at(request.type):
            return analyzer_pb2.AnalyzeResponse()
        return self._response(self._judge.resource(read_resource(request)))

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        resources = request.resources if self._judge.looks_at_stacks else ()
        stack = Stack([_seen(read_resource(one)) for one in resources], self._stack_name, self._stack_config)
        return self._response(self._judge.stack(stack))

    def Remediate(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.RemediateResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _response(self, verdicts: Sequence[Verdict]) -> Any:
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=[
                analyzer_pb2.AnalyzeDiagnostic(
                    policyName=verdict.rule.name,
                    policyPackName=self._name,
                    policyPackVersion=self._version,
                    description=verdict.rule.description,
                    message=verdict.message,
                    enforcementLevel=_LEVELS[verdict.level],
                    urn=verdict.urn,
                    severity=_SEVERITIES[verdict.rule.severity],
                )
                for verdict in verdicts
            ]
        )


def _seen(resource: Resource) -> Resource:
    """A resource as its provider shows it.

    A provider that is not known yet itself, as that of a cluster which the same run makes, answers a preview
    with nothing: nobody knows what the resource will be, and nothing of it is missing.
    """
    if resource.provider_urn and not resource.properties:
        return replace(resource, properties=UNKNOWN)
    return resource


def _entries(options: dict[str, object]) -> object:
    entries = options.get("entries")
    if set(options) != {"entries"} or not isinstance(entries, list):
        raise PolicyError(f'"{EXEMPTIONS}" is an object with a list "entries" of exemptions')
    return entries


def _info(rule: AnyRule) -> Any:
    info = analyzer_pb2.PolicyInfo(
        name=rule.name,
        description=rule.description,
        enforcementLevel=_LEVELS[rule.enforcement],
        severity=_SEVERITIES[rule.severity],
        remediation_steps=rule.remediation,
        policy_type=(
            analyzer_pb2.POLICY_TYPE_RESOURCE if isinstance(rule, Rule) else analyzer_pb2.POLICY_TYPE_STACK
        ),
        tags=[f"{control.framework} {control.id}" for control in rule.controls],
    )
    if rule.controls:
        # The protocol has room for one framework; the tags have them all.
        info.framework.name = rule.controls[0].framework
        info.framework.specification = rule.controls[0].id
    if rule.config:
        info.configSchema.properties.update({name: option.schema() for name, option in rule.config.items()})
    return info
