"""The plain settings of a bucket: versioning, encryption, public access, ownership, logging, lock, CORS."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.property_names import camel, pascal
from bedplate.sandbox.providers.aws.handlers.s3_setting import BucketSetting
from bedplate.sandbox.providers.aws.handlers.service_rules import Problem
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


@REGISTRY.register
class S3BucketVersioning(BucketSetting):
    """Removing it suspends versioning: S3 cannot take versioning away again."""

    token = "aws:s3/bucketVersioning:BucketVersioning"
    setting = "bucket_versioning"
    enums: ClassVar = {
        "versioningConfiguration.status": ("Enabled", "Suspended", "Disabled"),
        "versioningConfiguration.mfaDelete": "s3.MFADelete",
    }

    def body(self, inputs: JsonObject) -> JsonObject:
        asked = inputs["versioningConfiguration"]
        request = {"Status": asked["status"]}
        if asked.get("mfaDelete"):
            request["MFADelete"] = asked["mfaDelete"]
        return {"VersioningConfiguration": request}

    def pick(self, answer: JsonObject) -> Any:
        return answer.get("Status", "Disabled")

    def outputs(self, shown: Any) -> JsonObject:
        return {"versioningConfiguration": {"status": shown}}

    def _put(self, ctx: Context, bucket: str, inputs: JsonObject) -> None:
        if inputs["versioningConfiguration"]["status"] != "Disabled":
            super()._put(ctx, bucket, inputs)
        elif self._get(ctx, bucket) != "Disabled":
            raise CloudError(
                "InvalidBucketState",
                "versioning cannot go back to Disabled once it was Enabled; use Suspended",
            )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if self._get(ctx, id) == "Enabled":
            super()._put(ctx, id, {"versioningConfiguration": {"status": "Suspended"}})


@REGISTRY.register
class S3BucketEncryption(BucketSetting):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    setting = "bucket_encryption"
    references = (
        Reference("bucket", "s3:bucket"),
        Reference("rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId", "kms:key"),
    )
    enums: ClassVar = {
        "rules[].applyServerSideEncryptionByDefault.sseAlgorithm": "s3.ServerSideEncryption",
        "rules[].blockedEncryptionTypes[]": "s3.EncryptionType",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = []
        for index, rule in enumerate(inputs.get("rules") or []):
            asked = rule.get("applyServerSideEncryptionByDefault") or {}
            at = f"rules[{index}].applyServerSideEncryptionByDefault.kmsMasterKeyId"
            if asked.get("kmsMasterKeyId") and asked.get("sseAlgorithm") == "AES256":
                problems.append((at, "a KMS key is not allowed with AES256; set sseAlgorithm to 'aws:kms'"))
        return problems

    def body(self, inputs: JsonObject) -> JsonObject:
        rules = []
        for rule in inputs["rules"]:
            asked = rule.get("applyServerSideEncryptionByDefault")
            request: JsonObject = {}
            if asked:
                request["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": asked["sseAlgorithm"]}
                if asked.get("kmsMasterKeyId"):
                    request["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = asked["kmsMasterKeyId"]
            if rule.get("bucketKeyEnabled") is not None:
                request["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
            rules.append(request)
        return {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    def pick(self, answer: JsonObject) -> Any:
        return answer["ServerSideEncryptionConfiguration"]["Rules"]

    def outputs(self, shown: Any) -> JsonObject:
        rules = []
        for rule in shown:
            found = rule.get("ApplyServerSideEncryptionByDefault", {})
            default = {"sseAlgorithm": found.get("SSEAlgorithm")}
            if found.get("KMSMasterKeyID"):
                default["kmsMasterKeyId"] = found["KMSMasterKeyID"]
            rules.append(
                {
                    "applyServerSideEncryptionByDefault": default,
                    "bucketKeyEnabled": rule.get("BucketKeyEnabled", False),
                }
            )
        return {"rules": rules}


@REGISTRY.register
class S3BucketPublicAccessBlock(BucketSetting):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    setting = "public_access_block"
    replace_on = frozenset({"bucket"})
    defaults: ClassVar = {
        "blockPublicAcls": False,
        "blockPublicPolicy": False,
        "ignorePublicAcls": False,
        "restrictPublicBuckets": False,
    }

    def body(self, inputs: JsonObject) -> JsonObject:
        return {
            "PublicAccessBlockConfiguration": pascal({name: bool(inputs.get(name)) for name in self.defaults})
        }

    def pick(self, answer: JsonObject) -> Any:
        return answer["PublicAccessBlockConfiguration"]

    def outputs(self, shown: Any) -> JsonObject:
        return {name: bool(camel(shown).get(name)) for name in self.defaults}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if not state.get("skipDestroy"):
            super().remove(ctx, id, state)


@REGISTRY.register
class S3BucketOwnershipControls(BucketSetting):
    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    setting = "bucket_ownership_controls"
    replace_on = frozenset({"bucket"})
    enums: ClassVar = {"rule.objectOwnership": "s3.ObjectOwnership"}

    def body(self, inputs: JsonObject) -> JsonObject:
        return {"OwnershipControls": {"Rules": [pascal(inputs["rule"])]}}

    def pick(self, answer: JsonObject) -> Any:
        return answer["OwnershipControls"]["Rules"]

    def outputs(self, shown: Any) -> JsonObject:
        return {"rule": camel(shown[0])}


@REGISTRY.register
class S3BucketLogging(BucketSetting):
    token = "aws:s3/bucketLogging:BucketLogging"
    setting = "bucket_logging"
    references = (Reference("bucket", "s3:bucket"), Reference("targetBucket", "s3:bucket"))
    enums: ClassVar = {"targetGrants[].permission": "s3.BucketLogsPermission"}

    def body(self, inputs: JsonObject) -> JsonObject:
        target: JsonObject = {"TargetBucket": inputs["targetBucket"], "TargetPrefix": inputs["targetPrefix"]}
        if inputs.get("targetObjectKeyFormat"):
            target["TargetObjectKeyFormat"] = pascal(inputs["targetObjectKeyFormat"])
        return {"BucketLoggingStatus": {"LoggingEnabled": target}}

    def pick(self, answer: JsonObject) -> Any:
        return answer.get("LoggingEnabled")

    def outputs(self, shown: Any) -> JsonObject:
        return {"targetBucket": shown["TargetBucket"], "targetPrefix": shown.get("TargetPrefix", "")}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("s3").put_bucket_logging(Bucket=id, BucketLoggingStatus={})
        self.forget(ctx, id)


@REGISTRY.register
class S3BucketObjectLock(BucketSetting):
    token = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    setting = "object_lock_configuration"
    defaults: ClassVar = {"objectLockEnabled": "Enabled"}
    enums: ClassVar = {
        "objectLockEnabled": ("Enabled",),
        "rule.defaultRetention.mode": "s3.ObjectLockRetentionMode",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        retention = (inputs.get("rule") or {}).get("defaultRetention") or {}
        if retention and bool(retention.get("days")) == bool(retention.get("years")):
            return [("rule.defaultRetention", "needs exactly one of days and years; give one")]
        return []

    def body(self, inputs: JsonObject) -> JsonObject:
        request: JsonObject = {"ObjectLockEnabled": "Enabled"}
        if inputs.get("rule"):
            request["Rule"] = pascal(inputs["rule"])
        return {"ObjectLockConfiguration": request}

    def pick(self, answer: JsonObject) -> Any:
        return answer["ObjectLockConfiguration"]

    def outputs(self, shown: Any) -> JsonObject:
        return {"objectLockEnabled": "Enabled", "rule": camel(shown.get("Rule")) or None}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        # Object lock itself stays on; only the default retention goes.
        ctx.client("s3").put_object_lock_configuration(
            Bucket=id, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        )


@REGISTRY.register
class S3BucketCors(BucketSetting):
    token = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
    setting = "bucket_cors"
    enums: ClassVar = {"corsRules[].allowedMethods[]": ("GET", "PUT", "POST", "DELETE", "HEAD")}

    def body(self, inputs: JsonObject) -> JsonObject:
        rules = [
            {{"Id": "ID"}.get(key, key): value for key, value in pascal(rule).items()}
            for rule in inputs["corsRules"]
        ]
        return {"CORSConfiguration": {"CORSRules": rules}}

    def pick(self, answer: JsonObject) -> Any:
        return answer["CORSRules"]

    def outputs(self, shown: Any) -> JsonObject:
        return {"corsRules": camel(shown)}
