"""One instance of an emulated provider: a gRPC channel of its own, and the calls that an engine makes on
it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
from pulumi.runtime.proto import errors_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from .urns import urn_name, urn_type
from .values import (
    UNKNOWN,
    Properties,
    Value,
    from_struct,
    has_unknown,
    mark_like,
    reveal,
    reveal_all,
    to_struct,
)

# The sandbox tells provider instances apart by connection, so channels must not share one.
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
# How an SDK's Python server words a call that it lacks (its status code is UNKNOWN).
_LACKING = ("Method not implemented", "NotImplementedError")


class ProviderError(Exception):
    """A provider's refusal, in its own words, with the properties that it names.

    `unavailable`: the provider did not answer, so that nobody knows what it did.
    """

    def __init__(self, message: str, unavailable: bool = False) -> None:
        super().__init__(message)
        self.unavailable = unavailable


class PartialFailure(ProviderError):
    """The resource exists although the call failed: `id` and `outputs` are what it is now (Pulumi's init
    failure).
    """

    def __init__(
        self, message: str, id: str, outputs: Properties, inputs: Properties, reasons: list[str]
    ) -> None:
        super().__init__(message)
        self.id = id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class CallMissing(Exception):
    """The provider does not implement the call."""


@dataclass(frozen=True)
class Failure:
    """A refused input: the property's path (may be empty) and why."""

    property: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """The answer of a diff. `details` maps a property path to (kind, whether it forces a replacement, whether
    the path is one of the inputs); kinds are add, delete and update."""

    changed: bool
    replace_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    details: Mapping[str, tuple[str, bool, bool]] = field(default_factory=dict)
    delete_before_replace: bool = False

    @property
    def replaces(self) -> bool:
        return bool(self.replace_keys) or any(forces for _, forces, _ in self.details.values())


@dataclass(frozen=True)
class Read:
    """What a provider found: no id means that the resource does not exist."""

    id: str
    inputs: Properties | None
    outputs: Properties


_KINDS = {
    0: ("add", False),
    1: ("add", True),
    2: ("delete", False),
    3: ("delete", True),
    4: ("update", False),
}


