"""Rook's operator and the drivers that mount Ceph's volumes, by their charts."""

import pulumi

from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import namespace

# What `CephBucket` asks for, beyond the two fields that Rook takes by default. bucketPolicy is apart: who may
# make a claim could shut others out of the store with it.
_CLAIM_FIELDS = (
    "maxObjects",
    "maxSize",
    "bucketMaxObjects",
    "bucketMaxSize",
    "bucketLifecycle",
    "bucketOwner",
)


class RookOperatorArgs(Args):
    """Arguments of RookOperator.

    Attributes:
        namespace: The namespace that it is put into, made here; "rook-ceph" by default.
        make_namespace: Whether the namespace is made; on by default. It lets privileged pods run, as
            OSDs are.
        bucket_policies: Whether bucket claims may carry policies, which readers and writers of a CephBucket
            need; off by default: whoever may make a claim may then write any policy.
    """

    namespace: K8sName = "rook-ceph"
    make_namespace: bool = True
    bucket_policies: bool = False


class RookOperator(pulumi.ComponentResource):
    """Rook's operator. Clusters depend on it, so that it outlives them when a stack is torn down."""

    namespace: pulumi.Output[str]
    """The operator's namespace."""

    def __init__(self, name: str, args: RookOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:RookOperator", name, None, opts)
        after: list[pulumi.Resource] = []
        if args.make_namespace:
            after.append(
                namespace(
                    self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged"
                )
            )
        fields = [*_CLAIM_FIELDS, *(["bucketPolicy"] if args.bucket_policies else [])]
        operator = release(
            self,
            child(name, "operator"),
            chart_name="rook-ceph",
            namespace=args.namespace,
            values={
                # Claims live in the namespaces of those who use the buckets.
                "enableOBCWatchOperatorNamespace": False,
                "obcAllowAdditionalConfigFields": ",".join(fields),
                "allowLoopDevices": False,
                "priorityClassName": "system-cluster-critical",
            },
            after=after,
        )
        # Of the version of the CSI operator that Rook's chart holds.
        release(
            self,
            child(name, "drivers"),
            chart_name="ceph-csi-drivers",
            namespace=args.namespace,
            values=_driver_values(args.namespace),
            after=[operator],
        )
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})


def _driver_values(namespace: str) -> dict[str, object]:
    """The values that Rook v1.20.6 gives for the drivers: their names are those that its classes use."""
    return {
        "operatorConfig": {
            "namespace": namespace,
            "driverSpecDefaults": {
                "imageSet": {"name": "rook-csi-operator-image-set-configmap"},
                "nodePlugin": {"priorityClassName": "system-node-critical"},
                "controllerPlugin": {"priorityClassName": "system-cluster-critical"},
            },
        },
        "drivers": {
            "rbd": {"enabled": True, "name": f"{namespace}.rbd.csi.ceph.com"},
            "cephfs": {"enabled": True, "name": f"{namespace}.cephfs.csi.ceph.com"},
            "nfs": {"enabled": False, "name": f"{namespace}.nfs.csi.ceph.com"},
            "nvmeof": {"enabled": False, "name": f"{namespace}.nvmeof.csi.ceph.com"},
        },
    }
