"""Downloads over a bad link: whole and right, or not at all."""

from __future__ import annotations

import datetime
import errno
import hashlib
import os
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.edge.agent import fetch as fetching
from bedplate.edge.agent.errors import CorruptError, DiskError, LinkError, RefusedError
from bedplate.edge.agent.fetch import Backoff, Limits, Store, fetch
from bedplate.edge.agent.sigv4 import Credentials, signed_headers

BODY = random.Random(1).randbytes(400_000)
SHA = hashlib.sha256(BODY).hexdigest()
PLAIN = Store(plain_http=True)


@pytest.fixture
def get(server, tmp_path):
    server.files["/m"] = BODY
    part = tmp_path / "m.part"

    def run(**changes) -> bytes:
        fetch(PLAIN, f"{server.url}/m", part, **{"size": len(BODY), "sha256": SHA, **changes})
        return part.read_bytes()

    run.part = part
    return run


def test_a_whole_file_arrives(get) -> None:
    assert get() == BODY


def test_a_broken_link_costs_only_what_had_not_come(get, server, faults) -> None:
    server.faults = [faults["cut_after"](100_000), faults["cut_after"](50_000)]
    for have in (100_000, 150_000):
        with pytest.raises(LinkError, match=f"broke after {have} of 400000"):
            get()
        assert get.part.stat().st_size == have
    assert get() == BODY
    assert [asked for _, asked in server.requests] == ["", "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_is_read_from_the_beginning(get, server, faults) -> None:
    server.faults = [faults["cut_after"](100_000)]
    server.ranges = False
    with pytest.raises(LinkError):
        get()
    assert get() == BODY


def test_a_part_with_wrong_bytes_is_thrown_away(get, faults, server) -> None:
    get.part.write_bytes(b"x" * 1000)
    with pytest.raises(CorruptError, match="another sha256"):
        get()
    assert not get.part.exists()
    server.faults = [faults["garbled"]()]
    with pytest.raises(CorruptError, match="another sha256"):
        get()
    assert get() == BODY


def test_a_part_that_is_too_long_begins_anew(get) -> None:
    get.part.write_bytes(b"x" * 400_001)
    assert get() == BODY


def test_a_finished_part_is_not_asked_for_again(get, server) -> None:
    get()
    server.requests.clear()
    assert get() == BODY
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "error"), [(503, LinkError), (429, LinkError), (500, LinkError), (404, RefusedError),
                          (403, RefusedError), (302, RefusedError)],
)  # fmt: skip
def test_answers_tell_whether_trying_again_helps(get, server, faults, status: int, error: type) -> None:
    server.faults = [faults["answer"](status, Location="http://127.0.0.1:9/m")]
    with pytest.raises(error, match=str(status)):
        get()


def test_the_server_says_when_to_come_back(get, server, faults) -> None:
    server.faults = [faults["answer"](503, Retry_After="77")]
    with pytest.raises(LinkError) as caught:
        get()
    assert caught.value.retry_after_seconds == 77


def test_nobody_listens(get, server) -> None:
    server.port = 9
    with pytest.raises(LinkError, match="no connection"):
        get()


def test_more_than_was_announced_is_refused(get) -> None:
    with pytest.raises(CorruptError, match="longer than the announced 1000"):
        get(size=1000)
    assert not get.part.exists()


def test_what_does_not_fit_is_not_begun(get, server, monkeypatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=99, f_frsize=4096))
    with pytest.raises(
        DiskError, match="400000 bytes are missing and 5505 are to stay free; the disk has 405504"
    ):
        get(limits=Limits(reserve_bytes=5505))
    assert server.requests == []


def test_a_disk_that_fills_in_between_gets_its_room_back(get, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching.os, "fsync", full)
    with pytest.raises(DiskError, match="the disk is full"):
        get()
    assert not get.part.exists()


def test_a_limit_is_kept(get) -> None:
    waits: list[float] = []
    get(limits=Limits(bytes_per_second=100_000), sleep=waits.append)
    # The clock stands still while nobody really sleeps, so that each wait is all of what is ahead so far.
    assert max(waits) == pytest.approx(4.0, abs=0.5)


def test_plain_http_is_refused_unless_asked_for(tmp_path) -> None:
    with pytest.raises(RefusedError, match="http is not https"):
        fetch(Store(), "http://example.com/m", tmp_path / "p", size=1)


@pytest.mark.parametrize(
    ("store", "url"),
    [
        (Store(region="eu-central-1"), "https://models.s3.eu-central-1.amazonaws.com/a/b%20c.onnx"),
        (
            Store(endpoint="https://rgw.plant:8443", path_style=True),
            "https://rgw.plant:8443/models/a/b%20c.onnx",
        ),
        (Store(endpoint="https://rgw.plant"), "https://models.rgw.plant/a/b%20c.onnx"),
    ],
)
def test_a_bucket_is_reached_as_its_store_wants(store: Store, url: str) -> None:
    assert store.url("s3://models/a/b c.onnx") == url


@pytest.mark.parametrize(
    "url",
    [
        "https://models.s3.eu-central-1.amazonaws.com/a/b%20c%2B%C3%BC.onnx",
        "https://rgw.plant:8443/models?list-type=2&prefix=a%2Fb&continuation-token=x%3D%3D",
    ],
)
@pytest.mark.parametrize("token", ["", "session"])
def test_signatures_are_those_of_botocore(url: str, token: str) -> None:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Theirs

    now = datetime.datetime.now(datetime.UTC)
    request = AWSRequest("GET", url, headers={"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()})
    botocore.auth.S3SigV4Auth(Theirs("AKID", "secret", token or None), "s3", "eu-central-1").add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    now = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    ours = signed_headers(url, Credentials("AKID", "secret", token), "eu-central-1", now)
    assert ours["Authorization"] == request.headers["Authorization"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 4000))
def test_waits_grow_stay_below_the_limit_and_above_what_the_server_asks(jitters, asked: float) -> None:
    backoff = Backoff(5, 900)
    for number, jitter in enumerate(jitters):
        wait = backoff.failed(asked, jitter)
        assert max(asked, min(5 * 2**number, 900) / 2) <= wait <= max(asked, 900)
    backoff.succeeded()
    assert backoff.failed(0, 1) == 5
