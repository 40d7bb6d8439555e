"""One behaviour for every store: directory, S3 (moto), and what happens when a request fails."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from bedplate_training.store import (
    AccessDenied,
    ObjectMissing,
    Store,
    StoreError,
    StoreFull,
    StoreOptions,
    StoreUnavailable,
    Transient,
    open_store,
)

QUICK = StoreOptions(first_delay_seconds=0.001, longest_delay_seconds=0.002, attempts=4, part_mib=5)
Answers = list[tuple[int, str]]


class Gateway:
    """moto's S3 on a port; `answers` are given, first to last, before a request that `matches` reaches it."""

    def __init__(self) -> None:
        self.answers: Answers = []
        self.requests = 0
        self.matches: Callable[[dict[str, str]], bool] = lambda _: True
        self.after: Answers = []  # as `answers`, but the request is carried out first
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._wsgi, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _wsgi(self, environ, start_response):  # type: ignore[no-untyped-def]
        self.requests += 1
        if self.matches(environ) and (self.answers or self.after):
            if self.after:
                list(self._app(environ, lambda *_: None))
                status, code = self.after.pop(0)
            else:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                status, code = self.answers.pop(0)
            body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
            start_response(f"{status} {code}", [("Content-Length", str(len(body)))])
            return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
        return self._app(environ, start_response)

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        made = Gateway()
        client = boto3.client("s3", endpoint_url=made.url, region_name="us-east-1")
        client.create_bucket(Bucket="data")
        yield made
        made.close()


