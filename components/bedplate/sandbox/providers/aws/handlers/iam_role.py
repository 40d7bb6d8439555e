"""IAM roles with what hangs on them: inline policies and attachments."""

import json
import urllib.parse
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, moment
from bedplate.sandbox.providers.aws.handlers.service_policy import DocumentKind
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep, keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

PATH = Pattern(r"/|/[\x21-\x7e]{1,510}/", "'/' or a path that begins and ends with '/'")
NAME_64 = Pattern(r"[\w+=,.@-]{1,64}", "1 to 64 of letters, digits and +=,.@-_")
NAME_128 = Pattern(r"[\w+=,.@-]{1,128}", "1 to 128 of letters, digits and +=,.@-_")
DESCRIPTION = Pattern(
    r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}",
    "at most 1000 printable characters of Latin-1 (no dashes like '–', no quotes like '’')",
)
POLICY_ARN = Pattern(
    r"arn:[^:]+:iam::(aws|\d{12}):policy/.+",
    "the ARN of a managed policy, arn:aws:iam::<account|aws>:policy/<name>",
)


def role_name(name_or_arn: str) -> str:
    """The name in a role's name or ARN."""
    return name_or_arn.rsplit("/", 1)[-1]


def document_text(document: Any) -> str:
    """A policy as boto3 shows it: parsed from an IAM answer, or URL-encoded text."""
    if isinstance(document, str):
        return urllib.parse.unquote(document) if document.startswith("%") else document
    return json.dumps(document, separators=(",", ":"))


def drop_role_policies(iam: Any, name: str) -> None:
    """Detach and delete every policy of a role, as `forceDetachPolicies` does."""
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy_name)


