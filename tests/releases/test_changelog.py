"""A changelog grows by what commits say, and keeps what people wrote."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.releases.changelog import Entry, entries, notes, release
from headway.releases.history import Change
from headway.releases.policy import Policy

DAY = date(2026, 3, 1)


def change(number: int, message: str) -> Change:
    return Change(f"{number:040x}", f"{number - 1:040x}", message)


def found(*messages: str) -> tuple[Entry, ...]:
    return entries([change(number, message) for number, message in reversed(list(enumerate(messages, 1)))], Policy())


# The first letters of an id must tell commits apart here.
def change_id(number: int) -> str:
    return f"{number:010x}".ljust(40, "0")


def test_sections_from_commits() -> None:
    said = found("feat(api): add votes", "fix: count right", "docs: explain", "feat!: drop v1")
    assert [(entry.section, entry.text, entry.scope) for entry in said] == [
        ("Added", "Add votes", "api"),
        ("Fixed", "Count right", None),
        ("Changed", "Drop v1", None),
    ]


def test_a_new_changelog() -> None:
    text = release("", "1.0.0", DAY, [Entry("Fixed", "B", "b" * 40), Entry("Added", "A", "a" * 40, scope="api")])
    assert text.startswith("# Changelog\n")
    assert text.endswith(
        "## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n\n### Added\n\n"
        "- **api:** A <!-- aaaaaaaaaa -->\n\n### Fixed\n\n- B <!-- bbbbbbbbbb -->\n"
    )


WRITTEN = """# Changelog

Ours.

## [Unreleased]

A word by a person.

### Added

- Said better than the commit did <!-- aaaaaaaaaa -->

### Security

- By hand

## [0.9.0] - 2026-01-01

### Fixed

- Old

[0.9.0]: https://example.org/0.9.0
"""


def test_what_people_wrote_stays_and_moves_into_the_release() -> None:
    text = release(WRITTEN, "1.0.0", DAY, [Entry("Added", "A", "a" * 40), Entry("Added", "C", "c" * 40), Entry("Fixed", "B", "b" * 40)])
    assert text == WRITTEN.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n").replace(
        "did <!-- aaaaaaaaaa -->\n", "did <!-- aaaaaaaaaa -->\n- C <!-- cccccccccc -->\n\n### Fixed\n\n- B <!-- bbbbbbbbbb -->\n"
    )


def test_a_changelog_without_unreleased_gets_one() -> None:
    text = release("# Changelog\n\n## 0.9.0\n\n- Old\n", "1.0.0", DAY, [Entry("Added", "A", "a" * 40)])
    assert text == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n\n### Added\n\n- A <!-- aaaaaaaaaa -->\n\n## 0.9.0\n\n- Old\n"
    )


ONE = [Entry("Added", "A", "a" * 40)]
LINE = "### Added\n\n- A <!-- aaaaaaaaaa -->\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "## [Unreleased]\n\n[Unreleased]: https://example.org/\n",
            f"## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n\n{LINE}\n[Unreleased]: https://example.org/\n",
            id="where links lead stays at the end",
        ),
        pytest.param(
            "Such as:\n\n```\n## [Unreleased]\n```\n\n## [Unreleased]\n",
            f"Such as:\n\n```\n## [Unreleased]\n```\n\n## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n\n{LINE}",
            id="an example is no section",
        ),
        pytest.param(
            "## v1.0.0\n\n- By hand\n", f"## v1.0.0\n\n- By hand\n\n{LINE}", id="a section that people began under their own heading"
        ),
        pytest.param(
            "## [Unreleased]\r\n\r\n- By hand\r\n",
            f"## [Unreleased]\n\n## [1.0.0] - 2026-03-01\n\n- By hand\n\n{LINE}".replace("\n", "\r\n"),
            id="lines of Windows stay such",
        ),
    ],
)
def test_the_form_of_the_file_stays(old: str, new: str) -> None:
    assert release(old, "1.0.0", DAY, ONE) == new
    assert release(new, "1.0.0", DAY, ONE) == new


TEXT = st.text(st.characters(categories=("L", "N"), include_characters=" "), min_size=1, max_size=20).map(str.strip).filter(bool)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from(["Added", "Changed", "Removed", "Fixed"]),
        TEXT,
        st.integers(1, 10**9).map(change_id),
    ),
    max_size=8,
    unique_by=lambda entry: entry.commit,
)


@given(ENTRIES)
def test_the_same_release_again_changes_nothing(said: list[Entry]) -> None:
    once = release(WRITTEN, "1.0.0", DAY, said)
    assert release(once, "1.0.0", DAY, said) == once


@given(ENTRIES)
def test_every_line_of_a_person_is_still_there_in_order(said: list[Entry]) -> None:
    lines = iter(release(WRITTEN, "1.0.0", DAY, said).split("\n"))
    assert all(line in lines for line in WRITTEN.rstrip("\n").split("\n"))


@given(ENTRIES)
def test_every_entry_is_there_once(said: list[Entry]) -> None:
    text = release(WRITTEN, "1.0.0", DAY, said)
    for entry in said:
        assert text.count(f"<!-- {entry.commit[:10]} -->") == 1


SAID = (
    Entry("Added", "A", "a" * 40, type="feat"),
    Entry("Changed", "C", "c" * 40, breaking=("call D instead",), type="feat"),
    Entry("Fixed", "B", "b" * 40, type="fix"),
)


@pytest.mark.parametrize(
    ("audience", "text"),
    [
        pytest.param(
            "users", "### Added\n\n- A\n\n### Changed\n\n- C **Breaking:** call D instead\n\n### Fixed\n\n- B\n", id="what can be noticed"
        ),
        pytest.param("operators", "### Changed\n\n- C **Breaking:** call D instead\n", id="what must be acted on"),
        pytest.param("developers", "- A (aaaaaaaaaa)\n- C **Breaking:** call D instead (cccccccccc)\n- B (bbbbbbbbbb)\n", id="everything"),
    ],
)
def test_notes_are_for_somebody(audience: str, text: str) -> None:
    assert notes(SAID, audience) == text


def test_nothing_is_said_too() -> None:
    assert notes((), "operators") == "Nothing to act on.\n"


def test_what_was_taken_back_before_anybody_had_it_is_not_told() -> None:
    first = change(1, "feat: a")
    second = change(2, f'Revert "feat: a"\n\nThis reverts commit {first.id}.')
    assert entries([second, first], Policy()) == ()
