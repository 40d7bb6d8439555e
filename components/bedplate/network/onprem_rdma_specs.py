"""The objects of NVIDIA's network operator, and of the SR-IOV operator that its chart holds."""

import json

from bedplate.catalog import image
from bedplate.kubernetes.handles import POOL_LABEL, NodePoolHandle
from bedplate.network.onprem_rdma_args import RdmaFabric, RdmaNetworkArgs

NVIDIA_NETWORKING = "15b3"


def chart_values(args: RdmaNetworkArgs) -> dict[str, object]:
    """The chart's values (network-operator 26.4.1, deployment/network-operator/values.yaml)."""
    values: dict[str, object] = {
        "nfd": {
            "enabled": args.node_feature_discovery,
            # A rule of a kind that Node Feature Discovery brings; without it the chart cannot be installed.
            "deployNodeFeatureRules": args.node_feature_discovery or args.features is not None,
        },
        "upgradeCRDs": True,
        "sriovNetworkOperator": {"enabled": args.mode == "sriov"},
    }
    if args.mode == "sriov":
        # The resources are called as the pools announce them: rdma/<name>.
        values["sriov-network-operator"] = {"operator": {"resourcePrefix": "rdma"}}
    return values


def cluster_policy(args: RdmaNetworkArgs) -> dict[str, object]:
    """The spec of the `NicClusterPolicy`."""
    pools = sorted({pool.name for resource in args.fabrics for pool in args.pools_of(resource)})
    spec: dict[str, object] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": POOL_LABEL, "operator": "In", "values": pools}]}
                ]
            }
        },
        "tolerations": _tolerations(args),
    }
    secondary = {"cniPlugins": _image("cni-plugins"), "multus": _image("multus-cni")}
    kinds = {args.kind_of(resource) for resource, fabric in args.fabrics.items() if fabric.address_range}
    if args.mode == "shared" and "infiniband" in kinds:
        secondary["ipoib"] = _image("ipoib-cni")
    spec["secondaryNetwork"] = secondary
    if any(fabric.address_range for fabric in args.fabrics.values()):
        spec["nvIpam"] = {**_image("nvidia-k8s-ipam"), "enableWebhook": False}
    if args.mode == "shared":
        spec["rdmaSharedDevicePlugin"] = {
            **_image("k8s-rdma-shared-dev-plugin"),
            "config": json.dumps(shared_plugin(args), sort_keys=True),
        }
    if args.driver == "operator":
        spec["ofedDriver"] = {
            **_image("doca-driver"),
            # One node at a time, and only once its pods have left.
            "upgradePolicy": {
                "autoUpgrade": True,
                "maxParallelUpgrades": 1,
                "drain": {"enable": True, "force": False, "deleteEmptyDir": True, "timeoutSeconds": 3600},
            },
        }
    return spec


def shared_plugin(args: RdmaNetworkArgs) -> dict[str, object]:
    """The configuration of the device plugin by which pods share adapters."""
    return {
        "periodicUpdateInterval": 300,
        "configList": [
            {
                "resourcePrefix": "rdma",
                "resourceName": bare(resource),
                "rdmaHcaMax": args.resources_per_node(resource),
                "selectors": _selectors(args, resource, fabric),
            }
            for resource, fabric in args.fabrics.items()
        ],
    }


def _selectors(args: RdmaNetworkArgs, resource: str, fabric: RdmaFabric) -> dict[str, object]:
    selectors: dict[str, object] = {
        "vendors": [NVIDIA_NETWORKING],
        "ifNames": list(fabric.interfaces),
        "linkTypes": ["infiniband" if args.kind_of(resource) == "infiniband" else "ether"],
    }
    if fabric.device_id is not None:
        selectors["deviceIDs"] = [fabric.device_id]
    return selectors


