"""What every setting of a bucket shares: put, get and delete by the bucket's name."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, plain
from bedplate.sandbox.providers.handler import Context, JsonObject, Reference


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
        asked = {name: state[name] for name in state if name not in ("bucket", "region")}
        if asked and self.remembers(ctx, id, shown):
            return {"bucket": id}
        return {"bucket": id, **self.outputs(shown)}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        getattr(ctx.client("s3"), f"delete_{self.setting}")(Bucket=id)
        self.forget(ctx, id)

    def _put(self, ctx: Context, bucket: str, inputs: JsonObject) -> None:
        getattr(ctx.client("s3"), f"put_{self.setting}")(Bucket=bucket, **self.body(inputs))
        self.remember(ctx, bucket, self._get(ctx, bucket))

    def _get(self, ctx: Context, bucket: str) -> Any:
        answer = getattr(ctx.client("s3"), f"get_{self.setting}")(Bucket=bucket)
        return plain(self.pick(answer))
