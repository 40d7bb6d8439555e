"""The specs of Kueue's objects."""

from bedplate.kubernetes.handles import NodePoolHandle
from bedplate.queueing.kueue_args import KueueQueuesArgs
from bedplate.queueing.quota import PoolQuota, covered, flavor_quota
from bedplate.queueing.teams import AdmissionCheck, Cohort, TeamQueue

PROVISIONING_CONTROLLER = "kueue.x-k8s.io/provisioning-request"


def flavor_spec(pool: NodePoolHandle, topology_name: str | None) -> dict[str, object]:
    """The spec of a pool's `ResourceFlavor`. Admitted work gets the tolerations that the pool needs."""
    spec: dict[str, object] = {"nodeLabels": dict(sorted(pool.labels.items()))}
    if pool.taints:
        spec["nodeTaints"] = [
            {"key": taint.key, "effect": taint.effect, **({"value": taint.value} if taint.value else {})}
            for taint in pool.taints
        ]
        spec["tolerations"] = pool.tolerations()
    if topology_name is not None:
        spec["topologyName"] = topology_name
    return spec


def resource_groups(
    quotas: tuple[PoolQuota, ...], args: KueueQueuesArgs, flavors: dict[str, str], *, limits: bool
) -> list[dict[str, object]]:
    """One group for all pools: Kueue lets a flavor stand in one group only, and each counts all resources."""
    pools = [args.cluster.pool(quota.pool) for quota in quotas]
    resources = covered(pools)
    return [
        {
            "coveredResources": resources,
            "flavors": [
                {
                    "name": flavors[pool.name],
                    "resources": flavor_quota(
                        quota,
                        pool,
                        resources=resources,
                        reserve_percent=args.reserve_percent,
                        limits=limits,
                    ),
                }
                for quota, pool in zip(quotas, pools, strict=True)
            ],
        }
    ]


def cohort_spec(cohort: Cohort, args: KueueQueuesArgs, flavors: dict[str, str]) -> dict[str, object]:
    spec: dict[str, object] = {}
    if cohort.parent is not None:
        spec["parentName"] = cohort.parent
    if cohort.shared:
        spec["resourceGroups"] = resource_groups(
            cohort.shared, args, flavors, limits=cohort.parent is not None
        )
    if args.controller.fair_sharing:
        spec["fairSharing"] = {"weight": _weight(cohort.weight)}
    return spec


def queue_spec(team: TeamQueue, args: KueueQueuesArgs, flavors: dict[str, str]) -> dict[str, object]:
    """The spec of a team's `ClusterQueue`."""
    spec: dict[str, object] = {
        "namespaceSelector": {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "In",
                    "values": list(team.namespace_names),
                }
            ]
        },
        "queueingStrategy": team.strategy,
        "preemption": team.preemption.manifest(),
        "flavorFungibility": team.fungibility.manifest(),
        "resourceGroups": resource_groups(team.quotas, args, flavors, limits=team.cohort is not None),
        "stopPolicy": team.stop_policy or args.stop_policy,
    }
    if team.cohort is not None:
        spec["cohortName"] = team.cohort
    if args.controller.fair_sharing:
        spec["fairSharing"] = {"weight": _weight(team.weight)}
    if team.usage_based:
        spec["admissionScope"] = {"admissionMode": "UsageBasedAdmissionFairSharing"}
    if team.admission_checks:
        mine = {quota.pool for quota in team.quotas}
        checks = {check.name: check for check in args.admission_checks}
        spec["admissionChecksStrategy"] = {
            "admissionChecks": [
                _strategy(checks[name], [flavors[pool] for pool in checks[name].pools if pool in mine])
                for name in team.admission_checks
            ]
        }
    return spec


def _strategy(check: AdmissionCheck, flavors: list[str]) -> dict[str, object]:
    return {"name": check.name, **({"onFlavors": flavors} if flavors else {})}


def provisioning_spec(check: AdmissionCheck, pools: list[NodePoolHandle]) -> dict[str, object]:
    """The spec of the `ProvisioningRequestConfig` of a check; the autoscaler is asked for devices only."""
    chosen = [pool for pool in pools if not check.pools or pool.name in check.pools]
    devices = [name for name in covered(chosen) if "/" in name]
    return {
        "provisioningClassName": check.provisioning_class,
        **({"managedResources": devices} if devices else {}),
    }


def check_spec(check: AdmissionCheck) -> dict[str, object]:
    return {
        "controllerName": PROVISIONING_CONTROLLER,
        "parameters": {
            "apiGroup": "kueue.x-k8s.io",
            "kind": "ProvisioningRequestConfig",
            "name": check.name,
        },
    }


def _weight(weight: float) -> str:
    """A weight as a quantity."""
    return str(int(weight)) if float(weight).is_integer() else f"{round(weight * 1000)}m"
