"""What pods need and hold: resources, credentials and health checks."""

import re
from collections.abc import Iterator

from bedplate_policies.checks import all_of, custom, must_be_set, must_equal
from bedplate_policies.kubernetes.controls import cis, kubernetes, nsa
from bedplate_policies.kubernetes.names import sounds_secret
from bedplate_policies.kubernetes.workloads import (
    TYPES,
    every_container,
    every_pod,
    outside_system_namespaces,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, same

SERVING = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
)
JOBS = ("kubernetes:batch/v1:Job", "kubernetes:batch/v1:CronJob")
# Devices are never shared or overcommitted: the API server wants the request to be the limit.
_DEVICES = re.compile(r"^(nvidia\.com/(gpu|mig-.+)|amd\.com/gpu|google\.com/tpu|aws\.amazon\.com/neuron.*|"
                      r"habana\.ai/gaudi|vpc\.amazonaws\.com/efa|rdma/.+)$")  # fmt: skip
_REFERENCE = re.compile(r"^\$\([A-Za-z_][A-Za-z0-9_]*\)$")


def _device_limits(container: Resource, config: Config) -> Iterator[Finding]:
    for name in _devices(container):
        path = f'resources.limits["{name}"]'
        limit, request = container.get(path), container.get(f'resources.requests["{name}"]')
        where = container.path(path)
        if UNKNOWN in (limit, request):
            yield Finding.undetermined(where)
        elif limit is MISSING or (request is not MISSING and not same(str(request), str(limit))):
            yield Finding.violation(f"{where} is not the same as the request: devices are not shared", where)
    for part in ("resources", "resources.limits", "resources.requests"):
        if container.get(part) is UNKNOWN:
            yield Finding.undetermined(container.path(part))
            return


def _devices(container: Resource) -> list[str]:
    found: dict[str, None] = {}
    for part in ("resources.limits", "resources.requests"):
        wanted = container.get(part)
        if isinstance(wanted, dict):
            found.update(dict.fromkeys(name for name in wanted if _DEVICES.match(name)))
    return list(found)


def _secret_env(container: Resource, config: Config) -> Iterator[Finding]:
    for variable in container.at("env[]"):
        if variable.is_unknown:
            yield Finding.undetermined(variable.path(""))
            continue
        name, value = variable.get("name"), variable.get("value")
        where = variable.path("value")
        if value in (MISSING, "") or (isinstance(value, str) and _REFERENCE.match(value)):
            continue
        if UNKNOWN in (name, value):
            # Only a name that sounds harmless makes the value not matter.
            if name is UNKNOWN or sounds_secret(name):
                yield Finding.undetermined(where)
        elif sounds_secret(name):
            yield Finding.violation(
                f"{where} writes a secret into the pod, where everybody who lists pods reads it", where
            )


def _own_token(pod: Resource, config: Config) -> Iterator[Finding]:
    mounts = pod.get("automountServiceAccountToken")
    account = pod.get("serviceAccountName")
    where = pod.path("automountServiceAccountToken")
    if mounts is False or (account not in (MISSING, UNKNOWN, "", "default")):
        return
    if UNKNOWN in (mounts, account):
        yield Finding.undetermined(where if mounts is UNKNOWN else pod.path("serviceAccountName"))
    else:
        yield Finding.violation(
            f"{where} is not false, so the pod holds the namespace's default token", where
        )


def _own_namespace(resource: Resource, config: Config) -> Iterator[Finding]:
    namespace = resource.get("metadata.namespace")
    if UNKNOWN in (namespace, resource.get("metadata")):
        yield Finding.undetermined("metadata.namespace")
    elif namespace in (MISSING, "", "default"):
        yield Finding.violation("metadata.namespace is the default namespace", "metadata.namespace")


