"""AMD's GPU operator: driver, device plugin, metrics and partitions of each pool."""

import json

import pulumi
import pulumi_kubernetes as k8s

from bedplate.catalog import image
from bedplate.core.naming import child
from bedplate.gpu.kubernetes.amd_args import PARTITION_LABEL, AmdGpuOperatorArgs, AmdPool
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import NodePoolHandle
from bedplate.kubernetes.objects import MANAGED, custom_object, namespace, options

__all__ = ["AmdGpuOperator", "AmdGpuOperatorArgs", "AmdPool"]

_PARTITIONS = "bedplate-amd-partitions"
_METRICS_PORT = 5000


def device_config_spec(args: AmdGpuOperatorArgs, pool: NodePoolHandle) -> dict[str, object]:
    """What the operator is told of one pool. Each pool has an object of its own, for its nodes only."""
    tolerations = pool.tolerations()
    own_driver = args.driver_version is not None
    cut = args.settings(pool.name).cut
    driver: dict[str, object] = {"enable": own_driver, "blacklist": own_driver}
    if own_driver:
        driver |= {
            "version": args.driver_version,
            "image": args.driver_image,
            "tolerations": tolerations,
            "upgradePolicy": {
                "enable": True,
                "maxParallelUpgrades": 1,
                "maxUnavailableNodes": "25%",
                "rebootRequired": True,
                "nodeDrainPolicy": {"force": False, "timeoutSeconds": 1800, "gracePeriodSeconds": -1},
            },
        }
    manager: dict[str, object] = {"enable": cut}
    if cut:
        manager |= {
            "image": image("amd-device-config-manager").reference,
            "config": {"name": _PARTITIONS},
            "configManagerTolerations": tolerations,
        }
    return {
        "selector": {**pool.labels, "feature.node.kubernetes.io/amd-gpu": "true"},
        "driver": driver,
        "devicePlugin": {
            "enableDevicePlugin": True,
            "devicePluginImage": image("amd-device-plugin").reference,
            "devicePluginTolerations": tolerations,
            "enableNodeLabeller": True,
            "nodeLabellerImage": image("amd-node-labeller").reference,
            "nodeLabellerTolerations": tolerations,
        },
        "metricsExporter": {
            "enable": True,
            "serviceType": "ClusterIP",
            "port": _METRICS_PORT,
            "image": image("amd-metrics-exporter").reference,
            "tolerations": tolerations,
            "prometheus": {"serviceMonitor": {"enable": args.service_monitor, "interval": "30s"}},
        },
        "testRunner": {"enable": False},
        "configManager": manager,
    }


class AmdGpuOperator(pulumi.ComponentResource):
    """The operator for all pools with AMD GPUs of a cluster. It touches no other node.

    Attributes:
        handle: What pods may ask for, and what else others need of it.
    """

    handle: GpuLayerHandle

    def __init__(
        self, name: str, args: AmdGpuOperatorArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:AmdGpuOperator", name, None, opts)
        space = namespace(
            self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged"
        )
        operator = release(
            self,
            child(name, "operator"),
            chart_name="gpu-operator-charts",
            namespace=args.namespace,
            release_name="amd-gpu-operator",
            values={
                "node-feature-discovery": {"enabled": False},
                # What builds and loads drivers, and the watch for its objects.
                "kmm": dict.fromkeys(("enabled", "watch"), args.driver_version is not None),
                "installdefaultNFDRule": True,
                "remediation": {"enabled": False},
                # The objects below say it, one per pool.
                "crds": {"defaultCR": {"install": False}},
                "defaultDCMConfigMap": {"install": False},
            },
            after=[space, args.features.release, args.cert_manager],
        )
        before: list[pulumi.Resource] = [operator]
        profiles = args.profiles()
        if profiles:
            before.append(self._partitions(child(name, "partitions"), args, space))
        configs = [
            custom_object(
                self,
                child(name, f"{pool.name}-config"),
                api_version="amd.com/v1alpha1",
                kind="DeviceConfig",
                object_name=pool.name,
                namespace=args.namespace,
                spec=device_config_spec(args, pool),
                after=before,
            )
            for pool in args.gpu_pools
        ]
        self.handle = GpuLayerHandle(
            vendor="amd",
            namespace=args.namespace,
            release=operator,
            resources=args.resources(),
            node_labels={pool: {PARTITION_LABEL: profile} for pool, profile in profiles.items()},
            driver_preinstalled=args.driver_version is None,
            after=(operator, *configs),
        )
        self.register_outputs({"namespace": args.namespace, "release": operator.name})

    def _partitions(
        self, name: str, args: AmdGpuOperatorArgs, space: pulumi.Resource
    ) -> k8s.core.v1.ConfigMap:
        found = {}
        for pool, profile in args.profiles().items():
            gpus, settings = args.cluster.pool(pool).accelerator, args.settings(pool)
            assert gpus is not None
            found[profile] = {
                "skippedGPUs": {"ids": []},
                "profiles": [
                    {
                        "computePartition": settings.compute_partition,
                        "memoryPartition": settings.memory_partition,
                        "numGPUsAssigned": gpus.count,
                    }
                ],
            }
        return k8s.core.v1.ConfigMap(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=_PARTITIONS, namespace=args.namespace, labels=MANAGED),
            data={"config.json": json.dumps({"gpu-config-profiles": found}, sort_keys=True)},
            opts=options(self, [space]),
        )
