"""What kube-apiserver v1.36.3 was seen to refuse, and what looks like it and is fine.

`refused.yaml`: a manifest, the path that is changed, to what (null: taken away), and the path and the reason
that the sandbox gives. tests/conformance asks a real API server about the same lines.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sandbox.providers.kubernetes.test_refusals import GOOD, _changed

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes.validations import syntax_error
from bedplate.sandbox.providers.wire import UNKNOWN

_HERE = Path(__file__).parent
_MANIFESTS = _HERE.parents[2] / "conformance/manifests.yaml"
REFUSED: list[dict[str, Any]] = yaml.safe_load((_HERE / "refused.yaml").read_text(encoding="utf-8"))
ACCEPTED: list[list[Any]] = yaml.safe_load((_HERE / "accepted.yaml").read_text(encoding="utf-8"))
MANIFESTS = {**GOOD, **yaml.safe_load(_MANIFESTS.read_text(encoding="utf-8"))}


def _ids(rows: list[Any]) -> list[str]:
    parts = [row[:3] if isinstance(row, list) else list(row.values())[:3] for row in rows]
    return [f"{name}-{path}={value!r}"[:100] for name, path, value in parts]


@pytest.mark.parametrize("one", REFUSED, ids=_ids(REFUSED))
def test_refused_with_path_and_reason(kubernetes: Any, one: dict[str, Any]) -> None:
    problems = kubernetes.problems(_changed(MANIFESTS[one["manifest"]], one["path"], one["value"]))
    assert problems.get(one["where"]) == one["reason"], problems


@pytest.mark.parametrize("one", ACCEPTED, ids=_ids(ACCEPTED))
def test_accepted(kubernetes: Any, one: list[Any]) -> None:
    name, path, value = one
    assert kubernetes.problems(_changed(MANIFESTS[name], path, value)) == {}


def _leaves(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [path, *(leaf for key, one in value.items() for leaf in _leaves(one, f"{path}.{key}"))]
    if isinstance(value, list):
        parts = [leaf for index, one in enumerate(value) for leaf in _leaves(one, f"{path}[{index}]")]
        return [path, *parts]
    return [path]


@pytest.mark.parametrize("name", MANIFESTS)
def test_nothing_unknown_is_refused(kubernetes: Any, name: str) -> None:
    manifest = MANIFESTS[name]
    for part in manifest.keys() - {"apiVersion", "kind", "metadata"}:
        for path in _leaves(manifest[part], part):
            if ".x-" in path or "/" in path or ("openAPIV3Schema" in path and name == "definition"):
                continue
            assert kubernetes.problems(_changed(manifest, path, UNKNOWN)) == {}, path


def _deployment(**spec: Any) -> dict[str, Any]:
    manifest = _changed(GOOD["deployment"], "spec.replicas", 1)
    manifest["spec"].update(spec)
    return manifest


RECREATE = {"type": "Recreate"}
ROLLING = {"rollingUpdate": {"maxSurge": 1}}


def _volumes(*volumes: dict[str, Any]) -> dict[str, Any]:
    return _changed(GOOD["deployment"], "spec.template.spec.volumes", list(volumes))


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (
            _deployment(),
            _deployment(strategy=RECREATE),
            "spec.strategy.rollingUpdate: the cluster has filled",
        ),
        (_deployment(strategy=ROLLING), _deployment(strategy=RECREATE), ""),
        (_deployment(strategy=RECREATE), _deployment(), ""),
        (
            GOOD["stateful"],
            _changed(GOOD["stateful"], "spec.updateStrategy", {"type": "OnDelete"}),
            "spec.updateStrategy.rollingUpdate: ",
        ),
        (
            _volumes({"name": "a"}),
            _volumes({"name": "a", "secret": {"secretName": "b"}}),
            "spec.template.spec.volumes[a].emptyDir: ",
        ),
        (_volumes({"name": "a", "emptyDir": {}}), _volumes({"name": "a", "secret": {"secretName": "b"}}), ""),
    ],
)
def test_what_a_default_leaves_behind_is_refused_at_preview_and_at_the_change(
    kubernetes: Any, old: dict[str, Any], new: dict[str, Any], refusal: str
) -> None:
    live = kubernetes.create(old)
    life = kubernetes.life(old)
    if not refusal:
        assert life.preview(new, old, live)["spec"]
        assert life.update("default/one", old, new)["spec"]
        return
    for action in (lambda: life.preview(new, old, live), lambda: life.update("default/one", old, new)):
        with pytest.raises(CloudError, match=refusal.replace("[", r"\[")):
            action()


def test_an_expression_that_can_be_read_is_not_judged_by_what_it_means() -> None:
    assert syntax_error("object.spec.unknown && nobody.knows(this)") is None
    assert syntax_error("object.spec.") is not None
