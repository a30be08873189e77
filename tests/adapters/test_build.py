"""An artifact comes from a clean export of a commit, after its checks passed, and from nothing else."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway.adapters.build import Builder, Evidence
from headway.adapters.folders import remove
from headway.adapters.local import processes
from headway.adapters.sources import Sources
from headway.adapters.store import FileStore
from headway.errors import Failed, InvalidSpec, Refused, Unavailable
from headway.ports import Commit
from headway.releases.model import BuildSpec, CheckSpec
from headway.releases.stamping import Stamp

COMMIT = Commit("c" * 40, "Ada", datetime(2026, 3, 1, 12, tzinfo=UTC), "Count faster")
MAKE = "import os; os.mkdir('dist'); open('dist/app.txt', 'w').write(open('app.txt').read())"


class Exports:
    """A repository that holds one commit; export is all that is asked of it."""

    def export(self, commit: str, into: Path) -> None:
        (into / "app.txt").write_text("the app\n")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    remove(tmp_path / "store")


@pytest.fixture
def store(home: Path) -> FileStore:
    return FileStore(home / "store")


@pytest.fixture
def builder(home: Path, store: FileStore) -> Builder:
    return Builder(home, store, Sources(home / "sources", {"tally": Exports()}))  # type: ignore[dict-item]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def checks(**codes: str) -> Mapping[str, CheckSpec]:
    return {name: CheckSpec(name, python(code)) for name, code in codes.items()}


def test_what_the_build_made_is_stored(builder: Builder, store: FileStore) -> None:
    heard: list[Evidence] = []
    spec = BuildSpec(python(MAKE), "dist", ("lint", "unit"))
    built = builder.build("tally", COMMIT, spec, checks(unit="print('2 good')", lint=""), heard.append)
    assert (store.path(built.artifact.digest) / "app.txt").read_text() == "the app\n"
    assert [(evidence.name, evidence.passed) for evidence in built.evidence] == [("lint", True), ("unit", True), ("build", True)]
    assert built.evidence[1].text.startswith("unit passed in ")
    assert Path(built.evidence[1].log).read_text() == "2 good\n"
    assert tuple(heard) == built.evidence


def test_the_same_commit_builds_the_same_artifact(builder: Builder) -> None:
    spec = BuildSpec(python(MAKE), "dist")
    assert builder.build("tally", COMMIT, spec, {}).artifact == builder.build("tally", COMMIT, spec, {}).artifact


def test_without_a_command_the_source_is_the_artifact(builder: Builder, store: FileStore) -> None:
    built = builder.build("tally", COMMIT, BuildSpec(), {})
    assert [path.name for path in store.path(built.artifact.digest).iterdir()] == ["app.txt"]


def test_nothing_that_checks_write_reaches_the_artifact(builder: Builder, store: FileStore) -> None:
    dirty = "import os; os.mkdir('dist'); open('dist/extra', 'w'); open('app.txt', 'a').write('x'); open(os.environ['HOME'] + '/x', 'w')"
    built = builder.build("tally", COMMIT, BuildSpec(python(MAKE), "dist", ("dirty",)), checks(dirty=dirty))
    tree = store.path(built.artifact.digest)
    assert [path.name for path in tree.iterdir()] == ["app.txt"]
    assert (tree / "app.txt").read_text() == "the app\n"


def test_the_commands_see_a_plain_and_repeatable_world(builder: Builder, store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_TEST_SECRET", "a value for this test")
    code = "import json, os; os.mkdir('dist'); json.dump(dict(os.environ), open('dist/env', 'w'))"
    built = builder.build("tally", COMMIT, BuildSpec(python(code), "dist"), {})
    seen = json.loads((store.path(built.artifact.digest) / "env").read_text())
    assert seen["SOURCE_DATE_EPOCH"] == str(int(COMMIT.committed.timestamp()))
    assert (seen["PYTHONHASHSEED"], seen["PYTHONDONTWRITEBYTECODE"], seen["TZ"]) == ("0", "1", "UTC")
    assert "HEADWAY_TEST_SECRET" not in seen


def test_what_the_operator_adds_is_seen(home: Path, store: FileStore) -> None:
    sources = Sources(home / "sources", {"tally": Exports()})  # type: ignore[dict-item]
    code = "import os; os.mkdir('dist'); open('dist/' + os.environ['NAME'], 'w')"
    built = Builder(home, store, sources, extra={"NAME": "hello"}).build("tally", COMMIT, BuildSpec(python(code), "dist"), {})
    assert [path.name for path in store.path(built.artifact.digest).iterdir()] == ["hello"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param(BuildSpec(python("print('line'); exit(2)"), "dist"), r"build failed: exit 2 .*line(.|\n)*whole log: /", id="it fails"),
        pytest.param(BuildSpec(python(""), "dist"), r"no folder 'dist' .*there is: app.txt", id="it makes nothing"),
        pytest.param(BuildSpec(python(""), "app.txt"), "is no folder", id="it makes a file"),
        pytest.param(BuildSpec(python("import os; os.symlink('/etc', 'dist')"), "dist"), "leads out", id="it makes a way out"),
        pytest.param(
            BuildSpec(python(MAKE), "dist", ("unit",)), r"unit failed: exit 1 .*: assertion(.|\n)*whole log: /", id="a check says no"
        ),
    ],
)
def test_a_failure_tells_which_why_and_where_to_read_on(builder: Builder, home: Path, spec: BuildSpec, says: str) -> None:
    with pytest.raises(Failed, match=says) as failed:
        builder.build("tally", COMMIT, spec, checks(unit="raise SystemExit('assertion')"))
    for line in str(failed.value).splitlines():
        if "the whole log: /" in line:
            assert Path(line.partition("the whole log: ")[2]).exists()
    assert not list((home / "store").glob("*"))
    assert not list((home / "builds").glob("*/scratch"))


def test_a_build_that_hangs_is_ended_with_all_it_started(builder: Builder, home: Path) -> None:
    pid = home / "pid"
    code = (
        f"import subprocess, time; child = subprocess.Popen(['sleep', '60']); open({str(pid)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(Failed, match=r"build timed out after 1 s"):
        builder.build("tally", COMMIT, BuildSpec(python(code), timeout=1.0), {})
    deadline = time.monotonic() + 10
    while _runs(int(pid.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_is_not_here_is_no_fault_of_the_release(builder: Builder) -> None:
    with pytest.raises(Unavailable, match="build could not be started"):
        builder.build("tally", COMMIT, BuildSpec(("no-such-program",)), {})


def test_a_check_is_repeated_only_when_the_file_says_so(builder: Builder, home: Path) -> None:
    code = f"p = {str(home / 'tries')!r}; open(p, 'a').write('x'); exit(0 if len(open(p).read()) == 2 else 1)"
    flaky = {"flaky": CheckSpec("flaky", python(code), retries=1)}
    built = builder.build("tally", COMMIT, BuildSpec(checks=("flaky",)), flaky)
    assert [evidence.passed for evidence in built.evidence] == [False, True]


def test_whoever_interrupts_a_build_leaves_nothing_running(builder: Builder, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headway.adapters.build.time.sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            builder.build("tally", COMMIT, BuildSpec(python("import time; time.sleep(60)")), {})
    (folder,) = (path.parent for path in (home / "builds").glob("*/*/pid.json"))
    deadline = time.monotonic() + 10
    while not isinstance(processes.state(folder), processes.Exited):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not list((home / "builds").glob("*/scratch"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param(BuildSpec(checks=("lnt",)), "names 'lnt', and there is no such check; there are: lint, uat", id="an unknown check"),
        pytest.param(BuildSpec(checks=("uat",)), "a person does", id="a check by hand"),
        pytest.param(BuildSpec(output="../dist"), "leaves the tree", id="an output elsewhere"),
        pytest.param(BuildSpec(output="/dist"), "absolute", id="an absolute output"),
    ],
)
def test_a_file_that_is_wrong_is_said_so(builder: Builder, spec: BuildSpec, says: str) -> None:
    with pytest.raises(InvalidSpec, match=says):
        builder.build("tally", COMMIT, spec, {**checks(lint=""), "uat": CheckSpec("uat", manual="look at it")})


def test_an_artifact_that_links_out_is_refused(builder: Builder) -> None:
    with pytest.raises(Refused, match="absolute path /etc/hosts"):
        builder.build("tally", COMMIT, BuildSpec(python("import os; os.symlink('/etc/hosts', 'hosts')")), {})


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_version_is_in_the_source_before_anything_runs_and_the_same_version_makes_the_same_artifact(
    builder: Builder, store: FileStore
) -> None:
    spec = BuildSpec(python(MAKE), "dist", ("says",), stamps=(Stamp("app.txt", r"the (\w+)"),))
    says = checks(says="assert open('app.txt').read() == 'the 1.4.0\\n'")
    first = builder.build("tally", COMMIT, spec, says, version="1.4.0")
    assert (store.path(first.artifact.digest) / "app.txt").read_text() == "the 1.4.0\n"
    assert first.stamped == {"app.txt": "1.4.0"}
    assert builder.build("tally", COMMIT, spec, says, version="1.4.0").artifact == first.artifact
    assert builder.build("tally", COMMIT, spec, {**says, **checks(says="")}, version="1.4.1").artifact != first.artifact
