"""Tags that every resource carries, and the rules that AWS holds them to."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

# AWS Tagging Best Practices and Amazon EC2 User Guide "Tag restrictions": 50 tags, key 1 to 128 and value 0
# to 256 characters, letters, spaces and numbers representable in UTF-8 and + - = . _ : / @, no key prefix
# "aws:" in any case.
MOST_TAGS = 50
LONGEST_KEY = 128
LONGEST_VALUE = 256
# Spaces of any kind, and no tab, line break or other control character.
_CHARSET = re.compile(r"(?:[\w+\-=.:/@]|[^\S\x00-\x1f\x85])*")
_CHARSET_TEXT = "letters, digits, spaces and + - = . _ : / @"


def tag_problems(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """What AWS would refuse, as (key, reason with the value, what is allowed and what to do); empty where all
    is well.

    The key is empty for a problem of the whole set.
    """
    found: list[tuple[str, str]] = []
    if len(tags) > MOST_TAGS:
        found.append(
            ("", f"{len(tags)} tags; a resource carries at most {MOST_TAGS}; remove {len(tags) - MOST_TAGS}")
        )
    # IAM tells keys apart without regard to case (AWS IAM User Guide, "Rules for tagging in IAM and AWS STS";
    # from memory), so that a role with both would be refused.
    folded = Counter(key.lower() for key in tags)
    for key in tags:
        if folded[key.lower()] > 1:
            found.append(
                (
                    key,
                    f"the tag key {key[:60]!r} differs from another in case only: IAM refuses it; rename it",
                )
            )
    for key, value in tags.items():
        found.extend((key, reason) for reason in _of_one(key, value))
    return found


def _of_one(key: str, value: str) -> list[str]:
    reasons: list[str] = []
    shown = repr(key[:60])
    if not 1 <= len(key) <= LONGEST_KEY:
        reasons.append(
            f"the tag key {shown} is {len(key)} characters long; allowed are 1 to {LONGEST_KEY}; change it"
        )
    if key.lower().startswith("aws:"):
        reasons.append(f"the tag key {shown} begins with 'aws:', which AWS keeps for itself; rename it")
    if not _CHARSET.fullmatch(key):
        reasons.append(f"the tag key {shown} has characters other than {_CHARSET_TEXT}; remove them")
    if len(value) > LONGEST_VALUE:
        reasons.append(
            f"the value of tag {shown} is {len(value)} characters long; at most {LONGEST_VALUE}; shorten it"
        )
    if not _CHARSET.fullmatch(value):
        reasons.append(
            f"the value {value[:60]!r} of tag {shown} has characters other than {_CHARSET_TEXT}; remove them"
        )
    return reasons


def validate_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags as a dict. Raises ValueError naming every problem."""
    problems = tag_problems(tags)
    if problems:
        raise ValueError("; ".join(reason for _, reason in problems))
    return dict(tags)


def merge(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The base tags with a resource's own over them, validated again: two valid halves may be too many
    together.

    Raises ValueError naming every problem.
    """
    return validate_tags({**base, **own})


def _copied(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


Tags = Annotated[dict[str, str], BeforeValidator(_copied), AfterValidator(validate_tags)]
"""A field of tags: plain texts by key, refused where AWS would refuse them."""


def default_tags(
    environment: str,
    component: str = "",
    owner: str = "",
    cost_center: str = "",
    project: str = "bedplate",
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The tags by which costs are attributed: what runs, for whom, and that Pulumi manages it.

    Keys are the same on every resource so that they can be activated once as cost allocation tags (AWS
    Billing User Guide, "Using user-defined cost allocation tags"). Empty arguments give no tag. Raises
    ValueError as `merge` does.
    """
    named = {
        "bedplate:project": project,
        "bedplate:environment": environment,
        "bedplate:component": component,
        "bedplate:owner": owner,
        "bedplate:cost-center": cost_center,
        "bedplate:managed-by": "pulumi",
    }
    return merge({key: value for key, value in named.items() if value}, extra or {})
