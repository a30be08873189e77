"""What must hold for the next version of any history."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from headway.releases.calendar import dated
from headway.releases.decision import Asked, Reason, decide
from headway.releases.history import Change, History, Tag
from headway.releases.levels import Level
from headway.releases.lines import Line, naming, versions
from headway.releases.policy import CALENDARS, Policy
from headway.releases.version import Version

TODAY = date(2026, 3, 1)
MESSAGES = st.sampled_from(
    [
        *("feat: a", "fix: b", "docs: c", "feat!: d", "fix: e\n\nBREAKING CHANGE: f", "fixup! feat: g", "no type", "Merge branch x"),
        *("chore: h\n\nRelease-As: 7.0.0", "fix: i\n\nRelease-As: 0.0.1", "docs: j\n\nRelease-As: minor"),
        'Revert "feat: base"\n\nThis reverts commit ffffffffff.',
    ]
)
CORES = st.builds(Version, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
ALL = st.one_of(CORES, st.builds(Version.candidate, CORES, st.sampled_from(["rc", "beta"]), st.integers(1, 12)))
POLICIES = st.builds(
    Policy, breaking=st.sampled_from([Level.MINOR, Level.MAJOR]), first=st.sampled_from([Version(0, 1, 0), Version(1, 0, 0)])
)
ASKED = st.builds(Asked, st.sampled_from([None, "rc", "alpha"]), st.sampled_from([None, Line(1), Line(1, 0), Line(2, 1)]))
FINDINGS = st.lists(st.builds(Reason, st.sampled_from(Level), st.just("api"), st.just("x"), st.just("y")), max_size=2)


def commit(number: int) -> str:
    return f"{number:010x}".ljust(40, "0")


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A line of commits, newest first, with tags upon it and elsewhere, and reverts of what came before."""
    messages = draw(st.lists(MESSAGES, max_size=8))
    changes = []
    for number, message in enumerate(messages, 1):
        if number > 1 and draw(st.booleans()) and draw(st.booleans()):
            message = f'Revert "x"\n\nThis reverts commit {commit(draw(st.integers(1, number - 1)))}.'  # noqa: PLW2901
        changes.append(Change(commit(number), commit(number - 1), message))
    last = draw(st.none() | CORES)
    pre = [] if not changes else draw(st.lists(st.tuples(ALL, st.integers(1, len(changes))), max_size=3, unique_by=lambda one: str(one[0])))
    above = [(of, at) for of, at in pre if not of.stable and (last is None or of > last)]
    tags = [Tag(f"v{of}", commit(at), of) for of, at in above]
    base = Tag(f"v{last}", commit(0), last) if last else None
    # A repository has a tag's name once.
    taken = {tag.name for tag in (*tags, *([base] if base else []))}
    drawn = draw(st.lists(ALL, max_size=3, unique_by=str))
    elsewhere = [Tag(f"v{of}", "e" * 40, of) for of in drawn if f"v{of}" not in taken]
    return History(commit(len(changes)), tuple(reversed(changes)), (*tags, *elsewhere, *([base] if base else [])), base, tuple(tags))


@given(histories(), POLICIES, ASKED, FINDINGS)
def test_a_version_is_greater_than_what_the_commit_has_new_and_of_its_line(
    history: History, policy: Policy, asked: Asked, findings: list[Reason]
) -> None:
    decided = decide(history, policy, TODAY, asked, findings)
    if decided.next is None:
        return
    assert all(decided.next > tag.version for tag in history.reachable)
    assert history.last is None or decided.next > history.last.version
    assert decided.next not in [tag.version for tag in history.tags]
    assert asked.line is None or asked.line.fits(decided.next)
    assert not decided.next.build


@given(histories(), POLICIES, ASKED, FINDINGS)
def test_the_level_is_that_of_the_gravest_reason(history: History, policy: Policy, asked: Asked, findings: list[Reason]) -> None:
    decided = decide(history, policy, TODAY, asked, findings)
    assert decided.level is max((reason.level for reason in decided.because), default=Level.NONE)
    if decided.refused is None:
        assert (decided.next is None) == (decided.level is Level.NONE)
    else:
        assert decided.next is None


@given(histories(), POLICIES, ASKED)
def test_the_same_question_has_the_same_answer(history: History, policy: Policy, asked: Asked) -> None:
    assert decide(history, policy, TODAY, asked) == decide(replace(history, tags=history.tags[::-1]), policy, TODAY, asked)


@given(histories(), POLICIES, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_a_graver_finding_never_gives_a_smaller_version(history: History, policy: Policy, level: Level) -> None:
    before = decide(history, policy, TODAY)
    after = decide(history, policy, TODAY, None, [Reason(level, "api", "x", "y")])
    if before.next is not None and after.next is not None:
        assert after.next >= before.next
    if history.last is not None:
        assert after.level is not Level.NONE


@given(histories(), POLICIES)
def test_a_candidate_leads_to_the_version_that_would_come(history: History, policy: Policy) -> None:
    stable, candidate = decide(history, policy, TODAY), decide(history, policy, TODAY, Asked("rc"))
    if stable.next is not None and candidate.next is not None:
        assert candidate.next.core == stable.next.core
        assert candidate.next <= stable.next


@given(histories(), POLICIES)
def test_what_was_tagged_is_never_given_again(history: History, policy: Policy) -> None:
    first = decide(history, policy, TODAY, Asked("rc"))
    if first.next is None or first.next.stable:
        return
    made = Tag(f"v{first.next}", history.head, first.next)
    again = replace(history, tags=(*history.tags, made), reachable=(*history.reachable, made))
    assert decide(again, policy, TODAY, Asked("rc")).next is None


@given(histories(), POLICIES, st.sampled_from(["feat: a", "fix: b", "feat!: c"]))
def test_a_commit_and_its_revert_leave_no_trace(history: History, policy: Policy, message: str) -> None:
    number = len(history.changes) + 1
    added = Change(commit(number), history.head, message)
    back = Change(commit(number + 1), added.id, f'Revert "{message}"\n\nThis reverts commit {added.id}.')
    more = replace(history, head=back.id, changes=(back, added, *history.changes))
    before, after = decide(history, policy, TODAY), decide(more, policy, TODAY)
    if history.last is not None:
        assert (after.next, after.level, after.because) == (before.next, before.level, before.because)


@given(st.sampled_from(CALENDARS), st.dates(date(2020, 1, 1), date(2099, 12, 31)), st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_calendar_versions_rise_with_the_days(calendar: str, one: date, other: date) -> None:
    first, second = sorted((one, other))
    before = dated(calendar, None, first, Level.MINOR)
    assert dated(calendar, before, second, Level.PATCH) > before


def test_tags_of_a_folder_in_the_forms_of_other_tools() -> None:
    refs = dict.fromkeys(["services/api/v1.0.0", "api/v1.1.0", "api@1.2.0", "api-v1.3.0", "v9.0.0", "web/v8.0.0", "api-7"], "c")
    assert [str(tag.version) for tag in versions(refs, naming("services/api"))] == ["1.3.0", "1.2.0", "1.1.0", "1.0.0"]
