"""What every setting of a bucket shares: put, get and delete by the bucket's name.

moto forgets parts of some settings. What it shows right after a put is therefore remembered: as long as it
shows the same, the setting is what was asked for; anything else was done behind the program's back and is
shown as moto has it.
"""

import json
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.handler import Context, JsonObject, Reference

_SHOWN = "s3:shown"


class BucketSetting(ServiceHandler):
    """A setting by three S3 calls, named without `put_`, `get_` and `delete_`."""

    service = "s3"
    replace_on = frozenset({"bucket", "expectedBucketOwner"})
    references: ClassVar[tuple[Reference, ...]] = (Reference("bucket", "s3:bucket"),)
    setting: ClassVar[str]

    def body(self, inputs: JsonObject) -> JsonObject:
        """The arguments of the put call beside the bucket."""
        raise NotImplementedError

    def pick(self, answer: JsonObject) -> Any:
        """What the get call's answer holds of the setting; None where there is none."""
        raise NotImplementedError

    def outputs(self, shown: Any) -> JsonObject:
        """The provider's form of what moto shows."""
        raise NotImplementedError

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        bucket = str(inputs["bucket"])
        self._put(ctx, bucket, inputs)
        return bucket

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed:
            self._put(ctx, id, new)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = self._get(ctx, id)
        if shown is None:
            return None
        memory = self.remembered(ctx, id)
        asked = {name: state[name] for name in state if name not in ("bucket", "region")}
        if memory is not None and memory["shown"] == shown and asked:
            return {"bucket": id}
        return {"bucket": id, **self.outputs(shown)}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        getattr(ctx.client("s3"), f"delete_{self.setting}")(Bucket=id)
        self.forget(ctx, id)

    def remembered(self, ctx: Context, id: str) -> JsonObject | None:
        """What moto showed right after the last put."""
        return ctx.store.get(_SHOWN, f"{self.token}|{id}")

    def forget(self, ctx: Context, id: str) -> None:
        """Called on removal."""
        ctx.store.delete(_SHOWN, f"{self.token}|{id}")

    def _put(self, ctx: Context, bucket: str, inputs: JsonObject) -> None:
        getattr(ctx.client("s3"), f"put_{self.setting}")(Bucket=bucket, **self.body(inputs))
        ctx.store.put(_SHOWN, f"{self.token}|{bucket}", {"shown": self._get(ctx, bucket)})

    def _get(self, ctx: Context, bucket: str) -> Any:
        answer = getattr(ctx.client("s3"), f"get_{self.setting}")(Bucket=bucket)
        return json.loads(json.dumps(self.pick(answer), default=str))
