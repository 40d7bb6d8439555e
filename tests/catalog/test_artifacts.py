"""The file of pinned charts and images against the source: nothing beside it, nothing in it for nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bedplate
from bedplate.catalog.artifacts import Artifact, Kind, artifacts, chart, image

PACKAGE = Path(bedplate.__file__).parent
ROWS = artifacts()
LABEL = re.compile(r"[a-z0-9][a-z0-9.-]*")
REGISTRIES = ("docker.io", "quay.io", "ghcr.io", "gcr.io", "registry.k8s.io", "nvcr.io", "public.ecr.aws")
HOSTS = "|".join(map(re.escape, REGISTRIES))
# An image on a known registry, a chart's repository, and an image anywhere that bears a tag or a digest.
REFERENCE = re.compile(
    rf"\b(?:{HOSTS})/[a-z0-9]|\boci://[a-z0-9]|@sha256:[0-9a-f]"
    r"|^[a-z0-9.-]+/[a-z0-9._/-]+:v?\d[\w.-]*$"
    r"|^https://(?:\S+\.)?(?:helm|charts)\.\S+|^https://\S+/(?:helm-)?charts/?$"
)

# Helpers that hand their name on to `image` or `chart`.
HANDED_ON = {"image": {"image", "_image"}, "chart": {"chart"}}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" not in path.relative_to(PACKAGE).parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


TREES = tuple(sources())


def documentation(tree: ast.Module) -> set[int]:
    """The docstrings: they install nothing."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def texts() -> Iterator[tuple[str, str]]:
    for path, tree in TREES:
        skipped = documentation(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.value


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def asked(kind: Kind) -> dict[str, str]:
    """The names of charts or images that the source asks for, each with a place."""
    found: dict[str, str] = {}
    for path, tree in TREES:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called in HANDED_ON[kind] and len(node.args) == 1 and (name := literal(node.args[0])):
                found.setdefault(name, where)
            if kind == "chart":
                for word in node.keywords:
                    if word.arg == "chart_name" and (name := literal(word.value)):
                        found.setdefault(name, where)
    return found


@pytest.mark.parametrize("kind", ["chart", "image"])
def test_every_row_is_used_and_everything_used_is_a_row(kind: Kind) -> None:
    rows = {one.name for one in ROWS if one.kind == kind}
    used = asked(kind)
    assert len(used) > 15, "the scan finds next to nothing: it no longer reads how components ask"
    assert {name: where for name, where in used.items() if name not in rows} == {}
    assert rows - used.keys() == set()


def test_no_reference_of_an_image_or_a_chart_is_written_in_the_source() -> None:
    assert [f"{where}: {text}" for where, text in texts() if REFERENCE.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "quay.io/ceph/ceph:v20.2.4",
        "oci://registry.k8s.io/kueue/charts",
        "python@sha256:0f",
        "nvcr.io/nvidia/pytorch",
        "rclone/rclone:1.75.1",
        "https://charts.rook.io/release",
        "https://prometheus-community.github.io/helm-charts",
    ],
)
def test_the_scan_knows_a_reference(text: str) -> None:
    assert REFERENCE.search(text)


@pytest.mark.parametrize(
    "text", ["oci://", "docker.io", "v1:22", "https://nvcr.io", "sha256:", "10.0.0.1:5000"]
)
def test_the_scan_lets_pass_what_names_nothing(text: str) -> None:
    assert not REFERENCE.search(text)


def test_nothing_is_released_but_through_the_catalogue() -> None:
    """A helm release, and a chart's name, come from `bedplate.kubernetes.charts` alone."""
    makers = {
        str(path.relative_to(PACKAGE))
        for path, tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("helm.v3.Release", "helm.v4.Chart"))
    }
    assert makers == {"kubernetes/charts.py"}


@pytest.mark.parametrize("row", ROWS, ids=lambda one: f"{one.kind}-{one.name}")
def test_a_row_names_a_source_that_can_be_looked_up(row: Artifact) -> None:
    assert LABEL.fullmatch(row.name)
    assert "memory" not in row.source
    assert re.search(r"[\w.-]+/[\w.-]+", row.source), "no repository or module"
    assert re.search(r"v?\d+\.\d+|\bat [0-9a-f]{7,40}\b", row.source), "no release and no commit"


@pytest.mark.parametrize("row", [one for one in ROWS if one.digest], ids=lambda one: f"{one.kind}-{one.name}")
def test_a_digest_says_where_and_when_the_publisher_printed_it(row: Artifact) -> None:
    assert re.search(r"; digest: .+, \S+\.(?:yaml|md), (?:image of )?\d{4}-\d\d-\d\d", row.source)
    if row.kind == "image":
        assert row.reference == f"{row.repository}:{row.version}@{row.digest}"


def test_the_page_shows_what_the_file_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "artifacts.md"
    shown = re.findall(
        r'^(image|chart)\("([^"]+)"\)\.(\w+)  # "([^"]*)"', page.read_text(encoding="utf-8"), re.M
    )
    assert len(shown) == 4
    for kind, name, attribute, value in shown:
        held = getattr((image if kind == "image" else chart)(name), attribute)
        assert held.startswith(value.removesuffix("..."))
        assert bool(held) == bool(value)
