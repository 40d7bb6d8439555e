"""Pulumi's passphrase secrets manager: PBKDF2-SHA256 with 1,000,000 rounds, AES-256-GCM, texts
`v1:<nonce>:<text>`.

The form follows Pulumi's `pkg/secrets/passphrase` and `sdk/go/common/resource/config/crypt.go` (v3.260), so
that either engine reads what the other wrote. Deriving the key takes about 0.4 s: it happens when the first
secret is met.
"""

import base64
import os
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

_ROUNDS = 1_000_000
_CHECK = "pulumi"


class PassphraseError(ValueError):
    """The passphrase does not open these secrets, or there is none."""


@lru_cache(maxsize=16)
def _derive(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(SHA256(), 32, salt, _ROUNDS).derive(passphrase.encode())


def _encrypt(key: bytes, text: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _decrypt(key: bytes, text: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    version, _, rest = text.partition(":")
    nonce, _, sealed = rest.partition(":")
    if version != "v1" or not sealed:
        raise PassphraseError(
            f"an encrypted value has the form v1:<nonce>:<text>, this one starts with {version!r}"
        )
    try:
        return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
    except InvalidTag as error:
        raise PassphraseError(
            "the passphrase does not open the secrets; set PULUMI_CONFIG_PASSPHRASE (or _FILE) to the one "
            "that they were encrypted with"
        ) from error


class Passphrase:
    """Encrypts and decrypts with one passphrase and one salt.

    `salt` is `v1:<base64 salt>:<encrypted word>` as in a stack's `encryptionsalt`; None makes a new one at
    the first encryption and tells `on_new` of it before anything is encrypted with it.
    """

    def __init__(
        self, passphrase: str, salt: str | None, on_new: Callable[[str], None] | None = None
    ) -> None:
        self._passphrase = passphrase
        self.salt = salt
        self._on_new = on_new
        self._key: bytes | None = None
        self._lock = Lock()

    def _open(self) -> bytes:
        with self._lock:
            if self._key is not None:
                return self._key
            if self.salt is None:
                raw = os.urandom(8)
                key = _derive(self._passphrase, raw)
                self.salt = f"v1:{base64.b64encode(raw).decode()}:{_encrypt(key, _CHECK)}"
                if self._on_new is not None:
                    self._on_new(self.salt)
            else:
                version, _, rest = self.salt.partition(":")
                raw_text, _, check = rest.partition(":")
                if version != "v1" or not check:
                    raise PassphraseError(
                        f"the salt has the form v1:<salt>:<text>, this one is {self.salt!r}"
                    )
                key = _derive(self._passphrase, base64.b64decode(raw_text))
                if _decrypt(key, check) != _CHECK:
                    raise PassphraseError("the salt does not belong to this passphrase")
            self._key = key
            return key

    def encrypt(self, text: str) -> str:
        return _encrypt(self._open(), text)

    def decrypt(self, text: str) -> str:
        """Raises PassphraseError where the passphrase is another."""
        return _decrypt(self._open(), text)


def environment_passphrase(environ: dict[str, str] | None = None) -> str | None:
    """The passphrase from PULUMI_CONFIG_PASSPHRASE or the file PULUMI_CONFIG_PASSPHRASE_FILE, as Pulumi reads
    them.
    """
    env = dict(os.environ) if environ is None else environ
    if "PULUMI_CONFIG_PASSPHRASE" in env:
        return env["PULUMI_CONFIG_PASSPHRASE"]
    path = env.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if path:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return None
