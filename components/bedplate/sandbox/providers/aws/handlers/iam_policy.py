"""IAM managed policies and OpenID Connect providers."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import DESCRIPTION, NAME_128, PATH, document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep, keep_json
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject

# AWS no longer needs thumbprints for issuers behind a public CA; it fills in one of its own.
_DEFAULT_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


@REGISTRY.register
class IamPolicy(ServiceHandler):
    token = "aws:iam/policy:Policy"
    service = "iam"
    auto_name = AutoName("name", 128)
    replace_on = frozenset({"name", "namePrefix", "path", "description"})
    defaults: ClassVar = {"path": "/"}
    json_documents = frozenset({"policy"})
    patterns: ClassVar = {"name": NAME_128, "path": PATH, "description": DESCRIPTION}
    documents: ClassVar = {"policy": DocumentKind.IDENTITY}
    tagged = True
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        answer = ctx.client("iam").create_policy(
            PolicyName=inputs["name"],
            PolicyDocument=document_text(inputs["policy"]),
            Tags=tag_list(inputs["tagsAll"]),
            **given(inputs, Path="path", Description="description"),
        )
        return str(answer["Policy"]["Arn"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        iam = ctx.client("iam")
        policy = iam.get_policy(PolicyArn=id)["Policy"]
        version = iam.get_policy_version(PolicyArn=id, VersionId=policy["DefaultVersionId"])
        seen: JsonObject = {
            "arn": id,
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "policyId": policy["PolicyId"],
            "policy": keep_json(state.get("policy"), document_text(version["PolicyVersion"]["Document"])),
            # Attaching the policy is no change of it.
            "attachmentCount": state.get("attachmentCount", policy.get("AttachmentCount", 0)),
            "tagsAll": tag_map(policy.get("Tags")),
        }
        if policy.get("Description"):
            seen["description"] = policy["Description"]
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        iam = ctx.client("iam")
        if "policy" not in changed:
            return
        versions = iam.list_policy_versions(PolicyArn=id)["Versions"]
        # A policy keeps five versions; the provider drops the oldest to make room.
        if len(versions) >= 5:
            spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
            iam.delete_policy_version(PolicyArn=id, VersionId=min(spare, key=lambda name: int(name[1:])))
        iam.create_policy_version(
            PolicyArn=id, PolicyDocument=document_text(new["policy"]), SetAsDefault=True
        )

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("iam").untag_policy(PolicyArn=id, TagKeys=drop)
        if put:
            ctx.client("iam").tag_policy(PolicyArn=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        iam = ctx.client("iam")
        # moto deletes an attached policy; IAM refuses.
        attached = iam.list_entities_for_policy(PolicyArn=id)
        names = [
            *(item["RoleName"] for item in attached["PolicyRoles"]),
            *(item["UserName"] for item in attached["PolicyUsers"]),
            *(item["GroupName"] for item in attached["PolicyGroups"]),
        ]
        if names:
            raise CloudError(
                "DeleteConflict",
                f"Cannot delete a policy attached to entities ({', '.join(names)}); detach it first.",
            )
        for version in iam.list_policy_versions(PolicyArn=id)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=id, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=id)


@REGISTRY.register
class IamOpenIdConnectProvider(ServiceHandler):
    token = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    service = "iam"
    replace_on = frozenset({"url"})
    delete_before_replace = True
    unordered = frozenset({"clientIdLists"})
    patterns: ClassVar = {
        "url": Pattern(r"https://\S{1,246}", "an https:// URL of at most 254 characters"),
        "thumbprintLists[]": Pattern(r"[0-9a-fA-F]{40}", "40 hex digits (SHA-1 of the issuer's certificate)"),
    }
    tagged = True
    regional = False

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if len(inputs.get("thumbprintLists") or []) > 5:
            return [("thumbprintLists", "more than 5 thumbprints; a provider may have at most 5")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        answer = ctx.client("iam").create_open_id_connect_provider(
            Url=inputs["url"],
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists") or [_DEFAULT_THUMBPRINT],
            Tags=tag_list(inputs["tagsAll"]),
        )
        return str(answer["OpenIDConnectProviderArn"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        found = ctx.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=id)
        url = found["Url"]
        # IAM shows the URL without its scheme.
        asked = state.get("url")
        return {
            "arn": id,
            "url": asked if asked and asked.removeprefix("https://") == url.removeprefix("https://") else url,
            "clientIdLists": keep(state.get("clientIdLists"), found["ClientIDList"]),
            "thumbprintLists": keep(state.get("thumbprintLists"), found["ThumbprintList"]),
            "tagsAll": tag_map(found.get("Tags")),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        iam = ctx.client("iam")
        if "thumbprintLists" in changed:
            iam.update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=id,
                ThumbprintList=new.get("thumbprintLists") or [_DEFAULT_THUMBPRINT],
            )
        if "clientIdLists" in changed:
            was, will = set(old["clientIdLists"]), set(new["clientIdLists"])
            for client_id in sorted(will - was):
                iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=id, ClientID=client_id)
            for client_id in sorted(was - will):
                iam.remove_client_id_from_open_id_connect_provider(
                    OpenIDConnectProviderArn=id, ClientID=client_id
                )

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        iam = ctx.client("iam")
        if drop:
            iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=id, TagKeys=drop)
        if put:
            iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=id)
