"""What the CSI drivers' classes say of keys: by reference, as Rook names the secrets that it makes."""

from typing import Literal

from bedplate.storage.ceph.handles import CephClusterHandle


def csi_secrets(driver: Literal["rbd", "cephfs"], cluster: CephClusterHandle) -> dict[str, str]:
    """Parameters of a storage class: whose keys the driver uses, and the key service that encrypts volumes.

    Rook v1.20.6, deploy/examples/csi/{rbd,cephfs}/storageclass.yaml.
    """
    provisioner, node = f"rook-csi-{driver}-provisioner", f"rook-csi-{driver}-node"
    steps = {
        "provisioner": provisioner,
        "controller-expand": provisioner,
        "controller-publish": provisioner,
        "node-stage": node,
    }
    parameters = {}
    for step, secret in steps.items():
        parameters[f"csi.storage.k8s.io/{step}-secret-name"] = secret
        parameters[f"csi.storage.k8s.io/{step}-secret-namespace"] = cluster.namespace
    if cluster.kms_id is not None:
        parameters |= {"encrypted": "true", "encryptionKMSID": cluster.kms_id}
    return parameters
