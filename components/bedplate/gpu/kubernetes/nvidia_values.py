"""The values of NVIDIA's chart, as its v26.7.0 spells them."""

import json

from bedplate.gpu.kubernetes.facts import dcgm_metrics
from bedplate.gpu.kubernetes.nvidia_args import DriverUpgrades, NvidiaGpuOperatorArgs
from bedplate.gpu.kubernetes.nvidia_checks import DRIVER_VERSION
from bedplate.gpu.kubernetes.sharing import plugin_configs

_NEEDED_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
# PCI classes whose labels tell of GPUs and network cards (the chart's own list).
_PCI_CLASSES = ["02", "0200", "0207", "0300", "0302"]


def tolerations(args: NvidiaGpuOperatorArgs) -> list[dict[str, str]]:
    """What lets the daemons onto every pool with GPUs, each toleration once."""
    found = [_NEEDED_TOLERATION]
    for pool in args.gpu_pools:
        found += [one for one in pool.tolerations() if one not in found]
    return found


def operator_values(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    """Every value that differs from the chart's default, or must not follow it unseen."""
    tolerated = tolerations(args)
    values: dict[str, object] = {
        "nfd": {"enabled": args.features is None},
        "cdi": {"enabled": True},
        "sandboxWorkloads": {"enabled": False},
        "vgpuManager": {"enabled": False},
        "vgpuDeviceManager": {"enabled": False},
        "vfioManager": {"enabled": False},
        "sandboxDevicePlugin": {"enabled": False},
        "kataSandboxDevicePlugin": {"enabled": False},
        "ccManager": {"enabled": False},
        # The namespace is made with its labels already.
        "psa": {"enabled": False},
        "operator": {"cleanupCRD": False, "upgradeCRD": True, "priorityClassName": "system-node-critical"},
        "daemonsets": {
            "tolerations": tolerated,
            "priorityClassName": "system-node-critical",
            "updateStrategy": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "1"},
        },
        # An empty list would be rendered as null, which the definition refuses.
        "validator": {"plugin": {"env": [{"name": "WITH_WORKLOAD", "value": "false"}]}},
        "driver": _driver(args),
        "toolkit": _toolkit(args),
        "devicePlugin": _device_plugin(args),
        "mig": {"strategy": args.strategy if args.cuts else "none"},
        "migManager": _mig_manager(args),
        "gfd": {"enabled": True},
        "dcgm": {"enabled": args.standalone_dcgm},
        "dcgmExporter": {
            "enabled": True,
            "serviceMonitor": {
                "enabled": args.service_monitor,
                "interval": f"{args.scrape_interval_seconds}s",
                "honorLabels": False,
            },
            "config": {
                "name": "bedplate-dcgm-metrics",
                "create": True,
                "data": dcgm_metrics(profiling=args.profiling_metrics),
            },
        },
        "gdrcopy": {"enabled": args.gdrcopy},
    }
    if args.cluster.platform == "gke" and not args.operator_driver:
        values["hostPaths"] = {"driverInstallDir": args.driver_root}
    if args.features is None:
        values["node-feature-discovery"] = {
            "priorityClassName": "system-node-critical",
            "worker": {
                "tolerations": [
                    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"},
                    *tolerated,
                ],
                "config": {
                    "sources": {
                        "pci": {"deviceClassWhitelist": _PCI_CLASSES, "deviceLabelFields": ["vendor"]}
                    }
                },
            },
        }
    return values


def _driver(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    if not args.operator_driver:
        return {"enabled": False}
    upgrades = args.driver_upgrades or DriverUpgrades()
    return {
        "enabled": True,
        "version": args.driver_version or DRIVER_VERSION,
        "kernelModuleType": args.modules,
        "rdma": {"enabled": args.gpudirect_rdma, "useHostMofed": args.host_mofed},
        "upgradePolicy": {
            "autoUpgrade": upgrades.automatic,
            "maxParallelUpgrades": upgrades.most_parallel,
            "maxUnavailable": f"{upgrades.most_unavailable_percent}%",
            "waitForCompletion": {"timeoutSeconds": 0, "podSelector": upgrades.wait_for_pods},
            "gpuPodDeletion": {
                "force": False,
                "timeoutSeconds": upgrades.drain_timeout_seconds,
                "deleteEmptyDir": upgrades.delete_empty_dirs,
            },
            "drain": {
                "enable": upgrades.drain,
                "force": False,
                "podSelector": "",
                "timeoutSeconds": upgrades.drain_timeout_seconds,
                "deleteEmptyDir": upgrades.delete_empty_dirs,
            },
        },
    }


def _toolkit(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    if args.cluster.platform == "eks":
        return {"enabled": False}
    if args.cluster.platform == "gke":
        # Container-Optimized OS lets programs run from there only (NVIDIA/aicr,
        # recipes/components/gpu-operator/values-gke-cos.yaml at 951f08df).
        return {
            "enabled": True,
            "installDir": "/home/kubernetes/bin/nvidia",
            "env": [{"name": "RUNTIME_CONFIG_SOURCE", "value": "file"}],
        }
    return {"enabled": True}


def _device_plugin(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    if not args.serves_resources:
        return {"enabled": False}
    configs = plugin_configs(
        [args.settings(pool.name) for pool in args.gpu_pools], args.strategy if args.cuts else "none"
    )
    return {
        "enabled": True,
        "config": {
            "name": "bedplate-device-plugin",
            "create": True,
            "default": args.plugin_default(),
            # JSON is YAML, and says the same whatever writes it.
            "data": {name: json.dumps(config, sort_keys=True) for name, config in sorted(configs.items())},
        },
    }


def _mig_manager(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    if not args.cuts:
        return {"enabled": False}
    config: dict[str, object] = {"default": args.mig_default()}
    if any(args.settings(pool.name).mig_instances for pool in args.gpu_pools):
        config |= {
            "name": "bedplate-mig-layouts",
            "create": True,
            "data": {"config.yaml": json.dumps(_layouts(args), sort_keys=True)},
        }
    # A GPU of a virtual machine switches MIG on or off by a reboot of the machine only
    # (NVIDIA GPU Operator, "GPU Operator with MIG"; from memory).
    reboot = [] if args.cluster.platform == "onprem" else [{"name": "WITH_REBOOT", "value": "true"}]
    return {"enabled": True, "config": config, "env": reboot}


def _layouts(args: NvidiaGpuOperatorArgs) -> dict[str, object]:
    found: dict[str, object] = {"all-disabled": [{"devices": "all", "mig-enabled": False}]}
    for pool in args.gpu_pools:
        settings = args.settings(pool.name)
        if settings.cut and pool.accelerator is not None:
            found[settings.mig_config(pool.name)] = [
                {
                    "devices": "all",
                    "mig-enabled": True,
                    "mig-devices": settings.instances(pool.accelerator.model),
                }
            ]
    return {"version": "v1", "mig-configs": found}
