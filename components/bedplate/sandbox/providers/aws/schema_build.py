"""Writes what `pulumi_aws` says of every registered type into the package: `python -m ...aws.schema_build`.

Property names, their types, and which are required come from the SDK's own classes, so that the provider
knows them without importing the SDK (which costs seconds).
"""

import gzip
import importlib
import importlib.metadata
import inspect
import json
import re
import typing
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

import pulumi

from bedplate.sandbox.providers.aws.registry import REGISTRY

DATA = Path(__file__).with_name("schema.json.gz")
_TOKEN = re.compile(r"^aws:([\w-]+)/(\w+):(\w+)$")
_PLAIN: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

Spec = str | list[Any]


def build() -> dict[str, Any]:
    """The schema of the provider and of every registered type. Raises ValueError for a type the SDK lacks."""
    builder = _Builder()
    with warnings.catch_warnings():
        # Reading a deprecated property's type is no use of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        resources = {token: builder.resource(token) for token in sorted(REGISTRY.handlers)}
    provider = importlib.import_module("pulumi_aws.provider")
    configuration = builder.inputs(provider, provider.ProviderArgs)
    return {
        "version": importlib.metadata.version("pulumi-aws"),
        "provider": configuration,
        "resources": resources,
        "types": dict(sorted(builder.types.items())),
    }


def encoded(schema: Mapping[str, Any]) -> bytes:
    """The file's content; the same schema gives the same bytes."""
    text = json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()
    return gzip.compress(text, mtime=0)


class _Builder:
    def __init__(self) -> None:
        self.types: dict[str, Any] = {}

    def resource(self, token: str) -> dict[str, Any]:
        match = _TOKEN.match(token)
        if match is None:
            raise ValueError(f"{token}: a type token has the form aws:module/name:Name")
        module_name, file_name, class_name = match.groups()
        module = importlib.import_module(f"pulumi_aws.{module_name}.{_snake(file_name)}")
        resource = getattr(module, class_name, None)
        if resource is None:
            raise ValueError(f"{token}: {module.__name__} has no class {class_name}")
        arguments = getattr(module, f"{class_name}InitArgs", None) or getattr(module, f"{class_name}Args")
        described = self.inputs(module, arguments)
        computed = sorted(_always(module, resource) & described["inputs"].keys() - {*described["required"]})
        return described | {"outputs": self._properties(module, resource), "computed": computed}

    def inputs(self, module: ModuleType, arguments: type) -> dict[str, Any]:
        parameters = inspect.signature(arguments.__init__).parameters  # type: ignore[misc]
        names = _getters(arguments)
        required = sorted(
            names[name]
            for name, parameter in parameters.items()
            if name in names and parameter.default is inspect.Parameter.empty
        )
        return {"inputs": self._properties(module, arguments), "required": required}

    def _properties(self, module: ModuleType, cls: type) -> dict[str, Spec]:
        result: dict[str, Spec] = {}
        for python_name, name in _getters(cls).items():
            getter = getattr(cls, python_name).fget
            result[name] = self._type(module, getter.__annotations__["return"])
        return dict(sorted(result.items()))

    def _type(self, module: ModuleType, hint: Any) -> Spec:
        if isinstance(hint, typing.ForwardRef):
            hint = hint.__forward_arg__
        if isinstance(hint, str):
            hint = eval(hint, vars(module))  # an SDK class that is named before it is defined
        if hint in _PLAIN:
            return _PLAIN[hint]
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is not None and isinstance(origin, type) and issubclass(origin, pulumi.Output):
            return self._type(module, arguments[0])
        if origin in (typing.Union, UnionType):
            # Optional[X], Input[X] (X | Awaitable[X] | Output[X]) and str | SomeEnum: the plain alternative
            # counts.
            options = [item for item in arguments if item is not type(None) and not _is_wrapper(item)]
            specs = [self._type(module, item) for item in options]
            return "string" if "string" in specs else specs[0]
        if origin in (Sequence, list):
            return ["list", self._type(module, arguments[0])]
        if origin in (Mapping, dict):
            return ["map", self._type(module, arguments[1])]
        if isinstance(hint, type) and (
            pulumi._types.is_input_type(hint) or pulumi._types.is_output_type(hint)
        ):
            return ["object", self._object(hint)]
        if isinstance(hint, type) and issubclass(hint, str):
            return "string"
        return "any"

    def _object(self, cls: type) -> str:
        module = importlib.import_module(cls.__module__)
        name = f"{cls.__module__.removeprefix('pulumi_aws.')}.{cls.__name__}"
        if name not in self.types:
            self.types[name] = {}  # a type may contain itself
            if pulumi._types.is_input_type(cls):
                self.types[name] = self.inputs(module, cls)
            else:
                self.types[name] = {"inputs": self._properties(module, cls), "required": []}
        return name


def _always(module: ModuleType, resource: type) -> set[str]:
    """The outputs that are never None: required inputs, and what the cloud chooses if not given."""
    found = set()
    for python_name, name in _getters(resource).items():
        hint = getattr(resource, python_name).fget.__annotations__["return"]
        hint = eval(hint, vars(module)) if isinstance(hint, str) else hint
        inner = get_args(hint)[0] if get_args(hint) else hint
        if isinstance(inner, typing.ForwardRef):
            inner = inner.__forward_arg__
        optional = "Optional[" in inner if isinstance(inner, str) else type(None) in get_args(inner)
        if not optional:
            found.add(name)
    return found


def _getters(cls: type) -> dict[str, str]:
    """Python name -> provider name of every property of an SDK class."""
    result: dict[str, str] = {}
    for name, member in vars(cls).items():
        if isinstance(member, property) and member.fget is not None:
            result[name] = getattr(member.fget, "_pulumi_name", name)
    return result


def _is_wrapper(hint: Any) -> bool:
    if isinstance(hint, typing.ForwardRef):
        return hint.__forward_arg__.startswith("Output[")
    origin = get_origin(hint)
    return isinstance(origin, type) and (origin.__name__ in ("Awaitable", "Output"))


def _snake(name: str) -> str:
    """camelCase as the SDK's generator writes it in module names."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    DATA.write_bytes(encoded(build()))