def _ends(resource: Resource, config: Config) -> Iterator[Finding]:
    path = "spec.jobTemplate.spec" if resource.type.endswith(":CronJob") else "spec"
    deadline = resource.get(f"{path}.activeDeadlineSeconds")
    if deadline is not MISSING and deadline is not UNKNOWN:
        return
    uses = False
    for container in resource.at(f"{path}.template.spec.containers[]"):
        if UNKNOWN in (container.get("resources"), container.get("resources.limits")):
            yield Finding.undetermined(container.path("resources"))
            return
        uses = uses or bool(_devices(container))
    if not uses:
        return
    where = f"{path}.activeDeadlineSeconds"
    if deadline is UNKNOWN:
        yield Finding.undetermined(where)
    else:
        yield Finding.violation(f"{where} is not set: a job that hangs keeps its accelerators", where)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-resources-requests",
        description="Containers say how much processor time and memory they need.",
        severity=Severity.MEDIUM,
        remediation='Set resources.requests={"cpu": ..., "memory": ...}.',
        controls=(nsa("Resource policies"),),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(
                all_of(must_be_set("resources.requests.cpu"), must_be_set("resources.requests.memory")),
                init=False,
                ephemeral=False,
            )
        ),
    ),
    rule(
        name="kubernetes-resources-memory-limit",
        description="No container takes the memory of others.",
        severity=Severity.MEDIUM,
        remediation='Set resources.limits={"memory": ...}.',
        controls=(nsa("Resource policies"),),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(must_be_set("resources.limits.memory"), init=False, ephemeral=False)
        ),
    ),
    rule(
        name="kubernetes-resources-devices",
        description="Containers that ask for accelerators have them to themselves: limits equal requests.",
        severity=Severity.MEDIUM,
        remediation='Set resources.limits["nvidia.com/gpu"]; a request, where there is one, must be the '
        "same.",
        controls=(kubernetes("Schedule GPUs"),),
        types=TYPES,
        check=every_container(
            custom(_device_limits, "resources.limits", "resources.requests"), ephemeral=False
        ),
    ),
    rule(
        name="kubernetes-pod-secret-in-env",
        description="No pod carries a secret as a plain environment variable.",
        severity=Severity.HIGH,
        remediation="Use value_from.secret_key_ref, or better a file from the secrets store's driver.",
        controls=(cis("5.4.1"), nsa("Secrets")),
        types=TYPES,
        check=every_container(custom(_secret_env, "env[].name", "env[].value")),
    ),
    rule(
        name="kubernetes-pod-service-account-token",
        description="Pods do not hold the token of their namespace's default service account.",
        severity=Severity.MEDIUM,
        remediation="Set automount_service_account_token=False, or service_account_name to an account of "
        "its own.",
        controls=(cis("5.1.5"), cis("5.1.6"), nsa("Protecting Pod service account tokens")),
        types=TYPES,
        check=outside_system_namespaces(
            every_pod(custom(_own_token, "automountServiceAccountToken", "serviceAccountName"))
        ),
    ),
    rule(
        name="kubernetes-pod-default-namespace",
        description="Nothing runs in the default namespace.",
        severity=Severity.LOW,
        remediation="Set metadata.namespace to a namespace of the workload's own.",
        controls=(cis("5.7.4"),),
        types=TYPES,
        enforcement="advisory",
        check=custom(_own_namespace, "metadata.namespace"),
    ),
    rule(
        name="kubernetes-pod-readiness-probe",
        description="A Service sends requests only to containers that are ready.",
        severity=Severity.LOW,
        remediation="Set readiness_probe.",
        controls=(kubernetes("Configure Liveness, Readiness and Startup Probes"),),
        types=SERVING,
        enforcement="advisory",
        check=every_container(must_be_set("readinessProbe"), init=False, ephemeral=False),
    ),
    rule(
        name="kubernetes-pod-liveness-probe",
        description="A container that hangs is restarted.",
        severity=Severity.LOW,
        remediation="Set liveness_probe.",
        controls=(kubernetes("Configure Liveness, Readiness and Startup Probes"),),
        types=(*SERVING, "kubernetes:apps/v1:DaemonSet"),
        enforcement="advisory",
        check=every_container(must_be_set("livenessProbe"), init=False, ephemeral=False),
    ),
    rule(
        name="kubernetes-pod-no-shared-processes",
        description="Containers of a pod do not see each other's processes.",
        severity=Severity.LOW,
        remediation="Leave share_process_namespace out.",
        controls=(kubernetes("Share Process Namespace between Containers in a Pod"),),
        types=TYPES,
        enforcement="advisory",
        check=every_pod(must_equal("shareProcessNamespace", False, missing="ok")),
    ),
    rule(
        name="kubernetes-job-deadline",
        description="A job that holds accelerators ends some time.",
        severity=Severity.LOW,
        remediation="Set active_deadline_seconds in the job's spec.",
        controls=(kubernetes("Jobs"),),
        types=JOBS,
        enforcement="advisory",
        check=custom(_ends),
    ),
)
