"""The gRPC services that the program talks to: Pulumi's ResourceMonitor and Engine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, resource_pb2, resource_pb2_grpc

from .deployment import Aborted, Deployment
from .goal import parse_goal
from .planner import Planner
from .provider_client import CallMissing, ProviderError
from .reads import read_resource
from .resources import Resource
from .transforms import Transforms
from .urns import is_stack, package_of
from .values import UNKNOWN, Properties, from_struct, lower_outputs, mark_secrets, reveal_all, to_struct

_Answer = TypeVar("_Answer")

# What this engine does of the features that an SDK asks for. The others change what the SDK sends, so that a
# program which needs one is refused by the SDK with that feature's name.
_FEATURES = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "outputValues": resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    "deletedWith": resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    "replaceWith": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "replacementTrigger": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    "transforms": resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    "invokeTransforms": resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
}
# How an SDK looks up a resource that it got a reference to; Pulumi's engine answers it itself as well.
_GET_RESOURCE = "pulumi:pulumi:getResource"
_SEVERITIES = {0: "debug", 1: "info", 2: "warning", 3: "error"}
# Every registration in flight holds a thread until its resource is made; the SDK sends at most four times
# `parallel`.
_THREADS = 96


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves one run. `idle` is set when the program will register nothing more; `finished` lets it go."""

    def __init__(self, deployment: Deployment, planner: Planner) -> None:
        self._d = deployment
        self._planner = planner
        self.idle = Event()
        self.finished = Event()
        self._root = ""
        self._transforms = Transforms(deployment.stack.stack, deployment.stack.project, self._parent_of)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="monitor"),
            options=(("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)),
        )
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        deployment.providers.engine_address = self.address

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.finished.set()
        self._server.stop(grace=1).wait()
        self._transforms.close()

    def _parent_of(self, urn: str) -> str:
        with self._d.lock:
            goal = self._d.seen.goals.get(urn)
        return goal.parent if goal is not None else ""

    def _guard(self, context: Any, work: Callable[[], _Answer]) -> _Answer:
        """Answer, or turn the caller away the way that an SDK understands as the end of the run."""
        try:
            with self._d.request():
                return work()
        except Aborted:
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")
        except (ValueError, ProviderError) as error:
            self._d.diagnose("error", str(error))
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")
        except CallMissing as error:
            self._d.diagnose("error", str(error))
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")
        raise AssertionError("context.abort raises")

    # ResourceMonitor

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        d = self._d
        return resource_pb2.DeploymentInfo(
            project=d.stack.project,
            stack=d.stack.stack,
            organization=d.stack.organization,
            config=dict(d.config),
            configSecretKeys=sorted(d.secret_keys),
            dryRun=d.preview,
            parallel=d.parallel,
            supportedFeatures=list(_FEATURES.values()),
        )

    def RegisterResource(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            wanted = self._transforms.resource(request)
            resource = self._planner.register(parse_goal(wanted, self._d.directory))
            # A run that failed meanwhile makes no new resource: this one's program goes no further.
            self._d.check_running()
            outputs = resource.outputs if resource.custom else {}
            return resource_pb2.RegisterResourceResponse(
                urn=resource.urn,
                id="" if resource.id == UNKNOWN else resource.id,
                object=to_struct(outputs if request.acceptSecrets else reveal_all(outputs)),
            )

        return self._guard(context, work)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            with self._d.lock:
                resource = self._d.seen.news.get(request.urn)
            if resource is None:
                raise ValueError(f"outputs for {request.urn!r}, which was not registered")
            self.set_outputs(resource, from_struct(request.outputs))
            return empty_pb2.Empty()

        return self._guard(context, work)

    def set_outputs(self, resource: Resource, outputs: Properties) -> None:
        """Record a component's outputs (the stack's are what `outputs` shows)."""
        lowered = {key: lower_outputs(item, set()) for key, item in outputs.items()}
        outputs = mark_secrets(lowered, resource.additional_secret_outputs)
        if outputs == resource.outputs and not is_stack(resource.urn):
            return
        resource.outputs = outputs
        self._d.state.finish(put=resource)

    def ReadResource(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            resource = read_resource(self._d, self._planner, request)
            self._d.check_running()
            return resource_pb2.ReadResourceResponse(
                urn=resource.urn,
                id="" if resource.id == UNKNOWN else resource.id,
                properties=to_struct(
                    resource.outputs if request.acceptSecrets else reveal_all(resource.outputs)
                ),
            )

        return self._guard(context, work)

    def _provider(self, request: Any) -> Any:
        if request.packageRef:
            raise ValueError(
                f"{request.tok} is of a parameterized package; the offline engine has no such providers"
            )
        ref = request.provider or self._planner.defaults.reference(
            package_of(request.tok), request.version, request.pluginDownloadURL
        )
        return self._d.providers.get(ref)

    def Invoke(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            wanted = self._transforms.invoke(request)
            arguments = {key: lower_outputs(item, set()) for key, item in from_struct(wanted.args).items()}
            if request.tok == _GET_RESOURCE:
                answer = {"return": to_struct(self._resource(str(arguments.get("urn"))))}
                return provider_pb2.InvokeResponse(**answer)
            client = self._provider(wanted)
            with self._d.slot():
                result, failures = client.invoke(wanted.tok, arguments, self._d.preview)
            answer = {"return": to_struct(result)}
            return provider_pb2.InvokeResponse(
                failures=[provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in failures],
                **answer,
            )

        return self._guard_program_error(context, work)

    def _resource(self, urn: str) -> Properties:
        with self._d.lock:
            resource = self._d.seen.news.get(urn)
        if resource is None:
            raise ValueError(f"no resource {urn!r} was registered in this run")
        return {"urn": urn, "id": resource.id, "state": dict(resource.outputs)}

    def _guard_program_error(self, context: Any, work: Callable[[], _Answer]) -> _Answer:
        """As `_guard`, but a provider's refusal goes to the program, which may handle it."""

        def tell() -> _Answer:
            try:
                return work()
            except ProviderError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
                raise AssertionError("context.abort raises") from error

        return self._guard(context, tell)

    def Call(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            d = self._d
            client = self._provider(request)
            dependencies: dict[str, set[str]] = {
                key: set(item.urns) for key, item in request.argDependencies.items()
            }
            arguments = {
                key: lower_outputs(item, dependencies.setdefault(key, set()))
                for key, item in from_struct(request.args).items()
            }
            call = provider_pb2.CallRequest(
                tok=request.tok,
                args=to_struct(arguments),
                argDependencies={
                    key: provider_pb2.CallRequest.ArgumentDependencies(urns=sorted(urns))
                    for key, urns in dependencies.items()
                },
                project=d.stack.project,
                stack=d.stack.stack,
                organization=d.stack.organization,
                config=dict(d.config),
                configSecretKeys=sorted(d.secret_keys),
                dryRun=d.preview,
                parallel=d.parallel,
                monitorEndpoint=self.address,
            )
            return client.call(call)

        return self._guard_program_error(context, work)

    def ExistsResource(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            if request.id == UNKNOWN:
                return resource_pb2.ExistsResourceResponse(unknown=True)
            d = self._d
            ref = request.provider or self._planner.defaults.reference(
                package_of(request.type), request.version, request.pluginDownloadURL
            )
            properties = from_struct(request.properties)
            urn = f"urn:pulumi:{d.stack.stack}::{d.stack.project}::{request.type}::exists"
            with d.slot():
                found = d.providers.get(ref).read(urn, request.id, properties, properties)
            return resource_pb2.ExistsResourceResponse(exists=bool(found.id))

        return self._guard(context, work)

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:
        self._transforms.add(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:
        self._transforms.add_invoke(request)
        return empty_pb2.Empty()

    def RegisterPackage(self, request: Any, context: Any) -> Any:
        def work() -> Any:
            raise ValueError(
                f"package {request.name!r} is parameterized; the offline engine has no such providers. Run "
                "this program with Pulumi's own engine"
            )

        return self._guard(context, work)

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:
        self.idle.set()
        self.finished.wait()
        return empty_pb2.Empty()

    # Engine

    def Log(self, request: Any, context: Any) -> Any:
        severity: Any = _SEVERITIES.get(request.severity, "info")
        if severity == "debug":  # an SDK writes several per resource
            return empty_pb2.Empty()
        self._d.diagnose(severity, request.message.rstrip("\n"), request.urn)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:
        # The range is about the command `pulumi`, which takes no part here.
        return engine_pb2.RequirePulumiVersionResponse()
