"""When S3 moves and deletes objects: typed rules, checked as S3 checks them, and the rules that S3 takes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pulumi_aws import s3
from pydantic import AfterValidator, Field

from bedplate.core import Args
from bedplate.core.errors import Problems

# Objects move down this list only, never up:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
# (2026-11)
StorageClass = Literal[
    "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
]
_WATERFALL: tuple[StorageClass, ...] = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
# Objects stay this long before they may go to the infrequent-access classes; same source.
_DAYS_BEFORE_INFREQUENT_ACCESS = 30
# A rule's id has at most 255 characters (Amazon S3 API Reference, LifecycleRule, ID), some of them ours.
_LONGEST_PREFIX = 240
_INFREQUENT_ACCESS = ("STANDARD_IA", "ONEZONE_IA")


# A hundred years, as for object locks: more is a slip.
MOST_DAYS = 36_500


def _prefix(value: str) -> str:
    """The beginning of S3 keys. Raises ValueError for what S3's XML or a rule's name has no place for."""
    if len(value) > _LONGEST_PREFIX:
        raise ValueError(
            f"{value[:40]!r}... has {len(value)} characters; allowed: {_LONGEST_PREFIX}, as the rule is "
            "named after it; shorten it"
        )
    if value.startswith("/") or not value.isprintable():
        raise ValueError(
            f"{value!r} begins with a slash, as no key that tools write does, or holds control characters; "
            "allowed: the beginning of keys, such as scratch/; correct it"
        )
    return value


Prefix = Annotated[str, AfterValidator(_prefix)]


class Transition(Args):
    """Objects under a prefix move to a cheaper class a number of days after they were written.

    Attributes:
        days: Days after the object was written; at least 30 for STANDARD_IA and ONEZONE_IA.
        storage_class: The class to move to.
        prefix: The keys' prefix; all objects by default.
    """

    days: int = Field(ge=0, le=MOST_DAYS)
    storage_class: StorageClass
    prefix: Prefix = ""


class Expiration(Args):
    """Objects under a prefix are deleted a number of days after they were written.

    Attributes:
        prefix: The keys' prefix. It cannot be empty: a whole store that deletes itself is a mistake more
            often than a wish.
        days: Days after the object was written.
    """

    prefix: Prefix = Field(min_length=1)
    days: int = Field(ge=1, le=MOST_DAYS)


class LifecyclePlan(NamedTuple):
    """What happens under one prefix."""

    transitions: tuple[Transition, ...]
    expiration: Expiration | None


def check_lifecycle(
    problems: Problems, transitions: Sequence[Transition], expirations: Sequence[Expiration]
) -> None:
    """Note what S3 would refuse, under the fields `transitions` and `expirations`."""
    for index, transition in enumerate(transitions):
        if (
            transition.storage_class in _INFREQUENT_ACCESS
            and transition.days < _DAYS_BEFORE_INFREQUENT_ACCESS
        ):
            problems.add(
                f"transitions[{index}].days",
                f"{transition.days} is too early for {transition.storage_class}; allowed: "
                f"{_DAYS_BEFORE_INFREQUENT_ACCESS} or more; raise it or choose another class",
            )
    prefixes = [expiration.prefix for expiration in expirations]
    for prefix in sorted({prefix for prefix in prefixes if prefixes.count(prefix) > 1}):
        problems.add("expirations", f"{prefix!r} is given twice; one expiration per prefix; remove one")
    for prefix, plan in by_prefix(transitions, expirations).items():
        _check_plan(problems, prefix, plan)


def _check_plan(problems: Problems, prefix: str, plan: LifecyclePlan) -> None:
    where = f"prefix {prefix!r}" if prefix else "all objects"
    for earlier, later in pairwise(plan.transitions):
        down = _WATERFALL.index(earlier.storage_class) < _WATERFALL.index(later.storage_class)
        if not down or earlier.days == later.days:
            problems.add(
                "transitions",
                f"for {where}, {earlier.storage_class} at {earlier.days} days and then {later.storage_class} "
                f"at {later.days}; allowed: later days with a class further along {', '.join(_WATERFALL)}; "
                "reorder or remove one",
            )
    if plan.expiration is not None and plan.transitions and plan.expiration.days <= plan.transitions[-1].days:
        problems.add(
            "expirations",
            f"for {where}, objects expire after {plan.expiration.days} days, not after the last transition "
            f"at {plan.transitions[-1].days}; expire later or drop the transition",
        )


def by_prefix(
    transitions: Sequence[Transition], expirations: Sequence[Expiration]
) -> dict[str, LifecyclePlan]:
    """The plans in order of prefix, transitions in order of days."""
    expires = {expiration.prefix: expiration for expiration in expirations}
    prefixes = sorted({transition.prefix for transition in transitions} | set(expires))
    return {
        prefix: LifecyclePlan(
            tuple(
                sorted(
                    (transition for transition in transitions if transition.prefix == prefix),
                    key=lambda transition: transition.days,
                )
            ),
            expires.get(prefix),
        )
        for prefix in prefixes
    }


def lifecycle_rules(
    *,
    abort_incomplete_multipart_upload_days: int,
    noncurrent_version_expiration_days: int | None,
    transitions: Sequence[Transition],
    expirations: Sequence[Expiration],
) -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    """The bucket's rules: one that tidies up everywhere, then one per prefix."""
    tidy = s3.BucketLifecycleConfigurationRuleArgs(
        id="tidy",
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        abort_incomplete_multipart_upload=(
            s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=abort_incomplete_multipart_upload_days
            )
        ),
        # Markers of deleted objects whose versions are all gone slow down every listing.
        expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        noncurrent_version_expiration=(
            None
            if noncurrent_version_expiration_days is None
            else s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=noncurrent_version_expiration_days
            )
        ),
    )
    return [tidy] + [_rule(prefix, plan) for prefix, plan in by_prefix(transitions, expirations).items()]


def _rule(prefix: str, plan: LifecyclePlan) -> s3.BucketLifecycleConfigurationRuleArgs:
    return s3.BucketLifecycleConfigurationRuleArgs(
        id=f"prefix-{prefix}" if prefix else "all-objects",
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=prefix),
        transitions=[
            s3.BucketLifecycleConfigurationRuleTransitionArgs(
                days=transition.days, storage_class=transition.storage_class
            )
            for transition in plan.transitions
        ]
        or None,
        expiration=(
            None
            if plan.expiration is None
            else s3.BucketLifecycleConfigurationRuleExpirationArgs(days=plan.expiration.days)
        ),
    )
