"""Alerts about training runs and the object stores that they read."""

from bedplate.monitoring.kubernetes.model import (
    Alert,
    AlertGroup,
    Group,
    Recording,
    Severity,
    duration,
    number,
)
from bedplate.monitoring.kubernetes.thresholds import ObjectStoreThresholds, TrainingThresholds

_STEP = "bedplate:training_step_seconds:avg5m"
_REQUESTS = "sum by (store, operation) (rate(bedplate_object_store_requests_total[5m]))"


def training_group(limits: TrainingThresholds) -> Group:
    """Slower steps, stragglers, a loss that is no number, stalls, old checkpoints, waiting for data."""
    return Group(
        AlertGroup.TRAINING,
        "Training",
        "The metrics that a training run exports, each with the labels `run` and `rank` "
        "(docs/monitoring.md).",
        (*_speed(limits), *_progress(limits)),
        (
            Recording(_STEP, "avg by (run) (avg_over_time(bedplate_training_step_seconds[5m]))"),
            Recording(
                "bedplate:training_data_wait_percent",
                "avg by (run) (rate(bedplate_training_data_wait_seconds_total[10m])) * 100",
            ),
        ),
    )


def _speed(limits: TrainingThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "TrainingStepTimeRegression",
            f"({_STEP} / avg_over_time({_STEP}[1h] offset 10m) - 1) * 100 > "
            f"{number(limits.step_time_growth_percent)}",
            Severity.WARNING,
            limits.hold_seconds,
            "{{ $labels.run }} has become slower",
            'A step of {{ $labels.run }} takes {{ $value | printf "%.0f" }}% longer than in the hour before.',
            "Something in the stack changed under a running job.",
            (
                "One rank or all? See TrainingStraggler.",
                "All ranks: storage (ObjectStoreSlow, TrainingDataWait) or fabric (NodeEfaErrors, "
                "GpuNvlinkErrors).",
            ),
        ),
        Alert(
            "TrainingStraggler",
            "(max by (run) (avg_over_time(bedplate_training_step_compute_seconds[5m])) / "
            "quantile by (run) (0.5, avg_over_time(bedplate_training_step_compute_seconds[5m])) - 1) * 100 > "
            f"{number(limits.straggler_percent)}",
            Severity.WARNING,
            limits.hold_seconds,
            "One rank slows {{ $labels.run }}",
            'The slowest rank of {{ $labels.run }} computes {{ $value | printf "%.0f" }}% longer than the '
            "median rank.",
            "All ranks wait for the slowest at each step. The time until the collective starts is compared, "
            "because "
            "the step's whole time is the same on all ranks.",
            (
                "Which rank: `topk(3, avg_over_time(bedplate_training_step_compute_seconds[5m]))`.",
                "Its node: GpuThermalThrottling, GpuXidError, other pods on it; drain it and go on from the "
                "checkpoint.",
            ),
        ),
        Alert(
            "TrainingDataWait",
            f"bedplate:training_data_wait_percent > {number(limits.data_wait_percent)}",
            Severity.WARNING,
            limits.hold_seconds,
            "{{ $labels.run }} waits for data",
            'GPUs of {{ $labels.run }} wait for data in {{ $value | printf "%.0f" }}% of the time.',
            "The loader is slower than the model.",
            (
                "More workers, prefetch, or the local cache; are shards too small?",
                "The store: ObjectStoreSlow, ObjectStoreThrottled.",
            ),
        ),
    )


