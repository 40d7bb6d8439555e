"""Hadoop on an object store: the core-site.xml of teams whose jobs say `hdfs dfs`, over S3A, ABFS or GCS.

No secret is in it: keys are in a credential file or the environment, or are those of the pod's identity.
Properties: Hadoop-AWS, Hadoop-Azure (ABFS) and the Cloud Storage connector, as their documents name them
(from memory, Hadoop 3.4; per-bucket settings and credentials: Cloudera, "Configuring Per-Bucket Settings" and
"Protecting S3 Credentials with Credential Providers", 2026-11).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from xml.sax.saxutils import escape

import pulumi
from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import ArgsError, Problem, Problems
from bedplate.core.naming import validate_bucket_name
from bedplate.storage.handles import ObjectStoreHandle

_PROVIDER = re.compile(r"(jceks|localjceks|bcfks|localbcfks)://\S+")


def validate_provider(path: str) -> str:
    """The path of a credential provider, given back. Raises ValueError where Hadoop knows none such."""
    if not _PROVIDER.fullmatch(path):
        raise ValueError(
            f"{path!r} is not a credential provider; allowed: jceks://, localjceks://, bcfks:// and "
            "localbcfks:// with a path; make one with `hadoop credential create`"
        )
    return path


ProviderPath = Annotated[str, AfterValidator(validate_provider)]


class S3aStore(Args):
    """A bucket of S3, or of a store that speaks S3.

    Attributes:
        bucket: The bucket.
        region: The region that requests are signed for.
        endpoint: The store's URL; AWS's own by default.
        path_style: Whether the bucket stands in the path; off by default, on for most stores but AWS.
        credential_provider: The file that holds fs.s3a.access.key and fs.s3a.secret.key. By default the
            process's environment (AWS_ACCESS_KEY_ID, ...), which a secret fills, or with no endpoint the
            pod's identity.
    """

    kind: Literal["s3a"] = "s3a"
    bucket: Annotated[str, AfterValidator(validate_bucket_name)]
    region: str = Field(min_length=1)
    endpoint: str | None = Field(default=None, pattern=r"^https://")
    path_style: bool = False
    credential_provider: ProviderPath | None = None


class AbfsStore(Args):
    """A container of Azure Data Lake Storage.

    Attributes:
        account: The storage account.
        container: The container.
        auth: "workload-identity" (default): that of the pod. "managed-identity": that of the machine.
        client_id: The identity's client id, where there are several.
        tenant_id: The tenant, which workload identity needs.
    """

    kind: Literal["abfs"] = "abfs"
    account: str = Field(pattern=r"^[a-z0-9]{3,24}$")
    container: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")
    auth: Literal["workload-identity", "managed-identity"] = "workload-identity"
    client_id: str | None = Field(default=None, min_length=1)
    tenant_id: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "AbfsStore":
        problems = Problems("AbfsStore")
        if self.auth == "workload-identity":
            for name in ("client_id", "tenant_id"):
                if getattr(self, name) is None:
                    problems.add(name, 'not given; auth "workload-identity" needs it; give it')
        problems.raise_if_any()
        return self


class GcsStore(Args):
    """A bucket of Cloud Storage.

    Attributes:
        bucket: The bucket.
        project: The project that pays for listings; that of the identity by default.
        auth: "application-default" (default) follows the pod's identity; "compute-engine" is the machine's.
    """

    kind: Literal["gs"] = "gs"
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")
    project: str | None = Field(default=None, min_length=1)
    auth: Literal["application-default", "compute-engine"] = "application-default"


HadoopStore = S3aStore | AbfsStore | GcsStore


def uri(store: HadoopStore) -> str:
    """The store's root, as Hadoop's tools take it."""
    if isinstance(store, S3aStore):
        return f"s3a://{store.bucket}"
    if isinstance(store, AbfsStore):
        return f"abfss://{store.container}@{store.account}.dfs.core.windows.net"
    return f"gs://{store.bucket}"


def core_site(
    stores: Sequence[HadoopStore], *, default: HadoopStore | None = None, keep_hdfs: bool = True
) -> dict[str, str]:
    """The properties for these stores.

    Args:
        stores: The stores; settings are per bucket and account where the connector knows that.
        default: What a path without a scheme means (`fs.defaultFS`). Not set by default.
        keep_hdfs: Whether an HDFS that exists stays the default; then `default` must not be given.

    Raises:
        ArgsError: a bucket or account is given twice with different settings, or the default is not one of
            the stores or stands against keep_hdfs.
    """
    problems = Problems("core_site")
    if default is not None and default not in stores:
        problems.add("default", f"{uri(default)} is not among the stores; add it")
    if default is not None and keep_hdfs:
        problems.add("default", "given with keep_hdfs, which leaves fs.defaultFS alone; set keep_hdfs=False")
    properties: dict[str, str] = {}
    for index, store in enumerate(stores):
        for key, value in _properties(store).items():
            if properties.setdefault(key, value) != value:
                problems.add(
                    f"stores[{index}]", f"{key} is {value!r} here and {properties[key]!r} before; use one"
                )
    problems.raise_if_any()
    if default is not None:
        properties["fs.defaultFS"] = uri(default)
    return dict(sorted(properties.items()))


def to_xml(properties: Mapping[str, str]) -> str:
    """The file core-site.xml."""
    body = "".join(
        f"  <property>\n    <name>{escape(name)}</name>\n    <value>{escape(value)}</value>\n  </property>\n"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n{body}</configuration>\n'


def core_site_of(store: ObjectStoreHandle, *, credential_provider: str | None = None) -> pulumi.Output[str]:
    """The core-site.xml for a store by its handle, whichever cloud or cluster it is on."""

    def render(known: tuple[str, str | None]) -> str:
        bucket, endpoint = known
        if endpoint is not None and not endpoint.startswith("https://"):
            reason = f"{endpoint!r} is not https; allowed: https://...; use the store's TLS port"
            raise ArgsError("core_site_of", [Problem("store.endpoint", reason)])
        s3a = S3aStore(
            bucket=bucket,
            region=store.region,
            endpoint=endpoint,
            path_style=store.path_style,
            credential_provider=credential_provider,
        )
        return to_xml(core_site([s3a]))

    endpoint: pulumi.Output[str | None] = pulumi.Output.from_input(store.endpoint)
    return pulumi.Output.all(store.name, endpoint).apply(lambda known: render((known[0], known[1])))


def _properties(store: HadoopStore) -> dict[str, str]:
    if isinstance(store, S3aStore):
        return _s3a(store)
    if isinstance(store, AbfsStore):
        return _abfs(store)
    return _gcs(store)


def _s3a(store: S3aStore) -> dict[str, str]:
    own = f"fs.s3a.bucket.{store.bucket}"
    properties = {
        # Renames are copies on an object store: without this committer, a job that fails half-way leaves
        # half of its output.
        "mapreduce.outputcommitter.factory.scheme.s3a": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
        f"{own}.committer.name": "magic",
        f"{own}.connection.ssl.enabled": "true",
        f"{own}.endpoint.region": store.region,
    }
    if store.endpoint is not None:
        properties[f"{own}.endpoint"] = store.endpoint
    if store.path_style:
        properties[f"{own}.path.style.access"] = "true"
    if store.credential_provider is not None:
        properties[f"{own}.security.credential.provider.path"] = store.credential_provider
        provider = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
    elif store.endpoint is not None:
        provider = "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
    else:
        provider = (
            "software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider,"
            "org.apache.hadoop.fs.s3a.auth.IAMInstanceCredentialsProvider"
        )
    return {**properties, f"{own}.aws.credentials.provider": provider}


def _abfs(store: AbfsStore) -> dict[str, str]:
    host = f"{store.account}.dfs.core.windows.net"
    provider = "WorkloadIdentityTokenProvider" if store.auth == "workload-identity" else "MsiTokenProvider"
    properties = {
        f"fs.azure.account.auth.type.{host}": "OAuth",
        f"fs.azure.account.oauth.provider.type.{host}": f"org.apache.hadoop.fs.azurebfs.oauth2.{provider}",
        "fs.azure.always.use.https": "true",
    }
    if store.client_id is not None:
        properties[f"fs.azure.account.oauth2.client.id.{host}"] = store.client_id
    if store.tenant_id is not None:
        properties[f"fs.azure.account.oauth2.msi.tenant.{host}"] = store.tenant_id
    return properties


def _gcs(store: GcsStore) -> dict[str, str]:
    properties = {
        "fs.gs.impl": "com.google.cloud.hadoop.fs.gcs.GoogleHadoopFileSystem",
        "fs.AbstractFileSystem.gs.impl": "com.google.cloud.hadoop.fs.gcs.GoogleHadoopFS",
        "fs.gs.auth.type": store.auth.upper().replace("-", "_"),
    }
    if store.project is not None:
        properties["fs.gs.project.id"] = store.project
    return properties
