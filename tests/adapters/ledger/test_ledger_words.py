"""Releases, what was said of them, notices, and what the server keeps for itself."""

from dataclasses import replace

import pytest

from headway.adapters.ledger import Ledger
from headway.errors import Refused
from headway.ports import Notice
from headway.promotion.model import Approval, Passed, Quarantine
from support.records import MINUTE, NOON, begin, event, pending, release

BAD = Quarantine("tally", "tally@1.0.0", "c1", "c0", NOON, ("9 of 10 failed",), "production")


def test_a_release_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    ledger.releases.add(release(), (event("cut"),))
    assert ledger.releases.get("tally@1.0.0") == release()
    assert ledger.releases.get("tally@9.9.9") is None


def test_the_same_release_again_is_nothing(ledger: Ledger) -> None:
    ledger.releases.add(release(), (event("cut"),))
    ledger.releases.add(replace(release(), cut_at=NOON + MINUTE, cut_by="bob"), (event("cut"),))
    assert ledger.releases.get("tally@1.0.0") == release()
    assert len(ledger.records.events("release:tally@1.0.0")) == 1


def test_another_release_under_the_same_name_is_refused_with_the_differences(ledger: Ledger) -> None:
    ledger.releases.add(release(), ())
    with pytest.raises(Refused) as refused:
        ledger.releases.add(replace(release(), digest="sha256:other", commit="c9"), ())
    assert refused.value.objections == (
        "commit: recorded c1.0.0, given c9",
        "digest: recorded sha256:1.0.0, given sha256:other",
    )
    assert ledger.releases.get("tally@1.0.0") == release()


def test_releases_are_listed_newest_first_by_service(ledger: Ledger) -> None:
    for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0")):
        ledger.releases.add(replace(release(version), cut_at=NOON + number * MINUTE), ())
    ledger.releases.add(replace(release(), service="other"), ())
    assert [each.version for each in ledger.releases.all("tally")] == ["1.2.0", "1.1.0", "1.0.0"]
    assert len(ledger.releases.all()) == 4
    assert [each.version for each in ledger.releases.all("tally", most=1)] == ["1.2.0"]


def test_a_withdrawn_release_says_why_and_stays_so(ledger: Ledger) -> None:
    ledger.releases.add(release(), ())
    ledger.releases.withdraw("tally@1.0.0", "leaks", event("withdrawn"))
    ledger.releases.withdraw("tally@1.0.0", "again", event("withdrawn"))
    ledger.releases.add(release(), ())
    assert ledger.releases.get("tally@1.0.0").withdrawn == "leaks"
    assert len(ledger.records.events("release:tally@1.0.0")) == 1


def test_only_what_is_there_can_be_withdrawn(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="no release tally@9"):
        ledger.releases.withdraw("tally@9", "", event())


def test_every_yes_and_every_no_is_kept_in_order(ledger: Ledger) -> None:
    yes = Approval("tally@1.0.0", "production", "bob", NOON, "r", "c", "t")
    no = replace(yes, by="eve", yes=False, comment="not today")
    ledger.words.approve(yes, event("approved"))
    ledger.words.approve(no, event("rejected"))
    ledger.words.approve(replace(yes, environment="staging"), event("approved"))
    assert ledger.words.approvals("tally@1.0.0", "production") == (yes, no)
    assert [each.event.what for each in ledger.records.events("release:tally@1.0.0")] == ["approved", "rejected", "approved"]


def test_a_manual_check_is_ticked_newest_last(ledger: Ledger) -> None:
    failed = Passed("tally@1.0.0", "sha256:1.0.0", "staging", "qa", False, NOON, "bob", "blurry")
    good = replace(failed, good=True, at=NOON + MINUTE)
    ledger.words.tick(failed, event("failed"))
    ledger.words.tick(good, event("ticked"))
    assert ledger.words.passed("sha256:1.0.0", "tally") == (failed, good)


def test_a_quarantine_stands_until_it_is_cleared(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    ledger.rollouts.save(held, held.rollout, why="", due=None, until=None, quarantine=BAD, now=NOON)
    assert (ledger.words.quarantines("tally"), ledger.words.quarantines("other")) == ((BAD,), ())
    ledger.words.clear("tally@1.0.0", event("cleared"))
    ledger.words.clear("tally@1.0.0", event("cleared"))
    assert ledger.words.quarantines("tally") == ()
    assert [each.event.what for each in ledger.records.events("release:tally@1.0.0")] == ["cleared"]


@pytest.fixture
def posted(ledger: Ledger) -> Ledger:
    """A ledger with two notices to deliver."""
    held = begin(ledger, pending("r1"))
    notices = [Notice("ops", f"notice {number}", "text", {"n": number}) for number in (1, 2)]
    ledger.rollouts.save(held, held.rollout, why="", due=None, until=None, notices=notices, now=NOON)
    return ledger


def titles(ledger: Ledger, minutes: float, most: int = 9) -> list[tuple[str, int]]:
    return [(notice.title, tries) for _, notice, tries in ledger.outbox.due(NOON + minutes * MINUTE, most)]


def test_notices_are_due_oldest_first_and_no_more_than_asked_for(posted: Ledger) -> None:
    assert titles(posted, 0, most=1) == [("notice 1", 0)]
    assert titles(posted, 0) == [("notice 2", 0)]


def test_a_notice_in_somebodys_hands_comes_again_only_if_they_stay_silent(posted: Ledger) -> None:
    assert len(titles(posted, 0)) == 2
    assert titles(posted, 0.5) == []
    assert len(titles(posted, 1)) == 2


def test_a_delivered_notice_never_comes_again(posted: Ledger) -> None:
    for number, _, _ in posted.outbox.due(NOON, 9):
        posted.outbox.delivered(number, NOON)
        posted.outbox.failed(number, "too late", NOON)
    assert titles(posted, 999) == []


def test_a_failed_notice_comes_again_when_told_and_counts_its_tries(posted: Ledger) -> None:
    (first, _, _), (second, _, _) = posted.outbox.due(NOON, 9)
    posted.outbox.failed(first, "no route", NOON + 5 * MINUTE)
    posted.outbox.failed(second, "gone for good", None)
    assert titles(posted, 4) == []
    assert titles(posted, 5) == [("notice 1", 1)]


def test_repositories_are_added_changed_and_removed(ledger: Ledger) -> None:
    ledger.registry.add_repository("/a", "main")
    ledger.registry.add_repository("/b", "main")
    ledger.registry.add_repository("/a", "trunk")
    assert [(each.path, each.branch) for each in ledger.registry.repositories()] == [("/a", "trunk"), ("/b", "main")]
    ledger.registry.remove_repository("/a")
    ledger.registry.remove_repository("/a")
    assert [each.path for each in ledger.registry.repositories()] == ["/b"]


def test_settings_are_put_and_got(ledger: Ledger) -> None:
    assert ledger.registry.get("key") is None
    ledger.registry.put("key", "one")
    ledger.registry.put("key", "two")
    assert ledger.registry.get("key") == "two"


def test_a_ref_is_remembered_until_its_repository_goes(ledger: Ledger) -> None:
    ledger.registry.add_repository("/a", "main")
    for commit in ("c1", "c2"):
        ledger.registry.note_ref("/a", "main", commit, event(f"saw {commit}"))
    assert (ledger.registry.seen_ref("/a", "main"), ledger.registry.seen_ref("/a", "dev")) == ("c2", None)
    assert [each.event.what for each in ledger.records.events("repository:/a")] == ["saw c1", "saw c2"]
    ledger.registry.remove_repository("/a")
    assert ledger.registry.seen_ref("/a", "main") is None
