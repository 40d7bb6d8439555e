"""The helpers of bedplate_policies.testing as fixtures, for those who like them better."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bedplate_policies import testing
from bedplate_policies.rule import Finding


@pytest.fixture(name="findings")
def _findings() -> Callable[..., list[Finding]]:
    return testing.findings


@pytest.fixture(name="stack_findings")
def _stack_findings() -> Callable[..., list[Finding]]:
    return testing.stack_findings
