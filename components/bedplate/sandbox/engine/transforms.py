"""Transforms: functions of the program that may change what a resource, or an invoke, is asked for.

The SDK serves them from the program's process (the Callbacks service); the engine calls them in the order of
Pulumi's: the resource's own, those of its parents from the nearest on, those of the stack.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from .urns import create_urn, is_stack

# (field of the request, field of the options); the same meaning and form in both.
_PLAIN = (
    ("version", "version"),
    ("provider", "provider"),
    ("pluginDownloadURL", "plugin_download_url"),
    ("deletedWith", "deleted_with"),
    ("importId", "import"),
)
_LISTS = (
    ("dependencies", "depends_on"),
    ("ignoreChanges", "ignore_changes"),
    ("replaceOnChanges", "replace_on_changes"),
    ("additionalSecretOutputs", "additional_secret_outputs"),
    ("replace_with", "replace_with"),
    ("aliases", "aliases"),
)
_OPTIONAL = (("protect", "protect"), ("retainOnDelete", "retain_on_delete"))


class TransformError(ValueError):
    """A transform failed; the message is the program's own."""


class Transforms:
    """The transforms of one run, and the connections to the program; called from many threads."""

    def __init__(self, stack: str, project: str, parent_of: Callable[[str], str]) -> None:
        """`parent_of` gives the parent's URN of a registered resource, empty for none."""
        self._stack, self._project, self._parent_of = stack, project, parent_of
        self._lock = Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._of_resource: dict[str, list[Any]] = {}
        self._of_stack: list[Any] = []
        self._of_invokes: list[Any] = []

    def add(self, callback: Any) -> None:
        """A transform of everything that the stack registers from now on."""
        with self._lock:
            self._of_stack.append(callback)

    def add_invoke(self, callback: Any) -> None:
        with self._lock:
            self._of_invokes.append(callback)

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def resource(self, request: Any) -> Any:
        """The registration as the transforms want it; the request itself where there are none.

        Raises TransformError where one fails or asks for what this engine does not do.
        """
        urn = create_urn(self._stack, self._project, request.parent, request.type, request.name)
        with self._lock:
            if request.transforms:
                self._of_resource[urn] = list(request.transforms)
            if not self._of_resource and not self._of_stack:
                return request
            due = list(request.transforms)
        if is_stack(urn):
            return request
        seen, parent = {urn}, request.parent
        while parent and parent not in seen:
            seen.add(parent)
            with self._lock:
                due += self._of_resource.get(parent, ())
            parent = self._parent_of(parent)
        with self._lock:
            due += self._of_stack
        if not due:
            return request
        result = resource_pb2.RegisterResourceRequest()
        result.CopyFrom(request)
        for callback in due:
            asked = resource_pb2.TransformRequest(
                type=result.type,
                name=result.name,
                custom=result.custom,
                parent=result.parent,
                properties=result.object,
                options=_options(result),
            )
            what = f"a transform of {result.type} {result.name!r}"
            answer = resource_pb2.TransformResponse.FromString(self._call(callback, asked, what))
            result.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                _apply(answer.options, result)
        return result

    def invoke(self, request: Any) -> Any:
        """The invoke as the transforms want it. Raises TransformError."""
        with self._lock:
            due = list(self._of_invokes)
        if not due:
            return request
        result = resource_pb2.ResourceInvokeRequest()
        result.CopyFrom(request)
        for callback in due:
            options = resource_pb2.TransformInvokeOptions(
                provider=result.provider,
                plugin_download_url=result.pluginDownloadURL,
                version=result.version,
            )
            asked = resource_pb2.TransformInvokeRequest(token=result.tok, args=result.args, options=options)
            what = f"a transform of the invoke {result.tok}"
            answer = resource_pb2.TransformInvokeResponse.FromString(self._call(callback, asked, what))
            result.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                result.provider = answer.options.provider
                result.pluginDownloadURL = answer.options.plugin_download_url
                result.version = answer.options.version
        return result

    def _call(self, callback: Any, message: Any, what: str) -> bytes:
        with self._lock:
            channel = self._channels.get(callback.target)
            if channel is None:
                channel = self._channels[callback.target] = grpc.insecure_channel(
                    callback.target, options=(("grpc.max_receive_message_length", -1),)
                )
        call = callback_pb2.CallbackInvokeRequest(token=callback.token, request=message.SerializeToString())
        try:
            answer: bytes = callback_pb2_grpc.CallbacksStub(channel).Invoke(call).response
        except grpc.RpcError as error:
            raise TransformError(f"{what} failed: {error.details()}") from error
        return answer


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions(providers=dict(request.providers))
    for theirs, ours in _PLAIN:
        setattr(options, ours, getattr(request, theirs))
    for theirs, ours in _LISTS:
        getattr(options, ours).extend(getattr(request, theirs))
    for theirs, ours in _OPTIONAL:
        if request.HasField(theirs):
            setattr(options, ours, getattr(request, theirs))
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        options.delete_before_replace = request.deleteBeforeReplace
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    if request.HasField("replacement_trigger"):
        options.replacement_trigger.CopyFrom(request.replacement_trigger)
    return options


def _apply(options: Any, request: Any) -> None:
    for theirs, ours in _PLAIN:
        setattr(request, theirs, getattr(options, ours))
    for theirs, ours in _LISTS:
        request.ClearField(theirs)
        getattr(request, theirs).extend(getattr(options, ours))
    for theirs, ours in _OPTIONAL:
        request.ClearField(theirs)
        if options.HasField(ours):
            setattr(request, theirs, getattr(options, ours))
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
    request.ClearField("providers")
    request.providers.update(options.providers)
    for field, ours in (
        ("customTimeouts", "custom_timeouts"),
        ("replacement_trigger", "replacement_trigger"),
    ):
        request.ClearField(field)
        if options.HasField(ours):
            getattr(request, field).CopyFrom(getattr(options, ours))
    if options.HasField("hooks") and options.hooks.ByteSize():
        raise TransformError(
            f"a transform of {request.type} {request.name!r} gives it hooks, which the offline engine does "
            "not have; run this program with Pulumi's own engine"
        )
