"""Rules about GKE clusters and their nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bedplate_policies.gcp import gke_cluster, gke_nodes
from bedplate_policies.rule import Finding
from bedplate_policies.testing import UNKNOWN, Case, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULE_NAMES = {rule.name for module in (gke_cluster, gke_nodes) for rule in module.RULES}
CLUSTER, (POOL,) = gke_nodes.CLUSTER, gke_nodes.POOL
AUTOPILOT: Example = (CLUSTER, {"enableAutopilot": True})


def cluster(**inputs: object) -> Example:
    return CLUSTER, inputs


def pool(**inputs: object) -> Example:
    return POOL, inputs


def nodes(**config: object) -> list[Example]:
    """Nodes of a pool, and of the default pool of a cluster that keeps it."""
    return [pool(nodeConfig=config), cluster(nodeConfig=config)]


# Clusters whose nodes a rule about nodes has nothing to say to.
NO_NODES = [AUTOPILOT, cluster(removeDefaultNodePool=True, initialNodeCount=1)]


def of_nodes(name: str, good: list[Mapping[str, object]], bad: list[Mapping[str, object]]) -> Case:
    return Case(
        name,
        [*NO_NODES, *(one for config in good for one in nodes(**config))],
        [one for config in bad for one in nodes(**config)],
    )


def by_gke(name: str, good: list[Mapping[str, object]], bad: list[Mapping[str, object]]) -> Case:
    """Defaults of the nodes that GKE makes by itself, in Autopilot and in node auto-provisioning."""

    def both(defaults: Mapping[str, object]) -> list[Example]:
        given = {"autoProvisioningDefaults": defaults}
        return [
            cluster(clusterAutoscaling={"enabled": True, **given}),
            cluster(enableAutopilot=True, clusterAutoscaling=given),
        ]

    return Case(
        name,
        [cluster(), *(one for defaults in good for one in both(defaults))],
        [AUTOPILOT, *(one for defaults in bad for one in both(defaults))],
    )


def switched_off(name: str, *paths: str) -> Case:
    """A property that is right by default and wrong when it is switched off."""
    return Case(name, [cluster(), cluster(**nested(paths, True))], [cluster(**nested(paths, False))])


def nested(paths: tuple[str, ...], value: object) -> dict[str, object]:
    inner: object = value
    for path in reversed(paths):
        inner = {path: inner}
    assert isinstance(inner, dict)
    return inner


PRIVATE = {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
DNS_ONLY = {"controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"enabled": False}}}
OWN_NODES = {
    "bootDiskKmsKey": "key",
    "serviceAccount": "nodes@example.iam.gserviceaccount.com",
    "shieldedInstanceConfig": {"enableSecureBoot": True},
}

CASES = [
    Case(
        "gcp-gke-secrets-encryption",
        [
            cluster(databaseEncryption={"state": "ENCRYPTED", "keyName": "key"}),
            cluster(databaseEncryption={"state": "ENCRYPTED", "keyName": UNKNOWN}),
        ],
        [
            cluster(),
            cluster(databaseEncryption={"state": "DECRYPTED"}),
            cluster(databaseEncryption={"state": "ENCRYPTED"}),
        ],
    ),
    Case(
        "gcp-gke-node-to-node-encryption",
        [cluster(inTransitEncryptionConfig="IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT")],
        [cluster(), cluster(inTransitEncryptionConfig="IN_TRANSIT_ENCRYPTION_DISABLED")],
    ),
    by_gke("gcp-gke-auto-provisioned-boot-disk-cmek", [{"bootDiskKmsKey": "key"}], [{}]),
    by_gke(
        "gcp-gke-auto-provisioned-service-account",
        [{"serviceAccount": "nodes@example.iam.gserviceaccount.com"}],
        [{}, {"serviceAccount": "default"}],
    ),
    Case(
        "gcp-gke-private-nodes",
        [cluster(privateClusterConfig=PRIVATE)],
        [cluster(), cluster(privateClusterConfig={"enablePrivateNodes": False})],
    ),
    Case(
        "gcp-gke-private-endpoint",
        [cluster(privateClusterConfig=PRIVATE), cluster(**DNS_ONLY)],
        [cluster(), cluster(privateClusterConfig={"enablePrivateEndpoint": False})],
    ),
    Case(
        "gcp-gke-authorized-networks",
        [
            cluster(masterAuthorizedNetworksConfig={}),
            cluster(masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": "10.0.0.0/8"}]}),
            cluster(**DNS_ONLY),
        ],
        [
            cluster(),
            cluster(masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}),
            cluster(masterAuthorizedNetworksConfig={"gcpPublicCidrsAccessEnabled": True}),
        ],
    ),
    Case(
        "gcp-gke-workload-identity",
        [AUTOPILOT, cluster(workloadIdentityConfig={"workloadPool": "example.svc.id.goog"})],
        [cluster(), cluster(workloadIdentityConfig={})],
    ),
    switched_off("gcp-gke-shielded-nodes", "enableShieldedNodes"),
    switched_off("gcp-gke-deletion-protection", "deletionProtection"),
    Case("gcp-gke-no-legacy-authorization", [cluster()], [cluster(enableLegacyAbac=True)]),
    Case(
        "gcp-gke-no-client-certificate",
        [cluster(), cluster(masterAuth={"clientCertificateConfig": {"issueClientCertificate": False}})],
        [cluster(masterAuth={"clientCertificateConfig": {"issueClientCertificate": True}})],
    ),
    Case(
        "gcp-gke-anonymous-authentication",
        [cluster(anonymousAuthenticationConfig={"mode": "LIMITED"})],
        [cluster(), cluster(anonymousAuthenticationConfig={"mode": "ENABLED"})],
    ),
    Case(
        "gcp-gke-network-policy",
        [AUTOPILOT, cluster(datapathProvider="ADVANCED_DATAPATH"), cluster(networkPolicy={"enabled": True})],
        [cluster(), cluster(datapathProvider="LEGACY_DATAPATH"), cluster(networkPolicy={"enabled": False})],
    ),
    Case(
        "gcp-gke-vpc-native",
        [cluster(), cluster(networkingMode="VPC_NATIVE")],
        [cluster(networkingMode="ROUTES")],
    ),
    Case(
        "gcp-gke-intranode-visibility",
        [AUTOPILOT, cluster(enableIntranodeVisibility=True)],
        [cluster(), cluster(enableIntranodeVisibility=False)],
    ),
    Case(
        "gcp-gke-logging",
        [cluster(), cluster(loggingConfig={"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]})],
        [
            cluster(loggingService="none"),
            cluster(loggingConfig={"enableComponents": ["SYSTEM_COMPONENTS"]}),
            cluster(loggingConfig={"enableComponents": []}),
        ],
    ),
    Case(
        "gcp-gke-monitoring",
        [cluster(), cluster(monitoringConfig={"enableComponents": ["SYSTEM_COMPONENTS"]})],
        [cluster(monitoringService="none"), cluster(monitoringConfig={"enableComponents": []})],
    ),
    Case(
        "gcp-gke-release-channel",
        [AUTOPILOT, cluster(releaseChannel={"channel": "REGULAR"})],
        [cluster(), cluster(releaseChannel={"channel": "UNSPECIFIED"})],
    ),
    Case("gcp-gke-no-alpha", [cluster()], [cluster(enableKubernetesAlpha=True)]),
    Case(
        "gcp-gke-binary-authorization",
        [cluster(binaryAuthorization={"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"})],
        [cluster(), cluster(binaryAuthorization={"evaluationMode": "DISABLED"})],
    ),
    Case(
        "gcp-gke-security-posture",
        [cluster(securityPostureConfig={"mode": "BASIC"})],
        [cluster(), cluster(securityPostureConfig={"mode": "DISABLED"})],
    ),
    Case(
        "gcp-gke-no-read-only-kubelet-port",
        [cluster()],
        [
            cluster(nodePoolDefaults={"nodeConfigDefaults": {"insecureKubeletReadonlyPortEnabled": "TRUE"}}),
            cluster(nodePoolAutoConfig={"nodeKubeletConfig": {"insecureKubeletReadonlyPortEnabled": "TRUE"}}),
        ],
    ),
    Case(
        "gcp-gke-inline-node-pools",
        [cluster(), cluster(nodePools=[{"nodeConfig": OWN_NODES}])],
        [
            cluster(nodePools=[{"name": "gpu"}]),
            *(
                cluster(
                    nodePools=[
                        {"nodeConfig": {key: value for key, value in OWN_NODES.items() if key != left_out}}
                    ]
                )
                for left_out in OWN_NODES
            ),
        ],
    ),
    of_nodes("gcp-gke-node-boot-disk-cmek", [{"bootDiskKmsKey": "key"}, {"bootDiskKmsKey": UNKNOWN}], [{}]),
    of_nodes(
        "gcp-gke-node-secure-boot",
        [{"shieldedInstanceConfig": {"enableSecureBoot": True}}],
        [{}, {"shieldedInstanceConfig": {"enableSecureBoot": False}}],
    ),
    of_nodes(
        "gcp-gke-node-integrity-monitoring",
        [{}],
        [{"shieldedInstanceConfig": {"enableIntegrityMonitoring": False}}],
    ),
    of_nodes(
        "gcp-gke-node-service-account",
        [{"serviceAccount": "nodes@example.iam.gserviceaccount.com"}],
        [{}, {"serviceAccount": "default"}, {"serviceAccount": "1-compute@developer.gserviceaccount.com"}],
    ),
    of_nodes(
        "gcp-gke-node-oauth-scopes",
        [{}, {"oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        [{"oauthScopes": ["https://www.googleapis.com/auth/compute"]}, {"oauthScopes": ["storage-full"]}],
    ),
    Case(
        "gcp-gke-node-auto-upgrade",
        [pool(), pool(management={"autoUpgrade": True})],
        [pool(management={"autoUpgrade": False})],
    ),
    Case(
        "gcp-gke-node-auto-repair",
        [pool(), pool(management={"autoRepair": True})],
        [pool(management={"autoRepair": False})],
    ),
    of_nodes(
        "gcp-gke-node-metadata-server",
        [{"workloadMetadataConfig": {"mode": "GKE_METADATA"}}],
        [{}, {"workloadMetadataConfig": {"mode": "GCE_METADATA"}}],
    ),
    of_nodes(
        "gcp-gke-node-legacy-endpoints",
        [{}, {"metadata": {"disable-legacy-endpoints": "true"}}],
        [{"metadata": {"disable-legacy-endpoints": "false"}}],
    ),
    Case(
        "gcp-gke-node-no-public-address",
        [pool(), pool(networkConfig={"enablePrivateNodes": True})],
        [pool(networkConfig={"enablePrivateNodes": False})],
    ),
    of_nodes(
        "gcp-gke-node-image", [{}, {"imageType": "COS_CONTAINERD"}], [{"imageType": "UBUNTU_CONTAINERD"}]
    ),
    of_nodes(
        "gcp-gke-node-no-read-only-kubelet-port",
        [{}, {"kubeletConfig": {"insecureKubeletReadonlyPortEnabled": "FALSE"}}],
        [{"kubeletConfig": {"insecureKubeletReadonlyPortEnabled": "TRUE"}}],
    ),
    of_nodes(
        "gcp-gke-node-local-ssd-encryption",
        [{}, {"confidentialNodes": {"enabled": True}, "localSsdEncryptionMode": "EPHEMERAL_KEY_ENCRYPTION"}],
        [{"confidentialNodes": {"enabled": True}, "localSsdEncryptionMode": "STANDARD_ENCRYPTION"}],
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES
