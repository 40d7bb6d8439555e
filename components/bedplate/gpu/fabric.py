"""How GPU machines reach each other: EFA interfaces by the machine's network cards."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import ec2, vpc

from bedplate.catalog import AwsMachine
from bedplate.core.naming import child


def network_interfaces(
    machine: AwsMachine, security_group_ids: list[pulumi.Input[str]]
) -> list[ec2.LaunchTemplateNetworkInterfaceArgs]:
    """One interface per row of the machine's card layout, each in the same security groups."""
    assert machine.fabric is not None, "the caller asked for EFA on a machine that has none"
    return [
        ec2.LaunchTemplateNetworkInterfaceArgs(
            network_card_index=card.card_index,
            device_index=card.device_index,
            interface_type=card.interface_type,
            security_groups=security_group_ids,
            delete_on_termination="true",
            # EC2 gives no public address to a machine with several interfaces, and these have no IP at all:
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html (2026-11-24).
            associate_public_ip_address=None if card.interface_type == "efa-only" else "false",
        )
        for card in machine.fabric.cards
    ]


def efa_security_group(
    name: str, *, vpc_id: pulumi.Input[str], region: str, tags: Mapping[str, str], parent: pulumi.Resource
) -> tuple[ec2.SecurityGroup, list[pulumi.Resource]]:
    """The group of a pool's EFA traffic, and its rules.

    EFA bypasses the kernel, and EC2 passes it between members of a group only where the group allows
    everything in
    from and out to itself (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html, 2026-11-24).
    """
    group = ec2.SecurityGroup(
        child(name, "efa"),
        vpc_id=vpc_id,
        region=region,
        description=f"EFA traffic within {name}",
        tags={**tags, "Name": child(name, "efa")},
        opts=pulumi.ResourceOptions(parent=parent),
    )
    rules: list[pulumi.Resource] = [
        vpc.SecurityGroupIngressRule(
            child(name, "efa-in"),
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            region=region,
            description="All from the pool itself",
            tags=dict(tags),
            opts=pulumi.ResourceOptions(parent=parent),
        ),
        vpc.SecurityGroupEgressRule(
            child(name, "efa-out"),
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            region=region,
            description="All to the pool itself",
            tags=dict(tags),
            opts=pulumi.ResourceOptions(parent=parent),
        ),
    ]
    return group, rules
