"""Examples for the rules of IAM, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.iam import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

ROLE = "arn:aws:iam::111122223333:role/app"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: object, resource: object = "*", **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"policy": _document(*statements)}


def _trust(principal: object, action: str = "sts:AssumeRole", **more: object) -> dict[str, object]:
    return {
        "assumeRolePolicy": _document({"Effect": "Allow", "Principal": principal, "Action": action, **more})
    }


def _federated(**conditions: object) -> dict[str, object]:
    return _trust(
        {"Federated": f"arn:aws:iam::1:oidc-provider/{PROVIDER}"},
        "sts:AssumeRoleWithWebIdentity",
        **conditions,
    )


AUDIENCE = {f"{PROVIDER}:aud": "sts.amazonaws.com"}
SUBJECT = {f"{PROVIDER}:sub": "system:serviceaccount:training:trainer"}
READ = _allow(["s3:GetObject"], "arn:aws:s3:::data/*")

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-iam-policy-no-admin": (
        [_policy(READ), _policy({**_allow("*"), "Effect": "Deny"})],
        [_policy(_allow("*")), _policy(READ, _allow(["*"], ["*"]))],
    ),
    "aws-iam-policy-no-service-wildcard": (
        [_policy(READ), _policy(_allow("s3:*", "arn:aws:s3:::data/*"))],
        [_policy(_allow("s3:*")), _policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})],
    ),
    "aws-iam-policy-no-escalation": (
        [_policy(READ), _policy(_allow("iam:PassRole", ROLE)), _policy(_allow("iam:GetRole"))],
        [_policy(_allow("iam:PassRole")), _policy(_allow("iam:Attach*")), _policy(_allow("iam:*"))],
    ),
    "aws-iam-policy-no-decrypt-everywhere": (
        [
            _policy(_allow("kms:Decrypt", "arn:aws:kms:eu-west-1:1:key/k")),
            _policy(_allow("kms:DescribeKey")),
            _policy(
                _allow(
                    "kms:Decrypt",
                    Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
                )
            ),
        ],
        [_policy(_allow("kms:Decrypt")), _policy(_allow("kms:*", "arn:aws:kms:eu-west-1:1:key/*"))],
    ),
    "aws-iam-role-inline-no-admin": (
        [{}, {"inlinePolicies": [{"policy": _document(READ)}]}],
        [{"inlinePolicies": [{"policy": _document(READ)}, {"policy": _document(_allow("*"))}]}],
    ),
    "aws-iam-role-trust-not-public": (
        [_trust({"Service": "ec2.amazonaws.com"}), _trust({"AWS": ROLE})],
        [_trust("*"), _trust({"AWS": "*"})],
    ),
    "aws-iam-role-trust-federated": (
        [
            _trust({"Service": "ec2.amazonaws.com"}),
            _federated(Condition={"StringEquals": {**AUDIENCE, **SUBJECT}}),
        ],
        [
            _federated(),
            _federated(Condition={"StringEquals": AUDIENCE}),
            _federated(Condition={"StringEquals": AUDIENCE, "StringLike": {f"{PROVIDER}:sub": "*"}}),
        ],
    ),
    "aws-iam-no-administrator-access": (
        [{"policyArn": READ_ONLY}, {"policyArn": "arn:aws:iam::111122223333:policy/mine"}],
        [{"policyArn": ADMINISTRATOR}, {"policyArn": "arn:aws-cn:iam::aws:policy/IAMFullAccess"}],
    ),
    "aws-iam-role-no-administrator-access": (
        [{}, {"managedPolicyArns": [READ_ONLY]}],
        [{"managedPolicyArns": [READ_ONLY, ADMINISTRATOR]}],
    ),
    "aws-iam-no-cloudshell-full-access": (
        [{"policyArn": READ_ONLY}],
        [{"policyArn": "arn:aws:iam::aws:policy/AWSCloudShellFullAccess"}],
    ),
    "aws-iam-user-policy-only-denies": ([_policy({**READ, "Effect": "Deny"})], [_policy(READ)]),
    "aws-iam-user-attachment-only-denies": (
        [{"policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}],
        [{"policyArn": READ_ONLY}],
    ),
    "aws-iam-policy-attachment-no-users": ([{}, {"groups": ["team"]}], [{"users": ["somebody"]}]),
    "aws-iam-no-access-key": ([{"status": "Inactive"}], [{}, {"status": "Active"}]),
    "aws-iam-password-policy-length": (
        [{"minimumPasswordLength": 14}],
        [{}, {"minimumPasswordLength": 8}],
    ),
    "aws-iam-password-policy-reuse": (
        [{"passwordReusePrevention": 24}],
        [{}, {"passwordReusePrevention": 5}],
    ),
    "aws-iam-permissions-boundary": (
        [{"permissionsBoundary": "arn:aws:iam::111122223333:policy/boundary"}],
        [{}],
    ),
    "aws-iam-oidc-audience": (
        [{"clientIdLists": ["sts.amazonaws.com"]}],
        [{"clientIdLists": []}, {"clientIdLists": ["*"]}],
    ),
    "aws-iam-session-length": ([{}, {"maxSessionDuration": 3600}], [{"maxSessionDuration": 43200}]),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
