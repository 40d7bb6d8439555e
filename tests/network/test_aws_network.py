"""What a network on AWS consists of, as its users and their machines would notice."""

import pytest

from bedplate.network.aws import AwsNetwork, AwsNetworkArgs
from bedplate.network.handles import NetworkHandle

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
GOOD = {"region": "us-east-1", "zones": ZONES, "flow_logs": False}


def network(record, **changes):
    return record(lambda: AwsNetwork("net", AwsNetworkArgs(**{**GOOD, **changes})))


def routes(made) -> dict[str, dict]:
    """The routes out of each route table, by the table's id."""
    found: dict[str, dict] = {}
    for route in made.of_type("Route"):
        assert route.inputs["destinationCidrBlock"] == "0.0.0.0/0"
        found[route.inputs["routeTableId"]] = route.inputs
    return found


def test_each_zone_has_its_own_way_out_by_default(record) -> None:
    made = network(record)
    assert len(made.of_type("NatGateway")) == len(made.of_type("Eip")) == 3
    out = routes(made)
    for association in made.of_type("RouteTableAssociation"):
        zone = association.name[-len("us-east-1a") :]
        assert association.inputs["subnetId"] == f"{association.name}-id"
        route = out[association.inputs["routeTableId"]]
        if "-private-" in association.name:
            assert route["natGatewayId"] == f"net-nat-{zone}-id"
        else:
            assert route["gatewayId"] == "net-internet-id"
    assert len(made.of_type("RouteTableAssociation")) == 6


def test_a_single_gateway_serves_every_zone(record) -> None:
    made = network(record, nat="single")
    assert [one.inputs["subnetId"] for one in made.of_type("NatGateway")] == ["net-public-us-east-1a-id"]
    private = [route["natGatewayId"] for route in routes(made).values() if "natGatewayId" in route]
    assert private == ["net-nat-us-east-1a-id"] * 3


def test_an_isolated_network_has_no_way_to_the_internet(record) -> None:
    made = network(record, nat="none", public_subnets=False)
    for absent in ("InternetGateway", "NatGateway", "Eip", "Route"):
        assert made.of_type(absent) == []
    assert len(made.of_type("Subnet")) == 3


def test_without_nat_private_subnets_stay_private(record) -> None:
    made = network(record, nat="none")
    assert [route["gatewayId"] for route in routes(made).values()] == ["net-internet-id"]
    assert made.of_type("NatGateway") == []


def test_nothing_gets_a_public_address_by_itself(record) -> None:
    assert [one.inputs["mapPublicIpOnLaunch"] for one in network(record).of_type("Subnet")] == [False] * 6


def test_the_default_security_group_lets_nothing_through(record) -> None:
    group = network(record).one("DefaultSecurityGroup")
    assert group.inputs["ingress"] == group.inputs["egress"] == []


def test_load_balancers_and_karpenter_find_their_subnets(record) -> None:
    made = network(record, cluster_names=("train", "serve"))
    for subnet in made.of_type("Subnet"):
        tags = subnet.inputs["tags"]
        private = "-private-" in subnet.name
        assert ("kubernetes.io/role/internal-elb" in tags) is private
        assert ("kubernetes.io/role/elb" in tags) is not private
        assert tags["kubernetes.io/cluster/train"] == tags["kubernetes.io/cluster/serve"] == "shared"
        assert tags.get("karpenter.sh/discovery") == ("train" if private else None)


def test_tags_of_the_caller_are_on_everything_that_takes_tags(record) -> None:
    made = network(record, tags={"team": "ml"}, interface_endpoints=("sts",))
    bare = {"Route", "RouteTableAssociation", "AwsNetwork"}
    for one in made.made:
        if one.type.rsplit(":", 1)[-1] not in bare:
            assert one.inputs["tags"]["team"] == "ml", one.name


def test_gateway_endpoints_are_reached_from_every_route_table(record) -> None:
    made = network(record)
    tables = {f"{one.name}-id" for one in made.of_type("RouteTable")}
    endpoints = {one.inputs["serviceName"]: one.inputs for one in made.of_type("VpcEndpoint")}
    assert set(endpoints) == {"com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.dynamodb"}
    assert all(set(one["routeTableIds"]) == tables for one in endpoints.values())


