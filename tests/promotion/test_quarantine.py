"""A release that still contains what was rolled back waits."""

from datetime import UTC, datetime

import pytest

from headway.promotion.model import Candidate, Objection, Quarantine, Suspicion
from headway.promotion.quarantine import objections

CANDIDATE = Candidate("tally@2.0.1", "2.0.1", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")
QUARANTINE = Quarantine(
    "tally", "tally@2.0.0", "b" * 40, "a" * 40, datetime(2026, 3, 2, 12, tzinfo=UTC), ("errors: 12 of 14 (85.7 %)",), "production"
)


@pytest.mark.parametrize(
    "suspicion",
    [
        pytest.param(Suspicion(QUARANTINE, contained=False), id="it does not contain the commits"),
        pytest.param(Suspicion(QUARANTINE, contained=True, answered_by="c" * 40), id="it names a fix"),
    ],
)
def test_no_objection(suspicion: Suspicion) -> None:
    assert objections(CANDIDATE, (suspicion,)) == ()


def test_the_objection_names_what_where_why_and_the_way_out() -> None:
    assert objections(CANDIDATE, (Suspicion(QUARANTINE, contained=True),)) == (
        Objection(
            "2.0.1 still contains tally@2.0.0 (aaaaaaaaaa..bbbbbbbbbb), which was rolled back in production (errors: 12 of 14 (85.7 %)); "
            "revert it, or name the fix in a commit with the trailer `Fixes: bbbbbbbbbb`, or, if it was not to blame: "
            "headway release clear tally@2.0.0 --why REASON",
            "waits",
        ),
    )


@pytest.mark.parametrize("answered_by", [None, "c" * 40])
@pytest.mark.parametrize("contained", [True, False])
def test_the_very_release_cannot_come_again_by_itself(contained: bool, answered_by: str | None) -> None:
    itself = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")
    (found,) = objections(itself, (Suspicion(QUARANTINE, contained, answered_by),))
    assert found.text.startswith("tally@2.0.0 is in quarantine: it was rolled back in production (errors")
    assert found.text.endswith("headway release clear tally@2.0.0 --why REASON")


def test_every_quarantine_objects_for_itself() -> None:
    first = Quarantine("tally", "tally@1.9.0", "d" * 40, None, QUARANTINE.at, (), "staging")
    texts = [found.text for found in objections(CANDIDATE, (Suspicion(first, contained=True), Suspicion(QUARANTINE, contained=True)))]
    assert len(texts) == 2
    assert "tally@1.9.0 (dddddddddd), which was rolled back in staging (no reason was recorded)" in texts[0]
