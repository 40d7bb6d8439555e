"""The controller of gateways: Envoy Gateway, or Cilium's own where the network has it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import pulumi
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.cert_manager import chart_values
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.handles import KubernetesHandle, Platform
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import custom_object, namespace

# Envoys' listeners for 443 and 80, their readiness and metrics; the controller's xDS, rate limits, Wasm
# modules and webhook (envoyproxy/gateway v1.9.1, charts/gateway-helm; those of Envoys from memory).
_PORTS = (10443, 10080, 19001, 19003, 18000, 18001, 18002, 9443)
# The webhook and metrics (cert-manager v1.21.2, deploy/charts/cert-manager/values.yaml).
_CERT_MANAGER_PORTS = (10250, 9402)

GATEWAY_API = "gateway.networking.k8s.io"
ENVOY_API = "gateway.envoyproxy.io/v1alpha1"

Implementation = Literal["envoy", "cilium"]


def _cidr(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(
            f"{value!r} is not a range of addresses ({error}); allowed: such as 198.51.100.0/24; correct it"
        ) from None
    return value


class GatewayControllerArgs(Args):
    """Arguments of GatewayController.

    Attributes:
        cluster: The cluster that it runs on.
        implementation: "envoy": Envoy Gateway is installed. "cilium": Cilium's is used, which the network
            must have been given; it has no active health checks, retries by policy or rate limits.
        namespace: Where Envoy Gateway and its proxies run, made here.
        class_name: The GatewayClass, made here for Envoy; "cilium" with Cilium.
        replicas: Controllers; one leads, the others wait.
        proxies: Envoys of a gateway at least.
        max_proxies: Envoys of a gateway at most; they follow their CPU.
        internet_facing: Whether load balancers get public addresses: only then, and only for `source_cidrs`.
        source_cidrs: Who may reach load balancers; of the network whoever by default. Required with
            internet_facing ("0.0.0.0/0" says that everybody may).
        address_pool: On-prem: the MetalLB pool that addresses come from; any pool by default.
        cert_manager: Whether cert-manager is installed, which makes certificates for gateways.
    """

    cluster: InstanceOf[KubernetesHandle]
    implementation: Implementation = "envoy"
    namespace: K8sName = "envoy-gateway-system"
    class_name: K8sName | None = None
    replicas: int = Field(default=2, ge=1, le=5)
    proxies: int = Field(default=2, ge=1, le=100)
    max_proxies: int = Field(default=10, ge=1, le=500)
    internet_facing: bool = False
    source_cidrs: tuple[Annotated[str, AfterValidator(_cidr)], ...] = ()
    address_pool: K8sName | None = None
    cert_manager: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        platform = self.cluster.platform
        if self.internet_facing and platform == "onprem":
            problems.add(
                "internet_facing",
                "true on onprem, where the address pool decides who reaches it; allowed: false; remove it, "
                "and "
                "choose address_pool",
            )
        elif self.internet_facing and not self.source_cidrs:
            problems.add(
                "source_cidrs",
                "nothing given with internet_facing; allowed: the ranges that may reach it, or 0.0.0.0/0 "
                "where "
                "everybody may; say which",
            )
        if self.address_pool is not None and platform != "onprem":
            problems.add(
                "address_pool", f"{self.address_pool!r} on {platform}; allowed: on-prem only; remove it"
            )
        if self.proxies > self.max_proxies:
            problems.add(
                "proxies",
                f"{self.proxies} is above max_proxies {self.max_proxies}; allowed: 1 to {self.max_proxies}; "
                "lower it, or raise max_proxies",
            )
        if self.implementation == "cilium":
            if self.class_name not in (None, "cilium"):
                problems.add(
                    "class_name",
                    f"{self.class_name!r} with Cilium, which makes its class itself; allowed: cilium; "
                    "remove it",
                )
            if self.source_cidrs:
                problems.add(
                    "source_cidrs",
                    "given with Cilium, whose load balancers take none from a gateway; allowed: with "
                    "Envoy; use "
                    "implementation envoy, or a CiliumNetworkPolicy",
                )
        problems.raise_if_any()
        return self


@dataclass(frozen=True, kw_only=True)
class GatewayHandle:
    """A controller of gateways, as gateways see it.

    Attributes:
        class_name: The GatewayClass.
        implementation: Whose it is; decides which policies there are.
        platform: Where load balancers come from.
        annotations: What a gateway must say of its load balancer.
        namespace: Where its proxies run; None where they are the network's own.
        after: What brings the class and the definitions.
    """

    class_name: str
    implementation: Implementation
    platform: Platform
    annotations: Mapping[str, str]
    namespace: str | None = None
    after: tuple[pulumi.Resource, ...]


class GatewayController(pulumi.ComponentResource):
    """The controller of gateways and their class; cert-manager besides, where it is asked for.

    Attributes:
        handle: What gateways need of it.
    """

    handle: GatewayHandle

    def __init__(
        self, name: str, args: GatewayControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:GatewayController", name, None, opts)
        after: list[pulumi.Resource] = list(args.cluster.ready)
        class_name = "cilium" if args.implementation == "cilium" else (args.class_name or "envoy")
        if args.implementation == "envoy":
            after.append(self._envoy(name, args, class_name, after))
        if args.cert_manager:
            # It ends at its start where the definitions of the Gateway API are missing.
            after.append(self._cert_manager(name, args, after))
        self.handle = GatewayHandle(
            class_name=class_name,
            implementation=args.implementation,
            platform=args.cluster.platform,
            # Envoy's class says it once for all gateways.
            annotations=service_annotations(args) if args.implementation == "cilium" else {},
            namespace=args.namespace if args.implementation == "envoy" else None,
            after=tuple(after),
        )
        self.register_outputs({"className": class_name})

    def _cert_manager(
        self, name: str, args: GatewayControllerArgs, before: list[pulumi.Resource]
    ) -> pulumi.Resource:
        home = namespace(self, child(name, "certificates"), object_name="cert-manager", after=before)
        doors = close(
            self,
            child(name, "certificates"),
            namespace="cert-manager",
            after=[home],
            ports=_CERT_MANAGER_PORTS,
        )
        return release(
            self,
            child(name, "cert-manager"),
            chart_name="cert-manager",
            namespace="cert-manager",
            values=chart_values(args.replicas, gateway_api=True, budget=True),
            after=[home, *doors],
        )

    def _envoy(
        self, name: str, args: GatewayControllerArgs, class_name: str, before: list[pulumi.Resource]
    ) -> pulumi.Resource:
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=before)
        doors = close(self, child(name, "namespace"), namespace=args.namespace, after=[home], ports=_PORTS)
        chart = release(
            self,
            child(name, "chart"),
            chart_name="gateway-helm",
            namespace=args.namespace,
            values={
                "deployment": {
                    "replicas": args.replicas,
                    "priorityClassName": "system-cluster-critical",
                    "envoyGateway": {
                        "resources": {
                            "requests": {"cpu": "100m", "memory": "256Mi"},
                            "limits": {"cpu": "1", "memory": "1024Mi"},
                        }
                    },
                },
                "podDisruptionBudget": {"minAvailable": 1 if args.replicas > 1 else 0},
            },
            after=[home, *doors],
        )
        proxy = custom_object(
            self,
            child(name, "proxy"),
            api_version=ENVOY_API,
            kind="EnvoyProxy",
            object_name=class_name,
            namespace=args.namespace,
            spec=proxy_spec(args),
            after=[chart],
        )
        return custom_object(
            self,
            child(name, "class"),
            api_version=f"{GATEWAY_API}/v1",
            kind="GatewayClass",
            object_name=class_name,
            spec={
                "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
                "parametersRef": {
                    "group": "gateway.envoyproxy.io",
                    "kind": "EnvoyProxy",
                    "name": class_name,
                    "namespace": args.namespace,
                },
            },
            after=[proxy],
        )


def service_annotations(args: GatewayControllerArgs) -> dict[str, str]:
    """What the load balancer's service says to the platform.

    AWS Load Balancer Controller, "Network Load Balancer" annotations; Google Cloud, "Internal TCP/UDP load
    balancing"; MetalLB, "Usage" (all from memory).
    """
    if args.cluster.platform == "eks":
        kind = "service.beta.kubernetes.io/aws-load-balancer"
        return {
            f"{kind}-type": "external",
            f"{kind}-nlb-target-type": "ip",
            f"{kind}-scheme": "internet-facing" if args.internet_facing else "internal",
            f"{kind}-attributes": "load_balancing.cross_zone.enabled=true,deletion_protection.enabled=false",
        }
    if args.cluster.platform == "gke":
        return {} if args.internet_facing else {"networking.gke.io/load-balancer-type": "Internal"}
    return {} if args.address_pool is None else {"metallb.io/address-pool": args.address_pool}


def proxy_spec(args: GatewayControllerArgs) -> dict[str, object]:
    """How Envoys run, and the load balancer in front of them."""
    service: dict[str, object] = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    annotations = service_annotations(args)
    if annotations:
        service["annotations"] = annotations
    if args.cluster.platform == "eks":
        service["loadBalancerClass"] = "service.k8s.aws/nlb"
    if args.source_cidrs:
        service["loadBalancerSourceRanges"] = list(args.source_cidrs)
    return {
        "provider": {
            "type": "Kubernetes",
            "kubernetes": {
                "envoyDeployment": {
                    "container": {
                        "resources": {
                            "requests": {"cpu": "500m", "memory": "512Mi"},
                            "limits": {"cpu": "2", "memory": "2Gi"},
                        }
                    }
                },
                "envoyHpa": {
                    "minReplicas": args.proxies,
                    "maxReplicas": args.max_proxies,
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {
                                "name": "cpu",
                                "target": {"type": "Utilization", "averageUtilization": 60},
                            },
                        }
                    ],
                },
                "envoyPDB": {"maxUnavailable": 1},
                "envoyService": service,
            },
        },
        # Answers of a model take minutes to stream; those that run may end.
        "shutdown": {"drainTimeout": "300s", "minDrainDuration": "10s"},
    }
