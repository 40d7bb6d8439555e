"""A Kubernetes cluster from bare metal: Cluster API and Metal3 objects in a management cluster."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import pulumi

from bedplate.cluster.baremetal_args import (
    BareMetalClusterArgs,
    BareMetalClusterHandle,
    SecretKey,
    VirtualAddress,
)
from bedplate.cluster.baremetal_hosts import BareMetalNode, BareMetalPool, BmcAccess, OsImage, RootDevice
from bedplate.cluster.baremetal_kubeadm import control_plane_config, machine_labels, worker_config
from bedplate.cluster.baremetal_specs import (
    BOOTSTRAP,
    CLUSTER_LABEL,
    CONTROL,
    CORE,
    INFRASTRUCTURE,
    VERSIONS,
    cluster_spec,
    data_spec,
    health_spec,
    host_spec,
    machine_spec,
    reference,
)
from bedplate.cluster.onprem_inventory import RACK_LABEL, ZONE_LABEL
from bedplate.core.naming import child
from bedplate.kubernetes.handles import POOL_LABEL
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.network.onprem_args import ApiServerAddress

__all__ = [
    "BareMetalCluster",
    "BareMetalClusterArgs",
    "BareMetalClusterHandle",
    "BareMetalNode",
    "BareMetalPool",
    "BmcAccess",
    "OsImage",
    "RootDevice",
    "SecretKey",
    "VirtualAddress",
]

_CONTROL_PLANE = "control-plane"
_DRAIN_SECONDS = 3600


class BareMetalCluster(pulumi.ComponentResource):
    """A cluster whose machines Metal3 installs. The management cluster has Cluster API, its kubeadm
    providers, Metal3's provider and the bare metal operator.
    """

    handle: BareMetalClusterHandle
    kubeconfig_secret_name: pulumi.Output[str]
    """The secret that holds the cluster's kubeconfig, once there is one."""

    def __init__(
        self, name: str, args: BareMetalClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:BareMetalCluster", name, None, opts)
        self._name, self._args = name, args
        self._cluster = args.cluster_name or name
        self._where = args.namespace or self._cluster
        room = namespace(self, child(name, "namespace"), object_name=self._where)
        hosts = self._hosts([room])
        cluster = self._make(
            "cluster",
            CORE,
            "Cluster",
            self._cluster,
            cluster_spec(args, self._cluster),
            [room],
            protect=args.deletion_protection,
        )
        endpoint = {"host": args.endpoint.address, "port": args.endpoint.port}
        infrastructure = {"controlPlaneEndpoint": endpoint, "cloudProviderEnabled": False}
        self._make("metal3", INFRASTRUCTURE, "Metal3Cluster", self._cluster, infrastructure, [room])
        self._control_plane([cluster, *hosts])
        for pool_name, pool in args.pools.items():
            self._pool(pool_name, pool, [cluster, *hosts])
        secret = f"{self._cluster}-kubeconfig"
        self.handle = BareMetalClusterHandle(
            name=self._cluster,
            namespace=self._where,
            version=args.minor_version,
            kubeconfig_secret_name=secret,
            api_server=ApiServerAddress(host=args.endpoint.address, port=args.endpoint.port),
            after=(cluster,),
        )
        self.kubeconfig_secret_name = pulumi.Output.from_input(secret)
        self.register_outputs({"kubeconfig_secret_name": self.kubeconfig_secret_name})

    def _hosts(self, after: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        machines = [(_CONTROL_PLANE, node, "metadata") for node in self._args.control_plane]
        for name, pool in self._args.pools.items():
            machines += [(name, node, pool.cleaning) for node in pool.nodes]
        return [
            custom_object(
                self,
                child(self._name, f"host-{node.name}"),
                api_version="metal3.io/v1alpha1",
                kind="BareMetalHost",
                object_name=node.name,
                namespace=self._where,
                labels={
                    POOL_LABEL: pool,
                    CLUSTER_LABEL: self._cluster,
                    RACK_LABEL: node.rack,
                    ZONE_LABEL: node.where,
                },
                spec=host_spec(node, cleaning),
                after=after,
                protect=self._args.deletion_protection,
            )
            for pool, node, cleaning in machines
        ]

    def _control_plane(self, after: Sequence[pulumi.Resource]) -> None:
        args = self._args
        template = self._machines(_CONTROL_PLANE, args.image, "metadata", after)
        spec = {
            "replicas": len(args.control_plane),
            "version": f"v{args.kubernetes_version}",
            "machineTemplate": {
                "metadata": {"labels": {POOL_LABEL: _CONTROL_PLANE}},
                "spec": {
                    "infrastructureRef": reference(INFRASTRUCTURE, "Metal3MachineTemplate", template[0]),
                    "deletion": {"nodeDrainTimeoutSeconds": _DRAIN_SECONDS},
                },
            },
            "kubeadmConfigSpec": control_plane_config(args),
            # No machine is spare: one leaves before its successor comes, where enough are left for etcd.
            "rollout": {
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0 if len(args.control_plane) >= 3 else 1},
                }
            },
        }
        self._make(_CONTROL_PLANE, CONTROL, "KubeadmControlPlane", self._cluster, spec, [*after, template[1]])
        selector = {"cluster.x-k8s.io/control-plane": "", CLUSTER_LABEL: self._cluster}
        self._watch(_CONTROL_PLANE, selector, after)

    def _pool(self, name: str, pool: BareMetalPool, after: Sequence[pulumi.Resource]) -> None:
        args = self._args
        machines = self._machines(name, pool.image or args.image, pool.cleaning, after)
        config = self._template(
            f"config-{name}",
            BOOTSTRAP,
            "KubeadmConfigTemplate",
            f"{self._cluster}-{name}",
            {"template": {"spec": worker_config(args, name, pool)}},
            after,
        )
        selector = {CLUSTER_LABEL: self._cluster, POOL_LABEL: name}
        spec = {
            "clusterName": self._cluster,
            "replicas": len(pool.nodes),
            "selector": {"matchLabels": selector},
            "rollout": {
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
                }
            },
            "template": {
                "metadata": {"labels": {**selector, **machine_labels(pool)}},
                "spec": {
                    "clusterName": self._cluster,
                    "version": f"v{args.kubernetes_version}",
                    "bootstrap": {"configRef": reference(BOOTSTRAP, "KubeadmConfigTemplate", config[0])},
                    "infrastructureRef": reference(INFRASTRUCTURE, "Metal3MachineTemplate", machines[0]),
                    "deletion": {"nodeDrainTimeoutSeconds": _DRAIN_SECONDS},
                },
            },
        }
        self._make(
            f"pool-{name}",
            CORE,
            "MachineDeployment",
            f"{self._cluster}-{name}",
            spec,
            [*after, machines[1], config[1]],
        )
        self._watch(name, selector, after)

    def _machines(
        self, pool: str, image: OsImage, cleaning: str, after: Sequence[pulumi.Resource]
    ) -> tuple[str, pulumi.Resource]:
        """The pool's machine template: its name, which changes with its content, and itself."""
        data = self._template(
            f"data-{pool}",
            INFRASTRUCTURE,
            "Metal3DataTemplate",
            f"{self._cluster}-{pool}",
            data_spec(self._cluster),
            after,
        )
        return self._template(
            f"machines-{pool}",
            INFRASTRUCTURE,
            "Metal3MachineTemplate",
            f"{self._cluster}-{pool}",
            machine_spec(pool, image, cleaning, data[0]),
            [*after, data[1]],
        )

    def _watch(self, pool: str, selector: Mapping[str, str], after: Sequence[pulumi.Resource]) -> None:
        args = self._args
        if not args.remediation:
            return
        name = f"{self._cluster}-{pool}"
        strategy = {"type": "Reboot", "retryLimit": 1, "timeout": "900s"}
        self._make(
            f"remediation-{pool}",
            INFRASTRUCTURE,
            "Metal3RemediationTemplate",
            name,
            {"template": {"spec": {"strategy": strategy}}},
            after,
        )
        self._make(
            f"health-{pool}",
            CORE,
            "MachineHealthCheck",
            name,
            health_spec(args, self._cluster, name, selector),
            after,
        )

    def _template(
        self,
        part: str,
        group: str,
        kind: str,
        stem: str,
        spec: Mapping[str, object],
        after: Sequence[pulumi.Resource],
    ) -> tuple[str, pulumi.Resource]:
        """A template may not change: other content is another template, and a rollout."""
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
        object_name = f"{stem}-{digest}"
        return object_name, self._make(f"{part}-{digest}", group, kind, object_name, spec, after)

    def _make(
        self,
        part: str,
        group: str,
        kind: str,
        object_name: str,
        spec: Mapping[str, object],
        after: Sequence[pulumi.Resource],
        protect: bool = False,
    ) -> pulumi.Resource:
        return custom_object(
            self,
            child(self._name, part),
            api_version=f"{group}/{VERSIONS[group]}",
            kind=kind,
            object_name=object_name,
            namespace=self._where,
            spec=spec,
            labels={CLUSTER_LABEL: self._cluster},
            after=after,
            protect=protect,
        )
