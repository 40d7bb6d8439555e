"""AWS Signature Version 4 for reads of S3 and of stores that speak it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (from memory); the tests
hold it to botocore.
"""

import datetime
import hashlib
import hmac
import urllib.parse
from dataclasses import dataclass, field

_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Credentials:
    """An access key. It is never printed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    url: str, credentials: Credentials, region: str, now: datetime.datetime | None = None
) -> dict[str, str]:
    """The headers of a signed GET without a body."""
    parts = urllib.parse.urlsplit(url)
    stamp = (now or datetime.datetime.now(datetime.UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    query = sorted(
        (urllib.parse.quote(key, safe="-_.~"), urllib.parse.quote(value, safe="-_.~"))
        for key, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    )
    request = "\n".join(
        [
            "GET",
            # S3 signs the path as it is sent, encoded once.
            parts.path or "/",
            "&".join(f"{key}={value}" for key, value in query),
            *(f"{key}:{headers[key]}" for key in sorted(headers)),
            "",
            names,
            _NOTHING,
        ]
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    del headers["host"]
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return headers
