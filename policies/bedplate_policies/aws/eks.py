"""EKS: control plane, node groups, access."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate_policies.aws.controls import (
    HANDS_OFF,
    LEAST_PRIVILEGE,
    NETWORK,
    PATCHING,
    PUBLIC_ACCESS,
    cis_eks,
    fsbp,
    well_architected,
)
from bedplate_policies.checks import (
    custom,
    is_set,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
    must_not_be_set,
    when,
)
from bedplate_policies.networks import is_open
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

CLUSTER = "aws:eks/cluster:Cluster"
_NODES = "aws:eks/nodeGroup:NodeGroup"
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_MINOR = re.compile(r"(\d+)\.(\d+)")
_ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"


def _secrets_encrypted(resource: Resource, _: Config) -> Iterator[Finding]:
    resources = resource.get("encryptionConfig.resources")
    key = resource.get("encryptionConfig.provider.keyArn")
    if resources is UNKNOWN:
        yield Finding.undetermined("encryptionConfig.resources")
    elif not isinstance(resources, list | tuple) or "secrets" not in resources:
        # From Kubernetes 1.28 on AWS encrypts with a key of its own, which the customer cannot revoke.
        yield Finding.violation(
            'encryptionConfig.resources does not have "secrets"', "encryptionConfig.resources"
        )
    if key is MISSING or key == "":
        yield Finding.violation(
            "encryptionConfig.provider.keyArn is not set", "encryptionConfig.provider.keyArn"
        )


def _logs(resource: Resource, config: Config) -> Iterator[Finding]:
    path = "enabledClusterLogTypes"
    if resource.get(path) is UNKNOWN:
        yield Finding.undetermined(path)
        return
    found = [value for _, value in resource.each(f"{path}[]")]
    wanted = config.strings("log_types")
    absent = [kind for kind in wanted if kind not in found]
    if absent and UNKNOWN in found:
        yield Finding.undetermined(path)
    elif absent:
        yield Finding.violation(f"{path} lacks {', '.join(absent)}", path)


def _version(resource: Resource, config: Config) -> Iterator[Finding]:
    value = resource.get("version")
    oldest = str(config["oldest_version"])
    if value is UNKNOWN:
        yield Finding.undetermined("version")
    elif value is not MISSING:
        # EKS takes its own current version where none is given.
        given = _MINOR.fullmatch(str(value))
        limit = _MINOR.fullmatch(oldest)
        if limit is None:
            raise ValueError("oldest_version is no version of Kubernetes; write it as 1.33")
        if given is None:
            yield Finding.violation("version is no version of Kubernetes; write it as 1.33", "version")
        elif tuple(map(int, given.groups())) < tuple(map(int, limit.groups())):
            yield Finding.violation(f"version is older than {oldest}", "version")


def _public_endpoint_is_narrow(resource: Resource, _: Config) -> Iterator[Finding]:
    public = resource.get("vpcConfig.endpointPublicAccess")
    path = "vpcConfig.publicAccessCidrs"
    if public is UNKNOWN:
        yield Finding.undetermined("vpcConfig.endpointPublicAccess")
    elif public is MISSING or public is True or public == "true":
        cidrs = resource.get(path)
        if cidrs is MISSING or cidrs == []:
            yield Finding.violation(f"{path} is not set, so the whole internet reaches the API server", path)
            return
        for where, value in resource.each(f"{path}[]"):
            if value is UNKNOWN:
                yield Finding.undetermined(where)
            elif is_open(value):
                yield Finding.violation(f"{where} lets the whole internet reach the API server", where)


def _cluster_admin(resource: Resource, _: Config) -> Iterator[Finding]:
    policy, scope = resource.get("policyArn"), resource.get("accessScope.type")
    if policy is UNKNOWN:
        yield Finding.undetermined("policyArn")
    elif isinstance(policy, str) and policy.endswith(f"/{_ADMIN_POLICY}") and scope != "namespace":
        yield Finding.violation(f"policyArn grants {_ADMIN_POLICY} on the whole cluster", "policyArn")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-eks-secrets-encrypted",
        description="EKS encrypts Kubernetes secrets with a customer-managed key.",
        severity=Severity.HIGH,
        remediation='Set encryption_config.resources=["secrets"] and encryption_config.provider.key_arn.',
        controls=(*fsbp("EKS.3"), *cis_eks("5.3.1")),
        types=(CLUSTER,),
        group="encryption",
        check=custom(_secrets_encrypted, "encryptionConfig.resources", "encryptionConfig.provider.keyArn"),
    ),
    rule(
        name="aws-eks-endpoint-private",
        description="The API server of EKS is reached from inside the network.",
        severity=Severity.HIGH,
        remediation="Set vpc_config.endpoint_private_access=True.",
        controls=cis_eks("5.4.1", "5.4.2"),
        types=(CLUSTER,),
        check=must_equal("vpcConfig.endpointPrivateAccess", True),
    ),
    rule(
        name="aws-eks-endpoint-not-public",
        description="The API server of EKS is not reached from the internet.",
        severity=Severity.HIGH,
        remediation="Set vpc_config.endpoint_public_access=False and reach it from the network or a VPN.",
        controls=(*fsbp("EKS.1"), *cis_eks("5.4.2")),
        types=(CLUSTER,),
        check=must_equal("vpcConfig.endpointPublicAccess", False),
    ),
    rule(
        name="aws-eks-endpoint-cidrs",
        description="Where the API server is public, only named networks reach it.",
        severity=Severity.CRITICAL,
        remediation="Set vpc_config.public_access_cidrs to your own networks.",
        controls=(*cis_eks("5.4.1"), *PUBLIC_ACCESS),
        types=(CLUSTER,),
        check=custom(
            _public_endpoint_is_narrow, "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs[]"
        ),
    ),
    rule(
        name="aws-eks-control-plane-logs",
        description="EKS keeps the logs of its control plane.",
        severity=Severity.MEDIUM,
        remediation=f"Set enabled_cluster_log_types={list(_LOG_TYPES)}.",
        controls=(*fsbp("EKS.8"), *cis_eks("2.1.1")),
        types=(CLUSTER,),
        check=custom(
            _logs,
            "enabledClusterLogTypes[]",
            options={"log_types": Option("array", list(_LOG_TYPES), "The logs that must be on.")},
        ),
    ),
    rule(
        name="aws-eks-version",
        description="EKS runs a version of Kubernetes in standard support.",
        severity=Severity.HIGH,
        remediation="Raise version, one minor version at a time.",
        controls=fsbp("EKS.2"),
        types=(CLUSTER, _NODES),
        check=custom(
            _version,
            "version",
            # Standard support lasts 14 months; EKS released 1.33 in May 2025 (from memory).
            options={"oldest_version": Option("string", "1.33", "The oldest version that may run.")},
        ),
    ),
    rule(
        name="aws-eks-standard-support",
        description="EKS does not slip into extended support, which costs six times as much per hour.",
        severity=Severity.LOW,
        remediation='Set upgrade_policy.support_type="STANDARD".',
        controls=(*PATCHING, *well_architected("COST02-BP02")),
        types=(CLUSTER,),
        enforcement="advisory",
        check=must_equal("upgradePolicy.supportType", "STANDARD"),
    ),
    rule(
        name="aws-eks-authentication-mode",
        description=(
            "EKS takes identities from access entries, not from a ConfigMap that anyone in the cluster edits."
        ),
        severity=Severity.MEDIUM,
        remediation='Set access_config.authentication_mode="API".',
        controls=LEAST_PRIVILEGE,
        types=(CLUSTER,),
        check=must_equal("accessConfig.authenticationMode", "API"),
    ),
    rule(
        name="aws-eks-creator-not-admin",
        description="Whoever creates the cluster does not stay its administrator unseen.",
        severity=Severity.MEDIUM,
        remediation=(
            "Set access_config.bootstrap_cluster_creator_admin_permissions=False and name administrators "
            "in aws.eks.AccessEntry."
        ),
        controls=LEAST_PRIVILEGE,
        types=(CLUSTER,),
        check=must_equal("accessConfig.bootstrapClusterCreatorAdminPermissions", False),
    ),
    rule(
        name="aws-eks-deletion-protection",
        description="EKS clusters are not deleted by accident.",
        severity=Severity.LOW,
        remediation="Set deletion_protection=True.",
        controls=well_architected("REL09-BP01"),
        types=(CLUSTER,),
        enforcement="advisory",
        check=must_equal("deletionProtection", True),
    ),
    rule(
        name="aws-eks-node-group-launch-template",
        description=(
            "Node groups take their machines from a launch template, which sets IMDSv2 and encrypted disks."
        ),
        severity=Severity.HIGH,
        remediation="Set launch_template.id and launch_template.version; put disk size and SSH key there.",
        controls=well_architected("SEC06-BP02"),
        types=(_NODES,),
        group="encryption",
        check=must_be_given("launchTemplate.version"),
    ),
    rule(
        name="aws-eks-node-group-ssh-sources",
        description="Where node groups take SSH, only named security groups reach it.",
        severity=Severity.CRITICAL,
        remediation=(
            "Set remote_access.source_security_group_ids; without it port 22 is open to the internet."
        ),
        controls=(*PUBLIC_ACCESS, *NETWORK),
        types=(_NODES,),
        check=when(is_set("remoteAccess.ec2SshKey"), must_be_set("remoteAccess.sourceSecurityGroupIds")),
    ),
    rule(
        name="aws-eks-node-group-no-ssh",
        description="Nodes take no SSH: people reach them through Session Manager, which is logged.",
        severity=Severity.LOW,
        remediation="Leave remote_access out.",
        controls=HANDS_OFF,
        types=(_NODES,),
        enforcement="advisory",
        check=must_not_be_set("remoteAccess"),
    ),
    rule(
        name="aws-eks-node-group-image-supported",
        description="Node groups run a machine image that still gets updates: Amazon Linux 2 ended in 2025.",
        severity=Severity.MEDIUM,
        remediation='Set ami_type="AL2023_x86_64_NVIDIA" or another AL2023 or Bottlerocket type.',
        controls=PATCHING,
        types=(_NODES,),
        check=must_not_be("amiType", "AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64"),
    ),
    rule(
        name="aws-eks-cluster-admin",
        description="Administration of a whole cluster is granted knowingly.",
        severity=Severity.MEDIUM,
        remediation=(
            'Use AmazonEKSAdminPolicy or less with access_scope.type="namespace" where that is enough.'
        ),
        controls=(*LEAST_PRIVILEGE,),
        types=("aws:eks/accessPolicyAssociation:AccessPolicyAssociation",),
        enforcement="advisory",
        check=custom(_cluster_admin, "policyArn", "accessScope.type"),
    ),
    rule(
        name="aws-eks-access-entry-masters",
        description="No access entry joins system:masters, which no RBAC rule can take back.",
        severity=Severity.HIGH,
        remediation="Name a group of your own in kubernetes_groups, or an aws.eks.AccessPolicyAssociation.",
        controls=LEAST_PRIVILEGE,
        types=("aws:eks/accessEntry:AccessEntry",),
        check=must_not_be("kubernetesGroups[]", "system:masters"),
    ),
    rule(
        name="aws-eks-addon-conflicts",
        description="Updates of add-ons keep or replace what was changed by hand, and do not stop half-way.",
        severity=Severity.LOW,
        remediation='Set resolve_conflicts_on_update to "OVERWRITE" or "PRESERVE".',
        controls=PATCHING,
        types=("aws:eks/addon:Addon",),
        enforcement="advisory",
        check=must_not_be("resolveConflictsOnUpdate", "NONE"),
    ),
)
