"""The steps that change a resource: create, update, keep, read, delete. Each is in the journal before its
provider works.
"""

from .deployment import Deployment
from .events import PropertyChange, StepOp
from .provider_client import PartialFailure, ProviderClient, ProviderError
from .providers import without_internal
from .resources import Resource, now
from .urns import is_provider_type, new_provider_id, reference
from .values import UNKNOWN, Properties, mark_secrets


def delete_refused(urn: str) -> str:
    """Why a protected resource stays, and how to lift the protection."""
    return (
        f"resource {urn!r} cannot be deleted because it is protected. To unprotect it, remove the `protect` "
        f"option from the resource in the program and run `up` first, or run `pulumi state unprotect '{urn}'`"
    )


class Steps:
    """The steps of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._d = deployment

    def _finish_outputs(self, resource: Resource, outputs: Properties) -> None:
        resource.outputs = mark_secrets(outputs, resource.additional_secret_outputs)

    def keep(self, old: Resource, new: Resource) -> None:
        """Nothing changed; options such as protect may have."""

        def work() -> None:
            new.id, new.created, new.modified = old.id, old.created, old.modified
            new.other = old.other
            new.import_id = new.import_id or old.import_id
            self._finish_outputs(new, old.outputs)
            self._d.state.keep(old, new)

        self._d.step("same", new, work)

    def create(
        self,
        new: Resource,
        client: ProviderClient | None,
        *,
        drop: Resource | None = None,
        mark: Resource | None = None,
        reason: str = "",
        diff: tuple[PropertyChange, ...] = (),
    ) -> None:
        """Make a resource. `drop` is an entry of the state that it takes the place of, `mark` one to delete
        later; with either it is a replacement."""
        op: StepOp = "replace" if drop is not None or mark is not None else "create"

        def work() -> None:
            self._create(new, client, drop, mark)

        self._d.step(op, new, work, reason, diff)

    def _create(
        self, new: Resource, client: ProviderClient | None, drop: Resource | None, mark: Resource | None
    ) -> None:
        d = self._d
        new.created = new.modified = now()
        if client is None:
            new.created = new.modified = ""
            self._place(new, "", drop, mark)
        elif is_provider_type(new.type):
            new.id = UNKNOWN if d.preview else new_provider_id()
            with d.slot():
                client.configure(new.urn, new.id, without_internal(new.inputs))
            d.providers.add(reference(new.urn, new.id), client)
            new.outputs = without_internal(new.inputs)
            self._place(new, "", drop, mark)
        else:
            with d.slot():
                number = d.state.begin("creating", new)
                try:
                    timeout = new.custom_timeouts.get("create", 0)
                    new.id, outputs = client.create(new.urn, new.inputs, timeout, d.preview)
                except PartialFailure as partial:
                    new.id, new.init_errors = partial.id, partial.reasons
                    self._finish_outputs(new, partial.outputs)
                    self._place(new, number, drop, mark)
                    raise
                except ProviderError as error:
                    # Where the provider died nobody knows what it did: the operation stays for the next run.
                    if not error.unavailable:
                        d.state.finish(number)
                    raise
                self._finish_outputs(new, outputs)
                self._place(new, number, drop, mark)

    def _place(self, new: Resource, number: str, drop: Resource | None, mark: Resource | None) -> None:
        if mark is not None:
            mark.delete = True
        self._d.state.finish(number, put=new, drop=drop, mark=mark)

    def update(
        self,
        old: Resource,
        new: Resource,
        client: ProviderClient | None,
        reason: str = "",
        diff: tuple[PropertyChange, ...] = (),
    ) -> None:
        """Change a resource in place."""
        self._d.step("update", new, lambda: self._update(old, new, client), reason, diff)

    def _update(self, old: Resource, new: Resource, client: ProviderClient | None) -> None:
        d = self._d
        new.id, new.created, new.modified, new.other = old.id, old.created, now(), old.other
        new.import_id = new.import_id or old.import_id
        if client is None:
            new.modified = ""
            new.outputs = old.outputs
            d.state.finish(put=new, drop=old)
        elif is_provider_type(new.type):
            with d.slot():
                client.configure(new.urn, new.id, without_internal(new.inputs))
            d.providers.add(reference(new.urn, new.id), client)
            new.outputs = without_internal(new.inputs)
            d.state.finish(put=new, drop=old)
        else:
            with d.slot():
                number = d.state.begin("updating", new)
                try:
                    outputs = client.update(
                        new.urn,
                        old.id,
                        old.inputs,
                        old.outputs,
                        new.inputs,
                        new.ignore_changes,
                        new.custom_timeouts.get("update", 0),
                        d.preview,
                    )
                except PartialFailure as partial:
                    new.init_errors = partial.reasons
                    self._finish_outputs(new, partial.outputs)
                    d.state.finish(number, put=new, drop=old)
                    raise
                except ProviderError as error:
                    if not error.unavailable:
                        d.state.finish(number)
                    raise
                self._finish_outputs(new, outputs)
                d.state.finish(number, put=new, drop=old)

    def delete(
        self,
        old: Resource,
        *,
        reason: str = "",
        count: str | None = None,
        with_others: frozenset[str] = frozenset(),
    ) -> None:
        """Delete a resource; `with_others` are the URNs that go in the same run (for deletedWith)."""
        gone = old.external or old.retain_on_delete or old.deleted_with in with_others
        if old.retain_on_delete and not old.external:
            reason = "kept in the cloud (retain_on_delete), forgotten here"
        self._d.step("delete", old, lambda: self._delete(old, gone, pending=False), reason, count=count)

    def delete_to_replace(self, old: Resource, with_others: frozenset[str]) -> None:
        """Delete now what is made again later in this run; the state keeps a note of it until then."""
        gone = old.retain_on_delete or old.deleted_with in with_others
        self._d.step(
            "delete",
            old,
            lambda: self._delete(old, gone, pending=True),
            "deleted before its replacement",
            count="",
        )

    def _delete(self, old: Resource, gone: bool, pending: bool) -> None:
        d = self._d
        number = ""
        if old.custom and not gone and not is_provider_type(old.type) and not old.pending_replacement:
            client = None if d.preview else d.providers.get(old.provider)
            with d.slot():
                number = d.state.begin("deleting", old)
                try:
                    if client is not None:
                        timeout = old.custom_timeouts.get("delete", 0)
                        client.delete(old.urn, old.id, old.inputs, old.outputs, timeout)
                except ProviderError as error:
                    if not error.unavailable:
                        d.state.finish(number)
                    raise
        if pending:
            old.pending_replacement = True
            d.state.finish(number, mark=old)
        else:
            d.state.finish(number, drop=old)

    def read(self, old: Resource | None, new: Resource, client: ProviderClient, mark: bool) -> None:
        """Look up a resource that Pulumi does not manage (`.get()`); `mark`: the managed one of that URN
        goes.
        """

        def work() -> None:
            if new.id == UNKNOWN:
                new.outputs = {}
                return
            with self._d.slot():
                found = client.read(
                    new.urn, new.id, new.inputs, new.inputs, new.custom_timeouts.get("read", 0)
                )
            if not found.id:
                raise ProviderError(
                    f"resource {new.id!r} of type {new.type} does not exist; check the id given to get()"
                )
            new.id = found.id
            self._finish_outputs(new, found.outputs)
            if old is not None:
                new.created, new.modified = old.created, old.modified
                if mark:
                    old.delete = True
            self._d.state.finish(put=new, drop=None if mark else old, mark=old if mark else None)

        self._d.step("read", new, work, count="same")
