"""A team's own composition of Bedplate components: a network, and a bucket that is reached without the
internet.
"""

from dataclasses import dataclass

import pulumi

from bedplate.keys.aws import AwsKey, AwsKeyArgs
from bedplate.network.aws import AwsNetwork
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.storage.object_aws import AwsObjectStore, AwsObjectStoreArgs


@dataclass(frozen=True)
class TeamPlatformArgs:
    """`zones` are availability zones of `region`; `team` is a tag on everything."""

    team: str
    region: str
    zones: tuple[str, ...]


class TeamPlatform(pulumi.ComponentResource):
    """What every team gets on its first day."""

    def __init__(self, name: str, args: TeamPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("acme:index:TeamPlatform", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        tags = {"team": args.team}
        key = AwsKey(f"{name}-key", AwsKeyArgs(region=args.region, services=("logs",), tags=tags), mine)
        network = AwsNetwork(
            f"{name}-network",
            AwsNetworkArgs(
                region=args.region,
                zones=args.zones,
                nat="none",
                public_subnets=False,
                gateway_endpoints=("s3",),
                key=key.handle,
                tags=tags,
            ),
            mine,
        )
        store = AwsObjectStore(
            f"{name}-data",
            AwsObjectStoreArgs(region=args.region, key=key.handle, deletion_protection=False, tags=tags),
            mine,
        )
        self.vpc_id = network.handle.vpc_id
        self.bucket_name = store.bucket_name
        self.register_outputs({"vpcId": self.vpc_id, "bucketName": self.bucket_name})
