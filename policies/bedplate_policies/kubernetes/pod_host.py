"""Pods and the machine that they run on: what a container that breaks out would find."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    BuiltCheck,
    all_of,
    custom,
    for_each,
    must_be_one_of,
    must_equal,
    must_not_be,
    must_not_be_set,
)
from bedplate_policies.kubernetes.controls import baseline, cis, nsa, restricted
from bedplate_policies.kubernetes.workloads import (
    TYPES,
    every_container,
    every_pod,
    outside_system_namespaces,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Option, Severity, rule
from bedplate_policies.value import UNKNOWN

# Capabilities that the Pod Security Standards' baseline lets a container add.
BASELINE_CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
# Kernel settings of a pod's own namespaces.
SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
)
_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "hostPath",  # has a rule of its own
    "image",
    "name",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _capabilities(container: Resource, config: Config) -> Iterator[Finding]:
    allowed = config.strings("allowed_capabilities")
    for place, value in container.each("securityContext.capabilities.add[]"):
        where = container.path(place)
        if value is UNKNOWN:
            yield Finding.undetermined(where)
        elif value not in allowed:
            yield Finding.violation(
                f"{where} adds a capability that allowed_capabilities does not name", where
            )


def _volume_kinds(volume: Resource, config: Config) -> Iterator[Finding]:
    if isinstance(volume.properties, dict):
        for kind in volume.properties:
            if kind not in _VOLUMES:
                yield Finding.violation(f"{volume.path('')} mounts a volume of kind {kind}", volume.path(""))


def _contexts(check: Check) -> BuiltCheck:
    """The check on the security contexts of the pod and of all of its containers."""
    return all_of(
        every_pod(for_each("securityContext", check)), every_container(for_each("securityContext", check))
    )


def _host(name: str, field: str, what: str, number: str) -> AnyRule:
    return rule(
        name=f"kubernetes-pod-{name}",
        description=f"Pods do not share {what} of their node.",
        severity=Severity.HIGH,
        remediation=f"Leave {name.replace('host-', 'host_')} out of the pod's spec.",
        controls=(baseline("Host Namespaces"), cis(number), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(every_pod(must_equal(field, False, missing="ok"))),
    )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-pod-privileged",
        description="No container is privileged: that is root on the node.",
        severity=Severity.CRITICAL,
        remediation="Leave security_context.privileged out; devices come from device plugins "
        "(nvidia.com/gpu).",
        controls=(baseline("Privileged Containers"), cis("5.2.2"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(must_equal("securityContext.privileged", False, missing="ok"))
        ),
    ),
    _host("host-network", "hostNetwork", "the network", "5.2.5"),
    _host("host-pid", "hostPID", "the processes", "5.2.3"),
    _host("host-ipc", "hostIPC", "the shared memory", "5.2.4"),
    rule(
        name="kubernetes-pod-host-path",
        description="Pods mount no directory of their node.",
        severity=Severity.HIGH,
        remediation="Use a PersistentVolumeClaim, a local volume's storage class or empty_dir instead of "
        "host_path.",
        controls=(baseline("HostPath Volumes"), cis("5.2.12"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(every_pod(must_not_be_set("volumes[].hostPath"))),
    ),
    rule(
        name="kubernetes-pod-host-port",
        description="Pods listen on no port of their node.",
        severity=Severity.MEDIUM,
        remediation="Use a Service instead of ports[].host_port.",
        controls=(baseline("Host Ports"), cis("5.2.13")),
        types=TYPES,
        check=outside_system_namespaces(every_container(must_equal("ports[].hostPort", 0, missing="ok"))),
    ),
    rule(
        name="kubernetes-pod-host-process",
        description="No Windows container runs as a process of its node.",
        severity=Severity.HIGH,
        remediation="Leave security_context.windows_options.host_process out.",
        controls=(baseline("HostProcess"), cis("5.2.11")),
        types=TYPES,
        check=_contexts(must_equal("windowsOptions.hostProcess", False, missing="ok")),
    ),
    rule(
        name="kubernetes-pod-capabilities-added",
        description="Containers add no capability that lets them change their node.",
        severity=Severity.HIGH,
        remediation="Leave security_context.capabilities.add out. RDMA without a device plugin needs "
        "IPC_LOCK: "
        "name it in allowed_capabilities where that is so.",
        controls=(baseline("Capabilities"), cis("5.2.9")),
        types=TYPES,
        check=outside_system_namespaces(
            every_container(
                custom(
                    _capabilities,
                    "securityContext.capabilities.add[]",
                    options={
                        "allowed_capabilities": Option(
                            "array", list(BASELINE_CAPABILITIES), "Capabilities that a container may add."
                        )
                    },
                )
            )
        ),
    ),
    rule(
        name="kubernetes-pod-proc-mount",
        description="Containers see /proc with the parts masked that a container may not see.",
        severity=Severity.MEDIUM,
        remediation="Leave security_context.proc_mount out.",
        controls=(baseline("/proc Mount Type"),),
        types=TYPES,
        check=every_container(must_equal("securityContext.procMount", "Default", missing="ok")),
    ),
    rule(
        name="kubernetes-pod-sysctls",
        description="Pods set only kernel parameters that end at the pod.",
        severity=Severity.MEDIUM,
        remediation="Leave other names out of security_context.sysctls; set them on the node pool.",
        controls=(baseline("Sysctls"),),
        types=TYPES,
        check=every_pod(must_be_one_of("securityContext.sysctls[].name", SAFE_SYSCTLS)),
    ),
    rule(
        name="kubernetes-pod-apparmor",
        description="No container switches AppArmor off.",
        severity=Severity.MEDIUM,
        remediation='Leave security_context.app_armor_profile out, or use the type "RuntimeDefault".',
        controls=(baseline("AppArmor"), nsa("Kubernetes Pod security")),
        types=TYPES,
        check=outside_system_namespaces(
            all_of(
                every_pod(must_not_be("securityContext.appArmorProfile.type", "Unconfined")),
                every_container(must_not_be("securityContext.appArmorProfile.type", "Unconfined")),
            )
        ),
    ),
    rule(
        name="kubernetes-pod-selinux",
        description="No container takes an SELinux label with more rights than a container has.",
        severity=Severity.MEDIUM,
        remediation="Leave se_linux_options.user and role out, and type as one of the container types.",
        controls=(baseline("SELinux"),),
        types=TYPES,
        check=outside_system_namespaces(
            all_of(
                *(
                    on(
                        all_of(
                            must_not_be_set("securityContext.seLinuxOptions.user"),
                            must_not_be_set("securityContext.seLinuxOptions.role"),
                            must_be_one_of(
                                "securityContext.seLinuxOptions.type", _SELINUX_TYPES, missing="ok"
                            ),
                        )
                    )
                    for on in (every_pod, every_container)
                )
            )
        ),
    ),
    rule(
        name="kubernetes-pod-volume-kinds",
        description="Pods mount volumes through claims, not from servers that they name themselves.",
        severity=Severity.LOW,
        remediation="Use a PersistentVolumeClaim instead of nfs, iscsi, cephfs or other volumes written "
        "in the pod.",
        controls=(restricted("Volume Types"),),
        types=TYPES,
        enforcement="advisory",
        check=outside_system_namespaces(every_pod(for_each("volumes[]", custom(_volume_kinds, "name")))),
    ),
)
