"""GKE node pools: disks, identity and integrity of the machines that run workloads."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    BuiltCheck,
    BuiltCondition,
    all_of,
    custom,
    equals,
    must_equal,
    must_not_be,
    negated,
    on_values,
    when,
)
from bedplate_policies.gcp.controls import gke, google
from bedplate_policies.gcp.identity import own_service_account
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, rule
from bedplate_policies.value import UNKNOWN

CLUSTER = "gcp:container/cluster:Cluster"
POOL = ("gcp:container/nodePool:NodePool",)
# A cluster's nodeConfig makes its default pool, which most programs throw away.
NODES = (*POOL, CLUSTER)

_BROAD_SCOPES = (
    "compute-rw",
    "storage-full",
    "storage-rw",
    "https://www.googleapis.com/auth/compute",
    "https://www.googleapis.com/auth/devstorage.full_control",
    "https://www.googleapis.com/auth/devstorage.read_write",
)


def on_nodes(check: BuiltCheck) -> Check:
    """The check on node pools, and on the default pool of a cluster that keeps it."""
    kept = when(negated(equals("enableAutopilot", True)), check)

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        if resource.type != CLUSTER:
            yield from check(resource, config)
        elif resource.get("removeDefaultNodePool") is not True and not resource.get("nodePools"):
            yield from kept(resource, config)

    return custom(run, *check.reads, options=check.options)


def _makes_nodes(resource: Resource, config: Config) -> object:
    switches = resource.get("clusterAutoscaling.enabled"), resource.get("enableAutopilot")
    return True if True in switches else UNKNOWN if UNKNOWN in switches else False


def by_gke(check: BuiltCheck) -> Check:
    """The check on clusters in which GKE makes nodes by itself: Autopilot, and node auto-provisioning."""
    return when(BuiltCondition(_makes_nodes, ("clusterAutoscaling.enabled", "enableAutopilot")), check)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-gke-node-boot-disk-cmek",
        description="Boot disks of GKE nodes are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation="Set node_config.boot_disk_kms_key to the id of a key in Cloud KMS.",
        controls=(gke("5.9.2"),),
        types=NODES,
        group="encryption",
        check=on_nodes(key_given("nodeConfig.bootDiskKmsKey")),
    ),
    rule(
        name="gcp-gke-node-secure-boot",
        description="GKE nodes start only signed kernels.",
        severity=Severity.MEDIUM,
        remediation="Set node_config.shielded_instance_config.enable_secure_boot=True. GPU nodes need "
        "Google's "
        "signed drivers for it (guest_accelerators[].gpu_driver_installation_config).",
        controls=(gke("5.5.7"),),
        types=NODES,
        check=on_nodes(must_equal("nodeConfig.shieldedInstanceConfig.enableSecureBoot", True)),
    ),
    rule(
        name="gcp-gke-node-integrity-monitoring",
        description="GKE reports nodes whose boot sequence changes.",
        severity=Severity.MEDIUM,
        remediation="Leave node_config.shielded_instance_config.enable_integrity_monitoring at True.",
        controls=(gke("5.5.6"),),
        types=NODES,
        check=on_nodes(
            must_equal("nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", True, missing="ok")
        ),
    ),
    rule(
        name="gcp-gke-node-service-account",
        description="GKE nodes do not run as the project's default service account, which may edit "
        "everything.",
        severity=Severity.HIGH,
        remediation="Set node_config.service_account to the e-mail address of an account made for the nodes.",
        controls=(gke("5.2.1"),),
        types=NODES,
        check=on_nodes(own_service_account("nodeConfig.serviceAccount")),
    ),
    rule(
        name="gcp-gke-node-oauth-scopes",
        description="Nodes name no scope that lets them change machines or data; IAM grants what they need.",
        severity=Severity.LOW,
        remediation='Set node_config.oauth_scopes=["https://www.googleapis.com/auth/cloud-platform"] with an '
        "own service account of few roles, or scopes that read.",
        controls=(google("Access scopes in GKE"),),
        types=NODES,
        enforcement="advisory",
        check=on_nodes(
            on_values(
                "nodeConfig.oauthScopes[]",
                lambda value, _: "which lets nodes change data" if value in _BROAD_SCOPES else None,
                missing="ok",
                allowed=_BROAD_SCOPES,
            )
        ),
    ),
    rule(
        name="gcp-gke-node-auto-upgrade",
        description="GKE nodes follow the version of their control plane.",
        severity=Severity.MEDIUM,
        remediation="Leave management.auto_upgrade at True; use a maintenance window for long training runs.",
        controls=(gke("5.5.3"),),
        types=POOL,
        check=must_equal("management.autoUpgrade", True, missing="ok"),
    ),
    rule(
        name="gcp-gke-node-auto-repair",
        description="GKE replaces nodes that fail their health checks.",
        severity=Severity.MEDIUM,
        remediation="Leave management.auto_repair at True.",
        controls=(gke("5.5.2"),),
        types=POOL,
        check=must_equal("management.autoRepair", True, missing="ok"),
    ),
    rule(
        name="gcp-gke-node-metadata-server",
        description="Pods reach GKE's metadata server, not the one with the node's credentials.",
        severity=Severity.HIGH,
        remediation='Set node_config.workload_metadata_config={"mode": "GKE_METADATA"}.',
        controls=(gke("5.4.1"),),
        types=NODES,
        check=on_nodes(must_equal("nodeConfig.workloadMetadataConfig.mode", "GKE_METADATA")),
    ),
    rule(
        name="gcp-gke-node-legacy-endpoints",
        description="Nodes do not serve the old metadata endpoints that ask for no header.",
        severity=Severity.HIGH,
        remediation='Set node_config.metadata={"disable-legacy-endpoints": "true"}, which is the default.',
        controls=(google("Protecting cluster metadata"),),
        types=NODES,
        check=on_nodes(must_equal('nodeConfig.metadata["disable-legacy-endpoints"]', True, missing="ok")),
    ),
    rule(
        name="gcp-gke-node-no-public-address",
        description="No node pool gives its nodes public addresses against the cluster's setting.",
        severity=Severity.HIGH,
        remediation="Leave network_config.enable_private_nodes out, or set it to True.",
        controls=(gke("5.6.5"),),
        types=POOL,
        check=must_equal("networkConfig.enablePrivateNodes", True, missing="ok"),
    ),
    rule(
        name="gcp-gke-node-image",
        description="GKE nodes run Container-Optimized OS with containerd.",
        severity=Severity.LOW,
        remediation='Set node_config.image_type="COS_CONTAINERD", the default.',
        controls=(gke("5.5.1"),),
        types=NODES,
        enforcement="advisory",
        check=on_nodes(must_equal("nodeConfig.imageType", "COS_CONTAINERD", missing="ok")),
    ),
    rule(
        name="gcp-gke-node-no-read-only-kubelet-port",
        description="GKE nodes do not serve the kubelet's port that asks for no credentials.",
        severity=Severity.MEDIUM,
        remediation='Set node_config.kubelet_config.insecure_kubelet_readonly_port_enabled="FALSE".',
        controls=(google("Disable the kubelet read-only port in GKE clusters"),),
        types=NODES,
        check=on_nodes(must_not_be("nodeConfig.kubeletConfig.insecureKubeletReadonlyPortEnabled", "TRUE")),
    ),
    rule(
        name="gcp-gke-node-local-ssd-encryption",
        description="A node pool of confidential nodes also encrypts its local SSDs with a key of their own.",
        severity=Severity.LOW,
        remediation='Set node_config.local_ssd_encryption_mode="EPHEMERAL_KEY_ENCRYPTION".',
        controls=(google("Encrypt workload data in-use with Confidential GKE Nodes"),),
        types=NODES,
        group="encryption",
        enforcement="advisory",
        check=on_nodes(
            all_of(
                when(
                    equals("nodeConfig.confidentialNodes.enabled", True),
                    must_equal("nodeConfig.localSsdEncryptionMode", "EPHEMERAL_KEY_ENCRYPTION"),
                )
            )
        ),
    ),
    rule(
        name="gcp-gke-auto-provisioned-boot-disk-cmek",
        description="Nodes that GKE makes by itself encrypt their boot disks with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set cluster_autoscaling.auto_provisioning_defaults.boot_disk_kms_key to a key in "
        "Cloud KMS.",
        controls=(gke("5.9.2"),),
        types=(CLUSTER,),
        group="encryption",
        check=by_gke(key_given("clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey")),
    ),
    rule(
        name="gcp-gke-auto-provisioned-service-account",
        description="Nodes that GKE makes by itself do not run as the project's default service account.",
        severity=Severity.HIGH,
        remediation="Set cluster_autoscaling.auto_provisioning_defaults.service_account to an account of "
        "the nodes.",
        controls=(gke("5.2.1"),),
        types=(CLUSTER,),
        check=by_gke(own_service_account("clusterAutoscaling.autoProvisioningDefaults.serviceAccount")),
    ),
)