def _progress(limits: TrainingThresholds) -> tuple[Alert, ...]:
    stalled = duration(limits.stalled_seconds)
    return (
        Alert(
            "TrainingLossNotFinite",
            # NaN is the one value that does not equal itself.
            "count by (run) ((bedplate_training_loss != bedplate_training_loss) or "
            "(abs(bedplate_training_loss) == Inf)) > 0",
            Severity.CRITICAL,
            0,
            "The loss of {{ $labels.run }} is not a number",
            "The loss of {{ $labels.run }} is NaN or infinite; what it computes from now on is worthless.",
            "Too high a learning rate, an overflow in low precision, a bad batch, or a GPU that computes "
            "wrongly.",
            (
                "Stop the run; each further hour is wasted.",
                "Go back to a checkpoint from before; skip the batch or lower the learning rate.",
                "If it comes at another step when repeated: suspect the hardware (GpuEccUncorrectable).",
            ),
        ),
        Alert(
            "TrainingStalled",
            f"max by (run) (increase(bedplate_training_steps_total[{stalled}])) == 0",
            Severity.CRITICAL,
            120,
            "{{ $labels.run }} stands still",
            f"{{{{ $labels.run }}}} has finished no step in {stalled}, and holds its GPUs.",
            "Most often one rank died or hangs in a collective and the others wait.",
            (
                "The logs of all ranks: which one is the last to say something?",
                "`py-spy dump --pid PID` in two pods; NCCL's flight recorder if it is on.",
                "Delete the pod; the job goes on from its last checkpoint.",
            ),
        ),
        Alert(
            "TrainingCheckpointOld",
            "time() - max by (run) (bedplate_training_checkpoint_timestamp_seconds) > "
            f"{number(limits.checkpoint_seconds)}",
            Severity.CRITICAL,
            300,
            "{{ $labels.run }} has not saved for long",
            "The last checkpoint of {{ $labels.run }} is {{ $value | humanizeDuration }} old. A failure "
            "would lose it.",
            "Saving fails or takes longer than the interval.",
            (
                "The run's log: errors of the object store, a full bucket quota (CephPoolNearQuota).",
                "Permissions: may the run's service account still write there?",
            ),
        ),
    )


def object_store_group(limits: ObjectStoreThresholds) -> Group:
    """What clients of an object store see: failures, throttling, slowness."""
    return Group(
        AlertGroup.OBJECT_STORE,
        "Object stores",
        "The metrics that clients export, with the labels `store` and `operation` (docs/monitoring.md); the "
        "same for "
        "S3, Google Cloud Storage and Ceph.",
        (
            Alert(
                "ObjectStoreErrors",
                f"{_share('error')} > {number(limits.failed_percent)}",
                Severity.CRITICAL,
                limits.hold_seconds,
                "{{ $labels.store }} fails requests",
                '{{ $value | printf "%.1f" }}% of the {{ $labels.operation }} requests to {{ $labels.store '
                "}} fail.",
                "Data cannot be read or checkpoints cannot be written.",
                (
                    "403 is access: role, policy, key of the encryption. 404 is a wrong name. 5xx is the "
                    "store.",
                    "Ceph: see CephHealthError and CephRgwErrors. A cloud: its status page.",
                ),
            ),
            Alert(
                "ObjectStoreThrottled",
                f"{_share('throttled')} > {number(limits.throttled_percent)}",
                Severity.WARNING,
                limits.hold_seconds,
                "{{ $labels.store }} throttles requests",
                '{{ $value | printf "%.1f" }}% of the {{ $labels.operation }} requests to {{ $labels.store '
                "}} are "
                "throttled.",
                "Too many requests for one prefix or bucket. S3 serves at least 5,500 reads and 3,500 "
                "writes per "
                "second and prefix (Amazon S3 User Guide, from memory).",
                ("Larger shards, more prefixes, a local cache; fewer ranks that list the bucket at once.",),
            ),
            Alert(
                "ObjectStoreSlow",
                "histogram_quantile(0.99, sum by (le, store, operation) "
                f"(rate(bedplate_object_store_request_seconds_bucket[5m]))) > {number(limits.p99_seconds)}",
                Severity.WARNING,
                limits.hold_seconds,
                "{{ $labels.store }} is slow",
                "One of a hundred {{ $labels.operation }} requests to {{ $labels.store }} takes longer than "
                "{{ $value | humanizeDuration }}.",
                "One slow read in a hundred is one in every step of a large run.",
                (
                    "Ceph: CephSlowOps. A cloud: is the bucket in the region of the nodes, and is its "
                    "endpoint private?",
                ),
            ),
        ),
    )


def _share(result: str) -> str:
    failed = (
        f'sum by (store, operation) (rate(bedplate_object_store_requests_total{{result="{result}"}}[5m]))'
    )
    return f"{failed} / {_REQUESTS} * 100"
