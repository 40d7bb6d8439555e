"""The provider instances of a run, by reference (the provider resource's URN and id)."""

import re
from collections.abc import Callable, Mapping
from threading import Lock

from .provider_client import ProviderClient, ProviderError
from .resources import Resource
from .urns import package_of, split_reference
from .values import Properties, secret

_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")


def without_internal(inputs: Properties) -> Properties:
    """A provider resource's inputs without what only the engine keeps there."""
    return {key: item for key, item in inputs.items() if key != "__internal"}


def default_name(version: str, url: str) -> str:
    """The name of a default provider: `default_7_51_1`, as Pulumi makes it.

    Raises ValueError for a version that is no semantic version.
    """
    name = "default"
    if version:
        match = _SEMVER.fullmatch(version)
        if match is None:
            raise ValueError(f"provider version {version!r}: expected a semantic version such as 7.51.1")
        major, minor, patch, pre, build = match.groups()
        parts = [major, minor, patch, *(pre.split(".") if pre else ()), *(build.split(".") if build else ())]
        name += "".join(f"_{part}" for part in parts)
    if url:
        name += "_" + re.sub(r"[^A-Za-z0-9_./]", "_", url)
    return name


def default_inputs(
    package: str, version: str, url: str, config: Mapping[str, str], secret_keys: frozenset[str]
) -> Properties:
    """The inputs of a default provider: the stack's `<package>:*` configuration, and its version."""
    inputs: Properties = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if namespace == package and name:
            inputs[name.removeprefix("config:")] = secret(value) if key in secret_keys else value
    internal: Properties = {}
    if url:
        internal["pluginDownloadURL"] = url
    if version:
        inputs["version"] = version.removeprefix("v")
    if version or url:
        inputs["__internal"] = internal
    return inputs


class Providers:
    """Makes and finds instances; safe to use from many threads."""

    def __init__(self, addresses: Mapping[str, str], find_old: Callable[[str, str], Resource | None]) -> None:
        """`find_old` gives a provider resource of the state by URN and id."""
        self._addresses = addresses
        self._find_old = find_old
        self._lock = Lock()
        self._instances: dict[str, ProviderClient] = {}
        self._loading: dict[str, Lock] = {}
        self._all: list[ProviderClient] = []
        self.engine_address = ""

    def connect(self, package: str) -> ProviderClient:
        """A new, unconfigured instance. Raises ProviderError where the sandbox has no such provider."""
        address = self._addresses.get(package)
        if address is None:
            known = ", ".join(sorted(self._addresses)) or "none"
            raise ProviderError(
                f"package {package!r} has no emulated provider (there are: {known}). The offline engine "
                "drives emulated providers only; for a real cloud run the program with Pulumi's own engine "
                "(`pulumi up`)."
            )
        client = ProviderClient(package, address, self.engine_address)
        with self._lock:
            self._all.append(client)
        return client

    def add(self, ref: str, client: ProviderClient) -> None:
        with self._lock:
            self._instances[ref] = client

    def get(self, ref: str) -> ProviderClient:
        """The instance of a reference, configured from the state where this run has not made it.

        Raises ProviderError for a reference to nothing.
        """
        with self._lock:
            client = self._instances.get(ref)
            if client is not None:
                return client
            loading = self._loading.setdefault(ref, Lock())
        with loading:
            with self._lock:
                client = self._instances.get(ref)
            if client is not None:
                return client
            try:
                urn, id = split_reference(ref)
            except ValueError as error:
                raise ProviderError(str(error)) from error
            old = self._find_old(urn, id)
            if old is None:
                raise ProviderError(
                    f"unknown provider {ref!r}: no provider of that URN and id was registered"
                )
            client = self.connect(package_of(old.type))
            client.configure(old.urn, old.id, without_internal(old.inputs))
            self.add(ref, client)
            return client

    def close(self) -> None:
        for client in self._all:
            client.close()
