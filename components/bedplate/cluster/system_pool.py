"""The node group that a cluster's own controllers run on."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import eks

from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.nodes import launch_template, node_role
from bedplate.cluster.settings import SystemPoolArgs
from bedplate.core.naming import child

_AMI_TYPES = {"x86_64": "AL2023_x86_64_STANDARD", "arm64": "AL2023_ARM_64_STANDARD"}


def system_pool(
    name: str,
    args: SystemPoolArgs,
    *,
    cluster: ClusterHandle,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> eks.NodeGroup:
    """A node group over every zone of the cluster's network, without taints."""
    machine = args.spec()
    role, attachments = node_role(
        name, region=cluster.network.region, tags=tags, parent=parent, boundary=boundary
    )
    template = launch_template(
        name,
        machine=machine,
        volume=args.volume,
        key=cluster.key,
        region=cluster.network.region,
        # Controllers there have pod identity; none needs the node's own role.
        metadata_hop_limit=1,
        tags=tags,
        parent=parent,
        security_group_ids=[cluster.security_group_id],
    )
    return eks.NodeGroup(
        child(name, "nodes"),
        cluster_name=cluster.name,
        version=cluster.version,
        node_role_arn=role.arn,
        subnet_ids=cluster.network.private_subnet_ids,
        scaling_config=args.scaling_config(),
        instance_types=[machine.name],
        capacity_type="ON_DEMAND",
        ami_type=_AMI_TYPES[machine.architecture],
        launch_template=eks.NodeGroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(str)
        ),
        labels={"bedplate/pool": "system"},
        region=cluster.network.region,
        update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=args.max_unavailable),
        tags=dict(tags),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[*attachments, *cluster.ready],
            ignore_changes=args.ignored_changes(),
        ),
    )
