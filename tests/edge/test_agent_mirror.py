"""A copy of a bucket's prefix on the node: within its size, right, and there while the link is down."""

from __future__ import annotations

import hashlib
import os
import xml.sax.saxutils

import pytest

from bedplate.edge.agent.fetch import Store
from bedplate.edge.agent.metrics import Metrics
from bedplate.edge.agent.mirror import Mirror


class Bucket:
    """A bucket on the server; a listing has two objects a page."""

    def __init__(self, server) -> None:
        self.server, self.times = server, 0
        self.objects: dict[str, tuple[bytes, str, str]] = {}

    def put(self, key: str, body: bytes, etag: str | None = None) -> None:
        self.times += 1
        modified = f"2026-11-25T00:{self.times:02}:00.000Z"
        self.objects[key] = (body, etag or hashlib.md5(body).hexdigest(), modified)
        self.server.files[f"/models/{key}"] = body
        self.server.files["/models"] = b""
        self.server.faults = self.server.faults or [self._list] * 1000

    def remove(self, key: str) -> None:
        del self.objects[key]

    def _list(self, handler) -> bool:
        path, _, query = handler.path.partition("?")
        if path != "/models":
            return False
        keys = sorted(self.objects)
        first = int(query.partition("continuation-token=")[2].partition("&")[0] or 0)
        shown = keys[first : first + 2]
        rows = "".join(
            f"<Contents><Key>{xml.sax.saxutils.escape(key)}</Key><Size>{len(self.objects[key][0])}</Size>"
            f'<ETag>"{self.objects[key][1]}"</ETag><LastModified>{self.objects[key][2]}</LastModified></Contents>'
            for key in shown
        )
        more = f"<NextContinuationToken>{first + 2}</NextContinuationToken>" if first + 2 < len(keys) else ""
        text = (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"{rows}{more}</ListBucketResult>"
        )
        handler.send(text.encode())
        return True


@pytest.fixture
def bucket(server) -> Bucket:
    return Bucket(server)


@pytest.fixture
def mirror(server, tmp_path):
    def make(size: int = 10_000) -> Mirror:
        store = Store(endpoint=server.url, path_style=True, plain_http=True)
        made = Mirror(
            store, "models", "", tmp_path / "cache", Metrics({}), size_bytes=size, clock=lambda: clock[0]
        )
        made.metrics = made._metrics
        return made

    clock = [0.0]
    make.clock = clock
    return make


def files(tmp_path) -> dict[str, bytes]:
    root = tmp_path / "cache"
    return {
        one.relative_to(root).as_posix(): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file() and not one.name.startswith(".bedplate-")
    }


def test_all_pages_are_copied_and_a_second_turn_copies_nothing(bucket, mirror, server, tmp_path) -> None:
    for number in range(5):
        bucket.put(f"line & co/{number}.onnx", bytes([number]) * 100)
    mirror().step()
    assert files(tmp_path) == {f"line & co/{number}.onnx": bytes([number]) * 100 for number in range(5)}
    server.requests.clear()
    mirror().step()  # A new process believes its notes.
    assert all(path.startswith("/models?") for path, _ in server.requests)


def test_a_changed_object_is_copied_anew(bucket, mirror, tmp_path) -> None:
    bucket.put("m", b"a" * 100)
    mirror().step()
    bucket.put("m", b"b" * 100)
    mirror().step()
    assert files(tmp_path) == {"m": b"b" * 100}


def test_the_last_good_copy_stays_while_the_link_is_down_or_the_body_is_wrong(
    bucket, mirror, server, tmp_path
) -> None:
    bucket.put("m", b"a" * 100)
    one = mirror()
    one.step()
    server.statuses["/models"] = 503
    mirror.clock[0] += 1000
    one.step()
    assert files(tmp_path) == {"m": b"a" * 100}
    del server.statuses["/models"]
    bucket.put("m", b"b" * 100, etag="0" * 32)
    mirror.clock[0] += 1000
    one.step()
    assert files(tmp_path) == {"m": b"a" * 100}
    assert one.metrics.get("bedplate_edge_cache_failures_total", reason="corrupt") == 1


def test_half_of_an_object_is_completed(bucket, mirror, server, tmp_path, faults) -> None:
    bucket.put("m", b"a" * 5000)
    server.faults = [bucket._list, faults["cut_after"](2000), *[bucket._list] * 9]
    one = mirror()
    one.step()
    assert [len(body) for body in files(tmp_path).values()] == [2000]
    mirror.clock[0] += 1000
    one.step()
    assert files(tmp_path) == {"m": b"a" * 5000}
    assert server.requests[-1][1] == "bytes=2000-"


def test_what_was_used_longest_ago_goes_when_there_is_no_room(bucket, mirror, tmp_path) -> None:
    for name in ("a", "b", "c"):
        bucket.put(name, name.encode() * 3000)
    mirror().step()
    for age, name in enumerate(("b", "a", "c")):
        os.utime(tmp_path / "cache" / name, (1000 + age, 500))
    for name in ("a", "b"):
        bucket.remove(name)
    bucket.put("d", b"d" * 3000)
    one = mirror()
    one.step()
    assert sorted(files(tmp_path)) == ["a", "c", "d"]
    assert one.metrics.get("bedplate_edge_cache_evictions_total") == 1


def test_what_is_gone_in_the_bucket_stays_as_long_as_there_is_room(bucket, mirror, tmp_path) -> None:
    bucket.put("a", b"a" * 100)
    bucket.put("b", b"b" * 100)
    mirror().step()
    bucket.remove("a")
    mirror().step()
    assert sorted(files(tmp_path)) == ["a", "b"]


def test_the_newest_that_fit_are_kept_and_the_rest_is_told(bucket, mirror, server, tmp_path) -> None:
    for name in ("a", "b", "c", "d"):
        bucket.put(name, name.encode() * 4000)
    bucket.put("huge", b"x" * 20_000)
    one = mirror()
    one.step()
    assert sorted(files(tmp_path)) == ["c", "d"]
    assert one.metrics.get("bedplate_edge_cache_skipped_objects") == 3
    server.requests.clear()
    one.step()
    assert all(path.startswith("/models?") for path, _ in server.requests)


def test_a_key_cannot_lead_out_of_the_cache(bucket, mirror, tmp_path) -> None:
    bucket.put("../../evil", b"x")
    one = mirror()
    one.step()
    assert one.metrics.get("bedplate_edge_cache_failures_total", reason="corrupt") == 1
    assert not (tmp_path.parent / "evil").exists()
