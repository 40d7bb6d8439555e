"""Buckets and users on a Ceph object store. Their keys stay in the secrets that Rook makes."""

from typing import Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child, validate_bucket_name
from bedplate.kubernetes.names import K8sName, validate_k8s_name
from bedplate.kubernetes.objects import custom_object
from bedplate.storage.bucket_plan import BucketPlan, claim_config, validate_user
from bedplate.storage.ceph.object_store import CephObjectStoreHandle
from bedplate.storage.ceph.objects import rook_object
from bedplate.storage.handles import CredentialsReference, ObjectStoreHandle

# Gateways take any region in a signature; this one is what most tools sign with where none is set.
_REGION = "us-east-1"
Permission = Literal["*", "read", "write", "read, write"]
Capability = Literal[
    "bucket", "buckets", "usage", "user", "users", "metadata", "zone", "roles", "info", "ratelimit"
]


class CephObjectUserArgs(Args):
    """Arguments of CephObjectUser.

    Attributes:
        store: The object store.
        display_name: The user's name for people; its id by default.
        user: The user's id, which is the object's name too; the component's name by default.
        max_buckets: How many buckets it may own; 100 by default.
        max_size_gib: The quota for the bytes of all its buckets; none by default.
        max_objects: The quota for the number of their objects; none by default.
        capabilities: What it may do in the gateway's admin API; nothing by default.
        deletion_protection: Whether Pulumi refuses to delete the user; on by default.
    """

    store: InstanceOf[CephObjectStoreHandle]
    display_name: str | None = Field(default=None, min_length=1)
    user: Annotated[str, AfterValidator(validate_user), AfterValidator(validate_k8s_name)] | None = None
    max_buckets: int = Field(default=100, ge=1)
    max_size_gib: int | None = Field(default=None, ge=1)
    max_objects: int | None = Field(default=None, ge=1)
    capabilities: dict[Capability, Permission] = Field(default_factory=dict)
    deletion_protection: bool = True


class CephObjectUser(pulumi.ComponentResource):
    """A user of an object store, with quotas and no more rights than it was given."""

    credentials: CredentialsReference
    user: pulumi.Output[str]
    """The user's id, as bucket policies name it."""

    def __init__(
        self, name: str, args: CephObjectUserArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:CephObjectUser", name, None, opts)
        user, store = args.user or name, args.store
        rook_object(
            self,
            child(name, "user"),
            kind="CephObjectStoreUser",
            object_name=user,
            namespace=store.namespace,
            spec=user_spec(args, user),
            after=store.after(),
            protect=args.deletion_protection,
        )
        self.credentials = CredentialsReference(
            namespace=pulumi.Output.from_input(store.namespace),
            secret_name=pulumi.Output.from_input(f"rook-ceph-object-user-{store.name}-{user}"),
            access_key_id_key="AccessKey",
            secret_access_key_key="SecretKey",
        )
        self.user = pulumi.Output.from_input(user)
        self.register_outputs({"user": self.user})


def user_spec(args: CephObjectUserArgs, user: str) -> dict[str, object]:
    """The spec of the `CephObjectStoreUser` object."""
    quotas: dict[str, object] = {"maxBuckets": args.max_buckets}
    if args.max_size_gib is not None:
        quotas["maxSize"] = f"{args.max_size_gib}Gi"
    if args.max_objects is not None:
        quotas["maxObjects"] = args.max_objects
    spec: dict[str, object] = {
        "store": args.store.name,
        "displayName": args.display_name or user,
        "quotas": quotas,
    }
    return {**spec, "capabilities": dict(args.capabilities)} if args.capabilities else spec


class CephBucketArgs(Args):
    """Arguments of CephBucket.

    Attributes:
        store: The object store.
        namespace: The namespace of the claim, and of the secret with the bucket's key: that of the jobs.
        bucket_name: The bucket's name, unique on the store; the component's name by default.
        owner: The user that owns the bucket; one of its own by default.
        plan: Quota, lifecycle, readers and writers.
        deletion_protection: Whether Pulumi refuses to delete the claim; on by default. The bucket and its
            objects stay in any case: the class that it is claimed from retains them.
    """

    store: InstanceOf[CephObjectStoreHandle]
    namespace: K8sName
    bucket_name: Annotated[str, AfterValidator(validate_bucket_name)] | None = None
    owner: Annotated[str, AfterValidator(validate_user)] | None = None
    plan: BucketPlan = BucketPlan()
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "CephBucketArgs":
        problems = Problems("CephBucketArgs")
        if self.store.bucket_class_name is None:
            problems.add("store", "its handle names no bucket_class_name to claim from; give it one")
        for users in ("readers", "writers"):
            if self.owner is not None and self.owner in getattr(self.plan, users):
                problems.add(f"plan.{users}", f"{self.owner!r} is the owner, who may do all; remove it")
        problems.raise_if_any()
        return self


class CephBucket(pulumi.ComponentResource):
    """A bucket by claim. Its key is in the secret of the claim's name, and nowhere else."""

    handle: ObjectStoreHandle
    bucket_name: pulumi.Output[str]
    """The bucket's name."""
    uri: pulumi.Output[str]
    """`s3://<name>`."""

    def __init__(self, name: str, args: CephBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:CephBucket", name, None, opts)
        bucket, store = args.bucket_name or validate_bucket_name(name), args.store
        claim = custom_object(
            self,
            child(name, "claim"),
            api_version="objectbucket.io/v1alpha1",
            kind="ObjectBucketClaim",
            object_name=name,
            namespace=args.namespace,
            spec=claim_spec(args, bucket),
            after=store.after(),
            protect=args.deletion_protection,
        )
        # Whoever uses the handle waits for the claim.
        self.bucket_name = claim.id.apply(lambda _: bucket)
        self.uri = self.bucket_name.apply(lambda value: f"s3://{value}")
        self.handle = ObjectStoreHandle(
            name=self.bucket_name,
            uri=self.uri,
            region=_REGION,
            arn=self.bucket_name.apply(lambda value: f"arn:aws:s3:::{value}"),
            endpoint=pulumi.Output.from_input(store.endpoint),
            path_style=True,
            credentials=CredentialsReference(
                namespace=pulumi.Output.from_input(args.namespace),
                secret_name=pulumi.Output.from_input(name),
            ),
        )
        self.register_outputs({"bucket_name": self.bucket_name, "uri": self.uri})


def claim_spec(args: CephBucketArgs, bucket: str) -> dict[str, object]:
    """The spec of the `ObjectBucketClaim` object."""
    return {
        # Given, not generated: jobs and policies must know it before the claim is bound.
        "bucketName": bucket,
        "storageClassName": args.store.bucket_class_name,
        "additionalConfig": claim_config(args.plan, bucket, args.owner),
    }
