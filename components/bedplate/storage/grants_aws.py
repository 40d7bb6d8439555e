"""Access to an S3 store: permissions of a role, as narrow as what it is to do."""

from typing import Literal

import pulumi
import pulumi_aws as aws

from bedplate.storage.handles import ObjectStoreHandle
from bedplate.storage.policy_aws import check_prefix, grant_policy


def grant_access(
    name: str,
    store: ObjectStoreHandle,
    role_name: pulumi.Input[str],
    *,
    access: Literal["read", "write", "read-write"],
    prefix: str = "",
    delete: bool = False,
    opts: pulumi.ResourceOptions | None = None,
) -> aws.iam.RolePolicy:
    """A grant on any S3 store, one that is made elsewhere included (`ObjectStoreHandle.from_existing`).

    Raises:
        ValueError: `prefix` is not empty and does not name whole folders.
    """
    check_prefix(prefix)

    def policy(bucket_arn: str, key_arn: str | None) -> str:
        return grant_policy(
            bucket_arn=bucket_arn,
            key_arn=key_arn,
            region=store.region,
            read=access in ("read", "read-write"),
            write=access in ("write", "read-write"),
            delete=delete,
            prefix=prefix,
        )

    if store.key is None:
        document = store.arn.apply(lambda bucket_arn: policy(bucket_arn, None))
    else:
        document = pulumi.Output.all(store.arn, store.key.arn).apply(lambda arns: policy(arns[0], arns[1]))
    return aws.iam.RolePolicy(name, role=role_name, policy=document, opts=opts)
