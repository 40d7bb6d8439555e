"""The namespace of the log agents where something must be in it before them: their archive's key."""

import pulumi
from pydantic import InstanceOf

from bedplate.core import Args
from bedplate.kubernetes.names import K8sLabel
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.logs import agents_namespace


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
        agents_namespace(self, name, object_name=args.namespace, monitoring=args.monitoring, part="home")
        self.register_outputs({})
