"""What rules for AWS ask of policy documents beyond `bedplate_policies.document`."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from bedplate_policies.document import Document, Predicate, Statement

# Actions by which a principal makes itself an administrator (from memory of the published escalation paths).
ESCALATIONS = (
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:AttachUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:PutUserPolicy",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:PassRole",
)


def denies_plain_text(*actions: str) -> Predicate:
    """Everybody is denied these actions where they do not come over TLS."""

    def predicate(document: Document) -> Iterator[str]:
        for action in actions:
            if not any(_denies(statement, action) for statement in document.statements):
                yield f'nothing denies everybody {action} without TLS (Bool "aws:SecureTransport": "false")'

    return predicate


def _denies(statement: Statement, action: str) -> bool:
    return (
        statement.effect == "Deny"
        and "*" in statement.principals
        and "false" in [value.lower() for value in statement.condition("Bool", "aws:SecureTransport")]
        and any(fnmatchcase(action.lower(), denied.lower()) for denied in statement.actions)
    )


def federated_is_narrow(document: Document) -> Iterator[str]:
    """Trust in an identity provider names the audience and the subject: it signs for every tenant it has."""
    for number, statement in enumerate(document.statements):
        if not statement.allows or not any(
            action.lower() == "sts:assumerolewithwebidentity" for action in statement.actions
        ):
            continue
        keys = {
            key.lower().rsplit(":", 1)[-1]: values
            for operator, found in statement.conditions.items()
            if operator.lower().removeprefix("foranyvalue:").startswith("string")
            and "not" not in operator.lower()
            and not operator.lower().endswith("ifexists")
            for key, values in found.items()
        }
        for claim in ("aud", "sub"):
            values = keys.get(claim, ())
            if not values or any(not value.strip("*:") for value in values):
                yield f"statement {number} trusts an identity provider without a condition on :{claim}"


def no_decrypt_everywhere(document: Document) -> Iterator[str]:
    """Nobody may decrypt with every key."""
    for number, statement in enumerate(document.statements):
        if not statement.allows or not any(_every_key(resource) for resource in statement.resources):
            continue
        if any(key.lower() == "kms:viaservice" for keys in statement.conditions.values() for key in keys):
            continue
        for action in ("kms:Decrypt", "kms:ReEncryptFrom"):
            if any(fnmatchcase(action.lower(), granted.lower()) for granted in statement.actions):
                yield f"statement {number} grants {action} with every key"
                break


def _every_key(resource: str) -> bool:
    return resource == "*" or (resource.startswith("arn:") and resource.endswith(":key/*"))
