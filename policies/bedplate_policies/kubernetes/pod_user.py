"""Pods and their user: no root, no way to become root, a filtered kernel."""

from collections.abc import Iterator

from bedplate_policies.checks import custom, must_equal
from bedplate_policies.kubernetes.controls import cis, nsa, restricted
from bedplate_policies.kubernetes.workloads import (
    TYPES,
    every_container,
    outside_system_namespaces,
    setting,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

_SECCOMP = ("RuntimeDefault", "Localhost")


def _not_root(container: Resource, config: Config) -> Iterator[Finding]:
    value, where = setting(container, "runAsNonRoot")
    if value is UNKNOWN:
        yield Finding.undetermined(where)
    elif value is not True:
        yield Finding.violation(f"{where} is not true, and the pod does not set it either", where)


def _not_user_zero(container: Resource, config: Config) -> Iterator[Finding]:
    value, where = setting(container, "runAsUser")
    if value is UNKNOWN:
        yield Finding.undetermined(where)
    elif value is not MISSING and value == 0:
        yield Finding.violation(f"{where} is 0, the root user", where)


def _seccomp(container: Resource, config: Config) -> Iterator[Finding]:
    value, where = setting(container, "seccompProfile.type")
    if value is UNKNOWN:
        yield Finding.undetermined(where)
    elif value not in _SECCOMP:
        yield Finding.violation(
            f"{where} is neither RuntimeDefault nor Localhost, and the pod sets none", where
        )


def _drops_all(container: Resource, config: Config) -> Iterator[Finding]:
    where = container.path("securityContext.capabilities.drop")
    dropped = [value for _, value in container.each("securityContext.capabilities.drop[]")]
    if "ALL" in dropped:
        return
    if UNKNOWN in dropped or container.get("securityContext.capabilities.drop") is UNKNOWN:
        yield Finding.undetermined(where)
    else:
        yield Finding.violation(f"{where} does not name ALL", where)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-pod-run-as-non-root",
        description="No container runs as root.",
        severity=Severity.HIGH,
        remediation="Set security_context.run_as_non_root=True on the pod, and a user in the image.",
        controls=(restricted("Running as Non-root"), cis("5.2.7"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(custom(_not_root, "securityContext.runAsNonRoot"), ephemeral=False)
        ),
    ),
    rule(
        name="kubernetes-pod-run-as-user",
        description="No container is told to run as user 0.",
        severity=Severity.HIGH,
        remediation="Set security_context.run_as_user to another user than 0, or leave it to the image.",
        controls=(restricted("Running as Non-root user"), cis("5.2.7")),
        types=TYPES,
        check=outside_system_namespaces(every_container(custom(_not_user_zero, "securityContext.runAsUser"))),
    ),
    rule(
        name="kubernetes-pod-privilege-escalation",
        description="No process of a container gets more rights than the one that started it.",
        severity=Severity.HIGH,
        remediation="Set security_context.allow_privilege_escalation=False on every container.",
        controls=(restricted("Privilege Escalation"), cis("5.2.6"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(must_equal("securityContext.allowPrivilegeEscalation", False), ephemeral=False)
        ),
    ),
    rule(
        name="kubernetes-pod-capabilities-dropped",
        description="Containers give up every capability that they do not name.",
        severity=Severity.MEDIUM,
        remediation='Set security_context.capabilities.drop=["ALL"] on every container.',
        controls=(restricted("Capabilities"), cis("5.2.10")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(custom(_drops_all, "securityContext.capabilities.drop[]"), ephemeral=False)
        ),
    ),
    rule(
        name="kubernetes-pod-seccomp",
        description="Containers reach only the system calls that the runtime's profile lets through.",
        severity=Severity.MEDIUM,
        remediation='Set security_context.seccomp_profile={"type": "RuntimeDefault"} on the pod.',
        controls=(restricted("Seccomp"), cis("5.7.2"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(custom(_seccomp, "securityContext.seccompProfile.type"), ephemeral=False)
        ),
    ),
    rule(
        name="kubernetes-pod-read-only-root",
        description="Containers do not write into their image.",
        severity=Severity.LOW,
        remediation="Set security_context.read_only_root_filesystem=True and mount empty_dir where it "
        "writes.",
        controls=(nsa("Immutable container file systems"),),
        types=TYPES,
        enforcement="advisory",
        check=outside_system_namespaces(
            every_container(must_equal("securityContext.readOnlyRootFilesystem", True), ephemeral=False)
        ),
    ),
)
