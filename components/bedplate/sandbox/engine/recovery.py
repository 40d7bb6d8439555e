"""After a kill: finish the operations that the killed run had begun, before anything else happens (ADR 1 and
3).
"""

from concurrent.futures import ThreadPoolExecutor

from .deployment import Deployment
from .provider_client import PartialFailure, ProviderError
from .resources import Document, Resource, from_document, now
from .values import mark_secrets


def finish_pending(d: Deployment) -> None:
    """Roll every pending operation forward. Raises Aborted where the provider does not answer.

    A create is asked for again with the recorded inputs: the sandbox answers as it did, or does it now. An
    update and a delete are done again.
    """
    pending = list(d.state.snapshot.pending.items())
    if not pending:
        return
    d.diagnose("info", f"finishing {len(pending)} operation(s) of an interrupted run")

    def one(item: tuple[str, Document]) -> None:
        with d.request():
            _finish(d, *item)

    with ThreadPoolExecutor(max_workers=d.parallel) as pool, d.stopping():
        for future in [pool.submit(one, item) for item in pending]:
            error = future.exception()
            if error is not None:
                raise error
    # From here on the state is as if the operations had ended in their own run.
    d.state.reload()


def _finish(d: Deployment, number: str, operation: Document) -> None:
    state = d.state
    resource = from_document(operation["resource"], state.passphrase.decrypt, "")
    old = state.by_urn.get(resource.urn)
    kind = operation["type"]
    try:
        if kind == "creating":
            _create(d, number, resource, old)
        elif kind == "updating" and old is not None:
            _update(d, number, resource, old)
        elif kind == "deleting":
            _delete(d, number, resource)
        else:
            state.finish(number)  # reading and importing change nothing
    except PartialFailure as partial:
        resource.id = partial.id or resource.id
        resource.outputs, resource.init_errors = partial.outputs, partial.reasons
        _keep(d, number, resource, old)
    except ProviderError as error:
        if error.unavailable:
            raise d.fail(f"cannot finish the interrupted run: {error}", resource.urn) from error
        # Refused: the resource was not made (changed, deleted). The run that follows decides anew.
        d.diagnose("warning", f"the interrupted operation ({kind}) was refused: {error}", resource.urn)
        state.finish(number)


def _keep(d: Deployment, number: str, resource: Resource, old: Resource | None) -> None:
    resource.key = d.state.new_key("or")  # after all that the state has, so after what it depends on
    if old is None or old.pending_replacement:
        d.state.finish(number, put=resource, drop=old)
        return
    if old.id == resource.id:
        resource.key = old.key
        d.state.finish(number, put=resource)
        return
    old.delete = True
    d.state.finish(number, put=resource, mark=old)


def _create(d: Deployment, number: str, resource: Resource, old: Resource | None) -> None:
    client = d.providers.get(resource.provider)
    with d.slot():
        timeout = resource.custom_timeouts.get("create", 0)
        resource.id, outputs = client.create(resource.urn, resource.inputs, timeout, preview=False)
    resource.outputs = mark_secrets(outputs, resource.additional_secret_outputs)
    resource.modified = now()
    _keep(d, number, resource, old)


def _update(d: Deployment, number: str, resource: Resource, old: Resource) -> None:
    client = d.providers.get(resource.provider)
    with d.slot():
        outputs = client.update(
            resource.urn,
            old.id,
            old.inputs,
            old.outputs,
            resource.inputs,
            resource.ignore_changes,
            resource.custom_timeouts.get("update", 0),
            preview=False,
        )
    resource.outputs = mark_secrets(outputs, resource.additional_secret_outputs)
    resource.key = old.key
    d.state.finish(number, put=resource)


def _delete(d: Deployment, number: str, resource: Resource) -> None:
    old = next((item for item in d.state.olds if item.urn == resource.urn and item.id == resource.id), None)
    if old is not None and not old.pending_replacement:
        client = d.providers.get(old.provider)
        with d.slot():
            client.delete(old.urn, old.id, old.inputs, old.outputs, old.custom_timeouts.get("delete", 0))
    d.state.finish(number, drop=old)
