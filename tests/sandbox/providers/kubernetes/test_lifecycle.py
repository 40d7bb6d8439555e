"""Programs with plain pulumi_kubernetes against the sandbox: up, again, refresh, change, replace, destroy."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("sandbox-providers-kubernetes-lifecycle")

DEPLOYMENT = GroupKind("apps", "Deployment")
SERVICE = GroupKind("", "Service")
SECRET = GroupKind("", "Secret")
CONFIG_MAP = GroupKind("", "ConfigMap")
NAMESPACE = GroupKind("", "Namespace")
CLAIM = GroupKind("", "PersistentVolumeClaim")
WIDGET = GroupKind("example.com", "Widget")
WIDGETS = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "quota": {"x-kubernetes-int-or-string": True},
            },
        }
    },
}


def widgets(schema: dict[str, Any] = WIDGETS) -> k8s.apiextensions.v1.CustomResourceDefinition:
    return k8s.apiextensions.v1.CustomResourceDefinition(
        "widgets",
        metadata={"name": "widgets.example.com"},
        spec={
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    )


def widget(spec: dict[str, Any], depends_on: list[pulumi.Resource], **metadata: Any) -> None:
    k8s.apiextensions.CustomResource(
        "widget",
        api_version="example.com/v1",
        kind="Widget",
        metadata=metadata,
        spec=spec,
        opts=pulumi.ResourceOptions(depends_on=depends_on),
    )


def everything(image: str = "registry.example.com/web:1.2", port: int = 80, storage: str = "10Gi") -> None:
    namespace = k8s.core.v1.Namespace("shop", metadata={"name": "shop", "labels": {"team": "web"}})
    here = {"namespace": namespace.metadata["name"]}
    labels = {"app": "web"}
    config = k8s.core.v1.ConfigMap("settings", metadata=here, data={"mode": "fast"})
    secret = k8s.core.v1.Secret("token", metadata=here, string_data={"key": "s3cret-value"})
    account = k8s.core.v1.ServiceAccount("web", metadata=here)
    role = k8s.rbac.v1.Role(
        "reader", metadata=here, rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    )
    k8s.rbac.v1.RoleBinding(
        "reader",
        metadata=here,
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata["name"]},
        subjects=[{"kind": "ServiceAccount", "name": account.metadata["name"], "namespace": "shop"}],
    )
    fast = k8s.storage.v1.StorageClass("fast", provisioner="csi.example.com", allow_volume_expansion=True)
    claim = k8s.core.v1.PersistentVolumeClaim(
        "data",
        metadata=here,
        spec={
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": fast.metadata["name"],
            "resources": {"requests": {"storage": storage}},
        },
    )
    k8s.apps.v1.Deployment(
        "web",
        metadata=here,
        spec={
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "service_account_name": account.metadata["name"],
                    "containers": [
                        {
                            "name": "web",
                            "image": image,
                            "ports": [{"container_port": port}],
                            "env_from": [{"config_map_ref": {"name": config.metadata["name"]}}],
                            "volume_mounts": [{"name": "data", "mount_path": "/data"}],
                            "resources": {
                                "limits": {"cpu": "1", "memory": "1Gi"},
                                "requests": {"cpu": "500m"},
                            },
                        }
                    ],
                    "volumes": [
                        {"name": "data", "persistent_volume_claim": {"claim_name": claim.metadata["name"]}}
                    ],
                },
            },
        },
    )
    service = k8s.core.v1.Service(
        "web", metadata={**here, "name": "web"}, spec={"selector": labels, "ports": [{"port": port}]}
    )
    k8s.batch.v1.Job(
        "migrate",
        metadata=here,
        spec={
            "template": {
                "spec": {"restart_policy": "Never", "containers": [{"name": "m", "image": "registry/m:1"}]}
            }
        },
    )
    k8s.networking.v1.NetworkPolicy(
        "closed", metadata=here, spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}
    )
    widget({"size": 2}, [widgets()], namespace="shop", name="first")
    pulumi.export("address", service.spec["cluster_ip"])
    pulumi.export("secret", secret.data)


def test_up_again_refresh_and_destroy(sandbox: SandboxFixture) -> None:
    assert sandbox.preview(everything).changes["create"] == 15
    assert sandbox.up(everything).changes["create"] == 15
    cluster = sandbox.cluster()
    (web,) = cluster.objects(DEPLOYMENT, "shop")
    assert web["metadata"]["name"].startswith("web-")
    assert len(web["metadata"]["name"]) == len("web-") + 8
    assert web["metadata"]["generation"] == 1
    container = web["spec"]["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert web["spec"]["strategy"]["type"] == "RollingUpdate"
    assert sandbox.outputs["address"].startswith("10.")
    assert sandbox.outputs["secret"] == {"key": "czNjcmV0LXZhbHVl"}
    assert "s3cret-value" not in str(sandbox.state())
    assert "czNjcmV0LXZhbHVl" not in str(sandbox.state())
    (first,) = cluster.objects(WIDGET)
    assert first["spec"] == {"size": 2, "colour": "red"}

    again = sandbox.up()
    assert {op: count for op, count in again.changes.items() if count and op != "same"} == {}
    refreshed = sandbox.refresh()
    assert {op: count for op, count in refreshed.changes.items() if count and op != "same"} == {}
    sandbox.destroy()
    assert sandbox.resources() == []
    for kind in cluster.kinds():
        own = [one for one in cluster.objects(kind) if "uid" in one["metadata"]]
        assert own == [], kind


def test_a_change_in_place_keeps_identity_and_counts(sandbox: SandboxFixture) -> None:
    sandbox.up(everything)
    (before,) = sandbox.cluster().objects(DEPLOYMENT, "shop")
    address = sandbox.outputs["address"]
    sandbox.up(lambda: everything(image="registry.example.com/web:1.3", port=8080, storage="20Gi"))
    assert sorted(sandbox.steps("update")) == ["data", "web", "web"]
    (after,) = sandbox.cluster().objects(DEPLOYMENT, "shop")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["generation"] == 2
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    assert sandbox.outputs["address"] == address


def _named(namespace: str = "default", **data: str) -> None:
    k8s.core.v1.ConfigMap("settings", metadata={"name": "settings", "namespace": namespace}, data=data)


def test_other_data_of_a_named_config_map_replaces_it_old_one_first(sandbox: SandboxFixture) -> None:
    sandbox.up(lambda: _named(mode="fast"))
    before = sandbox.cluster().get(CONFIG_MAP, "default", "settings")
    sandbox.up(lambda: _named(mode="slow"))
    assert sandbox.steps("replace") == ["settings"]
    after = sandbox.cluster().get(CONFIG_MAP, "default", "settings")
    assert before is not None
    assert after is not None
    assert after["data"] == {"mode": "slow"}
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_an_automatic_name_is_new_after_a_replacement(sandbox: SandboxFixture) -> None:
    def program(mode: str) -> None:
        k8s.core.v1.ConfigMap("settings", data={"mode": mode})

    sandbox.up(lambda: program("fast"))
    (before,) = sandbox.cluster().objects(CONFIG_MAP)
    sandbox.up(lambda: program("slow"))
    (after,) = sandbox.cluster().objects(CONFIG_MAP)
    assert after["metadata"]["name"] != before["metadata"]["name"]


def test_a_provider_may_let_config_maps_change(sandbox: SandboxFixture) -> None:
    def program(mode: str) -> None:
        provider = k8s.Provider("mutable", enable_config_map_mutable=True, cluster_identifier="other")
        k8s.core.v1.ConfigMap("settings", data={"mode": mode}, opts=pulumi.ResourceOptions(provider=provider))

    sandbox.up(lambda: program("fast"))
    sandbox.up(lambda: program("slow"))
    assert sandbox.steps("update") == ["settings"]
    assert sandbox.cluster().objects(CONFIG_MAP) == []
    assert len(sandbox.cluster("other").objects(CONFIG_MAP)) == 1


def test_refresh_finds_what_changed_and_what_is_gone(sandbox: SandboxFixture) -> None:
    def program() -> None:
        k8s.core.v1.Service("web", metadata={"name": "web"}, spec={"ports": [{"port": 80}]})
        k8s.core.v1.Secret("token", metadata={"name": "token"}, string_data={"key": "s3cret"})
        _named(mode="fast")

    sandbox.up(program)
    cluster = sandbox.cluster()
    service = cluster.get(SERVICE, "default", "web")
    assert service is not None
    service["spec"]["ports"][0]["port"] = 81
    cluster.put(SERVICE, "default", "web", service)
    secret = cluster.get(SECRET, "default", "token")
    assert secret is not None
    secret["data"]["key"] = "b3RoZXI="
    cluster.put(SECRET, "default", "token", secret)
    cluster.remove(CONFIG_MAP, "default", "settings")
    result = sandbox.refresh()
    assert result.changes["update"] == 2
    assert result.changes["delete"] == 1
    sandbox.up()
    assert sandbox.steps("create") == ["settings"]
    assert "web" in sandbox.steps("update")
    after = cluster.get(SERVICE, "default", "web")
    assert after is not None
    assert after["spec"]["ports"][0]["port"] == 80
    changed = cluster.get(SECRET, "default", "token")
    assert changed is not None
    assert changed["data"] == {"key": "czNjcmV0"}


def test_a_namespace_takes_its_content_with_it(sandbox: SandboxFixture) -> None:
    sandbox.up(lambda: [k8s.core.v1.Namespace("shop", metadata={"name": "shop"}), None][1])
    cluster = sandbox.cluster()
    stray = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray", "namespace": "shop"}}
    cluster.put(CONFIG_MAP, "shop", "stray", stray)
    sandbox.destroy()
    assert cluster.objects(CONFIG_MAP) == []


def test_a_foreign_finalizer_holds_the_deletion_and_says_so(sandbox: SandboxFixture) -> None:
    def program(finalizers: list[str]) -> None:
        widget({"size": 1}, [widgets()], name="first", finalizers=finalizers)

    sandbox.up(lambda: program(["kueue.x-k8s.io/resource-in-use"]))
    with pytest.raises(SandboxError, match=r"finalizer kueue.x-k8s.io/resource-in-use.*remove"):
        sandbox.destroy()
    assert len(sandbox.cluster().objects(WIDGET)) == 1
    sandbox.up(lambda: program([]))
    sandbox.destroy()
    assert sandbox.cluster().objects(WIDGET) == []


def test_a_definition_takes_its_objects_with_it(sandbox: SandboxFixture) -> None:
    sandbox.up(lambda: widgets() and None)
    cluster = sandbox.cluster()
    stray = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "x", "namespace": "default"},
    }
    cluster.put(WIDGET, "default", "x", stray)
    sandbox.destroy()
    assert cluster.objects(WIDGET) == []


def test_yaml_of_many_objects(sandbox: SandboxFixture) -> None:
    text = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: "1"}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "registry/agent:1"}]}
"""
    sandbox.up(lambda: k8s.yaml.ConfigGroup("all", yaml=[text]) and None)
    assert sandbox.cluster().get(CONFIG_MAP, "default", "one") is not None
    assert sandbox.cluster().get(GroupKind("apps", "DaemonSet"), "kube-system", "agent") is not None
    assert sandbox.up().changes.get("update", 0) == 0
    sandbox.destroy()
    assert sandbox.cluster().objects(CONFIG_MAP) == []


