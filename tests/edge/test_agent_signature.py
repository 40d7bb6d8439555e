"""Signatures: those of the key, and no others."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from bedplate.edge.agent.errors import SignatureError
from bedplate.edge.agent.signature import verify

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def signed(tmp_path, key):
    file = tmp_path / "model"
    file.write_bytes(b"weights" * 1000)
    return file, key.sign(file.read_bytes(), ec.ECDSA(hashes.SHA256()))


def text(der: bytes) -> str:
    return base64.b64encode(der).decode()


def test_many_keys_and_signatures_hold(tmp_path) -> None:
    file = tmp_path / "model"
    for number in range(12):
        one = ec.generate_private_key(ec.SECP256R1())
        file.write_bytes(bytes([number]) * number)
        verify(file, text(one.sign(file.read_bytes(), ec.ECDSA(hashes.SHA256()))) + "\n", pem(one))


def test_another_file_or_another_key_is_refused(signed, key) -> None:
    file, der = signed
    with pytest.raises(SignatureError, match="not the key's"):
        verify(file, text(der), pem(ec.generate_private_key(ec.SECP256R1())))
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(SignatureError, match="not the key's"):
        verify(file, text(der), pem(key))


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (0, 0), (ORDER - 1, ORDER - 1), (1, 1)]
)
def test_numbers_at_the_edges_are_refused(signed, key, r: int, s: int) -> None:
    with pytest.raises(SignatureError):
        verify(signed[0], text(encode_dss_signature(r, s)), pem(key))


def test_a_changed_byte_counts(signed, key) -> None:
    file, der = signed
    for at in range(0, len(der), 3):
        broken = bytearray(der)
        broken[at] ^= 1
        with pytest.raises(SignatureError):
            verify(file, text(bytes(broken)), pem(key))
    for other in (b"", der[:-1], der + b"\0", b"\x30\x80" + der[2:]):
        with pytest.raises(SignatureError):
            verify(file, text(other), pem(key))


def test_one_signature_has_one_encoding(signed, key) -> None:
    file, der = signed
    r, s = decode_dss_signature(der)
    longer = b"\x02\x23\0\0\0" + r.to_bytes(32, "big"), b"\x02\x23\0\0\0" + s.to_bytes(32, "big")
    with pytest.raises(SignatureError, match="DER"):
        verify(file, text(b"\x30" + bytes([len(longer[0] + longer[1])]) + longer[0] + longer[1]), pem(key))


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_a_key_of_another_curve_is_refused(signed, curve) -> None:
    with pytest.raises(SignatureError, match=r"P-256"):
        verify(signed[0], text(signed[1]), pem(ec.generate_private_key(curve)))


def test_a_key_off_the_curve_is_refused(signed, key) -> None:
    lines = pem(key).splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[-1] ^= 1
    with pytest.raises(SignatureError, match="not a point"):
        verify(signed[0], text(signed[1]), "\n".join([lines[0], text(bytes(der)), lines[-1]]))
    with pytest.raises(SignatureError, match="not PEM"):
        verify(signed[0], text(signed[1]), "no key at all")
