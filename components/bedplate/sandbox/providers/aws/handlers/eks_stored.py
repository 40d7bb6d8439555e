"""The parts of a cluster that moto lacks, kept in the sandbox's store: no boto3 call shows them.

Each goes with its cluster. An object is named by its cluster and one or two of its inputs.
"""

from datetime import UTC, datetime
from typing import ClassVar

from bedplate.sandbox.providers.aws.handlers.eks_cluster import CHILDREN, cluster_key
from bedplate.sandbox.providers.aws.handlers.eks_facts import find_cluster, need_cluster
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler, moment
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference


def now() -> str:
    """The time of a create, as the provider shows times."""
    return moment(datetime.now(UTC))


class EksStored(ServiceHandler):
    """`names`: the inputs that name the object beside `clusterName`; `noun`: what EKS calls it."""

    service = "eks"
    stored = True
    delete_before_replace = True
    references: ClassVar[tuple[Reference, ...]] = (Reference("clusterName", "eks:cluster"),)
    names: ClassVar[tuple[str, ...]]
    noun: ClassVar[str]

    def identity(self, inputs: JsonObject) -> str:
        """The id that the provider gives the object."""
        return ":".join(str(inputs[name]) for name in ("clusterName", *self.names))

    def verify(self, ctx: Context, cluster: JsonObject, inputs: JsonObject) -> None:
        """Refusals that need the cluster; raises CloudError."""

    def computed(self, ctx: Context, inputs: JsonObject) -> JsonObject:
        """Outputs beyond the inputs."""
        return {}

    def key(self, ctx: Context, inputs: JsonObject) -> str:
        parts = [str(inputs[name]) for name in self.names]
        return f"{self.token}|{cluster_key(ctx, inputs['clusterName'])}/{'/'.join(parts)}"

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        cluster = need_cluster(ctx, inputs["clusterName"])
        self.verify(ctx, cluster, inputs)
        key = self.key(ctx, inputs)
        if ctx.store.get(CHILDREN, key) is not None:
            named = ", ".join(f"{name} {inputs[name]}" for name in self.names)
            raise CloudError(
                "ResourceInUseException",
                f"{self.noun} with {named} already exists on cluster {inputs['clusterName']}; import it",
            )
        inputs |= self.computed(ctx, inputs)
        id = self.identity(inputs)
        ctx.store.put(CHILDREN, key, {"id": id, "outputs": inputs})
        return id

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        record = self._record(ctx, id, state)
        if record is None or find_cluster(ctx, record["clusterName"]) is None:
            return None
        return record

    def _record(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        if all(name in state for name in ("clusterName", *self.names)):
            found = ctx.store.get(CHILDREN, self.key(ctx, state))
            return None if found is None else dict(found["outputs"])
        prefix = f"{self.token}|{ctx.region}/"
        for key, item in ctx.store.items(CHILDREN).items():
            if key.startswith(prefix) and item["id"] == id:
                return dict(item["outputs"])
        return None

    def update(
        self, ctx: Context, id: str, state: JsonObject, old_inputs: JsonObject, inputs: JsonObject
    ) -> JsonObject:
        cluster = need_cluster(ctx, inputs["clusterName"])
        self.verify(ctx, cluster, inputs)
        kept = {name: value for name, value in state.items() if name not in old_inputs}
        outputs = {**kept, **self._seed(ctx, inputs)}
        outputs |= {name: value for name, value in self.computed(ctx, outputs).items() if name not in kept}
        ctx.store.put(CHILDREN, self.key(ctx, inputs), {"id": id, "outputs": outputs})
        return outputs

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ctx.store.delete(CHILDREN, self.key(ctx, state))
