"""The guide's program makes what the guide says."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "storage-ceph.md"


def test_the_program_of_the_guide_runs(record) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    made = record(lambda: exec(compile(found[1], str(GUIDE), "exec"), {}))
    kinds = {one.type.rsplit(":", 1)[-1] for one in made.made if one.type.startswith("kubernetes:")}
    assert kinds >= {"CephCluster", "CephBlockPool", "CephFilesystem", "CephObjectStore", "ObjectBucketClaim"}
    spec = made.one("CephFilesystem").inputs["spec"]
    assert [sorted({"replicated", "erasureCoded"} & set(pool)) for pool in spec["dataPools"]] == [
        ["replicated"],
        ["erasureCoded"],
    ]
