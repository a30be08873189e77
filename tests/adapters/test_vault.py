"""A key that Vault keeps is read as its API's documentation says, by a token that is found where its tools find it; and never shown."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headway.adapters import vault
from headway.adapters.secrets import resolve
from headway.errors import InvalidSpec, Unavailable

NOT_REAL = "a value for this test"


class Vault(ThreadingHTTPServer):
    """A Vault with what it keeps, by path: two engines, one of each version, and a login for pods."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: dict[str, dict[str, Any]] = {
            "secret/data/shop": {
                "data": {"db": NOT_REAL, "port": 5432, "many": {"a": "b"}},
                "metadata": {"version": 3, "destroyed": False},
            },
            "old/shop": {"db": NOT_REAL, "data": "a key that is called so"},
        }
        self.tokens = {"given"}
        self.namespace = ""
        self.status = 0
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Vault

    def do_GET(self) -> None:
        path = self.path.removeprefix("/v1/")
        self.server.asked.append(path)
        if self.server.status:
            self._answer(self.server.status, {"errors": [NOT_REAL]})
        elif self.headers.get("X-Vault-Token") not in self.server.tokens:
            self._answer(403, {"errors": ["permission denied"]})
        elif self.headers.get("X-Vault-Namespace", "") != self.server.namespace or path not in self.server.kept:
            self._answer(404, {"errors": []})
        else:
            self._answer(200, {"request_id": "r", "lease_duration": 0, "data": self.server.kept[path], "warnings": None})

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path.removeprefix("/v1/"))
        if (self.path, told) != ("/v1/auth/kubernetes/login", {"role": "headway", "jwt": "the pod's own"}):
            self._answer(400, {"errors": ["invalid role name"]})
            return
        token = f"pod-{len(self.server.asked)}"
        self.server.tokens.add(token)
        self._answer(200, {"auth": {"client_token": token, "lease_duration": 3600, "renewable": True}})

    def _answer(self, status: int, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Vault]:
    for name in ("VAULT_TOKEN", "VAULT_TOKEN_FILE", "VAULT_ROLE", "VAULT_AUTH_PATH", "VAULT_NAMESPACE", "VAULT_CACERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Vault() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("VAULT_ADDR", server.address)
        yield server
        server.shutdown()


@pytest.fixture
def token(kept: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "given")


@pytest.mark.usefixtures("kept", "token")
@pytest.mark.parametrize(
    ("reference", "value"),
    [
        pytest.param("vault:secret/data/shop#db", NOT_REAL, id="version 2"),
        pytest.param("vault:old/shop#db", NOT_REAL, id="version 1"),
        pytest.param("vault:old/shop#data", "a key that is called so", id="version 1, of a key that is called data"),
        pytest.param("vault:secret/data/shop#port", "5432", id="a number"),
    ],
)
def test_a_key_of_either_version_of_the_engine(reference: str, value: str) -> None:
    assert resolve(reference) == value


def test_a_path_is_asked_for_once_in_a_moment_however_many_of_its_keys_are_wanted(kept: Vault, token: None) -> None:
    for _ in range(3):
        assert resolve("vault:secret/data/shop#db") == NOT_REAL
        assert resolve("vault:secret/data/shop#port") == "5432"
    assert kept.asked == ["secret/data/shop"]


@pytest.mark.usefixtures("token")
def test_the_namespace_is_said(kept: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.namespace = "team"
    with pytest.raises(Unavailable, match="nothing at secret/data/shop"):
        resolve("vault:secret/data/shop#db")
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    assert resolve("vault:secret/data/shop#db") == NOT_REAL


@pytest.mark.parametrize("named", [pytest.param(True, id="one that is named"), pytest.param(False, id="the one of vault login")])
def test_the_token_of_a_file_is_read_each_time(kept: Vault, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ("agent" if named else ".vault-token")
    if named:
        monkeypatch.setenv("VAULT_TOKEN_FILE", str(file))
    with pytest.raises(Unavailable, match=r"there is no token for Vault in .*; give Headway VAULT_TOKEN, a file .*VAULT_ROLE"):
        resolve("vault:secret/data/shop#db")
    file.write_text("of-old\n")
    with pytest.raises(Unavailable, match="does not let Headway read"):
        resolve("vault:secret/data/shop#db")
    file.write_text("given\n")
    assert resolve("vault:secret/data/shop#db") == NOT_REAL


def test_a_pod_logs_in_as_its_service_account_once_and_anew_when_its_token_was_revoked(
    kept: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ROLE", "headway")
    account = tmp_path / "account"
    with pytest.raises(Unavailable, match=f"VAULT_ROLE is set, and there is no {account}"):
        vault.value("vault:secret/data/shop#db", account)
    account.write_text("the pod's own")
    assert vault.value("vault:secret/data/shop#db", account) == NOT_REAL
    assert vault.value("vault:old/shop#db", account) == NOT_REAL
    assert kept.asked.count("auth/kubernetes/login") == 1
    kept.tokens.clear()
    kept.kept["secret/data/till"] = kept.kept["secret/data/shop"]
    assert vault.value("vault:secret/data/till#db", account) == NOT_REAL
    assert kept.asked.count("auth/kubernetes/login") == 2
    monkeypatch.setenv("VAULT_ROLE", "somebody-else")
    kept.kept["secret/data/other"] = kept.kept["secret/data/shop"]
    with pytest.raises(Unavailable, match=r"answered 400 to the login of this pod at auth/kubernetes as the role somebody-else; does"):
        vault.value("vault:secret/data/other#db", account)


@pytest.mark.parametrize(
    ("reference", "status", "says"),
    [
        pytest.param(
            "vault:secret/data/shop#gone", 0, "has no key gone; `vault kv get -mount=secret shop` shows what there is", id="no key"
        ),
        pytest.param("vault:secret/data/shop#many", 0, "has more than one value, or none, under the key many", id="more than a value"),
        pytest.param("vault:secret/data/gone#db", 0, "nothing at secret/data/gone, or it was deleted", id="no path"),
        pytest.param(
            "vault:secret/shop#db", 0, "the path has `data` in it: vault:secret/data/shop#KEY", id="the path of the other version"
        ),
        pytest.param("vault:secret/data/shop#db", 403, r'its policy needs path "secret/data/shop" { capabilities', id="not allowed"),
        pytest.param("vault:secret/data/shop#db", 503, "Vault is sealed", id="sealed"),
        pytest.param("vault:secret/data/shop#db", 500, "Vault answered 500", id="a trouble of its own"),
    ],
)
def test_what_cannot_be_had_is_named_and_never_shown(kept: Vault, token: None, reference: str, status: int, says: str) -> None:
    kept.status = status
    with pytest.raises(Unavailable, match=f"the secret {reference} cannot be had: .*{says}") as error:
        resolve(reference)
    assert NOT_REAL not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.usefixtures("token")
def test_what_was_deleted_has_no_value(kept: Vault) -> None:
    kept.kept["secret/data/shop"] = {"data": None, "metadata": {"deletion_time": "2030-01-01T00:00:00Z"}}
    with pytest.raises(Unavailable, match="in no way that a key/value engine does"):
        resolve("vault:secret/data/shop#db")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        pytest.param("", "VAULT_ADDR says in no environment of Headway's where Vault is", id="nobody said where"),
        pytest.param("http://vault.example:8200", "VAULT_ADDR is no https://…, and on the way anybody could read it", id="without TLS"),
        pytest.param("http://127.0.0.1:1", "did not answer: ConnectError", id="nobody there"),
    ],
)
@pytest.mark.usefixtures("kept", "token")
def test_where_vault_is_has_to_be_known_and_safe_to_ask(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", address)
    with pytest.raises(Unavailable, match=says):
        resolve("vault:secret/data/shop#db")


@pytest.mark.parametrize("reference", ["vault:secret/data/shop", "vault:#db", "vault:/secret#db", "vault:secret/../sys/raw#db"])
def test_what_names_no_key_is_told_so(reference: str) -> None:
    with pytest.raises(InvalidSpec, match="a secret in Vault is named as vault:PATH#KEY"):
        resolve(reference)
