"""Conventional Commits 1.0.0, rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.releases.conventional import Footer, footers, is_draft, parse, returning_title, reverts

NO_TYPE = [
    pytest.param("feat:add", id="a blank after the colon is required"),
    pytest.param("feat:", id="nothing after the colon"),
    pytest.param("feat: ", id="a blank and nothing"),
    pytest.param("feat:\tadd", id="a tab is no blank"),
    pytest.param("add a thing", id="no type"),
    pytest.param(": add", id="an empty type"),
    pytest.param("feat(): add", id="a scope is a noun"),
    pytest.param("feat( ): add", id="a scope of blanks"),
    pytest.param("feat (api): add", id="a blank before the scope"),
    pytest.param("feat!(api): add", id="the mark stands before the colon"),
    pytest.param("feat(api) !: add", id="a blank before the mark"),
    pytest.param("new feat: add", id="a type is one word"),
    pytest.param("", id="nothing at all"),
    pytest.param("\nfeat: add", id="an empty first line"),
    pytest.param("Merge branch 'feat: x'", id="a merge"),
]


@pytest.mark.parametrize("message", NO_TYPE)
def test_what_is_no_conventional_commit(message: str) -> None:
    assert parse(message) is None


@pytest.mark.parametrize(
    ("message", "type_", "scope", "marked", "description"),
    [
        pytest.param("feat: add", "feat", None, False, "add", id="a type"),
        pytest.param("FEAT: add", "feat", None, False, "add", id="capitals"),
        pytest.param("Fix(API)!: less", "fix", "API", True, "less", id="a scope and the mark"),
        pytest.param("chore!: drop", "chore", None, True, "drop", id="the mark on any type"),
        pytest.param("feat(api-v2/web): add", "feat", "api-v2/web", False, "add", id="signs in a scope"),
        pytest.param("feat: add: more (#12)", "feat", None, False, "add: more (#12)", id="a colon in the description"),
        pytest.param("feat: add\r\n\r\nbody\r\n", "feat", None, False, "add", id="lines of Windows"),
        pytest.param("feat: añadir ñandú", "feat", None, False, "añadir ñandú", id="other letters"),
    ],
)
def test_the_first_line(message: str, type_: str, scope: str | None, marked: bool, description: str) -> None:
    said = parse(message)
    assert said is not None
    assert (said.type, said.scope, said.marked, said.description) == (type_, scope, marked, description)


@pytest.mark.parametrize(
    ("message", "broken"),
    [
        pytest.param("feat: a\n\nBREAKING CHANGE: b", ("b",), id="a footer right after the first line"),
        pytest.param("feat: a\n\nbody\n\nBREAKING CHANGE: b", ("b",), id="after a body"),
        pytest.param("feat: a\n\nBREAKING-CHANGE: b", ("b",), id="with a hyphen"),
        pytest.param("docs: a\n\nBREAKING CHANGE: b", ("b",), id="of any type"),
        pytest.param("feat: a\n\nSigned-off-by: Ann\nBREAKING CHANGE: b", ("b",), id="after another trailer"),
        pytest.param("feat: a\n\nRefs #12\nBREAKING CHANGE: b", ("b",), id="after Refs #12"),
        pytest.param("feat: a\n\nBREAKING CHANGE: b\nSigned-off-by: Ann", ("b",), id="before another trailer"),
        pytest.param("feat: a\n\nBREAKING CHANGE: b\ngoes on\n\nand on\nRefs: 1", ("b\ngoes on\nand on",), id="a value of several lines"),
        pytest.param("feat: a\r\n\r\nbody\r\n\r\nBREAKING CHANGE: b\r\n", ("b",), id="lines of Windows"),
        pytest.param("feat: a\n\nBREAKING CHANGE: b\nBREAKING CHANGE: c", ("b", "c"), id="two of them"),
        pytest.param("feat!: a", ("a",), id="the mark: the description tells"),
        pytest.param("feat!: a\n\nBREAKING CHANGE: b", ("b",), id="both: the footer tells"),
        pytest.param("feat: a\n\nBREAKING CHANGE: #12 is gone", ("#12 is gone",), id="a number in the value"),
        pytest.param("feat: a\n\nBreaking Change: b", (), id="small letters"),
        pytest.param("feat: a\n\nbreaking-change: b", (), id="small letters with a hyphen"),
        pytest.param("feat: a\n\nThis is no BREAKING CHANGE: really", (), id="prose"),
        pytest.param("feat: a\n\nThe docs explain what a\nBREAKING CHANGE: is", (), id="prose that was wrapped"),
        pytest.param("feat: a\n\nBREAKING CHANGE is near", (), id="no colon"),
        pytest.param("feat: a\n\nBREAKING CHANGE:b", (), id="no blank"),
        pytest.param("feat: a\n\nBREAKING CHANGE: ", (), id="no description"),
        pytest.param("feat: a\n\nBREAKING CHANGE #12", (), id="a hash instead of the colon"),
        pytest.param("feat: a\nBREAKING CHANGE: b", (), id="no blank line after the first"),
        pytest.param("feat: BREAKING CHANGE: b", (), id="in the description"),
    ],
)
def test_what_breaks(message: str, broken: tuple[str, ...]) -> None:
    said = parse(message)
    assert said is not None
    assert said.breaking == broken


def test_footers_are_tokens_with_values() -> None:
    found = footers("t\n\nbody\n\nReviewed-by: Z\nRefs #133\nCo-authored-by: A <a@b>")
    assert found == (Footer("Reviewed-by", "Z"), Footer("Refs", "#133", hashed=True), Footer("Co-authored-by", "A <a@b>"))


def test_tokens_are_found_whatever_their_case() -> None:
    said = parse("fix: a\n\nrelease-as: 1.0.0\nRELEASE-AS: 2.0.0")
    assert said is not None
    assert said.value("Release-As") == "2.0.0"


@pytest.mark.parametrize(
    ("message", "drafty"),
    [
        pytest.param("fixup! feat: a", True, id="fixup"),
        pytest.param("squash! feat: a", True, id="squash"),
        pytest.param("amend! feat: a", True, id="amend"),
        pytest.param("fixup: a", False, id="a type called fixup"),
        pytest.param("feat: a fixup! b", False, id="in the middle"),
    ],
)
def test_drafts(message: str, drafty: bool) -> None:
    assert is_draft(message) is drafty


@pytest.mark.parametrize(
    ("message", "named"),
    [
        pytest.param('Revert "a"\n\nThis reverts commit 1234567.', (("1234567", None),), id="as git writes it"),
        pytest.param(
            'Revert "a"\n\nThis reverts commit 1234567, reversing\nchanges made to 89abcde.', (("1234567", "89abcde"),), id="of a merge"
        ),
        pytest.param("revert: a\n\nRefs: 676104e, a215868", (("676104e", None), ("a215868", None)), id="as the convention recommends"),
        pytest.param("fix: a\n\nIt says: This reverts commit 1234567.", (), id="prose"),
        pytest.param("fix: a\n\nRefs: 676104e", (), id="only reverts name reverted commits"),
    ],
)
def test_what_is_taken_back(message: str, named: tuple[tuple[str, str | None], ...]) -> None:
    assert reverts(message) == named


@pytest.mark.parametrize(
    ("title", "back"),
    [
        pytest.param('Revert "Revert "feat: a""', "feat: a", id="a revert of a revert"),
        pytest.param('Reapply "feat: a"', "feat: a", id="as git 2.43 writes it"),
        pytest.param('Revert "Reapply "feat: a""', 'Revert "feat: a"', id="a revert of that"),
        pytest.param('Revert "feat: a"', None, id="a revert"),
    ],
)
def test_what_comes_back(title: str, back: str | None) -> None:
    assert returning_title(title) == back


WORDS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs", "Cc", "Z")), min_size=1)


@given(st.sampled_from(["feat", "fix", "docs", "x"]), WORDS, WORDS, st.sampled_from(["\n", "\r\n"]))
def test_a_footer_breaks_whatever_stands_before_it(type_: str, description: str, body: str, end: str) -> None:
    said = parse(f"{type_}: {description}\n\n{body}\n\nRefs #1\nBREAKING CHANGE: b".replace("\n", end))
    assert said is not None
    assert said.breaking == ("b",)


@given(st.text())
def test_any_text_at_all_has_an_answer(text: str) -> None:
    parse(text)
    footers(text)
    reverts(text)
    returning_title(text)
