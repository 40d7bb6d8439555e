"""A resource's life behind the provider protocol, on plain values: check, diff, create, read, update, delete.

Calls come from several threads; everything here is stateless but the configuration of each connection.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bedplate.sandbox.providers import difference, naming, schema_export
from bedplate.sandbox.providers.cloud import Cloud
from bedplate.sandbox.providers.handler import CloudError, Context, Created, Handler, JsonObject
from bedplate.sandbox.providers.references import named, texts_at
from bedplate.sandbox.providers.schema import Problem, ResourceSchema, without_nulls
from bedplate.sandbox.providers.wire import (
    UNKNOWN,
    Secret,
    Unknown,
    has_secret,
    has_unknown,
    plain,
    secret_texts,
)

T = TypeVar("T")
Values = dict[str, Any]

# What Pulumi's engine writes into a provider's inputs for itself; no setting of the cloud.
ENGINE_INPUTS = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})


class Refused(Exception):
    """A refusal for the user: shown as it is, without a stack."""


@dataclass(frozen=True)
class Difference:
    """The answer of a diff."""

    changes: tuple[difference.Change, ...]
    delete_before_replace: bool

    @property
    def replaces(self) -> list[str]:
        return sorted({change.path for change in self.changes if change.replaces})

    @property
    def tops(self) -> list[str]:
        return sorted({change.top for change in self.changes})


class ResourceProvider:
    """Serves one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._configs: dict[str, object] = {}
        self._latest: object | None = None

    @property
    def name(self) -> str:
        return self.cloud.name

    def package(self) -> JsonObject:
        """The types in the form of Pulumi's package schema."""
        return schema_export.package(self.cloud.schema, self.name, list(self.cloud.registry.handlers))

    # Configuration: each provider instance of a program has a connection of its own, told apart by its peer.

    def check_config(self, inputs: Values) -> tuple[Values, list[Problem]]:
        given = without_nulls(inputs)
        own = self._settings(given)
        problems = self.cloud.schema.problems(self.cloud.schema.provider, own)
        known = {key: plain(value) for key, value in own.items() if not has_unknown(value)}
        return given, problems or self.cloud.check_config(known)

    def config_replaces(self, old: Values, new: Values) -> list[str]:
        """Nothing: the resources themselves say which change of region replaces them."""
        return []

    def configure(self, peer: str, inputs: Values) -> None:
        own = self._settings(without_nulls(inputs))
        config = self._guarded(f"provider {self.cloud.name}", own, lambda: self.cloud.configure(plain(own)))
        self._latest = self._configs[peer] = config

    def _settings(self, inputs: Values) -> Values:
        """The cloud's own settings; an SDK and the stack's configuration give all but texts as JSON text."""
        known = self.cloud.schema.provider.inputs
        return {
            key: _from_json_text(value) if known.get(key, "string") != "string" else value
            for key, value in inputs.items()
            if key not in ENGINE_INPUTS
        }

    def _config(self, peer: str) -> object:
        config = self._configs.get(peer, self._latest)
        if config is None:
            raise Refused(f"the {self.cloud.name} provider was asked before it was configured")
        return config

    # Resources.

    def check(
        self, peer: str, urn: str, old: Values, new: Values, seed: bytes
    ) -> tuple[Values, list[Problem]]:
        """The inputs with defaults and an automatic name, and everything that is wrong with them."""
        handler, schema = self._type(urn)
        inputs = without_nulls(new)
        for name in handler.json_documents:
            # The vendor's provider takes a document as an object, too, and keeps its text.
            if isinstance(inputs.get(name), Mapping | list) and not has_unknown(inputs[name]):
                inputs[name] = _document_text(inputs[name])
        self._add_name(handler, urn, old, inputs, seed)
        inputs = {**handler.defaults, **inputs}
        problems = self.cloud.schema.problems(schema, inputs)
        if not problems:
            known, unknown = _split(inputs)
            context = self.cloud.context(self._config(peer), urn, known, unknown)
            problems = self._guarded(urn, inputs, lambda: handler.check(context, known))
            hidden = secret_texts(inputs)
            problems = [(path, hide(hidden, reason)) for path, reason in problems]
        return inputs, problems

    def diff(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, ignored: Iterable[str]
    ) -> Difference:
        """What differs between the old and the new inputs."""
        handler, schema = self._type(urn)
        self.cloud.operations.acknowledge(urn, id)
        found = difference.against_state(handler, schema, difference.changes(handler, old, new), state, new)
        implied = self.cloud.implied_changes(self._config(peer), schema, plain(state), plain(new))
        found += [
            difference.Change(name, "update", replaces)
            for name, replaces in implied.items()
            if all(change.top != name for change in found)
        ]
        found = difference.without_ignored(found, ignored)
        return Difference(tuple(found), self._deletes_first(handler, urn, old, new))

    def create(self, peer: str, urn: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        """The new resource's id and outputs; at preview no id, and unknown for what only the cloud can
        tell.
        """
        handler, schema = self._type(urn)
        config = self._config(peer)
        known, unknown = _split(inputs)
        context = self.cloud.context(config, urn, known, unknown)
        if preview:
            outputs: Values = dict.fromkeys(schema.outputs, UNKNOWN)
            outputs.update({name: value for name, value in inputs.items() if name in schema.outputs})
            if not unknown & {"tags", "region"}:
                outputs.update(self.cloud.known_outputs(config, schema, known))
            return "", _mark_secrets(handler, inputs, outputs)
        if unknown:
            raise Refused(f"{urn}: a create with unknown values of {', '.join(sorted(unknown))}")

        def make() -> Created:
            self._check_references(handler, context, known)
            created = handler.create(context, known)
            _check_outputs(handler, schema, created.outputs)
            return created

        def exists(created: Created) -> bool:
            return self._read(handler, context, created.id, created.outputs) is not None

        created = self._guarded(
            urn,
            inputs,
            lambda: self.cloud.operations.create(
                urn, known, make, exists, lambda made: self._delete(handler, context, made.id, made.outputs)
            ),
        )
        return created.id, _mark_secrets(handler, inputs, created.outputs)

    def read(
        self, peer: str, urn: str, id: str, inputs: Values, state: Values
    ) -> tuple[Values, Values] | None:
        """Inputs and outputs as they are in the cloud now, or None where the resource is gone."""
        handler, schema = self._type(urn)
        self.cloud.operations.acknowledge(urn, id)
        config = self._config(peer)
        before = plain(without_nulls(state))
        context = self.cloud.context(config, urn, before or plain(inputs))
        outputs = self._guarded(urn, {**state, **inputs}, lambda: self._read(handler, context, id, before))
        if outputs is None:
            return None
        _check_outputs(handler, schema, outputs)
        if inputs or state:
            now = difference.refreshed_inputs(handler, schema, plain(inputs), outputs)
        else:
            now = difference.imported_inputs(schema, outputs, context.region)
        now = {key: Secret(value) if has_secret(inputs.get(key)) else value for key, value in now.items()}
        return now, _mark_secrets(handler, {**state, **inputs}, outputs)

    def update(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, preview: bool
    ) -> Values:
        """The outputs after a change in place."""
        handler, schema = self._type(urn)
        config = self._config(peer)
        known, unknown = _split(new)
        if preview:
            outputs = {**state, **{name: value for name, value in new.items() if name in schema.outputs}}
            for name in set(old) - set(new):
                outputs.pop(name, None)
            if not unknown & {"tags", "region"}:
                outputs.update(self.cloud.known_outputs(config, schema, known))
            if any(old.get(name) != new.get(name) for name in {*old, *new} - {"tags"}):
                outputs.update(dict.fromkeys(handler.moved_by_update, UNKNOWN))
            return _mark_secrets(handler, new, outputs)
        if unknown:
            raise Refused(f"{urn}: an update with unknown values of {', '.join(sorted(unknown))}")
        context = self.cloud.context(config, urn, known)
        before, old_inputs = plain(without_nulls(state)), plain(old)
        # What the cloud chose stays when it is left out, as the diff has it.
        stays = {name: old_inputs[name] for name in schema.computed & set(old_inputs) - set(new)}
        known = {**stays, **known}

        def action() -> JsonObject:
            self._check_references(handler, context, known)
            outputs = handler.update(context, id, before, old_inputs, known)
            _check_outputs(handler, schema, outputs)
            return outputs

        result = self._guarded(urn, {**state, **new}, lambda: self.cloud.operations.update(urn, id, action))
        return _mark_secrets(handler, new, result)

    def delete(self, peer: str, urn: str, id: str, state: Values) -> None:
        """Delete; that the resource is gone already is success."""
        handler, _ = self._type(urn)
        before = plain(without_nulls(state))
        context = self.cloud.context(self._config(peer), urn, before)
        self._guarded(
            urn,
            state,
            lambda: self.cloud.operations.delete(urn, id, lambda: self._delete(handler, context, id, before)),
        )

    def invoke(self, peer: str, token: str, args: Values) -> JsonObject:
        given = without_nulls(args)
        if has_unknown(given):
            raise Refused(f"{token}: called with unknown arguments")
        return self._guarded(token, given, lambda: self.cloud.invoke(self._config(peer), token, plain(given)))

    # Parts.

    def _type(self, urn: str) -> tuple[Handler, ResourceSchema]:
        token = urn.split("::")[2].rpartition("$")[2]
        handler = self.cloud.registry.handlers.get(token)
        if handler is None:
            raise Refused(
                f"{token}: the sandbox does not know this resource type; docs/sandbox-types.md lists the "
                f"{len(self.cloud.registry.handlers)} that it knows"
            )
        return handler, self.cloud.schema.resource(token)

    def _add_name(self, handler: Handler, urn: str, old: Values, inputs: Values, seed: bytes) -> None:
        rule = handler.auto_name
        if rule is None or rule.property in inputs or f"{rule.property}Prefix" in inputs:
            return
        logical = urn.split("::")[-1]
        kept = plain(old.get(rule.property))
        if kept is None and not old:
            expected = self.cloud.operations.expected_inputs(urn)
            kept = None if expected is None else expected.get(rule.property)
        stays = naming.is_automatic(rule, logical, kept)
        inputs[rule.property] = kept if stays else naming.automatic(rule, logical, seed)

    def _deletes_first(self, handler: Handler, urn: str, old: Values, new: Values) -> bool:
        """Whether the replacement's name would meet the old one's: a name that the program chose, and
        kept.
        """
        rule = handler.auto_name
        if handler.delete_before_replace or rule is None:
            return handler.delete_before_replace
        name = plain(new.get(rule.property))
        if name is None or isinstance(name, Unknown) or name != plain(old.get(rule.property)):
            return False
        return not naming.is_automatic(rule, urn.split("::")[-1], name)

    def _check_references(self, handler: Handler, context: Context, inputs: JsonObject) -> None:
        for reference in handler.references:
            for path, value in texts_at(inputs, reference.path):
                error = self.cloud.missing(context, reference.kind, value)
                if error is not None:
                    raise CloudError(error.code, f"{path}: {error.message}")

    def _read(self, handler: Handler, context: Context, id: str, state: JsonObject) -> JsonObject | None:
        try:
            return handler.read(context, id, state)
        except Exception as exc:
            if self.cloud.gone(exc):
                return None
            raise

    def _delete(self, handler: Handler, context: Context, id: str, state: JsonObject) -> None:
        try:
            handler.delete(context, id, state)
        except Exception as exc:
            if not self.cloud.gone(exc):
                raise

    def _guarded(self, urn: str, values: Values, action: Callable[[], T]) -> T:
        """Run it; a refusal of the cloud becomes one line for the user, without anything secret."""
        try:
            return action()
        except Exception as exc:
            error = exc if isinstance(exc, CloudError) else self.cloud.explain(exc)
            if error is None:
                raise
            raise Refused(hide(secret_texts(values), f"{named(urn)}: {error.code}: {error.message}")) from exc


def _split(inputs: Values) -> tuple[JsonObject, frozenset[str]]:
    """Inputs that are wholly known, without secret marks, and the names of the others."""
    unknown = frozenset(name for name, value in inputs.items() if has_unknown(value))
    return {name: plain(value) for name, value in inputs.items() if name not in unknown}, unknown


def _mark_secrets(handler: Handler, inputs: Values, outputs: Mapping[str, Any]) -> Values:
    """Outputs with secret marks: what the type says, and what came in as a secret."""
    secret = {name for name, value in inputs.items() if has_secret(value)} | handler.secret_outputs
    if "tags" in secret:
        secret.add("tagsAll")
    return {
        name: Secret(plain(value)) if name in secret and value is not None else value
        for name, value in outputs.items()
        if value is not None
    }


def _check_outputs(handler: Handler, schema: ResourceSchema, outputs: JsonObject) -> None:
    extra = sorted(set(outputs) - set(schema.outputs) - {"id"})
    assert not extra, f"{handler.token}: outputs that the type does not have: {', '.join(extra)}"
    outputs.pop("id", None)


def _from_json_text(value: Any) -> Any:
    """The value that a text encodes; a text that is no JSON stays, to be refused as a text."""
    if isinstance(value, Secret):
        return Secret(_from_json_text(value.value))
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _document_text(value: Any) -> Any:
    text = json.dumps(plain(value), separators=(",", ":"))
    return Secret(text) if has_secret(value) else text


def hide(hidden: set[str], text: str) -> str:
    """A message without the secrets that it may repeat."""
    for secret in sorted(hidden, key=len, reverse=True):
        if len(secret) > 2:
            text = text.replace(secret, "[secret]")
    return text
