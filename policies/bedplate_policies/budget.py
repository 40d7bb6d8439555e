"""What a stack may cost a month, and whether every price behind that figure is known and recent."""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from weakref import WeakKeyDictionary

from bedplate.catalog import CatalogError, current_catalog
from bedplate.cost import (
    CONFIG_KEY,
    CostSettings,
    CostSettingsError,
    Estimate,
    StackResource,
    Verdict,
    is_free,
    judge,
    stack_cost,
)
from bedplate.cost import UNKNOWN as NOT_KNOWN
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding, Option, Severity, StackRule, stack_rule
from bedplate_policies.stack import Stack
from bedplate_policies.value import MISSING, UNKNOWN, Step, number

_BUDGET = "aws:budgets/budget:Budget"
_LIMIT = "limit_usd_per_month"
_STACKS = "as-configured"


def today() -> datetime.date:
    """Decides the age of prices and the support of Kubernetes versions."""
    return datetime.datetime.now(datetime.UTC).date()


class _UnusableError(ValueError):
    """Settings or prices that cannot be used; the text is for the user."""


def _budget(stack: Stack, config: Config) -> Iterator[Finding]:
    try:
        given = _settings(stack, config)
        estimate = _estimate(stack, given)
    except _UnusableError as error:
        yield Finding.violation(str(error))
        return
    for open_one in estimate.undetermined:
        yield Finding.undetermined(open_one.path, stack.by_urn.get(open_one.urn))
    limit = given.limit_usd_per_month
    if limit is None:
        limit, unknown = _alarm_limit(stack)
        if unknown is not None:
            yield Finding.undetermined("limitAmount", unknown)
            return
    if limit is None:
        yield Finding.violation(
            f"no limit is configured, and a stack without a limit does not pass: a month costs "
            f"{_usd(estimate.month(given.basis))} at its {given.basis}"
        )
        return
    verdict = judge(estimate, limit, given.basis)
    if not verdict.fits:
        yield Finding.violation(_over(verdict))


def _known(stack: Stack, config: Config) -> Iterator[Finding]:
    try:
        estimate = _estimate(stack, _settings(stack, config))
    except _UnusableError as error:
        yield Finding.violation(str(error))
        return
    for open_one in estimate.undetermined:
        yield Finding.undetermined(open_one.path, stack.by_urn.get(open_one.urn))
    named = {resource.name: resource for resource in stack.resources if not is_free(resource.type)}
    for gap in estimate.unpriced:
        yield Finding.violation(f"no price for {gap.quantity} x {gap.text()}", "", named.get(gap.group))


def _recent(stack: Stack, config: Config) -> Iterator[Finding]:
    try:
        given = _settings(stack, config)
        estimate = _estimate(stack, given)
    except _UnusableError as error:
        yield Finding.violation(str(error))
        return
    told: set[tuple[str, str]] = set()
    for line in estimate.stale(given.max_price_age_days):
        if (line.item, line.price.region) in told:
            continue
        told.add((line.item, line.price.region))
        yield Finding.violation(
            f"the price of {line.item} in {line.price.region} is of {line.price.date}, "
            f"{line.price.age_days(estimate.today)} days old; allowed: {given.max_price_age_days}; "
            f"{line.row.advice() if line.row else 'read it again'}"
        )


def _over(verdict: Verdict) -> str:
    largest = "; ".join(
        f"{line.group}: {line.item}: {line.arithmetic(verdict.basis)}" for line in verdict.drivers
    )
    lines = [
        f"a month costs {_usd(verdict.total)} at its {verdict.basis}; the limit is {_usd(verdict.limit)}; "
        f"that is {_usd(verdict.overrun)} too much.",
        f"Largest: {largest}.",
    ]
    if verdict.change is None:
        lines.append(
            "No size of the pools fits: with each as small as it may be, a month costs "
            f"{_usd(verdict.floor)}; raise the limit, or take smaller machines"
        )
    else:
        steps = " and ".join(
            f"lower {cut.field} of {cut.pool.name} from {cut.before} to {cut.after}" for cut in verdict.change
        )
        left = verdict.total - sum((cut.saves for cut in verdict.change), Decimal(0))
        lines.append(f"Smallest change that fits: {steps}, which makes it {_usd(left)}")
    return " ".join(lines)


def _usd(value: Decimal) -> str:
    return f"${value:,.2f}"


def _settings(stack: Stack, config: Config) -> CostSettings:
    """The stack's own settings, and over them those of the pack."""
    text = stack.config.get(CONFIG_KEY, "")
    try:
        own: object = json.loads(text) if text else {}
    except ValueError:
        raise _UnusableError(f"{CONFIG_KEY} of the stack is not a mapping; write it as one") from None
    if not isinstance(own, Mapping):
        raise _UnusableError(f"{CONFIG_KEY} of the stack is not a mapping; write it as one")
    usage = {**_mapping(own.get("usage")), **_mapping(config.get("usage"))}
    # Engines fill in defaults, so that these are what says that the stack decides.
    over = {name: value for name, value in config.items() if value not in (0, _STACKS) and value}
    over.pop("usage", None)
    try:
        return CostSettings.parse({**own, **over, "usage": usage})
    except CostSettingsError as error:
        raise _UnusableError(f"the settings of the stack's cost are wrong: {error}") from None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


