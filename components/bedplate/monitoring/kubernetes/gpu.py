"""Alerts about NVIDIA GPUs."""

from bedplate.monitoring.kubernetes.model import (
    Alert,
    AlertGroup,
    Group,
    Recording,
    Severity,
    duration,
    number,
)
from bedplate.monitoring.kubernetes.thresholds import GpuThresholds

# The exporter writes the node's name as `Hostname`, kube-state-metrics as `node`.
_SEEN = 'label_replace(count by (Hostname) (DCGM_FI_DEV_GPU_TEMP), "node", "$1", "Hostname", "(.*)")'
_WHERE = "GPU {{ $labels.gpu }} ({{ $labels.UUID }}) on {{ $labels.Hostname }}"
_DRAIN = "Cordon and drain the node: `kubectl drain NODE --ignore-daemonsets --delete-emptydir-data`."
_REPLACE = (
    "Reset the GPU (`nvidia-smi --gpu-reset -i GPU`) or reboot the node; run `dcgmi diag -r 3`; if it fails, "
    "replace the GPU or, in a cloud, the machine."
)


def gpu_group(limits: GpuThresholds) -> Group:
    """XID and memory errors, heat, power, NVLink, lost and idle GPUs."""
    prefix = "" if limits.honor_labels else "exported_"
    return Group(
        AlertGroup.GPU,
        "GPUs",
        "NVIDIA's DCGM exporter. Its default list of counters lacks the fields of ECC, NVLink errors and "
        "throttling: switch on `DCGM_FI_DEV_ECC_DBE_VOL_TOTAL`, `DCGM_FI_DEV_THERMAL_VIOLATION`, "
        "`DCGM_FI_DEV_POWER_VIOLATION`, `DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL` and "
        "`DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL` in its CSV file "
        "(source: NVIDIA/dcgm-exporter, etc/default-counters.csv).",
        (*_errors(limits), *_throttling(limits), *_links(limits), *_presence(limits, prefix)),
        (
            Recording(
                "bedplate:gpu_utilisation_percent:avg_by_node", "avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL)"
            ),
            Recording(
                "bedplate:gpus_allocated:count_by_node",
                f'count by (Hostname) (count by (Hostname, UUID) (DCGM_FI_DEV_GPU_UTIL{{{prefix}pod!=""}}))',
            ),
        ),
    )


def _errors(limits: GpuThresholds) -> tuple[Alert, ...]:
    fatal = " or ".join(f"DCGM_FI_DEV_XID_ERRORS == {xid}" for xid in sorted(limits.fatal_xids))
    left_out = "".join(f" != {xid}" for xid in sorted({*limits.fatal_xids, *limits.application_xids}))
    return (
        Alert(
            "GpuXidFatal",
            fatal,
            Severity.CRITICAL,
            0,
            "A GPU on {{ $labels.Hostname }} reports XID {{ $value }}",
            f"{_WHERE} reported XID {{{{ $value }}}}. Work on it is lost or about to be.",
            "The driver reported an error after which the GPU, its memory or its links are not to be "
            "trusted: "
            "48, 63, 64, 94 and 95 are memory errors, 74 is NVLink, 79 is a GPU that fell off the bus, 119 "
            "and "
            "120 are its system processor. The exporter keeps showing the last XID until the driver is "
            "reloaded.",
            (
                "Read the kernel's log on the node: `dmesg | grep -i xid`; NVIDIA's XID catalogue says what "
                "each means.",
                _DRAIN,
                _REPLACE,
                "Restart the job from its last checkpoint on other nodes.",
            ),
        ),
        Alert(
            "GpuXidError",
            f"DCGM_FI_DEV_XID_ERRORS > 0{left_out}",
            Severity.WARNING,
            0,
            "A GPU on {{ $labels.Hostname }} reports XID {{ $value }}",
            f"{_WHERE} reported XID {{{{ $value }}}}.",
            "The driver reported an error that is neither known to be fatal nor one that a faulty program "
            "causes.",
            (
                "Look the number up in NVIDIA's XID catalogue.",
                "If it comes again on the same GPU, drain the node and run `dcgmi diag -r 3`.",
            ),
        ),
        Alert(
            "GpuEccUncorrectable",
            "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL > 0",
            Severity.CRITICAL,
            0,
            "Uncorrectable memory errors in a GPU on {{ $labels.Hostname }}",
            f"{_WHERE} has had {{{{ $value }}}} uncorrectable memory errors since its last reset.",
            "Two bits of a word were wrong, which ECC sees and cannot mend. What was computed from it is "
            "wrong.",
            (_DRAIN, _REPLACE, "Go back to a checkpoint from before the error."),
        ),
        Alert(
            "GpuRowRemapFailed",
            "DCGM_FI_DEV_ROW_REMAP_FAILURE > 0",
            Severity.CRITICAL,
            0,
            "A GPU on {{ $labels.Hostname }} has no spare memory rows left",
            f"{_WHERE} could not replace a faulty row of its memory.",
            "The GPU has used up the spare rows of a memory bank; the next error there is not mended.",
            (_DRAIN, "Have the GPU replaced (RMA); a reset does not help."),
        ),
    )


