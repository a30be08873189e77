"""A signed statement is one that in-toto's verifiers would take."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from headway.adapters.envelope import pre_authentication, signed
from headway.errors import InvalidSpec

STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "täl", "digest": {"sha256": "00"}}]}


def written(path: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, word: bytes = b"") -> Path:
    locked = BestAvailableEncryption(word) if word else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    return path


def test_the_example_of_the_dsse_specification() -> None:
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_signature_is_of_the_payload_and_its_type(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    envelope = signed(STATEMENT, written(tmp_path / "key", key))
    payload = base64.b64decode(str(envelope["payload"]))
    assert json.loads(payload) == STATEMENT
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    [signature] = envelope["signatures"]  # type: ignore[misc]
    raw = base64.b64decode(signature["sig"])
    key.public_key().verify(raw, pre_authentication("application/vnd.in-toto+json", payload))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(raw, pre_authentication("application/vnd.in-toto+json", payload + b" "))


def none(_: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(none, "cannot be read", id="no file"),
        pytest.param(lambda path: path.write_text("a word"), "no private key", id="no key"),
        pytest.param(lambda path: written(path, Ed25519PrivateKey.generate(), b"word"), "without a passphrase", id="locked"),
        pytest.param(lambda path: written(path, ec.generate_private_key(ec.SECP256R1())), "no Ed25519 key", id="another kind"),
    ],
)
def test_what_is_no_key_is_said(tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "key")  # type: ignore[operator]
    with pytest.raises(InvalidSpec, match=said):
        signed(STATEMENT, tmp_path / "key")
