"""Arguments of a model's update over the air."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args, In
from bedplate.core.errors import ArgsError, Problems
from bedplate.edge.agent.rollout import Release, Wave
from bedplate.edge.agent.windows import DAYS, Window
from bedplate.edge.camera import CameraLineHandle
from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle
from bedplate.edge.waves import HealthGate, UpdateWave, plan_waves
from bedplate.kubernetes.names import K8sName
from bedplate.storage.handles import ObjectStoreHandle

GIB = 1 << 30
RESERVE_GIB = 1.0
"""What stays free on a disk for models, beside the versions."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _timezone(name: str) -> str:
    # The database of the machine that runs the program may lack what the image has: only the form is checked.
    if not re.fullmatch(r"UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+\-0-9]+){1,2}", name):
        raise ValueError(f"{name!r} is no time zone; allowed: UTC, or such as Europe/Berlin; correct it")
    return name


class ModelRelease(Args):
    """One version of a model. A version never changes: another file is another version.

    Attributes:
        version: Its name.
        key: Where it lies in the store.
        sha256: Of the file, in hex.
        size_bytes: Of the file.
        file_name: What the file is called on the node; "model" by default.
        signature: What `cosign sign-blob --key` printed for it, where there is a public key.
    """

    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    key: str = Field(pattern=r"^[^/\s][^\s]*[^/\s]$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    file_name: str = Field(default="model", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    signature: str = Field(default="", pattern=r"^[A-Za-z0-9+/=]*$")


class UpdateWindow(Args):
    """A time of the week in which a model may be swapped; it may be downloaded at any time.

    Attributes:
        days: The days that it begins on; all by default.
        start: When it begins, HH:MM.
        end: When it ends, HH:MM; on the next day where it is not after the start.
        timezone: The plant's, such as Europe/Berlin; UTC by default.
    """

    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]
    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"

    @model_validator(mode="after")
    def _check(self) -> "UpdateWindow":
        if not self.days:
            raise ValueError("days is empty, so that the window never opens; name a day")
        if self.start == self.end:
            raise ValueError(f"start and end are both {self.start}, so that the window never opens; move one")
        return self

    def window(self) -> Window:
        """The window as the agent takes it."""
        return Window(tuple(self.days), self.start, self.end, self.timezone)


class ModelUpdateArgs(Args):
    """Arguments of ModelUpdate.

    Attributes:
        edge: The fleet.
        lines: The camera lines whose model it is; each node of them gets it.
        store: Where the model lies.
        release: The version that all are to have in the end.
        waves: Who gets it when: the first one is the canary. By default the first site, a quarter, all.
        gate: How well a wave must be before the next one begins.
        prometheus_url: The centre's Prometheus, which the gate asks.
        prometheus_token: A secret whose entry "token" it takes; none by default.
        windows: When a model may be swapped; at any time by default.
        line_idle: Whether a model is swapped only while its line stands still, as its server tells at
            idle_path; off by default.
        bandwidth_kib_per_second: What the download may take of each node's link; no limit by default.
        probation_seconds: How long the server must be well with the new model; 600 by default.
        health_failures: Bad answers in a row, each 30 s, after which the node goes back; 3 by default.
        public_key: The PEM of cosign's public key; a release without its signature is then not served.
        keep: Versions kept on each node; 2 by default: the one served and the one before.
    """

    edge: InstanceOf[EdgeHandle]
    lines: tuple[InstanceOf[CameraLineHandle], ...] = Field(min_length=1)
    store: InstanceOf[ObjectStoreHandle]
    release: ModelRelease
    waves: tuple[UpdateWave, ...] = ()
    gate: HealthGate = HealthGate()
    prometheus_url: In[Annotated[str, Field(pattern=r"^https?://\S+$")]]
    prometheus_token: K8sName | None = None
    windows: tuple[UpdateWindow, ...] = ()
    line_idle: bool = False
    bandwidth_kib_per_second: Annotated[int, Field(ge=8)] | None = None
    probation_seconds: int = Field(default=600, ge=60, le=7 * 86400)
    health_failures: int = Field(default=3, ge=1, le=100)
    public_key: str | None = Field(default=None, pattern=r"^-----BEGIN PUBLIC KEY-----\n")
    keep: int = Field(default=2, ge=2, le=20)

    @model_validator(mode="after")
    def _check(self) -> "ModelUpdateArgs":
        problems = Problems("ModelUpdateArgs")
        models = sorted({line.model for line in self.lines})
        if len(models) > 1:
            problems.add("lines", f"they have the models {', '.join(models)}; one update is of one; split it")
        needed = (self.keep + 1) * self.release.size_bytes / GIB + RESERVE_GIB
        for node in self.nodes:
            if node.models_gib < needed:
                problems.add(
                    "release.size_bytes",
                    f"{self.keep} versions and one under way, with {RESERVE_GIB:g} GiB to spare, need "
                    f"{needed:.1f} GiB; {node.hostname} has {node.models_gib:g} GiB for models; raise "
                    "models_gib, or lower keep",
                )
        if self.gate.timeout_minutes * 60 <= self.probation_seconds:
            problems.add(
                "gate.timeout_minutes",
                f"{self.gate.timeout_minutes:g} is not above the probation of {self.probation_seconds} s, so "
                "that no wave could pass; raise it",
            )
        for line in self.lines:
            if self.line_idle and line.idle_path is None:
                problems.add("line_idle", f"line {line.line} has no idle_path that could tell; give it one")
        if self.public_key is not None and not self.release.signature:
            problems.add("release.signature", "none, and there is a public key; sign the model, and give it")
        if self.public_key is None and self.release.signature:
            problems.add("public_key", "none, so that nobody checks the release's signature; give it")
        try:
            self.planned()
        except ArgsError as error:
            problems.extend(error.problems)
        problems.raise_if_any()
        return self

    @property
    def model(self) -> str:
        """The model's name."""
        return self.lines[0].model

    @property
    def nodes(self) -> tuple[EdgeNodeHandle, ...]:
        """The nodes that get it, each once, in the order of the inventory."""
        wanted = {node.hostname for line in self.lines for node in line.nodes}
        return tuple(node for node in self.edge.nodes if node.hostname in wanted)

    def planned(self) -> list[Wave]:
        """The waves with their sites. Raises ArgsError."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.site] = counts.get(node.site, 0) + 1
        sites = list(counts)
        return plan_waves(self.waves or _default_waves(sites), sites, counts)

    def agent_release(self, bucket: str) -> Release:
        """The release as the agent takes it."""
        one = self.release
        return Release(
            one.version,
            f"s3://{bucket}/{one.key}",
            one.sha256,
            one.size_bytes,
            one.file_name,
            one.signature,
        )


def _default_waves(sites: list[str]) -> tuple[UpdateWave, ...]:
    """The first site, a quarter where that is more, and all."""
    made = [UpdateWave(sites=(sites[0],))]
    if len(sites) > 4:
        made.append(UpdateWave(percent=25))
    if len(sites) > 1:
        made.append(UpdateWave(percent=100))
    return tuple(made)
