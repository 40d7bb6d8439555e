"""The namespace of the log agents where something must be in it before them: their archive's key."""

import pulumi
from pydantic import InstanceOf

from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.kubernetes.names import K8sLabel
from bedplate.kubernetes.objects import namespace
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.logs_config import METRICS_PORT
from bedplate.monitoring.kubernetes.network import ingress


class AgentNamespaceArgs(Args):
    """Arguments of AgentNamespace.

    Attributes:
        namespace: Its name.
        monitoring: The Prometheus stack that scrapes the agents; nothing does by default.
    """

    namespace: K8sLabel
    monitoring: InstanceOf[MonitoringHandle] | None = None


class AgentNamespace(pulumi.ComponentResource):
    """What LogShipping makes for its agents, by itself: a namespace closed for all but Prometheus.

    The agents read the nodes' logs, and mount them from the host.
    """

    def __init__(
        self, name: str, args: AgentNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:AgentNamespace", name, None, opts)
        own = namespace(self, child(name, "home"), object_name=args.namespace, pod_security="privileged")
        ingress(
            self,
            child(name, "closed"),
            object_name="bedplate-closed",
            namespace=args.namespace,
            after=[own],
        )
        if args.monitoring is not None:
            ingress(
                self,
                child(name, "scraped"),
                object_name="bedplate-scraped",
                namespace=args.namespace,
                after=[own],
                from_namespaces=[args.monitoring.namespace],
                ports=[METRICS_PORT],
            )
        self.register_outputs({})
