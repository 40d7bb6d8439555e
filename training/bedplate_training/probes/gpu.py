"""Health of NVIDIA's GPUs by NVML: memory errors, row remapping, throttling, links, temperature.

XIDs come by events only, and by the kernel's log, which a pod does not see: those that happen while the
run lasts are watched; for earlier ones there are the cluster's alerts (docs/monitoring.md).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from bedplate_training.probes.measure import Measure

# nvml.h, nvmlClocksEventReasons: what slows a GPU down that is well. Idle, a limit that was set, a lower
# clock that was
# asked for and a partner's in a sync group are no faults; the power cap is normal at full load.
_THROTTLING = {
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
}
# NVIDIA, GPU debug guidelines: an XID that the application caused itself is no fault of the GPU.
_APPLICATION_XIDS = (13, 31, 43, 45, 68)


@dataclass(frozen=True)
class GpuState:
    """One GPU as NVML sees it; None where this GPU or driver does not tell."""

    index: int
    name: str
    uncorrected_errors: int | None
    corrected_errors: int | None
    remapped_rows_pending: bool | None
    remapping_failed: bool | None
    throttle_reasons: int | None
    temperature_celsius: int | None
    links_down: tuple[int, ...]
    pcie_width: int | None
    pcie_width_most: int | None

    def problems(self) -> list[str]:
        """What is wrong with it, in words; empty for a healthy one."""
        found = []
        if self.uncorrected_errors:
            found.append(f"{self.uncorrected_errors} uncorrectable memory errors since the driver was loaded")
        if self.remapped_rows_pending:
            found.append("a memory row waits to be remapped: reset the GPU")
        if self.remapping_failed:
            found.append("a memory row could not be remapped: replace the GPU")
        for bit, name in _THROTTLING.items():
            if (self.throttle_reasons or 0) & bit:
                found.append(f"{name} at {self.temperature_celsius} degrees Celsius")
        if self.links_down:
            found.append(f"NVLink {', '.join(str(link) for link in self.links_down)} down")
        if self.pcie_width and self.pcie_width_most and self.pcie_width < self.pcie_width_most:
            found.append(f"PCIe runs at x{self.pcie_width} of x{self.pcie_width_most}")
        return [f"GPU {self.index} ({self.name}): {problem}" for problem in found]


def read_gpus(nvml: ModuleType | None = None) -> list[GpuState]:
    """All GPUs of the node; empty where there is no driver. `nvml` is the module pynvml."""
    nvml = nvml or _module()
    if nvml is None:
        return []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return []
    try:
        return [_state(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    finally:
        nvml.nvmlShutdown()


def health(states: list[GpuState], xids: list[int] | None = None) -> list[Measure]:
    """`accelerator.health_problems` (their number), with each in words; nothing without a GPU."""
    if not states:
        return []
    problems = [problem for state in states for problem in state.problems()]
    problems += [f"XID {xid}" for xid in xids or [] if xid not in _APPLICATION_XIDS]
    about = {"culprit": "; ".join(problems), "gpus": [asdict(state) for state in states]}
    return [Measure("accelerator.health_problems", "problems", (float(len(problems)),), about)]


class XidWatch:
    """The XIDs of all GPUs between `start` and `stop`."""

    def __init__(self, nvml: ModuleType | None = None) -> None:
        self._nvml = nvml or _module()
        self._set: Any = None

    def start(self) -> None:
        """Does nothing where there is no driver."""
        nvml = self._nvml
        if nvml is None:
            return
        try:
            nvml.nvmlInit()
            self._set = nvml.nvmlEventSetCreate()
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, self._set)
        except nvml.NVMLError:
            self._set = None

    def stop(self) -> list[int]:
        """The XIDs, oldest first."""
        nvml = self._nvml
        if nvml is None or self._set is None:
            return []
        found = []
        while True:
            try:
                found.append(int(nvml.nvmlEventSetWait_v2(self._set, 1).eventData))
            except nvml.NVMLError:
                break  # a time-out: no more
        nvml.nvmlEventSetFree(self._set)
        nvml.nvmlShutdown()
        self._set = None
        return found


def _module() -> ModuleType | None:
    try:
        return import_module("pynvml")
    except ImportError:
        return None


def _state(nvml: ModuleType, index: int) -> GpuState:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def told(call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(handle, *arguments)
        except nvml.NVMLError:
            return None

    errors = nvml.nvmlDeviceGetTotalEccErrors
    rows = told(nvml.nvmlDeviceGetRemappedRows)
    name = nvml.nvmlDeviceGetName(handle)
    return GpuState(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        uncorrected_errors=told(errors, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC),
        corrected_errors=told(errors, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, nvml.NVML_VOLATILE_ECC),
        remapped_rows_pending=None if rows is None else bool(rows[2]),
        remapping_failed=None if rows is None else bool(rows[3]),
        throttle_reasons=told(nvml.nvmlDeviceGetCurrentClocksThrottleReasons),
        temperature_celsius=told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        links_down=tuple(
            link
            for link in range(nvml.NVML_NVLINK_MAX_LINKS)
            if told(nvml.nvmlDeviceGetNvLinkState, link) == 0
        ),
        pcie_width=told(nvml.nvmlDeviceGetCurrPcieLinkWidth),
        pcie_width_most=told(nvml.nvmlDeviceGetMaxPcieLinkWidth),
    )
