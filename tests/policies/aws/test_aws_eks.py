"""Examples for the rules of EKS, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.eks import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

EXAMPLES = {
    "aws-eks-secrets-encrypted": (
        [{"encryptionConfig": {"resources": ["secrets"], "provider": {"keyArn": KEY}}}],
        [
            {},
            {"encryptionConfig": {"resources": [], "provider": {"keyArn": KEY}}},
            {"encryptionConfig": {"resources": ["secrets"], "provider": {}}},
        ],
    ),
    "aws-eks-endpoint-private": (
        [{"vpcConfig": {"endpointPrivateAccess": True}}],
        [{"vpcConfig": {}}, {"vpcConfig": {"endpointPrivateAccess": False}}],
    ),
    "aws-eks-endpoint-not-public": (
        [{"vpcConfig": {"endpointPublicAccess": False}}],
        [{"vpcConfig": {}}, {"vpcConfig": {"endpointPublicAccess": True}}],
    ),
    "aws-eks-endpoint-cidrs": (
        [
            {"vpcConfig": {"endpointPublicAccess": False}},
            {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["198.51.100.0/24"]}},
        ],
        [
            {"vpcConfig": {}},
            {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": []}},
            {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}},
        ],
    ),
    "aws-eks-control-plane-logs": (
        [{"enabledClusterLogTypes": LOGS}],
        [{}, {"enabledClusterLogTypes": LOGS[:-1]}],
    ),
    "aws-eks-version": (
        [{}, {"version": "1.33"}, {"version": "1.35"}],
        [{"version": "1.9"}, {"version": "1.32"}, {"version": "latest"}],
    ),
    "aws-eks-standard-support": (
        [{"upgradePolicy": {"supportType": "STANDARD"}}],
        [{}, {"upgradePolicy": {"supportType": "EXTENDED"}}],
    ),
    "aws-eks-authentication-mode": (
        [{"accessConfig": {"authenticationMode": "API"}}],
        [{}, {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}],
    ),
    "aws-eks-creator-not-admin": (
        [{"accessConfig": {"bootstrapClusterCreatorAdminPermissions": False}}],
        [{}, {"accessConfig": {"bootstrapClusterCreatorAdminPermissions": True}}],
    ),
    "aws-eks-deletion-protection": ([{"deletionProtection": True}], [{}, {"deletionProtection": False}]),
    "aws-eks-node-group-launch-template": (
        [{"launchTemplate": {"id": "lt-1", "version": "1"}}],
        [{}, {"diskSize": 100}],
    ),
    "aws-eks-node-group-ssh-sources": (
        [{}, {"remoteAccess": {"ec2SshKey": "key", "sourceSecurityGroupIds": ["sg-1"]}}],
        [
            {"remoteAccess": {"ec2SshKey": "key"}},
            {"remoteAccess": {"ec2SshKey": "key", "sourceSecurityGroupIds": []}},
        ],
    ),
    "aws-eks-node-group-no-ssh": ([{}], [{"remoteAccess": {"ec2SshKey": "key"}}]),
    "aws-eks-node-group-image-supported": (
        [{}, {"amiType": "AL2023_x86_64_NVIDIA"}, {"amiType": "BOTTLEROCKET_x86_64_NVIDIA"}],
        [{"amiType": "AL2_x86_64_GPU"}],
    ),
    "aws-eks-cluster-admin": (
        [
            {"policyArn": ADMIN.replace("ClusterAdmin", "View"), "accessScope": {"type": "cluster"}},
            {"policyArn": ADMIN, "accessScope": {"type": "namespace"}},
        ],
        [{"policyArn": ADMIN, "accessScope": {"type": "cluster"}}],
    ),
    "aws-eks-access-entry-masters": (
        [{}, {"kubernetesGroups": ["ml-engineers"]}],
        [{"kubernetesGroups": ["ml-engineers", "system:masters"]}],
    ),
    "aws-eks-addon-conflicts": (
        [{}, {"resolveConflictsOnUpdate": "OVERWRITE"}],
        [{"resolveConflictsOnUpdate": "NONE"}],
    ),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
