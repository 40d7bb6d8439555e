"""What alarms on AWS are made from, checked before any cloud call."""

import re
from decimal import Decimal
from typing import Annotated, Literal, Protocol, runtime_checkable

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.core.naming import validate_name
from bedplate.core.tags import Tags
from bedplate.keys.handles import KeyHandle
from bedplate.monitoring.alarms_aws import PERIOD_MINUTES
from bedplate.network.handles import NetworkHandle

# CloudWatch looks back at most a day: PutMetricAlarm, EvaluationPeriods times Period.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (2026-11)
_LONGEST_MINUTES = 24 * 60
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateBudget.html (2026-11)
_MOST_NOTIFICATIONS = 10
# More than anyone spends in a month: a digit too many, or a power of ten.
_MOST_USD = 1_000_000_000

AlarmMinutes = Annotated[int, Field(ge=PERIOD_MINUTES, le=_LONGEST_MINUTES, multiple_of=PERIOD_MINUTES)]
Percent = Annotated[float, Field(gt=0, le=1000, strict=True)]

# An address as RFC 5322 writes it without quotes, in ASCII, which is what SNS delivers to.
_ATOM = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDPOINTS = {
    "email": (
        re.compile(rf"(?=.{{1,64}}@)[{_ATOM}]+(\.[{_ATOM}]+)*@({_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"),
        "an address such as oncall@example.com",
    ),
    "https": (re.compile(r"https://[^\s/?#]+\S*"), "a URL that begins with https:// and names a host"),
    "sqs": (
        re.compile(r"arn:aws(-cn|-us-gov)?:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?"),
        "the ARN of an SQS queue, arn:aws:sqs:<region>:<account>:<name>",
    ),
}


@runtime_checkable
class NodeGroup(Protocol):
    """What the alarms need of a node group; GpuPoolHandle is one."""

    @property
    def name(self) -> str: ...
    @property
    def autoscaling_group_names(self) -> pulumi.Output[list[str]]: ...


class Subscription(Args):
    """Where alarms are sent.

    Attributes:
        protocol: "email" (somebody must confirm the mail that AWS sends first), "https" (an on-call service's
            URL, which confirms by itself) or "sqs".
        endpoint: The address, URL or queue ARN. A URL that holds a token belongs in a secret.
    """

    protocol: Literal["email", "https", "sqs"]
    endpoint: In[str]

    @model_validator(mode="after")
    def _check(self) -> "Subscription":
        if isinstance(self.endpoint, str):
            problems = Problems("Subscription")
            try:
                check_endpoint(self.protocol, self.endpoint)
            except ValueError as error:
                problems.add("endpoint", str(error))
            problems.raise_if_any()
        return self


def check_endpoint(protocol: Literal["email", "https", "sqs"], endpoint: str) -> str:
    """The endpoint itself, if it fits the protocol. Raises ValueError, without the value: it may hold a
    token.
    """
    pattern, allowed = _ENDPOINTS[protocol]
    if not pattern.fullmatch(endpoint):
        raise ValueError(f"not an endpoint for protocol {protocol!r}; allowed: {allowed}; correct it")
    return endpoint


class MonthlyBudget(Args):
    """What may be spent in a calendar month, and when to say so.

    Attributes:
        limit_usd: The month's limit in US dollars.
        actual_percent: Percentages of the limit at which spending so far is reported.
        forecast_percent: Percentages of the limit at which what the month will cost is reported.
        tag_key: Count only resources with this tag; the whole account by default. The tag must be activated
            as a cost allocation tag in the account's billing settings.
        tag_value: The tag's value.
    """

    limit_usd: Decimal = Field(gt=0, le=_MOST_USD, decimal_places=2)
    actual_percent: tuple[Percent, ...] = (80, 100)
    forecast_percent: tuple[Percent, ...] = (100,)
    tag_key: str | None = Field(default=None, min_length=1)
    tag_value: str | None = None

    @model_validator(mode="after")
    def _check(self) -> "MonthlyBudget":
        problems = Problems("MonthlyBudget")
        count = len(self.actual_percent) + len(self.forecast_percent)
        if not 1 <= count <= _MOST_NOTIFICATIONS:
            problems.add(
                "actual_percent",
                f"{count} percentages with forecast_percent; allowed: 1 to {_MOST_NOTIFICATIONS} together; "
                + ("remove some" if count else "give at least one, or leave the budget out"),
            )
        for field in ("actual_percent", "forecast_percent"):
            values = getattr(self, field)
            if len(set(values)) < len(values):
                problems.add(field, f"{list(values)} has a value twice; each is reported once; remove one")
        if (self.tag_key is None) != (self.tag_value is None):
            problems.add(
                "tag_value" if self.tag_value is None else "tag_key",
                "not given beside the other half of the tag; give both tag_key and tag_value, or neither",
            )
        problems.raise_if_any()
        return self


class AwsAlarmsArgs(Args):
    """Arguments of AwsAlarms.

    Attributes:
        key: The key that the topic is encrypted with; its policy must let CloudWatch and Budgets use it
            (AwsKey: services ["cloudwatch", "budgets"]), or nothing arrives.
        subscriptions: Where alarms are sent, by a short name of your own.
        node_groups: The node groups to watch.
        network: The network whose NAT gateways to watch.
        budget: The month's budget; none by default.
        capacity_shortfall_minutes: How long a node group may have fewer machines than it asks for; 30 by
            default, as large GPU machines take up to 15 minutes to join.
        full_minutes: How long a node group may be at its maximum; 60 by default.
        status_check_minutes: How long a machine may fail its status checks; 10 by default.
        nat_dropped_packets_percent: The share of packets that a NAT gateway may drop; 0.01 percent by
            default, above which AWS takes the gateway or its network for impaired.
        region: The region of topic and alarms; the provider's by default.
        tags: Tags of every resource, over those of the provider.
    """

    key: InstanceOf[KeyHandle]
    subscriptions: dict[str, Subscription] = Field(default_factory=dict)
    node_groups: tuple[InstanceOf[NodeGroup], ...] = ()
    network: InstanceOf[NetworkHandle] | None = None
    budget: MonthlyBudget | None = None
    capacity_shortfall_minutes: AlarmMinutes = 30
    full_minutes: AlarmMinutes = 60
    status_check_minutes: AlarmMinutes = 10
    nat_dropped_packets_percent: float = Field(default=0.01, gt=0, lt=100)
    region: str | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "AwsAlarmsArgs":
        problems = Problems("AwsAlarmsArgs")
        for name in self.subscriptions:
            try:
                validate_name(name)
            except ValueError as error:
                problems.add(f"subscriptions.{name}", str(error))
        # Outputs cannot be compared before they are known.
        known = {name: s.endpoint for name, s in self.subscriptions.items() if isinstance(s.endpoint, str)}
        for name, endpoint in known.items():
            if list(known.values()).count(endpoint) > 1:
                problems.add(
                    f"subscriptions.{name}.endpoint",
                    "more than one subscription has this endpoint, and SNS makes one of them; allowed: each "
                    "endpoint once; remove one",
                )
        names = [group.name for group in self.node_groups]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add(
                "node_groups", f"{name!r} is given twice; each node group has one set of alarms; remove one"
            )
        problems.raise_if_any()
        return self
