"""What an environment at the edge is, beside its cluster."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bedplate.core import Args
from bedplate.edge.cache import EdgeCacheArgs, ImageCache, ModelCache
from bedplate.edge.camera import CameraLineArgs
from bedplate.edge.metrics import EdgeMetricsArgs
from bedplate.edge.nodes import EdgeNodesArgs
from bedplate.edge.update import ModelRelease, ModelUpdateArgs
from bedplate.environment.settings import plain_part
from bedplate.kubernetes.names import K8sLabel, K8sName

if TYPE_CHECKING:
    NodeSettings = EdgeNodesArgs
    MetricSettings = EdgeMetricsArgs

    # What the wiring asks of each; the file has names where the arguments have handles.
    class CacheSettings(Args):
        models: ModelCache | None
        images: tuple[ImageCache, ...]

    class LineSettings(Args):
        gpus: int
        model: str

    class UpdateSettings(Args):
        release: ModelRelease
        keep: int

else:
    NodeSettings = plain_part(EdgeNodesArgs, without=("cluster",))
    CacheSettings = plain_part(EdgeCacheArgs, without=("edge", "store"))
    MetricSettings = plain_part(EdgeMetricsArgs, without=("edge",))
    LineSettings = plain_part(CameraLineArgs, without=("edge", "store", "line"))
    UpdateSettings = plain_part(ModelUpdateArgs, without=("edge", "store", "lines"))


class StoreCredentials(Args):
    """The secret with a bucket's key, in the edge's own namespace: its pods read no other.

    Attributes:
        secret_name: The secret's name.
        access_key_id_key: The entry that holds the key's id; "AWS_ACCESS_KEY_ID" by default.
        secret_access_key_key: The entry that holds the key; "AWS_SECRET_ACCESS_KEY" by default.
    """

    secret_name: K8sName
    access_key_id_key: str = Field(default="AWS_ACCESS_KEY_ID", pattern=r"^[A-Za-z0-9._-]+$")
    secret_access_key_key: str = Field(default="AWS_SECRET_ACCESS_KEY", pattern=r"^[A-Za-z0-9._-]+$")


class ExistingStore(Args):
    """A bucket that is made elsewhere, such as in a cloud.

    Attributes:
        bucket_name: The bucket.
        region: Its region; for a store of your own, the one that it takes signatures for.
        endpoint: The store's URL, over TLS; AWS' own of the region by default.
        path_style: Whether the bucket stands in the path of the URL, as Ceph and MinIO have it by default;
            off.
        credentials: Its key.
    """

    bucket_name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    region: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    endpoint: Annotated[str, Field(pattern=r"^https://[A-Za-z0-9.\-\[\]:]+$")] | None = None
    path_style: bool = False
    credentials: StoreCredentials


class CachePart(CacheSettings):
    """What sites keep of models and images, and where the models are.

    Attributes:
        store: One of `object_stores`, or a bucket of the environment; only with models.
    """

    store: str | None = None


class LinePart(LineSettings):
    """A camera line.

    Attributes:
        line: The production line; the entry's own name by default.
        store: Where results go: one of `object_stores`, or a bucket of the environment; only with results.
    """

    line: K8sLabel | None = None
    store: str | None = None


class UpdatePart(UpdateSettings):
    """A model's update.

    Attributes:
        lines: The camera lines whose model it is, as `lines` names them.
        store: Where the model lies: one of `object_stores`, or a bucket of the environment.
    """

    lines: tuple[str, ...] = Field(min_length=1)
    store: str


class EdgeSettings(Args):
    """Sites at the edge. What is absent is not made.

    Attributes:
        nodes: The sites and their machines, which are also machines of the cluster's edge pools.
        object_stores: Buckets that are made elsewhere, by a name of your choice.
        cache: What sites keep of models and images. Nodes are told of their site's caches by themselves.
        metrics: What is measured at the sites, and sent when the link is there.
        lines: Camera lines, by a name of your choice.
        updates: Models that are brought to the lines, by a name of your choice.
    """

    nodes: NodeSettings
    object_stores: dict[K8sLabel, ExistingStore] = Field(default_factory=dict)
    cache: CachePart | None = None
    metrics: MetricSettings | None = None
    lines: dict[K8sLabel, LinePart] = Field(default_factory=dict)
    updates: dict[K8sLabel, UpdatePart] = Field(default_factory=dict)
