"""Logs of pods and of the kernel, shipped by an agent on every node (Vector)."""

from dataclasses import dataclass

import pulumi

from bedplate.core.inputs import checked
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.logs_args import LogShippingArgs, validate_role_arn
from bedplate.monitoring.kubernetes.logs_config import (
    KEY_ID,
    METRICS_PORT,
    METRICS_SINK,
    SECRET_KEY,
    SECRETS_DIRECTORY,
    escaped,
    files,
    vector_config,
)
from bedplate.monitoring.kubernetes.network import ingress
from bedplate.storage.handles import CredentialsReference

__all__ = ["LogShipping", "LogShippingArgs", "LogShippingHandle"]

BUFFER_PATH = "/var/lib/bedplate/logs"
"""Where the agent keeps on the node what it could not send yet, and how far it has read."""
_PODS = {"app.kubernetes.io/name": "vector", "app.kubernetes.io/instance": "vector"}


@dataclass(frozen=True, kw_only=True)
class LogShippingHandle:
    """The agents.

    Attributes:
        namespace: Where they run, and where the secrets of the sinks are.
        resource: Their release, for ordering.
    """

    namespace: str
    resource: pulumi.Resource

    def after(self) -> list[pulumi.Resource]:
        """What depends on the agents depends on this."""
        return [self.resource]


class LogShipping(pulumi.ComponentResource):
    """An agent on every node that ships what pods and the kernel write.

    Agents run as root, without capabilities: the files of pods and of the journal belong to root. They need
    paths of the host (/var/log to read, one directory to write), so that their namespace is "privileged".
    """

    handle: LogShippingHandle
    namespace: pulumi.Output[str]
    """The agents' namespace."""

    def __init__(self, name: str, args: LogShippingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:LogShipping", name, None, opts)
        before: list[pulumi.Resource] = []
        if args.make_namespace:
            before = agents_namespace(self, name, object_name=args.namespace, monitoring=args.monitoring)
        agents = release(
            self,
            child(name, "agents"),
            chart_name="vector",
            namespace=args.namespace,
            values=agent_values(args),
            after=before,
        )
        if args.monitoring is not None:
            custom_object(
                self,
                child(name, "metrics"),
                api_version="monitoring.coreos.com/v1",
                kind="PodMonitor",
                object_name="bedplate-log-agents",
                namespace=args.namespace,
                labels=args.monitoring.labels,
                spec={
                    "selector": {"matchLabels": _PODS},
                    "podMetricsEndpoints": [{"port": METRICS_SINK.replace("_", "-"), "path": "/metrics"}],
                },
                after=[*args.monitoring.after(), agents],
            )
        self.handle = LogShippingHandle(namespace=args.namespace, resource=agents)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})


def agents_namespace(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    monitoring: MonitoringHandle | None,
    part: str = "namespace",
) -> list[pulumi.Resource]:
    """A namespace for the agents, who mount the nodes' logs from the host; closed for all but Prometheus.

    `part`: what the namespace's resource is called after the component.
    """
    own = namespace(component, child(name, part), object_name=object_name, pod_security="privileged")
    policies: list[pulumi.Resource] = [
        ingress(
            component,
            child(name, "closed"),
            object_name="bedplate-closed",
            namespace=object_name,
            after=[own],
        )
    ]
    if monitoring is not None:
        policies.append(
            ingress(
                component,
                child(name, "scraped"),
                object_name="bedplate-scraped",
                namespace=object_name,
                after=[own],
                from_namespaces=[monitoring.namespace],
                ports=[METRICS_PORT],
            )
        )
    return [own, *policies]


def agent_values(args: LogShippingArgs) -> dict[str, object]:
    """The values of the chart vector 0.56.0."""
    account: dict[str, object] = {"create": True}
    if args.role_arn is not None:
        account["annotations"] = {
            "eks.amazonaws.com/role-arn": checked(args.role_arn, validate_role_arn, "role_arn")
        }
    volumes, mounts = _volumes(args)
    return {
        "role": "Agent",
        "fullnameOverride": "vector",
        # The journal is read by journalctl, which only this variant has.
        "image": {"base": "distroless-libc" if args.kernel == "off" else "debian"},
        "customConfig": escaped(vector_config(args)),
        # A dollar in an expression is not a variable.
        "env": [{"name": "VECTOR_DISABLE_ENV_VAR_INTERPOLATION", "value": "true"}],
        "serviceAccount": account,
        "service": {"enabled": False},
        "serviceHeadless": {"enabled": False},
        "tolerations": [{"operator": "Exists"}],
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": args.resources.manifest(),
        "livenessProbe": {"tcpSocket": {"port": METRICS_PORT}, "initialDelaySeconds": 30},
        "persistence": {"hostPath": {"enabled": True, "path": BUFFER_PATH}},
        # The chart's own mounts are the whole of /var/lib, /proc and /sys as well.
        "defaultVolumes": [{"name": "var-log", "hostPath": {"path": "/var/log"}}],
        "defaultVolumeMounts": [{"name": "var-log", "mountPath": "/var/log", "readOnly": True}],
        "extraVolumes": volumes,
        "extraVolumeMounts": mounts,
    }


def _volumes(args: LogShippingArgs) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    volumes: list[dict[str, object]] = [{"name": "tmp", "emptyDir": {}}]
    mounts: list[dict[str, object]] = [{"name": "tmp", "mountPath": "/tmp"}]
    if args.kernel != "off":
        # journalctl finds the journal by the machine's id.
        volumes.append({"name": "machine-id", "hostPath": {"path": "/etc/machine-id", "type": "File"}})
        mounts.append({"name": "machine-id", "mountPath": "/etc/machine-id", "readOnly": True})
    sources: list[dict[str, object]] = [
        {"secret": {"name": reference.name, "items": [{"key": reference.key, "path": file}]}}
        for file, reference in files(args).items()
    ]
    if args.archive is not None and args.archive.credentials is not None:
        sources.append(_archive_key(args.archive.credentials, args.namespace))
    if sources:
        volumes.append({"name": "secrets", "projected": {"defaultMode": 0o400, "sources": sources}})
        mounts.append({"name": "secrets", "mountPath": SECRETS_DIRECTORY, "readOnly": True})
    return volumes, mounts


def _archive_key(credentials: CredentialsReference, space: str) -> dict[str, object]:
    def here(pair: list[str]) -> list[str]:
        if pair[0] != space:
            raise ValueError(
                f"its key is in a secret of the namespace {pair[0]!r}, and the agents run in {space!r}, "
                f"where "
                "they can read only their own; claim the bucket there, or copy the secret"
            )
        return pair

    both = pulumi.Output.all(credentials.namespace, credentials.secret_name)
    return {
        "secret": {
            "name": checked(both, here, "archive").apply(lambda pair: pair[1]),
            "items": [
                {"key": credentials.access_key_id_key, "path": KEY_ID},
                {"key": credentials.secret_access_key_key, "path": SECRET_KEY},
            ],
        }
    }
