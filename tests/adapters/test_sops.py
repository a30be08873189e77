"""What SOPS encrypted is opened for the moment; what goes wrong is said without a word of what is in it.

Real files with a real key are opened in tests/cluster/test_cluster_secrets.py; here the program's part is played by a few lines of shell.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.adapters import sops
from headway.adapters.secrets import resolve
from headway.errors import InvalidSpec, Unavailable

NOT_REAL = "a value for this test"
Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A `sops` on PATH that does this, and a file for it to open."""

    def made(script: str) -> Path:
        (tmp_path / "sops").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "sops").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setattr(sops, "_known", {})
        (tmp_path / "shop.yaml").write_text("as it is encrypted")
        return tmp_path / "shop.yaml"

    return made


def opening(content: object) -> str:
    return f"echo 1 >> \"$0.times\"\ncat <<'E'\n{json.dumps(content)}\nE"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("plain", NOT_REAL, id="at the top"),
        pytest.param("database.url", "sqlite:x", id="within others"),
        pytest.param("hosts.1", "b", id="of a list"),
        pytest.param("a.dotted.key", "whole", id="a key that has dots itself"),
        pytest.param("port", "5432", id="a number"),
        pytest.param("on", "true", id="true or false"),
    ],
)
def test_a_key_of_a_file(program: Program, key: str, value: str) -> None:
    content = {"plain": NOT_REAL, "database": {"url": "sqlite:x"}, "hosts": ["a", "b"], "a.dotted.key": "whole", "port": 5432, "on": True}
    assert resolve(f"sops:{program(opening(content))}#{key}") == value


def test_a_file_is_opened_once_for_all_of_its_keys_and_again_when_it_changed(program: Program) -> None:
    file = program(opening({"a": "1", "b": "2"}))
    assert [resolve(f"sops:{file}#{key}") for key in "abab"] == ["1", "2", "1", "2"]
    times = file.with_name("sops.times")
    assert len(times.read_text().splitlines()) == 1
    file.write_text("encrypted anew")
    resolve(f"sops:{file}#a")
    assert len(times.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(f"echo '{NOT_REAL}' >&2; exit 128", "no key that Headway's user has opens it", id="no key that fits"),
        pytest.param(f"echo '{NOT_REAL}' >&2; exit 1", "sops ended with 1, so it is not encrypted, or spoiled", id="not encrypted"),
        pytest.param(f"echo '{NOT_REAL}'", "made no JSON", id="something else than was asked for"),
        pytest.param(opening({"b": NOT_REAL}), "has no key a", id="no such key"),
        pytest.param(opening({"a": {"b": NOT_REAL}}), "more than one value under the key a", id="not one value"),
        pytest.param(opening({"a": ""}), "is empty", id="nothing in it"),
    ],
)
def test_what_cannot_be_had_is_named_and_never_shown(program: Program, script: str, words: str) -> None:
    file = program(script)
    with pytest.raises(Unavailable, match=words) as error:
        resolve(f"sops:{file}#a")
    assert f"sops:{file}#a" in str(error.value)
    assert NOT_REAL not in repr(error.value)
    assert error.value.__cause__ is None or NOT_REAL not in repr(error.value.__cause__)


def test_without_the_program_somebody_is_told_what_to_install(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    file = program("true")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="there is no `sops` on PATH to open it; install it where Headway runs"):
        resolve(f"sops:{file}#a")


def test_the_key_that_was_named_is_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    file = program("exit 128")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/etc/headway/age.txt")
    with pytest.raises(Unavailable, match=r"SOPS_AGE_KEY_FILE=/etc/headway/age\.txt has none"):
        resolve(f"sops:{file}#a")


@pytest.mark.parametrize("reference", ["sops:shop.yaml#a", "sops:/etc/shop.yaml", "sops:/etc/shop.yaml#"])
def test_a_reference_without_a_whole_path_and_a_key_is_none(reference: str) -> None:
    with pytest.raises(InvalidSpec, match="whole path of a file where Headway runs"):
        resolve(reference)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match="cannot be read: No such file"):
        resolve("sops:/nowhere/shop.yaml#a")
