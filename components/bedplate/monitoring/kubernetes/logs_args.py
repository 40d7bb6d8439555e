"""Arguments of LogShipping: what is read, what is left out, what is hidden, and where it goes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sLabel
from bedplate.monitoring.kubernetes.addresses import HttpsUrl, PodResources
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.logs_patterns import CONTINUATIONS, KERNEL
from bedplate.monitoring.kubernetes.prometheus_parts import Regex
from bedplate.monitoring.kubernetes.routing_args import SecretRef
from bedplate.storage.handles import ObjectStoreHandle


def validate_role_arn(arn: str) -> str:
    """A role's ARN, given back. Raises ValueError for anything else."""
    if not arn.startswith("arn:") or ":role/" not in arn:
        raise ValueError(f"{arn[:80]!r} is not a role; allowed: arn:<partition>:iam::<account>:role/<name>")
    return arn


# Names become parts of files, metrics and labels: at most 40 characters.
SinkName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9_]{0,38}[a-z0-9])?$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
RoleArn = In[Annotated[str, AfterValidator(validate_role_arn)]]


class AwsKey(Args):
    """An access key, both halves by reference, in the agents' namespace."""

    access_key_id: SecretRef
    secret_access_key: SecretRef


class LokiSink(Args):
    """Grafana Loki.

    Attributes:
        name: Of the sink, in metrics and on disk.
        url: Without a path; https only.
        tenant: The tenant (X-Scope-OrgID); none by default.
        username, password: Basic authentication, by reference.
        bearer_token: A token, by reference.
        ca: The certificate of a private authority, by reference.
    """

    name: SinkName = "loki"
    url: HttpsUrl
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9!._*'()-]{1,150}$")] | None = None
    username: SecretRef | None = None
    password: SecretRef | None = None
    bearer_token: SecretRef | None = None
    ca: SecretRef | None = None

    @model_validator(mode="after")
    def _check(self) -> "LokiSink":
        problems = Problems("LokiSink")
        if (self.username is None) != (self.password is None):
            problems.add("password", "username and password go together; give both or none")
        if self.username is not None and self.bearer_token is not None:
            problems.add("bearer_token", "given with username; allowed: one way to authenticate; remove one")
        problems.raise_if_any()
        return self


class OtlpSink(Args):
    """Anything that takes logs by OTLP over HTTP: an OpenTelemetry collector, Loki 3, most vendors.

    Attributes:
        name: Of the sink.
        url: With its path, such as https://otel.example.com/v1/logs.
        headers: Headers with a secret value, such as Authorization; each by reference.
        ca: The certificate of a private authority, by reference.
    """

    name: SinkName = "otlp"
    url: HttpsUrl
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")], SecretRef] = Field(
        default_factory=dict
    )
    ca: SecretRef | None = None


class CloudWatchSink(Args):
    """A log group of CloudWatch, which must exist: it has its own retention and key.

    Attributes:
        name: Of the sink.
        region: The group's region.
        log_group: The group; each node writes a stream of its own.
        key: An access key; the pod's identity by default.
    """

    name: SinkName = "cloudwatch"
    region: Region
    log_group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/#-]{1,512}$")]
    key: AwsKey | None = None


class ArchiveSettings(Args):
    """How logs are written to the archive.

    Attributes:
        prefix: Objects are `<prefix>/cluster=<name>/date=<day>/hour=<hour>/...`.
        object_mib: An object is written when it has this size before compression, in MiB; 64 by default.
        seconds: Or after this time; 300 s by default. What a lost node had not sent is lost.
    """

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")] = "logs"
    object_mib: int = Field(default=64, ge=1, le=512)
    seconds: int = Field(default=300, ge=10, le=3600)


class DropRule(Args):
    """Lines that nobody reads: those that meet all that is given here.

    Attributes:
        namespace, container: Of the pod.
        message: A regular expression that is found in the line.
    """

    namespace: K8sLabel | None = None
    container: K8sLabel | None = None
    message: Regex | None = None

    @model_validator(mode="after")
    def _check(self) -> "DropRule":
        problems = Problems("DropRule")
        if self.namespace is None and self.container is None and self.message is None:
            problems.add("", "nothing is given, so that every line would be dropped; say which")
        problems.raise_if_any()
        return self


