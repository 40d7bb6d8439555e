"""Signatures as `cosign sign-blob --key` makes them: ECDSA over P-256 and SHA-256, DER, in base64.

Only verification, so nothing here is secret and timing tells nothing. Curve: SEC 2, secp256r1 (from memory);
the tests hold it to the library `cryptography`.
"""

import base64
import binascii
import hashlib
from pathlib import Path

from .errors import SignatureError

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# SubjectPublicKeyInfo of an uncompressed point: id-ecPublicKey, prime256v1.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04")

Point = tuple[int, int] | None


def verify(file: Path, signature: str, public_key: str) -> None:
    """Raises SignatureError unless `signature` is the key's over the file's content."""
    point = _point(public_key)
    r, s = _numbers(signature)
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    z = int.from_bytes(digest.digest(), "big")
    w = pow(s, -1, _N)
    found = _add(_times(z * w % _N, _G), _times(r * w % _N, point))
    if found is None or found[0] % _N != r:
        raise SignatureError("the signature is not the key's over this file")


def _point(pem: str) -> tuple[int, int]:
    body = "".join(line for line in pem.strip().splitlines() if not line.startswith("-----"))
    try:
        der = base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise SignatureError(f"the public key is not PEM: {error}") from None
    if len(der) != len(_SPKI) + 64 or not der.startswith(_SPKI):
        raise SignatureError("the public key is not one of P-256, as cosign generates them")
    x, y = (int.from_bytes(der[at : at + 32], "big") for at in (len(_SPKI), len(_SPKI) + 32))
    if x >= _P or y >= _P or (y * y - (x * x * x - 3 * x + _B)) % _P:
        raise SignatureError("the public key is not a point of P-256")
    return x, y


def _numbers(signature: str) -> tuple[int, int]:
    try:
        der = base64.b64decode(signature.strip(), validate=True)
    except binascii.Error as error:
        raise SignatureError(f"the signature is not base64: {error}") from None
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        raise SignatureError("the signature is not DER")
    numbers, at = [], 2
    for _ in range(2):
        if at + 2 > len(der) or der[at] != 0x02:
            raise SignatureError("the signature is not two numbers")
        end = at + 2 + der[at + 1]
        raw = der[at + 2 : end]
        # One number has one encoding: not negative, and no more zeros in front than it needs.
        if end > len(der) or not raw or raw[0] > 0x7F or (len(raw) > 1 and raw[0] == 0 and raw[1] < 0x80):
            raise SignatureError("the signature's numbers are not DER")
        numbers.append(int.from_bytes(raw, "big"))
        at = end
    if at != len(der) or not all(0 < number < _N for number in numbers):
        raise SignatureError("the signature's numbers are out of range")
    return numbers[0], numbers[1]


def _add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total
