"""Objects of every kind that hold a given pod, to test rules about pods on."""

from collections.abc import Mapping

from bedplate_policies.kubernetes.workloads import MODEL_PODS, TYPES
from bedplate_policies.pods import POD_PATHS
from bedplate_policies.value import parse_path


def holding(type: str, spec: Mapping[str, object], namespace: str = "training") -> dict[str, object]:
    """An object of a kind whose every pod has this spec."""
    paths = MODEL_PODS.get(type) or (POD_PATHS[type],)
    made: dict[str, object] = {"metadata": {"namespace": namespace, "name": "example"}}
    for path in paths:
        at, steps = made, parse_path(path)
        for step, following in zip(steps, (*steps[1:], ""), strict=True):
            if step is None:
                continue  # The list was made with its only element.
            inner: dict[str, object] = {}
            assert isinstance(step, str)
            if following is None:
                at[step] = [inner]
            elif following == "":
                at[step] = dict(spec)
            else:
                found = at.setdefault(step, inner)
                assert isinstance(found, dict)
                inner = found
            at = inner
    return made


def in_every_kind(
    spec: Mapping[str, object], namespace: str = "training"
) -> list[tuple[str, Mapping[str, object]]]:
    """The pod in every kind that makes pods."""
    return [(type, holding(type, spec, namespace)) for type in TYPES]
