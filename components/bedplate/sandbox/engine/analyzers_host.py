"""One policy pack: a child process that serves Pulumi's analyzer protocol, and the calls made on it."""

import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from .analyzers_config import PackError, PackProject, PolicyPack, RuleConfig, read_config, reconcile
from .pack_processes import PackStarter, open_alone
from .values import Properties, from_struct, to_struct

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)
# A pack that says nothing for so long hangs; starting takes about a second.
_START_SECONDS = 60
_LEVELS = {
    "": analyzer_pb2.ADVISORY,
    "advisory": analyzer_pb2.ADVISORY,
    "mandatory": analyzer_pb2.MANDATORY,
    "disabled": analyzer_pb2.DISABLED,
    "remediate": analyzer_pb2.REMEDIATE,
}
_LEVEL_NAMES = {number: name for name, number in _LEVELS.items() if name}


@dataclass(frozen=True)
class StackInfo:
    """What a pack is told about the stack before it sees a resource."""

    organization: str
    project: str
    stack: str
    dry_run: bool
    config: Mapping[str, str]
    secret_keys: frozenset[str]


class PackHost:
    """Starts the pack at once; `ready` waits until it can be asked, and raises PackError where it cannot."""

    def __init__(
        self,
        pack: PolicyPack,
        project: PackProject,
        engine: str,
        info: StackInfo,
        starter: PackStarter | None = None,
    ) -> None:
        """`starter`: what the pack is forked from, where its interpreter is this one."""
        self.pack = pack
        self._info = info
        self._stacks_only = False
        self._given = read_config(pack.config) if pack.config is not None else {}
        self.version = project.version
        directory = pack.path.resolve()
        arguments = [engine, str(project.main)]
        # As Pulumi's language host starts a pack (pulumi-language-python, RunPlugin).
        command = [str(project.python), "-u", "-m", "pulumi.policy", *arguments]
        self._process = (
            open_alone(command, directory, self._variables())
            if starter is None
            else starter.open(arguments, directory, self._variables())
        )
        self._last: list[str] = []
        self._channel: grpc.Channel | None = None
        self._error: PackError | None = None
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self._boot = threading.Thread(target=self._start, daemon=True, name=f"pack {pack.path.name}")
        self._boot.start()

    def _variables(self) -> dict[str, str]:
        return {
            "PULUMI_ORGANIZATION": self._info.organization,
            "PULUMI_PROJECT": self._info.project,
            "PULUMI_STACK": self._info.stack,
            "PULUMI_DRY_RUN": "true" if self._info.dry_run else "false",
        }

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._last = [*self._last[-9:], line.rstrip("\n")]

    def _start(self) -> None:
        try:
            self._connect()
        except PackError as error:
            self._error = error
        except grpc.RpcError as error:
            self._error = PackError(f"policy pack {self.pack.path}: {_details(error)}")

    def _connect(self) -> None:
        assert self._process.stdout is not None
        killer = threading.Timer(_START_SECONDS, self._process.kill)
        killer.start()
        port = self._process.stdout.readline().strip()
        killer.cancel()
        if not port.isdigit():
            self._process.wait(timeout=5)
            self._reader.join(timeout=5)
            said = "\n".join(self._last)
            raise PackError(f"policy pack {self.pack.path} failed to start\n{said}".rstrip())
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS)
        stub = analyzer_pb2_grpc.AnalyzerStub(self._channel)
        info = self._info
        self._optional(
            stub.ConfigureStack,
            analyzer_pb2.AnalyzerStackConfigureRequest(
                stack=info.stack,
                project=info.project,
                organization=info.organization,
                dry_run=info.dry_run,
                config=dict(info.config),
                config_secret_keys=sorted(info.secret_keys),
            ),
        )
        told = stub.GetAnalyzerInfo(empty_pb2.Empty())
        self._stacks_only = bool(told.policies) and all(
            policy.policy_type == analyzer_pb2.POLICY_TYPE_STACK for policy in told.policies
        )
        self.version = self.version or told.version
        if not told.supportsConfig:
            if self._given:
                raise PackError(f"policy pack {self.pack.path} takes no configuration")
        else:
            stub.Configure(_configuration(told, self._given))
        # The same bytes go to every pack, so that a resource is written out once.
        self._analyze = self._channel.unary_unary(
            "/pulumirpc.Analyzer/Analyze", None, analyzer_pb2.AnalyzeResponse.FromString
        )
        self._analyze_stack = self._channel.unary_unary(
            "/pulumirpc.Analyzer/AnalyzeStack", None, analyzer_pb2.AnalyzeResponse.FromString
        )

    def _optional(self, call: Any, request: Any) -> None:
        try:
            call(request)
        except grpc.RpcError as error:
            # An older pack does without it.
            if error.code() != grpc.StatusCode.UNIMPLEMENTED and "not implemented" not in str(
                error.details()
            ):
                raise

    def ready(self) -> None:
        """Wait until the pack can be asked. Raises PackError."""
        self._boot.join()
        if self._error is not None:
            raise self._error

    def analyze(self, request: bytes) -> list[Any]:
        """The diagnostics for an AnalyzeRequest. Raises PackError.

        Waits for the answer: resources come in threads of their own, and a future per call would take
        twice the time of the call itself. A pack whose rules all look at the whole stack is not asked.
        """
        if self._stacks_only:
            return []
        try:
            return list(self._analyze(request).diagnostics)
        except grpc.RpcError as error:
            raise self._failed(error) from error

    def analyze_stack(self, request: bytes) -> Any:
        """The future answer to an AnalyzeStackRequest."""
        return self._analyze_stack.future(request)

    def answer(self, future: Any) -> list[Any]:
        """The diagnostics of an answer. Raises PackError."""
        try:
            return list(future.result().diagnostics)
        except grpc.RpcError as error:
            raise self._failed(error) from error

    def _failed(self, error: grpc.RpcError) -> PackError:
        return PackError(f"policy pack {self.pack.path} failed: {_details(error)}")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._boot.join(timeout=5)
        if self._channel is not None:
            self._channel.close()


def _configuration(told: Any, given: Mapping[str, RuleConfig]) -> Any:
    defaults = {}
    for policy in told.policies:
        properties: Properties = {}
        for name, schema in from_struct(policy.configSchema.properties).items():
            if isinstance(schema, dict) and "default" in schema:
                properties[name] = schema["default"]
        defaults[policy.name] = RuleConfig(_LEVEL_NAMES[policy.enforcementLevel], properties)
    for name, one in told.initialConfig.items():
        found = defaults.setdefault(name, RuleConfig())
        found.level = _LEVEL_NAMES[one.enforcementLevel]
        found.properties.update(from_struct(one.properties))
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, one in reconcile(defaults, given).items():
        target = request.policyConfig[name]
        target.enforcementLevel = _LEVELS[one.level]
        target.properties.CopyFrom(to_struct(one.properties))
    return request


def _details(error: Any) -> str:
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)
