"""What the EC2 family shares: a type says how it is created, described and deleted; the rest is here.

Outputs are what the program asked for, overlaid with what the cloud answers. A create answers from its own
calls, so that most types cost one call; only a read describes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError, ParamValidationError

from bedplate.sandbox.providers.aws.base import error_code, not_found, tag_changes, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.ec2_checks import (
    Check,
    Problem,
    conflict_problems,
    one_of_problems,
    run_checks,
)
from bedplate.sandbox.providers.aws.handlers.ec2_shape import at_path, keep
from bedplate.sandbox.providers.aws.handlers.property_names import integers
from bedplate.sandbox.providers.handler import CloudError, Context, Created, Handler, JsonObject

REGION = frozenset({"region"})


def refusal(error: ClientError | ParamValidationError) -> CloudError:
    """The cloud's own words as an error that is shown without a stack."""
    if isinstance(error, ParamValidationError):
        return CloudError("InvalidParameterValue", str(error))
    answer = error.response.get("Error", {})
    return CloudError(str(answer.get("Code", "InternalError")), str(answer.get("Message", "")))


def filters(**values: Any) -> list[dict[str, Any]]:
    """EC2's filter list: `vpc_id="vpc-1"` becomes the filter `vpc-id`."""
    return [
        {
            "Name": name.replace("_", "-"),
            "Values": list(value) if isinstance(value, list | tuple) else [value],
        }
        for name, value in values.items()
    ]


