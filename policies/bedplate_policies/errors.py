"""Errors of policy packs that a user can mend."""


class PolicyError(ValueError):
    """Something about a pack, its configuration or its exemptions is wrong: the deployment must not go on."""


class PathError(PolicyError):
    """A rule names a property path that is none."""
