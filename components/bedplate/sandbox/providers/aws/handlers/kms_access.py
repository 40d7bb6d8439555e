"""KMS aliases, key policies and grants."""

import json
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.kms_key import living_key, policy_problems
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, stable_id
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep_json
from bedplate.sandbox.providers.handler import Context, JsonObject, Reference


@REGISTRY.register
class KmsAlias(ServiceHandler):
    token = "aws:kms/alias:Alias"
    service = "kms"
    replace_on = frozenset({"name", "namePrefix"})
    references = (Reference("targetKeyId", "kms:key"),)
    patterns: ClassVar = {
        "name": Pattern(
            r"alias/(?!aws/)[A-Za-z0-9/_-]{1,250}",
            "'alias/' and then letters, digits, '/', '_' or '-'; 'alias/aws/' is reserved to AWS",
        )
    }

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        if not inputs.get("name"):
            prefix = inputs.get("namePrefix") or f"alias/{ctx.urn.rsplit('::', 1)[-1]}-"
            inputs["name"] = prefix + stable_id(ctx.urn, length=7)
        ctx.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return str(inputs["name"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        aliases = ctx.client("kms").list_aliases()["Aliases"]
        found = next((alias for alias in aliases if alias["AliasName"] == id), None)
        if found is None:
            return None
        key_id = found["TargetKeyId"]
        asked = str(state.get("targetKeyId") or "")
        return {
            "name": id,
            "arn": found["AliasArn"],
            "targetKeyArn": f"arn:{ctx.partition}:kms:{ctx.region}:{ctx.account_id}:key/{key_id}",
            "targetKeyId": asked if asked.rsplit("/", 1)[-1] == key_id else key_id,
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "targetKeyId" in changed:
            ctx.client("kms").update_alias(AliasName=id, TargetKeyId=new["targetKeyId"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("kms").delete_alias(AliasName=id)


@REGISTRY.register
class KmsKeyPolicy(ServiceHandler):
    """Removing it gives the key the policy that KMS gives a key by default, as the provider does."""

    token = "aws:kms/keyPolicy:KeyPolicy"
    service = "kms"
    replace_on = frozenset({"keyId"})
    references = (Reference("keyId", "kms:key"),)
    json_documents = frozenset({"policy"})
    documents: ClassVar = {"policy": DocumentKind.KEY}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        return policy_problems(ctx, inputs)

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs["keyId"], document_text(inputs["policy"]))
        return str(inputs["keyId"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        if living_key(ctx, id) is None:
            return None
        policy = ctx.client("kms").get_key_policy(KeyId=id, PolicyName="default")["Policy"]
        if not state.get("policy") or json.loads(policy) != json.loads(self._default(ctx)):
            return {"keyId": id, "policy": keep_json(state.get("policy"), policy)}
        return None

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "policy" in changed:
            self._put(ctx, id, document_text(new["policy"]))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        if living_key(ctx, id) is not None:
            self._put(ctx, id, self._default(ctx))

    def _put(self, ctx: Context, id: str, policy: str) -> None:
        ctx.client("kms").put_key_policy(KeyId=id, PolicyName="default", Policy=policy)

    def _default(self, ctx: Context) -> str:
        root = f"arn:{ctx.partition}:iam::{ctx.account_id}:root"
        allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        statement = {"Sid": "Enable IAM User Permissions", **allow}
        return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


@REGISTRY.register
class KmsGrant(ServiceHandler):
    token = "aws:kms/grant:Grant"
    service = "kms"
    replace_on = frozenset(
        {
            "constraints",
            "grantCreationTokens",
            "granteePrincipal",
            "keyId",
            "name",
            "operations",
            "retiringPrincipal",
        }
    )
    references = (Reference("keyId", "kms:key"),)
    unordered = frozenset({"operations", "constraints", "grantCreationTokens"})
    enums: ClassVar = {"operations[]": "kms.GrantOperation"}

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        constraints: JsonObject = {}
        for item in inputs.get("constraints") or []:
            constraints |= pascal_keys(item)
        answer = ctx.client("kms").create_grant(
            KeyId=inputs["keyId"],
            GranteePrincipal=inputs["granteePrincipal"],
            Operations=inputs["operations"],
            **({"Constraints": constraints} if constraints else {}),
            **given(inputs, Name="name", RetiringPrincipal="retiringPrincipal"),
        )
        inputs["grantId"], inputs["grantToken"] = answer["GrantId"], answer["GrantToken"]
        return f"{inputs['keyId']}:{answer['GrantId']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        key_id, grant_id = id.rsplit(":", 1)
        grants = ctx.client("kms").list_grants(KeyId=key_id, GrantId=grant_id)["Grants"]
        if not grants:
            return None
        grant = grants[0]
        return {
            "keyId": key_id,
            "grantId": grant_id,
            "granteePrincipal": grant["GranteePrincipal"],
            "operations": state.get("operations") or grant["Operations"],
            "name": state.get("name") or grant.get("Name"),
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        key_id, grant_id = id.rsplit(":", 1)
        ctx.client("kms").revoke_grant(KeyId=key_id, GrantId=grant_id)


def pascal_keys(item: JsonObject) -> JsonObject:
    """Only the outer names: the keys of an encryption context are the user's own."""
    return {key[:1].upper() + key[1:]: value for key, value in item.items() if value}
