"""How long `sandbox up` takes: aws-dev from nothing, and whether time per resource grows with the number of
them.

Goals: aws-dev under 30 s in all on 2 cores, imports and the start of the sandbox included; time per
resource with 2,000 resources at most 1.2 times that with 500.
"""

import argparse
import sys

from common import finish, project

AWS_DEV_GOAL_SECONDS = 30.0
GROWTH_GOAL = 1.2

# Ten resources a group, with the dependencies that a network has; groups are independent of each other.
PROGRAM = """
import pulumi
import pulumi_aws as aws

groups = pulumi.Config().require_int("groups")
for number in range(groups):
    vpc = aws.ec2.Vpc(f"vpc-{number}", cidr_block="10.0.0.0/16", tags={"group": str(number)})
    for part in range(4):
        aws.ec2.Subnet(f"subnet-{number}-{part}", vpc_id=vpc.id, cidr_block=f"10.0.{part}.0/24")
    aws.ec2.RouteTable(f"routes-{number}", vpc_id=vpc.id)
    aws.ec2.SecurityGroup(f"group-{number}", vpc_id=vpc.id, description="bench")
    aws.cloudwatch.LogGroup(f"logs-{number}", retention_in_days=7)
    aws.s3.Bucket(f"bucket-{number}")
    aws.kms.Key(f"key-{number}", description="bench")
"""


def _up_seconds(size: int) -> float:
    """How long `up` of this many resources takes with the sandbox already running."""
    with project(PROGRAM, {"aws:region": "us-east-1", "bench:groups": str(size // 10)}) as many:
        many.sandbox("preview")  # starts the sandbox and fills the bytecode caches: not what is compared
        summary, _ = many.sandbox("up")
    assert summary["resources"] == size + 1, "the resources and the stack"
    seconds: float = summary["duration_seconds"]
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=(500, 2000), metavar="N")
    sizes = parser.parse_args().sizes
    figures: dict[str, object] = {}
    with project() as dev:
        summary, seconds = dev.sandbox("up")
        figures["aws-dev up seconds"] = round(seconds, 1)
        figures["aws-dev resources"] = summary["resources"]
        figures["aws-dev up without a change seconds"] = round(dev.sandbox("up")[1], 1)
    # What every `up` pays once (imports, the program's start) is measured by itself and taken off, or it
    # would hide growth: it weighs more on the smaller of the two.
    fixed = _up_seconds(10)
    figures["up of 10 seconds"] = round(fixed, 1)
    each: list[float] = []
    for size in sizes:
        took = _up_seconds(size)
        each.append((took - fixed) / (size - 10))
        figures[f"up of {size} seconds"] = round(took, 1)
        figures[f"milliseconds per resource of {size}"] = round(each[-1] * 1000, 2)
    growth = each[1] / each[0]
    figures["growth of time per resource"] = round(growth, 3)
    goals = {
        f"aws-dev up under {AWS_DEV_GOAL_SECONDS:.0f} s": seconds < AWS_DEV_GOAL_SECONDS,
        f"time per resource grows at most {GROWTH_GOAL}x from {sizes[0]} to {sizes[1]}": growth
        <= GROWTH_GOAL,
    }
    return finish("sandbox_up", figures, goals)


if __name__ == "__main__":
    sys.exit(main())
