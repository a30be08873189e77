"""Servers on one ledger agree about the key by which secrets are told apart."""

from pathlib import Path

import pytest

from headway.adapters.keys import NOTE, agreed
from headway.errors import InvalidSpec, Refused

ONE, OTHER = "1" * 64, "2" * 64


class Settings(dict[str, str]):
    def put(self, key: str, value: str) -> None:
        self[key] = value


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ONE", ONE)
    monkeypatch.setenv("OTHER", OTHER)
    return "env:ONE"


def test_a_home_without_a_word_has_a_key_of_its_own(tmp_path: Path) -> None:
    settings = Settings()
    assert agreed(tmp_path / "one", None, settings) != agreed(tmp_path / "two", None, settings)
    assert settings == {}


def test_servers_that_were_given_the_same_key_agree_and_the_ledger_does_not_learn_it(tmp_path: Path, given: str) -> None:
    settings = Settings()
    assert {agreed(tmp_path / name, given, settings) for name in ("one", "two")} == {bytes.fromhex(ONE)}
    assert ONE not in settings[NOTE]


@pytest.mark.parametrize("named", [pytest.param("env:OTHER", id="another key"), pytest.param(None, id="none, so its home's own")])
def test_a_server_with_another_key_is_refused_and_told_what_to_do(tmp_path: Path, given: str, named: str | None) -> None:
    settings = Settings()
    agreed(tmp_path / "one", given, settings)
    with pytest.raises(Refused, match=r"(?s)have another key than this one.*HEADWAY_KEY=file:PATH.*--new-key"):
        agreed(tmp_path / "two", named, settings)
    assert agreed(tmp_path / "two", "env:OTHER", settings, new=True) == bytes.fromhex(OTHER)
    with pytest.raises(Refused):
        agreed(tmp_path / "one", given, settings)


def test_what_is_no_key_is_told_without_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "open-sesame")
    with pytest.raises(InvalidSpec, match="env:KEY holds no key; expected 64 hex digits") as said:
        agreed(tmp_path, "env:KEY", Settings())
    assert "sesame" not in str(said.value)
