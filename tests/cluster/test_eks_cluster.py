"""What an EKS cluster is made of: closed, encrypted, logged, and in an order that works."""

from collections.abc import Callable
from typing import Any

import pytest

from bedplate.cluster.aws import EksCluster, EksClusterArgs
from bedplate.core import InputPropertiesError

ADMIN = {
    "admins": {
        "principal_arn": "arn:aws:iam::123456789012:role/admins",
        "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}],
    }
}


@pytest.fixture
def build(made: Any, network: Any, key: Any) -> Callable[..., Any]:
    """Makes a cluster with the given arguments over three zones; returns what was registered."""

    def run(then: Callable[[EksCluster], object] = lambda cluster: None, **args: Any) -> Any:
        def program() -> None:
            of_network = args.pop("of_network", {})
            settings = {
                "version": "1.35",
                "access": ADMIN,
                "network": network(**of_network),
                "key": key(),
                **args,
            }
            then(EksCluster("training", EksClusterArgs.model_validate(settings)))

        return made(program)

    return run


def test_the_kubernetes_api_is_private_encrypted_and_logged(build: Any) -> None:
    cluster = build().one("Cluster").inputs
    assert cluster["vpcConfig"]["endpointPrivateAccess"] is True
    assert cluster["vpcConfig"]["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in cluster["vpcConfig"]
    assert cluster["encryptionConfig"]["resources"] == ["secrets"]
    assert cluster["encryptionConfig"]["provider"]["keyArn"].endswith("key/1111")
    assert set(cluster["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    assert cluster["deletionProtection"] is True
    assert cluster["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["zonalShiftConfig"] == {"enabled": False}


def test_the_log_group_is_there_before_eks_would_make_one_itself(build: Any) -> None:
    recording = build(log_retention_days=30)
    logs = recording.one("LogGroup")
    assert logs.inputs["name"] == "/aws/eks/training/cluster"
    assert logs.inputs["retentionInDays"] == 30
    assert logs.inputs["kmsKeyId"].endswith("key/1111")
    assert logs.name in recording.one("Cluster").depends_on


def test_the_public_endpoint_is_for_the_listed_ranges_only(build: Any) -> None:
    endpoint = {"public": True, "public_access_cidrs": ["203.0.113.0/24"]}
    vpc = build(endpoint=endpoint).one("Cluster").inputs["vpcConfig"]
    assert vpc["endpointPublicAccess"] is True
    assert vpc["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert vpc["endpointPrivateAccess"] is True


def test_the_whole_internet_is_let_in_only_on_purpose(build: Any) -> None:
    endpoint = {"public": True, "public_access_cidrs": ["0.0.0.0/0"]}
    with pytest.raises(InputPropertiesError, match="allow_anywhere"):
        build(endpoint=endpoint)
    vpc = build(endpoint={**endpoint, "allow_anywhere": True}).one("Cluster").inputs["vpcConfig"]
    assert vpc["publicAccessCidrs"] == ["0.0.0.0/0"]


def test_nodes_come_after_the_network_addon_and_before_what_runs_on_them(build: Any) -> None:
    recording = build()
    nodes = recording.one("NodeGroup", "system-nodes")
    assert {"training-vpc-cni", "training-kube-proxy", "training-eks-pod-identity-agent"} <= nodes.depends_on
    for addon in ("coredns", "eks-node-monitoring-agent", "aws-ebs-csi-driver"):
        assert nodes.name in recording.one("Addon", addon).depends_on


def test_every_addon_is_managed_and_none_is_bootstrapped(build: Any) -> None:
    recording = build()
    assert recording.one("Cluster").inputs["bootstrapSelfManagedAddons"] is False
    assert len(recording.all("Addon")) == 6


def test_an_addon_can_be_pinned_configured_and_left_out(build: Any) -> None:
    recording = build(
        addons={
            "coredns": {"version": "v1.13.2-eksbuild.1", "configuration": {"replicaCount": 3}},
            "aws-ebs-csi-driver": {"enabled": False},
        }
    )
    coredns = recording.one("Addon", "coredns").inputs
    assert coredns["addonVersion"] == "v1.13.2-eksbuild.1"
    assert coredns["configurationValues"] == '{"replicaCount": 3}'
    assert len(recording.all("Addon")) == 5
    assert not [role for role in recording.all("Role") if "ebs-csi" in role.name]


def test_pods_get_roles_by_pod_identity_and_nodes_only_what_a_kubelet_needs(build: Any) -> None:
    recording = build()
    node_policies = {
        attachment.inputs["policyArn"].rsplit("/", 1)[-1]
        for attachment in recording.all("RolePolicyAttachment")
        if "system" in attachment.name
    }
    assert node_policies == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}
    for addon, account in (("vpc-cni", "aws-node"), ("aws-ebs-csi-driver", "ebs-csi-controller-sa")):
        (association,) = recording.one("Addon", addon).inputs["podIdentityAssociations"]
        assert association["serviceAccount"] == account
    trust = recording.one("Role", "vpc-cni-role").document("assumeRolePolicy")["Statement"][0]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert set(trust["Action"]) == {"sts:AssumeRole", "sts:TagSession"}


def test_system_nodes_have_encrypted_disks_and_guarded_metadata(build: Any) -> None:
    template = build().one("LaunchTemplate").inputs
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    disk = template["blockDeviceMappings"][0]["ebs"]
    assert (disk["encrypted"], disk["volumeType"]) == ("true", "gp3")
    assert disk["kmsKeyId"].endswith("key/1111")


def test_arm_machines_get_the_arm_image(build: Any) -> None:
    assert (
        build(system_pool={"machine": "m7g.xlarge"}).one("NodeGroup").inputs["amiType"]
        == "AL2023_ARM_64_STANDARD"
    )


def test_access_entries_carry_policies_for_the_cluster_or_for_namespaces(build: Any) -> None:
    recording = build(
        access={
            **ADMIN,
            "engineers": {
                "principal_arn": "arn:aws:iam::123456789012:role/engineers",
                "policies": [{"policy": "AmazonEKSEditPolicy", "namespaces": ["training"]}],
                "kubernetes_groups": ["ml-engineers"],
            },
        }
    )
    entry = recording.one("AccessEntry", "engineers-access").inputs
    assert entry["kubernetesGroups"] == ["ml-engineers"]
    edit = recording.one("AccessPolicyAssociation", "editpolicy").inputs
    assert edit["accessScope"] == {"type": "namespace", "namespaces": ["training"]}
    assert edit["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    admin = recording.one("AccessPolicyAssociation", "clusteradminpolicy").inputs
    assert admin["accessScope"] == {"type": "cluster"}


def test_pods_of_a_service_account_get_a_role_of_their_own(build: Any) -> None:
    recording = build(lambda cluster: cluster.pod_identity("jobs", "loader"))
    association = recording.one("PodIdentityAssociation").inputs
    assert association["clusterName"] == "training"
    assert (association["namespace"], association["serviceAccount"]) == ("jobs", "loader")
    assert recording.one("Role", "jobs-loader-role")


def test_the_handle_says_what_others_need(build: Any) -> None:
    said: dict[str, Any] = {}

    def look(cluster: EksCluster) -> None:
        handle = cluster.handle
        said["version"], said["zones"] = handle.version, handle.network.zones
        handle.security_group_id.apply(lambda value: said.update(group=value))
        handle.certificate_authority_data.apply(lambda value: said.update(ca=value))
        cluster.oidc_issuer.apply(lambda value: said.update(issuer=value))

    build(look)
    assert said == {
        "version": "1.35",
        "zones": ("us-east-1a", "us-east-1b", "us-east-1c"),
        "group": "sg-cluster",
        "ca": "Q0E=",
        "issuer": "https://oidc.example.com/1",
    }


def test_a_service_range_over_an_existing_network_is_refused(build: Any) -> None:
    """The range of a network that is made elsewhere is known only once the program runs."""
    with pytest.raises(ValueError, match=r"'172\.20\.0\.0/16' overlaps the network 172\.16\.0\.0/12"):
        build(of_network={"cidr_block": "172.16.0.0/12"})


def test_one_zone_is_not_enough_for_a_control_plane(build: Any) -> None:
    with pytest.raises(InputPropertiesError, match="at least two zones"):
        build(of_network={"zones": ("us-east-1a",)})


def test_a_role_name_that_iam_would_refuse_is_told_before(made: Any, network: Any, key: Any) -> None:
    def program() -> None:
        args = EksClusterArgs.model_validate(
            {"version": "1.35", "access": ADMIN, "network": network(), "key": key()}
        )
        EksCluster("a-cluster-with-a-name-that-is-much-too-long-for-iam", args)

    with pytest.raises(ValueError, match=r"allowed: 56 .* shorten the component's name"):
        made(program)


def test_roles_of_pods_with_long_names_fit_into_iam_and_stay_apart(build: Any) -> None:
    accounts = ("a-service-account-with-a-long-name", "a-service-account-with-a-long-name-too")

    def look(cluster: EksCluster) -> None:
        for account in accounts:
            cluster.pod_identity("a-namespace-with-a-long-name", account)

    names = [one.name for one in build(look).all("Role") if "a-namespace" in one.name]
    assert len(set(names)) == 2
    assert all(len(name) <= 56 for name in names)
