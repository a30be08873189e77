"""A cut that ends half way, wherever that is, is finished by the same command."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from headway.adapters.git import GitRepository
from headway.adapters.gitwrite import GitTags
from headway.adapters.store import FileStore
from headway.engine.cutting import Cut, Tagging, cut, tagged
from headway.errors import Refused
from headway.ports import Built, Commit, World
from headway.promotion.model import Trigger
from headway.releases.model import Recipe
from headway.releases.policy import Policy
from headway.testing import sample_release
from headway.testing.world import FakeWorld, sample_stage
from support.histories import Told, on, tag, tell


class Killed(BaseException):
    """The process is gone: nothing catches this."""


STEPS = ("build", "store", "record", "tag")


class Workshop:
    """Real git and a real store in a world of fakes; killed once, right after the step that is named."""

    def __init__(self, told: Told, folder: Path, after: str = "") -> None:
        self.told = told
        self.fake = FakeWorld()
        self.fake.pipelines.declared.append(sample_stage("staging", trigger=Trigger(merge="main")))
        self.after = after
        self.builds = 0
        self.scratch = folder / "scratch"
        self.store = FileStore(folder / "artifacts")
        self.git = GitRepository(told.path)
        self.tags = GitTags(lambda _: told.path)
        self.world: World = replace(
            self.fake.world,
            repositories={"tally": self.git},
            builder=self,
            releases=_After(self.fake.world.releases, "add", lambda: self.at("record")),  # type: ignore[arg-type]
            tags=_After(self.tags, "make", lambda: self.at("tag")),  # type: ignore[arg-type]
            store=self.store,
        )

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        self.builds += 1
        out = self.scratch / str(self.builds)
        self.git.export(commit.id, out)
        (out / "built").write_text(commit.id)
        self.at("build")
        artifact = self.store.put(out)
        self.at("store")
        return Built(artifact, ("built",))

    def at(self, step: str) -> None:
        if self.after == step:
            self.after = ""
            raise Killed

    def cut(self, revision: str = "main", **more: str) -> Cut:
        return cut(self.world, "tally", revision, "ada", tagging=Tagging(), **more)  # type: ignore[arg-type]

    def events(self, name: str) -> list[str]:
        return [one.event.what for one in self.world.records.events(f"release:{name}")]


class _After:
    """The same port, and a call after one method of it."""

    def __init__(self, port: object, method: str, call: Callable[[], None]) -> None:
        self._port, self._method, self._call = port, method, call

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if name != self._method:
            return found

        def then(*args: object, **named: object) -> object:
            answer = found(*args, **named)
            self._call()
            return answer

        return then


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return tell(tmp_path / "r", "feat: base", tag("v1.3.0"), lambda told: told.commit("feat: more", file="more"))


@pytest.mark.parametrize("after", STEPS)
@pytest.mark.parametrize("named", [pytest.param({}, id="the next version"), pytest.param({"version": "1.4.0"}, id="a named version")])
def test_the_same_command_goes_on_after_a_kill(told: Told, tmp_path: Path, after: str, named: dict[str, str]) -> None:
    shop = Workshop(told, tmp_path, after)
    with pytest.raises(Killed):
        shop.cut(**named)
    made = shop.cut(**named)
    assert (made.release.version, made.tag) == ("1.4.0", "v1.4.0")
    assert told.git("rev-parse", "v1.4.0^{commit}") == made.release.commit == told.head()
    assert [one.name for one in shop.world.releases.all("tally")] == ["tally@1.4.0"]
    assert shop.events("tally@1.4.0") == ["cut"]
    assert (shop.store.path(made.release.digest) / "built").read_text() == told.head()
    assert f"Digest: {made.release.digest}" in told.git("cat-file", "-p", "v1.4.0")


@pytest.mark.parametrize("after", STEPS)
def test_what_is_there_is_not_built_again(told: Told, tmp_path: Path, after: str) -> None:
    shop = Workshop(told, tmp_path, after)
    with pytest.raises(Killed):
        shop.cut()
    shop.cut()
    assert shop.builds == (2 if after in {"build", "store"} else 1)


@pytest.mark.parametrize(
    ("elsewhere", "says"),
    [
        pytest.param(set(), "made the tag v1.0.0; to publish it: git push origin v1.0.0", id="a repository of somebody's own"),
        pytest.param({"tally"}, "made the tag v1.0.0 and pushed it", id="one that lives elsewhere"),
    ],
)
def test_whether_anybody_has_to_push_the_tag_is_told_as_it_is(elsewhere: set[str], says: str) -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging")]
    fake.tags.elsewhere = elsewhere
    assert tagged(fake.world, Cut(sample_release("1.0.0"), (), new=True), "ada", Tagging()).evidence == (says,)


def test_a_third_time_changes_nothing(told: Told, tmp_path: Path) -> None:
    shop = Workshop(told, tmp_path)
    first = shop.cut()
    object_ = told.git("rev-parse", "v1.4.0")
    again = shop.cut()
    assert (again.release, again.new, told.git("rev-parse", "v1.4.0")) == (first.release, False, object_)


def test_a_tag_without_a_record_is_the_version_and_not_nothing_to_release(told: Told, tmp_path: Path) -> None:
    told.git("tag", "-a", "-m", "by hand", "v1.4.0")
    made = Workshop(told, tmp_path).cut()
    assert (made.release.version, made.tag, made.new) == ("1.4.0", "v1.4.0", True)


def test_a_commit_that_a_push_released_keeps_its_version_under_another_name(told: Told, tmp_path: Path) -> None:
    shop = Workshop(told, tmp_path)
    cut(shop.world, "tally", told.head(), "git", ref="main")
    made = shop.cut("HEAD")
    assert (made.release.version, made.tag, shop.builds) == ("1.4.0", "v1.4.0", 1)


def test_a_tag_on_another_commit_is_found_before_anything_is_built(told: Told, tmp_path: Path) -> None:
    told.git("tag", "v1.9.0")
    told.commit("fix: later")
    shop = Workshop(told, tmp_path)
    with pytest.raises(Refused) as refused:
        shop.cut(version="1.9.0")
    assert "v1.9.0 leads to" in refused.value.objections[0]
    assert shop.builds == 0
    assert shop.world.releases.all() == ()


def test_what_a_branch_calls_its_builds_is_never_a_tag(told: Told, tmp_path: Path) -> None:
    on("feature/x")(told)  # type: ignore[operator]
    told.commit("feat: x")
    shop = Workshop(told, tmp_path)
    with pytest.raises(Refused, match="gets no tag"):
        shop.cut("feature/x")
    assert shop.builds == 0


def test_a_service_in_a_folder_has_its_own_versions_and_its_own_tags(told: Told, tmp_path: Path) -> None:
    told.git("tag", "services/api/v2.0.0")
    told.commit("fix: api", file="services/api/x")
    told.commit("feat: elsewhere", file="services/web/x")
    shop = Workshop(told, tmp_path)
    shop.fake.pipelines.policy = Policy(folders={"tally": "services/api"})
    made = shop.cut()
    assert (made.release.version, made.tag) == ("2.0.1", "services/api/v2.0.1")


def test_nothing_is_tagged_unless_somebody_asks(told: Told, tmp_path: Path) -> None:
    shop = Workshop(told, tmp_path)
    made = cut(shop.world, "tally", "main", "ada")
    assert (made.tag, told.git("tag")) == (None, "v1.3.0")
