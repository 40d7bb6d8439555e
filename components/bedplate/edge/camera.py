"""A camera line: the model that looks at it, on the machines that stand beside it."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from bedplate.catalog import image
from bedplate.core.naming import child
from bedplate.edge.camera_args import Camera, CameraLineArgs, ResultsQueue
from bedplate.edge.handles import EdgeNodeHandle
from bedplate.edge.pods import (
    CONTAINER_SECURITY,
    Json,
    checked_credentials,
    deployment,
    labels,
    node_spec,
    pod_security,
    resources_of,
    store_env,
    untyped,
)
from bedplate.kubernetes.objects import MANAGED, options

__all__ = ["Camera", "CameraLine", "CameraLineArgs", "CameraLineHandle", "ResultsQueue"]

_ALIVE = "/tmp/sender"


@dataclass(frozen=True, kw_only=True)
class CameraLineHandle:
    """A line, as what updates its model sees it.

    Attributes:
        line: The production line.
        model: The model's name.
        nodes: Where it runs.
        base_url: The server beside the caller, by address: names may not be resolved while the link is down.
        server_labels: The labels of the server's pods.
        port: The server's port.
        health_path: As in the arguments.
        reload_path: As in the arguments.
        idle_path: As in the arguments.
        resource: The line's service.
    """

    line: str
    model: str
    nodes: tuple[EdgeNodeHandle, ...]
    base_url: pulumi.Output[str]
    server_labels: dict[str, str]
    port: int
    health_path: str
    reload_path: str | None
    idle_path: str | None
    resource: pulumi.Resource


class CameraLine(pulumi.ComponentResource):
    """Servers of a model beside a production line: one on each node of it, closed but for the cameras."""

    handle: CameraLineHandle
    service_name: pulumi.Output[str]
    """The service; it leads to the server of the caller's own node only."""

    def __init__(self, name: str, args: CameraLineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:CameraLine", name, None, opts)
        self._name, self._args = name, args
        self._labels = labels("bedplate-camera-line", name)
        service = k8s.core.v1.Service(
            child(name, "server"),
            metadata=untyped(
                {
                    "name": name,
                    "namespace": args.edge.namespace,
                    "labels": self._labels,
                    # Its pods may be behind a link that is down.
                    "annotations": {"pulumi.com/skipAwait": "true"},
                }
            ),
            spec=untyped(
                {
                    "selector": self._labels,
                    "ports": [{"name": "http", "port": args.port, "targetPort": "http"}],
                    "internalTrafficPolicy": "Local",
                }
            ),
            opts=options(self, args.edge.resources),
        )
        self._policy()
        self._budget()
        for node in args.nodes:
            spec: Json = {
                **node_spec(args.edge, node),
                **({"runtimeClassName": args.edge.runtime_class} if self._wants_runtime else {}),
                "securityContext": pod_security(args.user),
                "terminationGracePeriodSeconds": 60,
                "affinity": {"podAntiAffinity": _apart(self._labels)},
                "containers": [self._server(), *([self._sender(node)] if args.results else [])],
                "volumes": self._volumes(node),
            }
            deployment(
                self,
                child(name, node.hostname),
                args.edge,
                pod_labels={**self._labels, "bedplate/node": node.hostname},
                spec=spec,
            )
        self.handle = CameraLineHandle(
            line=args.line,
            model=args.model,
            nodes=args.nodes,
            base_url=service.spec.cluster_ip.apply(lambda address: f"http://{_host(address)}:{args.port}"),
            server_labels=self._labels,
            port=args.port,
            health_path=args.health_path,
            reload_path=args.reload_path,
            idle_path=args.idle_path,
            resource=service,
        )
        self.service_name = pulumi.Output.from_input(name)
        self.register_outputs({"service_name": self.service_name})

    @property
    def _wants_runtime(self) -> bool:
        return bool(self._args.gpus) and self._args.edge.runtime_class is not None

    def _server(self) -> Json:
        args = self._args
        wanted = resources_of(f"{round(args.cpu * 1000)}m", f"{round(args.memory_gib * 1024)}Mi")
        if args.gpus:
            wanted = {
                "requests": {**_part(wanted, "requests"), "nvidia.com/gpu": str(args.gpus)},
                "limits": {**_part(wanted, "limits"), "nvidia.com/gpu": str(args.gpus)},
            }
        probe = {"httpGet": {"path": args.health_path, "port": "http"}, "timeoutSeconds": 5}
        mounts: list[Json] = [
            {"name": "models", "mountPath": "/models", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ]
        if args.results is not None:
            mounts.append({"name": "buffer", "mountPath": "/results", "subPath": f"results/{args.line}"})
        return {
            "name": "server",
            "image": args.image,
            **({"command": list(args.command)} if args.command else {}),
            "env": [
                {"name": "MODEL_PATH", "value": f"/models/{args.model}/current"},
                {"name": "LINE", "value": args.line},
                *(
                    {
                        "name": f"RTSP_URL_{camera.name.upper().replace('-', '_')}",
                        "valueFrom": {"secretKeyRef": {"name": camera.secret_name, "key": camera.secret_key}},
                    }
                    for camera in args.cameras
                ),
            ],
            "ports": [{"name": "http", "containerPort": args.port}],
            # Loading a model takes minutes on a small machine, and the first one has to come over the link:
            # until then the pod is not ready, and is not restarted for it.
            "readinessProbe": {**probe, "periodSeconds": 10},
            "livenessProbe": {
                "tcpSocket": {"port": "http"},
                "initialDelaySeconds": 120,
                "periodSeconds": 30,
                "failureThreshold": 6,
            },
            "resources": wanted,
            "securityContext": CONTAINER_SECURITY,
            "volumeMounts": mounts,
        }

    def _sender(self, node: EdgeNodeHandle) -> Json:
        """Moves what is finished: rclone compares checksums before it deletes the source."""
        args, store = self._args, self._args.store
        assert args.results is not None
        assert store is not None
        target = pulumi.Output.concat(
            "store:", store.name, f"/{args.results.prefix}/{args.line}/{node.hostname}"
        )
        # Files are finished once nobody has written to them for a minute. A round ends after an hour, so that
        # one that does not come to its end can be told from one that has much to send.
        script = (
            f'while true; do touch {_ALIVE}; rclone move /results "$TARGET" --config "" --min-age 1m '
            f"--checksum --transfers 1 --bwlimit {args.results.bandwidth_kib_per_second}K --retries 1 "
            "--low-level-retries 3 --timeout 60s --max-duration 1h --cutoff-mode SOFT --stats 0 || true; "
            "sleep 60; done"
        )
        return {
            "name": "sender",
            "image": image("rclone").reference,
            "command": ["/bin/sh", "-c", script],
            "env": [
                {"name": "TARGET", "value": target},
                {"name": "RCLONE_CONFIG_STORE_TYPE", "value": "s3"},
                {"name": "RCLONE_CONFIG_STORE_ENV_AUTH", "value": "true"},
                {"name": "RCLONE_CONFIG_STORE_REGION", "value": store.region},
                {"name": "RCLONE_CONFIG_STORE_PROVIDER", "value": "Other" if store.endpoint else "AWS"},
                {"name": "RCLONE_CONFIG_STORE_ENDPOINT", "value": store.endpoint or ""},
                {"name": "RCLONE_CONFIG_STORE_FORCE_PATH_STYLE", "value": str(store.path_style).lower()},
                # The bucket is there, and its keys may not make any.
                {"name": "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET", "value": "true"},
                {"name": "XDG_CACHE_HOME", "value": "/tmp"},
                {"name": "STORE_NAMESPACE", "value": checked_credentials(store, args.edge)},
                *store_env(store),
            ],
            "readinessProbe": {"exec": {"command": ["test", "-e", _ALIVE]}, "periodSeconds": 30},
            # The last file of a round may take its time on a slow link.
            "livenessProbe": {
                "exec": {"command": ["/bin/sh", "-c", f'test -n "$(find {_ALIVE} -mmin -360)"']},
                "periodSeconds": 300,
                "timeoutSeconds": 10,
            },
            "resources": resources_of("50m", "128Mi"),
            "securityContext": CONTAINER_SECURITY,
            "volumeMounts": [
                {"name": "buffer", "mountPath": "/results", "subPath": f"results/{args.line}"},
                {"name": "tmp", "mountPath": "/tmp"},
            ],
        }

    def _volumes(self, node: EdgeNodeHandle) -> list[Json]:
        made: list[Json] = [
            {"name": "models", "persistentVolumeClaim": {"claimName": node.models_claim, "readOnly": True}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ]
        if self._args.results is not None:
            made.append({"name": "buffer", "persistentVolumeClaim": {"claimName": node.buffer_claim}})
        return made

    def _policy(self) -> None:
        args = self._args
        egress: list[Json] = [
            {
                "to": [{"ipBlock": {"cidr": one}} for one in args.camera_networks],
                "ports": [{"protocol": "TCP", "port": port} for port in args.camera_ports],
            }
        ]
        if args.results is not None:
            # The store's address is a name; policies know addresses only.
            egress.append({"ports": [{"protocol": "TCP", "port": 443}]})
        k8s.networking.v1.NetworkPolicy(
            child(self._name, "network"),
            metadata=untyped({"name": self._name, "namespace": args.edge.namespace, "labels": dict(MANAGED)}),
            spec=untyped(
                {
                    "podSelector": {"matchLabels": self._labels},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [
                        {
                            # Whoever updates the line's model asks its server whether it is well.
                            "from": [
                                {"podSelector": {"matchLabels": {"bedplate/updates-model": args.model}}},
                                {"podSelector": {"matchLabels": {"bedplate/scrapes": "true"}}},
                            ],
                            "ports": [{"protocol": "TCP", "port": args.port}],
                        }
                    ],
                    "egress": egress,
                }
            ),
            opts=options(self, args.edge.resources),
        )

    def _budget(self) -> None:
        """One node of the line at a time; a line with one node has none to spare, and can be drained."""
        k8s.policy.v1.PodDisruptionBudget(
            child(self._name, "budget"),
            metadata=untyped(
                {"name": self._name, "namespace": self._args.edge.namespace, "labels": dict(MANAGED)}
            ),
            spec=untyped({"maxUnavailable": 1, "selector": {"matchLabels": self._labels}}),
            opts=options(self, self._args.edge.resources),
        )


def _apart(pod_labels: dict[str, str]) -> Json:
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": pod_labels}, "topologyKey": "kubernetes.io/hostname"}
        ]
    }


def _part(wanted: Json, name: str) -> dict[str, str]:
    part = wanted[name]
    assert isinstance(part, dict)
    return part


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
