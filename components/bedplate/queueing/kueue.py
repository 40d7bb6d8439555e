"""Kueue, set up from the cluster's pools: flavors, quota by team, cohorts, and an orderly way out."""

import pulumi

from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import namespace
from bedplate.queueing.access import namespace_backstop, require_queue, team_access
from bedplate.queueing.controller import KueueControllerArgs, chart_values
from bedplate.queueing.handles import KueueHandle, QueueHandle
from bedplate.queueing.kueue_args import KueueQueuesArgs
from bedplate.queueing.objects import ingress_rules, kueue_object
from bedplate.queueing.quota import PoolQuota
from bedplate.queueing.specs import check_spec, cohort_spec, flavor_spec, provisioning_spec, queue_spec
from bedplate.queueing.teams import AdmissionCheck, Cohort, FlavorFungibility, Preemption, TeamQueue
from bedplate.queueing.topology import QueueTopology, QueueTopologyArgs, hashed

__all__ = [
    "AdmissionCheck",
    "Cohort",
    "FlavorFungibility",
    "KueueControllerArgs",
    "KueueQueues",
    "KueueQueuesArgs",
    "PoolQuota",
    "Preemption",
    "TeamQueue",
]

# The webhooks, the metrics and the visibility API (Kueue v0.17.0, charts/kueue/templates/manager).
_PORTS = (9443, 8443, 8082)


