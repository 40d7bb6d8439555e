"""JobSet: several jobs that start, fail and end as one, which multi-node training is."""

from dataclasses import dataclass

import pulumi
from pydantic import Field

from bedplate.catalog import image
from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import namespace
from bedplate.queueing.objects import ingress_rules


@dataclass(frozen=True, kw_only=True)
class JobSetHandle:
    """JobSet in a cluster. `release` is what its objects wait for; None where it was there before."""

    namespace: str = "jobset-system"
    release: pulumi.Resource | None = None

    @property
    def after(self) -> tuple[pulumi.Resource, ...]:
        """What a JobSet, and what makes JobSets, waits for."""
        return () if self.release is None else (self.release,)


class JobSetControllerArgs(Args):
    """Arguments of JobSetController.

    Attributes:
        namespace: Of the controller, made here; "jobset-system" by default.
        replicas: 2 by default, one of which leads.
        cpu: Cores that each has; 1 by default.
        memory_mib: Memory that each has; 1024 by default.
        prometheus: Whether Prometheus' operator, which must be there, is told to scrape it; off by default.
        cert_manager: Whether cert-manager, which must be there, makes the webhook's certificate; JobSet makes
            its own by default.
        after: What must be there before: cert-manager, Prometheus' operator.
    """

    namespace: K8sName = "jobset-system"
    replicas: int = Field(default=2, ge=1, le=5)
    cpu: float = Field(default=1, gt=0)
    memory_mib: int = Field(default=1024, ge=128)
    prometheus: bool = False
    cert_manager: bool = False
    after: tuple[pulumi.Resource, ...] = ()


class JobSetController(pulumi.ComponentResource):
    """JobSet's controller and webhook. What makes JobSets depends on it, so that it outlives them."""

    handle: JobSetHandle
    namespace: pulumi.Output[str]
    """The controller's namespace."""

    def __init__(
        self, name: str, args: JobSetControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:JobSetController", name, None, opts)
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=args.after)
        rules = ingress_rules(
            self, child(name, "ingress"), namespace=args.namespace, ports=(9443, 8443), after=[home]
        )
        installed = release(
            self,
            child(name, "jobset"),
            chart_name="jobset",
            namespace=args.namespace,
            values=jobset_values(args),
            after=[home, *rules, *args.after],
        )
        self.handle = JobSetHandle(namespace=args.namespace, release=installed)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})


def jobset_values(args: JobSetControllerArgs) -> dict[str, object]:
    """The values of JobSet's chart, version 0.11.0."""
    pin = image("jobset")
    resources = {"cpu": f"{round(args.cpu * 1000)}m", "memory": f"{args.memory_mib}Mi"}
    return {
        "image": {"repository": pin.repository, "tag": pin.version, "pullPolicy": "IfNotPresent"},
        "controller": {
            "replicas": args.replicas,
            "resources": {"requests": resources, "limits": resources},
            "podDisruptionBudget": {"enabled": args.replicas > 1, "minAvailable": 1},
        },
        "certManager": {"enable": args.cert_manager},
        "prometheus": {"enable": args.prometheus},
    }
