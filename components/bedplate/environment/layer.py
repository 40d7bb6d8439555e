"""How the parts of the Kubernetes layer are wired together, on whichever cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from bedplate.autoscaling.gateway import GatewayController, GatewayControllerArgs, GatewayHandle
from bedplate.autoscaling.gateway_args import InferenceGatewayArgs
from bedplate.autoscaling.inference_gateway import InferenceGateway
from bedplate.environment.building import NOTHING, standing_in
from bedplate.environment.layer_parts import Aws, LayerParts, resources, wire_gpus
from bedplate.environment.layer_work import wire_queues, wire_scaling, wire_trainer
from bedplate.environment.namespaces import AgentNamespace, AgentNamespaceArgs
from bedplate.environment.settings import given
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.kubernetes.cert_manager import CertManager, CertManagerArgs, CertManagerHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle, prometheus_url
from bedplate.monitoring.kubernetes.logs import LogShipping, LogShippingArgs
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.monitoring.kubernetes.stack import TrainingMonitoring, TrainingMonitoringArgs, groups_for
from bedplate.network.onprem_policies import DefaultDenyPolicies, DefaultDenyPoliciesArgs
from bedplate.queueing.handles import KueueHandle
from bedplate.queueing.jobset import JobSetHandle
from bedplate.storage.handles import ObjectStoreHandle

__all__ = ["Aws", "Buckets", "Doors", "Layer", "LayerWiring"]

# The environment's buckets, by name; or what makes them once the namespaces that they are claimed from are
# there, given what makes each namespace.
Buckets = (
    Mapping[str, ObjectStoreHandle]
    | Callable[[Mapping[str, tuple[pulumi.Resource, ...]]], Mapping[str, ObjectStoreHandle]]
)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What the layer hands on. Each is None where that part was not asked for, or is refused."""

    queues: KueueHandle | None = None
    monitoring: MonitoringHandle | None = None
    gateway: GatewayHandle | None = None
    gpus: tuple[GpuLayerHandle, ...] = ()
    jobset: JobSetHandle | None = None


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What the outside comes in by. Each is None where that part was not asked for."""

    gateway: GatewayHandle | None = None
    certificates: CertManagerHandle | None = None


@dataclass(frozen=True, kw_only=True)
class LayerWiring(LayerParts):
    """The wiring of one cluster's layer: `stack` first, then the cluster's storage, then `rest`."""

    def doors(self, monitoring: MonitoringHandle | None) -> Doors:
        """The gateways' controller and cert-manager, which object stores may need; after Prometheus."""
        gateway = self._gateway()
        return Doors(gateway=gateway, certificates=self._certificates(gateway, monitoring))

    def rest(
        self,
        monitoring: MonitoringHandle | None,
        buckets: Buckets | None = None,
        doors: Doors | None = None,
    ) -> Layer:
        """Everything but the Prometheus stack; `doors` where they are there already."""
        doors = doors or self.doors(monitoring)
        gateway, certificates = doors.gateway, doors.certificates
        homes = self._gateways(gateway, certificates)
        gpus = wire_gpus(self, certificates, monitoring)
        nodes = wire_scaling(self, certificates, monitoring)
        drivers = [one for layer in gpus for one in layer.after]
        queues = wire_queues(self, certificates, monitoring, (*nodes, *drivers))
        for queue in queues.queues.values() if queues is not None else ():
            homes.setdefault(queue.namespace, queue.after)
        homes |= self._policies(homes)
        homes |= self._agents_home(monitoring)
        found = buckets(homes) if callable(buckets) else buckets or {}
        jobset = wire_trainer(self, queues, certificates, monitoring)
        self._logs(monitoring, found, homes)
        self._alerts(monitoring, queues)
        return Layer(queues=queues, monitoring=monitoring, gateway=gateway, gpus=gpus, jobset=jobset)

    def stack(self, *after: pulumi.Resource) -> MonitoringHandle | None:
        """Prometheus, before everything else: what others tell it needs its operator's definitions."""
        stack = self.settings.monitoring.stack
        if stack is None:
            return None
        return self.build.add(
            "monitoring",
            f"{self.path}.monitoring.stack",
            PrometheusStack,
            PrometheusStackArgs,
            {**given(stack), "cluster": self.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: MonitoringHandle(
                namespace=args.namespace,
                release=args.release_name,
                cluster=self.cluster.name,
                prometheus_url=prometheus_url(args.release_name, args.namespace),
                alertmanager_name=f"{args.release_name}-alertmanager",
                routes_name=args.alertmanager.routes_name,
            ),
            options=self.options(*after),
        )

    def _alerts(self, monitoring: MonitoringHandle | None, queues: KueueHandle | None) -> None:
        alerts = self.settings.monitoring.alerts
        if alerts is None:
            return
        values = given(alerts)
        if "groups" not in values:
            values["groups"] = groups_for(
                self.cluster,
                ceph=self.ceph,
                queues=queues is not None,
                logs=self.settings.monitoring.logs is not None,
            )
        self.build.add(
            "alerts",
            f"{self.path}.monitoring.alerts",
            TrainingMonitoring,
            TrainingMonitoringArgs,
            {**values, "stack": monitoring, "cluster": self.cluster.name},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self.options(),
        )

    # The key of the archive's bucket is in the agents' namespace, so that the namespace comes first, then the
    # bucket, then the agents.

    def _agents_home(self, monitoring: MonitoringHandle | None) -> dict[str, tuple[pulumi.Resource, ...]]:
        logs = self.settings.monitoring.logs
        if logs is None or self.settings.monitoring.log_archive is None or not logs.make_namespace:
            return {}
        made = self.build.add(
            "logs-namespace",
            f"{self.path}.monitoring.logs",
            AgentNamespace,
            AgentNamespaceArgs,
            {"namespace": logs.namespace, "monitoring": monitoring},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self.options(),
        )
        return {} if made is None else {logs.namespace: (made,)}

    def _logs(
        self,
        monitoring: MonitoringHandle | None,
        buckets: Mapping[str, ObjectStoreHandle],
        homes: Mapping[str, tuple[pulumi.Resource, ...]],
    ) -> None:
        logs, archive = self.settings.monitoring.logs, self.settings.monitoring.log_archive
        if logs is None:
            return
        apart: dict[str, object] = {}
        if archive is not None:
            # A bucket that is not there is told of by its own path.
            unknown = standing_in(ObjectStoreHandle, credentials=NOTHING)
            apart = {"make_namespace": False, "archive": buckets.get(archive, unknown)}
        self.build.add(
            "logs",
            f"{self.path}.monitoring.logs",
            LogShipping,
            LogShippingArgs,
            {
                **given(logs),
                **apart,
                "cluster": self.cluster,
                "monitoring": monitoring,
            },
            handle=lambda made: made.handle,
            stand_in=lambda _: None,
            options=self.options(*resources(monitoring), *homes.get(logs.namespace, ())),
        )

    def _policies(
        self, homes: Mapping[str, tuple[pulumi.Resource, ...]]
    ) -> dict[str, tuple[pulumi.Resource, ...]]:
        """After the parts that make the namespaces in which nothing is allowed but what is named."""
        policies = self.settings.policies
        if policies is None:
            return {}
        made = self.build.add(
            "policies",
            f"{self.path}.policies",
            DefaultDenyPolicies,
            DefaultDenyPoliciesArgs,
            given(policies),
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=self.options(*(one for name in policies.namespaces for one in homes.get(name, ()))),
        )
        if made is None or not policies.make_namespaces:
            return {}
        return dict.fromkeys(policies.namespaces, (made,))

    # Certificates come after the gateway's definitions, which cert-manager looks for when it starts.

    def _gateway(self) -> GatewayHandle | None:
        gateway = self.settings.serving.gateway
        if gateway is None:
            return None
        values = given(gateway)
        if gateway.address_pool is not None:
            values["address_pool"] = self.address_pools.get(gateway.address_pool, gateway.address_pool)
        return self.build.add(
            "gateway",
            f"{self.path}.serving.gateway",
            GatewayController,
            GatewayControllerArgs,
            {**values, "cluster": self.cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: standing_in(
                GatewayHandle,
                class_name=args.class_name or args.implementation,
                implementation=args.implementation,
                platform=self.cluster.platform,
                annotations={},
                after=(),
            ),
            options=self.options(),
        )

    def _certificates(
        self, gateway: GatewayHandle | None, monitoring: MonitoringHandle | None
    ) -> CertManagerHandle | None:
        settings = self.settings.cert_manager
        if settings is None:
            return None
        values = given(settings)
        if gateway is not None:
            values.setdefault("gateway_api", True)
        if monitoring is not None:
            values.setdefault("service_monitor", True)
        return self.build.add(
            "certificates",
            f"{self.path}.cert_manager",
            CertManager,
            CertManagerArgs,
            {**values, "after": (gateway.after if gateway else ())},
            handle=lambda made: made.handle,
            stand_in=lambda args: CertManagerHandle(
                namespace=args.namespace,
                issuers=tuple(args.issuers),
                release=NOTHING,
                issuer_kinds={name: issuer.kind for name, issuer in args.issuers.items()},
            ),
            options=self.options(*resources(monitoring)),
        )

    def _gateways(
        self, gateway: GatewayHandle | None, certificates: CertManagerHandle | None
    ) -> dict[str, tuple[pulumi.Resource, ...]]:
        """The gateways; what makes the namespace of each."""
        homes: dict[str, tuple[pulumi.Resource, ...]] = {}
        for name, one in self.settings.serving.gateways.items():
            if gateway is None:
                continue
            made = self.build.add(
                f"gateway-{name}",
                f"{self.path}.serving.gateways.{name}",
                InferenceGateway,
                InferenceGatewayArgs,
                {**given(one), "gateway": gateway},
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=self.options(*([certificates.release] if certificates else [])),
            )
            if made is not None and one.make_namespace:
                homes[one.namespace] = (made,)
        return homes
