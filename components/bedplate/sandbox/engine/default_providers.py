"""Default providers: one per package, version and download URL, made when a resource first needs it."""

import json
from collections.abc import Callable
from concurrent.futures import Future

from .deployment import Aborted, Deployment
from .goal import Goal
from .providers import default_inputs, default_name
from .resources import Resource
from .urns import PROVIDER_PREFIX, reference


class DefaultProviders:
    """Registers each default provider once, as a resource of the stack."""

    def __init__(self, deployment: Deployment, register: Callable[[Goal], Resource]) -> None:
        self._d = deployment
        self._register = register
        self._known: dict[tuple[str, str, str], Future[str]] = {}

    def _denied(self, package: str) -> bool:
        text = self._d.config.get("pulumi:disable-default-providers", "")
        return bool(text) and bool({package, "*"} & set(json.loads(text)))

    def reference(self, package: str, version: str, url: str) -> str:
        """The reference of the package's default provider. Raises Aborted where there can be none."""
        d = self._d
        key = (package, version, url)
        with d.lock:
            future = self._known.get(key)
            mine = future is None
            if future is None:
                future = self._known[key] = Future()
        if not mine:
            return future.result()
        try:
            if self._denied(package):
                raise d.fail(
                    f"default providers for {package!r} are disabled (pulumi:disable-default-providers); "
                    "give the resource a provider"
                )
            try:
                name = default_name(version, url)
            except ValueError as error:
                raise d.fail(str(error)) from error
            inputs = default_inputs(package, version, url, d.config, d.secret_keys)
            resource = self._register(Goal(PROVIDER_PREFIX + package, name, custom=True, inputs=inputs))
            future.set_result(reference(resource.urn, resource.id))
        except BaseException as error:
            future.set_exception(Aborted("no default provider"))
            raise error
        return future.result()
