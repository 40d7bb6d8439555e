"""Secrets Manager: secrets and their versions. A deleted secret waits for its recovery window, as in AWS."""

import base64
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, stable_id
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep, keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference


@REGISTRY.register
class Secret(ServiceHandler):
    token = "aws:secretsmanager/secret:Secret"
    service = "secretsmanager"
    auto_name = AutoName("name", 512)
    replace_on = frozenset({"name", "namePrefix", "type"})
    defaults: ClassVar = {"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30}
    references = (Reference("kmsKeyId", "kms:key"),)
    json_documents = frozenset({"policy"})
    documents: ClassVar = {"policy": DocumentKind.RESOURCE}
    patterns: ClassVar = {"name": Pattern(r"[\w/+=.@-]{1,512}", "1 to 512 of letters, digits and /_+=.@-")}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        days = inputs.get("recoveryWindowInDays")
        if days is not None and days != 0 and not 7 <= days <= 30:
            problems.append(
                ("recoveryWindowInDays", f"{days} is neither 0 (at once) nor 7 to 30; choose one")
            )
        if inputs.get("replicas"):
            problems.append(
                ("replicas", "the sandbox does not replicate secrets; remove it or use a real account")
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        client = ctx.client("secretsmanager")
        arn = client.create_secret(
            Name=inputs["name"],
            Tags=tag_list(inputs["tagsAll"]),
            **given(inputs, Description="description", KmsKeyId="kmsKeyId"),
        )["ARN"]
        if inputs.get("policy"):
            client.put_resource_policy(SecretId=arn, ResourcePolicy=document_text(inputs["policy"]))
        return str(arn)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        client = ctx.client("secretsmanager")
        shown = client.describe_secret(SecretId=id)
        if shown.get("DeletedDate"):
            return None
        seen: JsonObject = {
            "arn": shown["ARN"],
            "name": shown["Name"],
            "replicas": [],
            "tagsAll": tag_map(shown.get("Tags")),
        }
        for boto_name, name in (("Description", "description"), ("KmsKeyId", "kmsKeyId")):
            if shown.get(boto_name) or state.get(name):
                seen[name] = shown.get(boto_name) or ""
        policy = client.get_resource_policy(SecretId=id).get("ResourcePolicy")
        if policy or state.get("policy"):
            seen["policy"] = keep_json(state.get("policy"), policy)
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        client = ctx.client("secretsmanager")
        if changed & {"description", "kmsKeyId"}:
            client.update_secret(
                SecretId=id, Description=new.get("description") or "", **given(new, KmsKeyId="kmsKeyId")
            )
        if "policy" in changed:
            if new.get("policy"):
                client.put_resource_policy(SecretId=id, ResourcePolicy=document_text(new["policy"]))
            else:
                client.delete_resource_policy(SecretId=id)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("secretsmanager").untag_resource(SecretId=id, TagKeys=drop)
        if put:
            ctx.client("secretsmanager").tag_resource(SecretId=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        client = ctx.client("secretsmanager")
        if client.describe_secret(SecretId=id).get("DeletedDate"):
            return
        days = int(state.get("recoveryWindowInDays", 30))
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        client.delete_secret(SecretId=id, **how)


@REGISTRY.register
class SecretVersion(ServiceHandler):
    """The value of a secret. The current version cannot be taken away: it goes with its secret, as in AWS."""

    token = "aws:secretsmanager/secretVersion:SecretVersion"
    service = "secretsmanager"
    replace_on = frozenset({"secretId", "secretString", "secretBinary", "secretStringWoVersion"})
    secret_outputs = frozenset({"secretString", "secretBinary", "secretStringWo"})
    unordered = frozenset({"versionStages"})
    conflicts = (("secretString", "secretBinary", "secretStringWo"),)

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        values = {"secretString", "secretBinary", "secretStringWo"}
        if not values & (set(inputs) | ctx.unknown):
            return [("secretString", "missing; give secretString, secretBinary or secretStringWo")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        content: JsonObject = {"SecretString": inputs.get("secretString") or inputs.get("secretStringWo")}
        if inputs.get("secretBinary"):
            content = {"SecretBinary": base64.b64decode(inputs["secretBinary"])}
        # A write-only value is in no output.
        inputs.pop("secretStringWo", None)
        answer = ctx.client("secretsmanager").put_secret_value(
            SecretId=inputs["secretId"],
            ClientRequestToken=stable_id(ctx.urn, *map(str, sorted(content.items()))),
            **content,
            **given(inputs, VersionStages="versionStages"),
        )
        return f"{inputs['secretId']}|{answer['VersionId']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        secret, version = id.rsplit("|", 1)
        client = ctx.client("secretsmanager")
        if client.describe_secret(SecretId=secret).get("DeletedDate"):
            return None
        shown = client.get_secret_value(SecretId=secret, VersionId=version)
        write_only = state.get("secretStringWoVersion") is not None or state.get("hasSecretStringWo")
        seen: JsonObject = {
            "arn": shown["ARN"],
            "secretArn": shown["ARN"],
            "secretId": secret,
            "versionId": version,
            "versionStages": keep(state.get("versionStages"), shown.get("VersionStages") or ["AWSCURRENT"]),
            "hasSecretStringWo": bool(write_only),
        }
        if "SecretString" in shown and not write_only:
            seen["secretString"] = shown["SecretString"]
        if "SecretBinary" in shown:
            seen["secretBinary"] = base64.b64encode(shown["SecretBinary"]).decode()
        return seen

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        secret, version = id.rsplit("|", 1)
        client = ctx.client("secretsmanager")
        stages = client.get_secret_value(SecretId=secret, VersionId=version).get("VersionStages") or []
        for stage in stages:
            if stage != "AWSCURRENT":
                client.update_secret_version_stage(
                    SecretId=secret, VersionStage=stage, RemoveFromVersionId=version
                )
