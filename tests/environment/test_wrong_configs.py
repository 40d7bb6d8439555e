"""Wrong environments: each is refused before any resource is registered, at the right path, with advice."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from bedplate import environment
from bedplate.core import ConfigError

P5 = "gpu_pools.h100"
L4 = "gpu_pools.l4"

# name: (changes of aws-dev, path below bedplate:environment, words that the reason must hold)
WRONG: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "unknown kind": ({"kind": "azure"}, "kind", ("'azure'", "allowed: aws")),
    "kind of a later version": (
        {"kind": "gcp"},
        "kind",
        ("not supported in this version", "allowed: aws, onprem"),
    ),
    "no kind": ({"kind": ...}, "kind", ("nothing given", "kind: aws")),
    "typo in a section": (
        {"network.cidr_blok": "10.0.0.0/16"},
        "network.cidr_blok",
        ("did you mean cidr_block",),
    ),
    "typo in a pool": ({f"{P5}.max_sise": 4}, f"{P5}.max_sise", ("did you mean max_size",)),
    "typo at the top": ({"gpu_pool": {}}, "gpu_pool", ("did you mean gpu_pools",)),
    "wiring set by hand": ({"buckets.datasets.key": "arn"}, "buckets.datasets.key", ("unknown field",)),
    "upper-case name": ({"name": "AWS_Dev"}, "name", ("'AWS_Dev'", "lower-case", "aws-dev")),
    "name too long": ({"name": "a" * 21}, "name", ("21 characters", "allowed: 20", "shorten")),
    "unknown region": ({"region": "us-east-9"}, "region", ("'us-east-9'", "us-east-1")),
    "one zone": ({"zones": ["us-east-1a"]}, "zones", ("at least 2", "add more")),
    "zone of another region": (
        {"zones": ["us-east-1a", "us-east-1b", "us-west-2b"]},
        "zones[2]",
        ("'us-west-2b'", "us-east-1b"),
    ),
    "zone twice": ({"zones": ["us-east-1a", "us-east-1b", "us-east-1b"]}, "zones", ("twice", "remove one")),
    "no owner": ({"owner": ...}, "owner", ("required",)),
    "tag that AWS keeps": ({"tags": {"aws:team": "x"}}, "tags", ("aws:",)),
    "not a network": ({"network.cidr_block": "10.20.0.0/33"}, "network.cidr_block", ("10.20.0.0/33",)),
    "network too large": (
        {"network.cidr_block": "10.16.0.0/12"},
        "network.cidr_block",
        ("/12", "/16 to /24"),
    ),
    "overlap with a reserved range": (
        {"network.reserved_cidr_blocks": ["10.20.128.0/17"]},
        "network.cidr_block",
        ("overlaps 10.20.128.0/17", "outside"),
    ),
    "subnets too small for pods": (
        {"network.cidr_block": "10.20.0.0/24"},
        "network.cidr_block",
        ("usable addresses", "larger"),
    ),
    "subnets too small for the pools": (
        {"network.cidr_block": "10.20.0.0/22", "network.min_private_addresses": 11, f"{P5}.max_size": 400},
        "network.cidr_block",
        ("us-east-1b", "gpu_pools.h100 (400 x p5.48xlarge)", "smaller pools"),
    ),
    "NAT that does not exist": ({"network.nat": "doubled"}, "network.nat", ("single", "per_zone")),
    "Kubernetes of the past": (
        {"cluster.version": "1.27"},
        "cluster.version",
        ("'1.27'", "1.35", "in quotes"),
    ),
    "Kubernetes version as a number": ({"cluster.version": 1.35}, "cluster.version", ("quotes",)),
    "version that EKS would upgrade by itself": (
        {"cluster.version": "1.32"},
        "cluster.version",
        ("left standard support", "upgrade_policy"),
    ),
    "service range over the network": (
        {"cluster.service_ipv4_cidr": "10.20.0.0/16"},
        "cluster.service_ipv4_cidr",
        ("overlaps", "10.20.0.0/16", "172.20.0.0/16"),
    ),
    "service range over a reserved range": (
        {"cluster.service_ipv4_cidr": "10.5.0.0/16"},
        "cluster.service_ipv4_cidr",
        ("overlaps", "10.0.0.0/12"),
    ),
    "public service range": (
        {"cluster.service_ipv4_cidr": "8.8.0.0/16"},
        "cluster.service_ipv4_cidr",
        ("inside 10.0.0.0/8", "/12 to /24"),
    ),
    "nobody may use the cluster": ({"cluster.access": {}}, "cluster.access", ("nobody", "principal_arn")),
    "access for an assumed role": (
        {"cluster.access.platform-admins.principal_arn": "arn:aws:sts::123456789012:assumed-role/a/b"},
        "cluster.access.platform-admins.principal_arn",
        ("not the ARN of an IAM role", "give the role itself"),
    ),
    "one principal, two entries": (
        {"cluster.access.ml-engineers.principal_arn": "arn:aws:iam::123456789012:role/platform-admins"},
        "cluster.access.ml-engineers.principal_arn",
        ("more than one entry", "join"),
    ),
    "public endpoint for everybody": (
        {"cluster.endpoint": {"public": True, "public_access_cidrs": ["0.0.0.0/0"]}},
        "cluster.endpoint.public_access_cidrs",
        ("whole internet", "allow_anywhere"),
    ),
    "public endpoint for nobody in particular": (
        {"cluster.endpoint": {"public": True}},
        "cluster.endpoint.public_access_cidrs",
        ("at least one", "public to false"),
    ),
    "cluster without a network add-on": (
        {"cluster.addons": {"vpc-cni": {"enabled": False}}},
        "cluster.addons.vpc-cni.enabled",
        ("no node works without it", "remove the line"),
    ),
    "unknown add-on": ({"cluster.addons": {"vpc-cnii": {}}}, "cluster.addons.vpc-cnii", ("vpc-cni",)),
    "GPU machine for the system": (
        {"cluster.system_pool.machine": "g6.12xlarge"},
        "cluster.system_pool.machine",
        ("has accelerators", "m7i.xlarge"),
    ),
    "log kept for a period that CloudWatch lacks": (
        {"cluster.log_retention_days": 45},
        "cluster.log_retention_days",
        ("30", "60"),
    ),
    "machine with a typo": (
        {f"{P5}.machine": "p5.49xlarge"},
        f"{P5}.machine",
        ("did you mean", "p5.48xlarge"),
    ),
    "machine without a GPU": (
        {f"{L4}.machine": "m7i.xlarge"},
        f"{L4}.machine",
        ("no accelerator", "allowed:"),
    ),
    "Trainium in a GPU pool": ({f"{L4}.machine": "trn1.2xlarge"}, f"{L4}.machine", ("not an NVIDIA GPU",)),
    "EFA on a machine without it": (
        {f"{L4}.machine": "g6.xlarge", f"{L4}.efa": True},
        f"{L4}.efa",
        ("g6.xlarge has no EFA", "remove the line", "p5.48xlarge"),
    ),
    "EFA over several zones": (
        {f"{P5}.zones": ["us-east-1a", "us-east-1b"]},
        f"{P5}.zones",
        ("exactly one zone", "efa to false"),
    ),
    "EFA without a zone": ({f"{P5}.zones": ...}, f"{P5}.zones", ("nothing given", "exactly one zone")),
    "pool in a zone outside the network": (
        {f"{P5}.zones": ["us-east-1d"]},
        f"{P5}.zones[0]",
        ("'us-east-1d'", "us-east-1a, us-east-1b, us-east-1c", "add it to the network"),
    ),
    "negative size": ({f"{L4}.min_size": -1}, f"{L4}.min_size", ("-1", "at least 0")),
    "max under min": (
        {f"{L4}.min_size": 5},
        f"{L4}.min_size",
        ("5 is above max_size 4", "raise max_size to 5"),
    ),
    "desired above max": (
        {f"{L4}.desired_size": 9},
        f"{L4}.desired_size",
        ("0 to 4", "leave desired_size out"),
    ),
    "pool of nothing": ({f"{L4}.max_size": 0}, f"{L4}.max_size", ("at least 1",)),
    "spot": (
        {f"{L4}.reservation": {"kind": "spot"}},
        f"{L4}.reservation",
        ("not supported", "targeted-reservation"),
    ),
    "capacity block": (
        {f"{P5}.reservation": {"kind": "capacity-block"}},
        f"{P5}.reservation",
        ("not supported in this version", "on-demand"),
    ),
    "reservation that is no reservation": (
        {f"{P5}.reservation": {"kind": "targeted-reservation", "capacity_reservation_id": "odcr-1"}},
        f"{P5}.reservation.capacity_reservation_id",
        ("'odcr-1'", "describe-capacity-reservations"),
    ),
    "disk faster than its size allows": (
        {f"{L4}.volume": {"size_gib": 20, "iops": 16000}},
        f"{L4}.volume.iops",
        ("16000", "10000", "size_gib to 32"),
    ),
    "label that Kubernetes keeps": (
        {f"{L4}.labels": {"kubernetes.io/role": "gpu"}},
        f"{L4}.labels.kubernetes.io/role",
        ("reserved", "prefix of your own"),
    ),
    "pool name with an underscore": (
        {"gpu_pools.my_pool": {"machine": "g6.xlarge", "max_size": 1}},
        "gpu_pools.my_pool",
        ("'my_pool'", "my-pool"),
    ),
    "bucket deleted and protected": (
        {"buckets.datasets.deletion_protection": True},
        "buckets.datasets.force_destroy",
        ("deletion_protection",),
    ),
    "two buckets of one name": (
        {"buckets.datasets.bucket_name": "ml-data-123", "buckets.checkpoints.bucket_name": "ml-data-123"},
        "buckets.checkpoints.bucket_name",
        ("more than one bucket", "rename one"),
    ),
    "workload with a bucket that is not there": (
        {"workloads.trainer.read": ["dataset"]},
        "workloads.trainer.read[0]",
        ("'dataset'", "datasets, checkpoints"),
    ),
    "service account with two workloads": (
        {"workloads.again": {"namespace": "training", "service_account": "trainer", "read": ["datasets"]}},
        "workloads.again.service_account",
        ("training/trainer", "join"),
    ),
    "budget of nothing": ({"alarms.budget.limit_usd": 0}, "alarms.budget.limit_usd", ("more than 0",)),
    "negative budget": ({"alarms.budget.limit_usd": -5}, "alarms.budget.limit_usd", ("-5", "more than 0")),
    "mail to nobody": (
        {"alarms.subscriptions.platform-team.endpoint": "alerts"},
        "alarms.subscriptions.platform-team.endpoint",
        ("oncall@example.com",),
    ),
    "kind that is no text": ({"kind": ["aws"]}, "kind", ("not supported", "kind: aws")),
    "number in quotes": ({f"{L4}.max_size": "4"}, f"{L4}.max_size", ("'4'", "without quotes")),
    "flag as a number": ({"cluster.zonal_shift": 1}, "cluster.zonal_shift", ("1 given", "true or false")),
    "flag in quotes": ({"network.public_subnets": "false"}, "network.public_subnets", ("true or false",)),
    "true for a number of days": (
        {"cluster.log_retention_days": True},
        "cluster.log_retention_days",
        ("true given", "30"),
    ),
    "network of everything": ({"network.cidr_block": "0.0.0.0/0"}, "network.cidr_block", ("/16 to /24",)),
    "owner of spaces": ({"owner": "  "}, "owner", ("spaces around it", "correct")),
    "tags that leave no room": (
        {"tags": {f"t{number}": "x" for number in range(42)}},
        "tags",
        ("47 with those", "allowed: 40", "remove 7"),
    ),
    "tags that differ in case": ({"tags": {"Team": "a", "team": "b"}}, "tags", ("case only", "rename")),
    "tag that Bedplate sets": (
        {"tags": {"bedplate:environment": "prod"}},
        "tags",
        ("'bedplate:environment'", "sets itself", "remove it"),
    ),
    "half-open endpoint twice": (
        {"cluster.endpoint": {"public": True, "public_access_cidrs": ["0.0.0.0/1", "128.0.0.0/1"]}},
        "cluster.endpoint.public_access_cidrs",
        ("whole internet", "allow_anywhere"),
    ),
    "endpoint for one bare address": (
        {"cluster.endpoint": {"public": True, "public_access_cidrs": ["198.51.100.7"]}},
        "cluster.endpoint.public_access_cidrs[0]",
        ("'198.51.100.7'", "write 198.51.100.7/32"),
    ),
    "public endpoint for private ranges": (
        {"cluster.endpoint": {"public": True, "public_access_cidrs": ["10.0.0.0/8"]}},
        "cluster.endpoint.public_access_cidrs[0]",
        ("is private", "reach the internet"),
    ),
    "access entry without a name": (
        {
            "cluster.access": {
                "": {"principal_arn": "arn:aws:iam::123456789012:role/x", "kubernetes_groups": ["ml"]}
            }
        },
        "cluster.access.",
        ("not a valid name",),
    ),
    "principal of another partition": (
        {"cluster.access.ml-engineers.principal_arn": "arn:aws-cn:iam::123456789012:role/ml-engineers"},
        "cluster.access.ml-engineers.principal_arn",
        ("another partition than us-east-1", "allowed: arn:aws:"),
    ),
    "access to a namespace that cannot be": (
        {
            "cluster.access.ml-engineers.policies": [
                {"policy": "AmazonEKSViewPolicy", "namespaces": ["ML_Team"]}
            ]
        },
        "cluster.access.ml-engineers.policies[0].namespaces[0]",
        ("'ML_Team'", "lower-case"),
    ),
    "label without a value": (
        {f"{L4}.labels": {"team": ""}},
        f"{L4}.labels.team",
        ("EKS refuses", "1 to 63"),
    ),
    "label key longer than EKS takes": (
        {f"{L4}.labels": {"team.example.com/" + "p" * 47: "x"}},
        f"{L4}.labels.team.example.com/{'p' * 47}",
        ("64 characters", "allowed by EKS: 63"),
    ),
    "label that Bedplate sets": (
        {f"{L4}.labels": {"bedplate/pool": "x"}},
        f"{L4}.labels.bedplate/pool",
        ("sets itself",),
    ),
    "one service by two names": (
        {"network.interface_endpoints": ["ecr.api", "com.amazonaws.us-east-1.ecr.api"]},
        "network.interface_endpoints",
        ("'com.amazonaws.us-east-1.ecr.api' is given twice", "remove one"),
    ),
    "endpoint of another region": (
        {"network.interface_endpoints": ["com.amazonaws.us-west-2.sqs"]},
        "network.interface_endpoints[0]",
        ("not in us-east-1", "own region"),
    ),
    "no way out and no endpoints": (
        {"network.nat": "none", "network.interface_endpoints": ["ec2", "sts"]},
        "network.interface_endpoints",
        ("ecr.api, ecr.dkr, eks-auth", "no machine could join", "per_zone"),
    ),
    "workload of an add-on's account": (
        {
            "workloads.trainer": {
                "namespace": "kube-system",
                "service_account": "aws-node",
                "read": ["datasets"],
            }
        },
        "workloads.trainer.service_account",
        ("has a role already",),
    ),
    "service account that Kubernetes refuses": (
        {"workloads.trainer.service_account": "Trainer"},
        "workloads.trainer.service_account",
        ("not a Kubernetes name",),
    ),
    "expiry of keys that nobody writes": (
        {"buckets.checkpoints.expirations": [{"prefix": "/scratch", "days": 1}]},
        "buckets.checkpoints.expirations[0].prefix",
        ("begins with a slash", "scratch/"),
    ),
    "expiry after more than a life": (
        {"buckets.checkpoints.noncurrent_version_expiration_days": 10**12},
        "buckets.checkpoints.noncurrent_version_expiration_days",
        ("at most 36500",),
    ),
    "mail with two dots": (
        {"alarms.subscriptions.platform-team.endpoint": "on..call@example.com"},
        "alarms.subscriptions.platform-team.endpoint",
        ("oncall@example.com",),
    ),
    "mail with a line break": (
        {"alarms.subscriptions.platform-team.endpoint": "oncall@example.com\n"},
        "alarms.subscriptions.platform-team.endpoint",
        ("correct it",),
    ),
    "budget of a slip": (
        {"alarms.budget.limit_usd": 1e30},
        "alarms.budget.limit_usd",
        ("at most 1000000000",),
    ),
    "administrator with a line break": (
        {"key.administrator_arns": ["arn:aws:iam::123456789012:role/x\n"]},
        "key.administrator_arns[0]",
        ("not one principal's ARN",),
    ),
    "boundary that is no policy": (
        {"permissions_boundary_arn": "arn:aws:iam::123456789012:role/x"},
        "permissions_boundary_arn",
        ("not the ARN of an IAM policy", "policy/<name>"),
    ),
    "key gone too soon": ({"key.deletion_window_in_days": 3}, "key.deletion_window_in_days", ("at least 7",)),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.replace(" ", "-"))
def test_a_wrong_environment_is_refused_before_anything_is_made(
    case: str,
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
    stack_program: Callable[..., Callable[[], object]],
    made: Callable[[Callable[[], object]], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes, path, words = WRONG[case]
    registered: list[str] = []
    original = pulumi.Resource.__init__

    def note(self: pulumi.Resource, t: str, *args: Any, **options: Any) -> None:
        if not t.startswith("pulumi:pulumi:"):
            registered.append(t)
        original(self, t, *args, **options)

    monkeypatch.setattr(pulumi.Resource, "__init__", note)
    with pytest.raises(ConfigError) as refused:
        made(stack_program(changed(changes)))

    reasons = {problem.path: problem.reason for problem in refused.value.problems}
    full = f"bedplate:environment.{path}"
    assert full in reasons, str(refused.value)
    for word in words:
        assert word in reasons[full]
    assert f"{full}: " in str(refused.value)
    assert registered == []


def test_workloads_whose_roles_would_have_one_name_are_refused(
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    wrong = changed(
        {
            "workloads": {
                "one": {"namespace": "a-b", "service_account": "c", "read": ["datasets"]},
                "two": {"namespace": "a", "service_account": "b-c", "read": ["datasets"]},
            }
        }
    )
    with pytest.raises(ConfigError) as refused:
        environment.load(wrong, "us-east-1")
    assert [problem.path.rpartition("workloads.")[2] for problem in refused.value.problems] == [
        "one.service_account",
        "two.service_account",
    ]
    assert "rename one" in str(refused.value)


def test_the_table_is_as_long_as_promised() -> None:
    assert len(WRONG) >= 25


def test_each_case_is_one_mistake(
    aws_dev: dict[str, Any], changed: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> None:
    """One mistake gives one problem, so that the list that a person reads has no echoes in it."""
    echoes = {}
    original = copy.deepcopy(aws_dev)
    for case, (changes, _, _) in WRONG.items():
        aws_dev.clear()
        aws_dev.update(copy.deepcopy(original))
        with pytest.raises(ConfigError) as refused:
            environment.load(changed(changes), "us-east-1")
        if len(refused.value.problems) > 1:
            echoes[case] = [f"{problem.path}: {problem.reason}" for problem in refused.value.problems]
    # Where two of a kind clash, both are named.
    for known in (
        "two buckets of one name",
        "service account with two workloads",
        "one principal, two entries",
    ):
        assert len(echoes.pop(known)) == 2
    assert echoes == {}
