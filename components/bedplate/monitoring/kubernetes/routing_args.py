"""Who is told of an alert. Secrets are named, never given: a configuration can be read by everyone."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args, ArgsError, Problem
from bedplate.monitoring.kubernetes.model import AlertGroup, Severity

_INSIDE = re.compile(r"localhost|127\.0\.0\.1|[a-z0-9.-]+\.svc(\.cluster\.local)?")
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Address = Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$")]
Interval = Annotated[int, Field(ge=1, le=7 * 86400)]


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url[:80]!r} is not a web address; write https://host/path")
    if parts.username or parts.password or parts.query:
        # As an ArgsError, because any other would be told with the value, which may hold the secret.
        problem = Problem(
            "",
            "the address holds a user, a password or a query, where secrets would be readable by everyone; "
            "put the token into a Kubernetes Secret and name it in `token`",
        )
        raise ArgsError("WebhookTarget", [problem])
    if parts.scheme == "http" and not _INSIDE.fullmatch(parts.hostname):
        raise ValueError(f"{url[:80]!r} leaves the cluster without encryption; use https://")
    return url


class SecretRef(Args):
    """One key of a Kubernetes Secret in the namespace of Alertmanager."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]


class WebhookTarget(Args):
    """A service that takes alerts as JSON."""

    url: Annotated[str, AfterValidator(_endpoint)]
    token: SecretRef | None = None
    """Sent as a bearer token."""


class SlackTarget(Args):
    """A Slack channel; the webhook's address is the secret."""

    channel: Annotated[str, Field(pattern=r"^[#@]?[a-z0-9._-]{1,80}$")]
    webhook_url: SecretRef


class PagerDutyTarget(Args):
    """A PagerDuty service, by the integration key of its Events API v2."""

    routing_key: SecretRef


class EmailTarget(Args):
    """An address that is written to over TLS."""

    to: Address
    sender: Address
    smarthost: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")]
    """Mail server and port, such as smtp.example.com:587."""
    username: str | None = None
    password: SecretRef | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together; give both, or none for an open relay")
        return self


class Receiver(Args):
    """All the targets that get the same alerts. One without targets keeps alerts silent."""

    webhooks: tuple[WebhookTarget, ...] = ()
    slack: tuple[SlackTarget, ...] = ()
    pagerduty: tuple[PagerDutyTarget, ...] = ()
    email: tuple[EmailTarget, ...] = ()

    def is_silent(self) -> bool:
        """Whether what it gets is told to nobody."""
        return not (self.webhooks or self.slack or self.pagerduty or self.email)


class Route(Args):
    """Which alerts go where: those of any of these severities and of any of these groups."""

    receiver: Name
    severities: tuple[Severity, ...] = ()
    """None: all."""
    groups: tuple[AlertGroup, ...] = ()
    """None: all."""
    repeat_seconds: Interval | None = None
    """After how long an alert that goes on is told again; as for all others if not given."""
    also_later_routes: bool = False
    """Whether routes further down may get the alert as well."""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.severities and not self.groups:
            raise ValueError(
                f"the route to {self.receiver!r} takes every alert; give severities or groups, "
                "or make it the default receiver"
            )
        return self


class AlertRouting(Args):
    """Receivers and the routes to them. The first route that fits takes the alert, else the default does."""

    receivers: Annotated[dict[Name, Receiver], Field(min_length=1)]
    default: Name
    routes: tuple[Route, ...] = ()
    group_by: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...], Field(min_length=1)
    ] = ("alertname", "group", "cluster")
    """Alerts that agree in these labels are told in one message."""
    group_wait_seconds: Interval = 30
    group_interval_seconds: Interval = 300
    repeat_seconds: Interval = 4 * 3600

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        known = ", ".join(sorted(self.receivers))
        for name in (self.default, *(route.receiver for route in self.routes)):
            if name not in self.receivers:
                raise ValueError(f"there is no receiver {name!r}; known are {known}; add it to receivers")
        unused = sorted(set(self.receivers) - {self.default, *(route.receiver for route in self.routes)})
        if unused:
            raise ValueError(f"nothing is sent to {', '.join(unused)}; add a route or remove the receiver")
        for repeat in (self.repeat_seconds, *(route.repeat_seconds for route in self.routes)):
            # Alertmanager looks at a group only once in its interval.
            if repeat is not None and repeat < self.group_interval_seconds:
                raise ValueError(
                    f"repeat_seconds is {repeat} and group_interval_seconds {self.group_interval_seconds}: "
                    "nothing is repeated faster than its group is looked at; raise repeat_seconds"
                )
        if self.receivers[self.default].is_silent():
            raise ValueError(
                f"the default receiver {self.default!r} has no target: alerts that no route takes would be "
                "lost; give it one"
            )
        return self
