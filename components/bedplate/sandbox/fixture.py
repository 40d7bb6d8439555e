"""What the pytest fixture `sandbox` gives a test: an engine, the state, and clients of the emulated cloud."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bedplate.sandbox.engine import Request, run
from bedplate.sandbox.engine.events import Event, ResourceEvent, Result
from bedplate.sandbox.engine.hosts import InlineProgram
from bedplate.sandbox.engine.stack_id import StackId
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.outcome import Json
from bedplate.sandbox.server import SandboxServer
from bedplate.sandbox.task import Operation

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from bedplate.sandbox.providers.kubernetes.cluster import Cluster

Program = Callable[[], None]

_PROJECT = "sandbox"
_STACK = "test"
DEFAULT_REGION = "us-east-1"


class SandboxFixture:
    """One empty emulated cloud and one stack in it. `engine` says which engine runs the programs."""

    engine = "offline"

    def __init__(self, server: SandboxServer, directory: Path) -> None:
        self._server = server
        self._directory = directory
        self._program: Program | None = None
        self._config: dict[str, str] = {}
        self._secret_keys: frozenset[str] = frozenset()
        self._result: Result | None = None
        self.events: list[Event] = []

    def up(
        self,
        program: Program | None = None,
        config: Mapping[str, object] | None = None,
        *,
        secret_config: Mapping[str, object] | None = None,
    ) -> Result:
        """Create or update what the program registers; without a program, that of the call before.

        Config keys without a namespace belong to the project; `aws:region` is us-east-1 if not given. Raises
        SandboxError with the engine's errors.
        """
        return self._run("up", program, config, secret_config)

    def preview(
        self,
        program: Program | None = None,
        config: Mapping[str, object] | None = None,
        *,
        secret_config: Mapping[str, object] | None = None,
    ) -> Result:
        """What `up` would change. Raises SandboxError."""
        return self._run("preview", program, config, secret_config)

    def refresh(self, program: Program | None = None) -> Result:
        """Adopt in the state what exists now. Raises SandboxError."""
        return self._run("refresh", program, None, None)

    def destroy(self, program: Program | None = None) -> Result:
        """Delete everything in the stack. Raises SandboxError."""
        return self._run("destroy", program, None, None)

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack outputs of the last `up`, secrets in plain text: a test wants to compare them."""
        from bedplate.sandbox.values import plain

        if self._result is None:
            return {}
        return {name: plain(value, show_secrets=True) for name, value in self._result.outputs.items()}

    def state(self) -> dict[str, Json]:
        """The deployment (version 3) as `pulumi stack export` gives it; empty before the first `up`."""
        file = self._directory / ".pulumi" / "stacks" / _PROJECT / f"{_STACK}.json"
        if not file.is_file():
            return {}
        return cast("dict[str, Json]", json.loads(file.read_text())["checkpoint"].get("latest") or {})

    def resources(self, type: str | None = None) -> list[dict[str, Any]]:
        """The resources in the state, all or those of one type, e.g. `aws:s3/bucket:Bucket`."""
        found = cast("list[dict[str, Any]]", self.state().get("resources") or [])
        return [resource for resource in found if type in (None, resource["type"])]

    def steps(self, op: str) -> list[str]:
        """The names of the resources that the last operation created, updated, replaced or deleted (`op`)."""
        done = (event for event in self.events if isinstance(event, ResourceEvent) and event.phase == "done")
        return [event.name for event in done if event.op == op]

    def client(self, service: str, region: str = DEFAULT_REGION) -> "BaseClient":
        """A boto3 client of the emulated cloud: ask what exists, or change it behind the engine's back."""
        import boto3

        made: BaseClient = boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self._server.moto_url,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
        return made

    def cluster(self, name: str = "sandbox") -> "Cluster":
        """An emulated Kubernetes cluster: ask what is in it, or change it behind the engine's back."""
        return self._server.cluster(name)

    def _run(
        self,
        operation: Operation,
        program: Program | None,
        config: Mapping[str, object] | None,
        secret_config: Mapping[str, object] | None,
    ) -> Result:
        self._program = program or self._program
        if self._program is None:
            raise ValueError(f"sandbox.{operation}() needs a program the first time: pass a function")
        if config is not None or secret_config is not None:
            self._secret_keys = frozenset(map(_qualified, secret_config or {}))
            both = {**(config or {}), **(secret_config or {})}
            self._config = {_qualified(key): _text(value) for key, value in both.items()}
        self.events = []
        result = run(
            Request(
                operation=operation,
                stack=StackId(_PROJECT, _STACK),
                program=InlineProgram(self._program),
                backend=self._directory,
                config={"aws:region": DEFAULT_REGION, **self._config},
                config_secret_keys=self._secret_keys,
                providers={name: f"127.0.0.1:{port}" for name, port in self._server.providers.items()},
                passphrase="sandbox",
                on_event=self.events.append,
            )
        )
        if not result.ok:
            raise SandboxError(operation, result.errors)
        self._result = result
        return result


def _qualified(key: str) -> str:
    return key if ":" in key else f"{_PROJECT}:{key}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
