"""What a bucket on an S3-compatible store is to be: quota, lifecycle, and who may use it.

The same plan becomes a claim for Rook (`claim_config`) and calls of the client in `s3_admin`, and both are
made of the documents here.
"""

import json
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.storage.lifecycle_aws import Expiration

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_READ = ("s3:GetObject", "s3:GetObjectVersion")
_LIST = ("s3:ListBucket", "s3:GetBucketLocation")
_WRITE = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def validate_user(user: str) -> str:
    """A user's id, given back. Raises ValueError where it would mean something else in a policy."""
    if not _USER.fullmatch(user):
        raise ValueError(
            f"{user!r} is not the id of a user; allowed are letters, digits and ._-, beginning with a letter "
            "or digit; rename it"
        )
    return user


UserId = Annotated[str, AfterValidator(validate_user)]


class BucketPlan(Args):
    """What a bucket is to be.

    Attributes:
        max_size_gib: The quota for the bucket's bytes; none by default.
        max_objects: The quota for the number of its objects; none by default.
        abort_incomplete_multipart_upload_days: When uploads that were never finished are removed; they count
            and are not listed. 7 by default.
        expirations: When objects under a prefix are deleted; never by default.
        readers: Users that may list and read.
        writers: Users that may write as well, and not delete.
    """

    max_size_gib: int | None = Field(default=None, ge=1)
    max_objects: int | None = Field(default=None, ge=1)
    abort_incomplete_multipart_upload_days: int = Field(default=7, ge=1)
    expirations: tuple[Expiration, ...] = ()
    readers: tuple[UserId, ...] = ()
    writers: tuple[UserId, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "BucketPlan":
        problems = Problems("BucketPlan")
        prefixes = [one.prefix for one in self.expirations]
        for prefix in sorted({prefix for prefix in prefixes if prefixes.count(prefix) > 1}):
            problems.add("expirations", f"{prefix!r} is given twice; one expiration per prefix; remove one")
        for user in sorted(set(self.readers) & set(self.writers)):
            problems.add("readers", f"{user!r} is also a writer, who reads as well; remove it here")
        problems.raise_if_any()
        return self

    @property
    def has_quota(self) -> bool:
        return self.max_size_gib is not None or self.max_objects is not None


def lifecycle_document(plan: BucketPlan) -> dict[str, list[dict[str, object]]]:
    """The lifecycle as S3's API has it, rules in the order of their ids, as Rook compares them."""
    rules: list[dict[str, object]] = [
        {
            "ID": "abort-incomplete-uploads",
            "Status": "Enabled",
            "Prefix": "",
            "AbortIncompleteMultipartUpload": {
                "DaysAfterInitiation": plan.abort_incomplete_multipart_upload_days
            },
        }
    ]
    rules += [
        {
            "ID": f"expire-{one.prefix}",
            "Status": "Enabled",
            "Prefix": one.prefix,
            "Expiration": {"Days": one.days},
        }
        for one in plan.expirations
    ]
    return {"Rules": sorted(rules, key=lambda rule: str(rule["ID"]))}


def policy_document(plan: BucketPlan, bucket: str) -> dict[str, object] | None:
    """The bucket's policy: what others than its owner may do; None where nobody else may do anything."""
    bucket_arn, objects = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"
    statements = []
    if plan.readers or plan.writers:
        both = [*plan.readers, *plan.writers]
        statements += [_allow("List", both, _LIST, bucket_arn), _allow("Read", both, _READ, objects)]
    if plan.writers:
        statements.append(_allow("Write", plan.writers, _WRITE, objects))
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _allow(sid: str, users: "tuple[str, ...] | list[str]", actions: tuple[str, ...], resource: str) -> object:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam:::user/{user}" for user in users]},
        "Action": list(actions),
        "Resource": [resource],
    }


def claim_config(plan: BucketPlan, bucket: str, owner: str | None) -> dict[str, str]:
    """`additionalConfig` of an ObjectBucketClaim (Rook v1.20, "Bucket Claim"). Its values are all strings.

    The operator takes these fields only where `obcAllowAdditionalConfigFields` names them.
    """
    config = {"bucketLifecycle": json.dumps(lifecycle_document(plan), sort_keys=True)}
    if owner is not None:
        config["bucketOwner"] = owner
    if plan.max_size_gib is not None:
        config["bucketMaxSize"] = f"{plan.max_size_gib}Gi"
    if plan.max_objects is not None:
        config["bucketMaxObjects"] = str(plan.max_objects)
    policy = policy_document(plan, bucket)
    if policy is not None:
        config["bucketPolicy"] = json.dumps(policy, sort_keys=True)
    return config


_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_UNITS |= {"Ti": 2**40, "Pi": 2**50}


def size_in_bytes(quantity: str) -> int:
    """A size of a claim (`40Gi`) in bytes. Raises ValueError where it is none."""
    found = re.fullmatch(r"(\d+)([KMGT]?|[KMGTP]i)", quantity)
    if found is None:
        raise ValueError(
            f"{quantity!r} is not a size; allowed are a number and {', '.join(_UNITS)}; correct it"
        )
    return int(found[1]) * _UNITS[found[2]]