class LogShippingArgs(Args):
    """Arguments of LogShipping. At least one of `loki`, `otlp`, `cloudwatch` and `archive` is given.

    Attributes:
        cluster: The cluster.
        monitoring: The Prometheus stack that scrapes the agents; nothing does by default.
        namespace: Where the agents run, made here; "logging" by default.
        make_namespace: Whether it is made, closed for everyone but Prometheus; on by default.
        loki, otlp, cloudwatch: Sinks. Each gets every line, at its own pace.
        archive: A bucket for all lines as compressed JSON: of S3, Ceph, or any store that speaks S3. Its
            key's secret, where it has one, is in the agents' namespace.
        archive_settings: How the archive is written.
        role_arn: The role of the agents on EKS, for CloudWatch and S3.
        include_namespaces: Only these; all by default.
        exclude_namespaces: All but these; none by default.
        kernel: Which of the kernel's messages are shipped: "faults" by default (XIDs and other signs of
            broken GPUs, links and disks, killed processes), "all", or "off".
        continuations: Lines that go on with the line before (stack traces), as regular expressions; traces
            of Python, Java and Go by default. Empty: each line stands for itself.
        redact: What is hidden, beside the usual forms of keys, tokens and passwords, which always are.
        drop: What is not shipped.
        buffer_gib: For each sink, what waits on the node's disk while the sink does not answer, in GiB; 5 by
            default. When it is full, the agent stops reading until there is room.
        resources: What an agent gets; 0.2 cores, 0.5 GiB by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    monitoring: InstanceOf[MonitoringHandle] | None = None
    namespace: K8sLabel = "logging"
    make_namespace: bool = True
    loki: tuple[LokiSink, ...] = ()
    otlp: tuple[OtlpSink, ...] = ()
    cloudwatch: tuple[CloudWatchSink, ...] = ()
    archive: InstanceOf[ObjectStoreHandle] | None = None
    archive_settings: ArchiveSettings = ArchiveSettings()
    role_arn: RoleArn | None = None
    include_namespaces: tuple[K8sLabel, ...] = ()
    exclude_namespaces: tuple[K8sLabel, ...] = ()
    kernel: Literal["faults", "all", "off"] = "faults"
    kernel_patterns: tuple[Regex, ...] = KERNEL
    continuations: tuple[Regex, ...] = CONTINUATIONS
    redact: tuple[Regex, ...] = ()
    drop: tuple[DropRule, ...] = ()
    buffer_gib: int = Field(default=5, ge=1, le=500)
    resources: PodResources = PodResources(cpu=0.2, memory_gib=0.5)

    @property
    def sink_names(self) -> list[str]:
        """The names of all sinks."""
        sinks: list[LokiSink | OtlpSink | CloudWatchSink] = [*self.loki, *self.otlp, *self.cloudwatch]
        names = [one.name for one in sinks]
        return [*names, "archive"] if self.archive is not None else names

    @model_validator(mode="after")
    def _check(self) -> "LogShippingArgs":
        problems = Problems("LogShippingArgs")
        names = self.sink_names
        if not names:
            problems.add("", "no sink is given; allowed: loki, otlp, cloudwatch, archive; give at least one")
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("", f"{names.count(name)} sinks are called {name!r}; names are unique; rename one")
        if self.include_namespaces and self.exclude_namespaces:
            problems.add(
                "exclude_namespaces",
                f"given with include_namespaces ({', '.join(self.include_namespaces)}), which leaves out all "
                "others; give one of the two",
            )
        if self.namespace in self.include_namespaces:
            problems.add(
                "include_namespaces",
                f"{self.namespace!r} is where the agents run; what they write would come back to them; "
                f"remove it",
            )
        if self.kernel == "faults" and not self.kernel_patterns:
            problems.add("kernel_patterns", "empty with kernel 'faults'; give some, or set kernel to 'off'")
        held, memory = self.archive_settings.object_mib, round(self.resources.memory_gib * 1024)
        if self.archive is not None and held * 4 > memory:
            problems.add(
                "archive_settings.object_mib",
                f"{held} MiB are held in memory until an object is written, and an agent has {memory} MiB "
                f"for all "
                f"that it does; allowed: at most {memory // 4}; lower it or raise resources.memory_gib",
            )
        self._check_identity(problems)
        problems.raise_if_any()
        return self

    def _check_identity(self, problems: Problems) -> None:
        platform = self.cluster.platform
        if platform == "eks":
            return
        if self.role_arn is not None:
            problems.add("role_arn", f"given on {platform}, where pods have no role of AWS; remove it")
        for index, sink in enumerate(self.cloudwatch):
            if sink.key is None:
                problems.add(
                    f"cloudwatch[{index}].key",
                    f"not given on {platform}, where pods have no identity of AWS; name the secret with a "
                    f"key",
                )
        if self.archive is not None and self.archive.credentials is None:
            problems.add(
                "archive",
                f"has no credentials on {platform}, where pods have no identity of AWS; use a store with "
                "`credentials`",
            )
