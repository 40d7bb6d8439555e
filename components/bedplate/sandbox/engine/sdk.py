"""Pointing Pulumi's SDK at this engine, for the program that is about to run in this process (or context)."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import set_all_config
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.settings import SETTINGS, reset_options

from .stack_id import StackId


class QuietEngine:
    """The engine's service without debug messages, which this engine does not show.

    The SDK writes several per resource, each a call that it waits for on the program's event loop.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._stub = engine_pb2_grpc.EngineStub(self._channel)

    def Log(self, request: Any) -> Any:
        if request.severity == engine_pb2.DEBUG:
            return empty_pb2.Empty()
        return self._stub.Log(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)


class Outstanding(set[Any]):
    """The SDK's set of outputs that the end of the program waits for, handed out a few at a time.

    The SDK (3.272, `runtime/stack.py`, `wait_for_rpcs`) takes all of them out, waits for the first to
    complete, and puts the others back: each round costs as much as there are outputs, so that 2,000 resources
    take four times as long each as 500 do. With a round of a few, every output is still waited for, and the
    cost per resource is flat.
    """

    _ROUND = 32

    def __init__(self) -> None:
        super().__init__()
        self._handed: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        self._handed = list(islice(super().__iter__(), self._ROUND))
        return iter(self._handed)

    def clear(self) -> None:
        """Take out what was handed out last."""
        self.difference_update(self._handed)
        self._handed = []


def configure(
    stack: StackId,
    address: str,
    root: str,
    config: Mapping[str, str],
    secret_keys: list[str],
    preview: bool,
    parallel: int,
) -> None:
    """Set the SDK up for a program of `stack`; `address` is where the monitor and the engine listen."""
    reset_options(
        project=stack.project,
        stack=stack.stack,
        organization=stack.organization,
        root_directory=root,
        parallel=parallel,
        monitor_address=address,
        preview=preview,
    )
    # The SDK takes an object in place of an address here (`Settings.engine`).
    SETTINGS.engine = QuietEngine(address)
    SETTINGS.outputs = Outstanding()
    set_all_config(dict(config), secret_keys)
