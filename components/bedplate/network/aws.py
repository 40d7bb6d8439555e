"""A network on AWS: a VPC over several zones, closed by default."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import ec2
from pulumi_aws import vpc as vpc_rules

from bedplate.core.naming import child
from bedplate.core.tags import merge
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.network.aws_endpoints import service_name, short_name
from bedplate.network.aws_flow_logs import flow_logs
from bedplate.network.handles import NetworkHandle

__all__ = ["AwsNetwork", "AwsNetworkArgs"]

_EVERYWHERE = "0.0.0.0/0"


class AwsNetwork(pulumi.ComponentResource):
    """A VPC with one private and one public subnet per zone.

    Private subnets reach the internet through NAT gateways, S3 and DynamoDB through gateway endpoints. Public
    subnets are for load balancers and gateways: nothing that starts in them gets a public address by itself.
    The VPC's default security group is emptied, so that a machine without a group of its own is alone.
    Traffic is logged, encrypted.
    """

    handle: NetworkHandle
    vpc_id: pulumi.Output[str]
    """The VPC's id."""
    private_subnet_ids: pulumi.Output[list[str]]
    """One private subnet per zone, in zone order."""
    public_subnet_ids: pulumi.Output[list[str]]
    """One public subnet per zone, in zone order; empty without public subnets."""
    nat_public_ips: pulumi.Output[list[str]]
    """The addresses from which the network's machines reach the internet, for others' allow lists."""

    def __init__(self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsNetwork", name, None, opts)
        self._name = name
        self._args = args
        self._private_ways_out: list[pulumi.Resource] = []
        plan = args.subnet_plan()

        self._vpc = ec2.Vpc(
            name,
            cidr_block=args.cidr_block,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            region=args.region,
            tags=self._tags(name),
            opts=self._child_options(),
        )
        ec2.DefaultSecurityGroup(
            child(name, "default"),
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[],
            region=args.region,
            tags=self._tags(child(name, "default")),
            opts=self._child_options(),
        )
        private = self._subnets("private", [str(block) for block in plan.private], "internal-elb")
        public = self._subnets("public", [str(block) for block in plan.public], "elb")
        private_tables = {zone: self._route_table(f"private-{zone}") for zone in args.zones}
        for zone, table in private_tables.items():
            self._private_ways_out.append(self._associate(f"private-{zone}", table, private[zone]))
        tables = list(private_tables.values())
        nat_gateways: list[ec2.NatGateway] = []
        addresses: list[ec2.Eip] = []
        if public:
            public_table, internet = self._way_to_the_internet(public)
            tables.append(public_table)
            nat_gateways, addresses = self._nat(public, private_tables, internet)
        self._gateway_endpoints(tables)
        self._interface_endpoints(list(private.values()))
        if args.flow_logs:
            assert args.key is not None, "the args demand a key with flow logs"
            flow_logs(
                name,
                vpc_id=self._vpc.id,
                region=args.region,
                key=args.key,
                traffic_type=args.flow_log_traffic,
                retention_in_days=args.flow_log_retention_in_days,
                boundary=args.permissions_boundary_arn,
                tags=args.tags,
                parent=self,
            )

        self.vpc_id = self._vpc.id
        self.private_subnet_ids = _all([subnet.id for subnet in private.values()])
        self.public_subnet_ids = _all([subnet.id for subnet in public.values()])
        self.nat_public_ips = _all([address.public_ip for address in addresses])
        self.handle = NetworkHandle(
            region=args.region,
            zones=args.zones,
            vpc_id=self._vpc.id,
            cidr_block=self._vpc.cidr_block,
            private_subnet_ids=self.private_subnet_ids,
            public_subnet_ids=self.public_subnet_ids,
            private_subnet_id_by_zone={zone: subnet.id for zone, subnet in private.items()},
            nat_gateway_ids=_all([gateway.id for gateway in nat_gateways]),
            nat_gateway_count=len(nat_gateways),
            ready=tuple(self._private_ways_out),
        )
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
                "nat_public_ips": self.nat_public_ips,
            }
        )

    def _child_options(self, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=depends_on)

    def _tags(self, resource_name: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return merge(self._args.tags, {"Name": resource_name, **(more or {})})

    def _subnets(self, kind: str, blocks: list[str], load_balancer_role: str) -> dict[str, ec2.Subnet]:
        """The subnets of a kind by zone; their tags are what the load balancer controller and Karpenter look
        for.
        """
        found_by = {f"kubernetes.io/role/{load_balancer_role}": "1"}
        found_by |= {f"kubernetes.io/cluster/{cluster}": "shared" for cluster in self._args.cluster_names}
        if kind == "private" and self._args.cluster_names:
            found_by["karpenter.sh/discovery"] = self._args.cluster_names[0]
        subnets = {}
        for zone, block in zip(self._args.zones, blocks, strict=False):
            subnet_name = child(self._name, f"{kind}-{zone}")
            subnets[zone] = ec2.Subnet(
                subnet_name,
                vpc_id=self._vpc.id,
                cidr_block=block,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                region=self._args.region,
                tags=self._tags(subnet_name, found_by),
                opts=self._child_options(),
            )
        return subnets

    def _route_table(self, part: str) -> ec2.RouteTable:
        table_name = child(self._name, part)
        return ec2.RouteTable(
            table_name,
            vpc_id=self._vpc.id,
            region=self._args.region,
            tags=self._tags(table_name),
            opts=self._child_options(),
        )

    def _associate(self, part: str, table: ec2.RouteTable, subnet: ec2.Subnet) -> ec2.RouteTableAssociation:
        return ec2.RouteTableAssociation(
            child(self._name, part),
            route_table_id=table.id,
            subnet_id=subnet.id,
            region=self._args.region,
            opts=self._child_options(),
        )

    def _way_to_the_internet(
        self, public: Mapping[str, ec2.Subnet]
    ) -> tuple[ec2.RouteTable, ec2.InternetGateway]:
        internet_name = child(self._name, "internet")
        internet = ec2.InternetGateway(
            internet_name,
            vpc_id=self._vpc.id,
            region=self._args.region,
            tags=self._tags(internet_name),
            opts=self._child_options(),
        )
        table = self._route_table("public")
        ec2.Route(
            child(self._name, "public-internet"),
            route_table_id=table.id,
            destination_cidr_block=_EVERYWHERE,
            gateway_id=internet.id,
            region=self._args.region,
            opts=self._child_options(),
        )
        for zone, subnet in public.items():
            self._associate(f"public-{zone}", table, subnet)
        return table, internet

    def _nat(
        self,
        public: Mapping[str, ec2.Subnet],
        private_tables: Mapping[str, ec2.RouteTable],
        internet: ec2.InternetGateway,
    ) -> tuple[list[ec2.NatGateway], list[ec2.Eip]]:
        """The NAT gateways and their addresses, and each private subnet's route to the gateway that serves
        it.
        """
        if self._args.nat == "none":
            return [], []
        zones = self._args.zones if self._args.nat == "per_zone" else self._args.zones[:1]
        gateways: dict[str, ec2.NatGateway] = {}
        addresses = []
        for zone in zones:
            nat_name = child(self._name, f"nat-{zone}")
            address = ec2.Eip(
                nat_name,
                domain="vpc",
                region=self._args.region,
                tags=self._tags(nat_name),
                # An address in a VPC cannot be used, nor a gateway's route answered, before the VPC has its
                # internet gateway; on the way down the gateway cannot be detached while addresses are mapped.
                opts=self._child_options(depends_on=[internet]),
            )
            addresses.append(address)
            gateways[zone] = ec2.NatGateway(
                nat_name,
                allocation_id=address.id,
                subnet_id=public[zone].id,
                connectivity_type="public",
                region=self._args.region,
                tags=self._tags(nat_name),
                opts=self._child_options(depends_on=[internet]),
            )
        for zone, table in private_tables.items():
            route = ec2.Route(
                child(self._name, f"private-{zone}-nat"),
                route_table_id=table.id,
                destination_cidr_block=_EVERYWHERE,
                nat_gateway_id=gateways.get(zone, gateways[zones[0]]).id,
                region=self._args.region,
                opts=self._child_options(),
            )
            self._private_ways_out.append(route)
        return list(gateways.values()), addresses

    def _gateway_endpoints(self, tables: list[ec2.RouteTable]) -> None:
        for service in self._args.gateway_endpoints:
            endpoint_name = child(self._name, service)
            ec2.VpcEndpoint(
                endpoint_name,
                vpc_id=self._vpc.id,
                service_name=service_name(service, self._args.region),
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                region=self._args.region,
                tags=self._tags(endpoint_name),
                opts=self._child_options(),
            )

    def _interface_endpoints(self, subnets: list[ec2.Subnet]) -> None:
        if not self._args.interface_endpoints:
            return
        group_name = child(self._name, "endpoints")
        group = ec2.SecurityGroup(
            group_name,
            vpc_id=self._vpc.id,
            description=f"Private endpoints of {self._name}: HTTPS from inside the network",
            region=self._args.region,
            tags=self._tags(group_name),
            opts=self._child_options(),
        )
        vpc_rules.SecurityGroupIngressRule(
            child(group_name, "https"),
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self._args.cidr_block,
            description="HTTPS from the network",
            region=self._args.region,
            tags=self._tags(child(group_name, "https")),
            opts=self._child_options(),
        )
        for service in self._args.interface_endpoints:
            endpoint_name = child(self._name, short_name(service))
            ec2.VpcEndpoint(
                endpoint_name,
                vpc_id=self._vpc.id,
                service_name=service_name(service, self._args.region),
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                region=self._args.region,
                tags=self._tags(endpoint_name),
                opts=self._child_options(),
            )


def _all(values: list[pulumi.Output[str]]) -> pulumi.Output[list[str]]:
    """One output of many; `Output.all()` of nothing would be an empty dict."""
    return pulumi.Output.all(*values) if values else pulumi.Output.from_input(list[str]())