@pytest.fixture
def s3(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[Store]:
    gateway.answers.clear()
    gateway.matches = lambda _: True
    prefix = request.node.name.replace("[", "-").replace("]", "")
    store = open_store(f"s3://data/{prefix}", options=replace(QUICK, endpoint_url=gateway.url))
    yield store
    store.close()


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "directory":
        yield open_store(tmp_path / "store", options=QUICK)
    else:
        yield request.getfixturevalue("s3")


def test_what_is_written_can_be_read_listed_and_deleted(store: Store) -> None:
    store.put("a/one", b"123456")
    store.put("a/two", b"")
    store.put("b", b"x")
    assert store.get("a/one") == b"123456"
    assert store.get("a/two") == b""
    assert store.get_range("a/one", 2, 3) == b"345"
    assert store.get_range("a/one", 4, 100) == b"56"
    assert store.get_range("a/one", 6, 1) == b""
    assert [(info.key, info.size_bytes) for info in store.list("a/")] == [("a/one", 6), ("a/two", 0)]
    assert [info.key for info in store.list("a/t")] == ["a/two"]
    assert [info.key for info in store.list()] == ["a/one", "a/two", "b"]
    head = store.head("a/one")
    assert head is not None
    assert head.size_bytes == 6
    assert head.etag
    assert head.modified_seconds > 1.6e9
    store.put("a/one", b"new")
    assert store.get("a/one") == b"new"
    store.delete("a/one")
    store.delete("a/one")
    assert store.head("a/one") is None
    with pytest.raises(ObjectMissing, match=r"get .*a/one"):
        store.get("a/one")


def test_put_if_absent_lets_one_of_many_writers_win(store: Store) -> None:
    results: list[tuple[bytes, bool]] = []

    def write(data: bytes) -> None:
        results.append((data, store.put_if_absent("lock", data)))

    threads = [threading.Thread(target=write, args=(f"writer {n}".encode(),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [data for data, won in results if won]
    assert len(results) == 6
    assert winners == [store.get("lock")]


@pytest.mark.parametrize("size", [0, 10, 5 * 2**20, 11 * 2**20 + 7])
def test_files_move_in_parts(store: Store, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_bytes((bytes(range(251)) * (size // 251 + 1))[:size])
    assert store.put_file("file", source) == size
    assert store.get_file("file", target) == size
    assert target.read_bytes() == source.read_bytes()
    assert store.counters.read_bytes() == size
    assert store.counters.written_bytes() == size
    assert [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/./b", "a\0b"])
def test_a_key_cannot_leave_the_store(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="object key"):
        store.put(key, b"")


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [(503, "SlowDown", "throttled"), (500, "InternalError", "error"), (429, "TooManyRequests", "throttled")],
)
def test_a_busy_store_is_asked_again(
    gateway: Gateway, s3: Store, status: int, code: str, result: str
) -> None:
    s3.put("key", b"value")
    gateway.answers = [(status, code)] * 3
    assert s3.get("key") == b"value"
    assert s3.counters.requests("get", result) == 3
    assert s3.counters.requests("get", "ok") == 1


def test_a_store_that_stays_busy_is_given_up_with_its_name(gateway: Gateway, s3: Store) -> None:
    gateway.answers = [(503, "SlowDown")] * 4
    with pytest.raises(
        StoreUnavailable, match=r"get s3://data/.*/key: 503 SlowDown told to \(attempt 4 of 4\)"
    ):
        s3.get("key")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", AccessDenied),
        (404, "NoSuchBucket", ObjectMissing),
        (403, "QuotaExceeded", StoreFull),
    ],
)
def test_a_refusal_is_not_asked_again(
    gateway: Gateway, s3: Store, status: int, code: str, kind: type[StoreError]
) -> None:
    gateway.answers = [(status, code)]
    before = gateway.requests
    with pytest.raises(kind, match="s3://data/"):
        s3.put("key", b"value")
    assert gateway.requests == before + 1


def test_a_connection_that_nobody_answers_is_unavailable() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        store = open_store("s3://data", options=replace(QUICK, endpoint_url="http://127.0.0.1:9", attempts=2))
        with pytest.raises(StoreUnavailable, match="attempt 2 of 2"):
            store.get("key")
    assert store.counters.requests("get", "error") == 2


def test_a_lost_answer_does_not_lose_the_lock(gateway: Gateway, s3: Store) -> None:
    gateway.matches = lambda environ: environ["REQUEST_METHOD"] == "PUT"
    gateway.after = [(500, "InternalError")]
    assert s3.put_if_absent("lock", b"mine")
    assert not s3.put_if_absent("lock", b"other")
    assert s3.get("lock") == b"mine"


def test_a_broken_upload_leaves_no_parts_behind(gateway: Gateway, s3: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(11 * 2**20))
    gateway.matches = lambda environ: "partNumber=2" in environ["QUERY_STRING"]
    gateway.answers = [(403, "AccessDenied")]
    with pytest.raises(AccessDenied):
        s3.put_file("file", source)
    client = boto3.client("s3", endpoint_url=gateway.url, region_name="us-east-1")
    assert "Uploads" not in client.list_multipart_uploads(Bucket="data")
    assert s3.head("file") is None


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "store", options=QUICK)
    store.put("key", b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreFull, match=r"put .*/store/key: No space left on device; free space"):
        store.put("key", b"new")
    assert store.get("key") == b"old"
    assert [info.key for info in store.list()] == ["key"]


def test_faults_are_met_before_each_attempt(tmp_path: Path) -> None:
    met: list[str] = []

    def fault(operation: str, key: str) -> None:
        met.append(f"{operation} {key}")
        if len(met) < 3:
            raise Transient("told to")

    store = open_store(tmp_path, options=QUICK, fault=fault)
    store.put("key", b"")
    assert met == ["put key"] * 3


def test_delays_double_up_to_the_longest_and_are_spread(tmp_path: Path) -> None:
    options = StoreOptions(first_delay_seconds=1, longest_delay_seconds=5)
    caller = open_store(tmp_path, options=options)._caller  # type: ignore[attr-defined]
    drawn = {attempt: [caller.delay_seconds(attempt) for _ in range(300)] for attempt in (1, 3, 9)}
    for attempt, longest in ((1, 1), (3, 4), (9, 5)):
        assert max(drawn[attempt]) <= longest
        assert max(drawn[attempt]) > 0.8 * longest
        assert min(drawn[attempt]) < 0.2 * longest


def test_counters_have_the_names_that_alerts_read(tmp_path: Path) -> None:
    store = open_store(tmp_path, name="datasets", options=QUICK)
    store.put("key", b"12345")
    store.get("key")
    samples = store.counters.samples()
    values = {(s.name, *sorted(s.labels.items())): s.value for s in samples}
    ok = (("operation", "get"), ("result", "ok"), ("store", "datasets"))
    assert values["bedplate_object_store_requests_total", *ok] == 1
    bounds = [
        s.labels["le"] for s in samples if s.name.endswith("_bucket") and s.labels["operation"] == "get"
    ]
    assert bounds[-1] == "+Inf"
    assert max(float(bound) for bound in bounds[:-1]) > 5
    assert store.counters.read_bytes() == store.counters.written_bytes() == 5


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://host/bucket", "store http://: allowed are s3://"),
        ("s3://", "has no bucket"),
        ("s3://key:secret@bucket/prefix", "carries credentials"),
        ("file://host/directory", "names a host"),
        ("", "give s3://bucket/prefix"),
    ],
)
def test_addresses_that_are_refused(url: str, parts: str) -> None:
    with pytest.raises(ValueError, match=parts) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_options_tell_every_problem() -> None:
    with pytest.raises(ValueError, match=r"attempts is 0.*part_mib is 1.*no scheme"):
        StoreOptions(attempts=0, part_mib=1, endpoint_url="gateway:8080")
