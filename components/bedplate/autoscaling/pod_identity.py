"""Roles that controllers take by EKS Pod Identity, for clusters that are known by their handle only."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import eks, iam

from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import pod_trust, role, role_base
from bedplate.core.naming import child


def pod_role(
    name: str,
    *,
    cluster: ClusterHandle,
    namespace: str,
    service_account: str,
    description: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> tuple[iam.Role, eks.PodIdentityAssociation]:
    """A role for the pods of one service account, and the association by which they get it.

    A pod gets the role when it starts, so that the chart's release has to wait for the association.
    """
    region = cluster.network.region
    made = role(
        role_base(name),
        trust=pod_trust(region),
        description=description,
        tags=tags,
        parent=parent,
        boundary=boundary,
    )
    association = eks.PodIdentityAssociation(
        child(name, "identity"),
        cluster_name=cluster.name,
        namespace=namespace,
        service_account=service_account,
        role_arn=made.arn,
        region=region,
        tags=dict(tags),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return made, association
