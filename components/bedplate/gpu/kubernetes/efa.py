"""EFA interfaces of EKS nodes as what pods ask for."""

from typing import Self

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName

# The label of nodes that got their EFA interfaces, as EksGpuNodeGroup sets it.
PRESENT = "vpc.amazonaws.com/efa.present"


class EfaDevicePluginArgs(Args):
    """Arguments of EfaDevicePlugin.

    Attributes:
        cluster: The cluster, on EKS, with a pool whose nodes have EFA interfaces.
        namespace: Where it runs; "kube-system" by default: it needs the kubelet's directory and devices of
            the node.
        image_repository: Where nodes without a way to us-west-2 get the image; the chart's own by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sName = "kube-system"
    image_repository: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9./_-]*$")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("EfaDevicePluginArgs")
        if self.cluster.platform != "eks":
            problems.add(
                "cluster",
                f"{self.cluster.name!r} is on {self.cluster.platform}; allowed: eks; leave the component out",
            )
        elif not self.pools:
            problems.add(
                "cluster",
                f"{self.cluster.name} has no pool with EFA; allowed: a cluster with one; leave the component "
                "out or add a pool",
            )
        problems.raise_if_any()
        return self

    @property
    def pools(self) -> tuple[NodePoolHandle, ...]:
        """The pools that it runs on."""
        return tuple(pool for pool in self.cluster.pools if pool.fabric and pool.fabric.kind == "efa")


class EfaDevicePlugin(pulumi.ComponentResource):
    """AWS's device plugin, which offers a node's EFA interfaces as vpc.amazonaws.com/efa.

    Attributes:
        resource: Its release, for ordering.
    """

    resource: pulumi.Resource

    def __init__(
        self, name: str, args: EfaDevicePluginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:EfaDevicePlugin", name, None, opts)
        self.resource = release(
            self,
            child(name, "plugin"),
            chart_name="aws-efa-k8s-device-plugin",
            namespace=args.namespace,
            values=plugin_values(args),
        )
        self.register_outputs({"namespace": args.namespace})


def plugin_values(args: EfaDevicePluginArgs) -> dict[str, object]:
    """The values of the chart aws-efa-k8s-device-plugin v0.5.30."""
    tolerations: list[dict[str, str]] = []
    for pool in args.pools:
        tolerations += [one for one in pool.tolerations() if one not in tolerations]
    values: dict[str, object] = {
        # Nodes that got their interfaces, in place of the chart's list of machines that could have some.
        "supportedInstanceLabels": {"keys": [PRESENT], "values": ["true"]},
        "tolerations": tolerations,
        "resources": {
            "requests": {"cpu": "10m", "memory": "20Mi"},
            "limits": {"cpu": "100m", "memory": "128Mi"},
        },
    }
    if args.image_repository is not None:
        values["image"] = {"repository": args.image_repository}
    return values
