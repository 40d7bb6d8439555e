"""Valid objects, generated: accepted, kept with nothing lost, and read back as the inputs that made them."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
QUANTITIES = st.builds("{}{}".format, st.integers(1, 999), st.sampled_from(["", "m", "k", "Mi", "Gi"]))
PORTS = st.integers(1, 65535)


@st.composite
def containers(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        container: dict[str, Any] = {"name": name, "image": f"registry.example.com/{name}:1.0"}
        if draw(st.booleans()):
            numbers = draw(st.lists(PORTS, min_size=1, max_size=3, unique=True))
            container["ports"] = [{"containerPort": number} for number in numbers]
        if draw(st.booleans()):
            container["resources"] = {"limits": {"memory": draw(QUANTITIES)}}
        if draw(st.booleans()):
            container["env"] = [{"name": key, "value": text} for key, text in draw(LABELS).items()]
        made.append(container)
    return made


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    labels = draw(LABELS)
    template = {
        "metadata": {"labels": {**draw(LABELS), **labels}},
        "spec": {"containers": draw(containers())},
    }
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if draw(st.booleans()):
        spec["replicas"] = draw(st.integers(0, 100))
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    ports = [{"name": name, "port": number} for number, name in enumerate(names, draw(st.integers(1, 60000)))]
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"type": kind, "ports": ports, "selector": draw(LABELS)},
    }


@st.composite
def maps(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([("ConfigMap", "data"), ("Secret", "stringData")]))
    data = draw(
        st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=4)
    )
    return {"apiVersion": "v1", "kind": kind[0], kind[1]: data}


@given(manifest=st.one_of(deployments(), services(), maps()), name=NAMES, labels=LABELS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_valid_comes_back(
    kubernetes: Any, manifest: dict[str, Any], name: str, labels: dict[str, str]
) -> None:
    given_inputs = {**manifest, "metadata": {"name": name, "labels": labels}}
    life = kubernetes.life(given_inputs)
    kept = kubernetes.create(given_inputs)
    try:
        assert life.read(life.id(kept)) == kept
        assert life.inputs_now(given_inputs, kept) == given_inputs
        again = life.update(life.id(kept), given_inputs, given_inputs)
        unmoved = {**again["metadata"], "resourceVersion": kept["metadata"]["resourceVersion"]}
        assert {**again, "metadata": unmoved} == kept
        # What is kept is itself a valid object.
        assert kubernetes.problems(life.inputs_now({}, kept)) == {}
    finally:
        life.delete(life.id(kept))
    assert life.read(life.id(kept)) is None
