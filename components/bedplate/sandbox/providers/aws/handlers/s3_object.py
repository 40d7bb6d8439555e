"""Objects in a bucket, for small ones that a program writes itself."""

import base64
from pathlib import Path
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import Context, JsonObject, Reference

# Content is read back through its hash.
_HEADERS = {
    "CacheControl": "cacheControl",
    "ContentDisposition": "contentDisposition",
    "ContentEncoding": "contentEncoding",
    "ContentLanguage": "contentLanguage",
    "ContentType": "contentType",
    "ServerSideEncryption": "serverSideEncryption",
    "SSEKMSKeyId": "kmsKeyId",
    "BucketKeyEnabled": "bucketKeyEnabled",
    "StorageClass": "storageClass",
    "Metadata": "metadata",
}


def _content(inputs: JsonObject) -> bytes:
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    source: Any = inputs.get("source")
    if isinstance(source, dict) and source.get("text") is not None:
        return str(source["text"]).encode()
    if isinstance(source, dict) and source.get("path"):
        return Path(source["path"]).read_bytes()
    return str(inputs.get("content") or "").encode()


class _Object(ServiceHandler):
    service = "s3"
    replace_on = frozenset({"bucket", "key"})
    references = (Reference("bucket", "s3:bucket"),)
    conflicts = (("content", "contentBase64", "source"), ("etag", "kmsKeyId"))
    defaults: ClassVar = {"forceDestroy": False}
    enums: ClassVar = {"serverSideEncryption": "s3.ServerSideEncryption", "storageClass": "s3.StorageClass"}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        source = inputs.get("source")
        if isinstance(source, dict) and source.get("path") and not Path(source["path"]).is_file():
            return [("source", f"file {source['path']!r} does not exist; give the path of a file")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        # An object that is given no key has the resource's own name.
        inputs.setdefault("key", ctx.urn.rsplit("::", 1)[-1])
        self._put(ctx, inputs)
        return f"{inputs['bucket']}/{inputs['key']}"

    def _put(self, ctx: Context, inputs: JsonObject) -> None:
        s3, where = ctx.client("s3"), {"Bucket": inputs["bucket"], "Key": inputs["key"]}
        s3.put_object(**where, Body=_content(inputs), **given(inputs, **_HEADERS))
        if inputs["tagsAll"]:
            s3.put_object_tagging(**where, Tagging={"TagSet": tag_list(inputs["tagsAll"])})

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        bucket, key = id.split("/", 1)
        s3 = ctx.client("s3")
        head = s3.head_object(Bucket=bucket, Key=key)
        return {
            "bucket": bucket,
            "key": key,
            "arn": f"arn:{ctx.partition}:s3:::{bucket}/{key}",
            "etag": head["ETag"].strip('"'),
            "contentType": head.get("ContentType"),
            "serverSideEncryption": state.get("serverSideEncryption") or head.get("ServerSideEncryption"),
            "storageClass": head.get("StorageClass", "STANDARD"),
            "versionId": head.get("VersionId"),
            "tagsAll": tag_map(s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed - {"forceDestroy"}:
            self._put(ctx, new)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        bucket, key = id.split("/", 1)
        kept = {name: value for name, value in (state.get("tagsAll") or {}).items() if name not in drop}
        tags = {**kept, **put}
        ctx.client("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_list(tags)})

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        bucket, key = id.split("/", 1)
        s3 = ctx.client("s3")
        for version in s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", []):
            if version["Key"] == key:
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])


@REGISTRY.register
class S3Object(_Object):
    token = "aws:s3/bucketObject:BucketObject"


@REGISTRY.register
class S3ObjectV2(_Object):
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