class KueueQueues(pulumi.ComponentResource):
    """Queues in front of a cluster's pools, one for each team.

    Torn down, the LocalQueues go first, so that nothing more comes in. Each ClusterQueue then waits up to
    `drain_timeout_seconds` for the work that it has admitted; `stop_policy="HoldAndDrain"`, applied before,
    has it evicted instead. Namespaces, checks, cohorts, flavors and the topology follow, and Kueue itself is
    last.
    """

    handle: KueueHandle
    queue_names: pulumi.Output[dict[str, str]]
    """`namespace/name` of the first LocalQueue of each team."""

    def __init__(self, name: str, args: KueueQueuesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:KueueQueues", name, None, opts)
        self._name, self._args = name, args
        self._release = self._controller()
        self._topology: QueueTopology | None = None
        if args.placed:
            self._topology = QueueTopology(
                child(name, "topology"),
                QueueTopologyArgs(object_name="network", levels=args.levels, after=(self._release,)),
                pulumi.ResourceOptions(parent=self),
            )
        self._flavor_names: dict[str, str] = {}
        self._flavors = self._make_flavors()
        self._cohorts = self._make_cohorts()
        self._checks = self._make_checks()
        self._guards = (
            require_queue(self, child(name, "require-queue"), args, [self._release])
            if args.require_queue
            else []
        )
        self._namespaces = {one: self._make_namespace(one) for one in args.namespaces}
        queues = {team.name: self._make_queue(team) for team in args.teams}
        self.handle = KueueHandle(
            namespace=args.namespace,
            queues=queues,
            placed_pools=tuple(args.placed),
            topology_levels=args.levels if args.placed else (),
            release=self._release,
        )
        self.queue_names = pulumi.Output.from_input(
            {team: f"{queue.namespace}/{queue.queue_name}" for team, queue in queues.items()}
        )
        self.register_outputs({"queue_names": self.queue_names})

    def _controller(self) -> pulumi.Resource:
        args = self._args
        home = namespace(self, child(self._name, "namespace"), object_name=args.namespace, after=args.after)
        rules = ingress_rules(
            self, child(self._name, "ingress"), namespace=args.namespace, ports=_PORTS, after=[home]
        )
        return release(
            self,
            child(self._name, "kueue"),
            chart_name="kueue",
            namespace=args.namespace,
            values=chart_values(
                args.controller,
                namespaces=tuple(sorted(args.namespaces)),
                require_queue=args.require_queue,
                topology=bool(args.placed),
            ),
            after=[home, *rules, *args.after],
        )

    def _make_flavors(self) -> dict[str, pulumi.Resource]:
        made: dict[str, pulumi.Resource] = {}
        for pool in self._args.pools:
            placed = self._topology if pool.name in self._args.placed else None
            spec = flavor_spec(pool, None if placed is None else placed.object_name)
            # A flavor with a topology is immutable: another name, as the topology itself.
            object_name = pool.name if placed is None else hashed(pool.name, spec)
            self._flavor_names[pool.name] = object_name
            made[pool.name] = kueue_object(
                self,
                child(self._name, f"flavor-{pool.name}"),
                kind="ResourceFlavor",
                object_name=object_name,
                spec=spec,
                after=[self._release, *([] if placed is None else [placed.resource])],
            )
        return made

    def _make_cohorts(self) -> dict[str, pulumi.Resource]:
        made: dict[str, pulumi.Resource] = {}
        waiting = list(self._args.cohorts)
        while waiting:
            # The arguments have no circle, so that each round makes one at least.
            cohort = next(one for one in waiting if one.parent is None or one.parent in made)
            waiting.remove(cohort)
            made[cohort.name] = kueue_object(
                self,
                child(self._name, f"cohort-{cohort.name}"),
                kind="Cohort",
                object_name=cohort.name,
                spec=cohort_spec(cohort, self._args, self._flavor_names),
                after=[
                    self._release,
                    *([made[cohort.parent]] if cohort.parent is not None else []),
                    *(self._flavors[quota.pool] for quota in cohort.shared),
                ],
            )
        return made

    def _make_checks(self) -> dict[str, pulumi.Resource]:
        made: dict[str, pulumi.Resource] = {}
        for check in self._args.admission_checks:
            config = kueue_object(
                self,
                child(self._name, f"provisioning-{check.name}"),
                kind="ProvisioningRequestConfig",
                object_name=check.name,
                spec=provisioning_spec(check, self._args.pools),
                after=[self._release],
            )
            made[check.name] = kueue_object(
                self,
                child(self._name, f"check-{check.name}"),
                kind="AdmissionCheck",
                object_name=check.name,
                spec=check_spec(check),
                after=[self._release, config],
            )
        return made

    def _make_namespace(self, namespace_name: str) -> list[pulumi.Resource]:
        """What queues of a namespace wait for: the namespace, its walls and its backstop."""
        args, name = self._args, child(self._name, f"namespace-{namespace_name}")
        teams = args.namespaces[namespace_name]
        # Kueue's finalizers are on the work in the namespace, so that Kueue must outlive it.
        made: list[pulumi.Resource] = [self._release]
        if teams[0].make_namespaces:
            home = namespace(
                self,
                name,
                object_name=namespace_name,
                pod_security=teams[0].pod_security,
                protect=args.deletion_protection,
                after=[self._release],
            )
            rules = ingress_rules(
                self,
                name,
                namespace=namespace_name,
                scraped_from=args.controller.prometheus_namespace,
                after=[home],
            )
            made += [home, *rules]
        if all(team.backstop for team in teams):
            made.append(
                namespace_backstop(self, child(name, "backstop"), namespace_name, teams, args, list(made))
            )
        for team in teams:
            if team.groups:
                team_access(self, child(name, team.name), namespace_name, team, args, list(made))
        return made

    def _make_queue(self, team: TeamQueue) -> QueueHandle:
        args = self._args
        homes = [one for where in team.namespace_names for one in self._namespaces[where]]
        cluster_queue = kueue_object(
            self,
            child(self._name, f"queue-{team.name}"),
            kind="ClusterQueue",
            object_name=team.name,
            spec=queue_spec(team, args, self._flavor_names),
            after=[
                self._release,
                *self._guards,
                *homes,
                *(self._flavors[quota.pool] for quota in team.quotas),
                *([] if team.cohort is None else [self._cohorts[team.cohort]]),
                *(self._checks[check] for check in team.admission_checks),
            ],
            delete_seconds=args.drain_timeout_seconds,
        )
        doors = [
            kueue_object(
                self,
                child(self._name, f"local-{team.name}-{where}"),
                kind="LocalQueue",
                object_name=team.queue_name,
                namespace=where,
                spec={"clusterQueue": team.name},
                after=[self._release, *self._namespaces[where], cluster_queue],
            )
            for where in team.namespace_names
        ]
        return QueueHandle(
            team=team.name,
            namespace=team.namespace_names[0],
            queue_name=team.queue_name,
            cluster_queue=team.name,
            pools=tuple(args.cluster.pool(quota.pool) for quota in team.quotas),
            flavors={quota.pool: self._flavor_names[quota.pool] for quota in team.quotas},
            topology_levels=(args.levels if any(quota.pool in args.placed for quota in team.quotas) else ()),
            priority_class=team.priority_class,
            after=tuple(doors),
        )
