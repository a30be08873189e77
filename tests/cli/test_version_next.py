"""`headway version next` on real histories: every rule of the decision, one row each."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from headway.cli.main import cli
from support.histories import (
    Step,
    Told,
    back_to,
    delete_branch,
    detach,
    merge,
    nested,
    on,
    revert,
    revert_merge,
    squash,
    tag,
    tell,
    touching,
    write,
)

V1 = tag("v1.0.0")
BASE = ("feat: base", V1)
RC = (*BASE, "feat: a", tag("v1.1.0-rc.1"))
BREAK = "\n\nBREAKING CHANGE: b"
REFUSED = 12


def asked(told: Told, *arguments: str) -> tuple[int, dict[str, object]]:
    ran = CliRunner().invoke(cli, ["version", "next", "--json", "--path", str(told.path), *arguments], standalone_mode=False)
    assert ran.exception is None, ran.output
    return ran.return_value, json.loads(ran.stdout)


def row(id: str, expected: str | None, *steps: Step) -> object:
    return pytest.param(steps, expected, id=id)


LEVELS = [
    row("a fix is a patch", "1.0.1", *BASE, "fix: a"),
    row("a feature is a minor", "1.1.0", *BASE, "feat: a"),
    row("the mark is a major", "2.0.0", *BASE, "fix!: a"),
    row("the footer is a major", "2.0.0", *BASE, "fix: a" + BREAK),
    row("the footer after Refs #12", "2.0.0", *BASE, "fix: a\n\nRefs #12\nBREAKING CHANGE: b"),
    row("the footer with a hyphen", "2.0.0", *BASE, "docs: a\n\nBREAKING-CHANGE: b"),
    row("the footer with its words below it", "2.0.0", *BASE, "fix: a\n\nBREAKING CHANGE:\n  b is gone"),
    row("the footer without any words", "1.0.1", *BASE, "fix: a\n\nBREAKING CHANGE:\n"),
    row("the footer without a type", "2.0.0", *BASE, "a" + BREAK),
    row("the mark on a chore", "2.0.0", *BASE, "chore(deps)!: a"),
    row("lines of Windows", "2.0.0", *BASE, "feat: a\r\n\r\nb\r\n\r\nBREAKING CHANGE: c\r\n"),
    row("types in capitals", "1.1.0", *BASE, "FEAT(API): a"),
    row("prose is prose", "1.0.1", *BASE, "fix: a\n\nThis is no BREAKING CHANGE: it only says so"),
    row("small letters are prose", "1.0.1", *BASE, "fix: a\n\nBreaking change: b"),
    row("no blank after the colon", None, *BASE, "feat:a"),
    row("the greatest of several", "1.1.0", *BASE, "fix: a", "feat: b", "fix: c", "docs: d"),
    row("nothing that asks for one", None, *BASE, "docs: a", "chore: b", "and c"),
    row("nothing at all", None, *BASE),
    row("a type that the file names", "1.0.1", *BASE, "perf: a", write("headway.yaml", "versions: {types: {perf: patch}}")),
    row("a type that nobody names", None, *BASE, "perf: a"),
    row("fixup and squash do not count", None, *BASE, "fixup! feat: a", "squash! feat!: a", "amend! fix: b" + BREAK),
]

OLD = f'Revert "feat: a"\n\nThis reverts commit {"d" * 40}.'

REVERTS = [
    row("a commit and its revert cancel", None, *BASE, "feat: a", revert("feat: a")),
    row("and leave the others", "1.0.1", *BASE, "fix: b", "feat: a", revert("feat: a")),
    row("by a short id", None, *BASE, "feat!: a", revert("feat!: a", short=True)),
    row("a revert that is reverted has no say", "1.1.0", *BASE, "feat: a", revert("feat: a"), revert('Revert "feat: a"')),
    row("nor twice", None, *BASE, "feat: a", revert("feat: a"), revert('Revert "feat: a"'), revert('Revert "Revert "feat: a""')),
    row("of a released commit: a patch", "1.0.1", *BASE, revert("feat: base")),
    row("of a released chore: a patch", "1.0.1", "chore: x", V1, revert("chore: x")),
    row(
        "of a released revert: what comes back",
        "1.1.0",
        "feat: x",
        revert("feat: x"),
        V1,
        revert('Revert "feat: x"'),
    ),
    row(
        "of a merge: all that it brought",
        None,
        *BASE,
        on("x"),
        "feat: a",
        "fix: b",
        on("main"),
        merge("x", "Merge x"),
        revert_merge("Merge x"),
    ),
    row(
        "of a merge, not what was there before",
        "1.0.1",
        *(*BASE, "fix: own", on("x"), "feat: a", on("main"), merge("x", "Merge x"), revert_merge("Merge x")),
    ),
    row("as the convention recommends", None, *BASE, "feat: a", revert("feat: a", message="revert: feat: a\n\nRefs: {id}")),
    row("without an id, by the title", None, *BASE, "feat: a (#1)", 'Revert "feat: a (#1)" (#2)\n\nReverts o/r#1'),
    row("by the name that it had before a rebase", None, *BASE, "feat: a", revert("feat: a", message=OLD)),
    row(
        "of a released commit, though a newer one has its title",
        "1.1.0",
        *("feat: a", V1, lambda told: told.ids.update(released=told.head()), "feat: a"),
        revert("released", message='Revert "feat: a"\n\nThis reverts commit {id}.'),
    ),
    row(
        "in passing: the commit has its own weight",
        "1.0.1",
        *BASE,
        "feat: a",
        revert("feat: a", message="fix: b\n\nThis reverts commit {id}."),
    ),
    row("of a commit that says break", None, *BASE, "feat: a" + BREAK, revert("feat: a")),
]

MERGES = [
    row("a merge counts what it brings", "1.1.0", *BASE, on("x"), "feat: a", on("main"), merge("x")),
    row("a merge with a title of its own counts", "1.1.0", *BASE, on("x"), "wip", on("main"), merge("x", "feat: a")),
    row(
        "a merge that repeats a title that was reverted",
        None,
        *BASE,
        on("x"),
        "feat: a",
        revert("feat: a"),
        on("main"),
        merge("x", "feat: a"),
    ),
    row("a squash merge is a commit", "1.1.0", *BASE, on("x"), "wip", on("main"), squash("x", "feat: a (#3)")),
    row("a tag on a merged branch counts", None, "feat: b", on("x"), "feat: a", tag("v1.2.0"), on("main"), merge("x")),
]

TAGS = [
    row("the greatest, not the newest", "2.0.1", "feat: a", tag("v2.0.0"), "fix: b", tag("v1.9.9"), "fix: c"),
    row("by number, not by text", "1.10.1", "feat: a", tag("v1.9.0"), "feat: b", tag("v1.10.0"), "fix: c"),
    row("annotated", "1.0.1", "feat: a", tag("v1.0.0", message="one"), "fix: b"),
    row("a tag of a tag", "1.0.1", "feat: a", tag("x", message="one"), nested("v1.0.0", "x"), "fix: b"),
    row("without the v", "1.0.1", "feat: a", tag("1.0.0"), "fix: b"),
    row("floating ones are none", "1.0.1", *BASE, "fix: b", tag("v1"), tag("v1.9"), tag("nightly"), tag("latest")),
    row("invalid ones are none", "1.0.1", *BASE, "fix: b", tag("v01.9.9"), tag("v1.2.3.dev1"), tag("v1.2.3-01"), tag("v3.0.0.0")),
    row("those of other branches are none", "1.0.1", *BASE, on("x"), "feat: x", tag("v5.0.0"), on("main"), "fix: b"),
    row("those of other services are none", "1.0.1", *BASE, "feat: b", tag("api/v3.0.0"), revert("feat: b"), "fix: c"),
    row("two on one commit", "1.1.1", "feat: a", V1, tag("v1.1.0"), "fix: b"),
    row("build metadata does not travel", "1.0.1", "feat: a", tag("v1.0.0+build.7"), "fix: b"),
    row("build metadata does not decide", None, "feat: a", tag("v1.0.0+a"), "feat: b", tag("v1.0.0+b")),
    row("a tag of a tree is none", "1.0.1", *BASE, "fix: b", lambda told: told.git("tag", "v9.0.0", "HEAD^{tree}")),
    row(
        "the form that the file names",
        "2.0.1",
        *BASE,
        tag("rel-2.0.0"),
        "fix: b",
        write("headway.yaml", 'versions: {tag: "rel-{version}"}'),
    ),
    row("a detached head", "1.1.0", *BASE, "feat: a", detach()),
    row("packed refs", "1.1.0", *BASE, "feat: a", lambda told: told.git("pack-refs", "--all")),
]

ZERO = [
    row("breaking is a minor", "0.4.0", "feat: a", tag("v0.3.1"), "feat!: b"),
    row("a feature is a minor", "0.4.0", "feat: a", tag("v0.3.1"), "feat: b"),
    row("a fix is a patch", "0.3.2", "feat: a", tag("v0.3.1"), "fix: b"),
    row("breaking: major", "1.0.0", "feat: a", tag("v0.3.1"), "feat!: b", write("headway.yaml", "versions: {breaking: major}")),
    row("the first version", "0.1.0", "anything"),
    row("the first version, whatever it breaks", "0.1.0", "feat!: a"),
    row("the first version of the file", "1.0.0", "feat: a", write("headway.yaml", "versions: {first: 1.0.0}")),
    row("a person says 1.0.0", "1.0.0", "feat: a", tag("v0.3.1"), "feat: b\n\nRelease-As: 1.0.0"),
    row("a person says major", "1.0.0", "feat: a", tag("v0.3.1"), "docs: b\n\nRelease-As: major"),
    row("a candidate of the first is no release", "0.1.0", "feat: a", tag("v0.1.0-rc.1"), "fix: b"),
]

WORDS = [
    row("a person asks for more", "3.0.0", *BASE, "fix: a\n\nRelease-As: 3.0.0"),
    row("never for less", "2.0.0", *BASE, "feat!: a", "fix: b\n\nRelease-As: 1.0.5"),
    row("without anything else", "1.5.0", *BASE, "docs: a\n\nRelease-As: 1.5.0"),
    row("the newest word counts", "1.7.0", *BASE, "docs: a\n\nRelease-As: 1.9.0", "docs: b\n\nRelease-As: v1.7.0"),
    row("of the first version", "0.0.1", "feat: a\n\nRelease-As: 0.0.1"),
    row("a word that was reverted is none", None, *BASE, "feat: a\n\nRelease-As: 3.0.0", revert("feat: a")),
]

STABLE = [
    row("a candidate becomes stable without a new commit", "1.1.0", *RC),
    row("a candidate made by hand says where it goes", "1.3.0", *BASE, "fix: a", tag("v1.3.0-rc.1"), "fix: b"),
    row("what breaks after a candidate goes further", "2.0.0", *RC, "feat!: b"),
    row("a candidate that was released is past", "1.1.1", *RC, tag("v1.1.0"), "fix: b"),
]

PRE = [
    row("the first candidate", "1.1.0-rc.1", *BASE, "feat: a"),
    row("the second", "1.1.0-rc.2", *RC, "fix: b"),
    row("nothing new makes none", None, *RC),
    row("nothing that counts makes none", None, *RC, "docs: b"),
    row("what breaks starts anew", "2.0.0-rc.1", *RC, "feat!: b"),
    row("ten comes after nine", "1.1.0-rc.11", *RC, "fix: b", tag("v1.1.0-rc.9"), "fix: c", tag("v1.1.0-rc.10"), "fix: d"),
    row("made by hand", "1.3.0-rc.6", *BASE, "fix: a", tag("1.3.0-rc.5"), "fix: b"),
    row("a revert of what a candidate has", "1.1.0-rc.2", *RC, revert("feat: a")),
    row("from beta to rc without a new commit", "1.1.0-rc.1", *BASE, "feat: a", tag("v1.1.0-beta.3")),
    row("numbers taken elsewhere are left out", "1.1.0-rc.5", *RC, on("x"), "feat: x", tag("v1.1.0-rc.4"), on("main"), "fix: b"),
    row("of the first version", "0.1.0-rc.1", "feat: a"),
    row("of 0.x", "0.4.0-rc.1", "feat: a", tag("v0.3.0"), "feat!: b"),
    row("nothing to release makes none", None, *BASE, "docs: a"),
    row("after the release of the candidates", "1.1.1-rc.1", *RC, tag("v1.1.0"), "fix: b"),
]

LINES = [
    row("a fix on 1.0.x", "1.0.1", *BASE, "feat: b", tag("v1.1.0"), back_to("feat: base", "1.0.x"), "fix: c"),
    row("a feature on 1.x", "1.1.0", *BASE, "feat!: b", tag("v2.0.0"), back_to("feat: base", "1.x"), "feat: c"),
    row("a branch with a folder", "1.0.1", *BASE, "feat: b", tag("v1.1.0"), back_to("feat: base", "release/1.0.x"), "fix: c"),
    row("a new line", "1.1.0", *BASE, on("1.1.x"), "feat: c"),
]


@pytest.mark.parametrize(("steps", "expected"), [*LEVELS, *REVERTS, *MERGES, *TAGS, *ZERO, *WORDS, *STABLE, *LINES])
def test_the_next_version(steps: tuple[Step, ...], expected: str | None, tmp_path: Path) -> None:
    code, view = asked(tell(tmp_path / "r", *steps))
    assert (code, view["next"], view["refused"]) == (0, expected, None), view
    levels = ["none", "patch", "minor", "major"]
    heaviest = max((levels.index(reason["level"]) for reason in view["because"]), default=0)  # type: ignore[attr-defined]
    assert view["level"] == levels[heaviest]
    assert (view["next"] is None) == (view["level"] == "none")


@pytest.mark.parametrize(("steps", "expected"), PRE)
def test_the_next_candidate(steps: tuple[Step, ...], expected: str | None, tmp_path: Path) -> None:
    code, view = asked(tell(tmp_path / "r", *steps), "--pre", "rc")
    assert (code, view["next"], view["refused"]) == (0, expected, None), view


GUARDS = [
    row("exists elsewhere", "v1.1.0 exists already", *BASE, on("x"), "feat: x", tag("v1.1.0"), on("main"), "feat: b"),
    row("a feature on 1.0.x", "does not fit the line 1.0.x", *BASE, on("1.0.x"), "feat: c"),
    row("a break on 1.x", "does not fit the line 1.x", *BASE, on("1.x"), "feat!: c"),
    row("2.0.0 on 1.x", "is not greater than v2.0.0", *BASE, "feat!: b", tag("v2.0.0"), on("1.x"), "fix: c"),
    row(
        "a greater candidate was given up",
        "is not greater than v2.0.0-beta.1",
        *BASE,
        tag("v2.0.0-beta.1"),
        "fix: b",
        tag("v1.0.1"),
        "fix: c",
    ),
    row("a person names what is released", "is not greater than v1.0.0", *BASE, "docs: a\n\nRelease-As: 1.0.0"),
    row("a person names nonsense", "is no version", *BASE, "fix: a\n\nRelease-As: soon"),
    row("no commits", "no commits yet"),
    row("a tag on a deleted branch", "v1.1.0 exists", *BASE, on("x"), "feat: x", tag("v1.1.0"), on("main"), delete_branch("x"), "feat: b"),
]


@pytest.mark.parametrize(("steps", "why"), GUARDS)
def test_what_is_refused(steps: tuple[Step, ...], why: str, tmp_path: Path) -> None:
    code, view = asked(tell(tmp_path / "r", *steps))
    assert (code, view["next"]) == (REFUSED, None)
    assert why in str(view["refused"])


def test_a_lower_channel_is_refused(tmp_path: Path) -> None:
    code, view = asked(tell(tmp_path / "r", *RC, "fix: b"), "--pre", "beta")
    assert code == REFUSED
    assert "1.1.0-beta.1 is not greater than v1.1.0-rc.1" in str(view["refused"])


def test_a_shallow_clone_is_refused_and_never_numbered(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "feat: a", "fix: b")
    told.git("clone", "-q", "--depth", "1", f"file://{told.path}", str(tmp_path / "shallow"))
    told.path = tmp_path / "shallow"
    code, view = asked(told)
    assert (code, view["next"]) == (REFUSED, None)
    assert "shallow" in str(view["refused"])


def test_a_line_may_be_asked_for(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "feat: c", detach())
    assert asked(told, "--line", "1.x")[1]["next"] == "1.1.0"
    assert asked(told, "--line", "1.0.x")[0] == REFUSED


def test_another_commit_may_be_asked_about(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, on("x"), "feat: x", on("main"), "fix: a", "feat!: b")
    assert asked(told, "--revision", "x")[1]["next"] == "1.1.0"
    assert asked(told, "--revision", "main~1")[1]["next"] == "1.0.1"
    assert asked(told, "--revision", "v1.0.0")[1]["next"] is None


def test_a_revision_before_the_last_release_belongs_to_the_one_before(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "fix: a", "feat: b", tag("v1.1.0"))
    assert asked(told, "--revision", "main~1")[1]["next"] == "1.0.1"


def test_a_folder_has_versions_of_its_own(tmp_path: Path) -> None:
    told = tell(
        tmp_path / "r",
        *(touching("api/a", "feat: api"), tag("api/v1.2.3"), touching("web/a", "feat: web"), tag("web/v4.0.0")),
        *(touching("web/b", "feat!: web breaks"), touching("api/b", "fix: api is repaired"), tag("v9.0.0")),
    )
    for folder, expected in (("api", "1.2.4"), ("web", "5.0.0")):
        (told.path / folder).mkdir()
        ran = CliRunner().invoke(cli, ["version", "next", "--json", "--path", str(told.path / folder)], standalone_mode=False)
        assert json.loads(ran.stdout)["next"] == expected


def in_folder(told: Told, folder: str) -> object:
    (told.path / folder).mkdir(exist_ok=True)
    ran = CliRunner().invoke(cli, ["version", "next", "--json", "--path", str(told.path / folder)], standalone_mode=False)
    return json.loads(ran.stdout)["next"]


def test_a_merge_counts_only_where_it_brings_something(tmp_path: Path) -> None:
    told = tell(
        tmp_path / "r",
        *(touching("api/a", "feat: api"), tag("api/v1.0.0"), touching("web/a", "feat: web"), tag("web/v1.0.0")),
        *(on("x"), touching("web/b", "wip"), on("main"), touching("api/b", "fix: api")),
    )
    told.git("read-tree", "-m", "x^", "main", "x")
    told.git("read-tree", "-m", "--aggressive", "x^", "main", "x")
    told.commit("feat(web)!: merged", "HEAD", "x")
    assert in_folder(told, "api") == "1.0.1"
    assert in_folder(told, "web") == "2.0.0"


def test_a_merge_is_taken_back_in_every_folder_that_it_brought_something_to(tmp_path: Path) -> None:
    told = tell(
        tmp_path / "r",
        *(touching("api/a", "feat: api"), tag("api/v1.0.0")),
        *(on("x"), touching("api/b", "feat: more"), touching("web/b", "fix: web"), merge("main", "Merge main"), on("main")),
    )
    told.git("read-tree", "x")
    told.commit("Merge x", "HEAD", "x")
    assert in_folder(told, "api") == "1.1.0"
    told.git("read-tree", "HEAD^1")
    revert_merge("Merge x")(told)  # type: ignore[operator]
    assert in_folder(told, "api") is None


def test_candidates_of_a_folder_are_counted_too(tmp_path: Path) -> None:
    told = tell(
        tmp_path / "r",
        *(touching("api/a", "feat: api"), tag("api/v1.0.0"), touching("api/b", "feat: more")),
        *(touching("web/a", "feat: web"), tag("api/v1.1.0-rc.1"), touching("web/b", "fix: web")),
    )
    (told.path / "api").mkdir()

    def asked_api() -> object:
        arguments = ["version", "next", "--json", "--pre", "rc", "--path", str(told.path / "api")]
        return json.loads(CliRunner().invoke(cli, arguments, standalone_mode=False).stdout)["next"]

    assert asked_api() is None
    told.commit("fix: api", file="api/c")
    assert asked_api() == "1.1.0-rc.2"


def test_a_bare_repository_and_a_worktree_are_repositories(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "feat: a")
    told.git("clone", "-q", "--bare", str(told.path), str(tmp_path / "bare"))
    told.git("worktree", "add", "-q", "-b", "y", str(tmp_path / "tree"))
    for path in (tmp_path / "bare", tmp_path / "tree"):
        told.path = path
        assert asked(told)[1]["next"] == "1.1.0"


def test_a_calendar_numbers_by_date(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", "feat: a", tag("v2020.1.0"), "fix: b", write("headway.yaml", "versions: {calendar: YYYY.MM.MICRO}"))
    _, view = asked(told)
    year, month, micro = str(view["next"]).split(".")
    assert int(year) >= 2026
    assert 1 <= int(month) <= 12
    assert micro == "0"


def test_words_for_people_and_the_version_alone_for_scripts(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "fix: a", "feat: b")
    ran = CliRunner().invoke(cli, ["version", "next", "--path", str(told.path)])
    assert ran.stdout == "1.1.0\n"
    assert "minor: 1.0.0 -> 1.1.0" in ran.stderr
    assert f"feat: b  {told.head()[:10]}" in ran.stderr


def test_the_decision_is_explained(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "feat: a", revert("feat: a"), "fix: b\n\nnot a footer\nBREAKING CHANGE: c")
    said = CliRunner().invoke(cli, ["version", "next", "--explain", "--path", str(told.path)]).stdout
    for part in ("the last release is v1.0.0", "3 commits since, 1 of", "reverts it", "no blank line", "1.0.0 -> 1.0.1"):
        assert part in said
    tree = said[said.index("├─ does it break") :].splitlines()
    assert tree[:3] == [
        "├─ does it break what users rely on? no",
        "├─ does it give them anything new? no",
        "├─ does it repair anything? yes, patch",
    ]
    assert tree[3].startswith("│  └─ fix: b (commit ")


def test_a_question_that_is_answered_ends_the_asking(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, "feat!: a", "fix: b")
    said = CliRunner().invoke(cli, ["version", "next", "--explain", "--path", str(told.path)]).stdout
    assert "does it break what users rely on? yes, major\n│  └─ feat!: a (commit " in said
    assert "anything new?" not in said


def test_many_commits_are_counted_and_not_listed(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", *BASE, *(f"fix: {number}" for number in range(25)))
    _, view = asked(told)
    because = view["because"]
    assert isinstance(because, list)
    assert len(because) == 21
    assert because[-1]["what"] == "and 5 more commits that ask for the same"


@pytest.mark.parametrize("arguments", [["--line", "one"], ["--pre", "1"], ["--pre", "r c"]])
def test_what_cannot_be_asked(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["version", "next", *arguments]).exit_code == 2
