"""ECR repositories with their lifecycle and access policies."""

import json
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list, tag_map
from bedplate.sandbox.providers.aws.handlers.iam_role import document_text
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep_json
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

_NAME = Pattern(
    r"(?=.{2,256}$)[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
    "2 to 256 of lower-case letters, digits, '.', '_', '-' and '/', e.g. 'team/trainer'",
)


@REGISTRY.register
class EcrRepository(ServiceHandler):
    token = "aws:ecr/repository:Repository"
    service = "ecr"
    auto_name = AutoName("name", 256, lower_case=True)
    replace_on = frozenset({"name", "encryptionConfigurations"})
    defaults: ClassVar = {"imageTagMutability": "MUTABLE"}
    references = (Reference("encryptionConfigurations[].kmsKey", "kms:key"),)
    enums: ClassVar = {
        "imageTagMutability": "ecr.ImageTagMutability",
        "encryptionConfigurations[].encryptionType": "ecr.EncryptionType",
    }
    patterns: ClassVar = {"name": _NAME}
    tagged = True

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        encryption = inputs.get("encryptionConfigurations")
        ctx.client("ecr").create_repository(
            repositoryName=inputs["name"],
            tags=tag_list(inputs["tagsAll"]),
            **given(inputs, "imageTagMutability", "imageScanningConfiguration"),
            **({"encryptionConfiguration": encryption[0]} if encryption else {}),
        )
        return str(inputs["name"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        ecr = ctx.client("ecr")
        shown = ecr.describe_repositories(repositoryNames=[id])["repositories"][0]
        return {
            "name": id,
            "arn": shown["repositoryArn"],
            "registryId": shown["registryId"],
            "repositoryUrl": f"{shown['registryId']}.dkr.ecr.{ctx.region}.amazonaws.com/{id}",
            "imageTagMutability": shown["imageTagMutability"],
            "imageScanningConfiguration": shown["imageScanningConfiguration"],
            "encryptionConfigurations": state.get("encryptionConfigurations")
            or [shown["encryptionConfiguration"]],
            "tagsAll": tag_map(ecr.list_tags_for_resource(resourceArn=shown["repositoryArn"])["tags"]),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ecr = ctx.client("ecr")
        if "imageTagMutability" in changed:
            ecr.put_image_tag_mutability(
                repositoryName=id, imageTagMutability=new.get("imageTagMutability", "MUTABLE")
            )
        if "imageScanningConfiguration" in changed:
            ecr.put_image_scanning_configuration(
                repositoryName=id,
                imageScanningConfiguration=new.get("imageScanningConfiguration") or {"scanOnPush": False},
            )

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("ecr").untag_resource(resourceArn=state["arn"], tagKeys=drop)
        if put:
            ctx.client("ecr").tag_resource(resourceArn=state["arn"], tags=tag_list(put))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.client("ecr").delete_repository(repositoryName=id, force=bool(state.get("forceDelete")))


class _RepositoryDocument(ServiceHandler):
    service = "ecr"
    replace_on = frozenset({"repository"})
    json_documents = frozenset({"policy"})
    # The part of the call's name, and the name of its text argument.
    call: ClassVar[str]
    argument: ClassVar[str]
    setter: ClassVar[str]

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        self._put(ctx, inputs["repository"], inputs)
        return str(inputs["repository"])

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        answer: dict[str, Any] = getattr(ctx.client("ecr"), f"get_{self.call}")(repositoryName=id)
        return {
            "repository": id,
            "registryId": answer["registryId"],
            "policy": keep_json(state.get("policy"), answer[self.argument]),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if "policy" in changed:
            self._put(ctx, id, new)

    def _put(self, ctx: Context, name: str, inputs: JsonObject) -> None:
        text = document_text(inputs["policy"])
        getattr(ctx.client("ecr"), f"{self.setter}_{self.call}")(repositoryName=name, **{self.argument: text})

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        getattr(ctx.client("ecr"), f"delete_{self.call}")(repositoryName=id)


@REGISTRY.register
class EcrLifecyclePolicy(_RepositoryDocument):
    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    call, argument, setter = "lifecycle_policy", "lifecyclePolicyText", "put"

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        policy = inputs.get("policy")
        if policy is None:
            return []
        try:
            parsed = json.loads(policy) if isinstance(policy, str) else policy
        except ValueError as error:
            return [("policy", f"not JSON ({error}); build it with json.dumps")]
        rules = parsed.get("rules") if isinstance(parsed, dict) else None
        if not isinstance(rules, list) or not rules:
            return [("policy", "InvalidParameterException: needs a list 'rules' with at least one rule")]
        return [("policy", reason) for reason in _rule_reasons(rules)]


def _rule_reasons(rules: list[Any]) -> list[str]:
    reasons: list[str] = []
    priorities = [rule.get("rulePriority") for rule in rules if isinstance(rule, dict)]
    if len(set(priorities)) != len(rules):
        reasons.append("every rule needs a rulePriority of its own")
    for index, rule in enumerate(rules):
        selection = rule.get("selection") or {} if isinstance(rule, dict) else {}
        if selection.get("tagStatus") not in ("tagged", "untagged", "any"):
            reasons.append(f"rules[{index}].selection.tagStatus must be tagged, untagged or any")
        if selection.get("countType") not in ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled"):
            reasons.append(
                f"rules[{index}].selection.countType must be imageCountMoreThan or sinceImagePushed"
            )
        if selection.get("tagStatus") == "tagged" and not (
            selection.get("tagPrefixList") or selection.get("tagPatternList")
        ):
            reasons.append(
                f"rules[{index}].selection needs tagPrefixList or tagPatternList with tagStatus tagged"
            )
        if ((rule.get("action") or {}) if isinstance(rule, dict) else {}).get("type") not in (
            "expire",
            "transition",
        ):
            reasons.append(f"rules[{index}].action.type must be expire")
    return reasons


@REGISTRY.register
class EcrRepositoryPolicy(_RepositoryDocument):
    token = "aws:ecr/repositoryPolicy:RepositoryPolicy"
    call, argument, setter = "repository_policy", "policyText", "set"

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        from bedplate.sandbox.providers.aws.handlers.service_policy import as_list, statements

        policy = inputs.get("policy")
        if policy is None:
            return []
        found = statements(policy)
        if not found:
            return [("policy", "MalformedPolicyDocument: no Statement that can be read; give at least one")]
        # A repository's policy has no Resource: it is the repository.
        bad = [item for item in found if "Principal" not in item or not as_list(item.get("Action"))]
        return (
            [("policy", "MalformedPolicyDocument: each statement needs Principal and Action")] if bad else []
        )
