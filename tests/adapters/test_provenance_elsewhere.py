"""What Headway says of where an artifact came from is taken by tools that never heard of Headway: securesystemslib's DSSE verifier, and
in-toto's own schema of the statement and of SLSA's predicate."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from headway.adapters.envelope import signed
from headway.releases.model import BuildSpec
from headway.releases.provenance import statement

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = statement(
    service="tally",
    digest=f"sha256:{'a' * 64}",
    commit="c" * 40,
    ref="main",
    recipe=BuildSpec(argv=("make",), output="dist", checks=("lint",)),
    host="h1",
    started=AT,
    finished=AT + timedelta(seconds=90),
    evidence=("lint passed",),
    stamped={"pyproject.toml": "1.4.0"},
)


def written(folder: Path) -> tuple[dict[str, Any], Ed25519PrivateKey]:
    """The envelope as it stands in a file, and the key."""
    key = Ed25519PrivateKey.generate()
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return json.loads(json.dumps(signed(SAID, folder / "key"))), key


def verified(envelope: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    keyid = envelope["signatures"][0]["keyid"]
    found = Envelope.from_dict(envelope)
    found.verify([SSlibKey.from_crypto(key.public_key(), keyid)], 1)
    return found.payload


def test_another_verifier_takes_the_signature(tmp_path: Path) -> None:
    envelope, key = written(tmp_path)
    assert json.loads(verified(envelope, key)) == SAID


def test_and_refuses_a_word_that_was_changed_or_another_key(tmp_path: Path) -> None:
    envelope, key = written(tmp_path)
    forged = base64.b64decode(envelope["payload"]).replace(b"tally", b"belly")
    with pytest.raises(VerificationError):
        verified({**json.loads(json.dumps(envelope)), "payload": base64.b64encode(forged).decode()}, key)
    with pytest.raises(VerificationError):
        verified(envelope, Ed25519PrivateKey.generate())


def test_the_statement_fits_in_toto_s_schema_and_nothing_in_it_is_unknown_there() -> None:
    read = json_format.ParseDict(SAID, statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()


def test_the_predicate_fits_slsa_s_schema_and_nothing_in_it_is_unknown_there() -> None:
    read = json_format.ParseDict(SAID["predicate"], provenance_pb2.Provenance())
    assert read.run_details.builder.id == "urn:headway:builder:h1"
    assert read.build_definition.resolved_dependencies[0].digest["gitCommit"] == "c" * 40
    assert read.build_definition.external_parameters["build"]["stamped"] == {"pyproject.toml": "1.4.0"}
