"""IAM instance profiles."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import NAME_128, PATH, role_name
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, moment
from bedplate.sandbox.providers.aws.handlers.service_shape import given
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference


@REGISTRY.register
class IamInstanceProfile(ServiceHandler):
    token = "aws:iam/instanceProfile:InstanceProfile"
    service = "iam"
    auto_name = AutoName("name", 128)
    replace_on = frozenset({"name", "namePrefix", "path"})
    defaults: ClassVar = {"path": "/"}
    references = (Reference("role", "iam:role"),)
    patterns: ClassVar = {"name": NAME_128, "path": PATH}
    tagged = True
    regional = False

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        iam, name = ctx.client("iam"), inputs["name"]
        iam.create_instance_profile(
            InstanceProfileName=name, Tags=tag_list(inputs["tagsAll"]), **given(inputs, Path="path")
        )
        if inputs.get("role"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role_name(inputs["role"]))
        return str(name)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        profile = ctx.client("iam").get_instance_profile(InstanceProfileName=id)["InstanceProfile"]
        return {
            "arn": profile["Arn"],
            "name": id,
            "path": profile["Path"],
            "uniqueId": profile["InstanceProfileId"],
            "createDate": state.get("createDate") or moment(profile["CreateDate"]),
            "role": profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
            "tagsAll": tag_map(profile.get("Tags")),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        iam = ctx.client("iam")
        if "role" not in changed:
            return
        if old.get("role"):
            iam.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=role_name(old["role"]))
        if new.get("role"):
            iam.add_role_to_instance_profile(InstanceProfileName=id, RoleName=role_name(new["role"]))

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("iam").untag_instance_profile(InstanceProfileName=id, TagKeys=drop)
        if put:
            ctx.client("iam").tag_instance_profile(InstanceProfileName=id, Tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        iam = ctx.client("iam")
        for role in iam.get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=id)
