"""GKE clusters: who reaches the control plane, and what it does for the security of everything on it."""

from bedplate_policies.checks import (
    all_of,
    any_of,
    each_must_equal,
    equals,
    must_be_one_of,
    must_equal,
    must_not_be,
    negated,
    no_open_cidr,
    when,
)
from bedplate_policies.gcp.controls import gke, google
from bedplate_policies.gcp.keys import given, key_given
from bedplate_policies.gcp.lists import must_hold
from bedplate_policies.rule import AnyRule, Check, Severity, rule

CLUSTER = ("gcp:container/cluster:Cluster",)


def standard(check: Check) -> Check:
    """The check on clusters whose nodes are the user's: Autopilot sets this itself."""
    return when(negated(equals("enableAutopilot", True)), check)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-gke-secrets-encryption",
        description="GKE encrypts Kubernetes secrets with a key from Cloud KMS.",
        severity=Severity.HIGH,
        remediation='Set database_encryption={"state": "ENCRYPTED", "key_name": key.id}.',
        controls=(gke("5.3.1"),),
        types=CLUSTER,
        group="encryption",
        check=all_of(
            must_equal("databaseEncryption.state", "ENCRYPTED"), key_given("databaseEncryption.keyName")
        ),
    ),
    rule(
        name="gcp-gke-node-to-node-encryption",
        description="GKE encrypts what pods on different nodes say to each other.",
        severity=Severity.LOW,
        remediation='Set in_transit_encryption_config="IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT" '
        "(needs Dataplane V2).",
        controls=(google("Encrypt your data in-transit in GKE with user-managed encryption keys"),),
        types=CLUSTER,
        group="encryption",
        enforcement="advisory",
        check=must_equal("inTransitEncryptionConfig", "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT"),
    ),
    rule(
        name="gcp-gke-private-nodes",
        description="Nodes of a GKE cluster have no public addresses.",
        severity=Severity.HIGH,
        remediation="Set private_cluster_config.enable_private_nodes=True.",
        controls=(gke("5.6.5"),),
        types=CLUSTER,
        check=must_equal("privateClusterConfig.enablePrivateNodes", True),
    ),
    rule(
        name="gcp-gke-private-endpoint",
        description="The control plane of a GKE cluster has no public address.",
        severity=Severity.HIGH,
        remediation="Set private_cluster_config.enable_private_endpoint=True, or "
        "control_plane_endpoints_config.ip_endpoints_config.enabled=False and use the DNS endpoint.",
        controls=(gke("5.6.4"),),
        types=CLUSTER,
        check=any_of(
            must_equal("privateClusterConfig.enablePrivateEndpoint", True),
            must_equal("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", False),
        ),
    ),
    rule(
        name="gcp-gke-authorized-networks",
        description="Only named networks reach the control plane of a GKE cluster.",
        severity=Severity.HIGH,
        remediation="Set master_authorized_networks_config (an empty one closes the public endpoint), "
        "name no range "
        "wider than a /8 and leave gcp_public_cidrs_access_enabled off.",
        controls=(gke("5.6.3"),),
        types=CLUSTER,
        check=any_of(
            must_equal("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", False),
            all_of(
                # An empty block is the strictest setting there is, so only its presence counts.
                must_not_be("masterAuthorizedNetworksConfig", missing="violation"),
                no_open_cidr(["masterAuthorizedNetworksConfig.cidrBlocks[].cidrBlock"]),
                must_equal("masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled", False, missing="ok"),
            ),
        ),
    ),
    rule(
        name="gcp-gke-workload-identity",
        description="Pods get Google credentials of their own, not those of their node.",
        severity=Severity.HIGH,
        remediation='Set workload_identity_config={"workload_pool": f"{project}.svc.id.goog"}.',
        controls=(gke("5.2.2"),),
        types=CLUSTER,
        check=standard(given("workloadIdentityConfig.workloadPool")),
    ),
    rule(
        name="gcp-gke-shielded-nodes",
        description="GKE verifies the identity of nodes that join.",
        severity=Severity.HIGH,
        remediation="Leave enable_shielded_nodes at its default, or set it to True.",
        controls=(gke("5.5.5"),),
        types=CLUSTER,
        check=standard(must_equal("enableShieldedNodes", True, missing="ok")),
    ),
    rule(
        name="gcp-gke-no-legacy-authorization",
        description="RBAC alone decides who may do what in a GKE cluster.",
        severity=Severity.HIGH,
        remediation="Leave enable_legacy_abac out.",
        controls=(gke("5.8.3"),),
        types=CLUSTER,
        check=must_equal("enableLegacyAbac", False, missing="ok"),
    ),
    rule(
        name="gcp-gke-no-client-certificate",
        description="GKE issues no client certificate, which nobody could revoke.",
        severity=Severity.MEDIUM,
        remediation="Leave master_auth.client_certificate_config.issue_client_certificate at False.",
        controls=(gke("5.8.1"),),
        types=CLUSTER,
        check=must_equal("masterAuth.clientCertificateConfig.issueClientCertificate", False, missing="ok"),
    ),
    rule(
        name="gcp-gke-anonymous-authentication",
        description="Anonymous requests reach only the health checks of a GKE control plane.",
        severity=Severity.MEDIUM,
        remediation='Set anonymous_authentication_config={"mode": "LIMITED"}.',
        controls=(gke("4.1.9"),),
        types=CLUSTER,
        enforcement="advisory",
        check=must_equal("anonymousAuthenticationConfig.mode", "LIMITED"),
    ),
    rule(
        name="gcp-gke-network-policy",
        description="A GKE cluster enforces network policies.",
        severity=Severity.HIGH,
        remediation='Set datapath_provider="ADVANCED_DATAPATH" (Dataplane V2), or '
        "network_policy.enabled=True.",
        controls=(gke("4.3.1"),),
        types=CLUSTER,
        check=standard(
            any_of(
                must_equal("datapathProvider", "ADVANCED_DATAPATH"), must_equal("networkPolicy.enabled", True)
            )
        ),
    ),
    rule(
        name="gcp-gke-vpc-native",
        description="Pods have addresses of the VPC, so that its firewall sees them.",
        severity=Severity.MEDIUM,
        remediation='Leave networking_mode out or set it to "VPC_NATIVE".',
        controls=(gke("5.6.2"),),
        types=CLUSTER,
        check=must_not_be("networkingMode", "ROUTES"),
    ),
    rule(
        name="gcp-gke-intranode-visibility",
        description="The VPC's flow logs and firewall also see traffic between pods of one node.",
        severity=Severity.LOW,
        remediation="Set enable_intranode_visibility=True.",
        controls=(gke("5.6.1"),),
        types=CLUSTER,
        check=standard(must_equal("enableIntranodeVisibility", True)),
    ),
    rule(
        name="gcp-gke-logging",
        description="A GKE cluster sends the logs of its system and its workloads to Cloud Logging.",
        severity=Severity.MEDIUM,
        remediation="Leave logging_service and logging_config out, or name SYSTEM_COMPONENTS and "
        "WORKLOADS in "
        "logging_config.enable_components.",
        controls=(gke("5.7.1"),),
        types=CLUSTER,
        check=all_of(
            must_not_be("loggingService", "none"),
            must_hold("loggingConfig.enableComponents", "SYSTEM_COMPONENTS", "WORKLOADS"),
        ),
    ),
    rule(
        name="gcp-gke-monitoring",
        description="A GKE cluster sends the metrics of its system to Cloud Monitoring.",
        severity=Severity.MEDIUM,
        remediation="Leave monitoring_service and monitoring_config out, or name SYSTEM_COMPONENTS in "
        "monitoring_config.enable_components.",
        controls=(gke("5.7.1"),),
        types=CLUSTER,
        check=all_of(
            must_not_be("monitoringService", "none"),
            must_hold("monitoringConfig.enableComponents", "SYSTEM_COMPONENTS"),
        ),
    ),
    rule(
        name="gcp-gke-release-channel",
        description="A GKE cluster follows a release channel, so that its control plane is patched.",
        severity=Severity.MEDIUM,
        remediation='Set release_channel={"channel": "REGULAR"} (or "STABLE", "RAPID", "EXTENDED").',
        controls=(gke("5.5.4"),),
        types=CLUSTER,
        check=standard(
            must_be_one_of("releaseChannel.channel", ("RAPID", "REGULAR", "STABLE", "EXTENDED")),
        ),
    ),
    rule(
        name="gcp-gke-no-alpha",
        description="A GKE cluster is no alpha cluster: those get no patches and end after 30 days.",
        severity=Severity.HIGH,
        remediation="Leave enable_kubernetes_alpha out.",
        controls=(gke("5.10.2"),),
        types=CLUSTER,
        check=must_equal("enableKubernetesAlpha", False, missing="ok"),
    ),
    rule(
        name="gcp-gke-binary-authorization",
        description="A GKE cluster runs only images that the project's policy admits.",
        severity=Severity.LOW,
        remediation='Set binary_authorization={"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"}.',
        controls=(gke("5.1.4"),),
        types=CLUSTER,
        enforcement="advisory",
        check=must_be_one_of(
            "binaryAuthorization.evaluationMode",
            ("PROJECT_SINGLETON_POLICY_ENFORCE", "POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE"),
        ),
    ),
    rule(
        name="gcp-gke-security-posture",
        description="GKE looks for known weaknesses in the workloads of a cluster.",
        severity=Severity.LOW,
        remediation='Set security_posture_config={"mode": "BASIC"}.',
        controls=(gke("5.10.4"),),
        types=CLUSTER,
        enforcement="advisory",
        check=must_be_one_of("securityPostureConfig.mode", ("BASIC", "ENTERPRISE")),
    ),
    rule(
        name="gcp-gke-deletion-protection",
        description="A GKE cluster is not deleted by an update that would replace it.",
        severity=Severity.MEDIUM,
        remediation="Leave deletion_protection at its default, or set it to True.",
        controls=(),
        types=CLUSTER,
        check=must_equal("deletionProtection", True, missing="ok"),
    ),
    rule(
        name="gcp-gke-no-read-only-kubelet-port",
        description="Nodes of a GKE cluster do not serve the kubelet's port that asks for no credentials.",
        severity=Severity.MEDIUM,
        remediation="Set node_pool_defaults.node_config_defaults."
        'insecure_kubelet_readonly_port_enabled="FALSE" '
        "and the same in node_pool_auto_config.node_kubelet_config.",
        controls=(google("Disable the kubelet read-only port in GKE clusters"),),
        types=CLUSTER,
        check=all_of(
            must_not_be("nodePoolDefaults.nodeConfigDefaults.insecureKubeletReadonlyPortEnabled", "TRUE"),
            must_not_be("nodePoolAutoConfig.nodeKubeletConfig.insecureKubeletReadonlyPortEnabled", "TRUE"),
        ),
    ),
    rule(
        name="gcp-gke-inline-node-pools",
        description="Node pools written inside a GKE cluster encrypt their boot disks and have an own "
        "identity.",
        severity=Severity.MEDIUM,
        remediation="Use gcp.container.NodePool instead of node_pools; or set "
        "node_config.boot_disk_kms_key and "
        "node_config.service_account in each, and secure boot.",
        controls=(gke("5.9.2"), gke("5.2.1"), gke("5.5.7")),
        types=CLUSTER,
        check=all_of(
            each_must_equal("nodePools[].nodeConfig.shieldedInstanceConfig.enableSecureBoot", True),
            key_given("nodePools[].nodeConfig.bootDiskKmsKey"),
            given("nodePools[].nodeConfig.serviceAccount"),
        ),
    ),
)
