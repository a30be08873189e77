"""Git is read as it is: real repositories, real git."""

import logging
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway.adapters.git import GitRepository
from headway.adapters.messages import fixes, reverts, trailers
from headway.errors import InvalidSpec, Refused, Unavailable

WHEN = "2026-03-01T12:00:00+00:00"


class Scratch:
    """A repository that tests write to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: str = WHEN) -> str:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **{"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at},
            **{"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"},
            **{"GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "bob@example.org"},
        }
        command = ["git", "-C", self.path, "-c", "protocol.file.allow=always", *arguments]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def commit(self, message: str, files: Mapping[str, str] | None = None, at: str = WHEN) -> str:
        for name, content in (files or {}).items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message, at=at)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "repository")


@pytest.fixture
def repository(scratch: Scratch) -> GitRepository:
    return GitRepository(scratch.path)


class TestRefs:
    def test_branches_go_by_their_names_and_tags_lead_to_commits(self, scratch: Scratch, repository: GitRepository) -> None:
        first = scratch.commit("one")
        scratch.git("tag", "light")
        scratch.git("tag", "-a", "v1", "-m", "one")
        scratch.git("tag", "-a", "twice", "-m", "a tag of a tag", "v1")
        scratch.git("tag", "a-tree", "HEAD^{tree}")
        scratch.git("branch", "feature/x")
        second = scratch.commit("two")
        assert repository.refs() == {
            "main": second,
            "feature/x": first,
            "refs/tags/light": first,
            "refs/tags/v1": first,
            "refs/tags/twice": first,
        }

    def test_a_bare_repository_is_read_the_same(self, scratch: Scratch, tmp_path: Path) -> None:
        commit = scratch.commit("one", {"a": "text"})
        scratch.git("clone", "-q", "--bare", str(scratch.path), str(tmp_path / "bare.git"))
        bare = GitRepository(tmp_path / "bare.git")
        assert bare.refs() == {"main": commit}
        assert bare.read(commit, "a") == "text"
        bare.export("main", tmp_path / "out")
        assert (tmp_path / "out" / "a").read_text() == "text"

    def test_without_commits_there_are_none(self, repository: GitRepository) -> None:
        assert repository.refs() == {}


class TestResolving:
    def test_a_commit_is_who_when_and_what(self, scratch: Scratch, repository: GitRepository) -> None:
        commit = scratch.commit("Count faster\n\nBecause it was slow.\n\nFixes: tally@1.2.3\nReviewed-by: Carol")
        found = repository.resolve("main")
        assert (found.id, found.author, found.subject) == (commit, "Ada <ada@example.org>", "Count faster")
        assert found.committed == datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert found.fixes == ("tally@1.2.3",)
        assert found.trailers == {"fixes": "tally@1.2.3", "reviewed-by": "Carol"}

    @pytest.mark.parametrize("revision", ["main", "v1", "refs/tags/v1", "refs/heads/main", "HEAD", "main~0"])
    def test_every_usual_way_to_name_it_works(self, scratch: Scratch, repository: GitRepository, revision: str) -> None:
        commit = scratch.commit("one")
        scratch.git("tag", "-a", "v1", "-m", "one")
        assert repository.resolve(revision).id == commit
        assert repository.resolve(commit).id == repository.resolve(commit[:10]).id == commit

    def test_a_branch_wins_over_a_tag_of_its_name(self, scratch: Scratch, repository: GitRepository) -> None:
        scratch.commit("one")
        scratch.git("tag", "main")
        second = scratch.commit("two")
        assert repository.resolve("main").id == second

    @pytest.mark.parametrize("message", ["", "one line", "umlaut ü and 漢字\n\nbody\n\n\nmore"])
    def test_any_message_is_read(self, scratch: Scratch, repository: GitRepository, message: str) -> None:
        scratch.commit(message)
        assert repository.resolve("main").subject == message.partition("\n")[0]

    def test_what_is_not_there_is_refused_with_the_nearest_names(self, scratch: Scratch, repository: GitRepository) -> None:
        scratch.commit("one")
        scratch.git("branch", "feature/search")
        scratch.git("tag", "v1.0.0")
        with pytest.raises(Refused, match="did you mean feature/search"):
            repository.resolve("feature/serch")
        with pytest.raises(Refused, match=r"did you mean v1\.0\.0"):
            repository.resolve("v1.0.1")
        with pytest.raises(Refused, match="there are: feature/search, main"):
            repository.resolve("zzz")

    @pytest.mark.parametrize("revision", ["", "--all", "-1", "main..main", "a b", "x\0y", "0" * 40, "dead" * 10, ":/", "HEAD^{tree}", "\n"])
    def test_nonsense_is_refused_and_never_an_option(self, scratch: Scratch, repository: GitRepository, revision: str) -> None:
        scratch.commit("one")
        with pytest.raises(Refused):
            repository.resolve(revision)
        with pytest.raises(Refused):
            repository.between(None, revision)
        with pytest.raises(Refused):
            repository.contains("main", revision)

    def test_a_repository_without_commits_says_the_way_out(self, repository: GitRepository) -> None:
        with pytest.raises(Refused, match=r"no commits yet(.|\n)*git commit"):
            repository.resolve("main")

    @pytest.mark.parametrize("name", ["nothing", "plain"])
    def test_what_is_no_repository_is_said_so(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "plain").mkdir()
        for ask in (GitRepository(tmp_path / name).refs, lambda: GitRepository(tmp_path / name).resolve("main")):
            with pytest.raises(InvalidSpec, match="not a git repository"):
                ask()

    def test_a_missing_git_is_said_so(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="no-such-git is not installed"):
            GitRepository(tmp_path, git="no-such-git").refs()

    def test_a_git_that_hangs_is_given_up(self, tmp_path: Path) -> None:
        slow = tmp_path / "git"
        slow.write_text("#!/bin/sh\nexec sleep 60\n")
        slow.chmod(0o755)
        with pytest.raises(Unavailable, match=r"within 0.2 s"):
            GitRepository(tmp_path, git=str(slow), timeout=0.2).refs()


class TestHistory:
    def test_between_is_oldest_first_and_knows_merges(self, scratch: Scratch, repository: GitRepository) -> None:
        first = scratch.commit("one")
        scratch.git("checkout", "-q", "-b", "feature/x")
        side = scratch.commit("side", at="2026-03-01T09:00:00+00:00")  # a clock that is behind changes nothing
        scratch.git("checkout", "-q", "main")
        second = scratch.commit("two")
        scratch.git("merge", "-q", "--no-ff", "-m", "merge", "feature/x")
        found = [commit.id for commit in repository.between(first, "main")]
        assert set(found[:2]) == {side, second}
        assert [commit.subject for commit in repository.between(first, "main")][2:] == ["merge"]
        assert repository.between(None, "main")[0].id == first
        assert repository.between("main", "main") == ()
        assert repository.between("main", first) == ()

    def test_contains_is_about_ancestors(self, scratch: Scratch, repository: GitRepository) -> None:
        first = scratch.commit("one")
        second = scratch.commit("two")
        assert repository.contains(second, first)
        assert repository.contains(first, first)
        assert not repository.contains(first, second)

    def test_reverts_are_seen(self, scratch: Scratch, repository: GitRepository) -> None:
        bad = scratch.commit("bad", {"a": "x"})
        scratch.git("revert", "--no-edit", bad)
        assert repository.resolve("main").reverts == (bad,)

    def test_a_shallow_clone_never_answers_from_half_a_history(self, scratch: Scratch, tmp_path: Path) -> None:
        first = scratch.commit("one")
        second, third = scratch.commit("two"), scratch.commit("three")
        scratch.git("clone", "-q", "--depth", "2", f"file://{scratch.path}", str(tmp_path / "shallow"))
        shallow = GitRepository(tmp_path / "shallow")
        assert shallow.shallow
        assert not GitRepository(scratch.path).shallow
        assert [commit.id for commit in shallow.between(second, "main")] == [third]
        with pytest.raises(Unavailable, match="unshallow"):
            shallow.between(None, "main")
        with pytest.raises(Refused, match="unshallow"):
            shallow.contains(third, first)
        with pytest.raises(Unavailable, match="unshallow"):
            shallow.contains(second, third)
        assert shallow.contains(third, second)

    def test_a_hook_s_environment_does_not_lead_astray(
        self, scratch: Scratch, repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit = scratch.commit("one")
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        assert repository.refs() == {"main": commit}

    def test_a_repository_s_own_configuration_runs_nothing(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        scratch.commit("one", {"a": "text", ".gitattributes": "* filter=evil diff=evil\n"})
        touch = f"touch {tmp_path / 'ran'}"
        for name in ("core.fsmonitor", "core.pager", "gpg.program", "filter.evil.smudge", "diff.evil.textconv"):
            scratch.git("config", name, touch)
        scratch.git("config", "log.showSignature", "true")
        repository.resolve("main")
        repository.between(None, "main")
        repository.read("main", "a")
        repository.export("main", tmp_path / "out")
        assert not (tmp_path / "ran").exists()


class TestReading:
    def test_a_file_s_text_at_a_commit(self, scratch: Scratch, repository: GitRepository) -> None:
        first = scratch.commit("one", {"headway.yaml": "headway: 1\n", "sub/dir name/ü.txt": "deep"})
        scratch.commit("two", {"headway.yaml": "headway: 2\n"})
        assert repository.read(first, "headway.yaml") == "headway: 1\n"
        assert repository.read("main", "headway.yaml") == "headway: 2\n"
        assert repository.read("main", "sub/dir name/ü.txt") == "deep"

    @pytest.mark.parametrize("path", ["nothing", "sub", "", "/etc/passwd", "../x", "a\nb", "out"])
    def test_what_is_no_file_there_is_none(self, scratch: Scratch, repository: GitRepository, path: str) -> None:
        (scratch.path / "out").symlink_to("/etc/passwd")
        scratch.commit("one", {"sub/a": "x"})
        assert repository.read("main", path) is None

    def test_a_link_inside_is_followed(self, scratch: Scratch, repository: GitRepository) -> None:
        (scratch.path / "link").symlink_to("a")
        scratch.commit("one", {"a": "text"})
        assert repository.read("main", "link") == "text"

    def test_what_is_no_text_is_said_so(self, scratch: Scratch, repository: GitRepository) -> None:
        (scratch.path / "a").write_bytes(b"\xff\xfe")
        scratch.commit("one")
        with pytest.raises(InvalidSpec, match="not UTF-8"):
            repository.read("main", "a")

    def test_an_unknown_commit_is_no_missing_file(self, scratch: Scratch, repository: GitRepository) -> None:
        scratch.commit("one")
        with pytest.raises(Refused):
            repository.read("0" * 40, "a")


class TestExporting:
    def test_what_is_committed_and_nothing_else(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        (scratch.path / "run").write_text("#!/bin/sh\n")
        (scratch.path / "run").chmod(0o755)
        (scratch.path / "link").symlink_to("run")
        (scratch.path / "away").symlink_to("/etc")
        scratch.commit("one", {"a b/ü.txt": "deep", "crlf": "one\r\ntwo\r\n", "empty": ""})
        (scratch.path / "untracked").write_text("no")
        (scratch.path / "run").write_text("changed, not committed")
        repository.export("main", tmp_path / "out")
        out = tmp_path / "out"
        assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["a b", "a b/ü.txt", "away", "crlf", "empty", "link", "run"]
        assert (out / "run").read_text() == "#!/bin/sh\n"
        assert os.access(out / "run", os.X_OK)
        assert not (out / "crlf").stat().st_mode & 0o111
        assert (out / "crlf").read_bytes() == b"one\r\ntwo\r\n"
        assert (out / "link").readlink() == Path("run")
        assert (out / "run").stat().st_mtime == datetime.fromisoformat(WHEN).timestamp()

    def test_attributes_change_nothing(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        attributes = "secret export-ignore\nversion export-subst\n*.txt text eol=crlf\nid ident\n"
        scratch.commit("one", {".gitattributes": attributes, "secret": "s", "version": "$Format:%H$", "a.txt": "a\nb\n", "id": "$Id$"})
        repository.export("main", tmp_path / "out")
        assert (tmp_path / "out" / "secret").read_text() == "s"
        assert (tmp_path / "out" / "version").read_text() == "$Format:%H$"
        assert (tmp_path / "out" / "a.txt").read_bytes() == b"a\nb\n"
        assert (tmp_path / "out" / "id").read_text() == "$Id$"

    def test_submodules_are_refused_with_the_way_out(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        other = Scratch(tmp_path / "other")
        other.commit("one")
        scratch.git("submodule", "--quiet", "add", str(other.path), "libs/other")
        scratch.commit("with a submodule")
        with pytest.raises(Refused, match=r"libs/other is a submodule(.|\n)*--artifact"):
            repository.export("main", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_lfs_pointers_are_mentioned(
        self, scratch: Scratch, repository: GitRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        scratch.commit("one", {"model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"})
        with caplog.at_level(logging.WARNING):
            repository.export("main", tmp_path / "out")
        assert "model.bin are Git LFS pointers" in caplog.text

    def test_a_folder_that_is_not_empty_is_refused_and_untouched(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        scratch.commit("one", {"a": "x"})
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").write_text("mine")
        with pytest.raises(Refused, match="not an empty folder"):
            repository.export("main", tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]

    def test_names_that_climb_out_are_not_written(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        scratch.commit("one", {"a": "x"})
        blob = scratch.git("rev-parse", "HEAD:a")
        raw = b"100644 ..\0" + bytes.fromhex(blob)
        command = ["git", "-C", scratch.path, "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
        ran = subprocess.run(command, input=raw, capture_output=True, check=True)
        hostile = scratch.git("commit-tree", "-m", "hostile", ran.stdout.decode().strip())
        with pytest.raises(Refused, match="must not be written"):
            repository.export(hostile, tmp_path / "out")

    def test_a_missing_object_leaves_nothing_half_written(self, scratch: Scratch, repository: GitRepository, tmp_path: Path) -> None:
        scratch.commit("one", {"a": "first", "sub/z": "last"})
        blob = scratch.git("rev-parse", "HEAD:sub/z")
        (scratch.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(Unavailable, match="is missing"):
            repository.export("main", tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("message", "named"),
    [
        pytest.param("s\n\nThis reverts commit 1234567.", ("1234567",), id="one"),
        pytest.param("s\n\nThis reverts commit 1234567, reversing\nchanges made to 89abcde.", ("1234567",), id="a merge"),
        pytest.param("s\n\nThis reverts commit 1234567 (the title, 2026-01-01).", ("1234567",), id="by reference"),
        pytest.param("s\n\nThis reverts commit 1234567.\nThis reverts commit 89abcde.", ("1234567", "89abcde"), id="two"),
        pytest.param("s\n\nUnlike that, This reverts commit 1234567.", (), id="prose"),
        pytest.param("s\n\nThis reverts commit it all.", (), id="no id"),
    ],
)
def test_what_a_message_reverts(message: str, named: tuple[str, ...]) -> None:
    assert reverts(message) == named


@pytest.mark.parametrize(
    ("message", "found"),
    [
        pytest.param("Fixes: abc1234", {}, id="a title is no trailer"),
        pytest.param("s\n\nFixes: abc1234\n\nmore words", {}, id="only the last paragraph"),
        pytest.param("s\n\nFIXES: abc1234\nrelease-as: 2.0.0", {"fixes": "abc1234", "release-as": "2.0.0"}, id="in any case"),
        pytest.param("s\r\n\r\nFixes: abc1234\r\nRefs #12\r\n", {"fixes": "abc1234"}, id="among others, with CRLF"),
        pytest.param("s\n\nNote: one\n  and more\nFixes: abc1234", {"note": "one and more", "fixes": "abc1234"}, id="over two lines"),
        pytest.param("s\n\nFixes: a\nFixes: b", {"fixes": "a\nb"}, id="twice"),
        pytest.param("s\n\nFixes:abc1234", {}, id="without a blank"),
    ],
)
def test_the_trailers_of_a_message(message: str, found: Mapping[str, str]) -> None:
    assert trailers(message) == found


@pytest.mark.parametrize(
    ("value", "named"),
    [
        pytest.param('abc1234 ("the title 1234567")', ("abc1234",), id="as the kernel writes it"),
        pytest.param("1.4.0, tally@1.4.1-rc.1 v2.0.0+b", ("1.4.0", "tally@1.4.1-rc.1", "v2.0.0+b"), id="releases"),
        pytest.param("#12, GH-7", (), id="issues are neither"),
        pytest.param("abc1234\ndef5678", ("abc1234", "def5678"), id="two lines"),
    ],
)
def test_what_a_fix_names(value: str, named: tuple[str, ...]) -> None:
    assert fixes({"fixes": value}) == named
