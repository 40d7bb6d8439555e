"""The complete registry: importing this module imports every handler module, and each registers its types."""

import importlib
import pkgutil

from bedplate.sandbox.providers.aws import handlers
from bedplate.sandbox.providers.aws.base import REGISTRY

__all__ = ["REGISTRY"]

for _module in sorted(pkgutil.iter_modules(handlers.__path__), key=lambda module: module.name):
    importlib.import_module(f"{handlers.__name__}.{_module.name}")