def test_interface_endpoints_take_https_from_the_network_only(record) -> None:
    made = network(
        record,
        gateway_endpoints=(),
        interface_endpoints=("ecr.api", "com.amazonaws.us-east-1.transfer"),
    )
    endpoints = made.of_type("VpcEndpoint")
    assert {one.inputs["serviceName"] for one in endpoints} == {
        "com.amazonaws.us-east-1.ecr.api",
        "com.amazonaws.us-east-1.transfer",
    }
    for one in endpoints:
        assert one.inputs["privateDnsEnabled"] is True
        assert one.inputs["subnetIds"] == [f"net-private-{zone}-id" for zone in ZONES]
        assert one.inputs["securityGroupIds"] == ["net-endpoints-id"]
    rule = made.one("SecurityGroupIngressRule").inputs
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (443, 443, "10.0.0.0/16")


def test_traffic_is_logged_encrypted_by_a_role_that_writes_nowhere_else(record, key, decide) -> None:
    made = record(
        lambda: AwsNetwork(
            "net", AwsNetworkArgs(region="us-east-1", zones=ZONES, key=key(), flow_log_retention_in_days=30)
        )
    )
    group = made.one("LogGroup")
    assert group.inputs["kmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/1234"
    assert group.inputs["retentionInDays"] == 30
    log = made.one("FlowLog")
    assert log.inputs["trafficType"] == "ALL"
    assert "net-flow-logs" in log.depends_on

    group_arn = log.inputs["logDestination"]
    policy = made.one("RolePolicy").document("policy")
    assert decide(policy, "logs:PutLogEvents", f"{group_arn}:log-stream:eni") == "allow"
    other = group_arn.replace("net-flow-logs", "other")
    assert decide(policy, "logs:PutLogEvents", f"{other}:log-stream:eni") == "none"

    trust = made.one("Role").document("assumeRolePolicy")
    mine = {
        "aws:SourceAccount": "123456789012",
        "aws:SourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/fl-1",
    }
    service = "vpc-flow-logs.amazonaws.com"
    assert decide(trust, "sts:AssumeRole", context=mine, principal=service) == "allow"
    theirs = {**mine, "aws:SourceAccount": "999999999999"}
    assert decide(trust, "sts:AssumeRole", context=theirs, principal=service) == "none"


def test_everything_is_a_child_of_the_network_and_named_after_it(record) -> None:
    made = network(record, interface_endpoints=("sts",))
    children = [one for one in made.made if one.type.startswith("aws:")]
    assert len(children) > 25
    assert all(one.parent == "net" and one.name.startswith("net") for one in children)
    assert len({(one.type, one.name) for one in children}) == len(children)


def test_the_handle_gives_subnets_by_zone(record) -> None:
    seen: dict[str, object] = {}

    def program() -> None:
        handle = AwsNetwork("net", AwsNetworkArgs(**GOOD, nat="single")).handle
        handle.private_subnet_ids.apply(lambda ids: seen.update(private=ids))
        handle.nat_gateway_ids.apply(lambda ids: seen.update(nat=ids))
        handle.private_subnet_id_by_zone["us-east-1b"].apply(lambda id: seen.update(b=id))
        seen["count"] = handle.nat_gateway_count

    record(program)
    assert seen == {
        "private": [f"net-private-{zone}-id" for zone in ZONES],
        "nat": ["net-nat-us-east-1a-id"],
        "b": "net-private-us-east-1b-id",
        "count": 1,
    }


def test_a_network_made_elsewhere_gives_the_same_handle(record) -> None:
    seen: dict[str, object] = {}

    def program() -> None:
        handle = NetworkHandle.from_existing(
            region="us-east-1",
            vpc_id="vpc-1",
            cidr_block="10.0.0.0/16",
            private_subnet_id_by_zone={"us-east-1a": "subnet-a", "us-east-1b": "subnet-b"},
        )
        handle.private_subnet_ids.apply(lambda ids: seen.update(private=ids))
        handle.public_subnet_ids.apply(lambda ids: seen.update(public=ids))
        seen["zones"] = handle.zones

    record(program)
    assert seen == {
        "private": ["subnet-a", "subnet-b"],
        "public": [],
        "zones": ("us-east-1a", "us-east-1b"),
    }


def test_a_network_made_elsewhere_with_zones_of_another_region_is_refused() -> None:
    with pytest.raises(ValueError, match="'us-west-2a' is not a zone of us-east-1; allowed"):
        NetworkHandle.from_existing(
            region="us-east-1",
            vpc_id="vpc-1",
            cidr_block="10.0.0.0/16",
            private_subnet_id_by_zone={"us-west-2a": "subnet-1"},
        )
