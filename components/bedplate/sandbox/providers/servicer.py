"""The provider protocol (gRPC) in front of a `ResourceProvider`: Pulumi's engine and the offline one attach
here.

The SDK's `ProviderServicer` lacks Attach and Handshake, drops old inputs on the way to Diff and Update,
cannot carry unknown values, and gives a user the stack of every error (pulumi SDK 3.272); so each method is
written here.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from bedplate.sandbox.providers.provider import Refused
from bedplate.sandbox.providers.schema import Problem
from bedplate.sandbox.providers.served import Answer, ServedProvider
from bedplate.sandbox.providers.wire import decode_struct, encode_struct

T = TypeVar("T")
_LOG = logging.getLogger("bedplate.sandbox")
# As many as the engines' default parallelism of resource operations.
_THREADS = 16
# gRPC's own limit of 4 MiB is too small for some resources; Pulumi's SDKs use this one.
_MESSAGE_BYTES = 400 * 1024 * 1024
# An engine whose provider instances share a connection may tell them apart by this metadata.
PROVIDER_METADATA = "bedplate-provider"


class SandboxServicer(ProviderServicer):
    """Runs each call in a worker thread, so that independent resources are made in parallel."""

    def __init__(self, provider: ServedProvider, version: str) -> None:
        super().__init__([], version, Provider(), "")
        self._resources = provider
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox-provider")
        self.last_used = time.monotonic()
        self.active = 0

    async def _run(self, context: Any, action: Callable[[], T]) -> T:
        self.last_used = time.monotonic()
        self.active += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, action)
        except Refused as exc:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(exc))
        except Exception as exc:  # noqa: BLE001 - logged in full, and told to the caller without a stack
            _LOG.exception("a call of the provider failed")
            await context.abort(
                grpc.StatusCode.INTERNAL,
                f"a mistake in the sandbox itself: {type(exc).__name__}: {exc}; see the server's log",
            )
        finally:
            self.active -= 1
        raise AssertionError("abort raises")

    async def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    async def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True
        )

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        # Calls that run are finished: their results are kept until an engine asks again.
        return empty_pb2.Empty()

    async def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(self._resources.package()))

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        inputs, problems = await self._run(
            context, lambda: self._resources.check_config(decode_struct(request.news))
        )
        return provider_pb2.CheckResponse(inputs=encode_struct(inputs), failures=_failures(problems))

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = _old_inputs(request), decode_struct(request.news)
        changed = sorted(name for name in {*old, *new} - {"version"} if old.get(name) != new.get(name))
        replaces = await self._run(context, lambda: self._resources.config_replaces(old, new))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=replaces)

    async def Configure(self, request: Any, context: Any) -> Any:
        args = decode_struct(request.args)
        if not args:
            prefix = f"{self._resources.name}:config:"
            args = {key.removeprefix(prefix): value for key, value in request.variables.items()}
        peer = _peer(context)
        await self._run(context, lambda: self._resources.configure(peer, args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    async def Check(self, request: Any, context: Any) -> Any:
        peer = _peer(context)
        old, new = decode_struct(request.olds), decode_struct(request.news)
        inputs, problems = await self._run(
            context, lambda: self._resources.check(peer, request.urn, old, new, request.randomSeed)
        )
        return provider_pb2.CheckResponse(inputs=encode_struct(inputs), failures=_failures(problems))

    async def Diff(self, request: Any, context: Any) -> Any:
        peer = _peer(context)
        old, state, new = _old_inputs(request), decode_struct(request.olds), decode_struct(request.news)
        found = await self._run(
            context,
            lambda: self._resources.diff(
                peer, request.urn, request.id, old, state, new, list(request.ignoreChanges)
            ),
        )
        return _diff_response(found)

    async def Create(self, request: Any, context: Any) -> Any:
        peer, inputs = _peer(context), decode_struct(request.properties)
        id, outputs = await self._run(
            context, lambda: self._resources.create(peer, request.urn, inputs, request.preview)
        )
        return provider_pb2.CreateResponse(id=id, properties=encode_struct(outputs))

    async def Read(self, request: Any, context: Any) -> Any:
        peer = _peer(context)
        inputs, state = decode_struct(request.inputs), decode_struct(request.properties)
        found = await self._run(
            context, lambda: self._resources.read(peer, request.urn, request.id, inputs, state)
        )
        if found is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=request.id, inputs=encode_struct(found[0]), properties=encode_struct(found[1])
        )

    async def Update(self, request: Any, context: Any) -> Any:
        peer = _peer(context)
        old, state, new = _old_inputs(request), decode_struct(request.olds), decode_struct(request.news)
        outputs = await self._run(
            context,
            lambda: self._resources.update(peer, request.urn, request.id, old, state, new, request.preview),
        )
        return provider_pb2.UpdateResponse(properties=encode_struct(outputs))

    async def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        peer, state = _peer(context), decode_struct(request.properties)
        await self._run(context, lambda: self._resources.delete(peer, request.urn, request.id, state))
        return empty_pb2.Empty()

    async def Construct(self, request: Any, context: Any) -> Any:
        await context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{request.type}: the sandbox does not run components that a provider makes; "
            "docs/guide/kubernetes.md says what to use instead",
        )

    async def Invoke(self, request: Any, context: Any) -> Any:
        peer, args = _peer(context), decode_struct(request.args)
        result = await self._run(context, lambda: self._resources.invoke(peer, request.tok, args))
        return provider_pb2.InvokeResponse(**{"return": encode_struct(result)})


class ProviderEndpoint:
    """Serves a provider on a loopback port, from a thread of its own."""

    def __init__(self, provider: ServedProvider, version: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-grpc", daemon=True)
        self._thread.start()
        self.servicer, self._server, self.port = self._wait(self._start(provider, version))

    def stop(self) -> None:
        """Stop at once: running calls are cut off for their callers, and finish in their threads."""
        self._wait(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    async def _start(self, provider: ServedProvider, version: str) -> tuple[SandboxServicer, Any, int]:
        options = [
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            # Two servers must never share a port.
            ("grpc.so_reuseport", 0),
        ]
        server = grpc.aio.server(options=options)
        servicer = SandboxServicer(provider, version)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return servicer, server, port

    async def _stop(self) -> None:
        await self._server.stop(None)

    def _wait(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)


def _peer(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == PROVIDER_METADATA:
            return f"metadata:{value}"
    return str(context.peer())


def _old_inputs(request: Any) -> dict[str, Any]:
    """An engine that does not send them (before Pulumi 3.70) gives the old outputs only."""
    return decode_struct(request.old_inputs if request.HasField("old_inputs") else request.olds)


def _failures(problems: list[Problem]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in problems]


def _diff_response(found: Answer) -> Any:
    kinds = provider_pb2.PropertyDiff
    detailed = {}
    for change in found.changes:
        kind = f"{change.kind.upper()}_REPLACE" if change.replaces else change.kind.upper()
        detailed[change.path] = kinds(kind=kinds.Kind.Value(kind), inputDiff=True)
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if found.changes else none,
        replaces=found.replaces,
        diffs=found.tops,
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=found.delete_before_replace,
    )
