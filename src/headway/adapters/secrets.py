"""Secrets are named by references; their values exist only for the moment in which a process is started.

No value ever appears in an error: errors name the reference.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from headway.adapters import keyrings, sops, vault
from headway.adapters.databases.branched import of_branch
from headway.environments.branches import own_database
from headway.errors import Contradiction, InvalidSpec, Refused, Unavailable

_KEY_BYTES = 32
_LARGEST = 1024 * 1024

SCHEMES = ("env:", "file:", "sops:", "vault:", "keyring:")
"""How a reference that is followed begins."""
ONES_OWN = "env:NAME, file:PATH, sops:PATH#KEY, vault:PATH#KEY or keyring:SERVICE/NAME"
IN_CLUSTER = "kubernetes"
"""The scheme of references that Headway hands on and never follows."""


def in_cluster(reference: str) -> bool:
    """Is this a key of a Secret that is in the cluster, `kubernetes:NAME/KEY`?"""
    return reference.startswith(f"{IN_CLUSTER}:")


def resolve(reference: str) -> str:
    """The value behind `env:NAME`, `file:PATH`, or what sops.py, vault.py and keyrings.py follow; a file's last newline does not count.

    Of a branch's own database, its URL.
    """
    if (own := own_database(reference)) is not None:
        return of_branch(resolve(own[1]), own[0])
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name:
        value = os.environ.get(name)
        if value is None:
            raise Unavailable(f"the secret {reference} is not there: set the variable {name} where Headway runs")
    elif scheme == "file" and name:
        value = _contents(reference, Path(name))
    elif scheme == sops.SCHEME and name:
        value = sops.value(reference)
    elif scheme == vault.SCHEME and name:
        value = vault.value(reference)
    elif scheme == keyrings.SCHEME and name:
        value = keyrings.value(reference)
    elif scheme == IN_CLUSTER:
        instead = f"anything else needs {ONES_OWN}"
        raise Unavailable(f"the secret {reference} is in the cluster, where only pods read it; {instead}")
    else:
        # What was found is not shown: somebody may have put the value itself there.
        raise InvalidSpec(f"a secret is named as {ONES_OWN}; what stands there is none of these")
    if not value:
        raise Unavailable(f"the secret {reference} is empty")
    if "\0" in value:
        raise Unavailable(f"the secret {reference} contains a NUL, which no process can be given")
    return value


def fingerprint(key: bytes, value: str) -> str:
    """Tells whether two secrets are the same, to whoever holds the key; useless to everybody else."""
    return hmac.new(key, value.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def server_key(path: Path) -> bytes:
    """This server's key, made on first use and readable by its owner only."""
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise Unavailable(f"the server's key cannot be read: {path}: {error.strerror}") from error
    except ValueError as error:
        raise Contradiction(f"{path} is not a key that Headway made; restore it from a backup") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(f"{path} is the server's key, and others than its owner may read it", (f"do: chmod 600 {path}",))
    if len(key) != _KEY_BYTES:
        raise Contradiction(f"{path} holds {len(key)} bytes, not the {_KEY_BYTES} of a key; restore it from a backup")
    return key


def _contents(reference: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise Unavailable(f"the secret {reference} is larger than {_LARGEST} bytes")
        text = raw.decode()
    except OSError as error:
        raise Unavailable(f"the secret {reference} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Not `from error`: that exception carries the bytes.
        raise Unavailable(f"the secret {reference} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _make(path: Path) -> None:
    """Whoever links first wins, and no reader ever sees half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
