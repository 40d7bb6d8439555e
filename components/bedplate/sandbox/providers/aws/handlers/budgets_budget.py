"""AWS Budgets: cost and usage limits with notifications.

moto has no update of a budget and does not show subscribers: a change makes the budget anew in one go, and
what was asked for stays in the state as long as moto shows the budget that it showed after that.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY, tag_list
from bedplate.sandbox.providers.aws.handlers.property_names import pascal
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.sns_topic import TOPIC_ARN
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject

_TIME = "%Y-%m-%d_%H:%M"
_FOREVER = "2087-06-15_00:00"
_FIXED_LIMITS = {"RI_UTILIZATION", "RI_COVERAGE", "SAVINGS_PLANS_UTILIZATION", "SAVINGS_PLANS_COVERAGE"}
_COST_TYPES = {
    **dict.fromkeys(
        (
            *("includeCredit", "includeDiscount", "includeOtherSubscription", "includeRecurring"),
            *("includeRefund", "includeSubscription", "includeSupport", "includeTax", "includeUpfront"),
        ),
        True,
    ),
    "useAmortized": False,
    "useBlended": False,
}


@REGISTRY.register
class Budget(ServiceHandler):
    token = "aws:budgets/budget:Budget"
    service = "budgets"
    auto_name = AutoName("name", 100)
    replace_on = frozenset({"name", "namePrefix", "accountId"})
    unordered = frozenset({"notifications", "costFilters", "plannedLimits"})
    conflicts = (("limitAmount", "plannedLimits", "autoAdjustData"),)
    enums: ClassVar = {
        "budgetType": "budgets.BudgetType",
        "timeUnit": "budgets.TimeUnit",
        "notifications[].notificationType": "budgets.NotificationType",
        "notifications[].comparisonOperator": "budgets.ComparisonOperator",
        "notifications[].thresholdType": "budgets.ThresholdType",
        "autoAdjustData.autoAdjustType": "budgets.AutoAdjustType",
    }
    ranges: ClassVar = {"notifications[].threshold": (0, 15_000_000_000_000)}
    patterns: ClassVar = {
        "name": Pattern(
            r"(?!.*/action/)[^:\\\x00-\x1f]{1,100}", "1 to 100 characters without ':', '\\' and '/action/'"
        ),
        "limitAmount": Pattern(r"\d+(\.\d+)?", "a number without a sign, as text, e.g. '1200'"),
        "accountId": Pattern(r"\d{12}", "an account id of 12 digits"),
        "timePeriodStart": Pattern(r"\d{4}-\d\d-\d\d_\d\d:\d\d", "a time as YYYY-MM-DD_HH:MM"),
        "timePeriodEnd": Pattern(r"\d{4}-\d\d-\d\d_\d\d:\d\d", "a time as YYYY-MM-DD_HH:MM"),
        "notifications[].subscriberSnsTopicArns[]": TOPIC_ARN,
        "notifications[].subscriberEmailAddresses[]": Pattern(
            r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"
        ),
    }
    tagged = True
    regional = False

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        limits = {"limitAmount", "plannedLimits", "autoAdjustData"}
        if not limits & (set(inputs) | ctx.unknown):
            problems.append(("limitAmount", "missing; give limitAmount with limitUnit, or plannedLimits"))
        if inputs.get("limitAmount") and not {"limitUnit"} & (set(inputs) | ctx.unknown):
            problems.append(("limitUnit", "missing; give the unit of limitAmount, e.g. 'USD'"))
        if inputs.get("budgetType") == "COST" and inputs.get("limitUnit", "USD") != "USD":
            problems.append(("limitUnit", f"{inputs['limitUnit']!r} is no unit of a COST budget; use 'USD'"))
        if inputs.get("budgetType") in _FIXED_LIMITS and inputs.get("costTypes"):
            problems.append(("costTypes", f"not for {inputs['budgetType']}; remove it"))
        notifications = inputs.get("notifications") or []
        if len(notifications) > 10:
            problems.append(("notifications", f"{len(notifications)} notifications, a budget may have 10"))
        for index, item in enumerate(notifications):
            emails = item.get("subscriberEmailAddresses") or []
            topics = item.get("subscriberSnsTopicArns") or []
            at = f"notifications[{index}]"
            if not emails and not topics and "notifications" not in ctx.unknown:
                problems.append((at, "has no subscriber; add an e-mail address or one SNS topic"))
            if len(topics) > 1:
                problems.append((f"{at}.subscriberSnsTopicArns", f"{len(topics)} topics; Budgets takes one"))
            if len(emails) > 10:
                problems.append(
                    (f"{at}.subscriberEmailAddresses", f"{len(emails)} addresses; Budgets takes 10")
                )
            if [_key(item) for item in notifications].index(_key(item)) != index:
                problems.append((at, "the same notification twice; put the subscribers into one"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        account = inputs.get("accountId") or ctx.account_id
        self._create(ctx, account, inputs)
        return f"{account}:{inputs['name']}"

    def _create(self, ctx: Context, account: str, inputs: JsonObject) -> None:
        budget: JsonObject = {
            "BudgetName": inputs["name"],
            "BudgetType": inputs["budgetType"],
            "TimeUnit": inputs["timeUnit"],
        }
        if inputs.get("limitAmount"):
            budget["BudgetLimit"] = {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]}
        if inputs.get("plannedLimits"):
            budget["PlannedBudgetLimits"] = {
                str(int(_moment(item["startTime"]).timestamp())): {
                    "Amount": item["amount"],
                    "Unit": item["unit"],
                }
                for item in inputs["plannedLimits"]
            }
        if inputs.get("costFilters"):
            budget["CostFilters"] = {item["name"]: item["values"] for item in inputs["costFilters"]}
        if inputs.get("costTypes"):
            budget["CostTypes"] = pascal({**_COST_TYPES, **inputs["costTypes"]})
        if inputs.get("autoAdjustData"):
            budget["AutoAdjustData"] = pascal(inputs["autoAdjustData"])
            budget.setdefault("BudgetLimit", {"Amount": "0", "Unit": "USD"})
        if inputs.get("timePeriodStart") or inputs.get("timePeriodEnd"):
            budget["TimePeriod"] = {
                "Start": _moment(inputs.get("timePeriodStart") or _month_start()),
                "End": _moment(inputs.get("timePeriodEnd") or _FOREVER),
            }
        request: JsonObject = {"AccountId": account, "Budget": budget}
        if inputs.get("notifications"):
            request["NotificationsWithSubscribers"] = [
                _notification(item) for item in inputs["notifications"]
            ]
        if inputs["tagsAll"]:
            request["ResourceTags"] = tag_list(inputs["tagsAll"])
        ctx.client("budgets").create_budget(**request)
        id = f"{account}:{inputs['name']}"
        self.remember(ctx, id, self._shown(ctx, id))

    def _shown(self, ctx: Context, id: str) -> JsonObject:
        account, name = id.split(":", 1)
        budgets = ctx.client("budgets")
        shown = budgets.describe_budget(AccountId=account, BudgetName=name)["Budget"]
        found = budgets.describe_notifications_for_budget(AccountId=account, BudgetName=name)
        # Times depend on the clock, spend on the bill.
        ignored = ("LastUpdatedTime", "TimePeriod", "CalculatedSpend")
        kept = {key: value for key, value in shown.items() if key not in ignored}
        return {**kept, "Notifications": found.get("Notifications", [])}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        shown = self._shown(ctx, id)
        account, name = id.split(":", 1)
        seen: JsonObject = {
            "accountId": account,
            "name": name,
            "arn": f"arn:{ctx.partition}:budgets::{account}:budget/{name}",
            "timePeriodStart": state.get("timePeriodStart") or _month_start(),
            "timePeriodEnd": state.get("timePeriodEnd") or _FOREVER,
            "costTypes": state.get("costTypes") or (_COST_TYPES if shown["BudgetType"] == "COST" else None),
        }
        if self.remembers(ctx, id, shown) and "budgetType" in state:
            return seen
        limit: Mapping[str, Any] = shown.get("BudgetLimit") or {}
        filters = shown.get("CostFilters") or {}
        asked = state.get("notifications") or []
        notifications = []
        for item in shown["Notifications"]:
            mine = next((other for other in asked if _key(other) == _key(_seen(item))), None)
            notifications.append(mine or _seen(item))
        return {
            **seen,
            "budgetType": shown["BudgetType"],
            "timeUnit": shown["TimeUnit"],
            "limitAmount": limit.get("Amount"),
            "limitUnit": limit.get("Unit"),
            "costFilters": [{"name": key, "values": filters[key]} for key in sorted(filters)],
            "notifications": notifications,
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        if changed:
            account, name = id.split(":", 1)
            ctx.client("budgets").delete_budget(AccountId=account, BudgetName=name)
            self._create(ctx, account, new)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        account, name = id.split(":", 1)
        ctx.client("budgets").delete_budget(AccountId=account, BudgetName=name)
        self.forget(ctx, id)


def _key(item: JsonObject) -> tuple[Any, ...]:
    names = ("notificationType", "comparisonOperator", "threshold", "thresholdType")
    return tuple(item.get(name) for name in names)


def _seen(item: JsonObject) -> JsonObject:
    return {
        "notificationType": item["NotificationType"],
        "comparisonOperator": item["ComparisonOperator"],
        "threshold": item["Threshold"],
        "thresholdType": item.get("ThresholdType", "PERCENTAGE"),
    }


def _notification(item: JsonObject) -> JsonObject:
    subscribers = [
        *({"SubscriptionType": "SNS", "Address": arn} for arn in item.get("subscriberSnsTopicArns") or []),
        *(
            {"SubscriptionType": "EMAIL", "Address": mail}
            for mail in item.get("subscriberEmailAddresses") or []
        ),
    ]
    details = {
        name: item[name] for name in ("notificationType", "comparisonOperator", "threshold", "thresholdType")
    }
    return {"Notification": pascal(details), "Subscribers": subscribers}


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise CloudError("InvalidParameterException", f"{text!r} is no time as YYYY-MM-DD_HH:MM") from error


def _month_start() -> str:
    return datetime.now(UTC).strftime("%Y-%m-01_00:00")
