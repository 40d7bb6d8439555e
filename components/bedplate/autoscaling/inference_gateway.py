"""The way in to inference services: a gateway with TLS, its routes, and how they treat replicas."""

import pulumi

from bedplate.autoscaling.gateway import ENVOY_API, GATEWAY_API
from bedplate.autoscaling.gateway_args import GatewayRoute, InferenceGatewayArgs
from bedplate.autoscaling.gateway_spec import (
    Grant,
    backend_policy_spec,
    client_policy_spec,
    gateway_spec,
    grants,
    redirect_spec,
    route_spec,
)
from bedplate.core.naming import child
from bedplate.kubernetes.closed import close
from bedplate.kubernetes.objects import custom_object, namespace


class InferenceGateway(pulumi.ComponentResource):
    """A Gateway whose name is the component's, with its routes.

    Attributes:
        hostnames: The hosts that it answers for, to be pointed at its load balancer.
    """

    hostnames: tuple[str, ...]

    def __init__(
        self, name: str, args: InferenceGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:InferenceGateway", name, None, opts)
        self._name = name
        self._args = args
        after = list(args.gateway.after)
        if args.make_namespace:
            after += self._home(after)
        # Leave comes first, so that no listener or route is without its certificate or service for a while.
        granted = [self._grant(grant, after) for grant in grants(name, args, args.routes)]
        made = custom_object(
            self,
            child(name, "gateway"),
            api_version=f"{GATEWAY_API}/v1",
            kind="Gateway",
            object_name=name,
            namespace=args.namespace,
            spec=gateway_spec(name, args),
            annotations=self._issuer(),
            after=[*after, *granted],
        )
        if args.redirect_http:
            custom_object(
                self,
                child(name, "redirect"),
                api_version=f"{GATEWAY_API}/v1",
                kind="HTTPRoute",
                object_name=f"{name}-redirect",
                namespace=args.namespace,
                spec=redirect_spec(name),
                after=[made],
            )
        if args.gateway.implementation == "envoy":
            custom_object(
                self,
                child(name, "clients"),
                api_version=ENVOY_API,
                kind="ClientTrafficPolicy",
                object_name=name,
                namespace=args.namespace,
                spec=client_policy_spec(name, args),
                after=[made],
            )
        for route_name, route in args.routes.items():
            self._route(route_name, route, made)
        self.hostnames = tuple(listener.hostname for listener in args.listeners.values())
        self.register_outputs({"hostnames": list(self.hostnames)})

    def _home(self, after: list[pulumi.Resource]) -> list[pulumi.Resource]:
        """The namespace, and who may reach its pods."""
        args, base = self._args, child(self._name, "namespace")
        home = namespace(self, base, object_name=args.namespace, after=after)
        proxies = [] if args.gateway.namespace is None else [args.gateway.namespace]
        made = [
            home,
            *close(
                self,
                base,
                namespace=args.namespace,
                after=[home],
                from_namespaces=sorted({args.namespace, *proxies, *args.allowed_namespaces}),
            ),
        ]
        if args.gateway.implementation == "cilium":
            # Its proxies are on the nodes, where no network policy of Kubernetes could name them.
            made.append(
                custom_object(
                    self,
                    f"{base}-open-to-gateway",
                    api_version="cilium.io/v2",
                    kind="CiliumNetworkPolicy",
                    object_name="open-to-gateway",
                    namespace=args.namespace,
                    spec={"endpointSelector": {}, "ingress": [{"fromEntities": ["ingress"]}]},
                    after=[home],
                )
            )
        return made

    def _issuer(self) -> dict[str, str]:
        """What cert-manager reads: it makes the secrets that listeners name.

        https://cert-manager.io/docs/usage/gateway/ (from memory)
        """
        issuer = self._args.issuer
        if issuer is None:
            return {}
        kind = "cluster-issuer" if self._args.issuer_kind == "ClusterIssuer" else "issuer"
        return {f"cert-manager.io/{kind}": issuer}

    def _grant(self, grant: Grant, after: list[pulumi.Resource]) -> pulumi.Resource:
        return custom_object(
            self,
            child(self._name, f"grant-{grant.namespace}-{grant.slug}"),
            api_version=f"{GATEWAY_API}/v1beta1",
            kind="ReferenceGrant",
            object_name=f"{self._name}-{grant.slug}"[:253],
            namespace=grant.namespace,
            spec=grant.spec(),
            after=after,
        )

    def _route(self, route_name: str, route: GatewayRoute, gateway: pulumi.Resource) -> None:
        home = route.namespace or self._args.namespace
        made = custom_object(
            self,
            child(self._name, f"route-{route_name}"),
            api_version=f"{GATEWAY_API}/v1",
            kind="HTTPRoute",
            object_name=f"{self._name}-{route_name}",
            namespace=home,
            spec=route_spec(self._name, self._args, route),
            after=[gateway],
        )
        if self._args.gateway.implementation == "envoy":
            custom_object(
                self,
                child(self._name, f"traffic-{route_name}"),
                api_version=ENVOY_API,
                kind="BackendTrafficPolicy",
                object_name=f"{self._name}-{route_name}",
                namespace=home,
                spec=backend_policy_spec(f"{self._name}-{route_name}", route),
                after=[made],
            )
