"""IAM users, groups and service-linked roles."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import DESCRIPTION, PATH
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, moment
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject


@REGISTRY.register
class IamUser(ServiceHandler):
    token = "aws:iam/user:User"
    service = "iam"
    auto_name = AutoName("name", 64)
    # The provider renames a user in place; moto's rename loses tags, so the sandbox replaces it.
    replace_on = frozenset({"name"})
    defaults: ClassVar = {"path": "/", "forceDestroy": False}
    patterns: ClassVar = {
        "name": Pattern(r"[\w+=,.@-]{1,64}", "1 to 64 of letters, digits and +=,.@-_"),
        "path": PATH,
    }
    tagged = True
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        ctx.client("iam").create_user(
            UserName=inputs["name"],
            Tags=tag_list(inputs["tagsAll"]),
            **given(inputs, Path="path", PermissionsBoundary="permissionsBoundary"),
        )
        return str(inputs["name"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        iam = ctx.client("iam")
        user = iam.get_user(UserName=id)["User"]
        return {
            "arn": user["Arn"],
            "name": id,
            "path": user["Path"],
            "uniqueId": user["UserId"],
            "tagsAll": tag_map(iam.list_user_tags(UserName=id)["Tags"]),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        iam = ctx.client("iam")
        if "path" in changed:
            iam.update_user(UserName=id, NewPath=new["path"])
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                iam.put_user_permissions_boundary(UserName=id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                iam.delete_user_permissions_boundary(UserName=id)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("iam").untag_user(UserName=id, TagKeys=drop)
        if put:
            ctx.client("iam").tag_user(UserName=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("iam").delete_user(UserName=id)


@REGISTRY.register
class IamGroup(ServiceHandler):
    token = "aws:iam/group:Group"
    service = "iam"
    auto_name = AutoName("name", 128)
    replace_on = frozenset({"name"})
    defaults: ClassVar = {"path": "/"}
    patterns: ClassVar = {
        "name": Pattern(r"[\w+=,.@-]{1,128}", "1 to 128 of letters, digits and +=,.@-_"),
        "path": PATH,
    }
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        ctx.client("iam").create_group(GroupName=inputs["name"], **given(inputs, Path="path"))
        return str(inputs["name"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        group = ctx.client("iam").get_group(GroupName=id)["Group"]
        return {"arn": group["Arn"], "name": id, "path": group["Path"], "uniqueId": group["GroupId"]}

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "path" in changed:
            ctx.client("iam").update_group(GroupName=id, NewPath=new["path"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("iam").delete_group(GroupName=id)


@REGISTRY.register
class IamServiceLinkedRole(ServiceHandler):
    token = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    service = "iam"
    replace_on = frozenset({"awsServiceName", "customSuffix"})
    delete_before_replace = True
    patterns: ClassVar = {
        "awsServiceName": Pattern(
            r"[a-z0-9.-]+\.amazonaws\.com", "a service name such as 'spot.amazonaws.com'"
        ),
        "customSuffix": Pattern(r"[\w+=,.@-]{1,64}", "1 to 64 of letters, digits and +=,.@-_"),
        "description": DESCRIPTION,
    }
    tagged = True
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        iam = ctx.client("iam")
        role = iam.create_service_linked_role(
            **given(
                inputs,
                AWSServiceName="awsServiceName",
                CustomSuffix="customSuffix",
                Description="description",
            )
        )["Role"]
        if inputs["tagsAll"]:
            iam.tag_role(RoleName=role["RoleName"], Tags=tag_list(inputs["tagsAll"]))
        return str(role["Arn"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        role = ctx.client("iam").get_role(RoleName=id.rsplit("/", 1)[-1])["Role"]
        return {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "path": role["Path"],
            "uniqueId": role["RoleId"],
            "createDate": state.get("createDate") or moment(role["CreateDate"]),
            "awsServiceName": role["Path"].split("/")[2],
            "tagsAll": tag_map(role.get("Tags")),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "description" in changed:
            name = id.rsplit("/", 1)[-1]
            ctx.client("iam").update_role_description(RoleName=name, Description=new.get("description") or "")

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        name = id.rsplit("/", 1)[-1]
        if drop:
            ctx.client("iam").untag_role(RoleName=name, TagKeys=drop)
        if put:
            ctx.client("iam").tag_role(RoleName=name, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("iam").delete_service_linked_role(RoleName=id.rsplit("/", 1)[-1])
