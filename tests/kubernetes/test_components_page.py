"""docs/components.md has a row for every component, with its module and its handle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import bedplate

ROOT = Path(bedplate.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "components.md"
# Wirings of an environment, which are no parts of their own.
OUTSIDE = ("environment",)
ROW = re.compile(r"^\| `(\w+)` \| `bedplate\.([\w.]+)` \| [^|]+ \| (?:`(\w+)`|none(?:; [\w ]+)?) \|$", re.M)


def components() -> list[tuple[str, str, str]]:
    """Class, module and handle, as the code has them."""
    found = []
    for path in ROOT.rglob("*.py"):
        inside = path.relative_to(ROOT)
        if inside.parts[0] in OUTSIDE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef):
                continue
            if "pulumi.ComponentResource" not in [ast.unparse(base) for base in node.bases]:
                continue
            handles = [
                ast.unparse(one.annotation)
                for one in node.body
                if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "handle"
            ]
            found.append((node.name, ".".join(inside.with_suffix("").parts), "".join(handles)))
    return sorted(found)


def test_every_component_has_its_row() -> None:
    assert sorted(ROW.findall(PAGE.read_text(encoding="utf-8"))) == components()


def test_the_guides_that_it_names_are_there() -> None:
    links = re.findall(r"\[guide\]\(([\w./-]+)\)", PAGE.read_text(encoding="utf-8"))
    assert links
    assert [one for one in links if not (PAGE.parent / one).is_file()] == []
