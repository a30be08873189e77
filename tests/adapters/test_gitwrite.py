"""Tags in real repositories, and the fake held to the same."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway.adapters.gitwrite import GitTags
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.ports import Tags
from headway.releases.tagging import ReleaseTag
from headway.testing import FakeTags
from support.histories import Told, tell

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return tell(tmp_path / "r", "feat: a", "feat: b")


@pytest.fixture(params=["git", "fake"])
def tags(request: pytest.FixtureRequest, told: Told) -> Tags:
    return GitTags(lambda _: told.path) if request.param == "git" else FakeTags()


def wanted(told: Told, title: str = "feat: a", digest: str = A, *, signed: bool = False) -> ReleaseTag:
    return ReleaseTag("v1.0.0", told.ids[title], f"tally 1.0.0\n\nDigest: {digest}\nCut-by: ada\n", signed)


def test_a_tag_is_made_once(tags: Tags, told: Told) -> None:
    assert tags.look("tally", "v1.0.0") is None
    assert tags.make("tally", wanted(told), "ada", AT) is True
    assert tags.make("tally", wanted(told), "ada", AT) is False
    assert tags.look("tally", "v1.0.0") == wanted(told)


@pytest.mark.parametrize(
    ("title", "digest", "said"),
    [
        pytest.param("feat: b", A, "leads to", id="another commit"),
        pytest.param("feat: a", B, "names the artifact", id="another artifact"),
    ],
)
def test_another_tag_of_that_name_is_refused_and_stays(tags: Tags, told: Told, title: str, digest: str, said: str) -> None:
    tags.make("tally", wanted(told), "ada", AT)
    with pytest.raises(Refused) as refused:
        tags.make("tally", wanted(told, title, digest), "ada", AT)
    assert said in refused.value.objections[0]
    assert tags.look("tally", "v1.0.0") == wanted(told)


def test_an_unsigned_tag_does_not_pass_for_a_signed_one(tags: Tags, told: Told) -> None:
    tags.make("tally", wanted(told), "ada", AT)
    with pytest.raises(Refused, match="not signed"):
        tags.make("tally", wanted(told, signed=True), "ada", AT)


@pytest.mark.parametrize("how", [pytest.param((), id="lightweight"), pytest.param(("-a", "-m", "ours"), id="annotated")])
def test_a_tag_that_people_made_on_the_commit_will_do(told: Told, how: tuple[str, ...]) -> None:
    told.git("tag", *how, "v1.0.0", told.ids["feat: a"])
    before = told.git("rev-parse", "v1.0.0")
    assert GitTags(lambda _: told.path).make("tally", wanted(told), "ada", AT) is False
    assert told.git("rev-parse", "v1.0.0") == before


def test_it_is_annotated_by_whoever_git_knows_or_else_by_who_asked(told: Told, tmp_path: Path) -> None:
    tags = GitTags(lambda _: told.path)
    tags.make("tally", wanted(told), "ada", AT)
    assert told.git("cat-file", "-t", "v1.0.0") == "tag"
    assert "tagger ada <headway@localhost> 1772366400 +0000" in told.git("cat-file", "-p", "v1.0.0")
    (tmp_path / "gitconfig").write_text("[user]\n  name = Grace\n  email = grace@example.org\n[tag]\n  gpgSign = true\n")
    tags.make("tally", ReleaseTag("v2.0.0", told.ids["feat: b"], "two\n"), "ada", AT)
    assert "tagger Grace <grace@example.org>" in told.git("cat-file", "-p", "v2.0.0")


def test_a_name_below_another_is_another(told: Told) -> None:
    told.git("tag", "v1/2")
    assert GitTags(lambda _: told.path).look("tally", "v1") is None


def test_neither_index_nor_branch_is_touched_and_no_hook_runs(told: Told, tmp_path: Path) -> None:
    (told.path / "half").write_text("half done")
    told.git("add", "half")
    hook = told.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    before = (told.git("status", "--porcelain"), told.git("for-each-ref", "refs/heads"), (told.path / ".git/index").read_bytes())
    GitTags(lambda _: told.path).make("tally", wanted(told), "ada", AT)
    assert (told.git("status", "--porcelain"), told.git("for-each-ref", "refs/heads"), (told.path / ".git/index").read_bytes()) == before
    told.git("tag", "control")
    assert (tmp_path / "ran").exists(), "the hook would have run"


def test_the_hook_was_kept_out(told: Told, tmp_path: Path) -> None:
    hook = told.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    GitTags(lambda _: told.path).make("tally", wanted(told), "ada", AT)
    assert not (tmp_path / "ran").exists()


def test_it_is_signed_with_the_key_that_git_is_configured_with(told: Told, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", key], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"ada@example.org {(tmp_path / 'key.pub').read_text()}")
    (tmp_path / "gitconfig").write_text(
        f"[user]\n  name = Ada\n  email = ada@example.org\n  signingkey = {key}\n"
        f'[gpg]\n  format = ssh\n[gpg "ssh"]\n  allowedSignersFile = {allowed}\n'
    )
    tags = GitTags(lambda _: told.path)
    assert tags.make("tally", wanted(told, signed=True), "ada", AT) is True
    assert tags.make("tally", wanted(told, signed=True), "ada", AT) is False
    found = tags.look("tally", "v1.0.0")
    assert found is not None
    assert found.signed
    ran = subprocess.run(
        ["git", "-C", told.path, "verify-tag", "v1.0.0"], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_without_a_key_it_is_refused_and_nothing_is_left(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(Refused, match="could not sign") as refused:
        GitTags(lambda _: told.path).make("tally", wanted(told, signed=True), "ada", AT)
    assert "user.signingkey" in refused.value.objections[-1]
    assert told.git("tag") == ""


def test_what_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="not a git repository"):
        GitTags(lambda _: tmp_path).look("tally", "v1.0.0")


def test_a_name_that_git_does_not_take_is_trouble_and_no_tag(told: Told) -> None:
    with pytest.raises(Unavailable, match=r"could not make the tag"):
        GitTags(lambda _: told.path).make("tally", ReleaseTag("v1..0", told.ids["feat: a"], "x\n"), "ada", AT)
