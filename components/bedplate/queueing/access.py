"""What surrounds a team's queue: rights, a backstop for pods that go round it, and jobs that name none."""

from collections.abc import Sequence
from fractions import Fraction

import pulumi
import pulumi_kubernetes as k8s

from bedplate.queueing.handles import QUEUE_LABEL
from bedplate.queueing.kueue_args import KueueQueuesArgs
from bedplate.queueing.objects import built_in
from bedplate.queueing.quota import CPU, MEMORY, NodeShape, quantity
from bedplate.queueing.teams import TeamQueue

# Who makes jobs on behalf of a job that is itself in a queue.
_OWNERS = ("JobSet", "TrainJob", "PyTorchJob", "MPIJob", "JAXJob", "RayJob", "RayCluster", "RayService")
_KINDS = {
    "batch/job": ("batch", "jobs"),
    "jobset.x-k8s.io/jobset": ("jobset.x-k8s.io", "jobsets"),
    "trainer.kubeflow.org/trainjob": ("trainer.kubeflow.org", "trainjobs"),
    "kubeflow.org/pytorchjob": ("kubeflow.org", "pytorchjobs"),
    "kubeflow.org/mpijob": ("kubeflow.org", "mpijobs"),
    "kubeflow.org/jaxjob": ("kubeflow.org", "jaxjobs"),
    "ray.io/rayjob": ("ray.io", "rayjobs"),
    "ray.io/raycluster": ("ray.io", "rayclusters"),
    "ray.io/rayservice": ("ray.io", "rayservices"),
    "leaderworkerset.x-k8s.io/leaderworkerset": ("leaderworkerset.x-k8s.io", "leaderworkersets"),
}


def queued_kinds(args: KueueQueuesArgs) -> dict[str, list[str]]:
    """The resources that are jobs, by API group."""
    found: dict[str, list[str]] = {}
    for framework in args.controller.frameworks:
        if framework in _KINDS:
            group, resource = _KINDS[framework]
            found.setdefault(group, []).append(resource)
    return found


def require_queue_spec(args: KueueQueuesArgs) -> dict[str, object]:
    """The spec of the `ValidatingAdmissionPolicy` that refuses jobs without a queue.

    Kueue's own webhook has put the default queue's name on a job before. Without the policy, such a job would
    be suspended for ever and nobody would be told why.
    """
    label = f"object.metadata.labels['{QUEUE_LABEL}']"
    owners = ", ".join(f"'{kind}'" for kind in _OWNERS)
    queued = f"has(object.metadata.labels) && '{QUEUE_LABEL}' in object.metadata.labels && {label} != ''"
    owned = (
        "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(owner, "
        f"has(owner.controller) && owner.controller && owner.kind in [{owners}])"
    )
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {
                "matchExpressions": [
                    {
                        "key": "kubernetes.io/metadata.name",
                        "operator": "In",
                        "values": sorted(args.namespaces),
                    }
                ]
            },
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "operations": ["CREATE"],
                    "resources": resources,
                }
                for group, resources in queued_kinds(args).items()
            ],
        },
        "validations": [
            {
                "expression": f"({queued}) || ({owned})",
                "message": f"the job names no queue: set the label {QUEUE_LABEL} to a LocalQueue of "
                "its namespace",
                "reason": "Forbidden",
            }
        ],
    }


def backstop(teams: Sequence[TeamQueue], args: KueueQueuesArgs) -> dict[str, str]:
    """`spec.hard` of a namespace's ResourceQuota: all that its teams could ever get, borrowed quota included.

    Where they have devices, only these are limited; a limit on cores would refuse every pod that does not say
    how many it wants.
    """
    sums: dict[str, int] = {}
    for team in teams:
        for quota in team.quotas:
            pool = args.cluster.pool(quota.pool)
            most = quota.share(pool)
            if team.cohort is not None:
                whole = max(Fraction(pool.max_nodes), most)
                limit = quota.borrowing_limit
                most = whole if limit is None else min(whole, most + quota.share(pool, limit))
            for name, amount in NodeShape.of(pool, args.reserve_percent).times(most).items():
                sums[name] = sums.get(name, 0) + amount
    devices = {name: amount for name, amount in sums.items() if name not in (CPU, MEMORY)}
    return {f"requests.{name}": quantity(name, amount) for name, amount in (devices or sums).items()}


def team_role_rules(args: KueueQueuesArgs) -> list[dict[str, object]]:
    """What a team may do in its namespaces: run jobs, see what becomes of them, read their logs."""
    changed = ["create", "delete", "get", "list", "patch", "update", "watch"]
    granted: list[tuple[str, list[str], list[str]]] = [
        *((group, resources, changed) for group, resources in queued_kinds(args).items()),
        ("kueue.x-k8s.io", ["localqueues", "workloads"], ["get", "list", "watch"]),
        ("", ["pods", "pods/log", "events", "configmaps"], ["get", "list", "watch"]),
    ]
    return [
        {"apiGroups": [group], "resources": resources, "verbs": verbs} for group, resources, verbs in granted
    ]


def require_queue(
    component: pulumi.Resource, name: str, args: KueueQueuesArgs, after: Sequence[pulumi.Resource]
) -> list[pulumi.Resource]:
    """The policy and its binding; nothing where no kind of job is queued."""
    if not queued_kinds(args):
        return []
    object_name = "bedplate-require-queue"
    policy = built_in(
        k8s.admissionregistration.v1.ValidatingAdmissionPolicy,
        component,
        name,
        object_name=object_name,
        after=after,
        spec=require_queue_spec(args),
    )
    binding = built_in(
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
        component,
        f"{name}-binding",
        object_name=object_name,
        after=[policy],
        spec={"policyName": object_name, "validationActions": ["Deny"]},
    )
    return [policy, binding]


def namespace_backstop(
    component: pulumi.Resource,
    name: str,
    namespace: str,
    teams: Sequence[TeamQueue],
    args: KueueQueuesArgs,
    after: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    """The ResourceQuota of a namespace."""
    return built_in(
        k8s.core.v1.ResourceQuota,
        component,
        name,
        object_name="bedplate-backstop",
        namespace=namespace,
        after=after,
        spec={"hard": backstop(teams, args)},
    )


def team_access(
    component: pulumi.Resource,
    name: str,
    namespace: str,
    team: TeamQueue,
    args: KueueQueuesArgs,
    after: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """A role of the team's in one namespace, bound to its groups."""
    object_name = f"bedplate-{team.name}"
    role = built_in(
        k8s.rbac.v1.Role,
        component,
        f"{name}-role",
        object_name=object_name,
        namespace=namespace,
        after=after,
        rules=team_role_rules(args),
    )
    api_group = "rbac.authorization.k8s.io"
    binding = built_in(
        k8s.rbac.v1.RoleBinding,
        component,
        f"{name}-members",
        object_name=object_name,
        namespace=namespace,
        after=[role],
        role_ref={"apiGroup": api_group, "kind": "Role", "name": object_name},
        subjects=[{"kind": "Group", "name": group, "apiGroup": api_group} for group in team.groups],
    )
    return [role, binding]
