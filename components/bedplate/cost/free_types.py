"""Types that cost nothing by themselves. A type that is neither here nor priced is reported."""

# Providers whose resources exist in the stack or in a cluster only; machines are counted as machines.
FREE_PACKAGES = frozenset(
    {
        "pulumi",
        "bedplate",
        "random",
        "tls",
        "command",
        "null",
        "local",
        "std",
        "time",
        "archive",
        "kubernetes",
    }
)

# Modules of which nothing is billed: rules and rights.
FREE_MODULES = frozenset(
    {
        "aws:iam",
        "aws:vpc",
        "aws:budgets",
        "aws:resourcegroups",
        "aws:organizations",
        "gcp:projects",
        "gcp:serviceaccount",
        "gcp:organizations",
        "gcp:billing",
        "gcp:folder",
    }
)

# Too cheap to count, by what AI stacks use of them (SNS: $0.50 a million notifications, from memory).
NEGLIGIBLE_MODULES = frozenset({"aws:sns", "aws:sqs", "aws:ssm", "gcp:pubsub"})

FREE_TYPES = frozenset(
    {
        "aws:autoscaling/tag:Tag",
        "aws:cloudwatch/dashboard:Dashboard",  # three are free; more cost $3 each (from memory)
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
        "aws:cloudwatch/logStream:LogStream",
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        "aws:ebs/encryptionByDefault:EncryptionByDefault",
        "aws:ebs/defaultKmsKey:DefaultKmsKey",
        "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
        "aws:ec2/eipAssociation:EipAssociation",
        "aws:ec2/flowLog:FlowLog",  # its log group's gigabytes are what costs
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/keyPair:KeyPair",
        "aws:ec2/launchTemplate:LaunchTemplate",  # what is started from it costs
        "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
        "aws:ec2/managedPrefixList:ManagedPrefixList",
        "aws:ec2/networkAcl:NetworkAcl",
        "aws:ec2/networkAclRule:NetworkAclRule",
        "aws:ec2/networkInterface:NetworkInterface",
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcDhcpOptions:VpcDhcpOptions",
        "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation",
        "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation",
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "aws:efs/accessPoint:AccessPoint",
        "aws:efs/backupPolicy:BackupPolicy",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        "aws:efs/mountTarget:MountTarget",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/identityProviderConfig:IdentityProviderConfig",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:kms/alias:Alias",
        "aws:kms/grant:Grant",
        "aws:kms/keyPolicy:KeyPolicy",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/targetGroup:TargetGroup",
        "aws:lb/targetGroupAttachment:TargetGroupAttachment",
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "gcp:compute/backendService:BackendService",
        "gcp:compute/firewall:Firewall",
        "gcp:compute/healthCheck:HealthCheck",
        "gcp:compute/network:Network",
        "gcp:compute/resourcePolicy:ResourcePolicy",
        "gcp:compute/route:Route",
        "gcp:compute/router:Router",
        "gcp:compute/subnetwork:Subnetwork",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
        "gcp:kms/keyRing:KeyRing",
        "gcp:storage/bucketIAMBinding:BucketIAMBinding",
        "gcp:storage/bucketIAMMember:BucketIAMMember",
    }
)


def is_free(type_token: str) -> bool:
    """Whether resources of a type cost nothing worth counting."""
    package, _, rest = type_token.partition(":")
    module = f"{package}:{rest.split('/')[0]}"
    if package in FREE_PACKAGES or module in FREE_MODULES or module in NEGLIGIBLE_MODULES:
        return True
    # Settings of a bucket are resources of their own and cost nothing; the bucket does, by use.
    return type_token in FREE_TYPES or (module == "aws:s3" and rest.startswith("s3/bucket"))
