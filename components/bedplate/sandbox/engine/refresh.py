"""Refresh: read every resource and bring the state up to what exists."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .deployment import Aborted, Deployment
from .events import PropertyChange, ResourceEvent
from .provider_client import PartialFailure, ProviderError
from .resources import Resource, now
from .urns import is_provider_type
from .values import Properties, mark_like, mark_secrets, mask, reveal, same


def refresh(d: Deployment) -> None:
    """Read all resources, independent ones at the same time. Raises Aborted after errors, which were
    reported.
    """
    items = [item for item in d.state.olds if not item.pending_replacement]

    def one(item: Resource) -> None:
        try:
            with d.request():
                _refresh_one(d, item)
        except Aborted:
            return  # reported; the others that run finish, no further one starts

    with ThreadPoolExecutor(max_workers=d.parallel) as pool, d.stopping():
        for _ in pool.map(one, items):
            pass
    if any(d.changes[key] for key in ("delete",)):
        d.state.prune_missing()
    d.check_running()


def _refresh_one(d: Deployment, old: Resource) -> None:
    d.check_running()
    if not old.custom or is_provider_type(old.type):
        if not old.internal:
            with d.lock:
                d.changes["same"] += 1
        return
    outcome: list[Resource | None] = []

    def work() -> None:
        client = d.providers.get(old.provider)
        with d.slot():
            try:
                found = client.read(
                    old.urn, old.id, old.inputs, old.outputs, old.custom_timeouts.get("read", 0)
                )
                errors: list[str] = []
            except PartialFailure as partial:
                d.diagnose("warning", str(partial), old.urn)
                outcome.append(replace(old, outputs=partial.outputs, init_errors=partial.reasons))
                return
        if not found.id:
            outcome.append(None)
            return
        inputs = old.inputs if found.inputs is None else mark_like(found.inputs, old.inputs)
        outputs = mark_secrets(mark_like(found.outputs, old.outputs), old.additional_secret_outputs)
        outcome.append(replace(old, id=found.id, inputs=inputs, outputs=outputs, init_errors=errors))

    details = (old.urn, old.type, old.name)
    d.emit(ResourceEvent("start", "refresh", *details))
    try:
        work()
    except ProviderError as error:
        d.emit(ResourceEvent("failed", "refresh", *details))
        raise d.fail(str(error), old.urn) from error
    new = outcome[0]
    if new is None:
        with d.lock:
            d.changes["delete"] += 1
        d.emit(ResourceEvent("done", "delete", *details, reason="no longer exists"))
        d.state.finish(drop=old)
        return
    diff = _drift(old, new)
    if diff or new.init_errors != old.init_errors:
        new.modified = now()
        with d.lock:
            d.changes["update"] += 1
        names = ", ".join(change.path for change in diff)
        d.emit(ResourceEvent("done", "update", *details, reason=f"found changed: {names}", diff=diff))
        d.state.finish(put=new)
        return
    with d.lock:
        d.changes["same"] += 1
    d.emit(ResourceEvent("done", "same", *details))


def _drift(old: Resource, new: Resource) -> tuple[PropertyChange, ...]:
    """What differs in the outputs, and in the inputs where no output of that name shows it."""
    changes = _compare(old.outputs, new.outputs)
    seen = {change.path for change in changes}
    changes += [change for change in _compare(old.inputs, new.inputs) if change.path not in seen]
    return tuple(sorted(changes, key=lambda change: change.path))


def _compare(before: Properties, after: Properties) -> list[PropertyChange]:
    result = []
    for key in {**before, **after}:
        if same(reveal(before.get(key)), reveal(after.get(key))):
            continue
        if key not in before:
            result.append(PropertyChange(key, "add", None, mask(after[key])))
        elif key not in after:
            result.append(PropertyChange(key, "delete", mask(before[key]), None))
        else:
            result.append(PropertyChange(key, "update", mask(before[key]), mask(after[key])))
    return result
