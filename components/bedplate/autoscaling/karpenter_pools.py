"""Karpenter's node pools: which machines it may make, and how."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import pulumi
from pulumi_aws import ec2
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.autoscaling.karpenter import KarpenterHandle
from bedplate.autoscaling.karpenter_pool_args import KarpenterPoolArgs, PoolName
from bedplate.autoscaling.karpenter_spec import (
    CLASS_API,
    POOL_API,
    node_class_spec,
    node_pool_spec,
    pool_handle,
)
from bedplate.core import Args
from bedplate.core.errors import Problem, Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.gpu.fabric import efa_security_group
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.objects import custom_object

# https://karpenter.sh/docs/concepts/nodeclasses/, alias: al2023@<date of the image's release> (from memory)
_IMAGE_VERSION = re.compile(r"v20\d{6}")

# The CRD's own refusals (aws/karpenter-provider-aws v1.15.1, karpenter.k8s.aws_ec2nodeclasses.yaml, tags).
_KARPENTER_TAGS = (
    "eks:eks-cluster-name",
    "karpenter.sh/nodepool",
    "karpenter.sh/nodeclaim",
    "karpenter.k8s.aws/ec2nodeclass",
)


def _image_version(value: str) -> str:
    if not _IMAGE_VERSION.fullmatch(value):
        raise ValueError(
            f"{value!r} does not pin an image; allowed: the release of the EKS AL2023 images, such as "
            "v20261116; with 'latest' every new image would replace the nodes (releases: "
            "https://github.com/awslabs/amazon-eks-ami/releases)"
        )
    return value


class KarpenterNodePoolsArgs(Args):
    """Arguments of KarpenterNodePools.

    Attributes:
        karpenter: The controller that makes the nodes.
        image_version: The release of the EKS images of Amazon Linux 2023 (with NVIDIA's driver on GPU
            machines). Another one is drift: nodes are replaced as the pools' budgets allow.
        pools: The pools by name; a pool's name is the value of its nodes' label bedplate/pool.
        subnets_by: "discovery-tag": subnets tagged karpenter.sh/discovery=<cluster>, as AwsNetwork tags its
            private ones. "id": the network's private subnets, for a network that is made elsewhere.
        tags: On the machines, their disks and interfaces.
    """

    karpenter: InstanceOf[KarpenterHandle]
    image_version: Annotated[str, AfterValidator(_image_version)]
    pools: dict[PoolName, KarpenterPoolArgs] = Field(min_length=1)
    subnets_by: Literal["discovery-tag", "id"] = "discovery-tag"
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = Problems()
        network = self.karpenter.eks.network
        for name, pool in self.pools.items():
            path = f"pools.{name}"
            found = list(pool.placement_problems(network.region, network.zones))
            problems.extend(found, under=path)
            if not found:
                handle = pool_handle(name, pool, region=network.region, zones=network.zones)
                problems.extend(_clashes(handle, self.karpenter.cluster), under=path)
        for key in self.tags:
            if key in _KARPENTER_TAGS or key.startswith("kubernetes.io/cluster"):
                problems.add(
                    "tags", f"{key!r} is Karpenter's own tag; allowed: any other key; remove or rename it"
                )
        problems.raise_if_any()
        return self


class KarpenterNodePools(pulumi.ComponentResource):
    """Node pools that Karpenter runs: an EC2NodeClass and a NodePool each.

    Attributes:
        pools: The pools' handles.
        cluster: The cluster with these pools among its own: what queues and inference are given.
    """

    pools: tuple[NodePoolHandle, ...]
    cluster: KubernetesHandle

    def __init__(
        self, name: str, args: KarpenterNodePoolsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:KarpenterNodePools", name, None, opts)
        self._name = name
        self._args = args
        network = args.karpenter.eks.network
        for pool_name, pool in args.pools.items():
            base = child(name, pool_name)
            made = custom_object(
                self,
                child(base, "class"),
                api_version=CLASS_API,
                kind="EC2NodeClass",
                object_name=pool_name,
                spec=self._class_spec(base, pool),
                after=args.karpenter.after,
            )
            custom_object(
                self,
                child(base, "pool"),
                api_version=POOL_API,
                kind="NodePool",
                object_name=pool_name,
                spec=node_pool_spec(pool_name, pool, region=network.region, zones=network.zones),
                after=[made],
            )
        self.pools = tuple(
            pool_handle(pool_name, pool, region=network.region, zones=network.zones)
            for pool_name, pool in args.pools.items()
        )
        known = args.karpenter.cluster
        self.cluster = dataclasses.replace(known, pools=(*known.pools, *self.pools))
        self.register_outputs({"pools": [pool.name for pool in self.pools]})

    def _class_spec(self, base: str, pool: KarpenterPoolArgs) -> dict[str, object]:
        eks = self._args.karpenter.eks
        groups: list[pulumi.Input[str]] = [eks.security_group_id]
        if pool.uses_efa:
            group, _ = efa_security_group(
                base,
                vpc_id=eks.network.vpc_id,
                region=eks.network.region,
                tags=self._args.tags,
                parent=self,
            )
            groups.append(group.id)
        close = None
        if pool.placed_together:
            close = ec2.PlacementGroup(
                child(base, "close"),
                strategy="cluster",
                region=eks.network.region,
                tags=dict(self._args.tags),
                opts=pulumi.ResourceOptions(parent=self),
            ).name
        return node_class_spec(
            pool,
            region=eks.network.region,
            image_version=self._args.image_version,
            instance_profile=self._args.karpenter.instance_profile_name,
            subnet_terms=self._subnet_terms(pool),
            security_group_ids=groups,
            key_arn=eks.key.arn,
            tags=self._args.tags,
            placement_group=close,
        )

    def _subnet_terms(self, pool: KarpenterPoolArgs) -> list[Mapping[str, object]]:
        eks = self._args.karpenter.eks
        if self._args.subnets_by == "discovery-tag":
            return [{"tags": {"karpenter.sh/discovery": eks.name}}]
        by_zone = eks.network.private_subnet_id_by_zone
        return [{"id": by_zone[zone]} for zone in pool.zones or eks.network.zones]


def _clashes(pool: NodePoolHandle, cluster: KubernetesHandle) -> list[Problem]:
    """What speaks against a pool beside those that node groups or other provisioners run."""
    problems: list[Problem] = []
    for other in cluster.pools:
        if other.name == pool.name:
            problems.append(
                Problem(
                    "",
                    f"{pool.name!r} is a pool of {cluster.name} already; allowed: a name of its own, by "
                    "which "
                    "pods tell them apart; rename it",
                )
            )
        elif _same_machine(pool, other) and dict(other.labels).items() <= dict(pool.labels).items():
            labels = ", ".join(f"{key}={value}" for key, value in other.labels.items()) or "no labels"
            problems.append(
                Problem(
                    "labels",
                    f"the machines are those of the pool {other.name!r}, and whatever selects its nodes "
                    f"({labels}) selects these too: both autoscalers would start machines for one pod; "
                    "allowed: other machines, or labels that tell the two apart; give that pool a label of "
                    "its own, or take these machines out",
                )
            )
    return problems


def _same_machine(one: NodePoolHandle, other: NodePoolHandle) -> bool:
    def figures(pool: NodePoolHandle) -> tuple[object, ...]:
        gpus = pool.accelerator
        return (
            pool.cpu,
            pool.memory_gib,
            pool.architecture,
            (gpus.model, gpus.count) if gpus is not None else None,
        )

    return figures(one) == figures(other)
