"""The deletions of a run: each resource after everything that depends on it, independent ones at the same
time.
"""

from collections import Counter, defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from .deployment import Aborted, Deployment
from .resources import Resource
from .steps import Steps, delete_refused


@dataclass(frozen=True)
class Condemned:
    """A resource to delete and how that counts (None: as a delete)."""

    resource: Resource
    reason: str
    count: str | None = None


def unregistered(d: Deployment) -> list[Condemned]:
    """What `up` deletes: what was replaced, and what the program no longer has."""
    seen = d.seen
    result = []
    for item in d.state.olds:
        current = seen.new_of.get(item.urn, item.urn)
        if item.delete:
            in_this_run = current in seen.replaced
            result.append(Condemned(item, "replaced", "" if in_this_run else None))
        elif item.urn in seen.deleted:
            result.append(Condemned(item, "no longer in the program"))
        elif current not in seen.operated:
            count = "" if item.pending_replacement else None
            result.append(Condemned(item, "no longer in the program", count))
    return result


def everything(d: Deployment) -> list[Condemned]:
    """What `destroy` deletes."""
    return [Condemned(item, "", "" if item.pending_replacement else None) for item in d.state.olds]


def delete_all(d: Deployment, steps: Steps, condemned: list[Condemned]) -> None:
    """Delete them. Nothing is touched if one is protected; after a failure no further deletion starts.

    Raises Aborted after errors, all of which have been reported.
    """
    refused = [item.resource.urn for item in condemned if item.resource.protect and not item.resource.delete]
    for urn in refused:
        d.diagnose("error", delete_refused(urn), urn)
    d.check_running()
    by_urn: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(condemned):
        by_urn[item.resource.urn].append(index)
    # blockers: how many that still exist depend on this one.
    blockers: Counter[int] = Counter()
    needs: list[set[int]] = []
    for index, item in enumerate(condemned):
        targets = {other for urn in item.resource.depends_on() for other in by_urn.get(urn, ())} - {index}
        needs.append(targets)
        blockers.update(targets)
    together = frozenset(by_urn)

    def delete(index: int) -> None:
        with d.request():
            item = condemned[index]
            steps.delete(item.resource, reason=item.reason, count=item.count, with_others=together)

    with ThreadPoolExecutor(max_workers=d.parallel) as pool, d.stopping():
        running: dict[Future[None], int] = {}
        ready = [index for index in range(len(condemned)) if not blockers[index]]
        done = 0
        while running or ready:
            if not d.failed.is_set():
                running.update({pool.submit(delete, index): index for index in ready})
            ready = []
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                index = running.pop(future)
                error = future.exception()
                if isinstance(error, Aborted):
                    continue
                if error is not None:
                    raise error
                done += 1
                for other in needs[index]:
                    blockers[other] -= 1
                    if not blockers[other]:
                        ready.append(other)
    d.check_running()
    assert done == len(condemned), "the resources to delete depend on each other in a circle"
