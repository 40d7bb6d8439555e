"""What every node of an EKS cluster has, whatever runs on it: role, encrypted disk, guarded metadata."""

import base64
from collections.abc import Mapping, Sequence
from typing import Self

import pulumi
from pulumi_aws import ec2, eks, iam
from pydantic import Field, model_validator

from bedplate.catalog import AwsMachine, aws_machine
from bedplate.cluster.iam import attach, attach_arns, role, service_trust
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.keys.handles import KeyHandle

# Limits of gp3: EBS CreateVolume (botocore 1.44.8, service model ec2, EbsBlockDevice) for the ranges, and
# https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html (2026-11-24) for the two ratios.
GP3_IOPS_MIN = 3_000
GP3_IOPS_MAX = 80_000
GP3_THROUGHPUT_MIBPS_MIN = 125
GP3_THROUGHPUT_MIBPS_MAX = 2_000
GP3_SIZE_GIB_MAX = 65_536
GP3_IOPS_PER_GIB = 500
GP3_IOPS_PER_MIBPS = 4

# The AL2023 NVIDIA image does not start from a smaller disk (its snapshot is 20 GiB), and container images of
# training jobs need far more.
ROOT_SIZE_GIB_MIN = 20

# AL2023 images name their root disk so.
ROOT_DEVICE = "/dev/xvda"


# Pods have roles of their own, so that nodes need no more than to join and to pull images.
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")


def known_machine(name: str) -> str:
    """Returns the name, or raises UnknownMachineError (a ValueError) with the nearest names."""
    return aws_machine(name).name


class RootVolumeArgs(Args):
    """The root disk of a node: gp3, encrypted with the cluster's key, deleted with the node."""

    size_gib: int = Field(default=100, ge=ROOT_SIZE_GIB_MIN, le=GP3_SIZE_GIB_MAX)
    iops: int = Field(default=GP3_IOPS_MIN, ge=GP3_IOPS_MIN, le=GP3_IOPS_MAX)
    throughput_mibps: int = Field(
        default=GP3_THROUGHPUT_MIBPS_MIN, ge=GP3_THROUGHPUT_MIBPS_MIN, le=GP3_THROUGHPUT_MIBPS_MAX
    )

    @model_validator(mode="after")
    def _ratios(self) -> Self:
        problems = Problems()
        # The baseline is given to a disk of any size.
        allowed = max(GP3_IOPS_MIN, self.size_gib * GP3_IOPS_PER_GIB)
        if self.iops > allowed:
            problems.add(
                "iops",
                f"{self.iops} is too much for size_gib {self.size_gib}; allowed: up to {allowed} "
                f"({GP3_IOPS_PER_GIB} per GiB); lower iops or raise size_gib to "
                f"{-(-self.iops // GP3_IOPS_PER_GIB)}",
            )
        if self.throughput_mibps * GP3_IOPS_PER_MIBPS > self.iops:
            problems.add(
                "throughput_mibps",
                f"{self.throughput_mibps} is too much for iops {self.iops}; allowed: up to "
                f"{self.iops // GP3_IOPS_PER_MIBPS} (0.25 MiB/s per IOPS); lower throughput_mibps or raise "
                "iops "
                f"to {self.throughput_mibps * GP3_IOPS_PER_MIBPS}",
            )
        problems.raise_if_any()
        return self


class PoolSizes(Args):
    """How many machines a node group has.

    Attributes:
        min_size: Never fewer.
        max_size: Never more.
        desired_size: How many now, whatever an autoscaler set; absent: `min_size` at first, and from then on
            the autoscaler's to decide. Where it is absent, EKS refuses to raise `min_size` above what runs.
        max_unavailable: How many machines are renewed at a time when the image or the template changes.
    """

    min_size: int = Field(default=0, ge=0)
    # EKS CreateNodegroup: maxSize is at least 1 (botocore 1.44.8, service model eks).
    max_size: int = Field(ge=1)
    desired_size: int | None = Field(default=None, ge=0)
    max_unavailable: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _order(self) -> Self:
        problems = Problems()
        if self.min_size > self.max_size:
            problems.add(
                "min_size",
                f"{self.min_size} is above max_size {self.max_size}; allowed: 0 to {self.max_size}; "
                f"lower min_size or raise max_size to {self.min_size}",
            )
        elif self.desired_size is not None and not self.min_size <= self.desired_size <= self.max_size:
            problems.add(
                "desired_size",
                f"{self.desired_size} is outside min_size and max_size; allowed: {self.min_size} to "
                f"{self.max_size}; choose one in that range, or leave desired_size out for the autoscaler",
            )
        problems.raise_if_any()
        return self

    def scaling_config(self) -> eks.NodeGroupScalingConfigArgs:
        """The node group's sizes; see `ignored_changes` for the desired one."""
        return eks.NodeGroupScalingConfigArgs(
            min_size=self.min_size,
            max_size=self.max_size,
            desired_size=self.min_size if self.desired_size is None else self.desired_size,
        )

    def ignored_changes(self) -> list[str]:
        """What Pulumi leaves to an autoscaler."""
        return ["scalingConfig.desiredSize"] if self.desired_size is None else []


