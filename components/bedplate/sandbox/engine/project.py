"""A project's files: Pulumi.yaml and the configuration of an environment, read as Pulumi reads them."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .hosts import PathProgram
from .secrets import Passphrase, environment_passphrase


class ProjectError(ValueError):
    """The project's files cannot be used; the message says which file and what to do."""


@dataclass(frozen=True)
class Project:
    """A project with the configuration of one environment.

    `stack_config` has full keys (`project:key`) and plain values: objects and lists as JSON, secrets
    decrypted; the keys of those that hold a secret are in `secret_keys`.
    """

    name: str
    root: Path
    main: Path
    environment: str
    config_file: Path
    stack_config: dict[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()
    encryption_salt: str | None = None

    @property
    def program(self) -> PathProgram:
        return PathProgram(self.main, self.root)


class _Loader(yaml.SafeLoader):
    """Reads what Pulumi's YAML reads: `on`, `yes` and dates are texts, only true and false are bools, and a
    key that stands twice is refused, where PyYAML would drop the first.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            first = seen.setdefault((key.tag, key.value), id(key))
            if first != id(key):
                reason = f"the key {key.value!r} stands there already; remove one of the two"
                raise yaml.constructor.ConstructorError(None, None, reason, key.start_mark)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise ProjectError(f"{path}: is no valid YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: is no text in UTF-8: {error}; save it as UTF-8") from error
    except (RecursionError, ValueError) as error:
        raise ProjectError(f"{path}: cannot be read: {error}; simplify the file") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ProjectError(f"{path}: expected a mapping at the top, found {type(content).__name__}")
    return content


def environments(root: Path) -> list[str]:
    """The environments that have a configuration file."""
    settings = _read(root / "Pulumi.yaml") if (root / "Pulumi.yaml").exists() else {}
    directory = root / _config_directory(settings)
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in directory.glob("Pulumi.?*.yaml")
    )


def _config_directory(settings: dict[str, Any]) -> str:
    configured = settings.get("stackConfigDir")
    legacy = settings.get("config")  # before it was a mapping of defaults, `config` named the directory
    return str(configured or (legacy if isinstance(legacy, str) else "."))


def load(root: Path, environment: str) -> Project:
    """Read a project and one environment.

    Raises ProjectError for a missing or wrong file (naming the environments that exist) and PassphraseError
    where a secret cannot be decrypted.
    """
    path = root / "Pulumi.yaml"
    if not path.exists():
        raise ProjectError(f"no Pulumi.yaml in {root}; run this in the project's directory")
    settings = _read(path)
    name = settings.get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError(f"{path}: name: missing; give the project's name")
    config_file = root / _config_directory(settings) / f"Pulumi.{environment}.yaml"
    if not config_file.exists():
        known = ", ".join(environments(root)) or "none"
        raise ProjectError(f"environment {environment!r}: there is no {config_file}; environments: {known}")
    stack = _read(config_file)
    salt = stack.get("encryptionsalt")
    reader = _Reader(config_file, salt)
    values: dict[str, str] = {}
    secrets: set[str] = set()
    defaults = settings.get("config")
    for key, declared in (defaults if isinstance(defaults, dict) else {}).items():
        value = declared
        if isinstance(declared, dict) and {"value", "default", "type"} & declared.keys():
            value = declared.get("value", declared.get("default"))
        if value is not None:
            reader.take(_full_key(name, key), value, values, secrets)
    configured = stack.get("config") or {}
    if not isinstance(configured, dict):
        raise ProjectError(f"{config_file}: config: expected a mapping, found {type(configured).__name__}")
    for key, value in configured.items():
        reader.take(_full_key(name, key), value, values, secrets)
    main = root / str(settings.get("main") or ".")
    return Project(name, root, main, environment, config_file, values, frozenset(secrets), salt)


def _full_key(project: str, key: object) -> str:
    text = str(key)
    return text if ":" in text else f"{project}:{text}"


class _Reader:
    def __init__(self, path: Path, salt: str | None) -> None:
        self._path = path
        self._salt = salt
        self._crypt: Passphrase | None = None

    def take(self, key: str, value: object, values: dict[str, str], secrets: set[str]) -> None:
        try:
            plain, secret = self._plain(key, value)
        except RecursionError:
            raise ProjectError(
                f"{self._path}: {key}: holds itself by an anchor, or is nested too deep; write it out flat"
            ) from None
        values[key] = _text(plain)
        secrets.discard(key)
        if secret:
            secrets.add(key)

    def _plain(self, key: str, value: object) -> tuple[object, bool]:
        if isinstance(value, dict):
            if set(value) == {"secure"}:
                return self._decrypt(key, value["secure"]), True
            parts = {str(name): self._plain(f"{key}.{name}", item) for name, item in value.items()}
            return {name: item for name, (item, _) in parts.items()}, any(
                secret for _, secret in parts.values()
            )
        if isinstance(value, list):
            items = [self._plain(f"{key}[{index}]", item) for index, item in enumerate(value)]
            return [item for item, _ in items], any(secret for _, secret in items)
        return value, False

    def _decrypt(self, key: str, value: object) -> object:
        if not isinstance(value, str):
            raise ProjectError(
                f"{self._path}: {key}: `secure` expects an encrypted text (pulumi config set --secret)"
            )
        if not self._salt:
            raise ProjectError(
                f"{self._path}: {key}: is encrypted, but the file has no `encryptionsalt`; the sandbox "
                "reads secrets of the passphrase provider only"
            )
        if self._crypt is None:
            passphrase = environment_passphrase()
            if passphrase is None:
                raise ProjectError(
                    f"{self._path}: {key}: is encrypted; set PULUMI_CONFIG_PASSPHRASE or "
                    "PULUMI_CONFIG_PASSPHRASE_FILE"
                )
            self._crypt = Passphrase(passphrase, self._salt)
        return self._crypt.decrypt(value)


def _text(value: object) -> str:
    """A configuration value as Pulumi hands it to a program."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, separators=(",", ":"), default=str)
