"""KEDA: scales deployments by what is asked of them, down to none."""

from dataclasses import dataclass
from typing import Self

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.autoscaling.pod_identity import pod_role
from bedplate.cluster.handles import ClusterHandle
from bedplate.core import Args
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import namespace

SERVICE_ACCOUNT = "keda-operator"

# The metrics API, the webhook, the operator's gRPC, and metrics (kedacore/charts fe065f4d8938, templates).
_PORTS = (6443, 9443, 9666, 8080)


class KedaControllerArgs(Args):
    """Arguments of KedaController.

    Attributes:
        cluster: The cluster that it runs on.
        eks: The same cluster as AWS knows it: the operator then gets a role by pod identity, for triggers
            that read AWS (queues, CloudWatch). The role may do nothing until it is granted something.
        namespace: Where it runs, made here; "keda" by default.
        watch_namespaces: Only scaled objects of these namespaces count; of all by default.
        replicas: Of the operator (one leads), the metrics server and the admission webhook, each.
        service_monitors: Whether the Prometheus operator scrapes the three; needs PrometheusStack.
        cert_manager: Whether cert-manager makes the certificates between the three; by default the operator
            makes and renews them itself.
        permissions_boundary_arn: The boundary of its role; none by default.
        tags: On the role.
    """

    cluster: InstanceOf[KubernetesHandle]
    eks: InstanceOf[ClusterHandle] | None = None
    namespace: K8sName = "keda"
    watch_namespaces: tuple[K8sLabel, ...] = ()
    replicas: int = Field(default=2, ge=1, le=5)
    service_monitors: bool = False
    cert_manager: bool = False
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if self.eks is not None and self.cluster.platform != "eks":
            problems.add(
                "eks",
                f"given on {self.cluster.platform}; allowed: on eks only; remove it",
            )
        if len(set(self.watch_namespaces)) != len(self.watch_namespaces):
            problems.add("watch_namespaces", "one is given twice; allowed: each once; remove one")
        problems.raise_if_any()
        return self


@dataclass(frozen=True, kw_only=True)
class KedaHandle:
    """KEDA in a cluster, as scaled objects see it.

    Attributes:
        namespace: Where it runs.
        watch_namespaces: The namespaces whose scaled objects count; empty: all.
        role_name: Its role on AWS, to be granted what triggers read; None without pod identity.
        after: What brings the definition of ScaledObject.
    """

    namespace: str
    watch_namespaces: tuple[str, ...]
    role_name: pulumi.Output[str] | None
    after: tuple[pulumi.Resource, ...]


class KedaController(pulumi.ComponentResource):
    """KEDA's operator, metrics server and admission webhook, which speak TLS to each other.

    A cluster has one external metrics server: no other adapter for external metrics may be installed.

    Attributes:
        handle: What scaled objects need of it.
    """

    handle: KedaHandle

    def __init__(
        self, name: str, args: KedaControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:KedaController", name, None, opts)
        after: list[pulumi.Resource] = [
            namespace(
                self, child(name, "namespace"), object_name=args.namespace, after=list(args.cluster.ready)
            )
        ]
        after += close(self, child(name, "namespace"), namespace=args.namespace, after=after, ports=_PORTS)
        role_name = None
        if args.eks is not None:
            made, association = pod_role(
                name,
                cluster=args.eks,
                namespace=args.namespace,
                service_account=SERVICE_ACCOUNT,
                description=f"KEDA's operator in the cluster {args.cluster.name}",
                tags=args.tags,
                parent=self,
                boundary=args.permissions_boundary_arn,
            )
            role_name = made.name
            after.append(association)
        chart = release(
            self,
            child(name, "chart"),
            chart_name="keda",
            namespace=args.namespace,
            values=_values(args),
            after=after,
        )
        self.handle = KedaHandle(
            namespace=args.namespace,
            watch_namespaces=args.watch_namespaces,
            role_name=role_name,
            after=(chart,),
        )
        self.register_outputs({"namespace": args.namespace})


def _values(args: KedaControllerArgs) -> dict[str, object]:
    size = {"cpu": "500m", "memory": "1000Mi"}
    resources = {"requests": {"cpu": "100m", "memory": "200Mi"}, "limits": size}
    restricted = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    scraped = {"enabled": args.service_monitors, "serviceMonitor": {"enabled": args.service_monitors}}
    budget = {"maxUnavailable": 1}
    return {
        "clusterName": args.cluster.name,
        "watchNamespace": ",".join(args.watch_namespaces),
        # Versions are pinned, so that nothing is gained by asking the registry at each start.
        "image": {"pullPolicy": "IfNotPresent"},
        "operator": {"replicaCount": args.replicas},
        "metricsServer": {"replicaCount": args.replicas},
        # A scaled object that KEDA would refuse must not be taken because nobody looked at it.
        "webhooks": {"replicaCount": args.replicas, "failurePolicy": "Fail"},
        "podDisruptionBudget": {"operator": budget, "metricServer": budget, "webhooks": budget},
        "securityContext": {"operator": restricted, "metricServer": restricted, "webhooks": restricted},
        "podSecurityContext": {
            part: {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
            for part in ("operator", "metricServer", "webhooks")
        },
        "resources": {"operator": resources, "metricServer": resources, "webhooks": resources},
        "priorityClassName": "system-cluster-critical",
        "http": {"minTlsVersion": "TLS12"},
        "service": {"minTlsVersion": "TLS13"},
        "certificates": {
            "autoGenerated": not args.cert_manager,
            "certManager": {"enabled": args.cert_manager},
        },
        "prometheus": {"operator": scraped, "metricServer": scraped, "webhooks": scraped},
    }
