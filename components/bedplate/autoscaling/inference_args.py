"""How inference follows its load: plain data, as an environment's file has it, and its cross-checks."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.autoscaling.keda import KedaHandle
from bedplate.core import Args, In
from bedplate.core.errors import Problem, Problems
from bedplate.gpu.labels import label_value
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sLabel, K8sName

SignalKind = Literal["gpu-utilization", "queue-length", "tokens-per-second", "latency", "query"]

_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[^\s]*)?")


def prometheus_address(value: str) -> str:
    """The URL of a Prometheus server, given back. Raises ValueError where it is none."""
    if not _URL.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the address of a Prometheus server; allowed: http(s)://host[:port][/path]; "
            "correct it"
        )
    return value


class ScalingSignal(Args):
    """What replicas are counted by.

    Attributes:
        name: The signal's name, unique among those of the deployment.
        kind: "gpu-utilization": percent of the GPUs' time, averaged over the replicas (DCGM).
            "queue-length": requests that wait, per replica. "tokens-per-second": tokens made, per replica.
            "latency": seconds until the first token, 95th percentile. "query": a query of your own.
            Queue, tokens and latency are read from vLLM's metrics unless `query` says otherwise.
        threshold: The value to be held, in the unit of `kind`: more replicas above it, fewer below.
        activation_threshold: The value above which the first replica is started; 0: above nothing.
        query: PromQL that gives one number; required for "query". KEDA only.
        metric_type: For "query": whether the number is divided by the replicas ("AverageValue") or held as it
            is ("Value").
        metric_name: For the method "hpa": the pods' metric as the Prometheus adapter names it.
    """

    name: K8sLabel
    kind: SignalKind
    threshold: float = Field(gt=0, allow_inf_nan=False)
    activation_threshold: float = Field(default=0, ge=0, allow_inf_nan=False)
    query: Annotated[str, Field(min_length=1)] | None = None
    metric_type: Literal["AverageValue", "Value"] = "AverageValue"
    metric_name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if self.kind == "query" and self.query is None and self.metric_name is None:
            problems.add(
                "query", "nothing given for kind 'query'; allowed: PromQL that gives one number; add it"
            )
        if self.kind == "gpu-utilization" and self.threshold > 100:
            problems.add(
                "threshold",
                f"{self.threshold:g} percent of utilization; allowed: above 0 to 100; choose about 70, so "
                "that "
                "there is room while a replica starts",
            )
        problems.raise_if_any()
        return self

    @property
    def needs_replicas(self) -> bool:
        """Whether the replicas themselves measure it: with none of them there is nothing to be read."""
        return self.kind != "query"


class ScalingFallback(Args):
    """What holds while a signal cannot be read.

    Attributes:
        failures: Readings in a row that must fail.
        replicas: Replicas from then on.
    """

    failures: int = Field(default=3, ge=1)
    replicas: int = Field(ge=0)


class InferenceAutoscalerArgs(Args):
    """Arguments of InferenceAutoscaler.

    Attributes:
        cluster: The cluster that the deployment runs on.
        pool: The name of the node pool that its replicas run on.
        namespace: The deployment's namespace.
        deployment: The deployment's name. Its own `replicas` must be left out, or each deployment of it
            would undo what the autoscaler set.
        pod_labels: Labels that its pods have and no others, for the disruption budget.
        method: "keda", which reads Prometheus; or "hpa" alone, which reads pods' metrics that the Prometheus
            adapter serves.
        keda: The controller, for the method "keda".
        prometheus_url: The Prometheus server that is asked, for the method "keda".
        authentication: A TriggerAuthentication of the namespace that says how; none by default.
        signals: What replicas are counted by; the one that wants most replicas decides.
        min_replicas: Never fewer; 0 only with "keda" and a signal that needs no replica.
        max_replicas: Never more.
        gpus_per_replica: GPUs that one replica asks for.
        polling_seconds: How often signals are read.
        cooldown_seconds: How long nothing must have been asked before the last replica goes.
        scale_down_stabilization_seconds: The highest count wanted within this time holds, so that a lull does
            not end replicas whose models took minutes to load.
        scale_up_stabilization_seconds: The same upwards, with the lowest count.
        scale_up_replicas_per_minute: At most so many more in a minute.
        scale_down_replicas_per_minute: At most so many fewer in a minute.
        fallback: What holds while signals cannot be read; absent: whatever ran goes on. KEDA only.
        disruption_budget: Whether evictions may take one replica at a time only.
    """

    cluster: InstanceOf[KubernetesHandle]
    pool: str
    namespace: K8sName
    deployment: K8sName
    pod_labels: dict[str, Annotated[str, AfterValidator(label_value)]] = Field(min_length=1)
    method: Literal["keda", "hpa"] = "keda"
    keda: InstanceOf[KedaHandle] | None = None
    prometheus_url: In[Annotated[str, AfterValidator(prometheus_address)]] | None = None
    authentication: K8sName | None = None
    signals: tuple[ScalingSignal, ...] = Field(min_length=1)
    min_replicas: int = Field(default=1, ge=0)
    max_replicas: int = Field(ge=1)
    gpus_per_replica: int = Field(default=1, ge=0)
    polling_seconds: int = Field(default=15, ge=1, le=3600)
    cooldown_seconds: int = Field(default=600, ge=0)
    # The API server takes up to an hour for each of the two windows
    # (Kubernetes API, HorizontalPodAutoscaler v2, HPAScalingRules; from memory).
    scale_down_stabilization_seconds: int = Field(default=300, ge=0, le=3600)
    scale_up_stabilization_seconds: int = Field(default=0, ge=0, le=3600)
    scale_up_replicas_per_minute: int = Field(default=4, ge=1)
    scale_down_replicas_per_minute: int = Field(default=1, ge=1)
    fallback: ScalingFallback | None = None
    disruption_budget: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if self.min_replicas > self.max_replicas:
            problems.add(
                "min_replicas",
                f"{self.min_replicas} is above max_replicas {self.max_replicas}; allowed: 0 to "
                f"{self.max_replicas}; lower it, or raise max_replicas",
            )
        problems.extend(self._method())
        problems.extend(self._room())
        problems.extend(self._signals())
        if self.fallback is not None and not self.min_replicas <= self.fallback.replicas <= self.max_replicas:
            problems.add(
                "fallback.replicas",
                f"{self.fallback.replicas} is outside min_replicas and max_replicas; allowed: "
                f"{self.min_replicas} to {self.max_replicas}; choose one in that range",
            )
        problems.raise_if_any()
        return self

    def _method(self) -> Iterator[Problem]:
        if self.method == "keda":
            if self.keda is None:
                yield Problem(
                    "keda", "nothing given for method 'keda'; allowed: KedaController's handle; give it"
                )
            elif self.keda.watch_namespaces and self.namespace not in self.keda.watch_namespaces:
                yield Problem(
                    "namespace",
                    f"{self.namespace!r} is not watched by KEDA; allowed: "
                    f"{', '.join(self.keda.watch_namespaces)}; add it to the controller's watch_namespaces",
                )
            if self.prometheus_url is None:
                yield Problem(
                    "prometheus_url", "nothing given for method 'keda'; allowed: http(s)://host:port; give it"
                )
            return
        if self.min_replicas == 0:
            yield Problem(
                "min_replicas",
                "0 with method 'hpa', which cannot start the first replica; allowed: 1 or more; raise it, or "
                "use method 'keda'",
            )
        for field, value in (
            ("keda", self.keda),
            ("fallback", self.fallback),
            ("authentication", self.authentication),
        ):
            if value is not None:
                yield Problem(field, "given with method 'hpa'; allowed: with 'keda' only; remove it")

    def _signals(self) -> Iterator[Problem]:
        names = [signal.name for signal in self.signals]
        if len(set(names)) != len(names):
            yield Problem("signals", "two have the same name; allowed: each name once; rename one")
        if (
            self.method == "keda"
            and self.min_replicas == 0
            and all(one.needs_replicas for one in self.signals)
        ):
            yield Problem(
                "signals",
                "each is measured by the replicas, so that after the last one nothing would ever start the "
                "next; allowed with min_replicas 0: at least one of kind 'query' that something else "
                "measures, "
                "such as the gateway's requests; add it, or set min_replicas to 1",
            )
        for index, signal in enumerate(self.signals):
            at = f"signals[{index}]"
            if self.method == "keda" and signal.kind == "query" and signal.query is None:
                yield Problem(f"{at}.query", "nothing given for kind 'query'; allowed: PromQL; add it")
            if self.method == "hpa" and signal.query is not None:
                yield Problem(
                    f"{at}.query", "given with method 'hpa'; allowed: metric_name; name the adapter's metric"
                )
            if self.method == "hpa" and signal.kind in ("latency", "query") and signal.metric_name is None:
                yield Problem(
                    f"{at}.metric_name",
                    f"nothing given for kind {signal.kind!r} with method 'hpa'; allowed: the name of a pods' "
                    "metric that the Prometheus adapter serves; give it",
                )
            if signal.activation_threshold and self.min_replicas > 0:
                yield Problem(
                    f"{at}.activation_threshold",
                    f"{signal.activation_threshold:g} has no effect with min_replicas {self.min_replicas}; "
                    "allowed: with 0 only; remove it",
                )

    def _room(self) -> Iterator[Problem]:
        try:
            pool = self.cluster.pool(self.pool)
        except ValueError as error:
            yield Problem("pool", str(error))
            return
        if self.gpus_per_replica == 0:
            return
        if pool.accelerator is None:
            yield Problem(
                "gpus_per_replica",
                f"{self.gpus_per_replica} on {pool.name}, whose nodes have no GPU; allowed: 0 there; "
                "choose a "
                "pool with GPUs",
            )
            return
        per_node = pool.accelerator.count // self.gpus_per_replica
        if per_node == 0:
            yield Problem(
                "gpus_per_replica",
                f"{self.gpus_per_replica} on {pool.name}, whose nodes have {pool.accelerator.count}; "
                "allowed: up "
                f"to {pool.accelerator.count}; a replica is one pod on one node: lower it, or choose larger "
                "machines",
            )
        elif self.max_replicas > per_node * pool.max_nodes:
            yield Problem(
                "max_replicas",
                f"{self.max_replicas} replicas of {self.gpus_per_replica} GPUs; allowed: "
                f"{per_node * pool.max_nodes}, what {pool.max_nodes} nodes of {pool.name} with "
                f"{pool.accelerator.count} GPUs each hold; lower it, or let the pool grow",
            )
