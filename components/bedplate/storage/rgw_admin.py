"""Users and quotas of Ceph's object gateway, through its Admin Ops API.

https://docs.ceph.com/en/latest/radosgw/adminops/ (from memory; held to a real gateway by `make test-ceph`).
Requests are signed as S3's are (SigV4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Keys:
    """An access key of one user."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class S3Endpoint:
    """Where a store is, and a key to it.

    Attributes:
        url: The endpoint; https, unless it is on this machine.
        keys: The access key of the user that calls.
        region: What requests are signed for; stores other than AWS take any.
        verify: Whether the certificate is checked, or the file of the authorities that may have signed it.
    """

    url: str
    keys: Keys
    region: str = "us-east-1"
    verify: bool | str = True


class RgwError(RuntimeError):
    """A refusal of the gateway: HTTP status, Ceph's code (`NoSuchUser`), and what was asked for."""

    def __init__(self, status: int, code: str, request: str) -> None:
        super().__init__(f"the gateway refused {request}: {code} (HTTP {status})")
        self.status = status
        self.code = code


class RgwAdmin:
    """The gateway, as a user with the capabilities `users=*`, `buckets=*` sees it."""

    def __init__(self, endpoint: S3Endpoint) -> None:
        self.endpoint = endpoint
        self._session = URLLib3Session(
            # The stubs leave out the path of a file of authorities, which botocore documents and takes.
            verify=endpoint.verify,  # type: ignore[arg-type]
            timeout=_TIMEOUT_SECONDS,
        )

    def user(self, uid: str) -> dict[str, object] | None:
        """What the gateway knows of a user; None where there is none."""
        try:
            found = self._call("GET", "user", {"uid": uid})
        except RgwError as error:
            if error.code == "NoSuchUser":
                return None
            raise
        assert isinstance(found, dict)
        return found

    def ensure_user(
        self,
        uid: str,
        *,
        display_name: str,
        max_buckets: int = 1000,
        capabilities: Mapping[str, str] | None = None,
    ) -> Keys:
        """Make a user, or set what is said here on one that exists, and return its first key.

        `capabilities` are of the admin API (`{"buckets": "read"}`); those that are not given are taken away.
        None leaves them as they are: a new user has none.
        """
        about = {"uid": uid, "display-name": display_name, "max-buckets": str(max_buckets)}
        known = self.user(uid)
        user = self._call("POST" if known else "PUT", "user", about)
        assert isinstance(user, dict)
        had = {str(cap["type"]): str(cap["perm"]) for cap in user.get("caps", [])}
        wanted = had if capabilities is None else dict(capabilities)
        for type, permission in had.items():
            if wanted.get(type) != permission:
                self._call("DELETE", "user", {"uid": uid, "user-caps": f"{type}={permission}"}, "caps")
        for type, permission in wanted.items():
            if had.get(type) != permission:
                self._call("PUT", "user", {"uid": uid, "user-caps": f"{type}={permission}"}, "caps")
        return _first_key(user)

    def keys(self, uid: str) -> Keys | None:
        """The first key of a user; None where there is no such user."""
        user = self.user(uid)
        return None if user is None else _first_key(user)

    def remove_user(self, uid: str) -> None:
        """Remove a user that has no buckets; nothing happens where there is none."""
        if self.user(uid) is not None:
            self._call("DELETE", "user", {"uid": uid})

    def set_user_quota(self, uid: str, *, max_bytes: int | None, max_objects: int | None) -> None:
        """Limit all of a user's buckets together; None is no limit."""
        query = {"uid": uid, "quota-type": "user", **_limits(max_bytes, max_objects)}
        self._call("PUT", "user", query, "quota")

    def user_quota(self, uid: str) -> dict[str, int | None]:
        """The limits of all of a user's buckets together; None is no limit."""
        quota = self._call("GET", "user", {"uid": uid, "quota-type": "user"}, "quota")
        assert isinstance(quota, dict)

        def limit(key: str) -> int | None:
            return quota[key] if quota["enabled"] and quota[key] >= 0 else None

        return {"max_bytes": limit("max_size"), "max_objects": limit("max_objects")}

    def set_bucket_quota(
        self, uid: str, bucket: str, *, max_bytes: int | None, max_objects: int | None
    ) -> None:
        """Limit one bucket, whoever writes to it; None is no limit."""
        query = {"uid": uid, "bucket": bucket, **_limits(max_bytes, max_objects)}
        self._call("PUT", "bucket", query, "quota")

    def bucket(self, bucket: str) -> dict[str, object]:
        """A bucket's owner, usage and quota. Raises RgwError where there is none."""
        found = self._call("GET", "bucket", {"bucket": bucket, "stats": "true"})
        assert isinstance(found, dict)
        return found

    def _call(
        self,
        method: Literal["GET", "PUT", "POST", "DELETE"],
        resource: str,
        query: Mapping[str, str],
        subresource: str = "",
    ) -> object:
        path = f"/admin/{resource}?{subresource + '&' if subresource else ''}"
        path += urlencode({"format": "json", **query})
        request = AWSRequest(method=method, url=f"{self.endpoint.url.rstrip('/')}{path}")
        credentials = Credentials(self.endpoint.keys.access_key, self.endpoint.keys.secret_key)
        S3SigV4Auth(credentials, "s3", self.endpoint.region).add_auth(request)
        response = self._session.send(request.prepare())
        what = f"{method} /admin/{resource}{'?' + subresource if subresource else ''}"
        if response.status_code >= 300:
            raise RgwError(response.status_code, _code(response.content), what)
        return json.loads(response.content) if response.content.strip() else None


def _first_key(user: Mapping[str, Any]) -> Keys:
    first = user["keys"][0]
    return Keys(str(first["access_key"]), str(first["secret_key"]))


def _limits(max_bytes: int | None, max_objects: int | None) -> dict[str, str]:
    return {
        # In KiB: for a bucket, gateways of Ceph 16 take no other size, and without one they allow no byte.
        "max-size-kb": str(-1 if max_bytes is None else max_bytes // 1024),
        "max-objects": str(-1 if max_objects is None else max_objects),
        "enabled": "false" if max_bytes is None and max_objects is None else "true",
    }


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return "an answer that is not JSON"
    return str(answer.get("Code", "no code")) if isinstance(answer, dict) else "no code"
