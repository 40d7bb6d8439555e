"""What the program asks for: a registration as the engine reads it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .resources import Resource
from .urns import is_provider_type
from .values import Properties, Value, from_proto, from_struct, hash_assets, lower_outputs

# Go's duration units, in seconds.
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def duration_seconds(text: str, option: str) -> float:
    """A duration such as `1h30m` in seconds. Raises ValueError naming the option."""
    total, position = 0.0, 0
    while position < len(text):
        match = _DURATION.match(text, position)
        if match is None:
            raise ValueError(f"custom timeout {option}: {text!r} is no duration; write e.g. 90s, 5m or 1h30m")
        total += float(match.group(1)) * _UNITS[match.group(2)]
        position = match.end()
    return total


@dataclass(frozen=True)
class Alias:
    """One former identity: a URN, or what differed."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass
class Goal:
    """A registration. `provider` and the options that a parent hands down are filled in later."""

    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    provider: str = ""
    providers: dict[str, str] = field(default_factory=dict)
    version: str = ""
    plugin_url: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replace_with: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    import_id: str = ""
    timeouts: dict[str, float] = field(default_factory=dict)

    def resource(self, urn: str) -> Resource:
        """The resource that the goal describes, not yet checked or made."""
        return Resource(
            urn=urn,
            type=self.type,
            custom=self.custom,
            inputs=self.inputs,
            parent=self.parent,
            protect=bool(self.protect),
            dependencies=self.dependencies,
            property_dependencies=self.property_dependencies,
            provider=self.provider,
            additional_secret_outputs=self.additional_secret_outputs,
            custom_timeouts=self.timeouts,
            import_id=self.import_id,
            retain_on_delete=bool(self.retain_on_delete),
            deleted_with=self.deleted_with,
            replace_with=self.replace_with,
            replacement_trigger=self.replacement_trigger,
            ignore_changes=self.ignore_changes,
            replace_on_changes=self.replace_on_changes,
        )

    def inherit(self, parent: "Goal") -> None:
        """Take over what a parent hands to its children (Pulumi: protect, retainOnDelete, deletedWith,
        provider).
        """
        if self.protect is None:
            self.protect = parent.protect
        if self.retain_on_delete is None:
            self.retain_on_delete = parent.retain_on_delete
        self.deleted_with = self.deleted_with or parent.deleted_with


def _aliases(request: Any) -> list[Alias]:
    aliases = [Alias(urn=urn) for urn in request.aliasURNs]
    for item in request.aliases:
        if item.WhichOneof("alias") == "spec":
            spec = item.spec
            aliases.append(
                Alias(
                    name=spec.name,
                    type=spec.type,
                    stack=spec.stack,
                    project=spec.project,
                    parent=spec.parentUrn if spec.WhichOneof("parent") == "parentUrn" else "",
                    no_parent=spec.WhichOneof("parent") == "noParent" and spec.noParent,
                )
            )
        else:
            aliases.append(Alias(urn=item.urn))
    return aliases


def parse_goal(request: Any, directory: Path) -> Goal:
    """The goal of a RegisterResourceRequest. Raises ValueError for what this engine does not do.

    `directory` is the program's; paths of assets are relative to it.
    """
    if request.remote:
        raise ValueError(
            f"{request.type} {request.name!r} is a component that a provider constructs; the offline engine "
            "runs components of the program only"
        )
    if request.packageRef:
        raise ValueError(
            f"{request.type} {request.name!r} is of a parameterized package; the offline engine has no such "
            "providers"
        )
    raw = from_struct(request.object)
    given = {key: set(item.urns) for key, item in request.propertyDependencies.items()}
    if not given:
        given = {key: set(request.dependencies) for key in raw}
    inputs: Properties = {}
    for key, value in raw.items():
        found = given.setdefault(key, set())
        inputs[key] = hash_assets(lower_outputs(value, found), directory)
    timeouts = {}
    if request.HasField("customTimeouts"):
        for option in ("create", "update", "delete", "read"):
            text = getattr(request.customTimeouts, option)
            if text:
                timeouts[option] = duration_seconds(text, option)
    dbr = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
    goal = Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=inputs,
        parent=request.parent,
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith,
        provider=request.provider,
        providers=dict(request.providers),
        version=request.version,
        plugin_url=request.pluginDownloadURL,
        dependencies=sorted(set(request.dependencies)),
        property_dependencies={key: sorted(urns) for key, urns in given.items()},
        delete_before_replace=request.deleteBeforeReplace if dbr else None,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        replace_with=list(request.replace_with),
        replacement_trigger=(
            from_proto(request.replacement_trigger) if request.HasField("replacement_trigger") else None
        ),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=_aliases(request),
        import_id=request.importId,
        timeouts=timeouts,
    )
    if is_provider_type(goal.type) and goal.version:
        goal.inputs = {**goal.inputs, "version": goal.version, "__internal": {}}
    return goal
