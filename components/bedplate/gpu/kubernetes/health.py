"""Node health: what is wrong with a node is told as a condition, and nodes with broken GPUs are drained."""

import hashlib
import json

import pulumi
import pulumi_kubernetes as k8s

from bedplate.catalog import image
from bedplate.core.naming import child
from bedplate.gpu.kubernetes.health_args import NodeHealthArgs, sentinel_values
from bedplate.gpu.kubernetes.health_config import config_files
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import MANAGED, namespace, options

__all__ = ["NodeHealth", "NodeHealthArgs"]

_NAME = "bedplate-node-health"
_LABELS = {"app.kubernetes.io/name": _NAME}
_METRICS_PORT = 20257
_HEALTH_PORT = 20256


class NodeHealth(pulumi.ComponentResource):
    """The node problem detector on every node, and NVSentinel where nodes with broken GPUs are acted on.

    Attributes:
        conditions: The conditions that nodes carry then: type -> true means what.
        sentinel: NVSentinel's release; None where nodes are watched only.
    """

    conditions: tuple[str, ...]
    sentinel: k8s.helm.v3.Release | None

    def __init__(self, name: str, args: NodeHealthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:NodeHealth", name, None, opts)
        self._name = name
        self._args = args
        files = config_files(
            fatal=args.fatal_xids, gpus=bool(args.gpu_pools), links=args.watches_links, clock=args.clock
        )
        self.conditions = tuple(
            condition["type"]
            for file, text in files.items()
            if file.endswith(".json")
            for condition in json.loads(text)["conditions"]
        )
        self._detector(files)
        self.sentinel = self._sentinel() if args.acts else None
        self.register_outputs({"conditions": list(self.conditions)})

    def _metadata(self) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            name=_NAME, namespace=self._args.namespace, labels={**MANAGED, **_LABELS}
        )

    def _detector(self, files: dict[str, str]) -> None:
        name = self._name
        account = k8s.core.v1.ServiceAccount(
            child(name, "account"),
            metadata=self._metadata(),
            automount_service_account_token=False,
            opts=options(self),
        )
        binding = k8s.rbac.v1.ClusterRoleBinding(
            child(name, "binding"),
            metadata=k8s.meta.v1.ObjectMetaArgs(name=_NAME, labels=MANAGED),
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io",
                kind="ClusterRole",
                # Every cluster has it (Kubernetes, "Using RBAC Authorization"; from memory).
                name="system:node-problem-detector",
            ),
            subjects=[
                k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=_NAME, namespace=self._args.namespace)
            ],
            opts=options(self, [account]),
        )
        config = k8s.core.v1.ConfigMap(
            child(name, "config"), metadata=self._metadata(), data=files, opts=options(self)
        )
        k8s.apps.v1.DaemonSet(
            child(name, "detector"),
            metadata=self._metadata(),
            spec=k8s.apps.v1.DaemonSetSpecArgs(
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=_LABELS),
                update_strategy=k8s.apps.v1.DaemonSetUpdateStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDaemonSetArgs(max_unavailable="10%"),
                ),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(
                        labels={**MANAGED, **_LABELS},
                        annotations={
                            "prometheus.io/scrape": "true",
                            "prometheus.io/port": str(_METRICS_PORT),
                            # The detector reads its files once.
                            "bedplate/config": _digest(files),
                        },
                    ),
                    spec=_pod(files, clock=self._args.clock),
                ),
            ),
            opts=options(self, [account, binding, config]),
        )

    def _sentinel(self) -> k8s.helm.v3.Release:
        args, name = self._args, self._name
        assert args.layer is not None
        assert args.cert_manager is not None
        space = namespace(
            self,
            child(name, "sentinel-namespace"),
            object_name=args.sentinel_namespace,
            pod_security="privileged",
        )
        return release(
            self,
            child(name, "sentinel"),
            chart_name="nvsentinel",
            namespace=args.sentinel_namespace,
            values=sentinel_values(args),
            after=[space, *args.layer.after, args.cert_manager],
            timeout_seconds=900,
        )


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _answers() -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path="/healthz", port=_HEALTH_PORT),
        initial_delay_seconds=10,
        timeout_seconds=5,
    )


def _pod(files: dict[str, str], *, clock: bool) -> k8s.core.v1.PodSpecArgs:
    logs = [f"/config/{name}" for name in files if name in ("disk.json", "kernel.json", "gpu.json")]
    plugins = [f"/config/{name}" for name in files if name in ("link.json", "clock.json")]
    from_host = {"kmsg": "/dev/kmsg"}
    kinds = {"kmsg": "CharDevice"}
    if clock:
        # Made where the node keeps its time by the other of the two.
        from_host |= {"timesync": "/run/systemd/timesync", "chrony": "/var/lib/chrony"}
    mounts = {"kmsg": "/dev/kmsg", "timesync": "/host/run/systemd/timesync", "chrony": "/host/var/lib/chrony"}
    return k8s.core.v1.PodSpecArgs(
        service_account_name=_NAME,
        automount_service_account_token=True,
        priority_class_name="system-node-critical",
        node_selector={"kubernetes.io/os": "linux"},
        # A node with a problem is tainted, and must be watched all the more.
        tolerations=[k8s.core.v1.TolerationArgs(operator="Exists")],
        containers=[
            k8s.core.v1.ContainerArgs(
                name="detector",
                image=image("node-problem-detector").reference,
                image_pull_policy="IfNotPresent",
                command=[
                    "/node-problem-detector",
                    "--logtostderr",
                    f"--config.system-log-monitor={','.join(logs)}",
                    *([f"--config.custom-plugin-monitor={','.join(plugins)}"] if plugins else []),
                    "--address=0.0.0.0",
                    f"--port={_HEALTH_PORT}",
                    "--prometheus-address=0.0.0.0",
                    f"--prometheus-port={_METRICS_PORT}",
                ],
                # Without privileges, the kernel's log and the fabric's ports are not to be read.
                security_context=k8s.core.v1.SecurityContextArgs(
                    privileged=True, read_only_root_filesystem=True
                ),
                env=[
                    k8s.core.v1.EnvVarArgs(
                        name="NODE_NAME",
                        value_from=k8s.core.v1.EnvVarSourceArgs(
                            field_ref=k8s.core.v1.ObjectFieldSelectorArgs(field_path="spec.nodeName")
                        ),
                    )
                ],
                readiness_probe=_answers(),
                liveness_probe=_answers(),
                ports=[k8s.core.v1.ContainerPortArgs(name="metrics", container_port=_METRICS_PORT)],
                resources=k8s.core.v1.ResourceRequirementsArgs(
                    requests={"cpu": "20m", "memory": "64Mi"}, limits={"cpu": "200m", "memory": "128Mi"}
                ),
                volume_mounts=[
                    k8s.core.v1.VolumeMountArgs(name="config", mount_path="/config", read_only=True),
                    *(
                        k8s.core.v1.VolumeMountArgs(name=volume, mount_path=mounts[volume], read_only=True)
                        for volume in from_host
                    ),
                ],
            )
        ],
        volumes=[
            k8s.core.v1.VolumeArgs(
                name="config",
                config_map=k8s.core.v1.ConfigMapVolumeSourceArgs(name=_NAME, default_mode=0o555),
            ),
            *(
                k8s.core.v1.VolumeArgs(
                    name=volume,
                    host_path=k8s.core.v1.HostPathVolumeSourceArgs(
                        path=path, type=kinds.get(volume, "DirectoryOrCreate")
                    ),
                )
                for volume, path in from_host.items()
            ),
        ],
    )