class ProviderClient:
    """Raises ProviderError, PartialFailure or CallMissing from every call."""

    def __init__(self, package: str, address: str, engine_address: str) -> None:
        self.package = package
        self.configured = False
        self._accept_secrets = True
        self._supports_preview = False
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        with suppress(CallMissing):  # an older provider: it learns the engine's address from Attach
            self._call("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address=engine_address))
        with suppress(CallMissing):  # it needs no engine
            self._call("Attach", plugin_pb2.PluginAttach(address=engine_address))

    def _call(self, method: str, request: object) -> object:
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            raise self._translate(method, error) from error

    def _translate(self, method: str, error: grpc.RpcError) -> Exception:
        code, text = error.code(), error.details() or ""
        if code is grpc.StatusCode.UNIMPLEMENTED or any(word in text for word in _LACKING):
            return CallMissing(f"provider {self.package!r} has no call {method}")
        if code is grpc.StatusCode.UNAVAILABLE:
            message = f"provider {self.package!r} does not answer ({text}); is the sandbox still running?"
            return ProviderError(message, unavailable=True)
        for key, data in error.trailing_metadata() or ():
            if key != "grpc-status-details-bin":
                continue
            for detail in status_pb2.Status.FromString(data).details:
                failed = errors_pb2.InputPropertiesError()
                if detail.Is(failed.DESCRIPTOR) and detail.Unpack(failed):
                    lines = [f"property {item.property_path}: {item.reason}" for item in failed.errors]
                    return ProviderError("\n".join([text, *lines]).strip())
                partial = provider_pb2.ErrorResourceInitFailed()
                if detail.Is(partial.DESCRIPTOR) and detail.Unpack(partial):
                    reasons = list(partial.reasons)
                    return PartialFailure(
                        "\n".join([text, *reasons]),
                        partial.id,
                        from_struct(partial.properties),
                        from_struct(partial.inputs),
                        reasons,
                    )
        return ProviderError(text or str(code))

    def close(self) -> None:
        self._channel.close()

    def _out(self, properties: Properties) -> object:
        return to_struct(properties if self._accept_secrets else reveal_all(properties))

    def _in(self, struct: object, *models: Properties) -> Properties:
        outputs = from_struct(struct)
        if not self._accept_secrets:
            for model in models:
                outputs = mark_like(outputs, model)
        return outputs

    def check_config(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        request = provider_pb2.CheckRequest(
            urn=urn, olds=to_struct(olds), news=to_struct(news), name=urn_name(urn), type=urn_type(urn)
        )
        try:
            answer = self._call("CheckConfig", request)
        except CallMissing:
            return news, []
        return _checked(answer, news)

    def diff_config(
        self, urn: str, id: str, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Difference:
        request = provider_pb2.DiffRequest(
            urn=urn, id=id, olds=to_struct(olds), news=to_struct(news), old_inputs=to_struct(old_inputs)
        )
        try:
            return _difference(self._call("DiffConfig", request), old_inputs, news)
        except CallMissing:
            return _by_value(old_inputs, news)

    def configure(self, urn: str, id: str, inputs: Properties) -> None:
        """Configure; with inputs that are not known yet (a preview) the instance stays unconfigured and
        answers with unknowns."""
        if has_unknown(dict(inputs)):
            return
        # The names of the variables are those of Pulumi's own configuration: <package>:config:<key>.
        variables = {
            f"{self.package}:config:{key}": _plain(item) for key, item in inputs.items() if item is not None
        }
        request = provider_pb2.ConfigureRequest(
            variables=variables,
            args=to_struct(inputs),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
        )
        answer = self._call("Configure", request)
        self._accept_secrets = bool(getattr(answer, "acceptSecrets", False))
        self._supports_preview = bool(getattr(answer, "supportsPreview", False))
        self.configured = True

    def check(
        self, urn: str, olds: Properties | None, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Failure]]:
        if not self.configured:
            return news, []
        request = provider_pb2.CheckRequest(
            urn=urn,
            olds=self._out(olds) if olds is not None else None,
            news=self._out(news),
            randomSeed=seed,
            name=urn_name(urn),
            type=urn_type(urn),
        )
        inputs, failures = _checked(self._call("Check", request), news)
        return (inputs if self._accept_secrets else mark_like(inputs, news)), failures

    def diff(
        self, urn: str, id: str, old_inputs: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Difference:
        if not self.configured:
            return _by_value(old_inputs, news)
        request = provider_pb2.DiffRequest(
            urn=urn,
            id=id,
            olds=self._out(olds),
            news=self._out(news),
            ignoreChanges=ignore,
            old_inputs=self._out(old_inputs),
            name=urn_name(urn),
            type=urn_type(urn),
        )
        return _difference(self._call("Diff", request), old_inputs, news)

    def create(self, urn: str, inputs: Properties, timeout: float, preview: bool) -> tuple[str, Properties]:
        """The id and outputs; in a preview of a provider that has none, no id and what Pulumi assumes."""
        if preview and not self.configured:
            return "", {}
        if preview and not self._supports_preview:
            return "", inputs
        request = provider_pb2.CreateRequest(
            urn=urn,
            properties=self._out(inputs),
            timeout=timeout,
            preview=preview,
            name=urn_name(urn),
            type=urn_type(urn),
        )
        answer = self._call("Create", request)
        id = str(getattr(answer, "id", ""))
        if not id and not preview:
            raise ProviderError(f"provider {self.package!r} created {urn} without an id")
        return id, self._in(getattr(answer, "properties"), inputs)  # noqa: B009

    def update(
        self,
        urn: str,
        id: str,
        old_inputs: Properties,
        olds: Properties,
        news: Properties,
        ignore: list[str],
        timeout: float,
        preview: bool,
    ) -> Properties:
        if preview and not self.configured:
            return {}
        if preview and not self._supports_preview:
            return news
        request = provider_pb2.UpdateRequest(
            urn=urn,
            id=id,
            olds=self._out(olds),
            news=self._out(news),
            timeout=timeout,
            ignoreChanges=ignore,
            preview=preview,
            old_inputs=self._out(old_inputs),
            name=urn_name(urn),
            type=urn_type(urn),
        )
        answer = self._call("Update", request)
        return self._in(getattr(answer, "properties"), news)  # noqa: B009

    def delete(self, urn: str, id: str, old_inputs: Properties, olds: Properties, timeout: float) -> None:
        request = provider_pb2.DeleteRequest(
            urn=urn,
            id=id,
            properties=self._out(olds),
            timeout=timeout,
            old_inputs=self._out(old_inputs),
            name=urn_name(urn),
            type=urn_type(urn),
        )
        self._call("Delete", request)

    def read(self, urn: str, id: str, inputs: Properties, state: Properties, timeout: float = 0) -> Read:
        request = provider_pb2.ReadRequest(
            urn=urn,
            id=id,
            properties=self._out(state),
            inputs=self._out(inputs),
            name=urn_name(urn),
            type=urn_type(urn),
            timeout=timeout,
        )
        answer = self._call("Read", request)
        assert isinstance(answer, provider_pb2.ReadResponse)
        found = from_struct(answer.inputs) if answer.HasField("inputs") else None
        if found is not None and not self._accept_secrets:
            found = mark_like(found, inputs)
        return Read(answer.id, found, self._in(answer.properties, state, inputs))

    def invoke(self, token: str, arguments: Properties, preview: bool) -> tuple[Properties, list[Failure]]:
        if not self.configured:
            return {}, []
        request = provider_pb2.InvokeRequest(
            tok=token, args=to_struct(reveal_all(arguments)), preview=preview
        )
        answer = self._call("Invoke", request)
        failures = [Failure(item.property, item.reason) for item in getattr(answer, "failures", ())]
        return from_struct(getattr(answer, "return")), failures

    def call(self, request: object) -> object:
        """A method of a resource: the request as the program made it, with what the engine adds."""
        return self._call("Call", request)


def _plain(value: Value) -> str:
    import json

    shown = reveal(value)
    return shown if isinstance(shown, str) else json.dumps(shown)


def _checked(answer: object, news: Properties) -> tuple[Properties, list[Failure]]:
    failures = [Failure(item.property, item.reason) for item in getattr(answer, "failures", ())]
    assert isinstance(answer, provider_pb2.CheckResponse)
    return (from_struct(answer.inputs) if answer.HasField("inputs") else news), failures


def _by_value(olds: Properties, news: Properties) -> Difference:
    from .values import same

    keys = [
        key
        for key in {**olds, **news}
        if not same(reveal(olds.get(key)), reveal(news.get(key))) or key not in news
    ]
    details = {
        key: ("add" if key not in olds else "delete" if key not in news else "update", False, True)
        for key in keys
    }
    return Difference(bool(keys), (), tuple(keys), details)


def _difference(answer: object, old_inputs: Properties, news: Properties) -> Difference:
    assert isinstance(answer, provider_pb2.DiffResponse)
    details = {}
    for path, item in answer.detailedDiff.items():
        kind, forces = _KINDS.get(item.kind, ("update", True))
        details[path] = (kind, forces, bool(item.inputDiff))
    if answer.changes == provider_pb2.DiffResponse.DIFF_UNKNOWN and not answer.replaces and not details:
        # Pulumi compares the inputs itself where a provider does not know.
        return _by_value(old_inputs, news)
    changed = answer.changes != provider_pb2.DiffResponse.DIFF_NONE
    return Difference(
        changed, tuple(answer.replaces), tuple(answer.diffs), details, bool(answer.deleteBeforeReplace)
    )


UNKNOWN_ID = UNKNOWN
