"""The hook notes who pushed, and is never in a push's way. Real repositories, real pushes."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from headway.adapters import githook
from headway.adapters.pushes import LOG, NotedPushes
from headway.errors import Refused
from headway.web.app import app

NOBODY_LISTENS = Path("/nonexistent/headway.sock")


@dataclass
class Pushed:
    """A bare repository, and somebody's clone of it."""

    bare: Path
    clone: Path

    def push(self, ref: str = "feature/x", **environment: str) -> str:
        """A commit, pushed; how git ended is asserted, what it said is returned."""
        self.git("commit", "--quiet", "--allow-empty", "--message", "work")
        done = subprocess.run(
            ("git", "-C", str(self.clone), "push", "--quiet", "origin", f"HEAD:refs/heads/{ref}"),
            env=env(**environment), capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert git(self.bare, "rev-parse", f"refs/heads/{ref}") == self.head
        return done.stderr

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        return git(self.clone, *words)

    def who(self, ref: str = "feature/x") -> tuple[str, str] | None:
        found = NotedPushes(lambda _: self.bare).pushed("tally", ref, self.head)
        return (found.by, found.identity) if found else None


def env(**more: str) -> dict[str, str]:
    person = {f"GIT_{role}_{what}": "mallory" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name not in githook.WHO}
    return {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **person, **more}


def git(where: Path, *words: str) -> str:
    return subprocess.run(
        ("git", "-C", str(where), *words), env=env(), capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()  # fmt: skip


@pytest.fixture
def repo(tmp_path: Path) -> Pushed:
    made = Pushed(tmp_path / "tally.git", tmp_path / "clone")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(made.bare))
    git(tmp_path, "clone", "--quiet", str(made.bare), str(made.clone))
    return made


@pytest.mark.parametrize(
    ("says", "who"),
    [
        pytest.param({"GL_USERNAME": "ada"}, ("ada", "GL_USERNAME, says the repository's server"), id="GitLab"),
        pytest.param({"GL_USER": "ada"}, ("ada", "GL_USER, says the repository's server"), id="gitolite"),
        pytest.param({"REMOTE_USER": "ada@example.org"}, ("ada@example.org", "REMOTE_USER, says the repository's server"), id="over HTTP"),
        pytest.param(
            {"HEADWAY_PUSHER": "ada", "REMOTE_USER": "proxy"}, ("ada", "HEADWAY_PUSHER, says the repository's server"), id="ours first"
        ),
        pytest.param({"GL_USER": "a\tb\nc"}, ("a b c", "GL_USER, says the repository's server"), id="a name that would break the line"),
        pytest.param({"GL_USER": "$(touch pwned)`id`"}, ("$(touch pwned)`id`", "GL_USER, says the repository's server"), id="a nasty name"),
    ],
)
def test_who_pushed_is_what_the_server_says_not_what_the_commit_claims(repo: Pushed, says: dict[str, str], who: tuple[str, str]) -> None:
    githook.install(repo.bare, NOBODY_LISTENS)
    assert repo.push(**says) == ""
    assert repo.who() == who
    assert not list(repo.bare.rglob("pwned"))


def account_is(folder: Path, name: str) -> dict[str, str]:
    """A PATH on which `id` says this."""
    folder.mkdir()
    (folder / "id").write_text(f"#!/bin/sh\necho {name}\n")
    (folder / "id").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_without_a_word_of_the_server_it_is_the_account_unless_many_share_it(repo: Pushed, tmp_path: Path) -> None:
    githook.install(repo.bare, NOBODY_LISTENS)
    repo.push(**account_is(tmp_path / "one", "ada"))
    assert repo.who() == ("ada", "the account that pushed")
    repo.push(**account_is(tmp_path / "two", "git"))
    assert repo.who() is None


def test_the_newest_note_of_the_same_ref_and_commit_counts(repo: Pushed) -> None:
    githook.install(repo.bare, NOBODY_LISTENS)
    repo.push(GL_USER="ada")
    assert repo.who("feature/y") is None
    repo.git("push", "--quiet", "origin", "HEAD:refs/heads/feature/y")
    subprocess.run(
        ("git", "-C", str(repo.clone), "push", "--quiet", "origin", ":refs/heads/feature/x"), env=env(GL_USER="eve"), check=True, timeout=30
    )
    subprocess.run(
        ("git", "-C", str(repo.clone), "push", "--quiet", "origin", "HEAD:refs/heads/feature/x"),
        env=env(GL_USER="bob"), check=True, timeout=30,
    )  # fmt: skip
    assert repo.who() == ("bob", "GL_USER, says the repository's server")


def own_hook(repo: Pushed, status: int = 0) -> Path:
    hook = repo.bare / "hooks" / "post-receive"
    hook.write_text(f'#!/bin/sh\ncat >"$GIT_DIR/seen"\necho "own hook speaks"\nexit {status}\n')
    hook.chmod(0o755)
    return hook


def test_a_hook_that_was_there_runs_as_before(repo: Pushed) -> None:
    before = own_hook(repo).read_text()
    done = githook.install(repo.bare, NOBODY_LISTENS)
    assert (done.changed, done.before) == (True, repo.bare / "hooks" / "post-receive.before-headway")
    assert "own hook speaks" in repo.push(GL_USER="ada")
    assert f"{repo.head} refs/heads/feature/x" in (repo.bare / "seen").read_text()
    assert repo.who() == ("ada", "GL_USER, says the repository's server")
    assert githook.remove(repo.bare).changed
    assert (repo.bare / "hooks" / "post-receive").read_text() == before
    assert not (repo.bare / LOG).exists()
    assert "own hook speaks" in repo.push()


def test_installing_twice_is_as_good_as_once_and_removing_too(repo: Pushed) -> None:
    own_hook(repo)
    githook.install(repo.bare, NOBODY_LISTENS)
    assert not githook.install(repo.bare, NOBODY_LISTENS).changed
    assert githook.install(repo.bare, Path("/elsewhere/socket")).changed, "another home is another hook"
    repo.push(GL_USER="ada")
    assert (repo.bare / LOG).read_text().count("refs/heads/feature/x") == 1, "it does not run itself"
    assert githook.remove(repo.bare).changed
    assert not githook.remove(repo.bare).changed
    assert "own hook speaks" in repo.push()


def test_a_hook_that_replaced_ours_is_not_swallowed(repo: Pushed) -> None:
    own_hook(repo)
    githook.install(repo.bare, NOBODY_LISTENS)
    mine = own_hook(repo)
    with pytest.raises(Refused, match="is there already"):
        githook.install(repo.bare, NOBODY_LISTENS)
    assert "own hook speaks" in mine.read_text()


def test_a_push_goes_through_whatever_is_wrong(repo: Pushed) -> None:
    githook.install(repo.bare, NOBODY_LISTENS)
    (repo.bare / LOG).unlink()
    (repo.bare / LOG).mkdir()  # no line can be written
    assert repo.push(GL_USER="ada") == ""
    assert repo.who() is None


def test_a_push_has_the_server_look_at_once_by_the_verb_that_it_has(repo: Pushed) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hw-"))  # short: a socket's path has a hundred characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "headway.sock"))
        server.listen()
        server.settimeout(20)
        githook.install(repo.bare, folder / "headway.sock")
        repo.push(GL_USER="ada")
        with server.accept()[0] as heard:
            head, _, body = heard.recv(4096).partition(b"\r\n\r\n")
            heard.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    shutil.rmtree(folder)
    line, *headers = head.decode().split("\r\n")
    assert (line, json.loads(body)) == ("POST /api/v1/poke HTTP/1.1", {})
    assert "Content-Length: 2" in headers
    assert [route.path for route in app(None, {"poke": lambda: {}}).routes if route.path.startswith("/api/v1/p")] == [line.split()[1]]  # type: ignore[attr-defined]


def test_where_the_server_runs_a_folder_of_hooks_ours_is_one_of_them(repo: Pushed) -> None:
    (repo.bare / "hooks" / "post-receive.d").mkdir()
    servers = own_hook(repo).read_text()
    done = githook.install(repo.bare, NOBODY_LISTENS)
    assert done.path == repo.bare / "hooks" / "post-receive.d" / "headway"
    assert (repo.bare / "hooks" / "post-receive").read_text() == servers
    assert githook.remove(repo.bare).changed
    assert not done.path.exists()


def test_hooks_that_others_share_are_left_alone(repo: Pushed, tmp_path: Path) -> None:
    git(repo.bare, "config", "core.hooksPath", str(tmp_path / "shared"))
    with pytest.raises(Refused, match=r"core\.hooksPath"):
        githook.install(repo.bare, NOBODY_LISTENS)
    assert not (tmp_path / "shared").exists()


def test_it_is_plain_shell() -> None:
    checker = shutil.which("dash") or "sh"
    text = githook.script(Path("/a path/with 'quotes'/socket"), Path("/another path/post-receive.before-headway"))
    assert subprocess.run((checker, "-n"), input=text, text=True, check=False, timeout=10).returncode == 0
