"""What an environment on AWS is, as its file says it; checked before any resource is registered."""

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bedplate.cluster.settings import EksClusterSettings
from bedplate.core import Args
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import validate_name
from bedplate.core.tags import Tags, default_tags
from bedplate.environment.settings import all_defaults, plain_part
from bedplate.gpu.spec import GpuPoolSettings
from bedplate.keys.aws import AwsKeyArgs
from bedplate.monitoring.aws_args import AwsAlarmsArgs
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.storage.object_aws import AwsObjectStoreArgs

if TYPE_CHECKING:
    from bedplate.environment.layer_models import KubernetesLayerSettings

    LayerPart = KubernetesLayerSettings | None
    NetworkSettings = AwsNetworkArgs
    KeySettings = AwsKeyArgs
    ObjectStoreSettings = AwsObjectStoreArgs
    AlarmSettings = AwsAlarmsArgs
else:
    # Region, zones and tags stand once, at the top; the rest that is left out is wiring.
    NetworkSettings = plain_part(
        AwsNetworkArgs,
        without=("region", "zones", "key", "cluster_names", "permissions_boundary_arn", "tags"),
    )
    KeySettings = plain_part(AwsKeyArgs, without=("region", "services", "tags"))
    ObjectStoreSettings = plain_part(
        AwsObjectStoreArgs, without=("region", "key", "access_log_bucket", "access_log_prefix", "tags")
    )
    AlarmSettings = plain_part(AwsAlarmsArgs, without=("region", "key", "node_groups", "network", "tags"))

    def _layer(value: object) -> object:
        """Imports what the layer is made of (seconds) only where a file has one."""
        if value is None:
            return None
        from bedplate.environment.layer_models import KubernetesLayerSettings

        return KubernetesLayerSettings.model_validate(value)

    LayerPart = Annotated[object, BeforeValidator(_layer)]

# An IAM role's name has 64 characters, of which Pulumi's suffix and the parts that components add leave
# these.
LONGEST_NAME = 20
LONGEST_PART = 20
# RFC 1123 label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ (from memory).
_KUBERNETES_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _name(value: str) -> str:
    validate_name(value)
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"{value!r} has {len(value)} characters; allowed: {LONGEST_NAME}, as the names of roles and "
            "buckets "
            "are made from it; shorten it"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]


def _kubernetes_name(value: str) -> str:
    if not _KUBERNETES_NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a Kubernetes name; allowed: at most 63 lower-case letters, digits and "
            "hyphens, beginning and ending with a letter or digit; correct it"
        )
    return value


KubernetesName = Annotated[str, AfterValidator(_kubernetes_name)]


def _text(value: str) -> str:
    if value != value.strip() or not value:
        raise ValueError(
            f"{value!r} is empty or has spaces around it, which would split the costs of one team over two; "
            "allowed: a name; correct it"
        )
    return value


Text = Annotated[str, AfterValidator(_text)]


class WorkloadArgs(Args):
    """Pods of one Kubernetes service account, and the buckets that they may use.

    Attributes:
        namespace: The service account's namespace.
        service_account: The service account's name.
        read: The buckets that the pods may read.
        write: The buckets that they may read and write.
    """

    namespace: KubernetesName
    service_account: KubernetesName
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class AwsEnvironment(Args):
    """One environment on AWS.

    Attributes:
        kind: The cloud.
        name: Begins the name of everything in the environment.
        region: The region of everything.
        zones: The availability zones to span, two or more.
        owner: The team that answers for it, as the tag `bedplate:owner`.
        cost_center: Who pays, as the tag `bedplate:cost-center`.
        tags: More tags on everything.
        permissions_boundary_arn: The boundary of every IAM role, where the account demands one.
        network: The network.
        key: The key that everything is encrypted with.
        cluster: The Kubernetes cluster.
        gpu_pools: GPU machines of the cluster, by a name of your choice.
        buckets: Object stores, by a name of your choice.
        workloads: Which pods may use which buckets, by a name of your choice.
        alarms: Alarms and budget; absent: none.
        kubernetes: What runs on the cluster before anybody's work does; absent: nothing.
    """

    kind: Literal["aws"]
    name: Name
    region: str
    zones: tuple[str, ...] = Field(min_length=2)
    owner: Text
    cost_center: str = ""
    tags: Tags = Field(default_factory=dict)
    permissions_boundary_arn: PolicyArn | None = None
    network: NetworkSettings = Field(default_factory=all_defaults(NetworkSettings))
    key: KeySettings = Field(default_factory=all_defaults(KeySettings))
    cluster: EksClusterSettings
    gpu_pools: dict[Name, GpuPoolSettings] = Field(default_factory=dict)
    buckets: dict[Name, ObjectStoreSettings] = Field(default_factory=dict)
    workloads: dict[Name, WorkloadArgs] = Field(default_factory=dict)
    alarms: AlarmSettings | None = None
    kubernetes: LayerPart = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # Imported here: the checks need this class.
        from bedplate.environment.checks import check_together

        problems = Problems()
        check_together(self, problems)
        problems.raise_if_any()
        return self

    def all_tags(self) -> dict[str, str]:
        """The tags of everything in the environment. Raises ValueError where together they are not valid."""
        return default_tags(self.name, owner=self.owner, cost_center=self.cost_center, extra=self.tags)
