"""What other capabilities need to know of an object store."""

from dataclasses import dataclass
from typing import Literal

import pulumi

from bedplate.keys.handles import KeyHandle


@dataclass(frozen=True, kw_only=True)
class CredentialsReference:
    """Where a Kubernetes secret holds a store's access key; the key itself is in no program and no state.

    Attributes:
        namespace: The secret's namespace.
        secret_name: The secret's name.
        access_key_id_key: The entry that holds the access key's id.
        secret_access_key_key: The entry that holds the secret.
    """

    namespace: pulumi.Output[str]
    secret_name: pulumi.Output[str]
    access_key_id_key: str = "AWS_ACCESS_KEY_ID"
    secret_access_key_key: str = "AWS_SECRET_ACCESS_KEY"


@dataclass(frozen=True, kw_only=True)
class ObjectStoreHandle:
    """A bucket, and how to reach it.

    Attributes:
        protocol: The API that the store speaks.
        name: The bucket's name.
        uri: `s3://<name>`, as training jobs and tools take it.
        region: The region that the bucket is in.
        arn: The bucket's ARN.
        key: The key that its objects are encrypted with; None where the store's own key is used.
        endpoint: The endpoint's URL; None for the cloud's own endpoint of the region.
        path_style: Whether the bucket stands in the path of the URL rather than in the host's name.
        credentials: The secret that holds the access key; None where the job's role is enough.
    """

    protocol: Literal["s3"] = "s3"
    name: pulumi.Output[str]
    uri: pulumi.Output[str]
    region: str
    arn: pulumi.Output[str]
    key: KeyHandle | None = None
    endpoint: pulumi.Output[str] | None = None
    path_style: bool = False
    credentials: CredentialsReference | None = None

    @classmethod
    def from_existing(
        cls,
        *,
        name: pulumi.Input[str],
        region: str,
        key: KeyHandle | None = None,
        endpoint: pulumi.Input[str] | None = None,
        partition: Literal["aws", "aws-cn", "aws-us-gov"] = "aws",
        path_style: bool = False,
        credentials: CredentialsReference | None = None,
    ) -> "ObjectStoreHandle":
        """The handle of a bucket that is made elsewhere. `key` is needed for grants to cover decryption."""
        bucket = pulumi.Output.from_input(name)
        return cls(
            name=bucket,
            uri=bucket.apply(lambda value: f"s3://{value}"),
            region=region,
            arn=bucket.apply(lambda value: f"arn:{partition}:s3:::{value}"),
            key=key,
            endpoint=None if endpoint is None else pulumi.Output.from_input(endpoint),
            path_style=path_style,
            credentials=credentials,
        )
