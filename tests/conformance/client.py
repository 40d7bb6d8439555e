"""Requests to an API server, with as little between them and the test as can be."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

Manifest = dict[str, Any]


class Unreachable(Exception):
    """The server does not answer."""


@dataclass(frozen=True)
class Answer:
    """What the server said. `body`: an object, or the Status of a refusal; or a text under `message`."""

    status: int
    body: Manifest

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def message(self) -> str:
        return str(self.body.get("message", self.body))


class Client:
    """`certificate`: the server's own, which is trusted and nothing else is."""

    def __init__(self, url: str, certificate: Path, token: str) -> None:
        self._url = url
        self._certificate = certificate
        self._token = token
        self._pool: urllib3.PoolManager | None = None
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        kind: str = "application/json",
        **query: str,
    ) -> Answer:
        """Raises Unreachable."""
        if self._pool is None:
            self._pool = urllib3.PoolManager(ca_certs=str(self._certificate), retries=False, timeout=60)
        if query:
            path += "?" + "&".join(f"{key}={value}" for key, value in query.items())
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": kind,
            "Accept": "application/json",
        }
        try:
            answer = self._pool.request(
                method, self._url + path, body=None if body is None else json.dumps(body), headers=headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(str(error)) from error
        try:
            value = json.loads(answer.data)
        except ValueError:
            value = {"message": answer.data.decode(errors="replace")}
        return Answer(answer.status, value)

    def resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """The plural in the path, and whether the kind lives in a namespace.

        Raises LookupError for a kind that the server lacks.
        """
        if kind not in self._resources.get(api_version, {}):
            root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            found = self.request("GET", root).body.get("resources") or []
            self._resources[api_version] = {
                one["kind"]: (one["name"], one["namespaced"]) for one in found if "/" not in one["name"]
            }
        if kind not in self._resources[api_version]:
            raise LookupError(f"the server has no kind {kind} in apiVersion {api_version}")
        return self._resources[api_version][kind]

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        plural, namespaced = self.resource(api_version, kind)
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        middle = f"/namespaces/{namespace or 'default'}" if namespaced else ""
        return f"{root}{middle}/{plural}" + (f"/{name}" if name else "")

    def path_of(self, manifest: Manifest, named: bool = True) -> str:
        metadata = manifest["metadata"]
        name = metadata["name"] if named else ""
        return self.path(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), name)

    def get(self, manifest: Manifest) -> Manifest | None:
        answer = self.request("GET", self.path_of(manifest))
        return answer.body if answer.ok else None

    def get_object(self, api_version: str, kind: str, namespace: str, name: str) -> Manifest | None:
        answer = self.request("GET", self.path(api_version, kind, namespace, name))
        return answer.body if answer.ok else None

    def create(self, manifest: Manifest, dry: bool = False) -> Answer:
        """As `kubectl create --validate=strict`; `dry`: everything but the keeping."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry else {})}
        return self.request("POST", self.path_of(manifest, named=False), manifest, **query)

    def apply(self, manifest: Manifest, dry: bool = False) -> Answer:
        """As `kubectl apply --server-side --validate=strict`."""
        query = {"fieldManager": "conformance", "force": "true", "fieldValidation": "Strict"}
        if dry:
            query["dryRun"] = "All"
        return self.request(
            "PATCH", self.path_of(manifest), manifest, kind="application/apply-patch+yaml", **query
        )

    def replace(self, manifest: Manifest, dry: bool = False) -> Answer:
        """A whole object in the place of the one of its name, as `kubectl replace`."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry else {})}
        return self.request("PUT", self.path_of(manifest), manifest, **query)

    def delete(self, manifest: Manifest) -> Answer:
        options = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        return self.request("DELETE", self.path_of(manifest), options)
