"""Signs a statement with a person's own Ed25519 key, in a DSSE envelope, as in-toto's tools read it.

The key is read where the command runs and goes nowhere. `cryptography` comes with the extra `encrypt`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from headway.errors import InvalidSpec, Unavailable
from headway.releases.provenance import PAYLOAD_TYPE


def signed(statement: Mapping[str, object], key: Path) -> Mapping[str, object]:
    """The envelope: the statement as it was signed, and the signature. `keyid` is the SHA-256 of the raw public key."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise Unavailable("signing needs the extra `encrypt`; do: pip install 'headway[encrypt]'") from error
    try:
        found = load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise InvalidSpec(f"the key {key} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidSpec(f"{key} is no private key in PEM without a passphrase ({_HOW})") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise InvalidSpec(f"{key} is no Ed25519 key ({_HOW})")
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    name = hashlib.sha256(found.public_key().public_bytes_raw()).hexdigest()
    signature = found.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {"payload": _text(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"keyid": name, "sig": _text(signature)}]}


_HOW = "openssl genpkey -algorithm ed25519 makes one"


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """What is signed: the payload with its type, so that it can be taken for nothing else (DSSE's PAE)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
