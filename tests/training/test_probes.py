"""Probes measure what they say, and remove what they wrote."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate_training.probes import gpu, node
from bedplate_training.probes.storage import StorageProbeConfig, probe_store, starved
from bedplate_training.store import AccessDenied, open_store
from bedplate_training.thresholds import thresholds_for
from bedplate_training.verdict import judge

SMALL = StorageProbeConfig(object_mib=1, objects=2, threads=2, small_objects=20)


def test_a_store_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.put("mine", b"1")
    measures = {measure.name: measure for measure in probe_store(store, SMALL)}
    assert measures["storage.read"].unit == "MB/s"
    assert measures["storage.small_read_p99"].value >= measures["storage.small_read_p50"].value > 0
    assert all(len(measure.repeats) == 3 for measure in measures.values())
    assert [info.key for info in store.list()] == ["mine"]


def test_a_slow_store_measures_slow_and_is_red(tmp_path: Path) -> None:
    def slow(operation: str, key: str) -> None:
        # A store that now and then stalls on a small object.
        if operation == "get" and key.endswith("small-7"):
            time.sleep(1.05)
        elif "large" in key:
            time.sleep(0.05)

    fast = {m.name: m.value for m in probe_store(open_store(tmp_path / "fast"), SMALL)}
    measures = probe_store(open_store(tmp_path / "slow", fault=slow), SMALL)
    by_name = {measure.name: measure for measure in measures}
    assert by_name["storage.read"].value < 2 * 1.048576 / 0.05 < fast["storage.read"]
    verdict = judge(measures, thresholds_for("cpu"))
    assert verdict.of("storage").colour == "red"
    assert "storage.small_read_p99" in verdict.of("storage").reason


def test_what_was_written_goes_also_after_an_error(tmp_path: Path) -> None:
    def refuse(operation: str, key: str) -> None:
        if operation == "get":
            raise AccessDenied("get", key, "403", "ask")

    store = open_store(tmp_path, fault=refuse)
    with pytest.raises(AccessDenied):
        probe_store(store, SMALL)
    assert list(store.list()) == []


def test_a_store_below_what_training_needs_is_red(tmp_path: Path) -> None:
    read = next(m for m in probe_store(open_store(tmp_path), SMALL) if m.name == "storage.read")
    limits = thresholds_for("cpu")
    assert judge([starved(read, read.value * 1e6 * 2)], limits).of("storage").colour == "red"
    assert judge([starved(read, min(read.repeats) * 1e6 / 10)], limits).of("storage").colour == "green"
    with pytest.raises(ValueError, match="above 0"):
        starved(read, 0)


class Nvml:
    """pynvml with two GPUs, of which the second is as `sick` says."""

    NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC = 1, 0, 0
    NVML_TEMPERATURE_GPU, NVML_NVLINK_MAX_LINKS, nvmlEventTypeXidCriticalError = 0, 4, 8

    class NVMLError(Exception):
        pass

    def __init__(self, **sick: object) -> None:
        self.sick = {"errors": 0, "rows": (0, 0, 0, 0), "throttle": 0x4, "down": (), "width": 16} | sick
        self.open = 0
        self.xids: list[int] = []

    def _of(self, handle: int, name: str, well: object) -> object:
        return self.sick[name] if handle == 1 else well

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"NVIDIA H100 80GB HBM3"

    def nvmlDeviceGetTotalEccErrors(self, handle: int, kind: int, counter: int) -> object:
        return self._of(handle, "errors", 0) if kind == 1 else 3

    def nvmlDeviceGetRemappedRows(self, handle: int) -> object:
        return self._of(handle, "rows", (0, 0, 0, 0))

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> object:
        return self._of(handle, "throttle", 0)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 91

    def nvmlDeviceGetNvLinkState(self, handle: int, link: int) -> int:
        if link == 3:
            raise self.NVMLError("not supported")
        return 0 if link in self._of(handle, "down", ()) else 1  # type: ignore[operator]

    def nvmlDeviceGetCurrPcieLinkWidth(self, handle: int) -> object:
        return self._of(handle, "width", 16)

    def nvmlDeviceGetMaxPcieLinkWidth(self, handle: int) -> int:
        return 16

    def nvmlEventSetCreate(self) -> list[int]:
        return self.xids

    def nvmlDeviceRegisterEvents(self, handle: int, kind: int, events: list[int]) -> None:
        pass

    def nvmlEventSetWait_v2(self, events: list[int], milliseconds: int) -> SimpleNamespace:
        if not events:
            raise self.NVMLError("time-out")
        return SimpleNamespace(eventData=events.pop(0))

    def nvmlEventSetFree(self, events: list[int]) -> None:
        pass


@pytest.mark.parametrize(
    ("sick", "says"),
    [
        ({"errors": 2}, "GPU 1 (NVIDIA H100 80GB HBM3): 2 uncorrectable memory errors"),
        ({"rows": (1, 0, 1, 0)}, "waits to be remapped"),
        ({"rows": (1, 0, 0, 1)}, "replace the GPU"),
        ({"throttle": 0x48}, "hardware thermal slowdown at 91 degrees Celsius"),
        ({"down": (0, 2)}, "NVLink 0, 2 down"),
        ({"width": 8}, "PCIe runs at x8 of x16"),
    ],
)
def test_a_sick_gpu_is_red_and_named(sick: dict[str, object], says: str) -> None:
    module = Nvml(**sick)
    states = gpu.read_gpus(module)  # type: ignore[arg-type]
    assert module.open == 0
    verdict = judge(gpu.health(states), thresholds_for("H100-SXM5-80GB"))
    assert verdict.of("accelerator").colour == "red"
    assert says in verdict.of("accelerator").reason


def test_healthy_gpus_are_green_and_no_gpu_is_no_measure() -> None:
    states = gpu.read_gpus(Nvml())  # type: ignore[arg-type]
    assert [state.problems() for state in states] == [[], []]
    assert judge(gpu.health(states), thresholds_for("cpu")).of("accelerator").colour == "green"
    assert gpu.health([]) == []


def test_xids_of_the_hardware_count_and_those_of_the_program_do_not() -> None:
    module = Nvml()
    watch = gpu.XidWatch(module)  # type: ignore[arg-type]
    watch.start()
    module.xids += [79, 31]
    found = watch.stop()
    assert found == [79, 31]
    assert module.open == 0
    measure = gpu.health(gpu.read_gpus(module), found)[0]  # type: ignore[arg-type]
    assert (measure.value, measure.about["culprit"]) == (1, "XID 79")


def test_the_limit_of_the_container_counts(tmp_path: Path) -> None:
    limit = tmp_path / "sys/fs/cgroup/cpu.max"
    limit.parent.mkdir(parents=True)
    limit.write_text("100000 100000\n")
    assert node.usable_cores(tmp_path) == 1
    limit.write_text("max 100000\n")
    assert node.usable_cores(tmp_path) >= 1
    topology = node.read_topology(tmp_path)
    assert (topology.sockets, topology.numa_nodes, topology.infiniband) == (1, 1, ())
    assert node.read_topology().memory_gib > 0.1


def test_a_clock_that_is_off_is_red() -> None:
    def apart(seconds: float) -> str:
        measure = node.ranks_clock_offset(lambda value: [value, value + seconds])
        return judge([measure], thresholds_for("cpu")).of("accelerator").colour

    assert [apart(seconds) for seconds in (0.0, 0.5, 3.0)] == ["green", "amber", "red"]


@given(st.sampled_from(["ftp://host", "host", "file:///x"]))
def test_a_clock_is_asked_by_http_only(url: str) -> None:
    with pytest.raises(ValueError, match="allowed are http://"):
        node.server_clock_offset_seconds(url)
