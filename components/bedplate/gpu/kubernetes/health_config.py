"""What the node problem detector looks for: conditions of a node, and the lines or checks behind them."""

import json
from collections.abc import Iterable

from bedplate.gpu.kubernetes.facts import xids

# NPD v1.36.0, config/kernel-monitor.json and config/custom-plugin-monitor.json have the same fields.
_KMSG = {"plugin": "kmsg", "logPath": "/dev/kmsg", "lookback": "5m", "bufferSize": 10}

# A line of NVIDIA's driver: `NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.`
_XID_LINE = r"NVRM: Xid \(PCI:[0-9a-fA-F:.]+\): ({}),.*"

FATAL_XID = "GpuFatalXid"
DISK = "DiskProblem"
KERNEL = "KernelProblem"
LINK = "FabricLinkDown"
CLOCK = "ClockNotSynchronised"

_DISK_LINES = {
    "FilesystemShutDown": r"XFS .* Shutting down filesystem.?",
    "FilesystemReadOnly": r"Remounting filesystem read-only",
    "DiskGone": r"nvme nvme\d+: (Removing after probe failure|Disabling device after reset failure).*",
}
_DISK_EVENTS = {
    "IoError": r"(Buffer I/O error|blk_update_request: .*I/O error) .*",
    "Ext4Error": r"EXT4-fs error .*",
}
_KERNEL_LINES = {
    "HardwareFatal": r".*\[Hardware Error\]: event severity: fatal$",
    "MachineCheck": r"mce: \[Hardware Error\]: .*Uncorrected.*",
}
_FABRIC_EVENTS = {
    "FabricCardFault": r"mlx5_core .*(health compromised|unrecoverable|command timeout|assert_var).*",
    "EfaFault": r"efa .*(Failed to process|Wait for completion.*timeout|device is not ready).*",
}

# A port that was cabled and is not up. A node without any such port is well.
_LINK_CHECK = """#!/bin/sh
down=""
for port in /sys/class/infiniband/*/ports/*; do
  [ -r "$port/state" ] || continue
  [ "$(cat "$port/phys_state")" = "3: Disabled" ] && continue
  case "$(cat "$port/state")" in *ACTIVE) ;; *) down="$down ${port#/sys/class/infiniband/}" ;; esac
done
[ -z "$down" ] && exit 0
echo "not active:$down"
exit 1
"""

# systemd-timesyncd keeps the first file; chrony writes the second about once an hour while it is in step.
_CLOCK_CHECK = """#!/bin/sh
[ -e /host/run/systemd/timesync/synchronized ] && exit 0
for drift in /host/var/lib/chrony/drift /host/var/lib/chrony/chrony.drift; do
  [ -e "$drift" ] || continue
  [ -n "$(find "$drift" -mmin -180)" ] && exit 0
  echo "chrony has not been in step for three hours"
  exit 1
done
exit 2
"""


def drained_xids(more: Iterable[int] = (), ignored: Iterable[int] = ()) -> tuple[int, ...]:
    """The XIDs after which a GPU is not to be trusted."""
    known = {one.number for one in xids() if one.action == "drain"}
    return tuple(sorted((known | set(more)) - set(ignored)))


def _pattern(numbers: Iterable[int]) -> str:
    return _XID_LINE.format("|".join(str(number) for number in sorted(numbers)))


def _monitor(
    source: str, conditions: dict[str, str], rules: list[dict[str, str]], **more: object
) -> dict[str, object]:
    return {
        **more,
        "source": source,
        "metricsReporting": True,
        "conditions": [
            {"type": kind, "reason": f"No{kind}", "message": message} for kind, message in conditions.items()
        ],
        "rules": rules,
    }


def _lines(condition: str | None, lines: dict[str, str]) -> list[dict[str, str]]:
    where = {"type": "temporary"} if condition is None else {"type": "permanent", "condition": condition}
    return [{**where, "reason": reason, "pattern": pattern} for reason, pattern in lines.items()]


def _plugin(condition: str, good: str, script: str, seconds: int) -> dict[str, object]:
    return _monitor(
        f"bedplate-{condition.lower()}",
        {condition: good},
        [
            {
                "type": "permanent",
                "condition": condition,
                "reason": condition,
                "path": f"/config/{script}",
                "timeout": "10s",
            }
        ],
        plugin="custom",
        pluginConfig={
            "invoke_interval": f"{seconds}s",
            "timeout": "10s",
            "max_output_length": 200,
            "concurrency": 1,
            "enable_message_change_based_condition_update": False,
        },
    )


def config_files(*, fatal: tuple[int, ...], gpus: bool, links: bool, clock: bool) -> dict[str, str]:
    """The files of the detector's configuration, by name."""
    files: dict[str, dict[str, object]] = {
        "disk.json": _monitor(
            "bedplate-disk",
            {DISK: "disks and their filesystems work"},
            _lines(DISK, _DISK_LINES) + _lines(None, _DISK_EVENTS),
            **_KMSG,
        ),
        "kernel.json": _monitor(
            "bedplate-kernel",
            {KERNEL: "no fatal error of the hardware"},
            _lines(KERNEL, _KERNEL_LINES) + _lines(None, _FABRIC_EVENTS),
            **_KMSG,
        ),
    }
    if gpus:
        watched = [one.number for one in xids() if one.action == "watch" and one.number not in fatal]
        files["gpu.json"] = _monitor(
            "bedplate-gpu",
            {FATAL_XID: "no XID after which a GPU is not to be trusted"},
            _lines(FATAL_XID, {FATAL_XID: _pattern(fatal)})
            + (_lines(None, {"GpuXid": _pattern(watched)}) if watched else []),
            **_KMSG,
        )
    if links:
        files["link.json"] = _plugin(LINK, "every port of the fabric is active", "link.sh", 60)
    if clock:
        files["clock.json"] = _plugin(CLOCK, "the clock is in step", "clock.sh", 300)
    texts = {name: json.dumps(one, indent=1, sort_keys=True) for name, one in files.items()}
    if links:
        texts["link.sh"] = _LINK_CHECK
    if clock:
        texts["clock.sh"] = _CLOCK_CHECK
    return texts
