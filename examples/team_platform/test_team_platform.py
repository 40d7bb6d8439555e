"""The composition is created on emulated AWS, and boto3 is asked what exists. Run: pytest
examples/team_platform
"""

import pulumi
import pytest
from team_platform import TeamPlatform, TeamPlatformArgs

from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture


def _program(team: str = "vision", zones: tuple[str, ...] = ("us-east-1a", "us-east-1b")) -> None:
    platform = TeamPlatform("vision", TeamPlatformArgs(team=team, region="us-east-1", zones=zones))
    pulumi.export("vpc", platform.vpc_id)
    pulumi.export("bucket", platform.bucket_name)


def test_a_team_gets_a_network_that_has_no_way_to_the_internet(sandbox: SandboxFixture) -> None:
    sandbox.up(_program)
    ec2 = sandbox.client("ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [sandbox.outputs["vpc"]]}])[
        "Subnets"
    ]
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {"us-east-1a", "us-east-1b"}
    assert ec2.describe_nat_gateways()["NatGateways"] == []


def test_the_bucket_is_tagged_with_the_team_and_closed(sandbox: SandboxFixture) -> None:
    sandbox.up(_program)
    s3, bucket = sandbox.client("s3"), sandbox.outputs["bucket"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags["team"] == "vision"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())


def test_a_second_run_changes_nothing(sandbox: SandboxFixture) -> None:
    sandbox.up(_program)
    again = sandbox.up(_program)
    assert again.changes["same"] == again.resources


def test_a_zone_of_another_region_is_refused(sandbox: SandboxFixture) -> None:
    with pytest.raises(SandboxError, match="eu-west-1a"):
        sandbox.up(lambda: _program(zones=("eu-west-1a", "us-east-1b")))
