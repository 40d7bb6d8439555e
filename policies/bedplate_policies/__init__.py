"""Policies for AI infrastructure: rules as objects, and packs that run them under Pulumi."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bedplate_policies.every import RULES

__all__ = ["RULES"]


def __getattr__(name: str) -> object:
    # Rules are read when somebody asks for them: a module of rules may import any part of this package.
    if name == "RULES":
        from bedplate_policies.every import RULES

        return RULES
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
