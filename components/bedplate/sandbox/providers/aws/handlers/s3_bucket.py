"""S3 buckets. Settings (versioning, encryption, policy ...) are resources of their own."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, optional
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject

BUCKET_NAME = Pattern(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
    r"(?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)",
    "3 to 63 of lower-case letters, digits, '.' and '-', first and last a letter or digit, no IP address "
    "and none of the prefixes and suffixes that S3 reserves",
)
# Which URN asked for a name: in us-east-1 S3 answers a second create by the same account with success, and
# the provider refuses it all the same.
_OWNER = "s3:bucket-owner"
# Hosted zones of the S3 website endpoints: "Amazon S3 endpoints and quotas", AWS General Reference, 2026-11.
_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "ca-central-1": "Z1QDHH18159H29",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-north-1": "Z3BAZG2TWCNX0D",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-west-3": "Z3R1K369G5AVDG",
    "ap-south-1": "Z11RGJOFQNVJUP",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-northeast-2": "Z3W03O7B5YMIYP",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
    "sa-east-1": "Z7KQH4QJS55SO",
}
# Inputs of the bucket that the provider deprecates in favour of a resource each.
_MOVED = {
    "accelerationStatus": "BucketAccelerateConfiguration",
    "acl": "BucketAcl",
    "corsRules": "BucketCorsConfiguration",
    "grants": "BucketAcl",
    "lifecycleRules": "BucketLifecycleConfiguration",
    "logging": "BucketLogging",
    "objectLockConfiguration": "BucketObjectLockConfiguration",
    "policy": "BucketPolicy",
    "replicationConfiguration": "BucketReplicationConfig",
    "requestPayer": "BucketRequestPaymentConfiguration",
    "serverSideEncryptionConfiguration": "BucketServerSideEncryptionConfiguration",
    "versioning": "BucketVersioning",
    "website": "BucketWebsiteConfiguration",
}


@REGISTRY.register
class S3Bucket(ServiceHandler):
    token = "aws:s3/bucket:Bucket"
    service = "s3"
    auto_name = AutoName("bucket", 63, lower_case=True)
    replace_on = frozenset({"bucket", "bucketPrefix", "bucketNamespace", "objectLockEnabled"})
    defaults: ClassVar = {"forceDestroy": False}
    patterns: ClassVar = {"bucket": BUCKET_NAME}
    enums: ClassVar = {"bucketNamespace": ("global", "account-regional")}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        return [
            (
                name,
                f"deprecated on the bucket, the sandbox does not make it; use an aws.s3.{resource} resource",
            )
            for name, resource in _MOVED.items()
            if inputs.get(name) is not None
        ]

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        s3, name = ctx.client("s3"), str(inputs["bucket"])
        owner = ctx.store.get(_OWNER, name)
        if (owner or {}).get("urn") != ctx.urn and optional(lambda: s3.head_bucket(Bucket=name)) is not None:
            raise CloudError(
                "BucketAlreadyExists",
                f"the requested bucket name {name!r} is not available: names are shared by all accounts and "
                "regions; choose another, or leave it out for a generated one",
            )
        ctx.store.put(_OWNER, name, {"urn": ctx.urn})
        request: JsonObject = {"Bucket": name}
        if ctx.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": ctx.region}
        if inputs.get("objectLockEnabled"):
            request["ObjectLockEnabledForBucket"] = True
        s3.create_bucket(**request)
        if inputs["tagsAll"]:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(inputs["tagsAll"])})
        return name

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        s3 = ctx.client("s3")
        s3.head_bucket(Bucket=id)
        region = state.get("region") or ctx.region
        tags = optional(lambda: s3.get_bucket_tagging(Bucket=id)) or {"TagSet": []}
        suffix = "amazonaws.com.cn" if ctx.partition == "aws-cn" else "amazonaws.com"
        return {
            "arn": f"arn:{ctx.partition}:s3:::{id}",
            "bucket": id,
            "bucketDomainName": f"{id}.s3.{suffix}",
            "bucketRegionalDomainName": f"{id}.s3.{region}.{suffix}",
            "bucketRegion": region,
            "bucketNamespace": state.get("bucketNamespace") or "global",
            "hostedZoneId": _ZONES.get(region, ""),
            "objectLockEnabled": bool(state.get("objectLockEnabled")),
            "forceDestroy": bool(state.get("forceDestroy")),
            "tagsAll": tag_map(tags["TagSet"]),
            # Settings are read by their own resources; these are what a new bucket has.
            "requestPayer": "BucketOwner",
            "versioning": {"enabled": False, "mfaDelete": False},
            "grants": [],
            "websiteDomain": None,
            "websiteEndpoint": None,
        }

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        kept = {key: value for key, value in (state.get("tagsAll") or {}).items() if key not in drop}
        tags = {**kept, **put}
        if tags:
            ctx.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": tag_list(tags)})
        else:
            ctx.client("s3").delete_bucket_tagging(Bucket=id)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        s3 = ctx.client("s3")
        if state.get("forceDestroy"):
            empty_bucket(s3, id)
        s3.delete_bucket(Bucket=id)
        ctx.store.delete(_OWNER, id)


def empty_bucket(s3: Any, bucket: str) -> None:
    """Delete every object, version and delete marker."""
    while True:
        page = s3.list_object_versions(Bucket=bucket)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            return
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        s3.delete_objects(
            Bucket=bucket, Delete={"Objects": objects, "Quiet": True}, BypassGovernanceRetention=True
        )