def node_role(
    name: str,
    *,
    region: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    more_policy_arns: Sequence[str] = (),
    boundary: str | None = None,
) -> tuple[iam.Role, list[pulumi.Resource]]:
    """The role of a node group, and the attachments that its nodes need before they start.

    Only what the kubelet needs: pods get their rights by pod identity, and the network add-on has a role of
    its own, so AmazonEKS_CNI_Policy is not here.
    """
    node = role(
        name,
        trust=service_trust("ec2.amazonaws.com", region=region),
        description="Nodes of an EKS node group",
        tags=tags,
        parent=parent,
        boundary=boundary,
    )
    attachments = attach(
        name,
        node,
        NODE_POLICIES,
        region=region,
        parent=parent,
    )
    attachments += attach_arns(name, node, more_policy_arns, parent=parent)
    return node, attachments


def node_config(machine: AwsMachine, max_pods: int | None = None) -> str | None:
    """User data (base64) for nodeadm, or None where the machine needs none.

    EKS adds the cluster's own coordinates. Local NVMe disks become one RAID 0 for containerd and the kubelet
    (https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api, LocalStorageOptions and KubeletOptions,
    2026-11-24).
    """
    spec: list[str] = []
    if max_pods is not None:
        spec += ["  kubelet:", "    config:", f"      maxPods: {max_pods}"]
    if machine.local_disks is not None:
        spec += ["  instance:", "    localStorage:", "      strategy: RAID0"]
    if not spec:
        return None
    lines = (
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="BOUNDARY"',
        "",
        "--BOUNDARY",
        "Content-Type: application/node.eks.aws",
        "",
        "---",
        "apiVersion: node.eks.aws/v1alpha1",
        "kind: NodeConfig",
        "spec:",
        *spec,
        "",
        "--BOUNDARY--",
        "",
    )
    return base64.b64encode("\n".join(lines).encode()).decode()


def launch_template(
    name: str,
    *,
    machine: AwsMachine,
    volume: RootVolumeArgs,
    key: KeyHandle,
    region: str,
    metadata_hop_limit: int,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    security_group_ids: Sequence[pulumi.Input[str]] = (),
    network_interfaces: Sequence[ec2.LaunchTemplateNetworkInterfaceArgs] = (),
    placement: ec2.LaunchTemplatePlacementArgs | None = None,
    reservation: ec2.LaunchTemplateCapacityReservationSpecificationArgs | None = None,
    max_pods: int | None = None,
) -> ec2.LaunchTemplate:
    """The launch template of a node group; security groups go to its one interface or with each."""
    assert bool(security_group_ids) != bool(network_interfaces), "one of the two says where the groups go"
    named = {**tags, "Name": name}
    return ec2.LaunchTemplate(
        child(name, "template"),
        description=f"Nodes of {name} ({machine.name})",
        update_default_version=True,
        ebs_optimized="true",
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=metadata_hop_limit,
            instance_metadata_tags="disabled",
        ),
        block_device_mappings=[
            ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=ROOT_DEVICE,
                ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    encrypted="true",
                    kms_key_id=key.arn,
                    volume_type="gp3",
                    volume_size=volume.size_gib,
                    iops=volume.iops,
                    throughput=volume.throughput_mibps,
                    delete_on_termination="true",
                ),
            )
        ],
        monitoring=ec2.LaunchTemplateMonitoringArgs(enabled=True),
        vpc_security_group_ids=list(security_group_ids) or None,
        network_interfaces=list(network_interfaces) or None,
        placement=placement,
        capacity_reservation_specification=reservation,
        user_data=node_config(machine, max_pods),
        region=region,
        # What EC2 makes from the template does not inherit the template's own tags.
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=named)
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=dict(tags),
        opts=pulumi.ResourceOptions(parent=parent),
    )
