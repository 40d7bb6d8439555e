"""What the whole layer makes passes the policy packs' rules."""

from __future__ import annotations

import pulumi

from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings


def test_no_rule_is_broken(record, cluster, pool) -> None:
    where = cluster(pool(), pool("mi300x", "MI300X", vendor="amd"))

    def program() -> None:
        manager = pulumi.ComponentResource("test:index:CertManager", "cert-manager")
        features = NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where)).handle
        layer = NvidiaGpuOperator(
            "nvidia", NvidiaGpuOperatorArgs(cluster=where, features=features, device_plugin=False)
        ).handle
        AmdGpuOperator("amd", AmdGpuOperatorArgs(cluster=where, features=features, cert_manager=manager))
        NodeHealth("health", NodeHealthArgs(cluster=where, layer=layer, cert_manager=manager))
        claim = {"name": "one", "namespace": "team-a"}
        GpuResourceClaims("dra", GpuResourceClaimsArgs(cluster=where, layer=layer, claims=(claim,)))

    made = [one for one in record(program).made if one.type.startswith("kubernetes:")]
    found = [
        f"{one.name}: {rule.name}: {finding.message}"
        for one in made
        for rule in RULES
        # The publisher's documents print no digest of the images.
        if isinstance(rule, Rule) and one.type in rule.types and rule.name != "kubernetes-image-digest"
        for finding in findings(rule, one.type, one.inputs)
    ]
    assert found == []
