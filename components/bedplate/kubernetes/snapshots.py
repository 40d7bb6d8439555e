"""Snapshots of volumes: their definitions, and the controller that has CSI drivers make them."""

from dataclasses import dataclass

import pulumi
from pydantic import Field

from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import namespace

# The chart's `controller.args.httpEndpoint` (piraeusdatastore/helm-charts, snapshot-controller 5.2.0,
# values.yaml).
_METRICS_PORT = 8080
_POD = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
}
_RESOURCES = {
    "requests": {"cpu": "10m", "memory": "64Mi"},
    "limits": {"cpu": "200m", "memory": "256Mi"},
}


class SnapshotControllerArgs(Args):
    """Arguments of SnapshotController.

    Attributes:
        namespace: Where it runs, made here and closed for what comes in; "snapshot-controller" by default.
        replicas: One works and the others stand by; 2 by default.
        service_monitor: Whether Prometheus' operator is told of its metrics; off by default.
        deletion_protection: Whether Pulumi refuses to delete it; on by default. Its chart takes the
            definitions along, and with them every VolumeSnapshot of every namespace.
        after: What must be there first.
    """

    namespace: K8sName = "snapshot-controller"
    replicas: int = Field(default=2, ge=1, le=5)
    service_monitor: bool = False
    deletion_protection: bool = True
    after: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SnapshotControllerHandle:
    """The snapshot controller of a cluster.

    Attributes:
        namespace: Where it runs.
        release: What brings the definitions; snapshot classes wait for it.
    """

    namespace: str
    release: pulumi.Resource


class SnapshotController(pulumi.ComponentResource):
    """VolumeSnapshots and their controller, of which a cluster has one.

    Managed clusters often bring it: GKE does, and EKS has an add-on. A second one would fail, since the
    definitions are another's.
    """

    handle: SnapshotControllerHandle

    def __init__(
        self, name: str, args: SnapshotControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:SnapshotController", name, None, opts)
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=args.after)
        doors = close(
            self,
            child(name, "namespace"),
            namespace=args.namespace,
            after=[home],
            ports=(_METRICS_PORT,) if args.service_monitor else (),
        )
        chart = release(
            self,
            child(name, "chart"),
            chart_name="snapshot-controller",
            namespace=args.namespace,
            values=chart_values(args),
            after=[home, *doors],
            protect=args.deletion_protection,
        )
        self.handle = SnapshotControllerHandle(namespace=args.namespace, release=chart)
        self.register_outputs({"namespace": args.namespace})


def chart_values(args: SnapshotControllerArgs) -> dict[str, object]:
    """The values of the chart snapshot-controller 5.2.0. Its own let pods in that "restricted" refuses."""
    return {
        "installCRDs": True,
        "controller": {
            "replicaCount": args.replicas,
            "priorityClassName": "system-cluster-critical",
            "podSecurityContext": _POD,
            "securityContext": _CONTAINER,
            "resources": _RESOURCES,
            "pdb": {"maxUnavailable": 1} if args.replicas > 1 else {},
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "snapshot-controller"}},
                }
            ],
            "serviceMonitor": {"create": args.service_monitor},
        },
    }
