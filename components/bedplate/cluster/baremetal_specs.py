"""The specs of Cluster API's and Metal3's objects."""

from collections.abc import Mapping

from bedplate.cluster.baremetal_args import BareMetalClusterArgs
from bedplate.cluster.baremetal_hosts import BareMetalNode, OsImage
from bedplate.cluster.onprem_inventory import RACK_LABEL, ZONE_LABEL
from bedplate.kubernetes.handles import POOL_LABEL

CORE = "cluster.x-k8s.io"
BOOTSTRAP = "bootstrap.cluster.x-k8s.io"
CONTROL = "controlplane.cluster.x-k8s.io"
INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io"
# As the examples of Cluster API provider Metal3 v1.13.2 have them.
VERSIONS = {CORE: "v1beta2", BOOTSTRAP: "v1beta2", CONTROL: "v1beta2", INFRASTRUCTURE: "v1beta1"}
CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"


def cluster_spec(args: BareMetalClusterArgs, name: str) -> dict[str, object]:
    """The spec of the `Cluster`."""
    return {
        "clusterNetwork": {
            "pods": {"cidrBlocks": list(args.pod_cidrs)},
            "services": {"cidrBlocks": list(args.service_cidrs)},
            "serviceDomain": "cluster.local",
        },
        "controlPlaneRef": reference(CONTROL, "KubeadmControlPlane", name),
        "infrastructureRef": reference(INFRASTRUCTURE, "Metal3Cluster", name),
    }


def host_spec(node: BareMetalNode, cleaning: str) -> dict[str, object]:
    """The spec of a `BareMetalHost`."""
    spec: dict[str, object] = {
        "online": True,
        "bmc": {
            "address": node.bmc.address,
            "credentialsName": node.bmc.credentials_secret_name,
            "disableCertificateVerification": not node.bmc.verify_certificate,
        },
        "bootMode": node.mode,
        "automatedCleaningMode": cleaning,
        "rootDeviceHints": node.root_device.hints(),
    }
    if node.boot_mac_address is not None:
        spec["bootMACAddress"] = node.boot_mac_address
    return spec


def machine_spec(pool: str, image: OsImage, cleaning: str, data: str) -> dict[str, object]:
    """The spec of a `Metal3MachineTemplate`: the pool's hosts, and what is written on them."""
    return {
        # The same machine comes back after an upgrade, with the data on its disks.
        "nodeReuse": True,
        "template": {
            "spec": {
                "automatedCleaningMode": cleaning,
                "dataTemplate": {"name": data},
                "hostSelector": {"matchLabels": {POOL_LABEL: pool}},
                "image": {
                    "url": image.url,
                    "checksum": image.checksum,
                    "checksumType": image.checksum_type,
                    "format": image.format,
                },
            }
        },
    }


def data_spec(cluster: str) -> dict[str, object]:
    """The spec of a `Metal3DataTemplate`: hosts are called as the inventory calls them, and know their
    rack.
    """
    return {
        "clusterName": cluster,
        "metaData": {
            "objectNames": [
                {"key": key, "object": "baremetalhost"} for key in ("local-hostname", "local_hostname")
            ],
            "fromLabels": [
                {"key": "rack", "object": "baremetalhost", "label": RACK_LABEL},
                {"key": "zone", "object": "baremetalhost", "label": ZONE_LABEL},
            ],
        },
    }


def health_spec(
    args: BareMetalClusterArgs, cluster: str, remediation: str, selector: Mapping[str, str]
) -> dict[str, object]:
    """The spec of a `MachineHealthCheck`."""
    return {
        "clusterName": cluster,
        "selector": {"matchLabels": dict(selector)},
        "checks": {
            # Inspection, writing the image and two boots of a server with eight GPUs.
            "nodeStartupTimeoutSeconds": 3600,
            "unhealthyNodeConditions": [
                {"type": "Ready", "status": status, "timeoutSeconds": args.unhealthy_seconds}
                for status in ("Unknown", "False")
            ],
        },
        "remediation": {
            "triggerIf": {"unhealthyLessThanOrEqualTo": "40%"},
            "templateRef": {
                "apiVersion": f"{INFRASTRUCTURE}/{VERSIONS[INFRASTRUCTURE]}",
                "kind": "Metal3RemediationTemplate",
                "name": remediation,
            },
        },
    }


def reference(group: str, kind: str, name: str) -> dict[str, object]:
    return {"apiGroup": group, "kind": kind, "name": name}
