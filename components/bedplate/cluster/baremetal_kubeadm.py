"""What kubeadm is told: a control plane that encrypts, audits, and lets nobody in without a name."""

import yaml

from bedplate.catalog import image
from bedplate.cluster.baremetal_args import BareMetalClusterArgs
from bedplate.cluster.baremetal_hosts import BareMetalPool

_DIRECTORY = "/etc/kubernetes/bedplate"
_AUDIT = "/var/log/kubernetes/audit"
_VIRTUAL_ADDRESS_POD = "/etc/kubernetes/manifests/kube-vip.yaml"
_TLS = "VersionTLS13"
# What the kubelet wants of the kernel before protect-kernel-defaults lets it start
# (kubernetes v1.36, pkg/util/sysctl; from memory).
_SYSCTLS = {
    "vm.overcommit_memory": 1,
    "vm.panic_on_oom": 0,
    "kernel.panic": 10,
    "kernel.panic_on_oops": 1,
    "kernel.keys.root_maxkeys": 1000000,
    "kernel.keys.root_maxbytes": 25000000,
}
# Anonymous access is not switched off: probes of the API server's own pod and kubeadm's join have no name. It
# is held to what those two read.
_ANONYMOUS = (
    "/livez",
    "/readyz",
    "/healthz",
    "/api/v1/namespaces/kube-public/configmaps/cluster-info",
)


def control_plane_config(args: BareMetalClusterArgs) -> dict[str, object]:
    """The `kubeadmConfigSpec` of a KubeadmControlPlane (Cluster API v1.14, v1beta2)."""
    registration = node_registration("control-plane", {})
    init: dict[str, object] = {"nodeRegistration": registration}
    if not args.kube_proxy:
        init["skipPhases"] = ["addon/kube-proxy"]
    spec: dict[str, object] = {
        "clusterConfiguration": {
            "apiServer": {
                "certSANs": [args.endpoint.address],
                "extraArgs": _arguments(_api_server()),
                "extraVolumes": [
                    _volume("bedplate", _DIRECTORY, read_only=True),
                    _volume("audit", _AUDIT, read_only=False),
                ],
            },
            "controllerManager": {
                "extraArgs": _arguments(
                    {"bind-address": "127.0.0.1", "profiling": "false", "tls-min-version": _TLS}
                )
            },
            "scheduler": {
                "extraArgs": _arguments(
                    {"bind-address": "127.0.0.1", "profiling": "false", "tls-min-version": _TLS}
                )
            },
            "etcd": {
                "local": {
                    "extraArgs": _arguments(
                        {
                            "auto-compaction-mode": "periodic",
                            "auto-compaction-retention": "8h",
                            "quota-backend-bytes": str(8 * 1024**3),
                            "tls-min-version": "TLS1.3",
                        }
                    )
                }
            },
            "encryptionAlgorithm": "ECDSA-P256",
        },
        "initConfiguration": init,
        "joinConfiguration": {"nodeRegistration": registration, "controlPlane": {}},
        "files": [*_control_plane_files(args), _sysctl_file()],
        "preKubeadmCommands": _before(),
    }
    if args.endpoint.held_by == "kube-vip":
        # On the first machine the usual kubeconfig has no rights yet, and kubeadm, which would give them,
        # waits for the address (kubeadm 1.29 and later: https://github.com/kube-vip/kube-vip/issues/684, from
        # memory).
        spec["preKubeadmCommands"] = [*_before(), _with_kubeconfig("admin.conf", "super-admin.conf")]
        spec["postKubeadmCommands"] = [_with_kubeconfig("super-admin.conf", "admin.conf")]
    return {**spec, **_ntp(args)}


def worker_config(args: BareMetalClusterArgs, name: str, pool: BareMetalPool) -> dict[str, object]:
    """The spec in a pool's KubeadmConfigTemplate."""
    labels = {key: value for key, value in pool.pool_labels.items() if not _by_machine(key)}
    registration = node_registration(name, labels)
    if pool.all_taints:
        registration["taints"] = [
            {"key": taint.key, "effect": taint.effect, **({"value": taint.value} if taint.value else {})}
            for taint in pool.all_taints
        ]
    return {
        "joinConfiguration": {"nodeRegistration": registration},
        "files": [_sysctl_file()],
        "preKubeadmCommands": _before(),
        **_ntp(args),
    }


def machine_labels(pool: BareMetalPool) -> dict[str, str]:
    """Labels that a kubelet may not set on its own node, and that Cluster API hands on from the machine."""
    return {key: value for key, value in pool.pool_labels.items() if _by_machine(key)}


def _by_machine(key: str) -> bool:
    return key.partition("/")[0] in ("node-role.kubernetes.io", "node-restriction.kubernetes.io")


def node_registration(pool: str, labels: dict[str, str]) -> dict[str, object]:
    """How a kubelet registers: under its host's name, with its rack. What is in braces is the host's own
    metadata.
    """
    marks = {
        "bedplate/pool": pool,
        "topology.rook.io/rack": "{{ ds.meta_data.rack }}",
        "topology.kubernetes.io/zone": "{{ ds.meta_data.zone }}",
        "metal3.io/uuid": "{{ ds.meta_data.uuid }}",
        **labels,
    }
    arguments = {
        "node-labels": ",".join(f"{key}={value}" for key, value in marks.items()),
        "anonymous-auth": "false",
        "authorization-mode": "Webhook",
        "protect-kernel-defaults": "true",
        "read-only-port": "0",
        "rotate-certificates": "true",
        "streaming-connection-idle-timeout": "5m",
        "tls-min-version": _TLS,
    }
    return {"name": "{{ ds.meta_data.local_hostname }}", "kubeletExtraArgs": _arguments(arguments)}