class Ec2Handler(Handler):
    """A resource type of the EC2 API (or of one that is built like it)."""

    service: ClassVar[str] = "ec2"
    # ResourceType in tag specifications; empty where the type has no tags.
    tag_type: ClassVar[str] = ""
    # `arn:<partition>:<service>:<region>:<account>:<arn_type>/<id>`; empty where there is no such arn.
    arn_type: ClassVar[str] = ""
    # Describe operation, its parameter for the ids, and the list in the answer.
    describe: ClassVar[tuple[str, str, str]] = ("", "", "")
    gone_states: ClassVar[frozenset[str]] = frozenset({"deleting", "deleted"})
    # Output -> dotted path in the described object (a number is an index).
    shows: ClassVar[Mapping[str, str]] = {}
    # Checks as data: property path -> check; groups of which at most, and of which exactly one is given.
    checks: ClassVar[Mapping[str, Check]] = {}
    conflicts: ClassVar[tuple[tuple[str, ...], ...]] = ()
    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()

    # -- given by a type -------------------------------------------------------------------------------------

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        """Checks that are more than data."""
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        """Create; returns the id and the object as a describe would show it."""
        raise NotImplementedError

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        """The object as the cloud describes it now; None, or a not-found error of boto3, where it is gone."""
        operation, parameter, answer = self.describe
        found = getattr(self.client(ctx), operation)(**{parameter: [id]})[answer]
        return dict(found[0]) if found else None

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        """Outputs beyond those in `shows`."""
        return {}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        """Bring the cloud from the old inputs to the new ones; tags are done already."""

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        """Delete; a not-found error is success."""
        raise NotImplementedError

    # -- helpers ---------------------------------------------------------------------------------------------

    def client(self, ctx: Context) -> Any:
        return ctx.client(self.service)

    def tagging(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        """The tag specifications of a create call; nothing without tags, as the API takes no empty list."""
        tags = tag_list(ctx.tags(inputs))
        return {"TagSpecifications": [{"ResourceType": self.tag_type, "Tags": tags}]} if tags else {}

    def retag(self, ctx: Context, id: str, put: Mapping[str, str], drop: Iterable[str]) -> None:
        if put:
            self.client(ctx).create_tags(Resources=[id], Tags=tag_list(put))
        if drop:
            self.client(ctx).delete_tags(Resources=[id], Tags=[{"Key": key} for key in drop])

    def tags_of(self, seen: JsonObject) -> dict[str, str] | None:
        """The cloud's tags, or None where the answer says nothing of them (as many a create does)."""
        return tag_map(seen["Tags"]) if "Tags" in seen else None

    # -- the handler contract --------------------------------------------------------------------------------

    def check(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        inputs = integers(inputs)
        return [
            *run_checks(inputs, self.checks),
            *conflict_problems(inputs, self.conflicts),
            *one_of_problems(inputs, self.one_of, ctx.unknown),
            *self.rules(ctx, inputs),
        ]

    def create(self, ctx: Context, inputs: JsonObject) -> Created:
        asked = integers(inputs)
        try:
            id, seen = self.make(ctx, asked)
            return Created(id, self._outputs(ctx, id, seen, {**asked, **self._own(ctx, asked)}))
        except (ClientError, ParamValidationError) as error:
            raise refusal(error) from error

    def read(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        seen = self._seen(ctx, id, state)
        return None if seen is None else self._outputs(ctx, id, seen, state)

    def update(
        self, ctx: Context, id: str, state: JsonObject, old_inputs: JsonObject, inputs: JsonObject
    ) -> JsonObject:
        old, new = integers(old_inputs), integers(inputs)
        changed = frozenset(name for name in {*old, *new} if old.get(name) != new.get(name)) - {"tags"}
        base = {name: value for name, value in state.items() if name not in old}
        wanted = {**base, **new, **self._own(ctx, new)}
        try:
            if self.tag_type:
                put, drop = tag_changes(state.get("tagsAll") or {}, wanted["tagsAll"])
                if put or drop:
                    self.retag(ctx, id, put, drop)
            self.change(ctx, id, {**state, **old}, wanted, changed)
        except (ClientError, ParamValidationError) as error:
            raise refusal(error) from error
        seen = self._seen(ctx, id, wanted)
        if seen is None:
            raise CloudError("NotFound", f"{self.token} {id} no longer exists; refresh, then update again")
        return self._outputs(ctx, id, seen, wanted)

    def delete(self, ctx: Context, id: str, state: JsonObject) -> None:
        try:
            self.remove(ctx, id, state)
        except ClientError as error:
            if not not_found(error) and not error_code(error).endswith("NotFound"):
                raise refusal(error) from error

    # -- parts -----------------------------------------------------------------------------------------------

    def _own(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        return {"region": ctx.region, **({"tagsAll": ctx.tags(inputs)} if self.tag_type else {})}

    def _seen(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        try:
            seen = self.look(ctx, id, state)
        except ClientError as error:
            if not_found(error):
                return None
            raise refusal(error) from error
        if seen is None or str(seen.get("State", "")) in self.gone_states:
            return None
        return seen

    def _outputs(self, ctx: Context, id: str, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown = {name: at_path(seen, path) for name, path in self.shows.items()}
        shown |= self.shown(ctx, seen, state)
        if self.arn_type:
            shown["arn"] = (
                f"arn:{ctx.partition}:{self.service}:{ctx.region}:{ctx.account_id}:{self.arn_type}/{id}"
            )
        outputs = {"region": ctx.region, **state}
        for name, value in shown.items():
            kept = keep(state.get(name), value)
            if kept is None:
                outputs.pop(name, None)
            else:
                outputs[name] = kept
        tags = self.tags_of(seen) if self.tag_type else None
        if tags is not None:
            outputs |= _tag_outputs(state, tags)
        return outputs


def _tag_outputs(state: JsonObject, tags: dict[str, str]) -> JsonObject:
    """`tagsAll` as the cloud has it; `tags` without those that come from the provider's default tags."""
    own = state.get("tags") or {}
    defaults = {key for key in state.get("tagsAll") or {} if key not in own}
    mine = {key: value for key, value in tags.items() if key not in defaults}
    shown: JsonObject = {"tagsAll": tags}
    if mine or "tags" in state:
        shown["tags"] = mine
    return shown


class StoredHandler(Ec2Handler):
    """A type that moto lacks: the sandbox keeps it as an object of its own, by region and id."""

    stored = True
    kind: ClassVar[str]

    def id_of(self, ctx: Context, inputs: JsonObject) -> str:
        raise NotImplementedError

    def made(self, ctx: Context, id: str, inputs: JsonObject) -> JsonObject:
        """Outputs that only the cloud knows."""
        return {}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        id = self.id_of(ctx, inputs)
        row = {**inputs, **self.made(ctx, id, inputs)}
        if self.tag_type:
            row["tagsAll"] = ctx.tags(inputs)
        ctx.store.put(self.kind, f"{ctx.region}/{id}", row)
        return id, row

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        return ctx.store.get(self.kind, f"{ctx.region}/{id}")

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {name: value for name, value in seen.items() if name not in ("tags", "tagsAll", "region")}

    def tags_of(self, seen: JsonObject) -> dict[str, str] | None:
        return dict(seen["tagsAll"]) if "tagsAll" in seen else None

    def retag(self, ctx: Context, id: str, put: Mapping[str, str], drop: Iterable[str]) -> None:
        """Nothing apart: `change` writes the whole row."""

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ctx.store.put(self.kind, f"{ctx.region}/{id}", new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.store.delete(self.kind, f"{ctx.region}/{id}")