@REGISTRY.register
class IamRole(ServiceHandler):
    """Inline and managed policies given on the role itself are exclusive to it, as in the provider."""

    token = "aws:iam/role:Role"
    service = "iam"
    auto_name = AutoName("name", 64)
    replace_on = frozenset({"name", "namePrefix", "path"})
    defaults: ClassVar = {"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False}
    unordered = frozenset({"managedPolicyArns", "inlinePolicies"})
    json_documents = frozenset({"assumeRolePolicy"})
    ranges: ClassVar = {"maxSessionDuration": (3600, 43200)}
    patterns: ClassVar = {
        "name": NAME_64,
        "path": PATH,
        "description": DESCRIPTION,
        "managedPolicyArns[]": POLICY_ARN,
    }
    documents: ClassVar = {
        "assumeRolePolicy": DocumentKind.TRUST,
        "inlinePolicies[].policy": DocumentKind.INLINE,
    }
    tagged = True
    regional = False

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        arns = inputs.get("managedPolicyArns") or []
        if len(arns) > 20:
            return [
                ("managedPolicyArns", f"{len(arns)} policies, a role may have 20; merge some into one policy")
            ]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        iam, name = ctx.client("iam"), inputs["name"]
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document_text(inputs["assumeRolePolicy"]),
            Tags=tag_list(inputs["tagsAll"]),
            **given(
                inputs,
                Path="path",
                Description="description",
                MaxSessionDuration="maxSessionDuration",
                PermissionsBoundary="permissionsBoundary",
            ),
        )
        self._policies(iam, name, {}, inputs)
        return str(name)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        iam = ctx.client("iam")
        role = iam.get_role(RoleName=id)["Role"]
        seen: JsonObject = {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "path": role["Path"],
            "uniqueId": role["RoleId"],
            "createDate": state.get("createDate") or moment(role["CreateDate"]),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "assumeRolePolicy": keep_json(
                state.get("assumeRolePolicy"), document_text(role["AssumeRolePolicyDocument"])
            ),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tagsAll": tag_map(role.get("Tags")),
            "forceDetachPolicies": state.get("forceDetachPolicies", False),
        }
        if role.get("Description") or state.get("description"):
            seen["description"] = role.get("Description", "")
        attached = iam.list_attached_role_policies(RoleName=id)["AttachedPolicies"]
        arns = sorted(policy["PolicyArn"] for policy in attached)
        if state.get("managedPolicyArns"):
            seen["managedPolicyArns"] = keep(state["managedPolicyArns"], arns)
        if state.get("inlinePolicies"):
            seen["inlinePolicies"] = keep(state["inlinePolicies"], self._inline(iam, id, state))
        return seen

    def _inline(self, iam: Any, name: str, state: JsonObject) -> list[JsonObject]:
        mine = {item.get("name"): item.get("policy") for item in state["inlinePolicies"]}
        found = []
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            answer = iam.get_role_policy(RoleName=name, PolicyName=policy_name)
            text = document_text(answer["PolicyDocument"])
            found.append({"name": policy_name, "policy": keep_json(mine.get(policy_name), text)})
        return found

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        iam = ctx.client("iam")
        if "assumeRolePolicy" in changed:
            iam.update_assume_role_policy(RoleName=id, PolicyDocument=document_text(new["assumeRolePolicy"]))
        if changed & {"description", "maxSessionDuration"}:
            iam.update_role(
                RoleName=id,
                Description=new.get("description") or "",
                MaxSessionDuration=new.get("maxSessionDuration", 3600),
            )
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                iam.delete_role_permissions_boundary(RoleName=id)
        self._policies(iam, id, old, new)

    def _policies(self, iam: Any, name: str, old: JsonObject, new: JsonObject) -> None:
        before, after = old.get("managedPolicyArns") or [], new.get("managedPolicyArns") or []
        for arn in sorted(set(before) - set(after)):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(set(after) - set(before)):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        was = {item["name"]: item["policy"] for item in old.get("inlinePolicies") or [] if item.get("name")}
        will = {item["name"]: item["policy"] for item in new.get("inlinePolicies") or [] if item.get("name")}
        for policy_name in sorted(set(was) - set(will)):
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        for policy_name in sorted(will):
            if was.get(policy_name) != will[policy_name]:
                iam.put_role_policy(
                    RoleName=name, PolicyName=policy_name, PolicyDocument=document_text(will[policy_name])
                )

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("iam").untag_role(RoleName=id, TagKeys=drop)
        if put:
            ctx.client("iam").tag_role(RoleName=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        iam = ctx.client("iam")
        if state.get("forceDetachPolicies"):
            drop_role_policies(iam, id)
        else:
            for arn in sorted(state.get("managedPolicyArns") or []):
                iam.detach_role_policy(RoleName=id, PolicyArn=arn)
            for item in state.get("inlinePolicies") or []:
                if item.get("name"):
                    iam.delete_role_policy(RoleName=id, PolicyName=item["name"])
        iam.delete_role(RoleName=id)


@REGISTRY.register
class IamRolePolicy(ServiceHandler):
    token = "aws:iam/rolePolicy:RolePolicy"
    service = "iam"
    auto_name = AutoName("name", 128)
    replace_on = frozenset({"name", "namePrefix", "role"})
    references = (Reference("role", "iam:role"),)
    json_documents = frozenset({"policy"})
    patterns: ClassVar = {"name": NAME_128}
    documents: ClassVar = {"policy": DocumentKind.INLINE}
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs["role"], inputs["name"], inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        role, name = id.split(":", 1)
        answer = ctx.client("iam").get_role_policy(RoleName=role, PolicyName=name)
        text = document_text(answer["PolicyDocument"])
        return {"role": role, "name": name, "policy": keep_json(state.get("policy"), text)}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        role, name = id.split(":", 1)
        self._put(ctx, role, name, new)

    def _put(self, ctx: Context, role: str, name: str, inputs: JsonObject) -> None:
        ctx.client("iam").put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=document_text(inputs["policy"])
        )

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        role, name = id.split(":", 1)
        ctx.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


@REGISTRY.register
class IamRolePolicyAttachment(ServiceHandler):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    service = "iam"
    replace_on = frozenset({"policyArn", "role"})
    references = (Reference("role", "iam:role"), Reference("policyArn", "iam:policy"))
    patterns: ClassVar = {"policyArn": POLICY_ARN}
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        role = inputs["role"]
        ctx.client("iam").attach_role_policy(RoleName=role, PolicyArn=inputs["policyArn"])
        return f"{role}/{inputs['policyArn']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        role, arn = id.split("/", 1)
        attached = ctx.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        if arn not in [policy["PolicyArn"] for policy in attached]:
            return None
        return {"role": role, "policyArn": arn}

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        role, arn = id.split("/", 1)
        ctx.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)
