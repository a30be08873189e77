"""Files that only the holder of a key can read, and in which a changed, swapped or missing part shows.

Chunks of 1 MiB under AES-256-GCM; each nonce counts the chunks and says whether it is the last, so that a cut file is not a whole one.
The key comes from a secret by scrypt, with a salt of its own in every file.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from headway.errors import Contradiction, InvalidSpec

MAGIC = b"headway sealed 1\n"
_CHUNK = 1024 * 1024
_TAG = 16
_SALT = 16
_PREFIX = 7


def seal(source: BinaryIO, target: BinaryIO, secret: str) -> None:
    """Write everything from the source, sealed."""
    header = MAGIC + os.urandom(_SALT + _PREFIX)
    target.write(header)
    cipher, at = _cipher(secret, header), 0
    chunk = _exactly(source, _CHUNK)
    while True:
        following = _exactly(source, _CHUNK)
        target.write(cipher.encrypt(_nonce(header, at, last=not following), chunk, header))
        if not following:
            return
        chunk, at = following, at + 1


def unseal(source: BinaryIO, secret: str, what: str) -> Iterator[bytes]:
    """The plain chunks. Raises Contradiction when the key is another one or the file is not as it was written."""
    from cryptography.exceptions import InvalidTag

    header = _exactly(source, len(MAGIC) + _SALT + _PREFIX)
    if not header.startswith(MAGIC) or len(header) < len(MAGIC) + _SALT + _PREFIX:
        raise Contradiction(f"{what} is not a sealed file")
    cipher, at = _cipher(secret, header), 0
    chunk = _exactly(source, _CHUNK + _TAG)
    while True:
        following = _exactly(source, _CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(header, at, last=not following), chunk, header)
        except InvalidTag:
            raise Contradiction(f"{what} cannot be opened: another key sealed it, or it is not as it was written") from None
        if not following:
            return
        chunk, at = following, at + 1


class _Cipher:
    """What we use of the library's class."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM(key)

    def encrypt(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        return self._aead.encrypt(nonce, data, header)

    def decrypt(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        return self._aead.decrypt(nonce, data, header)


def _cipher(secret: str, header: bytes) -> _Cipher:
    try:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ModuleNotFoundError as error:
        raise InvalidSpec("encrypted backups need a library that is not installed: pip install 'headway[encrypt]'") from error
    salt = header[len(MAGIC) : len(MAGIC) + _SALT]
    return _Cipher(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(secret.encode()))


def _nonce(header: bytes, at: int, *, last: bool) -> bytes:
    return header[-_PREFIX:] + at.to_bytes(4, "big") + bytes([last])


def _exactly(source: BinaryIO, size: int) -> bytes:
    """This many bytes, fewer only at the end: pipes give what they have."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
