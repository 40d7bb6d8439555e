"""KMS keys."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind, as_list, statements
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep_json
from bedplate.sandbox.providers.handler import Context, JsonObject

_ADMIN_ACTIONS = frozenset({"kms:*", "kms:PutKeyPolicy", "kms:Put*", "*"})
# moto drops the rotation period; the sandbox keeps it here by key id.
_ROTATION = "kms:rotation-period"
_DEFAULT_ROTATION_DAYS = 365


def lockout_problem(policy: Any, account_id: str) -> str | None:
    """Why KMS would refuse the policy: nobody of the account could ever change it again.

    Source: "Default key policy" and PutKeyPolicy in the KMS documents (from memory).
    """
    for statement in statements(policy):
        principal = statement.get("Principal")
        names = as_list(principal.get("AWS")) if isinstance(principal, dict) else as_list(principal)
        root = f"::{account_id}:"
        ours = [name for name in names if name in ("*", account_id) or root in str(name)]
        actions = set(as_list(statement.get("Action")))
        if statement.get("Effect") == "Allow" and ours and actions & _ADMIN_ACTIONS:
            return None
    return (
        "MalformedPolicyDocument: the new key policy will not allow you to update the key policy in the "
        f"future; allow kms:* (or kms:PutKeyPolicy) to arn:aws:iam::{account_id}:root, "
        "or set bypassPolicyLockoutSafetyCheck"
    )


def policy_problems(ctx: Context, inputs: JsonObject) -> list[Problem]:
    """The lockout check for a resource with `policy` and `bypassPolicyLockoutSafetyCheck`."""
    policy = inputs.get("policy")
    if not policy or inputs.get("bypassPolicyLockoutSafetyCheck") or not statements(policy):
        return []
    reason = lockout_problem(policy, ctx.account_id)
    return [("policy", reason)] if reason else []


def living_key(ctx: Context, id: str) -> JsonObject | None:
    """The metadata of a key that is not on its way to deletion."""
    metadata: JsonObject = ctx.client("kms").describe_key(KeyId=id)["KeyMetadata"]
    return None if metadata["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion") else metadata


@REGISTRY.register
class KmsKey(ServiceHandler):
    """A deleted key stays in moto as PendingDeletion, as it does in AWS for the deletion window."""

    token = "aws:kms/key:Key"
    service = "kms"
    replace_on = frozenset(
        {"keyUsage", "customerMasterKeySpec", "customKeyStoreId", "multiRegion", "xksKeyId"}
    )
    defaults: ClassVar = {
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "isEnabled": True,
        "enableKeyRotation": False,
        "bypassPolicyLockoutSafetyCheck": False,
    }
    json_documents = frozenset({"policy"})
    enums: ClassVar = {"keyUsage": "kms.KeyUsageType", "customerMasterKeySpec": "kms.CustomerMasterKeySpec"}
    ranges: ClassVar = {"deletionWindowInDays": (7, 30), "rotationPeriodInDays": (90, 2560)}
    patterns: ClassVar = {"description": Pattern(r".{0,8192}", "at most 8192 characters")}
    documents: ClassVar = {"policy": DocumentKind.KEY}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems = policy_problems(ctx, inputs)
        symmetric = inputs.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
        if inputs.get("enableKeyRotation") and not symmetric:
            problems.append(
                ("enableKeyRotation", "only SYMMETRIC_DEFAULT keys rotate; remove it or the key spec")
            )
        rotates = inputs.get("enableKeyRotation") or "enableKeyRotation" in ctx.unknown
        if inputs.get("rotationPeriodInDays") and not rotates:
            problems.append(("rotationPeriodInDays", "needs enableKeyRotation; set it to true"))
        if symmetric and inputs.get("keyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
            problems.append(
                (
                    "keyUsage",
                    f"{inputs['keyUsage']} needs an asymmetric or HMAC customerMasterKeySpec; set one",
                )
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        kms = ctx.client("kms")
        metadata = kms.create_key(
            Tags=tag_list(inputs["tagsAll"], "TagKey", "TagValue"),
            **given(
                inputs,
                Description="description",
                KeyUsage="keyUsage",
                KeySpec="customerMasterKeySpec",
                MultiRegion="multiRegion",
                BypassPolicyLockoutSafetyCheck="bypassPolicyLockoutSafetyCheck",
            ),
            **({"Policy": document_text(inputs["policy"])} if inputs.get("policy") else {}),
        )["KeyMetadata"]
        id = str(metadata["KeyId"])
        self._rotate(ctx, id, inputs)
        if inputs.get("isEnabled") is False:
            kms.disable_key(KeyId=id)
        return id

    def _rotate(self, ctx: Context, id: str, inputs: JsonObject) -> None:
        if inputs.get("enableKeyRotation"):
            days = inputs.get("rotationPeriodInDays") or _DEFAULT_ROTATION_DAYS
            ctx.client("kms").enable_key_rotation(KeyId=id, RotationPeriodInDays=days)
            ctx.store.put(_ROTATION, id, {"days": days})
        else:
            ctx.client("kms").disable_key_rotation(KeyId=id)
            ctx.store.delete(_ROTATION, id)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        metadata = living_key(ctx, id)
        if metadata is None:
            return None
        kms = ctx.client("kms")
        policy = kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"]
        rotates = kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"]
        period = ctx.store.get(_ROTATION, id) or {"days": _DEFAULT_ROTATION_DAYS}
        return {
            "arn": metadata["Arn"],
            "keyId": metadata["KeyId"],
            "description": metadata.get("Description", ""),
            "keyUsage": metadata["KeyUsage"],
            "customerMasterKeySpec": metadata["KeySpec"],
            "multiRegion": bool(metadata.get("MultiRegion")),
            # A disabled key was told to be so either by `isEnabled` or behind our back.
            "isEnabled": metadata["KeyState"] != "Disabled",
            "policy": keep_json(state.get("policy"), policy),
            "enableKeyRotation": rotates,
            "rotationPeriodInDays": period["days"] if rotates else None,
            "tagsAll": tag_map(kms.list_resource_tags(KeyId=id)["Tags"], "TagKey", "TagValue"),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        kms = ctx.client("kms")
        if "isEnabled" in changed and new.get("isEnabled", True):
            kms.enable_key(KeyId=id)
        if "description" in changed:
            kms.update_key_description(KeyId=id, Description=new.get("description") or "")
        if "policy" in changed and new.get("policy"):
            kms.put_key_policy(KeyId=id, PolicyName="default", Policy=document_text(new["policy"]))
        if changed & {"enableKeyRotation", "rotationPeriodInDays"}:
            self._rotate(ctx, id, new)
        if "isEnabled" in changed and not new.get("isEnabled", True):
            kms.disable_key(KeyId=id)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("kms").untag_resource(KeyId=id, TagKeys=drop)
        if put:
            ctx.client("kms").tag_resource(KeyId=id, Tags=tag_list(put, "TagKey", "TagValue"))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if living_key(ctx, id) is not None:
            days = state.get("deletionWindowInDays") or 30
            ctx.client("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=int(days))
        ctx.store.delete(_ROTATION, id)


def service_problem(ctx: Context, key_arn: str, service: str) -> str | None:
    """Why a service cannot use the key: its policy names neither the service nor everybody.

    None where it can, or where the key cannot be read.
    """
    try:
        answer = ctx.client("kms").get_key_policy(KeyId=key_arn, PolicyName="default")
    except ClientError:
        return None
    short = service.split(".")[0] + ".amazonaws.com"
    for statement in statements(answer["Policy"]):
        principal = statement.get("Principal")
        names = as_list(principal.get("Service")) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and (principal == "*" or {service, short} & set(names)):
            return None
        if isinstance(principal, dict) and "*" in as_list(principal.get("AWS")):
            return None
    return (
        f"AccessDenied: the policy of {key_arn} does not let {service} use the key; "
        f"add a statement with Principal {{'Service': '{service}'}} and kms:Encrypt*, kms:Decrypt*, "
        "kms:ReEncrypt*, kms:GenerateDataKey*, kms:Describe*"
    )
