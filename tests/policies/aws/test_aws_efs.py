"""Examples for the rules of EFS, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.efs import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, StackCase


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


TLS = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
MOUNT = {
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": "elasticfilesystem:ClientMount",
    "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
}
FILES = ("aws:efs/fileSystem:FileSystem", "files", {})
POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-efs-encrypted": ([{"encrypted": True}], [{}, {"encrypted": False}]),
    "aws-efs-customer-key": ([{"kmsKeyId": "arn:aws:kms:eu-west-1:1:key/k"}], [{}, {"encrypted": True}]),
    "aws-efs-policy-tls-only": ([_policy(TLS, MOUNT)], [_policy(MOUNT), _policy({**TLS, "Effect": "Allow"})]),
    "aws-efs-policy-not-public": (
        [_policy(TLS, MOUNT)],
        [_policy({**MOUNT, "Condition": {}}), _policy({**MOUNT, "Condition": TLS["Condition"]})],
    ),
    "aws-efs-backup-policy": (
        [{"backupPolicy": {"status": "ENABLED"}}],
        [{"backupPolicy": {"status": "DISABLED"}}],
    ),
    "aws-efs-access-point-root": (
        [{"rootDirectory": {"path": "/datasets"}}],
        [{}, {"rootDirectory": {"path": "/"}}],
    ),
    "aws-efs-access-point-user": (
        [{"posixUser": {"uid": 1000, "gid": 1000}}],
        [{}, {"posixUser": {"uid": 0, "gid": 0}}],
    ),
}
STACKS = {
    "aws-efs-has-policy": (
        [[], [FILES, (POLICY, "tls", {}, {"fileSystemId": ["files"]})]],
        [[FILES], [FILES, (POLICY, "tls", {"fileSystemId": "fs-other"})]],
    )
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
STACK_CASES = [
    StackCase(rule.name, good=STACKS[rule.name][0], bad=STACKS[rule.name][1])
    for rule in RULES
    if isinstance(rule, StackRule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
