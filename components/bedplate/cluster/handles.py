"""What other capabilities need to know of a Kubernetes cluster."""

from dataclasses import dataclass

import pulumi

from bedplate.keys.handles import KeyHandle
from bedplate.network.handles import NetworkHandle


@dataclass(frozen=True, kw_only=True)
class ClusterHandle:
    """A Kubernetes cluster on AWS, and what its machines are made with.

    Attributes:
        name: The cluster's name.
        version: The Kubernetes minor version of the control plane, which node groups follow.
        arn: The cluster's ARN.
        endpoint: The URL of the Kubernetes API.
        certificate_authority_data: The API's certificate authority, base64.
        security_group_id: The group that joins the control plane and every node.
        network: The network that the cluster is in.
        key: The key that secrets and node volumes are encrypted with.
        ready: What must be there before a node can join: the network's ways out, the network add-on.
    """

    name: pulumi.Output[str]
    version: str
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority_data: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    network: NetworkHandle
    key: KeyHandle
    ready: tuple[pulumi.Resource, ...] = ()

    @classmethod
    def from_existing(
        cls,
        *,
        name: pulumi.Input[str],
        version: str,
        arn: pulumi.Input[str],
        endpoint: pulumi.Input[str],
        certificate_authority_data: pulumi.Input[str],
        security_group_id: pulumi.Input[str],
        network: NetworkHandle,
        key: KeyHandle,
    ) -> "ClusterHandle":
        """The handle of a cluster that is made elsewhere. `security_group_id` is EKS's own cluster group."""
        return cls(
            name=pulumi.Output.from_input(name),
            version=version,
            arn=pulumi.Output.from_input(arn),
            endpoint=pulumi.Output.from_input(endpoint),
            certificate_authority_data=pulumi.Output.from_input(certificate_authority_data),
            security_group_id=pulumi.Output.from_input(security_group_id),
            network=network,
            key=key,
        )
