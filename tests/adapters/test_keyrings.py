"""A word in the keyring of Headway's user, through the library that asks whatever keeps it there."""

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from headway.adapters.secrets import resolve
from headway.errors import InvalidSpec, Unavailable

NOT_REAL = "a value for this test"


class Kept(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked(NOT_REAL)
        return self.words.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.words[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.words[service, username]


@pytest.fixture
def kept() -> Iterator[Kept]:
    before, backend = keyring.get_keyring(), Kept()
    keyring.set_keyring(backend)
    keyring.set_password("shop/production", "db", NOT_REAL)
    yield backend
    keyring.set_keyring(before)


@pytest.mark.usefixtures("kept")
def test_the_last_part_is_the_name_and_the_rest_the_service() -> None:
    assert resolve("keyring:shop/production/db") == NOT_REAL


def test_what_cannot_be_had_is_named_and_never_shown(kept: Kept) -> None:
    with pytest.raises(Unavailable, match=r"keyring:shop/db is not in the keyring .*: keyring set shop db"):
        resolve("keyring:shop/db")
    kept.locked = True
    with pytest.raises(Unavailable, match=r"did not give it \(KeyringLocked\); `keyring get shop/production db`") as error:
        resolve("keyring:shop/production/db")
    assert NOT_REAL not in str(error.value)
    assert error.value.__cause__ is None


def test_without_the_library_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # what Python does where there is none
    with pytest.raises(Unavailable, match=r"pip install 'headway\[keyring\]'"):
        resolve("keyring:shop/db")


@pytest.mark.parametrize("reference", ["keyring:shop", "keyring:/db", "keyring:shop/"])
def test_what_names_no_word_is_told_so(reference: str) -> None:
    with pytest.raises(InvalidSpec, match="a secret in a keyring is named as keyring:SERVICE/NAME"):
        resolve(reference)
