"""What a component that submits work needs to know of the queues."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from bedplate.kubernetes.handles import NodePoolHandle

# https://kueue.sigs.k8s.io/docs/reference/labels-and-annotations/ (Kueue v0.17.0, pkg/controller/constants)
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
PREFERRED_TOPOLOGY = "kueue.x-k8s.io/podset-preferred-topology"
REQUIRED_TOPOLOGY = "kueue.x-k8s.io/podset-required-topology"


@dataclass(frozen=True, kw_only=True)
class QueueHandle:
    """A team's queue, as a component that submits a Job, a JobSet or a TrainJob sees it.

    Attributes:
        team: Whose it is.
        namespace: Where the work goes.
        queue_name: The LocalQueue's name.
        cluster_queue: The name of the ClusterQueue behind it.
        pools: The pools that it has quota in, in the order in which they are tried.
        flavors: The ResourceFlavor of each pool, by the pool's name.
        topology_levels: The levels of the pools that know theirs, from the widest; empty where none does.
        priority_class: The WorkloadPriorityClass of work that names none; None for Kueue's own default.
        after: What must be there before work is submitted.
    """

    team: str
    namespace: str
    queue_name: str
    cluster_queue: str
    pools: tuple[NodePoolHandle, ...] = ()
    flavors: Mapping[str, str] = field(default_factory=dict)
    topology_levels: tuple[str, ...] = ()
    priority_class: str | None = None
    after: tuple[pulumi.Resource, ...] = ()

    @classmethod
    def from_existing(
        cls, *, namespace: str, queue_name: str, pools: tuple[NodePoolHandle, ...] = ()
    ) -> "QueueHandle":
        """The handle of a queue that somebody else made."""
        return cls(team=namespace, namespace=namespace, queue_name=queue_name, cluster_queue="", pools=pools)

    def labels(self, priority_class: str | None = None) -> dict[str, str]:
        """The labels of a job's own metadata (not of its pods) that put it into the queue."""
        priority = priority_class or self.priority_class
        return {QUEUE_LABEL: self.queue_name, **({} if priority is None else {PRIORITY_LABEL: priority})}

    def pod_annotations(self, level: str | None = None, *, required: bool = False) -> dict[str, str]:
        """The annotations of a job's pod template that keep its pods close.

        `level` is a level's node label; the narrowest above the node by default. Pods stay within one domain
        of it if there is room; with `required`, the job waits until there is. Nothing where the queue's pools
        know no topology. Raises ValueError for a level that they do not have.
        """
        if not self.topology_levels:
            if required or level is not None:
                raise ValueError(
                    f"level {level!r} is asked for, and no pool of {self.queue_name} knows its topology; "
                    "allowed: none; leave level and required out, or give the pools levels"
                )
            return {}
        if level is not None and level not in self.topology_levels:
            raise ValueError(
                f"{level!r} is no topology level of {self.queue_name}; allowed: "
                f"{', '.join(self.topology_levels)}; name one of them"
            )
        narrowest = self.topology_levels[max(0, len(self.topology_levels) - 2)]
        return {REQUIRED_TOPOLOGY if required else PREFERRED_TOPOLOGY: level or narrowest}


@dataclass(frozen=True, kw_only=True)
class KueueHandle:
    """Kueue in a cluster.

    Attributes:
        namespace: The controller's namespace.
        queues: The teams' queues, by team.
        placed_pools: The pools whose nodes Kueue picks by their place in the network.
        topology_levels: The levels that it knows of them, from the widest.
        release: What brings Kueue's definitions; None where Kueue was there before.
    """

    namespace: str = "kueue-system"
    queues: Mapping[str, QueueHandle] = field(default_factory=dict)
    placed_pools: tuple[str, ...] = ()
    topology_levels: tuple[str, ...] = ()
    release: pulumi.Resource | None = None

    @property
    def after(self) -> tuple[pulumi.Resource, ...]:
        """What an object of Kueue's kinds waits for, so that it is deleted before Kueue is."""
        return () if self.release is None else (self.release,)

    def queue(self, team: str) -> QueueHandle:
        """A team's queue. Raises ValueError with the names that there are."""
        if team not in self.queues:
            known = ", ".join(self.queues) or "none"
            raise ValueError(f"{team!r} has no queue; allowed: {known}; correct the name or add the team")
        return self.queues[team]
