"""A secret's value is seen by the process it is for, and by nobody else."""

import stat
import threading
from pathlib import Path

import pytest

from headway.adapters.secrets import fingerprint, in_cluster, resolve, server_key
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Refused, Unavailable

NOT_REAL = "a value for this test"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_TEST_SECRET", NOT_REAL)
    assert resolve("env:HEADWAY_TEST_SECRET") == NOT_REAL


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_from_a_file_without_its_last_newline(tmp_path: Path, end: str) -> None:
    (tmp_path / "secret").write_bytes(f"two\n{NOT_REAL}{end}".encode())
    assert resolve(f"file:{tmp_path / 'secret'}") == f"two\n{NOT_REAL}"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff" + NOT_REAL.encode(), b"x\0" + NOT_REAL.encode(), b"x" * 1_100_000])
def test_what_cannot_be_had_is_named_and_never_shown(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(Unavailable) as error:
        resolve(f"file:{tmp_path / 'secret'}")
    assert f"file:{tmp_path / 'secret'}" in str(error.value)
    assert NOT_REAL not in repr(error.value)
    assert error.value.__cause__ is None or NOT_REAL not in repr(error.value.__cause__)


def test_what_is_in_a_cluster_is_never_read() -> None:
    assert in_cluster("kubernetes:shop-secrets/url")
    with pytest.raises(Unavailable, match="where only pods read it"):
        resolve("kubernetes:shop-secrets/url")


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(Unavailable, match="set the variable HEADWAY_TEST_NOT_SET"):
        resolve("env:HEADWAY_TEST_NOT_SET")


@pytest.mark.parametrize("reference", ["", "env:", "file:", NOT_REAL, f"vault:{NOT_REAL}", f"keyring:{NOT_REAL}", f"ENV:{NOT_REAL}"])
def test_a_value_where_a_reference_belongs_is_not_repeated(reference: str) -> None:
    with pytest.raises(InvalidSpec, match=r"is named as (env:NAME|vault:PATH#KEY|keyring:SERVICE/NAME).*what stands there is n") as error:
        resolve(reference)
    assert NOT_REAL not in str(error.value)


def test_a_fingerprint_tells_same_from_other_only_with_the_key() -> None:
    assert fingerprint(b"key", "one") == fingerprint(b"key", "one")
    assert fingerprint(b"key", "one") != fingerprint(b"key", "two")
    assert fingerprint(b"key", "one") != fingerprint(b"other", "one")
    # RFC 4231, test case 2: it is HMAC-SHA256 and nothing of our own.
    assert fingerprint(b"Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_the_server_s_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "home" / "server.key"
    key = server_key(path)
    assert len(key) == 32
    assert server_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["server.key"]


def test_many_servers_starting_at_once_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(server_key(tmp_path / "server.key"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("content", "mode", "kind", "says"),
    [
        pytest.param("00" * 32, 0o640, Refused, "chmod 600", id="others may read it"),
        pytest.param("00" * 8, 0o600, Contradiction, "8 bytes", id="too short"),
        pytest.param("hello", 0o600, Contradiction, "not a key", id="no key at all"),
    ],
)
def test_a_key_that_is_not_right_is_not_used(tmp_path: Path, content: str, mode: int, kind: type[HeadwayError], says: str) -> None:
    (tmp_path / "server.key").write_text(content)
    (tmp_path / "server.key").chmod(mode)
    with pytest.raises(kind, match=says):
        server_key(tmp_path / "server.key")
