"""An EKS cluster: private, encrypted, logged, with add-ons and a system node group."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

import pulumi
from pulumi_aws import cloudwatch, eks, iam
from pydantic import Field, InstanceOf, model_validator

from bedplate.cluster.addons import AFTER_NODES, BEFORE_NODES, addon, network_identity, volume_identity
from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import attach, inline, pod_trust, role, role_base, service_trust
from bedplate.cluster.settings import EksClusterSettings, check_service_cidr_apart
from bedplate.cluster.system_pool import system_pool
from bedplate.core.arns import PolicyArn, partition
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.core.tags import Tags
from bedplate.keys.handles import KeyHandle
from bedplate.network.handles import NetworkHandle

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class EksClusterArgs(EksClusterSettings):
    """An EKS cluster.

    Attributes:
        network: Where the control plane's interfaces and the nodes are: its private subnets, two zones or
        more.
        key: Encrypts Kubernetes secrets, the control plane's logs and the nodes' disks. Its policy must let
            CloudWatch Logs and EC2 Auto Scaling use it.
        permissions_boundary_arn: The boundary of every role that is made here; none by default.
        tags: On everything that takes tags.
    """

    network: InstanceOf[NetworkHandle]
    key: InstanceOf[KeyHandle]
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_network(self) -> Self:
        problems = Problems()
        zones = self.network.zones
        if len(zones) < 2:
            problems.add(
                "network",
                f"spans {', '.join(zones)} only; allowed: at least two zones, which EKS needs for its "
                "control "
                "plane; give the network another zone",
            )
        if not self.system_pool.spec().available_in(self.network.region):
            problems.add(
                "system_pool.machine",
                f"{self.system_pool.machine!r} is not offered in {self.network.region}; allowed there: see "
                "bedplate.catalog.aws_machines(); choose one that is",
            )
        problems.raise_if_any()
        return self


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster whose name is the component's.

    Attributes:
        handle: What other components need of it.
        oidc_issuer: The URL of the cluster's OpenID Connect issuer, for workloads outside that trust its
        tokens.
    """

    handle: ClusterHandle
    oidc_issuer: pulumi.Output[str]

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:EksCluster", name, None, opts)
        self._name = name
        self._region = args.network.region
        self._boundary = args.permissions_boundary_arn
        self._tags: dict[str, str] = dict(args.tags)

        cluster_role, permissions = self._role(args)
        # EKS makes the group by itself where it is missing: unencrypted, kept for ever, and left behind.
        logs = cloudwatch.LogGroup(
            child(name, "logs"),
            name=f"/aws/eks/{name}/cluster",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.key.arn,
            region=self._region,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        cluster = self._control_plane(args, cluster_role, [*permissions, logs])
        self._cluster = cluster
        self.handle = ClusterHandle(
            name=cluster.name,
            version=args.version,
            arn=cluster.arn,
            endpoint=cluster.endpoint,
            certificate_authority_data=cluster.certificate_authority.apply(lambda ca: str(ca.data)),
            security_group_id=cluster.vpc_config.apply(lambda vpc: str(vpc.cluster_security_group_id)),
            network=args.network,
            key=args.key,
        )
        self.oidc_issuer = cluster.identities.apply(_issuer)
        self._access(args)
        self._addons_and_nodes(args)
        self.register_outputs(
            {
                "name": self.handle.name,
                "arn": self.handle.arn,
                "endpoint": self.handle.endpoint,
                "oidcIssuer": self.oidc_issuer,
                "securityGroupId": self.handle.security_group_id,
            }
        )

    def pod_identity(self, namespace: str, service_account: str) -> iam.Role:
        """A role for the pods of one service account; grant it what they need: `store.grant_read(...)`."""
        base = role_base(child(self._name, f"{namespace}-{service_account}"))
        pod_role = role(
            base,
            trust=pod_trust(self._region),
            description=f"Pods of {namespace}/{service_account} in the cluster {self._name}",
            tags=self._tags,
            parent=self,
            boundary=self._boundary,
        )
        eks.PodIdentityAssociation(
            child(base, "identity"),
            cluster_name=self.handle.name,
            namespace=namespace,
            service_account=service_account,
            role_arn=pod_role.arn,
            region=self._region,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pod_role

    def _role(self, args: EksClusterArgs) -> tuple[iam.Role, list[pulumi.Resource]]:
        cluster_role = role(
            self._name,
            trust=service_trust(
                "eks.amazonaws.com", region=self._region, actions=("sts:AssumeRole", "sts:TagSession")
            ),
            description=f"Control plane of the EKS cluster {self._name}",
            tags=self._tags,
            parent=self,
            boundary=self._boundary,
        )
        permissions = attach(
            self._name, cluster_role, ("AmazonEKSClusterPolicy",), region=self._region, parent=self
        )
        statements: pulumi.Output[list[Mapping[str, object]]] = args.key.arn.apply(
            lambda arn: [
                {
                    "Effect": "Allow",
                    "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"],
                    "Resource": arn,
                }
            ]
        )
        permissions.append(inline(child(self._name, "secrets"), cluster_role, statements, parent=self))
        return cluster_role, permissions

    def _control_plane(
        self, args: EksClusterArgs, cluster_role: iam.Role, depends_on: list[pulumi.Resource]
    ) -> eks.Cluster:
        service_cidr = args.network.cidr_block.apply(
            lambda network: check_service_cidr_apart(args.service_ipv4_cidr, network)
        )
        return eks.Cluster(
            self._name,
            name=self._name,
            version=args.version,
            role_arn=cluster_role.arn,
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=args.network.private_subnet_ids,
                endpoint_private_access=True,
                endpoint_public_access=args.endpoint.public,
                public_access_cidrs=list(args.endpoint.public_access_cidrs) or None,
            ),
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API",
                bootstrap_cluster_creator_admin_permissions=args.bootstrap_cluster_creator_admin_permissions,
            ),
            # The add-ons below are managed; copies that EKS drops in by itself would not be.
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(LOG_TYPES),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=args.key.arn), resources=["secrets"]
            ),
            kubernetes_network_config=eks.ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=service_cidr
            ),
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type=args.upgrade_policy),
            zonal_shift_config=eks.ClusterZonalShiftConfigArgs(enabled=args.zonal_shift),
            deletion_protection=args.deletion_protection,
            region=self._region,
            tags=self._tags,
            # The name is fixed, so that the log group can be made first; two clusters cannot have it at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=depends_on, delete_before_replace=True),
        )

    def _access(self, args: EksClusterArgs) -> None:
        for entry_name, entry in args.access.items():
            base = child(self._name, entry_name)
            made = eks.AccessEntry(
                child(base, "access"),
                cluster_name=self.handle.name,
                principal_arn=entry.principal_arn,
                kubernetes_groups=list(entry.kubernetes_groups) or None,
                type="STANDARD",
                region=self._region,
                tags=self._tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for policy in entry.policies:
                eks.AccessPolicyAssociation(
                    child(base, policy.policy.lower()),
                    cluster_name=self.handle.name,
                    principal_arn=made.principal_arn,
                    region=self._region,
                    policy_arn=f"arn:{partition(self._region)}:eks::aws:cluster-access-policy/{policy.policy}",
                    access_scope=eks.AccessPolicyAssociationAccessScopeArgs(
                        type="namespace" if policy.namespaces else "cluster",
                        namespaces=list(policy.namespaces) or None,
                    ),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[made]),
                )

    def _addons_and_nodes(self, args: EksClusterArgs) -> None:
        cni, cni_ready = network_identity(
            self._name, region=self._region, tags=self._tags, parent=self, boundary=self._boundary
        )
        ebs_wanted = args.addon("aws-ebs-csi-driver").enabled
        identities = {"vpc-cni": (cni, cni_ready)}
        if ebs_wanted:
            identities["aws-ebs-csi-driver"] = volume_identity(
                self._name,
                region=self._region,
                key=args.key,
                tags=self._tags,
                parent=self,
                boundary=self._boundary,
            )
        ready: list[pulumi.Resource] = []
        for names in (BEFORE_NODES, AFTER_NODES):
            made: list[pulumi.Resource] = []
            for addon_name in names:
                settings = args.addon(addon_name)
                if not settings.enabled:
                    continue
                identity, permissions = identities.get(addon_name, (None, []))
                made.append(
                    addon(
                        self._name,
                        addon_name,
                        settings,
                        cluster_name=self.handle.name,
                        region=self._region,
                        tags=self._tags,
                        parent=self,
                        depends_on=[*permissions, *ready],
                        identity=identity,
                    )
                )
            if names is BEFORE_NODES:
                self.handle = dataclasses.replace(self.handle, ready=(*args.network.ready, *made))
                ready = [
                    system_pool(
                        child(self._name, "system"),
                        args.system_pool,
                        cluster=self.handle,
                        tags=self._tags,
                        parent=self,
                        boundary=self._boundary,
                    )
                ]


def _issuer(identities: Sequence[eks.outputs.ClusterIdentity]) -> str:
    # EKS gives each cluster exactly one.
    return str(identities[0].oidcs[0].issuer) if identities[0].oidcs else ""
