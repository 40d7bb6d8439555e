"""Networks that cannot work are refused before anything is made, with what to do about it."""

import pytest

from bedplate.core import InputPropertiesError
from bedplate.network.aws import AwsNetworkArgs

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
GOOD = {"region": "us-east-1", "zones": ZONES, "flow_logs": False}


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"region": "us-east-9"}, "region", "us-east-"),
        ({"zones": ()}, "zones", "at least"),
        ({"zones": ("us-east-1a", "us-east-1z")}, "zones[1]", "not a zone of us-east-1; allowed: us-east-1a"),
        ({"zones": ("us-east-1a", "us-east-1a")}, "zones", "given twice"),
        ({"cidr_block": "10.0.0.0/15"}, "cidr_block", "allowed: /16 to /24"),
        ({"cidr_block": "10.0.0.0/25"}, "cidr_block", "allowed: /16 to /24"),
        ({"cidr_block": "8.8.0.0/16"}, "cidr_block", "not private"),
        ({"cidr_block": "100.128.0.0/16"}, "cidr_block", "not private"),
        ({"cidr_block": "10.0.0.7/16"}, "cidr_block", "write 10.0.0.0/16"),
        ({"cidr_block": "10.0.0.0/24"}, "cidr_block", "59 usable addresses; at least 250"),
        ({"private_prefix_length": 25}, "private_prefix_length", "123 usable addresses"),
        ({"private_prefix_length": 17}, "cidr_block", "give a range of at least /15"),
        ({"private_prefix_length": 29}, "private_prefix_length", "at most 28"),
        ({"public_prefix_length": 15}, "public_prefix_length", "at least 16"),
        ({"reserved_cidr_blocks": ("10.0.128.0/20",)}, "cidr_block", "overlaps 10.0.128.0/20"),
        ({"reserved_cidr_blocks": ("10.1",)}, "reserved_cidr_blocks[0]", "not an IPv4 range"),
        ({"nat": "one"}, "nat", "single"),
        ({"public_subnets": False}, "nat", 'set nat to "none"'),
        ({"flow_logs": True}, "key", "AwsKey"),
        ({"flow_log_retention_in_days": 42}, "flow_log_retention_in_days", "30"),
        ({"gateway_endpoints": ("ec2",)}, "gateway_endpoints[0]", "s3"),
        ({"interface_endpoints": ("ecr-api",)}, "interface_endpoints[0]", "did you mean ecr.api"),
        ({"interface_endpoints": ("sts", "sts")}, "interface_endpoints", "given twice"),
        ({"cluster_names": ("my cluster",)}, "cluster_names[0]", "my cluster"),
        ({"tags": {"aws:owner": "me"}}, "tags", "aws:"),
        ({"nat_gateways": 1}, "nat_gateways", ""),
        ({"public_cidr_blocks": ("10.0.0.0/24",)}, "public_cidr_blocks", "given without private_cidr_blocks"),
    ],
)
def test_a_network_that_cannot_work_is_refused(changes: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        AwsNetworkArgs(**{**GOOD, **changes})
    reasons = {problem.path: problem.reason for problem in refused.value.problems}
    assert path in reasons, reasons
    assert reason in reasons[path]


def explicit(private: list[str], public: list[str], **changes) -> dict:
    return {**GOOD, "private_cidr_blocks": private, "public_cidr_blocks": public, **changes}


PRIVATE = ["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]
PUBLIC = ["10.0.240.0/24", "10.0.241.0/24", "10.0.242.0/24"]


@pytest.mark.parametrize(
    ("values", "path", "reason"),
    [
        (explicit(PRIVATE[:2], PUBLIC), "private_cidr_blocks", "2 given; allowed: 3"),
        (explicit(PRIVATE, []), "public_cidr_blocks", "0 given; allowed: 3"),
        (explicit(PRIVATE, PUBLIC, public_subnets=False, nat="none"), "public_cidr_blocks", "allowed: 0"),
        (explicit([*PRIVATE[:2], "10.1.0.0/20"], PUBLIC), "private_cidr_blocks[2]", "not inside cidr_block"),
        (explicit([*PRIVATE[:2], "10.0.16.0/21"], PUBLIC), "private_cidr_blocks", "overlap"),
        (explicit(PRIVATE, [*PUBLIC[:2], "10.0.242.0/29"]), "public_cidr_blocks[2]", "/16 to /28"),
        (explicit([*PRIVATE[:2], "10.0.32.0/26"], PUBLIC), "private_cidr_blocks", "59 usable addresses"),
        (explicit(PRIVATE, PUBLIC, private_prefix_length=20), "private_prefix_length", "no effect"),
    ],
)
def test_given_ranges_that_cannot_work_are_refused(values: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        AwsNetworkArgs(**values)
    reasons = {problem.path: problem.reason for problem in refused.value.problems}
    assert path in reasons, reasons
    assert reason in reasons[path]


def test_given_ranges_are_used_as_they_are() -> None:
    plan = AwsNetworkArgs(**explicit(PRIVATE, PUBLIC)).subnet_plan()
    assert [str(block) for block in plan.private] == PRIVATE
    assert [str(block) for block in plan.public] == PUBLIC


def test_every_problem_of_a_call_is_reported_at_once() -> None:
    with pytest.raises(InputPropertiesError) as refused:
        AwsNetworkArgs(region="us-east-1", zones=("us-east-1a", "us-east-1a"), cidr_block="8.8.0.0/16")
    assert {problem.path for problem in refused.value.problems} == {"zones", "key", "cidr_block"}


def test_a_small_network_is_possible_for_those_who_say_so() -> None:
    args = AwsNetworkArgs(**{**GOOD, "cidr_block": "10.0.0.0/24", "min_private_addresses": 50})
    assert {block.prefixlen for block in args.subnet_plan().private} == {26}
