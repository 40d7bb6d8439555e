"""EKS add-ons, access entries and policies, and pod identities."""

from typing import ClassVar

import yaml

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.eks_cluster import CHILDREN, EXTRAS, cluster_key
from bedplate.sandbox.providers.aws.handlers.eks_facts import (
    ACCESS_POLICIES,
    ADDONS,
    PRINCIPAL_ARN,
    RESERVED_GROUPS,
    ROLE_ARN,
    trust_problem,
)
from bedplate.sandbox.providers.aws.handlers.eks_stored import EksStored, now
from bedplate.sandbox.providers.aws.handlers.service_base import stable_id
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

_POD_SERVICE = "pods.eks.amazonaws.com"
_ENTRY_TYPES = (
    "STANDARD",
    "EC2_LINUX",
    "EC2_WINDOWS",
    "FARGATE_LINUX",
    "EC2",
    "HYBRID_LINUX",
    "HYPERPOD_LINUX",
)
_K8S_NAME = Pattern(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a Kubernetes name: 1 to 63 of a-z, 0-9 and '-'")


@REGISTRY.register
class EksAddon(EksStored):
    token = "aws:eks/addon:Addon"
    noun = "Addon"
    names = ("addonName",)
    replace_on = frozenset({"clusterName", "addonName", "namespaceConfig"})
    references = (
        Reference("clusterName", "eks:cluster"),
        Reference("serviceAccountRoleArn", "iam:role"),
        Reference("podIdentityAssociations[].roleArn", "iam:role"),
    )
    unordered = frozenset({"podIdentityAssociations"})
    json_documents = frozenset({"configurationValues"})
    enums: ClassVar = {
        "resolveConflictsOnCreate": ("NONE", "OVERWRITE"),
        "resolveConflictsOnUpdate": "eks.ResolveConflicts",
    }
    patterns: ClassVar = {
        "addonVersion": Pattern(
            r"v\d+\.\d+\.\d+(-eksbuild\.\d+)?", "an add-on version such as 'v1.20.4-eksbuild.1'"
        ),
        "serviceAccountRoleArn": ROLE_ARN,
        "podIdentityAssociations[].roleArn": ROLE_ARN,
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        name = inputs.get("addonName")
        if name and name not in ADDONS and "_" not in name:
            problems.append(
                ("addonName", f"addon {name!r} is not known; known are {', '.join(sorted(ADDONS))}")
            )
        text = inputs.get("configurationValues")
        if text:
            try:
                values = yaml.safe_load(text)
            except yaml.YAMLError as error:
                values = None
                problems.append(("configurationValues", f"neither JSON nor YAML: {error}; use json.dumps"))
            else:
                if not isinstance(values, dict):
                    problems.append(("configurationValues", "not an object; give keys and values"))
        for index, item in enumerate(inputs.get("podIdentityAssociations") or []):
            reason = trust_problem(ctx, item["roleArn"], _POD_SERVICE) if item.get("roleArn") else None
            if reason:
                problems.append((f"podIdentityAssociations[{index}].roleArn", reason))
        return problems

    def computed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        cluster, name = inputs["clusterName"], inputs["addonName"]
        unique = stable_id(ctx.region, cluster, name)
        arn = f"arn:{ctx.partition}:eks:{ctx.region}:{ctx.account_id}:addon/{cluster}/{name}/{unique}"
        outputs = {"arn": arn, "createdAt": now(), "modifiedAt": now()}
        # Which version is the default is EKS's to say, and no table of it is public; this has the right form.
        return outputs if inputs.get("addonVersion") else {**outputs, "addonVersion": "v1.0.0-eksbuild.1"}


@REGISTRY.register
class EksAccessEntry(EksStored):
    token = "aws:eks/accessEntry:AccessEntry"
    noun = "The specified access entry resource"
    names = ("principalArn",)
    replace_on = frozenset({"clusterName", "principalArn", "type"})
    defaults: ClassVar = {"type": "STANDARD"}
    unordered = frozenset({"kubernetesGroups"})
    enums: ClassVar = {"type": _ENTRY_TYPES}
    patterns: ClassVar = {"principalArn": PRINCIPAL_ARN}
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        groups = inputs.get("kubernetesGroups") or []
        for index, group in enumerate(groups):
            if group.startswith(RESERVED_GROUPS):
                problems.append(
                    (
                        f"kubernetesGroups[{index}]",
                        f"{group!r} begins with one of {', '.join(RESERVED_GROUPS)}, which are reserved; "
                        "use a group of your own or an access policy",
                    )
                )
        if inputs.get("type", "STANDARD") != "STANDARD" and (groups or inputs.get("userName")):
            problems.append(
                ("type", f"{inputs['type']} takes no kubernetesGroups and no userName; remove them")
            )
        return problems

    def verify(self, ctx: Context, cluster: JsonObject, inputs: JsonObject) -> None:
        need_api_mode(ctx, inputs["clusterName"])

    def computed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        cluster, principal = inputs["clusterName"], str(inputs["principalArn"])
        _, _, _, _, account, path = principal.split(":", 5)
        kind, _, rest = path.partition("/")
        name = rest.rsplit("/", 1)[-1]
        unique = stable_id(ctx.region, cluster, principal)
        assumed = f"arn:{ctx.partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"
        outputs: JsonObject = {
            "accessEntryArn": f"arn:{ctx.partition}:eks:{ctx.region}:{ctx.account_id}:"
            f"access-entry/{cluster}/{kind}/{account}/{name}/{unique}",
            "createdAt": now(),
            "modifiedAt": now(),
        }
        if not inputs.get("userName"):
            outputs["userName"] = assumed if kind == "role" else principal
        if inputs.get("kubernetesGroups") is None:
            outputs["kubernetesGroups"] = []
        return outputs

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        super().remove(ctx, id, state)
        # EKS takes the associations of an entry along with it.
        cluster = cluster_key(ctx, state["clusterName"])
        prefix = f"{EksAccessPolicyAssociation.token}|{cluster}/{state['principalArn']}/"
        for key in ctx.store.items(CHILDREN):
            if key.startswith(prefix):
                ctx.store.delete(CHILDREN, key)


@REGISTRY.register
class EksAccessPolicyAssociation(EksStored):
    token = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
    noun = "Access policy association"
    names = ("principalArn", "policyArn")
    replace_on = frozenset({"clusterName", "principalArn", "policyArn", "accessScope"})
    unordered = frozenset({"accessScope.namespaces"})
    enums: ClassVar = {"accessScope.type": "eks.AccessScopeType"}
    patterns: ClassVar = {"principalArn": PRINCIPAL_ARN}

    def identity(self, inputs: JsonObject) -> str:
        return f"{inputs['clusterName']}#{inputs['principalArn']}#{inputs['policyArn']}"

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        arn = str(inputs.get("policyArn") or "")
        head = f"arn:{ctx.partition}:eks::aws:cluster-access-policy/"
        if arn and not (arn.startswith(head) and arn.removeprefix(head) in ACCESS_POLICIES):
            problems.append(
                (
                    "policyArn",
                    f"{arn!r} is not the ARN of an EKS access policy; give {head}<name> with a name of "
                    f"{', '.join(sorted(ACCESS_POLICIES))}",
                )
            )
        scope = inputs.get("accessScope") or {}
        if scope.get("type") == "namespace" and not scope.get("namespaces"):
            problems.append(("accessScope.namespaces", "missing; scope type namespace needs at least one"))
        if scope.get("type") == "cluster" and scope.get("namespaces"):
            problems.append(("accessScope.namespaces", "not with scope type cluster; remove it"))
        return problems

    def verify(self, ctx: Context, cluster: JsonObject, inputs: JsonObject) -> None:
        key = f"{EksAccessEntry.token}|{cluster_key(ctx, inputs['clusterName'])}/{inputs['principalArn']}"
        if ctx.store.get(CHILDREN, key) is None:
            raise CloudError(
                "ResourceNotFoundException",
                f"The specified principalArn {inputs['principalArn']} has no access entry on cluster "
                f"{inputs['clusterName']}; create an AccessEntry for it first",
            )

    def computed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        return {"associatedAt": now(), "modifiedAt": now()}


@REGISTRY.register
class EksPodIdentityAssociation(EksStored):
    token = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    noun = "Association"
    names = ("namespace", "serviceAccount")
    replace_on = frozenset({"clusterName", "namespace", "serviceAccount"})
    references = (
        Reference("clusterName", "eks:cluster"),
        Reference("roleArn", "iam:role"),
        Reference("targetRoleArn", "iam:role"),
    )
    json_documents = frozenset({"policy"})
    patterns: ClassVar = {"roleArn": ROLE_ARN, "namespace": _K8S_NAME, "targetRoleArn": ROLE_ARN}
    tagged = True

    def identity(self, inputs: JsonObject) -> str:
        return str(inputs["associationId"])

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        reason = trust_problem(ctx, inputs["roleArn"], _POD_SERVICE) if inputs.get("roleArn") else None
        return [("roleArn", reason)] if reason else []

    def computed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        cluster = inputs["clusterName"]
        unique = stable_id(ctx.region, cluster, inputs["namespace"], inputs["serviceAccount"], length=17)
        prefix = f"arn:{ctx.partition}:eks:{ctx.region}:{ctx.account_id}:podidentityassociation"
        outputs = {"associationId": f"a-{unique}", "associationArn": f"{prefix}/{cluster}/a-{unique}"}
        if inputs.get("targetRoleArn"):
            outputs["externalId"] = f"{ctx.region}/{ctx.account_id}/{cluster}/a-{unique}"
        return {"disableSessionTags": False, **outputs} if "disableSessionTags" not in inputs else outputs


def need_api_mode(ctx: Context, cluster: str) -> None:
    """Access entries need an authentication mode that has them; raises InvalidRequestException otherwise."""
    mode = (ctx.store.get(EXTRAS, cluster_key(ctx, cluster)) or {}).get("authenticationMode")
    if mode == "CONFIG_MAP":
        raise CloudError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform "
            f"this operation; cluster {cluster} has CONFIG_MAP: set accessConfig.authenticationMode",
        )
