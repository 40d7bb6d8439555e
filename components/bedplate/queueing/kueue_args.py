"""Arguments of KueueQueues, and everything that can be told wrong before anything is made."""

from collections import Counter
from fractions import Fraction

import pulumi
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName
from bedplate.queueing.controller import KueueControllerArgs
from bedplate.queueing.quota import PoolQuota
from bedplate.queueing.teams import DEFAULT_QUEUE, AdmissionCheck, Cohort, StopPolicy, TeamQueue
from bedplate.queueing.topology import levels_of

# spec.nodeLabels, spec.nodeTaints and spec.tolerations of a flavor (Kueue v0.17.0, CRD resourceflavors)
_MOST_OF_FLAVOR = 8


class KueueQueuesArgs(Args):
    """Arguments of KueueQueues.

    Attributes:
        cluster: The cluster whose pools are shared out.
        teams: Who has how much of which pool.
        cohorts: The cohorts that teams name; none by default.
        admission_checks: The checks that teams name; none by default.
        controller: How Kueue's controller is set up.
        namespace: Of the controller, made here; "kueue-system" by default.
        topology_pools: The pools whose nodes are picked by their place in the network, so that a job's pods
            are close. On racks all pools but those at the edge by default. In clouds none: there Kueue would
            wait for nodes to exist that an autoscaler makes only for admitted work; name the pools whose
            number of nodes is fixed, or has a provisioning-request check. Of those with a fabric, quota is in
            whole nodes.
        network_layers: Whether the layers of the cloud's network stand between the cluster's topology levels
            and the node; off by default, since nodes without these labels are then never used.
        oversubscription: By pool, how many times its nodes may be given away as quota; 1 by default.
        reserve_percent: What the kubelet and the node's agents keep of each node's cores and memory; 8 by
            default. A job that asks for more than is left never starts.
        require_queue: Whether jobs in the teams' namespaces that name no queue are refused; on by default.
        stop_policy: Of all queues. Hold admits nothing more, HoldAndDrain evicts what runs: for before a
            teardown. "None" by default.
        drain_timeout_seconds: How long deleting a queue waits for its running work; an hour by default.
        deletion_protection: Whether Pulumi refuses to delete the teams' namespaces, which would take their
            volumes along; on by default.
        after: What must be there before Kueue: cert-manager, Prometheus' operator.
    """

    cluster: KubernetesHandle
    teams: tuple[TeamQueue, ...]
    cohorts: tuple[Cohort, ...] = ()
    admission_checks: tuple[AdmissionCheck, ...] = ()
    controller: KueueControllerArgs = KueueControllerArgs()
    namespace: K8sName = "kueue-system"
    topology_pools: tuple[K8sName, ...] | None = None
    network_layers: bool = False
    oversubscription: dict[str, float] = Field(default_factory=dict)
    reserve_percent: float = Field(default=8, ge=0, lt=100)
    require_queue: bool = True
    stop_policy: StopPolicy = "None"
    drain_timeout_seconds: int = Field(default=3600, ge=60)
    deletion_protection: bool = True
    after: tuple[pulumi.Resource, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "KueueQueuesArgs":
        problems = Problems("KueueQueuesArgs")
        if not self.teams:
            problems.add(
                "teams", "none given; allowed: one or more; without a queue nothing would run; add one"
            )
        for field, names in (
            ("teams", [team.name for team in self.teams]),
            ("cohorts", [cohort.name for cohort in self.cohorts]),
            ("admission_checks", [check.name for check in self.admission_checks]),
        ):
            for name, count in Counter(names).items():
                if count > 1:
                    problems.add(field, f"{name!r} is given {count} times; names are unique; rename one")
        self._check_pools(problems)
        if not problems:
            self._check_capacity(problems)
        self._check_cohorts(problems)
        self._check_teams(problems)
        self._check_namespaces(problems)
        try:
            _ = self.levels
        except ValueError as error:
            problems.add("network_layers", str(error))
        problems.raise_if_any()
        return self

    @property
    def quotas(self) -> list[tuple[str, str, PoolQuota]]:
        """Every quota with its path and whose it is."""
        teams = [
            (f"teams[{at}].quotas[{index}]", team.name, quota)
            for at, team in enumerate(self.teams)
            for index, quota in enumerate(team.quotas)
        ]
        cohorts = [
            (f"cohorts[{at}].shared[{index}]", cohort.name, quota)
            for at, cohort in enumerate(self.cohorts)
            for index, quota in enumerate(cohort.shared)
        ]
        return teams + cohorts

    @property
    def pools(self) -> list[NodePoolHandle]:
        """The pools that anybody has quota of, as the cluster has them."""
        named = {quota.pool for _, _, quota in self.quotas}
        return [pool for pool in self.cluster.pools if pool.name in named]

    @property
    def placed(self) -> list[str]:
        """The names of the pools whose nodes are picked by their place in the network."""
        if self.topology_pools is not None:
            return list(self.topology_pools)
        if self.cluster.platform != "onprem":
            return []
        return [pool.name for pool in self.pools if not pool.edge]

    @property
    def levels(self) -> tuple[str, ...]:
        return levels_of(self.cluster, network_layers=self.network_layers)

    @property
    def namespaces(self) -> dict[str, list[TeamQueue]]:
        """The teams' namespaces, each with the teams that work in it."""
        found: dict[str, list[TeamQueue]] = {}
        for team in self.teams:
            for name in team.namespace_names:
                found.setdefault(name, []).append(team)
        return found

    def _check_pools(self, problems: Problems) -> None:
        known = {pool.name: pool for pool in self.cluster.pools}
        listed = ", ".join(known) or "none"
        for path, _, quota in self.quotas:
            if quota.pool not in known:
                problems.add(
                    f"{path}.pool",
                    f"{quota.pool!r} is no pool of {self.cluster.name}; allowed: {listed}; correct the name",
                )
                continue
            pool = known[quota.pool]
            whole = pool.fabric is not None and pool.name in self.placed
            wrong = quota.problem(pool, whole_nodes=whole)
            if wrong is not None:
                problems.add(path, wrong)
        for field, names in (
            ("topology_pools", self.topology_pools or ()),
            ("oversubscription", tuple(self.oversubscription)),
            *(
                (f"admission_checks[{at}].pools", check.pools)
                for at, check in enumerate(self.admission_checks)
            ),
        ):
            for name in names:
                if name not in known:
                    problems.add(
                        field,
                        f"{name!r} is no pool of {self.cluster.name}; allowed: {listed}; correct the name",
                    )
        for pool in self.pools:
            _check_flavor(problems, pool, self.pools)

    def _check_capacity(self, problems: Problems) -> None:
        for name, factor in self.oversubscription.items():
            if factor < 1:
                problems.add(
                    f"oversubscription.{name}",
                    f"{factor} is below 1; allowed: 1 and more; raise or remove it",
                )
        for pool in self.pools:
            shares = [(who, quota.share(pool)) for _, who, quota in self.quotas if quota.pool == pool.name]
            total = sum((share for _, share in shares), Fraction(0))
            most = pool.max_nodes * Fraction(str(self.oversubscription.get(pool.name, 1)))
            if total > most:
                parts = ", ".join(f"{who} {_nodes(share)}" for who, share in shares)
                problems.add(
                    "teams",
                    f"quota of {_nodes(total)} nodes of pool {pool.name} in all ({parts}), and it "
                    f"has at most "
                    f"{_nodes(most)}; allowed: quotas within the pool's max_nodes; lower them, raise "
                    f"max_nodes, "
                    f"or declare it: oversubscription {{{pool.name!r}: "
                    f"{-(-total * 100 // max(1, pool.max_nodes)) / 100}}}",
                )

    def _check_cohorts(self, problems: Problems) -> None:
        parents = {cohort.name: cohort.parent for cohort in self.cohorts}
        known = ", ".join(parents) or "none"
        for at, cohort in enumerate(self.cohorts):
            if cohort.parent is not None and cohort.parent not in parents:
                problems.add(
                    f"cohorts[{at}].parent",
                    f"{cohort.parent!r} is no cohort; allowed: {known}; correct the name or add the cohort",
                )
            if cohort.weight != 1 and not self.controller.fair_sharing:
                problems.add(f"cohorts[{at}].weight", _no_weight(cohort.weight))
            seen, up = [cohort.name], cohort.parent
            while up is not None and up not in seen:
                seen.append(up)
                up = parents.get(up)
            if up == cohort.name:
                problems.add(
                    f"cohorts[{at}].parent",
                    f"{' -> '.join([*seen, up])} is a circle, in which Kueue admits nothing; "
                    f"allowed: a tree; "
                    "remove one parent",
                )
        for at, team in enumerate(self.teams):
            if team.cohort is not None and team.cohort not in parents:
                problems.add(
                    f"teams[{at}].cohort",
                    f"{team.cohort!r} is no cohort; allowed: {known}; correct the name or add the cohort",
                )

    def _check_teams(self, problems: Problems) -> None:
        checks = {check.name: check for check in self.admission_checks}
        for at, team in enumerate(self.teams):
            where = f"teams[{at}]"
            if team.weight != 1 and not self.controller.fair_sharing:
                problems.add(f"{where}.weight", _no_weight(team.weight))
            if team.preemption.borrow_within_cohort != "Never" and self.controller.fair_sharing:
                problems.add(
                    f"{where}.preemption.borrow_within_cohort",
                    f"{team.preemption.borrow_within_cohort} with fair sharing, which decides that itself; "
                    "allowed: Never; leave it out or set controller.fair_sharing to an empty list",
                )
            mine, placed = {quota.pool for quota in team.quotas}, set(self.placed)
            if mine & placed and mine - placed:
                problems.add(
                    f"{where}.quotas",
                    f"the nodes of {', '.join(sorted(mine & placed))} are picked by topology and those of "
                    f"{', '.join(sorted(mine - placed))} are not, so that Kueue would never admit work to "
                    "the former that asks for no topology; allowed: one kind in a queue; add the pools to "
                    "topology_pools or give them to a queue of their own",
                )
            if team.usage_based and self.controller.admission_fair_sharing is None:
                problems.add(
                    f"{where}.usage_based",
                    "true while the controller has no admission_fair_sharing; allowed: false; set "
                    "controller.admission_fair_sharing",
                )
            for name in team.admission_checks:
                if name not in checks:
                    problems.add(
                        f"{where}.admission_checks",
                        f"{name!r} is no admission check; allowed: {', '.join(checks) or 'none'}; add it to "
                        "admission_checks",
                    )
                elif checks[name].pools and not mine & set(checks[name].pools):
                    problems.add(
                        f"{where}.admission_checks",
                        f"{name!r} is for the pools {', '.join(checks[name].pools)}, of which "
                        f"{team.name} has "
                        "no quota; remove it",
                    )

    def _check_namespaces(self, problems: Problems) -> None:
        for name, teams in self.namespaces.items():
            who = " and ".join(team.name for team in teams)
            if name in ("kube-system", "kube-public", "kube-node-lease", "default", self.namespace):
                problems.add(
                    "teams",
                    f"{who} in namespace {name!r}, whose own pods must not wait for quota; allowed: "
                    f"a namespace "
                    "of the team's; choose another",
                )
            defaults = [team.name for team in teams if team.default_queue]
            if len(defaults) > 1:
                problems.add(
                    "teams",
                    f"{' and '.join(defaults)} each have a default queue in namespace {name!r}, "
                    f"where there can "
                    f"be one {DEFAULT_QUEUE!r}; set default_queue to false for all but one of them",
                )
            if len({(team.make_namespaces, team.pod_security) for team in teams}) > 1:
                problems.add(
                    "teams",
                    f"{who} share namespace {name!r} and differ in make_namespaces or pod_security; "
                    f"allowed: one "
                    "setting per namespace; give both the same",
                )


def _check_flavor(problems: Problems, pool: NodePoolHandle, pools: list[NodePoolHandle]) -> None:
    if not pool.labels:
        problems.add(
            "cluster",
            f"pool {pool.name} has no labels, so that its quota could be used on any node; label its nodes",
        )
        return
    for field, count in (("labels", len(pool.labels)), ("taints", len(pool.taints))):
        if count > _MOST_OF_FLAVOR:
            problems.add(
                "cluster",
                f"pool {pool.name} has {count} {field}; allowed by Kueue: {_MOST_OF_FLAVOR}; hand on "
                f"a handle "
                "with those that tell the pool from others",
            )
    for other in pools:
        if other.name != pool.name and pool.labels.items() <= other.labels.items():
            problems.add(
                "cluster",
                f"the labels of pool {pool.name} are also on pool {other.name}, so that its quota "
                f"could be used "
                "there; add a label that tells them apart",
            )


def _nodes(count: Fraction) -> str:
    return str(count) if count.denominator == 1 else f"{float(count):.2f}"


def _no_weight(weight: float) -> str:
    return (
        f"{weight} has no effect without fair sharing; allowed: 1; set controller.fair_sharing or "
        f"leave it out"
    )
