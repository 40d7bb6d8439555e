"""Which entry of the state a registration continues: the one of its URN, or of one of its former names."""

from .deployment import Deployment
from .goal import Alias, Goal
from .resources import Resource
from .urns import create_urn, is_stack, qualified_type, urn_name, urn_type


class AliasError(Exception):
    """Two registrations claim the same earlier resource."""


def _former_urn(d: Deployment, goal: Goal, alias: Alias) -> str:
    if alias.urn:
        return alias.urn
    parent = d.seen.old_of.get(alias.parent, alias.parent) if alias.parent else goal.parent
    if alias.no_parent or (parent and is_stack(parent)):
        parent = ""
    return create_urn(
        alias.stack or d.stack.stack,
        alias.project or d.stack.project,
        parent,
        alias.type or goal.type,
        alias.name or goal.name,
    )


def _below_former_parent(d: Deployment, parent: str, former_parent: str, type_token: str, name: str) -> str:
    # A child named after its parent (`<parent>-part`) was named after the parent's former name.
    parent_name = urn_name(parent)
    if name.startswith(parent_name):
        name = urn_name(former_parent) + name[len(parent_name) :]
    return (
        f"urn:pulumi:{d.stack.stack}::{d.stack.project}::{qualified_type(former_parent)}${type_token}::{name}"
        if not is_stack(former_parent)
        else create_urn(d.stack.stack, d.stack.project, "", type_token, name)
    )


def _candidates(d: Deployment, goal: Goal) -> list[str]:
    urns = [_former_urn(d, goal, alias) for alias in goal.aliases]
    former_parent = d.seen.old_of.get(goal.parent)
    if former_parent:
        inherited = [_below_former_parent(d, goal.parent, former_parent, goal.type, goal.name)]
        inherited += [
            _below_former_parent(d, goal.parent, former_parent, urn_type(urn), urn_name(urn)) for urn in urns
        ]
        urns += inherited
    return urns


def find_old(d: Deployment, urn: str, goal: Goal) -> Resource | None:
    """The entry of the state. Raises AliasError where another registration has it."""
    with d.lock:
        claimed = d.seen.new_of.get(urn)
        if claimed:
            raise AliasError(
                f"resource {urn!r} has the name that {claimed!r} gives as its alias; remove one of them"
            )
        old = d.state.by_urn.get(urn)
        if old is not None:
            return old
        for former in _candidates(d, goal):
            old = d.state.by_urn.get(former)
            if old is None:
                continue
            taken = former if former in d.seen.urns else d.seen.new_of.get(former)
            if taken:
                raise AliasError(
                    f"{urn!r} gives the alias {former!r}, but {taken!r} is that resource; remove the alias"
                )
            d.seen.new_of[former] = urn
            d.seen.old_of[urn] = former
            break
    if old is not None:
        d.state.rename(old.urn, urn)
    return old
