"""Repositories that live elsewhere, behind a real git daemon's back: a bare repository that only git itself is asked about."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway.adapters.gitmirror import Mirror, is_url
from headway.adapters.gitplaces import GitPlaces, PlacedTags
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.releases.tagging import ReleaseTag

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class There:
    """The other side, and somebody's working copy of it."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.work = folder / "there.git", folder / "work"
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), at=folder)
        self._git("clone", "--quiet", str(self.bare), str(self.work), at=folder)
        self.url = f"file://{self.bare}"

    def commit(self, text: str, branch: str = "main") -> str:
        self._git("checkout", "--quiet", "-B", branch)
        (self.work / "file").write_text(text)
        self._git("add", "file")
        self._git("-c", "user.name=ada", "-c", "user.email=ada@example.org", "commit", "--quiet", f"--message={text}")
        self._git("push", "--quiet", "--force", "origin", branch)
        return self._git("rev-parse", "HEAD")

    def refs(self) -> dict[str, str]:
        told = self._git("for-each-ref", "--format=%(refname) %(*objectname)%(objectname)", at=self.bare)
        return {name: commit[:40] for name, commit in (line.split() for line in told.splitlines())}

    def _git(self, *words: str, at: Path | None = None) -> str:
        return subprocess.run(("git", *words), cwd=at or self.work, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def there(tmp_path: Path) -> There:
    return There(tmp_path)


@pytest.fixture
def places(tmp_path: Path) -> GitPlaces:
    return GitPlaces(tmp_path / "home")


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        pytest.param("https://git.example/shop.git", True, id="over https"),
        pytest.param("ssh://git@git.example:2222/shop.git", True, id="over ssh"),
        pytest.param("git@git.example:team/shop.git", True, id="as scp writes it"),
        pytest.param("/srv/git/shop.git", False, id="a folder"),
        pytest.param("shop", False, id="a folder beside us"),
        pytest.param("ext::sh -c id", False, id="a command is no URL"),
    ],
)
def test_what_is_elsewhere_is_known_by_its_name(name: str, elsewhere: bool) -> None:
    assert is_url(name) is elsewhere


def test_it_is_read_as_if_it_were_here(there: There, places: GitPlaces, tmp_path: Path) -> None:
    first = there.commit("one")
    repository = places.repository(there.url)
    assert repository.refs() == {"main": first}
    assert repository.read(first, "file") == "one"
    repository.export(first, tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "one"


def test_git_tidies_the_copy_up_before_it_returns(there: There, places: GitPlaces, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (key, value) in enumerate({"gc.auto": "1", "fetch.unpackLimit": "1000"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    for number in range(300):  # git guesses by one of 256 folders whether there are too many
        there.commit(f"{number}")
    places.repository(there.url).refs()
    (copy,) = (one.parent for one in (places.folder(there.url)).parent.glob("*/HEAD"))
    assert list(copy.glob("objects/pack/*.pack"))
    assert not list(copy.glob("gc.pid"))


def test_what_moved_there_is_here_after_a_fetch_and_what_went_is_gone(there: There, places: GitPlaces) -> None:
    there.commit("one")
    feature = there.commit("two", "feature/x")
    repository = places.repository(there.url)
    assert repository.refs()["feature/x"] == feature
    there._git("push", "--quiet", "origin", ":feature/x")
    second = there.commit("three")
    places.fetch(there.url)
    assert repository.refs() == {"main": second}


def test_a_commit_that_another_server_knows_already_is_fetched_when_it_is_asked_for(there: There, places: GitPlaces) -> None:
    there.commit("one")
    repository = places.repository(there.url)
    repository.refs()
    second = there.commit("two")  # pushed this moment, as by a CI that cuts a release of it next
    assert repository.resolve(second).subject == "two"
    with pytest.raises(Refused):
        repository.resolve("0" * 40)


def test_a_home_that_is_lost_is_no_loss(there: There, tmp_path: Path) -> None:
    first = there.commit("one")
    for home in ("one", "another"):
        assert GitPlaces(tmp_path / home).repository(there.url).resolve(first).subject == "one"


def test_the_other_side_away_is_said_and_the_copy_goes_on_being_read(there: There, places: GitPlaces, tmp_path: Path) -> None:
    first = there.commit("one")
    repository = places.repository(there.url)
    repository.refs()
    there.bare.rename(tmp_path / "moved")
    with pytest.raises(Unavailable, match=r"git fetch of file://.* failed"):
        places.fetch(there.url)
    places.fetch_all(iter([there.url]))
    assert repository.read(first, "file") == "one"


def test_what_headway_writes_is_published(there: There, places: GitPlaces) -> None:
    first = there.commit("one")
    places.branches(there.url).create("release/1", first)
    tags = PlacedTags(places, lambda service: there.url)
    assert tags.make("shop", ReleaseTag("v1.0.0", first, "what is in it"), "ada", NOW)
    assert tags.publishes("shop")
    assert there.refs() == {"refs/heads/main": first, "refs/heads/release/1": first, "refs/tags/v1.0.0": first}
    places.fetch(there.url)
    assert places.repository(there.url).refs() == {"main": first, "release/1": first, "refs/tags/v1.0.0": first}


def test_what_somebody_else_moved_meanwhile_is_never_overwritten(there: There, places: GitPlaces) -> None:
    first = there.commit("one")
    branches = places.branches(there.url)
    branches.create("release/1", first)
    second = there.commit("two", "fix")
    places.fetch(there.url)
    there._git("checkout", "--quiet", first)
    theirs = there.commit("theirs", "release/1")
    with pytest.raises(Unavailable, match="git push of"):
        branches.merge("release/1", second, "ada", "a fix")
    assert there.refs()["refs/heads/release/1"] == theirs
    assert places.repository(there.url).refs()["release/1"] == theirs


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="has a password in it") as refused:
        Mirror("https://ada:open-sesame@git.example/shop.git", tmp_path)
    assert "open-sesame" not in str(refused.value)
