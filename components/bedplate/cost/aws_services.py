"""AWS resources that are no machines: control planes, gateways, load balancers, keys, stores."""

from collections.abc import Callable, Mapping

from bedplate.cost import aws_nodes
from bedplate.cost.figures import Counts
from bedplate.cost.parts import add_control_plane
from bedplate.cost.resource import MISSING, UNKNOWN, StackResource
from bedplate.cost.scope import Scope

_ONE = Counts.always(1)
# Metrics of one alarm: CloudWatch quotas, metric math (from memory).
_MOST_METRICS = 10
Handler = Callable[[Scope, StackResource], None]


def _eks_cluster(scope: Scope, resource: StackResource) -> None:
    if resource.get("version") is UNKNOWN:
        scope.unknown(resource, "version")
        return
    version = resource.text("version")
    add_control_plane(scope.book(resource), scope.to, resource.name, version, scope.today)
    scope.kinds.add("logs")


def _fixed(item: str, unit: str, *kinds: str) -> Handler:
    """A resource that costs the same whatever its inputs are."""

    def handle(scope: Scope, resource: StackResource) -> None:
        scope.book(resource).add(scope.to, resource.name, item, _ONE, unit)
        scope.kinds.update(kinds)

    return handle


def _by_use(*kinds: str) -> Handler:
    """A resource that costs what is put into it."""

    def handle(scope: Scope, resource: StackResource) -> None:
        scope.kinds.update(kinds)

    return handle


def _nat_gateway(scope: Scope, resource: StackResource) -> None:
    scope.book(resource).add(scope.to, resource.name, "NAT gateway", _ONE, "hour")
    scope.kinds.update(("nat", "egress"))


def _endpoint(scope: Scope, resource: StackResource) -> None:
    kind = resource.get("vpcEndpointType")
    if kind is UNKNOWN:
        scope.unknown(resource, "vpcEndpointType")
    if kind in ("Gateway", MISSING) or kind is UNKNOWN:
        return
    subnets = resource.get("subnetIds")
    if isinstance(subnets, list | tuple):
        zones = len(subnets)
    else:
        # Not known before the subnets are made; that there is one for each is known.
        zones = len(set(resource.dependencies.get("subnetIds", ())))
    if not zones:
        scope.unknown(resource, "subnetIds")
        return
    book = scope.book(resource)
    book.add(scope.to, resource.name, "VPC interface endpoint", _ONE, "AZ-hour", each=zones)
    scope.kinds.add("endpoint")


def _load_balancer(scope: Scope, resource: StackResource) -> None:
    kind = resource.get("loadBalancerType")
    if kind is UNKNOWN:
        scope.unknown(resource, "loadBalancerType")
        return
    # A text that is no kind of load balancer is not repeated: it may be anything.
    name = next((one for one in ("application", "network", "gateway") if kind == one), "unknown kind of")
    name = "application" if kind is MISSING else name
    scope.book(resource).add(scope.to, resource.name, f"{name} load balancer", _ONE, "hour")
    scope.kinds.add("egress")
    scope.kinds.update({"application": ("alb",), "network": ("nlb",)}.get(name, ()))


def _alarm(scope: Scope, resource: StackResource) -> None:
    queries = resource.get("metricQueries")
    metrics = sum("metric" in part for part in resource.parts("metricQueries")) or 1
    note = ""
    if queries is UNKNOWN:
        # They name what is still to be made. A bound of a dollar says more than that nobody knows.
        metrics, note = _MOST_METRICS, "its metrics are not known yet: counted as the most that there may be"
    book = scope.book(resource)
    book.add(scope.to, resource.name, "CloudWatch alarm", _ONE, "metric-month", each=metrics, note=note)


HANDLERS: Mapping[str, Handler] = {
    "aws:eks/cluster:Cluster": _eks_cluster,
    "aws:eks/nodeGroup:NodeGroup": aws_nodes.node_group,
    "aws:autoscaling/group:Group": aws_nodes.autoscaling_group,
    "aws:ec2/instance:Instance": aws_nodes.instance,
    "aws:ebs/volume:Volume": aws_nodes.volume,
    "aws:ec2/capacityReservation:CapacityReservation": aws_nodes.reservation,
    "aws:ec2/natGateway:NatGateway": _nat_gateway,
    "aws:ec2/eip:Eip": _fixed("public IPv4", "hour"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:alb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:kms/key:Key": _fixed("KMS CMK", "key-month", "kms"),
    "aws:kms/replicaKey:ReplicaKey": _fixed("KMS CMK", "key-month", "kms"),
    "aws:secretsmanager/secret:Secret": _fixed("Secrets Manager secret", "secret-month"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/logGroup:LogGroup": _by_use("logs"),
    "aws:s3/bucket:Bucket": _by_use("s3"),
    "aws:s3/bucketV2:BucketV2": _by_use("s3"),
    "aws:efs/fileSystem:FileSystem": _by_use("efs"),
    "aws:ecr/repository:Repository": _by_use("ecr"),
}
"""How a resource of each type is priced."""
