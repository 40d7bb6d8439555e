"""EKS clusters: moto's control plane, with what moto lacks kept in the sandbox's store."""

from typing import ClassVar

from botocore.exceptions import ClientError

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.eks_cluster_shape import (
    authentication_mode,
    cluster_identity,
    enabled_logs,
    encryption_request,
    logging_request,
    make_security_group,
    network_request,
    service_cidr_problems,
    vpc_request,
)
from bedplate.sandbox.providers.aws.handlers.eks_facts import (
    CLUSTER_NAME,
    ROLE_ARN,
    find_cluster,
    find_subnets,
    minor,
    newest_version,
    trust_problem,
    version_problem,
)
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, is_gone, moment
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import keep
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject, Reference
from bedplate.sandbox.providers.kubernetes.cluster import forget

# What moto lacks of a cluster, by region and name.
EXTRAS = "eks:cluster-extras"
# Objects that go with their cluster; see eks_stored.
CHILDREN = "eks:children"
_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def cluster_key(ctx: Context, name: str) -> str:
    """The key of a cluster in the sandbox's store."""
    return f"{ctx.region}/{name}"


@REGISTRY.register
class EksCluster(ServiceHandler):
    token = "aws:eks/cluster:Cluster"
    service = "eks"
    auto_name = AutoName("name", 100)
    filled_in: ClassVar = frozenset({"vpcConfig.vpcId", "vpcConfig.clusterSecurityGroupId"})
    replace_on = frozenset(
        {
            "name",
            "roleArn",
            "bootstrapSelfManagedAddons",
            "outpostConfig",
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "encryptionConfig.provider.keyArn",
            "encryptionConfig.resources",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
        }
    )
    defaults: ClassVar = {"bootstrapSelfManagedAddons": True}
    references = (
        Reference("roleArn", "iam:role"),
        Reference("vpcConfig.subnetIds[]", "ec2:subnet"),
        Reference("vpcConfig.securityGroupIds[]", "ec2:security-group"),
        Reference("encryptionConfig.provider.keyArn", "kms:key"),
    )
    unordered = frozenset(
        {
            "enabledClusterLogTypes",
            "vpcConfig.subnetIds",
            "vpcConfig.securityGroupIds",
            "vpcConfig.publicAccessCidrs",
        }
    )
    enums: ClassVar = {
        "enabledClusterLogTypes[]": "eks.LogType",
        "accessConfig.authenticationMode": "eks.AuthenticationMode",
        "upgradePolicy.supportType": "eks.SupportType",
        "kubernetesNetworkConfig.ipFamily": "eks.IpFamily",
        "encryptionConfig.resources[]": ("secrets",),
    }
    patterns: ClassVar = {
        "name": CLUSTER_NAME,
        "roleArn": ROLE_ARN,
        "encryptionConfig.provider.keyArn": Pattern(r"arn:[^:]+:kms:\S+", "the ARN of a KMS key"),
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        if inputs.get("version"):
            problems += [("version", reason) for reason in [version_problem(inputs["version"])] if reason]
        if inputs.get("roleArn"):
            reason = trust_problem(ctx, inputs["roleArn"], "eks.amazonaws.com")
            problems += [("roleArn", reason)] if reason else []
        vpc = inputs.get("vpcConfig") or {}
        if vpc:
            problems += self._vpc(ctx, vpc)
        cidr = (inputs.get("kubernetesNetworkConfig") or {}).get("serviceIpv4Cidr")
        if cidr:
            problems += service_cidr_problems(cidr)
        return problems

    def _vpc(self, ctx: Context, vpc: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        subnets = list(dict.fromkeys(vpc.get("subnetIds") or []))
        if len(subnets) < 2:
            problems.append(("vpcConfig.subnetIds", f"{len(subnets)} subnets; give at least 2 in 2 zones"))
        found = find_subnets(ctx, subnets)
        if found and len(found) == len(subnets):
            zones = sorted({subnet["AvailabilityZone"] for subnet in found})
            vpcs = sorted({subnet["VpcId"] for subnet in found})
            if len(zones) < 2:
                problems.append(
                    (
                        "vpcConfig.subnetIds",
                        f"Subnets specified must be in at least two different AZs; all are in {zones[0]}",
                    )
                )
            if len(vpcs) > 1:
                problems.append(
                    ("vpcConfig.subnetIds", f"in several VPCs ({', '.join(vpcs)}); give one VPC's")
                )
        public = vpc.get("endpointPublicAccess", True)
        if not public and not vpc.get("endpointPrivateAccess"):
            problems.append(
                (
                    "vpcConfig.endpointPrivateAccess",
                    "neither public nor private access; set at least one to true",
                )
            )
        if not public and vpc.get("publicAccessCidrs"):
            problems.append(
                ("vpcConfig.publicAccessCidrs", "without endpointPublicAccess; remove it or turn that on")
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        eks, name = ctx.client("eks"), str(inputs["name"])
        inputs.setdefault("version", newest_version())
        stale = ctx.store.get(EXTRAS, cluster_key(ctx, name))
        if stale is not None and find_cluster(ctx, name) is None:
            # Deleted behind the program's back: what EKS would have taken along is still here.
            self._drop_extras(ctx, name, stale)
        vpc_id = find_subnets(ctx, inputs["vpcConfig"]["subnetIds"])[0]["VpcId"]
        eks.create_cluster(
            name=name,
            version=inputs["version"],
            roleArn=inputs["roleArn"],
            resourcesVpcConfig=vpc_request(inputs["vpcConfig"]),
            logging=logging_request(inputs.get("enabledClusterLogTypes")),
            tags=inputs["tagsAll"],
            **network_request(inputs.get("kubernetesNetworkConfig")),
            **encryption_request(inputs.get("encryptionConfig")),
        )
        ctx.store.put(
            EXTRAS,
            cluster_key(ctx, name),
            {
                **cluster_identity(ctx, name),
                "version": inputs["version"],
                "authenticationMode": authentication_mode(inputs),
                "vpcId": vpc_id,
                "clusterSecurityGroupId": make_security_group(ctx, name, vpc_id),
            },
        )
        return name

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        found = find_cluster(ctx, id)
        extras = ctx.store.get(EXTRAS, cluster_key(ctx, id))
        if found is None:
            return None
        extras = extras or {"version": found["version"], **cluster_identity(ctx, id)}
        seen_vpc = found["resourcesVpcConfig"]
        asked_vpc = state.get("vpcConfig") or {}
        network = found.get("kubernetesNetworkConfig") or {}
        asked_network = state.get("kubernetesNetworkConfig") or {}
        access = state.get("accessConfig") or {}
        return {
            "name": id,
            "arn": found["arn"],
            "roleArn": found["roleArn"],
            "version": extras["version"],
            "status": found["status"],
            "platformVersion": "eks.1",
            "createdAt": state.get("createdAt") or moment(found["createdAt"]),
            "endpoint": extras["endpoint"],
            "certificateAuthority": {"data": extras["certificateAuthority"]},
            "identities": [{"oidcs": [{"issuer": extras["issuer"]}]}],
            "enabledClusterLogTypes": keep(
                state.get("enabledClusterLogTypes"), enabled_logs(found.get("logging") or {})
            ),
            "vpcConfig": {
                **asked_vpc,
                "subnetIds": keep(asked_vpc.get("subnetIds"), seen_vpc.get("subnetIds") or []),
                "securityGroupIds": keep(
                    asked_vpc.get("securityGroupIds"), seen_vpc.get("securityGroupIds") or []
                ),
                "endpointPublicAccess": seen_vpc.get("endpointPublicAccess", True),
                "endpointPrivateAccess": seen_vpc.get("endpointPrivateAccess", False),
                "publicAccessCidrs": keep(
                    asked_vpc.get("publicAccessCidrs"),
                    seen_vpc.get("publicAccessCidrs")
                    or (["0.0.0.0/0"] if seen_vpc.get("endpointPublicAccess", True) else []),
                ),
                "vpcId": extras.get("vpcId"),
                "clusterSecurityGroupId": extras.get("clusterSecurityGroupId"),
            },
            "kubernetesNetworkConfig": {
                "ipFamily": network.get("ipFamily") or asked_network.get("ipFamily") or "ipv4",
                "serviceIpv4Cidr": network.get("serviceIpv4Cidr"),
                **{key: value for key, value in asked_network.items() if key not in network},
            },
            "accessConfig": {
                "authenticationMode": access.get("authenticationMode") or "CONFIG_MAP",
                "bootstrapClusterCreatorAdminPermissions": access.get(
                    "bootstrapClusterCreatorAdminPermissions", True
                ),
            },
            "upgradePolicy": state.get("upgradePolicy") or {"supportType": "EXTENDED"},
            "deletionProtection": bool(state.get("deletionProtection")),
            "tagsAll": found.get("tags") or {},
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        eks = ctx.client("eks")
        new.setdefault("version", old.get("version"))
        if new["version"] != old.get("version"):
            step = minor(new["version"]) - minor(old["version"])
            if step != 1:
                raise CloudError(
                    "InvalidParameterException",
                    f"Unsupported Kubernetes minor version update from {old['version']} to {new['version']}; "
                    "a cluster goes up one minor version at a time, and never down",
                )
        before, after = authentication_mode(old), authentication_mode(new)
        if _MODES.index(after) < _MODES.index(before):
            raise CloudError(
                "InvalidParameterException",
                f"Unsupported authentication mode update from {before} to {after}; it only goes towards API",
            )
        # moto has no update of either: the sandbox keeps them.
        extras = ctx.store.get(EXTRAS, cluster_key(ctx, id)) or cluster_identity(ctx, id)
        kept = {**extras, "version": new["version"], "authenticationMode": after}
        ctx.store.put(EXTRAS, cluster_key(ctx, id), kept)
        if "vpcConfig" in changed:
            asked = {
                key: value
                for key, value in new["vpcConfig"].items()
                if key not in ("vpcId", "clusterSecurityGroupId")
            }
            eks.update_cluster_config(name=id, resourcesVpcConfig=vpc_request(asked))
        if "enabledClusterLogTypes" in changed:
            eks.update_cluster_config(name=id, logging=logging_request(new.get("enabledClusterLogTypes")))

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            ctx.client("eks").untag_resource(resourceArn=state["arn"], tagKeys=drop)
        if put:
            ctx.client("eks").tag_resource(resourceArn=state["arn"], tags=put)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        found = find_cluster(ctx, id)
        eks = ctx.client("eks")
        if found is not None:
            if state.get("deletionProtection"):
                raise CloudError(
                    "InvalidRequestException",
                    f"Cluster {id} has deletion protection; set deletionProtection to false first",
                )
            profiles = eks.list_fargate_profiles(clusterName=id)["fargateProfileNames"]
            if profiles:
                raise CloudError(
                    "ResourceInUseException",
                    f"Cluster has fargate profiles attached ({', '.join(profiles)}); delete them first",
                )
            eks.delete_cluster(name=id)
            # Objects are kept by the address of the cluster, or by what a program calls it.
            forget(ctx.store, found["arn"], found["endpoint"].removeprefix("https://"))
        self._drop_extras(ctx, id, ctx.store.get(EXTRAS, cluster_key(ctx, id)) or {})

    def _drop_extras(self, ctx: Context, name: str, extras: JsonObject) -> None:
        """What EKS takes along with a cluster: security group, add-ons, access entries, pod identities."""
        group = extras.get("clusterSecurityGroupId")
        if group:
            try:
                ctx.client("ec2").delete_security_group(GroupId=group)
            except ClientError as error:
                if not is_gone(error):
                    raise
        prefix = f"{cluster_key(ctx, name)}/"
        for key in ctx.store.items(CHILDREN):
            if key.partition("|")[2].startswith(prefix):
                ctx.store.delete(CHILDREN, key)
        ctx.store.delete(EXTRAS, cluster_key(ctx, name))
