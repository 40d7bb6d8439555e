"""A client that makes buckets on any S3-compatible endpoint, and users and quotas on Ceph's gateway."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from bedplate.storage.bucket_plan import size_in_bytes
from bedplate.storage.rgw_admin import Keys, RgwAdmin, S3Endpoint


def s3_client(endpoint: S3Endpoint) -> BaseClient:
    """boto3's client for a store."""
    client: BaseClient = boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.keys.access_key,
        aws_secret_access_key=endpoint.keys.secret_key,
        region_name=endpoint.region,
        verify=endpoint.verify,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 5, "mode": "standard"},
            # Checksums in trailers are newer than many stores that speak S3.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return client


class S3Admin:
    """Makes buckets what they are to be; each call may be repeated."""

    def __init__(self, endpoint: S3Endpoint) -> None:
        self._region = endpoint.region
        # The stubs know a service's calls only where its own package of stubs is installed.
        self._client: Any = s3_client(endpoint)

    def ensure_bucket(self, bucket: str) -> bool:
        """Make a bucket; false where the caller has it already. Raises ClientError where another does."""
        if self._exists(bucket):
            return False
        if self._region == "us-east-1":
            self._client.create_bucket(Bucket=bucket)
        else:
            self._client.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": self._region},
            )
        return True

    def set_versioning(self, bucket: str, enabled: bool = True) -> None:
        """Keep overwritten and deleted objects as versions, or stop doing so."""
        self._client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled" if enabled else "Suspended"}
        )

    def set_lifecycle(self, bucket: str, document: Mapping[str, object]) -> None:
        """Replace the lifecycle (`bucket_plan.lifecycle_document`)."""
        self._client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=document)

    def set_policy(self, bucket: str, document: Mapping[str, object] | None) -> None:
        """Replace the policy (`bucket_plan.policy_document`); None removes it."""
        if document is None:
            self._client.delete_bucket_policy(Bucket=bucket)
        else:
            self._client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))

    def _exists(self, bucket: str) -> bool:
        try:
            self._client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchBucket", "NotFound"):
                return False
            raise
        return True


def provision(rgw: RgwAdmin, *, bucket: str, config: Mapping[str, str], user: str | None = None) -> Keys:
    """Do on a gateway what a bucket claim with this `additionalConfig` asks of Rook; returns the owner's key.

    For gateways that no operator of Rook serves. `user` owns the bucket where the claim names no
    `bucketOwner`; the default is a user of the bucket's name. May be repeated.

    Raises:
        ValueError: the configuration holds a field that no claim has.
    """
    known = {"maxSize", "maxObjects", "bucketMaxSize", "bucketMaxObjects", "bucketPolicy", "bucketLifecycle"}
    unknown = sorted(set(config) - known - {"bucketOwner"})
    if unknown:
        raise ValueError(
            f"config: {unknown[0]!r} is no field of a claim; allowed: {', '.join(sorted(known))}"
        )
    owner = config.get("bucketOwner") or user or bucket
    # An owner that exists is somebody's: nothing about it is changed.
    keys = rgw.keys(owner) or rgw.ensure_user(owner, display_name=owner)
    if "maxSize" in config or "maxObjects" in config:
        rgw.set_user_quota(
            owner, max_bytes=_size(config, "maxSize"), max_objects=_count(config, "maxObjects")
        )
    s3 = S3Admin(replace(rgw.endpoint, keys=keys))
    s3.ensure_bucket(bucket)
    rgw.set_bucket_quota(
        owner,
        bucket,
        max_bytes=_size(config, "bucketMaxSize"),
        max_objects=_count(config, "bucketMaxObjects"),
    )
    if "bucketLifecycle" in config:
        s3.set_lifecycle(bucket, json.loads(config["bucketLifecycle"]))
    s3.set_policy(bucket, json.loads(config["bucketPolicy"]) if "bucketPolicy" in config else None)
    return keys


def provision_user(rgw: RgwAdmin, *, user: str, spec: Mapping[str, Any]) -> Keys:
    """Do on a gateway what a `CephObjectStoreUser` with this spec asks of Rook, and return the user's key.

    May be repeated; quotas and capabilities that the spec no longer names are lifted.
    """
    quotas = spec.get("quotas") or {}
    keys = rgw.ensure_user(
        user,
        display_name=spec.get("displayName") or user,
        max_buckets=quotas.get("maxBuckets", 1000),
        capabilities=spec.get("capabilities") or {},
    )
    rgw.set_user_quota(user, max_bytes=_size(quotas, "maxSize"), max_objects=quotas.get("maxObjects"))
    return keys


def _size(config: Mapping[str, str], key: str) -> int | None:
    return size_in_bytes(config[key]) if key in config else None


def _count(config: Mapping[str, str], key: str) -> int | None:
    return int(config[key]) if key in config else None