def _throttling(limits: GpuThresholds) -> tuple[Alert, ...]:
    per_second = "1e6" if limits.violation_unit == "us" else "1e9"
    return (
        Alert(
            "GpuTooHot",
            f"DCGM_FI_DEV_GPU_TEMP > {number(limits.temperature_celsius)}",
            Severity.WARNING,
            limits.hold_seconds,
            "A GPU on {{ $labels.Hostname }} is at {{ $value }} °C",
            f"{_WHERE} is at {{{{ $value }}}} °C, above {number(limits.temperature_celsius)} °C.",
            "The GPU nears the temperature at which it lowers its clocks, and then that at which it "
            "switches off.",
            (
                "Compare with the other GPUs of the node and of the rack: one hot GPU is a cooler or a fan, "
                "a hot rack is air or water.",
                "Check fans and inlet temperature: `ipmitool sdr type temperature`, `ipmitool sdr type fan`.",
                "Drain the node if the temperature does not fall.",
            ),
        ),
        Alert(
            "GpuThermalThrottling",
            f"rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m]) / {per_second} * 100 > "
            f"{number(limits.thermal_throttle_percent)}",
            Severity.WARNING,
            limits.hold_seconds,
            "Heat slows a GPU on {{ $labels.Hostname }}",
            f'{_WHERE} lowered its clocks because of heat in {{{{ $value | printf "%.0f" }}}}% of the time.',
            "One slow GPU slows every rank of a synchronous training run.",
            (
                "See GpuTooHot for the causes.",
                "Move the job off the node: cordon it and restart from the last checkpoint.",
            ),
        ),
        Alert(
            "GpuPowerThrottling",
            f"rate(DCGM_FI_DEV_POWER_VIOLATION[5m]) / {per_second} * 100 > "
            f"{number(limits.power_throttle_percent)}",
            Severity.INFO,
            max(limits.hold_seconds, 1800),
            "The power limit slows a GPU on {{ $labels.Hostname }}",
            f'{_WHERE} was held at its power limit in {{{{ $value | printf "%.0f" }}}}% of the time.',
            "A GPU at its limit is busy, which is good; but a limit that was lowered, or a weak supply, "
            "looks the same.",
            (
                "Compare the limit with the model's: `nvidia-smi -q -d POWER`.",
                "Look for a power supply that failed: `ipmitool sdr type 'Power Supply'`.",
            ),
        ),
    )