def node_policy(args: RdmaNetworkArgs, resource: str, pool: NodePoolHandle) -> dict[str, object]:
    """The spec of a `SriovNetworkNodePolicy`: virtual functions on the nodes of one pool."""
    fabric = args.fabrics[resource]
    nic: dict[str, object] = {"vendor": NVIDIA_NETWORKING}
    if fabric.interfaces:
        nic["pfNames"] = list(fabric.interfaces)
    else:
        nic["rootDevices"] = list(fabric.pci_addresses)
    if fabric.device_id is not None:
        nic["deviceID"] = fabric.device_id
    return {
        "nodeSelector": {POOL_LABEL: pool.name},
        "nicSelector": nic,
        "numVfs": fabric.functions_per_device,
        "resourceName": bare(resource),
        "isRdma": True,
        "deviceType": "netdevice",
        "linkType": "ib" if args.kind_of(resource) == "infiniband" else "eth",
        "mtu": args.mtu_of(resource),
        "priority": 50,
    }


def pool_config(pool: NodePoolHandle) -> dict[str, object]:
    """The spec of a `SriovNetworkPoolConfig`: each pod sees its own adapters only, and one node at a time
    changes.
    """
    return {
        "nodeSelector": {"matchLabels": {POOL_LABEL: pool.name}},
        "maxUnavailable": 1,
        "rdmaMode": "exclusive",
    }


def sriov_network(args: RdmaNetworkArgs, resource: str, pool_name: str) -> dict[str, object]:
    """The spec of a `SriovNetwork` or `SriovIBNetwork`. `pool_name`: of addresses."""
    fabric = args.fabrics[resource]
    spec: dict[str, object] = {
        "resourceName": bare(resource),
        "networkNamespace": args.networks_namespace,
        "linkState": "enable",
        # The adapter's RDMA device goes into the pod with it.
        "metaPlugins": json.dumps({"type": "rdma"}),
    }
    if fabric.address_range is not None:
        spec["ipam"] = ipam(pool_name)
    if args.kind_of(resource) == "roce":
        spec |= {"spoofChk": "on", "trust": "off"}
        if fabric.vlan is not None:
            spec["vlan"] = fabric.vlan
    return spec


def shared_network(args: RdmaNetworkArgs, resource: str, interface: str, pool_name: str) -> dict[str, object]:
    """The spec of a `MacvlanNetwork` (RoCE) or `IPoIBNetwork` (InfiniBand) over one adapter."""
    spec: dict[str, object] = {
        "networkNamespace": args.networks_namespace,
        "master": interface,
        "ipam": ipam(pool_name),
    }
    if args.kind_of(resource) == "roce":
        spec |= {"mode": "bridge", "mtu": args.mtu_of(resource)}
    return spec


def address_pool(args: RdmaNetworkArgs, resource: str) -> dict[str, object]:
    """The spec of an `IPPool` of NVIDIA's IPAM plugin."""
    fabric = args.fabrics[resource]
    pools = sorted(pool.name for pool in args.pools_of(resource))
    spec: dict[str, object] = {
        "subnet": fabric.address_range,
        "perNodeBlockSize": args.addresses_per_node(resource),
        "nodeSelector": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": POOL_LABEL, "operator": "In", "values": pools}]}
            ]
        },
    }
    if fabric.gateway is not None:
        spec["gateway"] = fabric.gateway
    return spec


def ipam(pool_name: str) -> str:
    return json.dumps({"type": "nv-ipam", "poolName": pool_name}, sort_keys=True)


def bare(resource: str) -> str:
    """The name behind the prefix."""
    return resource.partition("/")[2]


def _image(name: str) -> dict[str, object]:
    pin = image(name)
    repository, _, short = pin.repository.rpartition("/")
    return {"image": short, "repository": repository, "version": pin.version}


def _tolerations(args: RdmaNetworkArgs) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for resource in args.fabrics:
        for pool in args.pools_of(resource):
            found += [one for one in pool.tolerations() if one not in found]
    return found
