"""What the handlers of services other than EC2 share: outputs, tags, refusals and changes.

A subclass says how to make, look at, change and remove its resource in moto. Outputs are what the program
asked for (some inputs never come back from the cloud), overlaid with what the cloud shows now.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from botocore.exceptions import ClientError, ParamValidationError

from bedplate.sandbox.providers.aws.base import error_code, not_found
from bedplate.sandbox.providers.aws.handlers.property_names import integers
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind, document_problems
from bedplate.sandbox.providers.aws.handlers.service_rules import (
    Pattern,
    Problem,
    conflict_problems,
    enum_problems,
    pattern_problems,
    range_problems,
    values_at,
)
from bedplate.sandbox.providers.handler import CloudError, Context, Created, Handler, JsonObject

Answer = TypeVar("Answer")

# Parts of codes by which these services say that something does not exist, beyond those that base knows.
_GONE = ("NoSuch", "NotFound", "NonExistent")

_SHOWN = "service:shown"


def is_gone(error: ClientError) -> bool:
    """Whether the cloud said that the thing does not exist."""
    return not_found(error) or any(mark in error_code(error) for mark in _GONE)


def refusal(error: ClientError | ParamValidationError) -> CloudError:
    """The cloud's own words as an error that is shown without a stack."""
    if isinstance(error, ParamValidationError):
        return CloudError("ValidationException", str(error))
    answer = error.response.get("Error", {})
    return CloudError(str(answer.get("Code", "InternalFailure")), str(answer.get("Message", "")))


def optional(call: Callable[[], Answer]) -> Answer | None:
    """The answer of a read, or None where the thing does not exist."""
    try:
        return call()
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def stable_id(*parts: str, length: int = 32) -> str:
    """Hex digits that depend on the parts alone: a repeated create gives the same identifier."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:length]


def plain(value: Any) -> Any:
    """A boto3 answer as JSON values, times as text."""
    return json.loads(json.dumps(value, default=str))


def moment(when: datetime) -> str:
    """A time as the provider shows it. Outputs keep the first one: a replay of moto's content has others."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class ServiceHandler(Handler):
    """A resource type of one boto3 service."""

    service: ClassVar[str]
    # Checks as data; see service_rules.
    enums: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    patterns: ClassVar[Mapping[str, Pattern]] = {}
    conflicts: ClassVar[tuple[tuple[str, ...], ...]] = ()
    documents: ClassVar[Mapping[str, DocumentKind]] = {}
    tagged: ClassVar[bool] = False
    regional: ClassVar[bool] = True

    # to be given by a type

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        """Checks that are more than data."""
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        """Create in moto; returns the id. May add to `inputs` what only the create's answer holds."""
        raise NotImplementedError

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        """Outputs that the cloud shows; None, or a not-found error of boto3, where the resource is gone."""
        raise NotImplementedError

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        """Bring the cloud from the old inputs to the new ones; `tags` are done by `retag`."""

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        """Set and remove tags."""

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        """Delete in moto; a not-found error is success."""
        raise NotImplementedError

    # the contract

    def check(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        inputs = integers(inputs)
        problems = [
            *enum_problems(inputs, self.enums),
            *range_problems(inputs, self.ranges),
            *pattern_problems(inputs, self.patterns),
            *conflict_problems(inputs, self.conflicts),
        ]
        for path, kind in self.documents.items():
            for at, document in values_at(inputs, path):
                problems += [(at, reason) for reason in document_problems(document, kind)]
        return problems + self.rules(ctx, inputs)

    def create(self, ctx: Context, inputs: JsonObject) -> Created:
        asked = integers(inputs)
        state = self._seed(ctx, asked)
        try:
            id = self.make(ctx, state)
            outputs = self._outputs(ctx, id, state)
        except (ClientError, ParamValidationError) as error:
            raise refusal(error) from error
        assert outputs is not None, f"{self.token} {id} is gone right after its creation"
        return Created(id, outputs)

    def read(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        try:
            return self._outputs(ctx, id, dict(state))
        except ClientError as error:
            raise refusal(error) from error

    def update(
        self, ctx: Context, id: str, state: JsonObject, old_inputs: JsonObject, inputs: JsonObject
    ) -> JsonObject:
        old, new = integers(old_inputs), integers(inputs)
        changed = frozenset(name for name in {*old, *new} if old.get(name) != new.get(name))
        kept = {name: value for name, value in state.items() if name not in old}
        seed = {**kept, **self._seed(ctx, new)}
        try:
            if self.tagged:
                before, after = state.get("tagsAll") or {}, seed["tagsAll"]
                put = {key: value for key, value in after.items() if before.get(key) != value}
                drop = sorted(key for key in before if key not in after)
                if put or drop:
                    self.retag(ctx, id, state, put, drop)
            self.change(ctx, id, {**state, **old}, seed, changed - {"tags"})
            outputs = self._outputs(ctx, id, seed)
        except (ClientError, ParamValidationError) as error:
            raise refusal(error) from error
        if outputs is None:
            raise CloudError(
                "ResourceNotFound", f"{self.token} {id} no longer exists; refresh, then update again"
            )
        return outputs

    def delete(self, ctx: Context, id: str, state: JsonObject) -> None:
        try:
            self.remove(ctx, id, state)
        except ClientError as error:
            if not is_gone(error):
                raise refusal(error) from error

    # moto forgets parts of some types. What it shows right after a put is remembered: as long as it shows the
    # same, the resource is what was asked for; anything else was done behind the program's back.

    def remember(self, ctx: Context, id: str, shown: Any) -> None:
        """Keep what moto shows after a put."""
        ctx.store.put(_SHOWN, self._memory_key(ctx, id), {"shown": plain(shown)})

    def remembers(self, ctx: Context, id: str, shown: Any) -> bool:
        """Whether moto still shows what it showed after the last put."""
        memory = ctx.store.get(_SHOWN, self._memory_key(ctx, id))
        return memory is not None and bool(memory["shown"] == plain(shown))

    def forget(self, ctx: Context, id: str) -> None:
        """To be called on removal."""
        ctx.store.delete(_SHOWN, self._memory_key(ctx, id))

    def _memory_key(self, ctx: Context, id: str) -> str:
        return f"{self.token}|{ctx.region if self.regional else ''}|{id}"

    # parts

    def _seed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        seed = dict(inputs)
        if self.tagged:
            seed["tagsAll"] = ctx.tags(inputs)
        if self.regional:
            seed["region"] = ctx.region
        return seed

    def _outputs(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        seen = optional(lambda: self.look(ctx, id, state))
        if seen is None:
            return None
        outputs = {**state, **seen}
        if self.regional:
            outputs["region"] = state.get("region") or ctx.region
        if self.tagged and "tagsAll" in seen:
            outputs |= _tags(state, seen["tagsAll"])
        return outputs


def _tags(state: JsonObject, seen: Mapping[str, str]) -> JsonObject:
    """`tags` and `tagsAll` for the cloud's tags; the provider's default tags are not in `tags`."""
    own = state.get("tags") or {}
    hidden = {key for key in state.get("tagsAll") or {} if key not in own}
    tags = {key: value for key, value in seen.items() if key not in hidden}
    shown: JsonObject = {"tagsAll": dict(seen)}
    if tags or "tags" in state:
        shown["tags"] = tags
    return shown


def describe(value: Any) -> str:
    """A value as it is shown in a message, cut to a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
