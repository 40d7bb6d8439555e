"""Deployments, StatefulSets, DaemonSets, Jobs and CronJobs beside their pods."""

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each
from bedplate.sandbox.providers.schema import Problem

_PROGRESS_SECONDS = 600
# 63 of a name, less what the controller appends: "-" and ten digits.
_CRON_NAME = 52
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON = (
    ("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)  # fmt: skip
_CRON_PART = re.compile(r"^(?:(?P<all>[*?])|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?$")
_NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_INDEXES = re.compile(r"^\d+(-\d+)?(,\d+(-\d+)?)*$")


def deployment(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    ready, progress = at(spec, "minReadySeconds"), at(spec, "progressDeadlineSeconds")
    progress = _PROGRESS_SECONDS if progress is None else progress
    if isinstance(ready, int) and isinstance(progress, int) and ready >= progress > 0:
        yield "spec.progressDeadlineSeconds", f"{progress}; must be more than minReadySeconds, {ready}"
    rolling, here = at(spec, "strategy", "rollingUpdate"), "spec.strategy.rollingUpdate"
    yield from forms.share(at(rolling, "maxUnavailable"), f"{here}.maxUnavailable")
    yield from forms.share(at(rolling, "maxSurge"), f"{here}.maxSurge", most=False)


def daemon_set(manifest: Values) -> Iterator[Problem]:
    rolling = at(manifest, "spec", "updateStrategy", "rollingUpdate")
    here = "spec.updateStrategy.rollingUpdate"
    surge, gone = at(rolling, "maxSurge"), at(rolling, "maxUnavailable")
    surge, gone = 0 if surge is None else surge, 1 if gone is None else gone
    yield from forms.share(surge, f"{here}.maxSurge")
    yield from forms.share(gone, f"{here}.maxUnavailable")
    if not (isinstance(surge, int | str) and isinstance(gone, int | str)):
        return
    if forms.is_zero(surge) and forms.is_zero(gone):
        yield f"{here}.maxUnavailable", "must not be 0 where maxSurge is 0"
    elif not forms.is_zero(surge) and not forms.is_zero(gone):
        yield f"{here}.maxSurge", f"{surge}; only where maxUnavailable is 0, and it is {gone}"


def stateful_set(manifest: Values) -> Iterator[Problem]:
    rolling = at(manifest, "spec", "updateStrategy", "rollingUpdate")
    gone, here = at(rolling, "maxUnavailable"), "spec.updateStrategy.rollingUpdate"
    if at(manifest, "spec", "updateStrategy", "type") == "OnDelete" and rolling:
        yield here, "not with the type OnDelete; leave it out"
    yield from forms.share(gone, f"{here}.maxUnavailable")
    if gone is not None and forms.is_zero(gone):
        yield f"{here}.maxUnavailable", "must not be 0"


def job(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    yield from job_spec(spec, "spec")
    completions, name = at(spec, "completions"), at(manifest, "metadata", "name")
    indexed = at(spec, "completionMode") == "Indexed"
    if indexed and isinstance(completions, int) and isinstance(name, str):
        longest = len(f"{name}-{max(completions - 1, 0)}")
        if longest > 63:
            yield "metadata.name", f"'{name}'; with the index of a pod it has {longest} characters, of 63"


def job_spec(spec: Any, path: str) -> Iterator[Problem]:
    if not isinstance(spec, Mapping):
        return
    mode, completions = spec.get("completionMode"), spec.get("completions")
    per_index, most = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    policy, success = spec.get("podFailurePolicy"), spec.get("successPolicy")
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            if spec.get(name) is not None:
                yield f"{path}.{name}", "only with the completionMode Indexed"
    if most is not None and per_index is None:
        yield f"{path}.backoffLimitPerIndex", "missing: maxFailedIndexes needs it"
    if isinstance(most, int) and most < 0:
        yield f"{path}.maxFailedIndexes", f"{most}; must not be negative"
    elif isinstance(most, int) and isinstance(completions, int) and most > completions:
        yield f"{path}.maxFailedIndexes", f"{most}; at most the number of completions, {completions}"
    yield from forms.domain_path(spec.get("managedBy"), f"{path}.managedBy")
    restart = at(spec, "template", "spec", "restartPolicy")
    if policy is not None and restart == "OnFailure":
        yield f"{path}.template.spec.restartPolicy", "'OnFailure'; must be Never with a podFailurePolicy"
    if policy is not None and spec.get("podReplacementPolicy") == "TerminatingOrFailed":
        yield f"{path}.podReplacementPolicy", "must be Failed with a podFailurePolicy"
    rules = at(policy, "rules")
    if isinstance(rules, list) and len(rules) > 20:
        yield f"{path}.podFailurePolicy.rules", f"{len(rules)} rules; at most 20 are allowed"
    for here, rule in each(rules, f"{path}.podFailurePolicy.rules"):
        yield from _failure_rule(rule, here, spec)
    rules = at(success, "rules")
    if isinstance(success, Mapping) and (
        rules in (None, []) or (isinstance(rules, list) and len(rules) > 20)
    ):
        yield f"{path}.successPolicy.rules", "give 1 to 20 rules"
    for here, rule in each(rules, f"{path}.successPolicy.rules"):
        yield from _success_rule(rule, here, completions)


def _failure_rule(rule: Values, path: str, spec: Values) -> Iterator[Problem]:
    if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield f"{path}.action", "'FailIndex' needs backoffLimitPerIndex"
    conditions = rule.get("onPodConditions") or None
    yield from forms.one_of({**rule, "onPodConditions": conditions}, ("onExitCodes", "onPodConditions"), path)
    for here, one in each(conditions, f"{path}.onPodConditions"):
        yield from forms.qualified(one.get("type"), f"{here}.type")
        yield from forms.choice(one.get("status"), ("False", "True", "Unknown"), f"{here}.status")
    codes, here = rule.get("onExitCodes"), f"{path}.onExitCodes"
    if not isinstance(codes, Mapping):
        return
    yield from forms.choice(codes.get("operator"), ("In", "NotIn"), f"{here}.operator")
    values = codes.get("values")
    if values in (None, []):
        yield f"{here}.values", "missing: give at least one exit code"
    elif isinstance(values, list) and all(isinstance(one, int) for one in values):
        if len(values) > 255:
            yield f"{here}.values", f"{len(values)} exit codes; at most 255 are allowed"
        if values != sorted(set(values)):
            yield f"{here}.values", "must be in order, and each only once"
        if codes.get("operator") == "In" and 0 in values:
            yield f"{here}.values", "0 is no failure; leave it out"
    name, pod = codes.get("containerName"), at(spec, "template", "spec")
    names = [
        at(one, "name") for group in ("containers", "initContainers") for one in forms.items(at(pod, group))
    ]
    if isinstance(name, str) and name not in names and all(isinstance(one, str) for one in names):
        yield f"{here}.containerName", f"no container '{name}' in the template; there are {', '.join(names)}"


def _success_rule(rule: Values, path: str, completions: Any) -> Iterator[Problem]:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        yield path, "empty; give succeededIndexes, succeededCount, or both"
    if isinstance(indexes, str) and indexes and not _INDEXES.match(indexes):
        yield f"{path}.succeededIndexes", f"'{indexes}'; give indexes such as 0,2-4"
    if isinstance(count, int) and (count < 0 or (isinstance(completions, int) and count > completions)):
        yield f"{path}.succeededCount", f"{count}; must be 0 to the number of completions"


def cron_job(manifest: Values) -> Iterator[Problem]:
    name = at(manifest, "metadata", "name")
    if isinstance(name, str) and len(name) > _CRON_NAME:
        yield "metadata.name", f"'{name}' has {len(name)} characters; at most {_CRON_NAME} for a CronJob"
    schedule = at(manifest, "spec", "schedule")
    if isinstance(schedule, str):
        yield from _schedule(schedule)
    zone = at(manifest, "spec", "timeZone")
    if isinstance(zone, str) and not _is_zone(zone):
        yield "spec.timeZone", f"'{zone}' is no time zone; give one such as Europe/Berlin or Etc/UTC"
    yield from job_spec(at(manifest, "spec", "jobTemplate", "spec"), "spec.jobTemplate.spec")


def _schedule(schedule: str) -> Iterator[Problem]:
    if schedule.startswith("@"):
        if schedule not in _NAMED and not schedule.startswith("@every "):
            yield "spec.schedule", f"'{schedule}'; choose from {', '.join(_NAMED)}"
        return
    fields = schedule.split()
    if len(fields) != len(_CRON):
        return  # told in rules.py
    for given, (name, low, high, words) in zip(fields, _CRON, strict=True):
        for part in given.split(","):
            if not _is_cron_part(part, low, high, words):
                yield (
                    "spec.schedule",
                    f"'{schedule}': '{given}' is no {name}; give {low} to {high}, *, or a range with a step",
                )
                return


def _is_cron_part(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _CRON_PART.match(part)
    if match is None or match["step"] == "0":
        return False
    if match["all"]:
        return True
    ends = [_cron_number(match[end], low, words) for end in ("low", "high") if match[end]]
    known = [one for one in ends if one is not None]
    return len(known) == len(ends) and known == sorted(known) and low <= known[0] and known[-1] <= high


def _cron_number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    return words.index(text.lower()) + low if text.lower() in words else None


def _is_zone(zone: str) -> bool:
    if not zone or zone.lower() == "local" or zone != zone.strip():
        return False
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # Without a database of zones nothing can be told.
        return not zoneinfo.available_timezones()
    return True


RULES: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("apps", "Deployment"): deployment,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "StatefulSet"): stateful_set,
    ("batch", "Job"): job,
    ("batch", "CronJob"): cron_job,
}
