"""What Karpenter may do in an AWS account: its policy, as data.

The permissions are those of the CloudFormation template of Karpenter's "Getting started" (version 1.6 and
later, read 2026-11-25), narrowed in three places: machines are made in the cluster's own account only;
instance profiles are not made by Karpenter, since the component makes the one that nodes have, so that no
permission to write to IAM is left but that of passing this one role; the nodes' key is used through EC2 only.
"""

from dataclasses import dataclass

Statement = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class KarpenterScope:
    """What the policy is about. All are ARNs but `cluster_name` and `region`."""

    cluster_name: str
    cluster_arn: str
    region: str
    node_role_arn: str
    instance_profile_arn: str
    queue_arn: str
    queue_key_arn: str
    volume_key_arn: str

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov."""
        return self.cluster_arn.split(":")[1]

    @property
    def account(self) -> str:
        """The cluster's account."""
        return self.cluster_arn.split(":")[4]

    def ec2(self, kind: str, account: str | None = None) -> str:
        """All EC2 resources of a kind; of the cluster's account unless another is given."""
        owner = self.account if account is None else account
        return f"arn:{self.partition}:ec2:{self.region}:{owner}:{kind}/*"

    @property
    def ec2_service(self) -> str:
        """The service's name in `kms:ViaService`."""
        return f"ec2.{self.region}.amazonaws.com{'.cn' if self.partition == 'aws-cn' else ''}"


def controller_statements(scope: KarpenterScope) -> list[Statement]:
    """The statements of the controller's policy."""
    return [*_launch(scope), *_change(scope), *_read(scope), *_keys(scope), *_queue_and_cluster(scope)]


def _ours(scope: KarpenterScope, source: str) -> dict[str, object]:
    """A condition: tagged as a machine of this cluster that a node pool of Karpenter's owns."""
    return {
        "StringEquals": {f"aws:{source}/kubernetes.io/cluster/{scope.cluster_name}": "owned"},
        "StringLike": {f"aws:{source}/karpenter.sh/nodepool": "*"},
    }


def _requested(scope: KarpenterScope, **more: object) -> dict[str, object]:
    tags = {
        f"aws:RequestTag/kubernetes.io/cluster/{scope.cluster_name}": "owned",
        "aws:RequestTag/eks:eks-cluster-name": scope.cluster_name,
    }
    return {
        "StringEquals": {**tags, **more},
        "StringLike": {"aws:RequestTag/karpenter.sh/nodepool": "*"},
    }


def _launch(scope: KarpenterScope) -> list[Statement]:
    # What is started, and so must carry the cluster's tags from its first moment.
    made = [
        scope.ec2(kind)
        for kind in (
            "fleet",
            "instance",
            "volume",
            "network-interface",
            "launch-template",
            "spot-instances-request",
        )
    ]
    return [
        {
            "Sid": "LaunchFrom",
            "Effect": "Allow",
            "Action": ["ec2:RunInstances", "ec2:CreateFleet"],
            # Subnets and reservations may be shared by another account, images are AWS's.
            "Resource": [
                scope.ec2("image", ""),
                scope.ec2("snapshot", ""),
                scope.ec2("security-group", "*"),
                scope.ec2("subnet", "*"),
                scope.ec2("capacity-reservation", "*"),
                scope.ec2("placement-group"),
            ],
        },
        {
            "Sid": "LaunchByOwnTemplates",
            "Effect": "Allow",
            "Action": ["ec2:RunInstances", "ec2:CreateFleet"],
            "Resource": scope.ec2("launch-template"),
            "Condition": _ours(scope, "ResourceTag"),
        },
        {
            "Sid": "LaunchTagged",
            "Effect": "Allow",
            "Action": ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"],
            "Resource": made,
            "Condition": _requested(scope),
        },
        {
            "Sid": "TagAtLaunch",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": made,
            "Condition": _requested(
                scope, **{"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
            ),
        },
        {
            "Sid": "PassNodeRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": scope.node_role_arn,
            "Condition": {
                "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}
            },
        },
    ]


def _change(scope: KarpenterScope) -> list[Statement]:
    return [
        {
            "Sid": "NameOwnMachines",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": scope.ec2("instance"),
            "Condition": {
                **_ours(scope, "ResourceTag"),
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": scope.cluster_name},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
                },
            },
        },
        {
            "Sid": "RemoveOwnMachines",
            "Effect": "Allow",
            "Action": ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
            "Resource": [scope.ec2("instance"), scope.ec2("launch-template")],
            "Condition": _ours(scope, "ResourceTag"),
        },
    ]


def _read(scope: KarpenterScope) -> list[Statement]:
    # EC2's Describe actions, the price list and the list of profiles know no resources.
    return [
        {
            "Sid": "ReadEc2",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeCapacityReservations",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceStatus",
                "ec2:DescribeInstanceTypeOfferings",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeInstances",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribePlacementGroups",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSpotPriceHistory",
                "ec2:DescribeSubnets",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": scope.region}},
        },
        {
            "Sid": "ReadImageIds",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": f"arn:{scope.partition}:ssm:{scope.region}::parameter/aws/service/*",
        },
        {
            "Sid": "ReadPricesAndProfiles",
            "Effect": "Allow",
            "Action": ["pricing:GetProducts", "iam:ListInstanceProfiles"],
            "Resource": "*",
        },
        {
            "Sid": "ReadNodeProfile",
            "Effect": "Allow",
            "Action": "iam:GetInstanceProfile",
            "Resource": scope.instance_profile_arn,
        },
    ]


def _keys(scope: KarpenterScope) -> list[Statement]:
    # Who starts a machine with an encrypted volume needs these of the volume's key:
    # https://karpenter.sh/docs/troubleshooting/, "Node terminates before ready on failed encrypted EBS
    # volume" (from memory).
    via_ec2 = {"kms:ViaService": scope.ec2_service}
    return [
        {
            "Sid": "EncryptVolumes",
            "Effect": "Allow",
            "Action": [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            "Resource": scope.volume_key_arn,
            "Condition": {"StringEquals": via_ec2},
        },
        {
            "Sid": "LetEc2UseTheVolumeKey",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": scope.volume_key_arn,
            "Condition": {"StringEquals": via_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
        {
            "Sid": "ReadEncryptedQueue",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": scope.queue_key_arn,
        },
    ]


def _queue_and_cluster(scope: KarpenterScope) -> list[Statement]:
    return [
        {
            "Sid": "HearOfInterruptions",
            "Effect": "Allow",
            "Action": ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
            "Resource": scope.queue_arn,
        },
        {
            "Sid": "FindTheCluster",
            "Effect": "Allow",
            "Action": "eks:DescribeCluster",
            "Resource": scope.cluster_arn,
        },
    ]
