"""The stack outputs in a deployment, secrets closed or, with the sandbox's passphrase, open."""

import json
from collections.abc import Callable, Mapping

from bedplate.sandbox import home as homes
from bedplate.sandbox.engine.events import Secret
from bedplate.sandbox.engine.secrets import Passphrase, PassphraseError
from bedplate.sandbox.engine.urns import is_stack
from bedplate.sandbox.engine.values import SECRET, SIGNATURE
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import Home
from bedplate.sandbox.outcome import Json

Opened = Json | Secret | list["Opened"] | dict[str, "Opened"]


def read(state: Mapping[str, Json], home: Home | None) -> dict[str, Opened]:
    """The outputs of the stack. With a home, secrets are decrypted; without, they are Secret(None).

    Raises UsageError where the passphrase does not open them or is not what encrypted them.
    """
    resources = state.get("resources")
    assert isinstance(resources, list)
    stack = next(
        (entry for entry in resources if isinstance(entry, dict) and is_stack(str(entry["urn"]))), {}
    )
    outputs = stack.get("outputs") or {}
    assert isinstance(outputs, dict)
    decrypt = _decrypter(state, home)
    return {name: _open(value, decrypt) for name, value in outputs.items()}


def _decrypter(state: Mapping[str, Json], home: Home | None) -> Callable[[str], Json] | None:
    if home is None:
        return None
    provider = state.get("secrets_providers")
    if not isinstance(provider, dict) or not isinstance(provider.get("state"), dict):
        raise UsageError("the state names no secrets provider; run `up` once, or leave --show-secrets out")
    kind, detail = provider.get("type"), provider["state"]
    assert isinstance(detail, dict)
    if kind != "passphrase":
        raise UsageError(f"secrets are encrypted by {kind!r}, not a passphrase; use `pulumi stack output`")
    opener = Passphrase(homes.passphrase(home), str(detail["salt"]))

    def decrypt(text: str) -> Json:
        try:
            value: Json = json.loads(opener.decrypt(text))
        except PassphraseError as error:
            raise UsageError(str(error)) from error
        return value

    return decrypt


def _open(value: Json, decrypt: Callable[[str], Json] | None) -> Opened:
    if isinstance(value, list):
        return [_open(item, decrypt) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) != SECRET:
        return {key: _open(item, decrypt) for key, item in value.items()}
    return Secret(decrypt(str(value["ciphertext"])) if decrypt else None)
