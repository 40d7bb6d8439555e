"""The offline engine: runs a Pulumi program against emulated providers, without the command `pulumi`.

    from bedplate.sandbox.engine import InlineProgram, Request, StackId, run

The names are loaded when they are used: importing the package costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analyzers_config import PolicyPack as PolicyPack
    from .events import DiagnosticEvent as DiagnosticEvent
    from .events import Event as Event
    from .events import PolicyEvent as PolicyEvent
    from .events import PropertyChange as PropertyChange
    from .events import ResourceEvent as ResourceEvent
    from .events import Result as Result
    from .events import Secret as Secret
    from .hosts import InlineProgram as InlineProgram
    from .hosts import PathProgram as PathProgram
    from .runner import Request as Request
    from .runner import run as run
    from .stack_id import StackId as StackId

_HOMES = {
    "DiagnosticEvent": "events",
    "Event": "events",
    "PolicyEvent": "events",
    "PolicyPack": "analyzers_config",
    "PropertyChange": "events",
    "ResourceEvent": "events",
    "Result": "events",
    "Secret": "events",
    "InlineProgram": "hosts",
    "PathProgram": "hosts",
    "Request": "runner",
    "StackId": "stack_id",
    "run": "runner",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
