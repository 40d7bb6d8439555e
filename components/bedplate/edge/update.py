"""A model's update over the air: from the canary to all, and back when it is not well."""

import pulumi
import pulumi_kubernetes as k8s

from bedplate.catalog import image
from bedplate.core.naming import child
from bedplate.edge.agent.rollout import Plan
from bedplate.edge.handles import EdgeNodeHandle
from bedplate.edge.pods import (
    METRICS_PORT,
    Json,
    agent_code,
    agent_container,
    checked_credentials,
    code_digest,
    deployment,
    digest,
    labels,
    node_spec,
    pod_security,
    store_config,
    store_env,
    untyped,
)
from bedplate.edge.update_args import (
    GIB,
    RESERVE_GIB,
    ModelRelease,
    ModelUpdateArgs,
    UpdateWindow,
)
from bedplate.kubernetes.objects import MANAGED, options

__all__ = ["ModelRelease", "ModelUpdate", "ModelUpdateArgs", "UpdateWindow"]


class ModelUpdate(pulumi.ComponentResource):
    """One updater beside each server of the model, and one coordinator in the centre.

    The program says which version all are to have. The coordinator says how far that has come, in a ConfigMap
    that only it writes; the nodes follow as soon as their link lets them see it.
    """

    progress_name: pulumi.Output[str]
    """The ConfigMap that holds the progress, under `progress.json`."""

    def __init__(self, name: str, args: ModelUpdateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:ModelUpdate", name, None, opts)
        self._name, self._args = name, args
        self._labels = labels("bedplate-model-update", name, **{"bedplate/updates-model": args.model})
        self._code = agent_code(self, child(name, "agent"), args.edge)
        self._plan = self._config_map(
            "plan",
            {
                "plan.json": args.store.name.apply(
                    lambda bucket: Plan(
                        args.model, args.agent_release(bucket), tuple(args.planned()), args.gate.gate()
                    ).text()
                )
            },
        )
        self._progress = k8s.core.v1.ConfigMap(
            child(name, "progress"),
            metadata=untyped(self._metadata("progress")),
            data={"progress.json": ""},
            # The coordinator's memory: a run of the program must not set it back.
            opts=pulumi.ResourceOptions.merge(
                options(self, args.edge.resources), pulumi.ResourceOptions(ignore_changes=["data"])
            ),
        )
        for node in args.nodes:
            self._updater(node)
        self._coordinator()
        self._policies()
        self.progress_name = pulumi.Output.from_input(f"{name}-progress")
        self.register_outputs({"progress_name": self.progress_name})

    def _metadata(self, part: str) -> Json:
        return {
            "name": f"{self._name}-{part}",
            "namespace": self._args.edge.namespace,
            "labels": dict(MANAGED),
        }

    def _config_map(self, part: str, data: dict[str, pulumi.Output[str]]) -> k8s.core.v1.ConfigMap:
        return k8s.core.v1.ConfigMap(
            child(self._name, part),
            metadata=untyped(self._metadata(part)),
            data=untyped(data),
            opts=options(self, self._args.edge.resources),
        )

    def _updater(self, node: EdgeNodeHandle) -> None:
        args = self._args
        line = next(line for line in args.lines if node in line.nodes)

        def url(base: str, path: str | None) -> str:
            return "" if path is None else f"{base}{path}"

        settings = line.base_url.apply(
            lambda base: {
                "site": node.site,
                "health_url": url(base, line.health_path),
                "reload_url": url(base, line.reload_path),
                "idle_url": url(base, line.idle_path if args.line_idle else None),
                "probation_seconds": args.probation_seconds,
                "health_failures": args.health_failures,
                "public_key": args.public_key or "",
                "keep": args.keep,
                "limits": {
                    "bytes_per_second": (args.bandwidth_kib_per_second or 0) * 1024,
                    "reserve_bytes": round(RESERVE_GIB * GIB),
                },
                "windows": [one.model_dump(mode="json") for one in args.windows],
            }
        )
        config = pulumi.Output.json_dumps(
            {
                "root": f"/models/{args.model}",
                "labels": {"model": args.model, "site": node.site},
                "port": METRICS_PORT,
                "store": store_config(args.store),
                "settings": settings,
                "namespace": checked_credentials(args.store, args.edge),
            }
        )
        self._config_map(node.hostname, {"config.json": config})
        spec: Json = {
            **node_spec(args.edge, node),
            "securityContext": pod_security(),
            "containers": [
                agent_container(
                    image("python-slim").reference,
                    "update",
                    mounts=[{"name": "models", "mountPath": "/models"}],
                    env=store_env(args.store),
                )
            ],
            "volumes": [
                *self._volumes(f"{self._name}-{node.hostname}"),
                {"name": "models", "persistentVolumeClaim": {"claimName": node.models_claim}},
            ],
        }
        deployment(
            self,
            child(self._name, f"updater-{node.hostname}"),
            args.edge,
            pod_labels={**self._labels, "bedplate/node": node.hostname},
            spec=spec,
            annotations={"bedplate/code": code_digest(), "bedplate/config": digest(config)},
            after=[self._code, self._plan, line.resource],
        )

    def _volumes(self, config_name: str) -> list[Json]:
        return [
            {"name": "code", "configMap": {"name": f"{self._name}-agent"}},
            {
                "name": "config",
                "projected": {
                    "sources": [
                        {"configMap": {"name": config_name, "items": _item("config.json", "config.json")}},
                        {
                            "configMap": {
                                "name": f"{self._name}-plan",
                                "items": _item("plan.json", "rollout/plan.json"),
                            }
                        },
                        {
                            "configMap": {
                                "name": f"{self._name}-progress",
                                "items": _item("progress.json", "rollout/progress.json"),
                            }
                        },
                    ]
                },
            },
        ]

    def _coordinator(self) -> None:
        args = self._args
        name = child(self._name, "coordinator")
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata=untyped(self._metadata("coordinator")),
            automount_service_account_token=False,
            opts=options(self, args.edge.resources),
        )
        role = k8s.rbac.v1.Role(
            name,
            metadata=untyped(self._metadata("coordinator")),
            rules=[
                untyped(
                    {
                        "apiGroups": [""],
                        "resources": ["configmaps"],
                        "resourceNames": [f"{self._name}-progress"],
                        "verbs": ["get", "patch"],
                    }
                )
            ],
            opts=options(self, args.edge.resources),
        )
        binding = k8s.rbac.v1.RoleBinding(
            name,
            metadata=untyped(self._metadata("coordinator")),
            role_ref=untyped(
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Role",
                    "name": f"{self._name}-coordinator",
                }
            ),
            subjects=[
                untyped(
                    {
                        "kind": "ServiceAccount",
                        "name": f"{self._name}-coordinator",
                        "namespace": args.edge.namespace,
                    }
                )
            ],
            opts=options(self, [account, role]),
        )
        token = args.prometheus_token
        config = pulumi.Output.json_dumps(
            {
                "prometheus_url": args.prometheus_url,
                "token_file": "/etc/prometheus/token" if token else "",
                "namespace": args.edge.namespace,
                "progress_name": f"{self._name}-progress",
                "labels": {"model": args.model},
                "port": METRICS_PORT,
                "poll_seconds": 60,
            }
        )
        self._config_map("coordination", {"config.json": config})
        mounts: list[Json] = (
            [{"name": "token", "mountPath": "/etc/prometheus", "readOnly": True}] if token else []
        )
        volumes: list[Json] = [{"name": "token", "secret": {"secretName": token}}] if token else []
        deployment(
            self,
            name,
            args.edge,
            pod_labels=labels("bedplate-model-coordinator", self._name),
            spec={
                # Not at the edge: it must see Prometheus when no site does.
                "serviceAccountName": f"{self._name}-coordinator",
                "automountServiceAccountToken": True,
                "enableServiceLinks": False,
                "affinity": {"nodeAffinity": _not_at_the_edge()},
                "securityContext": pod_security(),
                "containers": [agent_container(image("python-slim").reference, "coordinate", mounts=mounts)],
                "volumes": [*self._volumes(f"{self._name}-coordination"), *volumes],
            },
            annotations={"bedplate/code": code_digest(), "bedplate/config": digest(config)},
            after=[binding, self._code, self._plan, self._progress],
        )

    def _policies(self) -> None:
        """The store and the model's servers for the updaters; Prometheus and the API server in the centre."""
        args = self._args
        self._policy(
            "updater",
            self._labels,
            [
                {"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 8443}]},
                *(
                    {
                        "to": [{"podSelector": {"matchLabels": line.server_labels}}],
                        "ports": [{"protocol": "TCP", "port": line.port}],
                    }
                    for line in args.lines
                ),
            ],
        )
        self._policy(
            "coordinator",
            labels("bedplate-model-coordinator", self._name),
            [{"ports": [{"protocol": "TCP", "port": port} for port in (443, 6443, 9090)]}],
        )

    def _policy(self, part: str, chosen: dict[str, str], egress: list[Json]) -> None:
        scraper = {"podSelector": {"matchLabels": {"bedplate/scrapes": "true"}}}
        k8s.networking.v1.NetworkPolicy(
            child(self._name, f"{part}-network"),
            metadata=untyped(self._metadata(part)),
            spec=untyped(
                {
                    "podSelector": {"matchLabels": chosen},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{"from": [scraper], "ports": [{"protocol": "TCP", "port": METRICS_PORT}]}],
                    "egress": egress,
                }
            ),
            opts=options(self, self._args.edge.resources),
        )


def _item(key: str, path: str) -> list[Json]:
    return [{"key": key, "path": path}]


def _not_at_the_edge() -> Json:
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "bedplate/edge", "operator": "DoesNotExist"}]}
            ]
        }
    }
