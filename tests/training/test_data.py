"""Shards, their cache, the order of records, and where reading goes on."""

import itertools
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate_training import corpus
from bedplate_training.config import parse
from bedplate_training.data import DataConfig, Position, ShardReader
from bedplate_training.data_shards import (
    INDEX,
    DataError,
    ShardConfig,
    compress,
    decompress,
    read_index,
    write_shards,
)
from bedplate_training.errors import ConfigError
from bedplate_training.store import Store, StoreOptions, Transient, open_store

QUICK = StoreOptions(first_delay_seconds=0.001, longest_delay_seconds=0.002, attempts=4)
PLAIN = DataConfig(prefix="set", batch=4, readers=2, prefetch_shards=2, prefetch_batches=2)
RECORDS, SHARDS = 60, 8  # 7 of 8 records, one of 4


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(tmp_path / "store", options=QUICK)
    columns = {"number": np.arange(RECORDS, dtype=np.int32), "pixels": np.ones((RECORDS, 2, 3), np.uint8)}
    write_shards(made, "set", columns, {"kind": "numbers"}, ShardConfig(records=8))
    return made


def numbers(
    store: Store, config: DataConfig, count: int, rank: int = 0, ranks: int = 1, at: Position | None = None
):  # type: ignore[no-untyped-def]
    """The first `count` batches' numbers, and the position after them."""
    with ShardReader(store, config, rank, ranks) as reader:
        batches = list(itertools.islice(reader.batches(at), count))
    return [batch.data["number"].tolist() for batch in batches], batches[-1].after


@pytest.mark.parametrize("codec", ["none", "zstd", "zlib"])
@settings(max_examples=30, deadline=None)
@given(data=st.binary(min_size=1, max_size=2000))
def test_compression_gives_back_what_it_got(codec: str, data: bytes) -> None:
    assert decompress(compress(data, codec, 3), codec, len(data)) == data


def test_records_come_back_as_they_were(store: Store) -> None:
    with ShardReader(store, PLAIN) as reader:
        batch = next(reader.batches())
    assert batch.data["number"].dtype == np.int32
    assert batch.data["pixels"].shape == (4, 2, 3)
    assert batch.data["pixels"].flags.c_contiguous
    index = read_index(store, "set")
    assert (index.records, len(index.shards), index.about) == (RECORDS, SHARDS, {"kind": "numbers"})


@pytest.mark.parametrize("sharded", [True, False])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_record_comes_once_in_an_epoch(store: Store, sharded: bool, ranks: int) -> None:
    config = replace(PLAIN, sharded=sharded, batch=1)
    seen: list[int] = []
    for rank in range(ranks):
        with ShardReader(store, config, rank, ranks) as reader:
            epochs = 6  # every rank has whole epochs after as many as there are ranks
            count = RECORDS * epochs // ranks
            seen += [b.data["number"][0] for b in itertools.islice(reader.batches(), count)]
    times = Counter(int(n) for n in seen)
    assert set(times) == set(range(RECORDS))
    # The short shard may lie on either side of the cut.
    assert all(abs(n - epochs) <= (1 if sharded and ranks > 1 else 0) for n in times.values())


def test_the_order_is_the_seeds_and_no_setting_of_speed_changes_it(store: Store) -> None:
    first, _ = numbers(store, PLAIN, 40)
    slow = replace(PLAIN, readers=1, prefetch_shards=0, prefetch_batches=0)
    assert numbers(store, slow, 40)[0] == first
    assert numbers(store, replace(PLAIN, seed=2), 40)[0] != first
    assert list(itertools.chain(*first[:15])) != list(itertools.chain(*first[15:30])), (
        "an epoch repeats the one before"
    )


@settings(max_examples=25, deadline=None)
@given(
    done=st.integers(1, 40),
    batch=st.integers(1, 9),
    sharded=st.booleans(),
    ranks=st.integers(1, 3),
    data=st.data(),
)
def test_a_run_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    done: int,
    batch: int,
    sharded: bool,
    ranks: int,
    data: st.DataObject,
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    write_shards(store, "set", {"number": np.arange(RECORDS)}, {}, ShardConfig(records=8, compression="none"))
    config = replace(PLAIN, batch=batch, sharded=sharded, prefetch_batches=0)
    rank = data.draw(st.integers(0, ranks - 1))
    whole, _ = numbers(store, config, done + 5, rank, ranks)
    _, position = numbers(store, config, done, rank, ranks)
    position = Position.from_dict(json.loads(json.dumps(position.as_dict())))
    assert numbers(store, config, 5, rank, ranks, position)[0] == whole[done:]


@pytest.mark.parametrize(("sharded", "twice"), [(True, 3 * 8), (False, 0)])
def test_with_other_ranks_nothing_is_left_out(store: Store, sharded: bool, twice: int) -> None:
    config = replace(PLAIN, batch=1, sharded=sharded)
    before = [numbers(store, config, 10, rank, 3) for rank in range(3)]
    seen = Counter(n for batches, _ in before for batch in batches for n in batch)
    position = before[0][1]
    after, _ = numbers(store, config, 30 + twice, 0, 1, position)
    # 30 records are gone: the rest of the epoch must come before any of the next.
    rest = [n for batch in after[: 30 + twice] for n in batch]
    seen.update(rest[: RECORDS - 30 + twice])
    assert set(seen) == set(range(RECORDS))
    if not sharded:
        assert set(seen.values()) == {1}


