"""IAM: roles, policies, profiles and providers live in moto, and documents are read as IAM reads them."""

import json
from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

ROLE = "aws:iam/role:Role"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
READ = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
)
EKS_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"


def test_role_with_its_policies(managed_policies: None, driver: Any, ctx: Any) -> None:
    made = driver.round_trip(
        ROLE,
        {
            "name": "node",
            "assumeRolePolicy": TRUST,
            "description": "Nodes",
            "managedPolicyArns": [EKS_POLICY],
            "inlinePolicies": [{"name": "read", "policy": READ}],
            "tags": {"team": "ml"},
        },
        {
            "description": None,
            "maxSessionDuration": 7200,
            "managedPolicyArns": [],
            "tags": {"team": "infra"},
        },
    )
    assert made.outputs["arn"] == "arn:aws:iam::123456789012:role/node"
    assert made.outputs["tagsAll"] == {"managed-by": "pulumi", "team": "infra"}
    role = ctx.client("iam").get_role(RoleName="node")["Role"]
    assert role["MaxSessionDuration"] == 7200
    driver.delete(ROLE, made)


def test_role_policy_attachment_and_profile(driver: Any) -> None:
    role = driver.create(ROLE, {"name": "node", "assumeRolePolicy": TRUST})
    policy = driver.round_trip(
        "aws:iam/policy:Policy",
        {"name": "read", "policy": READ, "description": "x"},
        {"policy": READ.replace("GetObject", "PutObject"), "tags": {"a": "b"}},
    )
    inline = driver.round_trip(
        "aws:iam/rolePolicy:RolePolicy",
        {"name": "inline", "role": "node", "policy": READ},
        {"policy": READ.replace("GetObject", "ListBucket")},
    )
    attached = driver.round_trip(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "node", "policyArn": policy.outputs["arn"]},
    )
    profile = driver.round_trip(
        "aws:iam/instanceProfile:InstanceProfile", {"name": "node", "role": "node"}, {"tags": {"a": "b"}}
    )
    with pytest.raises(CloudError, match="DeleteConflict"):
        driver.handler(ROLE).delete(driver.ctx, role.id, role.outputs)
    with pytest.raises(CloudError, match="DeleteConflict"):
        driver.handler("aws:iam/policy:Policy").delete(driver.ctx, policy.id, policy.outputs)
    driver.delete("aws:iam/instanceProfile:InstanceProfile", profile)
    driver.delete("aws:iam/rolePolicyAttachment:RolePolicyAttachment", attached)
    driver.delete("aws:iam/rolePolicy:RolePolicy", inline)
    driver.delete("aws:iam/policy:Policy", policy)
    driver.delete(ROLE, role)


def test_open_id_connect_provider(driver: Any) -> None:
    token = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    made = driver.round_trip(
        token,
        {"url": "https://oidc.eks.us-west-2.amazonaws.com/id/ABC", "clientIdLists": ["sts.amazonaws.com"]},
        {"thumbprintLists": ["a" * 40], "tags": {"a": "b"}},
    )
    assert made.id.endswith("oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC")
    driver.delete(token, made)


def test_service_linked_role_user_and_group(driver: Any) -> None:
    for token, inputs, change in (
        (
            "aws:iam/serviceLinkedRole:ServiceLinkedRole",
            {"awsServiceName": "spot.amazonaws.com"},
            {"tags": {"a": "b"}},
        ),
        ("aws:iam/user:User", {"name": "robot"}, {"tags": {"a": "b"}}),
        ("aws:iam/group:Group", {"name": "robots"}, None),
    ):
        driver.delete(token, driver.round_trip(token, inputs, change))


def test_change_behind_the_back_is_seen(driver: Any, ctx: Any) -> None:
    made = driver.create(ROLE, {"name": "node", "assumeRolePolicy": TRUST, "tags": {"team": "ml"}})
    ctx.client("iam").tag_role(RoleName="node", Tags=[{"Key": "stray", "Value": "1"}])
    other = json.dumps(json.loads(TRUST.replace("eks.", "ec2.")))
    ctx.client("iam").update_assume_role_policy(RoleName="node", PolicyDocument=other)
    seen = driver.handler(ROLE).read(ctx, made.id, made.outputs)
    assert seen["tags"] == {"team": "ml", "stray": "1"}
    assert json.loads(seen["assumeRolePolicy"]) == json.loads(other)


def test_order_and_white_space_of_a_policy_are_no_drift(driver: Any, ctx: Any) -> None:
    made = driver.create(ROLE, {"name": "node", "assumeRolePolicy": TRUST})
    same = json.loads(TRUST)
    same["Statement"][0]["Action"] = ["sts:AssumeRole"]
    ctx.client("iam").update_assume_role_policy(RoleName="node", PolicyDocument=json.dumps(same, indent=2))
    assert driver.handler(ROLE).read(ctx, made.id, made.outputs) == made.outputs


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (ROLE, {"assumeRolePolicy": "{"}, "assumeRolePolicy", "not JSON"),
        (ROLE, {"assumeRolePolicy": READ}, "assumeRolePolicy", "needs Principal"),
        (ROLE, {"assumeRolePolicy": TRUST, "maxSessionDuration": 60}, "maxSessionDuration", "3600 to 43200"),
        (ROLE, {"assumeRolePolicy": TRUST, "description": "EKS – nodes"}, "description", "Latin-1"),
        (ROLE, {"assumeRolePolicy": TRUST, "path": "x"}, "path", "begins and ends"),
        (
            ROLE,
            {"assumeRolePolicy": TRUST, "managedPolicyArns": ["ReadOnly"]},
            "managedPolicyArns[0]",
            "ARN of a managed policy",
        ),
        ("aws:iam/policy:Policy", {"policy": TRUST}, "policy", "must not have Principal"),
        ("aws:iam/policy:Policy", {"policy": READ.replace("s3:GetObject", "GetObject")}, "policy", "action"),
        ("aws:iam/policy:Policy", {"policy": READ.replace("2012-10-17", "2012-10-18")}, "policy", "Version"),
        ("aws:iam/policy:Policy", {"policy": READ.replace("Allow", "allow")}, "policy", "Effect"),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "http://x", "clientIdLists": ["a"]},
            "url",
            "https://",
        ),
    ],
)
def test_refused(rules: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = rules.problems(token, {"name": "x", **inputs})
    assert any(at == path and words in reason for at, reason in problems), problems


def test_an_unknown_managed_policy_is_refused(driver: Any) -> None:
    driver.create(ROLE, {"name": "node", "assumeRolePolicy": TRUST})
    with pytest.raises(CloudError, match="NoSuchEntity"):
        driver.create(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "node", "policyArn": "arn:aws:iam::aws:policy/NoSuchPolicy"},
        )