def _api_server() -> dict[str, str]:
    return {
        "admission-control-config-file": f"{_DIRECTORY}/admission.yaml",
        "audit-log-maxage": "30",
        "audit-log-maxbackup": "10",
        "audit-log-maxsize": "100",
        "audit-log-path": f"{_AUDIT}/audit.log",
        "audit-policy-file": f"{_DIRECTORY}/audit.yaml",
        "authentication-config": f"{_DIRECTORY}/authentication.yaml",
        "enable-admission-plugins": "NodeRestriction",
        "encryption-provider-config": f"{_DIRECTORY}/encryption.yaml",
        "profiling": "false",
        "tls-min-version": _TLS,
    }


def _control_plane_files(args: BareMetalClusterArgs) -> list[dict[str, object]]:
    encryption: dict[str, object] = {
        "path": f"{_DIRECTORY}/encryption.yaml",
        "owner": "root:root",
        "permissions": "0600",
        "contentFrom": {"secret": {"name": args.encryption.name, "key": args.encryption.key}},
    }
    files: list[dict[str, object]] = [
        encryption,
        _file(f"{_DIRECTORY}/audit.yaml", audit_policy()),
        _file(f"{_DIRECTORY}/authentication.yaml", authentication()),
        _file(f"{_DIRECTORY}/admission.yaml", _admission(args.pod_security)),
    ]
    if args.endpoint.held_by == "kube-vip":
        files.append(_file(_VIRTUAL_ADDRESS_POD, virtual_address_pod(args)))
    return files


def authentication() -> dict[str, object]:
    """Who may come without a name, and where to."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": [{"path": path} for path in _ANONYMOUS]},
    }


def audit_policy() -> dict[str, object]:
    """What is written down: who did what; of secrets and tokens never the content."""
    secret = [{"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]}]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "None",
                "nonResourceURLs": ["/livez*", "/readyz*", "/healthz*", "/version", "/metrics"],
            },
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "Metadata", "resources": secret},
            {"level": "Metadata", "verbs": ["get", "list", "watch"]},
            {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata"},
        ],
    }


def _admission(level: str) -> dict[str, object]:
    defaults = {"enforce": level, "audit": "restricted", "warn": "restricted"}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [
            {
                "name": "PodSecurity",
                "configuration": {
                    "apiVersion": "pod-security.admission.config.k8s.io/v1",
                    "kind": "PodSecurityConfiguration",
                    "defaults": {
                        **defaults,
                        **{f"{mode}-version": "latest" for mode in defaults},
                    },
                    "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": ["kube-system"]},
                },
            }
        ],
    }


def virtual_address_pod(args: BareMetalClusterArgs) -> dict[str, object]:
    """kube-vip as a pod of the control plane's kubelets: it answers ARP for the address on one of them.

    It works on its node's interfaces, before there is an API server to ask for anything.
    """
    environment = {
        "address": args.endpoint.address,
        "port": str(args.endpoint.port),
        "vip_interface": args.endpoint.interface or "",
        "vip_arp": "true",
        "vip_leaderelection": "true",
        "vip_leaseduration": "15",
        "vip_renewdeadline": "10",
        "vip_retryperiod": "2",
        "cp_enable": "true",
        "cp_namespace": "kube-system",
    }
    container = {
        "name": "kube-vip",
        "image": image("kube-vip").reference,
        "args": ["manager"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]},
        },
        "volumeMounts": [{"name": "kubeconfig", "mountPath": "/etc/kubernetes/admin.conf", "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kube-vip", "namespace": "kube-system"},
        "spec": {
            "containers": [container],
            "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["kubernetes"]}],
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [
                {
                    "name": "kubeconfig",
                    "hostPath": {"path": "/etc/kubernetes/admin.conf", "type": "FileOrCreate"},
                }
            ],
        },
    }


def _before() -> list[str]:
    return ["sysctl --system"]


def _with_kubeconfig(old: str, new: str) -> str:
    edit = f"s#path: /etc/kubernetes/{old}#path: /etc/kubernetes/{new}#"
    return f"if [ -f /run/kubeadm/kubeadm.yaml ]; then sed -i '{edit}' {_VIRTUAL_ADDRESS_POD}; fi"


def _sysctl_file() -> dict[str, object]:
    lines = "".join(f"{key} = {value}\n" for key, value in _SYSCTLS.items())
    return {
        "path": "/etc/sysctl.d/90-kubelet.conf",
        "owner": "root:root",
        "permissions": "0644",
        "content": lines,
    }


def _ntp(args: BareMetalClusterArgs) -> dict[str, object]:
    return {"ntp": {"enabled": True, "servers": list(args.ntp_servers)}} if args.ntp_servers else {}


def _file(path: str, document: dict[str, object]) -> dict[str, object]:
    text = yaml.safe_dump(document, sort_keys=False)
    return {"path": path, "owner": "root:root", "permissions": "0600", "content": text}


def _volume(name: str, path: str, read_only: bool) -> dict[str, object]:
    return {
        "name": name,
        "hostPath": path,
        "mountPath": path,
        "readOnly": read_only,
        "pathType": "DirectoryOrCreate",
    }


def _arguments(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]
