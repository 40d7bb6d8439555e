"""Replacements that reach others: a provider that is replaced, and what must go before something can be
replaced.
"""

from .deployment import Deployment
from .differences import apply_replace_on_changes
from .provider_client import ProviderClient
from .providers import without_internal
from .resources import Resource
from .steps import Steps
from .urns import is_provider_type, split_reference
from .values import UNKNOWN, Properties


class Cascade:
    """Works on the state as it was before the run."""

    def __init__(self, deployment: Deployment, steps: Steps) -> None:
        self._d = deployment
        self._steps = steps
        self._verdicts: dict[tuple[str, str], bool] = {}

    def provider_replaced(self, old: Resource, new: Resource, client: ProviderClient) -> bool:
        """Whether the resource must be replaced because it has another provider now.

        A provider of another version or name does not force it unless its DiffConfig says so.
        """
        d = self._d
        before = d.current_reference(old.provider)
        if before == new.provider:
            return False
        if not old.provider:
            return True
        pair = (old.provider, new.provider)
        with d.lock:
            known = self._verdicts.get(pair)
        if known is not None:
            return known
        old_provider = d.old_providers.get(old.provider)
        new_urn, _ = split_reference(new.provider)
        with d.lock:
            new_provider = d.seen.news.get(new_urn)
        if old_provider is None or new_provider is None:
            return True
        with d.slot():
            difference = client.diff_config(
                new_urn,
                old_provider.id,
                without_internal(old_provider.inputs),
                old_provider.outputs,
                without_internal(new_provider.inputs),
            )
        with d.lock:
            self._verdicts[pair] = difference.replaces
        return difference.replaces

    def delete_before_replace(self, old: Resource) -> None:
        """Delete `old`, and before it whatever depends on it and has to be replaced when it is.

        Raises Aborted where one of those is protected, before anything is deleted.
        """
        d = self._d
        condemned = self._dependents(old)
        for item in condemned:
            if item.protect:
                raise d.fail(
                    f"unable to replace resource {item.urn!r}, as replacing {old.urn!r} requires, because "
                    "it is protected. To unprotect it, remove the `protect` option from the resource in "
                    "the program and run `up` first",
                    old.urn,
                )
        with d.lock:
            condemned = [item for item in condemned if item.urn not in d.seen.deleted | d.seen.operated]
            d.seen.deleted.update(item.urn for item in condemned)
        together = frozenset({old.urn, *(item.urn for item in condemned)})
        for item in reversed(condemned):
            self._steps.delete_to_replace(item, together)
        self._steps.delete_to_replace(old, frozenset())

    def _dependents(self, root: Resource) -> list[Resource]:
        d = self._d
        replaced = {root.urn}
        result = []
        with d.lock:
            impossible = d.seen.operated | d.seen.deleted
        start = next((index for index, item in enumerate(d.state.olds) if item is root), len(d.state.olds))
        reached = {root.urn}
        for item in d.state.olds[start + 1 :]:
            if item.delete or item.pending_replacement or not item.depends_on() & reached:
                continue
            if item.urn in impossible and item.urn not in d.seen.new_of:
                continue
            reached.add(item.urn)
            if item.custom and not item.external and self._must_go(item, replaced):
                replaced.add(item.urn)
                result.append(item)
        return result

    def _must_go(self, item: Resource, replaced: set[str]) -> bool:
        d = self._d
        if item.provider and split_reference(item.provider)[0] in replaced:
            return True
        if item.deleted_with in replaced or replaced.intersection(item.replace_with):
            return True
        news: Properties = dict(item.inputs)
        touched = False
        for key, urns in item.property_dependencies.items():
            if key in news and replaced.intersection(urns):
                news[key] = UNKNOWN
                touched = True
        if not touched or is_provider_type(item.type):
            return False
        client = d.providers.get(item.provider)
        with d.slot():
            difference = client.diff(item.urn, item.id, item.inputs, item.outputs, news, item.ignore_changes)
        return apply_replace_on_changes(difference, item.replace_on_changes).replaces