def _links(limits: GpuThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "GpuNvlinkErrors",
            "increase(DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL[10m]) > "
            f"{number(limits.nvlink_errors_per_10m)}",
            Severity.WARNING,
            0,
            "NVLink errors at a GPU on {{ $labels.Hostname }}",
            f'{_WHERE} counted {{{{ $value | printf "%.0f" }}}} NVLink CRC errors in 10 minutes.',
            "Packets are sent again, so that nothing is wrong yet, but collectives get slower.",
            (
                "Which link: `nvidia-smi nvlink -e -i GPU`; its state: `nvidia-smi nvlink -s`.",
                "Check the fabric manager: `systemctl status nvidia-fabricmanager`.",
                "If it stays, drain the node and have the board or switch looked at.",
            ),
        ),
        Alert(
            "GpuNvlinkRecovery",
            "increase(DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL[10m]) > 0",
            Severity.CRITICAL,
            0,
            "An NVLink of a GPU on {{ $labels.Hostname }} went down and was recovered",
            f'{_WHERE} recovered a link {{{{ $value | printf "%.0f" }}}} times in 10 minutes.',
            "A link that has to be trained again stops the collectives that cross it, often for good.",
            (_DRAIN, _REPLACE),
        ),
    )


def _presence(limits: GpuThresholds, prefix: str) -> tuple[Alert, ...]:
    pod, namespace = f"{prefix}pod", f"{prefix}namespace"
    memory = duration(limits.lost_memory_seconds)
    return (
        Alert(
            "GpuLost",
            "count by (Hostname) (count by (Hostname, UUID) "
            f"(last_over_time(DCGM_FI_DEV_GPU_TEMP[{memory}]))) "
            "- count by (Hostname) (count by (Hostname, UUID) (DCGM_FI_DEV_GPU_TEMP)) > 0",
            Severity.CRITICAL,
            limits.hold_seconds,
            "{{ $labels.Hostname }} has lost {{ $value }} GPU(s)",
            f"{{{{ $value }}}} GPU(s) that {{{{ $labels.Hostname }}}} had within the last {memory} are gone.",
            "A GPU fell off the bus, or its driver lost it, while the others of the node are still seen.",
            (
                "On the node: `nvidia-smi -L`, `lspci | grep -i nvidia`, `dmesg | grep -i xid`.",
                _DRAIN,
                _REPLACE,
            ),
        ),
        Alert(
            "GpuIdleWhileAllocated",
            f"avg by (Hostname, gpu, UUID, {namespace}, {pod}) "
            f'(avg_over_time(DCGM_FI_DEV_GPU_UTIL{{{pod}!=""}}[{duration(limits.idle_seconds)}])) '
            f"< {number(limits.idle_percent)}",
            Severity.INFO,
            limits.idle_seconds,
            f"{{{{ $labels.{namespace} }}}}/{{{{ $labels.{pod} }}}} holds a GPU and does not use it",
            f'{_WHERE} is used to {{{{ $value | printf "%.1f" }}}}% by the pod that holds it.',
            "The pod has asked for a GPU that others wait for. A stalled job, a notebook left open and a "
            "server "
            "without requests look alike.",
            (
                "Ask its owner; see TrainingStalled if it is a training run.",
                "Delete what is not needed; a notebook is better off on a MIG slice.",
            ),
        ),
        Alert(
            "GpuMetricsMissing",
            f'kube_node_status_allocatable{{resource="nvidia_com_gpu"}} > 0 unless on (node) {_SEEN}',
            Severity.WARNING,
            max(limits.hold_seconds, 600),
            "No GPU metrics from {{ $labels.node }}",
            "{{ $labels.node }} has {{ $value }} GPU(s), and its DCGM exporter tells nothing about them.",
            "None of the alerts about GPUs can fire for this node.",
            (
                "The exporter's pod on the node: `kubectl get pods -A --field-selector spec.nodeName=NODE | "
                "grep dcgm`.",
                "Its log often names the cause: a driver that does not answer, or a full memory limit.",
            ),
        ),
    )
