"""Policy packs in a run: what they are shown and when, as Pulumi's step generator does it (v3.260)."""

import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import analyzer_pb2

from .analyzers_config import PackError, PolicyPack, read_project
from .analyzers_host import PackHost, StackInfo
from .events import PolicyEvent
from .pack_processes import PackStarter
from .urns import STACK_TYPE, create_urn, urn_name, urn_type
from .values import Properties, Value, to_struct

if TYPE_CHECKING:
    from .deployment import Deployment
    from .goal import Goal
    from .resources import Resource

_SEVERITIES = {0: "", 1: "low", 2: "medium", 3: "high", 4: "critical"}


class Analyzers:
    """All packs of a run. They start at once and are waited for when the first resource is to be made."""

    def __init__(self, packs: Sequence[PolicyPack], deployment: "Deployment", engine: str) -> None:
        self._d = deployment
        self._lock = Lock()
        self._failed = False
        self._hosts: list[PackHost] = []
        d = deployment
        info = StackInfo(
            d.stack.organization, d.stack.project, d.stack.stack, d.preview, d.config, d.secret_keys
        )
        self._starter: PackStarter | None = None
        try:
            projects = [read_project(pack.path) for pack in packs]
            if PackStarter.useful([project.python for project in projects]):
                self._starter = PackStarter([project.main for project in projects])
            for pack, project in zip(packs, projects, strict=True):
                own = self._starter if project.python == Path(sys.executable) else None
                self._hosts.append(PackHost(pack, project, engine, info, own))
        except (PackError, OSError) as error:
            self.stop()
            raise d.fail(str(error)) from error

    def stop(self) -> None:
        """End every pack."""
        for host in self._hosts:
            host.stop()
        if self._starter is not None:
            self._starter.close()

    def wait(self) -> None:
        """Wait until every pack can be asked. Raises Aborted where one cannot, having told it once."""
        for host in self._hosts:
            try:
                host.ready()
            except PackError as error:
                raise self._fail(error) from error

    def _fail(self, error: PackError) -> Exception:
        from .deployment import Aborted

        with self._lock:
            told, self._failed = self._failed, True
        return Aborted(str(error)) if told else self._d.fail(str(error))

    def analyze(self, resource: "Resource", goal: "Goal") -> None:
        """Show a resource with its checked inputs to every pack before anything is done with it.

        Raises Aborted at an update where a mandatory rule refuses it. At a preview everything that is
        wrong is told and the preview goes on, to fail at its end.
        """
        self.wait()
        request = analyzer_pb2.AnalyzeRequest(
            type=resource.type,
            urn=resource.urn,
            name=resource.name,
            properties=to_struct(_external(resource.inputs)),
            options=_options(resource, goal.delete_before_replace),
            provider=self._provider(resource.provider),
        )
        data = request.SerializeToString()
        refused = False
        for host in self._hosts:
            for diagnostic in self._ask(host, data):
                refused |= self._tell(host, diagnostic, resource.urn, stops=not self._d.preview)
        if refused and not self._d.preview:
            from .deployment import Aborted

            raise Aborted(f"resource {resource.urn} is refused by policy")

    def analyze_stack(self) -> None:
        """Show all resources with their outputs to every pack, when everything else has succeeded."""
        self.wait()
        d = self._d
        with d.lock:
            resources = list(d.seen.news.values())
            goals = dict(d.seen.goals)
        request = analyzer_pb2.AnalyzeStackRequest()
        for resource in resources:
            goal = goals.get(resource.urn)
            entry = request.resources.add(
                type=resource.type,
                urn=resource.urn,
                name=resource.name,
                properties=to_struct(_external(resource.outputs)),
                options=_options(resource, goal.delete_before_replace if goal else None),
                provider=self._provider(resource.provider),
                parent=resource.parent,
                dependencies=resource.dependencies,
            )
            for key, urns in resource.property_dependencies.items():
                entry.propertyDependencies[key].urns.extend(urns)
        root = create_urn(
            d.stack.stack, d.stack.project, "", STACK_TYPE, f"{d.stack.project}-{d.stack.stack}"
        )
        known = {resource.urn for resource in resources}
        data = request.SerializeToString()
        futures = [(host, host.analyze_stack(data)) for host in self._hosts]
        for host, future in futures:
            for diagnostic in self._answer(host, future):
                urn = diagnostic.urn if diagnostic.urn in known else root
                self._tell(host, diagnostic, urn, stops=not d.preview)

    def _ask(self, host: PackHost, request: bytes) -> list[Any]:
        try:
            return host.analyze(request)
        except PackError as error:
            raise self._fail(error) from error

    def _answer(self, host: PackHost, future: Any) -> list[Any]:
        try:
            return host.answer(future)
        except PackError as error:
            raise self._fail(error) from error

    def _tell(self, host: PackHost, diagnostic: Any, urn: str, stops: bool) -> bool:
        """Report one finding; True where it is mandatory."""
        mandatory = diagnostic.enforcementLevel in (analyzer_pb2.MANDATORY, analyzer_pb2.REMEDIATE)
        event = PolicyEvent(
            level="mandatory" if mandatory else "advisory",
            pack=diagnostic.policyPackName,
            version=host.version,
            rule=diagnostic.policyName,
            severity=_SEVERITIES[diagnostic.severity],
            message=diagnostic.message,
            urn=urn,
        )
        self._d.policy(event, stops=stops and mandatory)
        return mandatory

    def _provider(self, ref: str) -> Any:
        if not ref:
            return None
        urn = ref.rpartition("::")[0]
        with self._d.lock:
            provider = self._d.seen.news.get(urn)
        if provider is None:
            return None
        return analyzer_pb2.AnalyzerProviderResource(
            type=urn_type(urn),
            urn=urn,
            name=urn_name(urn),
            properties=to_struct(_external(provider.inputs)),
        )


def _external(value: Properties) -> Properties:
    """The properties without those that begin with two underscores: they are between engine and provider."""
    return {key: _external_value(item) for key, item in value.items() if not key.startswith("__")}


def _external_value(value: Value) -> Value:
    if isinstance(value, dict):
        return _external(value)
    if isinstance(value, list):
        return [_external_value(item) for item in value]
    return value


def _options(resource: "Resource", delete_before_replace: bool | None) -> Any:
    timeouts = resource.custom_timeouts
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=bool(delete_before_replace),
        deleteBeforeReplaceDefined=delete_before_replace is not None,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        parent=resource.parent,
        customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(
            create=timeouts.get("create", 0),
            update=timeouts.get("update", 0),
            delete=timeouts.get("delete", 0),
        ),
    )
