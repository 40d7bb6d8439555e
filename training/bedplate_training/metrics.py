"""What a run tells while it runs: Prometheus text (port, file), JSON lines, TensorBoard.

Names and labels are those of docs/monitoring.md, where the alerts expect them.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from bedplate_training.config import setting
from bedplate_training.errors import Problem

GAUGE, COUNTER = "gauge", "counter"
_RUN_METRICS = {
    "bedplate_training_step_seconds": (GAUGE, "The last step, from start to start"),
    "bedplate_training_step_compute_seconds": (
        GAUGE,
        "Of the last step, until the first collective is waited for",
    ),
    "bedplate_training_steps_total": (COUNTER, "Finished steps"),
    "bedplate_training_samples_total": (COUNTER, "Samples or sequences"),
    "bedplate_training_loss": (GAUGE, "The last loss"),
    "bedplate_training_data_wait_seconds_total": (COUNTER, "Time in which the device waited for data"),
    "bedplate_training_checkpoint_timestamp_seconds": (GAUGE, "Unix time of the last complete checkpoint"),
}


@dataclass(frozen=True)
class MetricsConfig:
    """Where metrics go; an empty path or port 0 leaves one out."""

    run: str = setting("validation")
    port: int = setting(0, at_least=0, at_most=65_000, fix="each process of a node adds its local rank")
    address: str = setting("0.0.0.0", fix="an address of this machine")
    directory: str = setting("")
    tensorboard: bool = setting(False)

    def problems(self, path: str) -> list[Problem]:
        found = []
        if self.tensorboard and not self.directory:
            fix = f"set {path}.directory, where the event files go"
            found.append(Problem(f"{path}.tensorboard", True, "with a directory", fix))
        if self.tensorboard and find_spec("tensorboard") is None:
            fix = "pip install tensorboard, or set it to false"
            found.append(Problem(f"{path}.tensorboard", True, "where tensorboard is installed", fix))
        return found


class Sample(Protocol):
    """A value of another part's exposition, such as the object store's counters."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def value(self) -> float: ...


@dataclass(frozen=True)
class Step:
    """One finished step, as it is told. `seconds` is wall time and the sum of `parts`."""

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    samples: int
    tokens: int
    seconds: float
    compute_seconds: float
    parts: Mapping[str, float]


class Metrics:
    """The metrics of one process."""

    def __init__(
        self,
        config: MetricsConfig,
        rank: int,
        local_rank: int,
        extra: Callable[[], Iterable[Sample]] = lambda: (),
    ):
        self.config, self.rank, self._extra = config, rank, extra
        self._lock = threading.Lock()
        self._values = {name: 0.0 for name in _RUN_METRICS if not name.endswith("_loss")}
        self._values["bedplate_training_checkpoint_timestamp_seconds"] = time.time()
        self._directory = Path(config.directory) if config.directory else None
        self._lines = None
        self._board: Any = None
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            # Lines are added: a run that was restarted goes on in the same file.
            self._lines = (self._directory / f"steps-rank-{rank}.jsonl").open("a")
            if config.tensorboard and rank == 0:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(str(self._directory / "tensorboard"))
        self._server = _serve(self, config.address, config.port + local_rank) if config.port else None

    def step(self, step: Step) -> None:
        """Tell of a finished step."""
        with self._lock:
            values = self._values
            values["bedplate_training_step_seconds"] = step.seconds
            values["bedplate_training_step_compute_seconds"] = step.compute_seconds
            values["bedplate_training_steps_total"] += 1
            values["bedplate_training_samples_total"] += step.samples
            values["bedplate_training_loss"] = step.loss
            values["bedplate_training_data_wait_seconds_total"] += step.parts["data_wait"]
        self.line("step", {**vars(step), "parts": dict(step.parts)})
        if self._directory is not None:
            temporary = self._directory / f".rank-{self.rank}.prom.new"
            temporary.write_text(self.text())
            temporary.replace(self._directory / f"rank-{self.rank}.prom")
        if self._board is not None:
            self._board.add_scalar("loss", step.loss, step.step)
            self._board.add_scalar("learning_rate", step.learning_rate, step.step)
            self._board.add_scalar("tokens_per_second", step.tokens / step.seconds, step.step)
            for name, seconds in step.parts.items():
                self._board.add_scalar(f"seconds/{name}", seconds, step.step)

    def checkpoint(self, committed_at: float) -> None:
        """Tell of a committed checkpoint, by its Unix time."""
        with self._lock:
            self._values["bedplate_training_checkpoint_timestamp_seconds"] = committed_at

    def loss_not_finite(self, loss: float) -> None:
        """Leave the last word to the alert: the run stops."""
        with self._lock:
            self._values["bedplate_training_loss"] = loss

    def line(self, event: str, data: Mapping[str, object]) -> None:
        """A line of the JSON lines."""
        if self._lines is not None:
            line = {
                "event": event,
                "time": time.time(),
                "run": self.config.run,
                "rank": self.rank,
                "pid": os.getpid(),
            }
            self._lines.write(json.dumps({**line, **data}) + "\n")
            self._lines.flush()

    def text(self) -> str:
        """Everything in Prometheus's text format."""
        label = _labels({"run": self.config.run, "rank": str(self.rank)})
        with self._lock:
            values = dict(self._values)
        lines = []
        for name, value in values.items():
            kind, about = _RUN_METRICS[name]
            lines += [f"# HELP {name} {about}.", f"# TYPE {name} {kind}", f"{name}{label} {_number(value)}"]
        # A histogram's samples carry its name with an ending; its type is told once, of the name.
        told = set()
        for sample in self._extra():
            family = sample.name
            if sample.type == "histogram":
                family = sample.name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            if family not in told:
                told.add(family)
                lines.append(f"# TYPE {family} {sample.type}")
            lines.append(f"{sample.name}{_labels(sample.labels)} {_number(sample.value)}")
        return "\n".join(lines) + "\n"

    @property
    def port(self) -> int | None:
        """The port that is served, if any."""
        return None if self._server is None else self._server.server_address[1]

    def close(self) -> None:
        """Close files and port."""
        if self._lines is not None:
            self._lines.close()
        if self._board is not None:
            self._board.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _serve(metrics: Metrics, address: str, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = metrics.text().encode() if found else b"metrics are at /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _labels(labels: Mapping[str, str]) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    names = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
    return names.get(str(value), repr(value))
