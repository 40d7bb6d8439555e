"""What other capabilities need to know of a pool of GPU machines."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.catalog import AwsMachine


@dataclass(frozen=True, kw_only=True)
class GpuPoolHandle:
    """A pool of like machines.

    Attributes:
        name: The pool's name, which its nodes carry as the label `bedplate/pool`.
        machine: The machine's row in the catalogue.
        min_size: Never fewer machines than this.
        max_size: Never more.
        desired_size: How many there should be; None where an autoscaler decides.
        node_group_name: The name of the EKS node group.
        autoscaling_group_names: The EC2 Auto Scaling groups behind it.
        node_role_arn: The role that the nodes run with.
    """

    name: str
    machine: AwsMachine
    min_size: int
    max_size: int
    desired_size: int | None
    node_group_name: pulumi.Output[str]
    autoscaling_group_names: pulumi.Output[list[str]]
    node_role_arn: pulumi.Output[str]

    @classmethod
    def from_existing(
        cls,
        *,
        name: str,
        machine: AwsMachine,
        min_size: int,
        max_size: int,
        desired_size: int | None = None,
        node_group_name: pulumi.Input[str],
        autoscaling_group_names: pulumi.Input[Sequence[str]],
        node_role_arn: pulumi.Input[str],
    ) -> "GpuPoolHandle":
        """The handle of a pool that is made elsewhere."""
        return cls(
            name=name,
            machine=machine,
            min_size=min_size,
            max_size=max_size,
            desired_size=desired_size,
            node_group_name=pulumi.Output.from_input(node_group_name),
            autoscaling_group_names=pulumi.Output.from_input(autoscaling_group_names).apply(list),
            node_role_arn=pulumi.Output.from_input(node_role_arn),
        )