# The rules of this module ask for the same figures of the same stack.
_CACHE: "WeakKeyDictionary[Stack, dict[object, Estimate]]" = WeakKeyDictionary()


def _estimate(stack: Stack, given: CostSettings) -> Estimate:
    key = (tuple(sorted(given.usage.amounts.items())), given.uncounted_types, today())
    known = _CACHE.setdefault(stack, {})
    if key not in known:
        try:
            known[key] = stack_cost(
                _resources(stack.resources),
                catalog=current_catalog(),
                today=today(),
                usage=given.usage,
                name=stack.name,
                region=stack.config.get("aws:region", ""),
                uncounted_types=given.uncounted_types,
            )
        except CatalogError as error:
            raise _UnusableError(f"the price file is refused: {error}") from None
    return known[key]


def _resources(resources: Iterable[Resource]) -> Iterator[StackResource]:
    for resource in resources:
        inputs = _plain(resource.properties, (), resource.secrets)
        yield StackResource(
            type=resource.type,
            name=resource.name,
            urn=resource.urn,
            inputs=inputs if isinstance(inputs, dict) else {},
            dependencies=resource.property_dependencies,
        )


def _plain(value: object, at: tuple[Step, ...], secrets: frozenset[tuple[Step, ...]]) -> object:
    """The value as the cost model takes it. A secret text is not known to it: it could end in a message."""
    if value is UNKNOWN:
        return NOT_KNOWN
    if isinstance(value, Mapping):
        return {key: _plain(part, (*at, key), secrets) for key, part in value.items() if part is not MISSING}
    if isinstance(value, list | tuple):
        return [_plain(part, (*at, index), secrets) for index, part in enumerate(value)]
    secret = isinstance(value, str) and any(at[: len(one)] == one for one in secrets)
    return NOT_KNOWN if secret else value


def _alarm_limit(stack: Stack) -> tuple[Decimal | None, Resource | None]:
    """The lowest limit of the stack's own AWS budgets; a resource where it is not known yet."""
    limits = []
    for resource in stack.of_type(_BUDGET):
        amount = resource.get("limitAmount")
        if amount is UNKNOWN:
            return None, resource
        found = number(amount)
        monthly = resource.get("timeUnit") in (MISSING, "MONTHLY") and resource.get("budgetType") == "COST"
        if found is not None and monthly:
            limits.append(Decimal(str(found)))
    return (min(limits) if limits else None), None


_USAGE = Option("object", {}, "What a month uses, over the stack's own declaration: keys as in docs/cost.md.")
_TYPES = Option("array", [], "Types whose cost is accepted as not counted, for the stack's own list.")
_COMMON = {"usage": _USAGE, "uncounted_types": _TYPES}

RULES: tuple[StackRule, ...] = (
    stack_rule(
        name="stack-monthly-budget",
        description="The stack costs no more a month than its limit, with every pool at its maximum.",
        severity=Severity.HIGH,
        remediation=(
            f"Make the change, or raise {_LIMIT} under {CONFIG_KEY} in the stack's configuration (or in the "
            "pack's)."
        ),
        types=(_BUDGET,),
        reads=("limitAmount", "budgetType", "timeUnit"),
        check=_budget,
        group="budget",
        config={
            _LIMIT: Option(
                "number",
                0,
                "US dollars a month. 0: the stack's own limit, else that of its AWS budget; with neither, "
                "nothing passes.",
                minimum=0,
            ),
            "basis": Option(
                "string",
                _STACKS,
                f"The size of the pools that is counted; {_STACKS}: the stack's own setting, else maximum.",
                enum=(_STACKS, "minimum", "desired", "maximum"),
            ),
            **_COMMON,
        },
    ),
    stack_rule(
        name="stack-prices-known",
        description="Everything in the stack that costs money has a price.",
        severity=Severity.HIGH,
        remediation="Name the file with the row in BEDPLATE_CATALOG (docs/catalogue.md).",
        types=(_BUDGET,),
        reads=(),
        check=_known,
        group="budget",
        config=_COMMON,
    ),
    stack_rule(
        name="stack-prices-recent",
        description="No price behind the stack's figure is older than the limit.",
        severity=Severity.MEDIUM,
        remediation="Check the price and name the file with the newer row in BEDPLATE_CATALOG.",
        types=(_BUDGET,),
        reads=(),
        check=_recent,
        group="budget",
        config={
            "max_price_age_days": Option(
                "integer", 0, "The age in days. 0: the stack's own setting, else 180.", minimum=0
            ),
            **_COMMON,
        },
    ),
)
