"""The fixtures of tests/cluster."""

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).parents[1] / "cluster" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("gpu_tests_recorder", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
# dataclasses look their module up.
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)

made, network, key, cluster = _SHARED.made, _SHARED.network, _SHARED.key, _SHARED.cluster
