"""What runs on an EKS cluster sees of it: its provider, its pools, and a class of encrypted volumes."""

import json

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, InstanceOf

from bedplate.cluster.handles import ClusterHandle
from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import MANAGED, options

STORAGE_CLASS = "gp3-encrypted"
_PROVISIONER = "ebs.csi.aws.com"


class EksKubernetesArgs(Args):
    """Arguments of EksKubernetes.

    Attributes:
        cluster: The cluster, as AWS knows it.
        cluster_name: Its name, as far as it is known before it is made.
        pools: Its node pools.
        after: What must be there before anything can run on it: add-ons, node groups, who may use its API.
            All of it outlives what runs on the cluster.
        volumes: Whether there is a class of volumes, the cluster's default: gp3, encrypted with the cluster's
            key, made where the pod is. It needs the add-on aws-ebs-csi-driver; on by default.
        tags: On the volumes.
    """

    cluster: InstanceOf[ClusterHandle]
    cluster_name: K8sName
    pools: tuple[NodePoolHandle, ...] = ()
    after: tuple[pulumi.Resource, ...] = ()
    volumes: bool = True
    tags: Tags = Field(default_factory=dict)


class EksKubernetes(pulumi.ComponentResource):
    """An EKS cluster as Kubernetes.

    The provider gets a token from `aws eks get-token` for each run, so that no secret is in its kubeconfig.

    Attributes:
        handle: What components that run on the cluster need of it.
    """

    handle: KubernetesHandle

    def __init__(
        self, name: str, args: EksKubernetesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:EksKubernetes", name, None, opts)
        provider = k8s.Provider(
            child(name, "provider"),
            kubeconfig=kubeconfig(args.cluster),
            # The API's address alone would tell a cluster that was made anew from the one before.
            cluster_identifier=args.cluster.arn,
            enable_server_side_apply=True,
            opts=options(self, args.after),
        )
        ready: list[pulumi.Resource] = []
        if args.volumes:
            ready.append(
                k8s.storage.v1.StorageClass(
                    child(name, "volumes"),
                    metadata={
                        "name": STORAGE_CLASS,
                        "labels": MANAGED,
                        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                    },
                    provisioner=_PROVISIONER,
                    parameters={
                        "type": "gp3",
                        "encrypted": "true",
                        "kmsKeyId": args.cluster.key.arn,
                        # aws-ebs-csi-driver, docs/tagging.md (from memory)
                        **{
                            f"tagSpecification_{number}": f"{key}={value}"
                            for number, (key, value) in enumerate(sorted(args.tags.items()), 1)
                        },
                    },
                    # A volume is in one zone: that of the first pod which needs it.
                    volume_binding_mode="WaitForFirstConsumer",
                    allow_volume_expansion=True,
                    reclaim_policy="Delete",
                    opts=pulumi.ResourceOptions(parent=self, provider=provider),
                )
            )
        self.handle = KubernetesHandle(
            name=args.cluster_name,
            platform="eks",
            version=args.cluster.version,
            provider=provider,
            pools=args.pools,
            storage_class=STORAGE_CLASS if args.volumes else None,
            ready=tuple(ready),
        )
        self.register_outputs({"clusterName": args.cluster_name})


def kubeconfig(cluster: ClusterHandle) -> pulumi.Output[str]:
    """A kubeconfig without a secret: whoever uses it proves who they are to AWS.

    https://docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html (from memory)
    """
    region = cluster.network.region

    def text(known: list[str]) -> str:
        name, endpoint, authority = known
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "clusters": [
                    {"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}
                ],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "users": [
                    {
                        "name": name,
                        "user": {
                            "exec": {
                                "apiVersion": "client.authentication.k8s.io/v1beta1",
                                "command": "aws",
                                "args": [
                                    "--region",
                                    region,
                                    "eks",
                                    "get-token",
                                    "--cluster-name",
                                    name,
                                    "--output",
                                    "json",
                                ],
                                "interactiveMode": "Never",
                            }
                        },
                    }
                ],
            }
        )

    return pulumi.Output.all(cluster.name, cluster.endpoint, cluster.certificate_authority_data).apply(text)
