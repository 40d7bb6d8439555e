"""Options and the provider that tests of the engine run against.

The provider `probe` keeps things in memory: `probe:index:Thing` with inputs `name` (generated where not
given; two things may not share one), `value` (changed in place), `key` (a change needs a new thing),
`deleteFirst` (replace by deleting first). It counts its calls, and a test can make one of them fail, wait, or
call back.
"""

import asyncio
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

# A shell's background jobs start with Ctrl-C ignored, and so would every command that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def event_loop_of_the_thread() -> None:
    """Outputs need one, and an earlier test that ran `asyncio.run` has taken it away."""
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("offline", "pulumi"),
        default="offline",
        help="the engine that the lifecycle suite runs on (default: offline)",
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    engine = config.getoption("--engine")
    lines = [f"lifecycle suite: engine {engine}"]
    if shutil.which("pulumi") is None:
        lines.append("lifecycle suite: no `pulumi` on PATH, so Pulumi's own engine is not tested in this run")
    return lines


@dataclass
class Call:
    """One call of the provider: what, on which resource (its name), when, and over which connection."""

    op: str
    name: str
    started: float
    ended: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)
    timeout: float = 0.0


@dataclass
class Probe:
    """The cloud behind the provider, and the switches that tests turn."""

    port: int = 0
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    # (operation, resource name) -> message of the refusal
    fail: dict[tuple[str, str], str] = field(default_factory=dict)
    delay: dict[str, float] = field(default_factory=dict)
    # called with the operation and name, before and after the work of a mutating call
    before: Callable[[str, str], None] = lambda op, name: None
    after: Callable[[str, str], None] = lambda op, name: None
    secret_outputs: bool = False
    drop_seen: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    serial: int = 0
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    unacknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def names(self) -> list[str]:
        return sorted(thing["name"] for thing in self.things.values())

    def count(self, *ops: str) -> int:
        return sum(call.op in ops for call in self.calls)

    def of(self, op: str) -> list[str]:
        return [call.name for call in self.calls if call.op == op]

    def by_name(self, name: str) -> dict[str, Any]:
        return next(thing for thing in self.things.values() if thing["name"] == name)

    def forget_calls(self) -> None:
        self.calls.clear()


