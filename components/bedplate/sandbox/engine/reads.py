"""`.get()`: resources that the program looks up and that are not the stack's own."""

from typing import Any

from .deployment import Deployment
from .goal import Goal
from .planner import Planner
from .provider_client import ProviderError
from .resources import Resource
from .urns import create_urn
from .values import from_struct, lower_outputs


def read_resource(d: Deployment, planner: Planner, request: Any) -> Resource:
    """Serve a ReadResourceRequest. Raises Aborted or ValueError where it cannot be."""
    if request.packageRef:
        raise ValueError(
            f"{request.type} is of a parameterized package; the offline engine has no such providers"
        )
    inputs = {key: lower_outputs(item, set()) for key, item in from_struct(request.properties).items()}
    goal = Goal(
        type=request.type,
        name=request.name,
        custom=True,
        inputs=inputs,
        parent=request.parent,
        provider=request.provider,
        version=request.version,
        plugin_url=request.pluginDownloadURL,
        dependencies=sorted(set(request.dependencies)),
        additional_secret_outputs=list(request.additionalSecretOutputs),
    )
    goal.provider = planner.resolve_provider(goal)
    urn = create_urn(d.stack.stack, d.stack.project, goal.parent, goal.type, goal.name)
    with d.lock:
        taken = urn in d.seen.urns
        d.seen.urns.add(urn)
    if taken:
        raise d.fail(
            f"Duplicate resource URN {urn!r}; give resources of one type and parent unique names", urn
        )
    old = d.state.by_urn.get(urn)
    new = goal.resource(urn)
    new.external = True
    new.id = request.id
    with d.lock:
        d.seen.operated.add(urn)
    try:
        client = d.providers.get(goal.provider)
        # A managed resource of that URN with another id is let go: it is deleted at the end.
        planner.steps.read(old, new, client, mark=old is not None and not old.external and old.id != new.id)
    except ProviderError as error:
        raise d.fail(str(error), urn) from error
    with d.lock:
        d.seen.news[urn] = new
    return new
