"""An EKS node group of GPU machines: fabric, placement, and nothing running until it is needed."""

from typing import Self

import pulumi
from pulumi_aws import ec2, eks
from pydantic import Field, InstanceOf, model_validator

from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.nodes import launch_template, node_role
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.gpu.fabric import efa_security_group, network_interfaces
from bedplate.gpu.handles import GpuPoolHandle
from bedplate.gpu.scale_from_zero import tag_groups, template_tags
from bedplate.gpu.spec import GpuPoolSettings, TargetedReservationArgs

# https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html, amiType (2026-11-24)
_AMI_TYPES = {"x86_64": "AL2023_x86_64_NVIDIA", "arm64": "AL2023_ARM_64_NVIDIA"}


class EksGpuNodeGroupArgs(GpuPoolSettings):
    """A node group of GPU machines.

    Attributes:
        cluster: The cluster that the machines join.
        permissions_boundary_arn: The boundary of the nodes' role; none by default.
        tags: On everything that takes tags, instances and volumes included.
    """

    cluster: InstanceOf[ClusterHandle]
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_cluster(self) -> Self:
        problems = Problems()
        problems.extend(self.placement_problems(self.cluster.network.region, self.cluster.network.zones))
        problems.raise_if_any()
        return self


class EksGpuNodeGroup(pulumi.ComponentResource):
    """A pool of like GPU machines in an EKS cluster.

    Attributes:
        handle: What other components need of it.
    """

    handle: GpuPoolHandle

    def __init__(
        self, name: str, args: EksGpuNodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:EksGpuNodeGroup", name, None, opts)
        self._name = name
        self._args = args
        self._tags: dict[str, str] = dict(args.tags)

        cluster = args.cluster
        role, before_nodes = node_role(
            name,
            region=cluster.network.region,
            tags=self._tags,
            parent=self,
            more_policy_arns=args.node_policy_arns,
            boundary=args.permissions_boundary_arn,
        )
        template = self._template(before_nodes)
        nodes = eks.NodeGroup(
            child(name, "nodes"),
            cluster_name=cluster.name,
            version=cluster.version,
            node_role_arn=role.arn,
            subnet_ids=[
                cluster.network.private_subnet_id_by_zone[zone]
                for zone in args.zones or cluster.network.zones
            ],
            scaling_config=args.scaling_config(),
            instance_types=[args.machine],
            capacity_type="ON_DEMAND",
            ami_type=_AMI_TYPES[args.spec().architecture],
            launch_template=eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            labels=args.node_labels(name),
            taints=[
                eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=taint.effect)
                for taint in args.all_taints()
            ],
            region=cluster.network.region,
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=args.max_unavailable),
            node_repair_config=eks.NodeGroupNodeRepairConfigArgs(enabled=args.node_repair),
            tags=self._tags,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*before_nodes, *cluster.ready], ignore_changes=args.ignored_changes()
            ),
        )
        self.handle = GpuPoolHandle(
            name=name,
            machine=args.spec(),
            min_size=args.min_size,
            max_size=args.max_size,
            desired_size=args.desired_size,
            node_group_name=nodes.node_group_name,
            autoscaling_group_names=nodes.resources.apply(
                lambda found: [str(group.name) for made in found for group in made.autoscaling_groups or []]
            ),
            node_role_arn=role.arn,
        )
        tag_groups(
            name,
            self.handle.autoscaling_group_names,
            template_tags(name, args),
            region=cluster.network.region,
            parent=self,
        )
        self.register_outputs(
            {
                "nodeGroupName": self.handle.node_group_name,
                "autoscalingGroupNames": self.handle.autoscaling_group_names,
                "nodeRoleArn": self.handle.node_role_arn,
            }
        )

    def _template(self, before_nodes: list[pulumi.Resource]) -> ec2.LaunchTemplate:
        """The launch template; what the nodes need besides it is added to `before_nodes`."""
        args, cluster = self._args, self._args.cluster
        interfaces: list[ec2.LaunchTemplateNetworkInterfaceArgs] = []
        groups: list[pulumi.Input[str]] = [cluster.security_group_id, *args.security_group_ids]
        if args.uses_efa:
            efa_group, rules = efa_security_group(
                self._name,
                vpc_id=cluster.network.vpc_id,
                region=cluster.network.region,
                tags=self._tags,
                parent=self,
            )
            before_nodes.extend(rules)
            interfaces = network_interfaces(args.spec(), [*groups, efa_group.id])
            groups = []
        placement, reservation = None, None
        if isinstance(args.reservation, TargetedReservationArgs):
            # Reserved machines are where they are: a placement group of ours would turn them away.
            reservation = ec2.LaunchTemplateCapacityReservationSpecificationArgs(
                capacity_reservation_target=ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
                    capacity_reservation_id=args.reservation.capacity_reservation_id
                )
            )
        elif args.uses_efa and args.spec().cluster_placement:
            close = ec2.PlacementGroup(
                child(self._name, "close"),
                strategy="cluster",
                region=cluster.network.region,
                tags=self._tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            placement = ec2.LaunchTemplatePlacementArgs(group_name=close.name)
        return launch_template(
            self._name,
            machine=args.spec(),
            volume=args.volume,
            key=cluster.key,
            region=cluster.network.region,
            metadata_hop_limit=args.metadata_hop_limit,
            tags=self._tags,
            parent=self,
            security_group_ids=groups,
            network_interfaces=interfaces,
            placement=placement,
            reservation=reservation,
            max_pods=args.max_pods,
        )