def _servicer(probe: Probe) -> Any:
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

    from bedplate.sandbox.engine.values import (
        UNKNOWN,
        Properties,
        from_struct,
        has_unknown,
        reveal_all,
        same,
        secret,
        to_struct,
    )

    class Servicer(provider_pb2_grpc.ResourceProviderServicer):  # type: ignore[misc]
        def _enter(self, op: str, urn: str, context: Any, timeout: float = 0.0) -> Call:
            config = probe.configs.get(context.peer(), {})
            call = Call(op, urn.rsplit("::", 1)[-1], time.monotonic(), config=config, timeout=timeout)
            with probe.lock:
                probe.calls.append(call)
            if op in ("create", "update", "delete"):
                probe.before(op, call.name)
            time.sleep(probe.delay.get(op, 0))
            message = probe.fail.get((op, call.name))
            if message:
                call.ended = time.monotonic()
                context.abort(grpc.StatusCode.UNKNOWN, message)
            return call

        def _leave(self, call: Call) -> None:
            call.ended = time.monotonic()
            if call.op in ("create", "update", "delete"):
                probe.after(call.op, call.name)

        def Attach(self, request: Any, context: Any) -> Any:
            return empty_pb2.Empty()

        def Handshake(self, request: Any, context: Any) -> Any:
            return provider_pb2.ProviderHandshakeResponse(
                accept_secrets=True, accept_resources=True, accept_outputs=True
            )

        def GetPluginInfo(self, request: Any, context: Any) -> Any:
            return plugin_pb2.PluginInfo(version="1.2.3")

        def GetSchema(self, request: Any, context: Any) -> Any:
            return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "probe", "version": "1.2.3"}))

        def Cancel(self, request: Any, context: Any) -> Any:
            return empty_pb2.Empty()

        def CheckConfig(self, request: Any, context: Any) -> Any:
            news = reveal_all(from_struct(request.news))
            failures = []
            if news.get("region") == "moon":
                failures.append(provider_pb2.CheckFailure(property="region", reason="no such region"))
            return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

        def DiffConfig(self, request: Any, context: Any) -> Any:
            olds, news = reveal_all(from_struct(request.olds)), reveal_all(from_struct(request.news))
            changed = [key for key in {**olds, **news} if not same(olds.get(key), news.get(key))]
            some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
            replaces = [key for key in changed if key == "account"]
            return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

        def Configure(self, request: Any, context: Any) -> Any:
            with probe.lock:
                probe.configs[context.peer()] = reveal_all(from_struct(request.args))
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
            )

        def Check(self, request: Any, context: Any) -> Any:
            self._leave(self._enter("check", request.urn, context))
            olds, news = from_struct(request.olds), from_struct(request.news)
            failures = [
                provider_pb2.CheckFailure(property=key, reason="is no property of a thing")
                for key in news
                if key not in ("name", "value", "key", "deleteFirst", "extra", "__defaults")
            ]
            if "name" not in news:
                fresh = f"{request.urn.rsplit('::', 1)[-1]}-{request.randomSeed[:4].hex()}"
                news["name"] = olds.get("name") or fresh
            return provider_pb2.CheckResponse(inputs=to_struct(news), failures=failures)

        def Diff(self, request: Any, context: Any) -> Any:
            self._leave(self._enter("diff", request.urn, context))
            self._acknowledge(request.urn)
            olds, news = from_struct(request.old_inputs), from_struct(request.news)
            olds, news = reveal_all(olds), reveal_all(news)
            changed = [key for key in {**olds, **news} if not same(olds.get(key), news.get(key))]
            details = {}
            for key in changed:
                kind = "ADD" if key not in olds else "DELETE" if key not in news else "UPDATE"
                if key in ("key", "name"):
                    kind += "_REPLACE"
                details[key] = provider_pb2.PropertyDiff(
                    kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=True
                )
            some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(
                changes=some,
                diffs=changed,
                replaces=[key for key in changed if key in ("key", "name")],
                detailedDiff=details,
                hasDetailedDiff=True,
                deleteBeforeReplace=bool(news.get("deleteFirst")),
            )

        def _acknowledge(self, urn: str) -> None:
            with probe.lock:
                probe.unacknowledged.pop(urn, None)

        def _outputs(self, id: str, inputs: Properties) -> Properties:
            value = inputs.get("value")
            outputs: Properties = {**inputs, "echo": value, "serial": probe.things[id]["serial"]}
            if probe.secret_outputs:
                outputs["token"] = secret(f"token-of-{probe.things[id]['serial']}")
            return outputs

        def Create(self, request: Any, context: Any) -> Any:
            inputs = from_struct(request.properties)
            if request.preview:
                outputs = {**inputs, "echo": inputs.get("value", UNKNOWN), "serial": UNKNOWN}
                return provider_pb2.CreateResponse(properties=to_struct(outputs))
            call = self._enter("create", request.urn, context, request.timeout)
            assert not has_unknown(dict(inputs)), "unknown values in a create"
            plain = reveal_all(inputs)
            body = json.dumps(plain, sort_keys=True)
            with probe.lock:
                known = probe.unacknowledged.get(request.urn)
                if known is not None and known[0] == body and known[1] in probe.things:
                    id = known[1]
                else:
                    if any(thing["name"] == plain["name"] for thing in probe.things.values()):
                        context.abort(grpc.StatusCode.ALREADY_EXISTS, f"a thing named {plain['name']} exists")
                    probe.serial += 1
                    id = f"thing-{probe.serial}"
                    probe.things[id] = {**plain, "serial": probe.serial, "config": call.config}
                    probe.unacknowledged[request.urn] = (body, id)
                outputs = self._outputs(id, inputs)
            self._leave(call)
            return provider_pb2.CreateResponse(id=id, properties=to_struct(outputs))

        def Update(self, request: Any, context: Any) -> Any:
            inputs = from_struct(request.news)
            if request.preview:
                outputs = {**inputs, "echo": inputs.get("value")}
                return provider_pb2.UpdateResponse(properties=to_struct(outputs))
            call = self._enter("update", request.urn, context, request.timeout)
            self._acknowledge(request.urn)
            with probe.lock:
                thing = probe.things[request.id]
                kept = {key: thing[key] for key in ("serial", "config")}
                probe.things[request.id] = {**reveal_all(inputs), **kept}
                outputs = self._outputs(request.id, inputs)
            self._leave(call)
            return provider_pb2.UpdateResponse(properties=to_struct(outputs))

        def Delete(self, request: Any, context: Any) -> Any:
            call = self._enter("delete", request.urn, context, request.timeout)
            self._acknowledge(request.urn)
            with probe.lock:
                probe.things.pop(request.id, None)
            self._leave(call)
            return empty_pb2.Empty()

        def Read(self, request: Any, context: Any) -> Any:
            self._leave(self._enter("read", request.urn, context, request.timeout))
            self._acknowledge(request.urn)
            with probe.lock:
                thing = probe.things.get(request.id)
                if thing is None:
                    return provider_pb2.ReadResponse()
                inputs = {key: item for key, item in thing.items() if key not in ("serial", "config")}
                outputs = self._outputs(request.id, inputs)
            return provider_pb2.ReadResponse(
                id=request.id, inputs=to_struct(inputs), properties=to_struct(outputs)
            )

        def Invoke(self, request: Any, context: Any) -> Any:
            call = self._enter("invoke", request.tok, context)
            arguments = from_struct(request.args)
            text = arguments.get("text")
            answer = {"return": to_struct({"doubled": f"{text}{text}", "config": call.config})}
            self._leave(call)
            if arguments.get("text") == "bad":
                return provider_pb2.InvokeResponse(
                    failures=[provider_pb2.CheckFailure(property="text", reason="is bad")]
                )
            return provider_pb2.InvokeResponse(**answer)

    return Servicer()


@pytest.fixture
def probe() -> Iterator[Probe]:
    """The provider `probe`, served from this process."""
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    probe = Probe()
    server = grpc.server(ThreadPoolExecutor(max_workers=48))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_servicer(probe), server)
    probe.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield probe
    server.stop(grace=None).wait()