def test_a_helm_release_is_recorded_and_counts_its_revisions(sandbox: SandboxFixture) -> None:
    def program(version: str) -> None:
        release = k8s.helm.v3.Release(
            "operator",
            chart="gpu-operator",
            version=version,
            namespace="gpu",
            create_namespace=True,
            repository_opts={"repo": "https://charts.example.com"},
            values={"driver": {"enabled": True}},
        )
        pulumi.export("revision", release.status["revision"])

    sandbox.up(lambda: program("v25.3.0"))
    assert sandbox.outputs["revision"] == 1
    assert sandbox.up().changes.get("update", 0) == 0
    assert sandbox.refresh().changes.get("update", 0) == 0
    sandbox.up(lambda: program("v25.3.1"))
    assert sandbox.outputs["revision"] == 2
    sandbox.destroy()
    assert sandbox.cluster().objects(GroupKind("helm.sh", "Release")) == []


def test_the_provider_s_namespace_is_the_default_and_moves_objects(sandbox: SandboxFixture) -> None:
    def program(namespace: str) -> None:
        provider = k8s.Provider("here", namespace=namespace)
        k8s.core.v1.ConfigMap("settings", opts=pulumi.ResourceOptions(provider=provider))

    sandbox.up(lambda: program("kube-public"))
    assert len(sandbox.cluster().objects(CONFIG_MAP, "kube-public")) == 1
    sandbox.up(lambda: program("kube-system"))
    assert sandbox.steps("replace") == ["settings"]
    assert len(sandbox.cluster().objects(CONFIG_MAP, "kube-system")) == 1
    assert sandbox.cluster().objects(CONFIG_MAP, "kube-public") == []


def test_kubeconfigs_of_two_servers_are_two_clusters(sandbox: SandboxFixture) -> None:
    def kubeconfig(server: str) -> str:
        return f"""
apiVersion: v1
kind: Config
clusters: [{{name: kubernetes, cluster: {{server: "https://{server}"}}}}]
contexts: [{{name: admin, context: {{cluster: kubernetes, user: admin}}}}]
current-context: admin
"""

    def program() -> None:
        for server in ("one.example.com:6443", "two.example.com:6443"):
            provider = k8s.Provider(server, kubeconfig=kubeconfig(server))
            k8s.core.v1.ConfigMap(
                server,
                metadata={"name": "settings"},
                opts=pulumi.ResourceOptions(provider=provider),
            )

    sandbox.up(program)
    for server in ("one.example.com:6443", "two.example.com:6443"):
        assert len(sandbox.cluster(server).objects(CONFIG_MAP)) == 1