def damage(store: Store) -> str:
    """Turns a bit of one shard; its key."""
    key = read_index(store, "set").shards[3].key
    stored = bytearray(store.get(key))
    stored[len(stored) // 2] ^= 1
    store.put(key, bytes(stored))
    return key


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_damaged_shard_stops_the_run_with_its_name(store: Store, ahead: int) -> None:
    key = damage(store)
    with pytest.raises(
        DataError, match=rf"shard file://.*{key} is damaged: .*\(read 3 times\); write"
    ) as stopped:
        numbers(store, replace(PLAIN, prefetch_batches=ahead), 40)
    assert "SHA-256" in str(stopped.value)


def test_a_shard_that_was_damaged_on_its_way_is_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = numbers(store, PLAIN, 15)
    get, spoilt = store.get, set()

    def once(key: str) -> bytes:
        data = get(key)
        if key.endswith(".shard") and key not in spoilt:
            spoilt.add(key)
            return data[:-1]
        return data

    monkeypatch.setattr(store, "get", once)
    with ShardReader(store, PLAIN) as reader:
        assert [b.data["number"].tolist() for b in itertools.islice(reader.batches(), 15)] == expected
    assert reader.stats.damaged >= SHARDS


def test_a_damaged_copy_in_the_cache_is_fetched_anew(store: Store, tmp_path: Path) -> None:
    config = replace(PLAIN, cache_directory=str(tmp_path / "cache"))
    expected, _ = numbers(store, config, 15)
    for copy in (tmp_path / "cache").glob("*.shard"):
        copy.write_bytes(b"x")
    assert numbers(store, config, 15)[0] == expected
    assert all(copy.stat().st_size > 1 for copy in (tmp_path / "cache").glob("*.shard"))


def test_the_cache_saves_requests_and_keeps_its_limit(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    noise = np.random.default_rng(0).integers(0, 255, (16, 200_000), np.uint8)
    write_shards(store, "set", {"number": noise}, {}, ShardConfig(records=1, compression="none"))
    config = replace(PLAIN, batch=1, cache_directory=str(tmp_path / "cache"), cache_mib=1)
    numbers(store, config, 32)
    kept = [path.stat().st_size for path in (tmp_path / "cache").glob("*.shard")]
    assert 0 < sum(kept) <= 2**20
    config = replace(config, cache_mib=100)
    with ShardReader(store, config) as reader:
        list(itertools.islice(reader.batches(), 20))
        before = store.counters.requests("get")
        list(itertools.islice(reader.batches(), 20))
    assert store.counters.requests("get") == before
    assert reader.stats.cache_hits >= 20


def test_a_store_that_fails_now_and_then_costs_no_record(store: Store) -> None:
    expected, _ = numbers(store, PLAIN, 30)
    calls = itertools.count()

    def fault(operation: str, key: str) -> None:
        if next(calls) % 3 == 0:
            raise Transient("503 SlowDown", throttled=True)

    flaky = open_store(store.url, options=QUICK, fault=fault)
    assert numbers(flaky, PLAIN, 30)[0] == expected
    assert flaky.counters.requests("get", "throttled") > 5


def test_reading_ahead_hides_a_slow_store(store: Store) -> None:
    def wait(config: DataConfig) -> float:
        slow = open_store(store.url, fault=lambda *_: time.sleep(0.02))
        with ShardReader(slow, config) as reader:
            for _ in itertools.islice(reader.batches(), 20):
                time.sleep(0.012)
        return reader.stats.wait_seconds

    off = wait(replace(PLAIN, readers=1, prefetch_shards=0, prefetch_batches=0))
    on = wait(replace(PLAIN, readers=4, prefetch_shards=4, prefetch_batches=4))
    assert on < off / 2


def test_a_reader_stops_at_once(store: Store) -> None:
    with ShardReader(store, PLAIN) as reader:
        next(reader.batches())
        began = time.perf_counter()
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"format": 9}, "format 9; this version reads 1"),
        ({"shards": []}, "do not fit"),
        ({"columns": None}, "not an index"),
        ({"compression": "lzma"}, "do not fit"),
    ],
)
def test_an_index_that_is_refused(store: Store, change: dict[str, object], parts: str) -> None:
    index = json.loads(store.get(f"set/{INDEX}")) | change
    store.put(f"set/{INDEX}", json.dumps(index).encode())
    with pytest.raises(DataError, match=parts):
        read_index(store, "set")


def test_no_data_set_is_told(store: Store) -> None:
    with pytest.raises(DataError, match=r"other/index.json: there is no data set"):
        read_index(store, "other")


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match=r"readers: got 8; allowed: at most prefetch_shards \(2\)"):
        parse(DataConfig, {"readers": 8, "prefetch_shards": 2})


def test_the_text_is_english_and_split(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    train, evaluate = corpus.write_text(store, "text", 128, ShardConfig())
    records = corpus.text_records(128)
    assert records.shape[1] == 129
    assert len(corpus.text_bytes()) > 400_000
    assert corpus.text_bytes().count(b" the ") > 3000
    assert train.records + evaluate.records == len(records)
    assert (records[0, -1] == records[1, 0]).all()
    assert train.stored_bytes < 0.6 * train.raw_bytes
    with pytest.raises(ValueError, match="context is 10000000; a text of"):
        corpus.text_records(10_000_000)


def test_the_digits_are_digits(tmp_path: Path) -> None:
    images, labels = corpus.digit_images()
    assert images.shape == (1797, 1, 8, 8)
    assert images.max() == 16
    assert Counter(labels.tolist()).keys() == set(range(10))
    train, evaluate = corpus.write_digits(open_store(tmp_path), "digits", ShardConfig())
    assert (train.records, evaluate.records) == (1618, 179)
