"""From a registration to its steps: what Pulumi's step generator decides, per resource and without a global
order.
"""

import os
from dataclasses import replace as copy

from .aliases import AliasError, find_old
from .cascade import Cascade
from .default_providers import DefaultProviders
from .deployment import Deployment
from .differences import apply_replace_on_changes, changes, ignore_changes, reason
from .goal import Goal
from .provider_client import Difference, Failure, ProviderClient, ProviderError
from .providers import without_internal
from .resources import Resource, now
from .steps import Steps
from .urns import create_urn, is_provider_type, package_of
from .values import Properties, has_unknown, reveal, reveal_all, same


class Planner:
    """Plans and carries out registrations; called from many threads."""

    def __init__(self, deployment: Deployment) -> None:
        self._d = deployment
        self.steps = Steps(deployment)
        self._cascade = Cascade(deployment, self.steps)
        self.defaults = DefaultProviders(deployment, self.register)

    def register(self, goal: Goal) -> Resource:
        """Bring a resource to its goal. Raises Aborted where the run failed or the resource is refused."""
        d = self._d
        d.check_running()
        self._inherit(goal)
        if goal.custom and not is_provider_type(goal.type):
            goal.provider = self.resolve_provider(goal)
        urn = self._claim(goal)
        try:
            return self._register(goal, urn)
        except ProviderError as error:
            raise d.fail(str(error), urn) from error
        except ValueError as error:
            raise d.fail(f"{goal.type} {goal.name!r}: {error}", urn) from error

    def _inherit(self, goal: Goal) -> None:
        d = self._d
        with d.lock:
            parent = d.seen.goals.get(goal.parent)
            inherited = dict(d.seen.component_providers.get(goal.parent, {}))
        if parent is not None:
            goal.inherit(parent)
            if not goal.provider and parent.provider:
                owner = package_of(parent.provider.rpartition("::")[0].split("::", 3)[2].rsplit("$", 1)[-1])
                if not goal.custom or owner == package_of(goal.type):
                    goal.provider = parent.provider
        if not goal.custom:
            goal.providers = {**inherited, **goal.providers}
        elif not goal.provider and not is_provider_type(goal.type):
            package = package_of(goal.type)
            goal.provider = goal.providers.get(package) or inherited.get(package, "")

    def resolve_provider(self, goal: Goal) -> str:
        """The provider reference of a custom resource: given, inherited, or the package's default."""
        return goal.provider or self.defaults.reference(package_of(goal.type), goal.version, goal.plugin_url)

    def _claim(self, goal: Goal) -> str:
        d = self._d
        urn = create_urn(d.stack.stack, d.stack.project, goal.parent, goal.type, goal.name)
        with d.lock:
            taken = urn in d.seen.urns
            d.seen.urns.add(urn)
            d.seen.goals.setdefault(urn, goal)
            if not goal.custom:
                d.seen.component_providers[urn] = goal.providers
        if taken:
            raise d.fail(
                f"Duplicate resource URN {urn!r}; give resources of one type and parent unique names", urn
            )
        return urn

    def _register(self, goal: Goal, urn: str) -> Resource:
        d = self._d
        try:
            old = find_old(d, urn, goal)
        except AliasError as error:
            raise d.fail(str(error), urn) from error
        new = goal.resource(urn)
        if old is not None and old.urn != urn:
            new.aliases = [old.urn]
        if is_provider_type(goal.type):
            client: ProviderClient | None = d.providers.connect(package_of(goal.type))
        else:
            client = d.providers.get(goal.provider) if goal.custom else None
        with d.lock:
            recreating = urn in d.seen.deleted
        wanted = old.import_id or old.id if old is not None and not old.external else ""
        if goal.custom and goal.import_id and wanted != goal.import_id:
            assert client is not None
            old = self._import(goal, new, old, client)
            new = copy(new, key="")
        fresh = old is None or recreating or old.external or old.pending_replacement
        news = goal.inputs
        if old is not None and not fresh:
            news, failed = ignore_changes(goal.inputs, old.inputs, goal.ignore_changes)
            if failed:
                message = (
                    f"cannot ignore changes in added or removed elements of the path: {', '.join(failed)}"
                )
                d.diagnose("info", message, urn)
        new.inputs = self._check(urn, client, None if fresh or old is None else old.inputs, news)
        if d.analyzers is not None:
            d.analyzers.analyze(new, goal)
        if old is None:
            self._decide(urn)
            self.steps.create(new, client)
        elif fresh:
            self._recreate(old, new, client)
        else:
            self._change(goal, old, new, client)
        with d.lock:
            d.seen.news[urn] = new
        return new

    def _decide(self, urn: str, replaces: bool = False) -> bool:
        """Note that the URN has its step; True where the entry was deleted in the meantime by a
        replacement.
        """
        d = self._d
        with d.lock:
            was_deleted = urn in d.seen.deleted
            d.seen.deleted.discard(urn)
            d.seen.operated.add(urn)
            if replaces or was_deleted:
                d.seen.replaced.add(urn)
            return was_deleted

    def _recreate(self, old: Resource, new: Resource, client: ProviderClient | None) -> None:
        self._decide(new.urn, replaces=not old.external)
        if old.external:
            # Pulumi did not own it: nothing is deleted, and this is no replacement for the user.
            self._d.state.finish(drop=old)
            self.steps.create(new, client)
        else:
            self.steps.create(new, client, drop=old, reason="deleted before its replacement")

    def _check(
        self, urn: str, client: ProviderClient | None, olds: Properties | None, news: Properties
    ) -> Properties:
        if client is None:
            return news
        d = self._d
        with d.slot():
            if is_provider_type(urn.split("::", 3)[2].rsplit("$", 1)[-1]):
                checked, failures = client.check_config(
                    urn, without_internal(olds or {}), without_internal(news)
                )
                for key in ("version", "__internal"):
                    if key in news:
                        checked[key] = news[key]
            else:
                checked, failures = client.check(urn, olds, news, os.urandom(32))
        if failures:
            for failure in failures[:-1]:
                d.diagnose("error", _failure(urn, failure), urn)
            raise d.fail(_failure(urn, failures[-1]), urn)
        return checked

    def _difference(
        self, goal: Goal, old: Resource, new: Resource, client: ProviderClient | None
    ) -> Difference:
        d = self._d
        with d.lock:
            with_others = any(urn in d.seen.replaced for urn in goal.replace_with)
            with_owner = goal.deleted_with in d.seen.replaced
        if goal.replacement_trigger is not None and old.replacement_trigger is not None:
            before, after = reveal(old.replacement_trigger), reveal(goal.replacement_trigger)
            if has_unknown(after) or not same(before, after):
                return Difference(True, ("replacementTrigger",))
        if with_others:
            return Difference(True, ("replaceWith",))
        if with_owner:
            return Difference(True, ("deletedWith",))
        if client is None:
            return Difference(not same(reveal_all(old.inputs), reveal_all(new.inputs)))
        if is_provider_type(new.type):
            with d.slot():
                return client.diff_config(
                    new.urn, old.id, without_internal(old.inputs), old.outputs, without_internal(new.inputs)
                )
        if self._cascade.provider_replaced(old, new, client):
            return Difference(True, ("provider",))
        with d.slot():
            return client.diff(new.urn, old.id, old.inputs, old.outputs, new.inputs, goal.ignore_changes)

    def _change(self, goal: Goal, old: Resource, new: Resource, client: ProviderClient | None) -> None:
        difference = apply_replace_on_changes(
            self._difference(goal, old, new, client), goal.replace_on_changes
        )
        replaces = difference.changed and difference.replaces
        if replaces:
            self._refuse_replacement(goal, old, new)
        if self._decide(new.urn, replaces):
            self.steps.create(new, client, drop=old, reason="deleted before its replacement")
            return
        if not difference.changed and not old.init_errors:
            if is_provider_type(new.type):
                assert client is not None
                client.configure(new.urn, old.id, without_internal(new.inputs))
                self._d.providers.add(f"{new.urn}::{old.id}", client)
                new.outputs = old.outputs
            self.steps.keep(old, new)
        elif not replaces:
            shown = changes(difference, old, new.inputs)
            self.steps.update(old, new, client, reason(difference, shown), shown)
        else:
            self._replace(goal, old, new, client, difference)

    def _refuse_replacement(self, goal: Goal, old: Resource, new: Resource) -> None:
        if new.protect and old.protect:
            raise self._d.fail(
                f"unable to replace resource {new.urn!r} as it is protected. To unprotect it, remove the "
                "`protect` option from the resource in the program and run `up`",
                new.urn,
            )
        if goal.import_id:
            raise self._d.fail(
                f"resource {new.urn!r} was imported and still has its import id, so it cannot be replaced; "
                "remove `import_` from the program",
                new.urn,
            )

    def _replace(
        self, goal: Goal, old: Resource, new: Resource, client: ProviderClient | None, difference: Difference
    ) -> None:
        shown = changes(difference, old, new.inputs)
        why = reason(difference, shown)
        # The checked inputs took values over from the old resource (such as its generated name): start anew.
        new.inputs = self._check(new.urn, client, None, goal.inputs)
        before = goal.delete_before_replace
        if before is None:
            before = difference.delete_before_replace
        if before:
            self._cascade.delete_before_replace(old)
            self.steps.create(new, client, drop=old, reason=why, diff=shown)
        else:
            self.steps.create(new, client, mark=old, reason=why, diff=shown)

    def _import(self, goal: Goal, new: Resource, old: Resource | None, client: ProviderClient) -> Resource:
        """Take over a resource that exists; the state has it afterwards, as it is."""
        d = self._d
        imported = copy(new, id=goal.import_id, created=now(), modified=now())

        def work() -> None:
            with d.slot():
                found = client.read(new.urn, goal.import_id, {}, {}, new.custom_timeouts.get("read", 0))
            if not found.id:
                raise ProviderError(
                    f"resource {goal.import_id!r} of type {goal.type} does not exist; check import_"
                )
            imported.id = found.id
            imported.outputs = found.outputs
            imported.inputs = found.inputs if found.inputs is not None else dict(goal.inputs)
            mark = old if old is not None and not old.external else None
            if mark is not None:
                mark.delete = True
            d.state.finish(put=imported, mark=mark, drop=old if mark is None else None)

        self._decide(new.urn)
        d.step("read", new, work, reason=f"imported {goal.import_id}", count="")
        return imported


def _failure(urn: str, failure: Failure) -> str:
    type_token, name = urn.split("::", 3)[2].rsplit("$", 1)[-1], urn.split("::", 3)[3]
    if failure.property:
        return f"{type_token} {name!r}: property {failure.property}: {failure.reason}"
    return f"{type_token} {name!r}: {failure.reason}"
