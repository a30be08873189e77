"""What becomes of a train, at every moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion.model import Objection
from headway.trains.calendar import icalendar
from headway.trains.departure import Cut, Depart, Eject, Miss, Wait, decide, ended, scheduled
from headway.trains.going import called, go_objections
from headway.trains.late import boarded, ejected
from headway.trains.model import MISSED, Call, LateChange, Timetable, Train
from headway.trains.punctuality import punctuality

DEPARTS = datetime(2026, 3, 3, 10, tzinfo=UTC)
CUTS = DEPARTS - timedelta(days=2)
TABLE = Timetable("weekly", "tally", "0 10 * * tue", "UTC", 2 * 86400, "production", grace=3600, go_needed=1, go_people=("dana", "frank"))
UPCOMING = Train("weekly", "tally", DEPARTS, CUTS)
ONGOING = replace(UPCOMING, state="ongoing", commit="a" * 40, release="tally@1.4.0")
AGAINST = (Objection("1.4.0 has not passed staging"),)
LATE = LateChange("b" * 40, "alice", CUTS, "why", "fix", boarded=CUTS)
SECOND = timedelta(seconds=1)


def test_it_waits_for_its_cut_and_is_cut_then() -> None:
    assert decide(TABLE, UPCOMING, (), CUTS - SECOND) == Wait(CUTS, "is cut Sun 2026-03-01 10:00 UTC")
    assert decide(TABLE, UPCOMING, (), CUTS) == Cut()


def test_one_at_a_time_is_under_way() -> None:
    ahead = replace(ONGOING, departs=DEPARTS - timedelta(days=7), state="held")
    move = decide(TABLE, UPCOMING, (), CUTS, others=(ahead,))
    assert isinstance(move, Wait)
    assert move.why == "waits for tally/weekly/2026-02-24T10:00Z, which is still under way"
    missed = decide(TABLE, UPCOMING, (), DEPARTS, others=(ahead,))
    assert isinstance(missed, Miss)
    assert missed.state == "slipped"


def test_a_train_that_nobody_cut_in_time_slips() -> None:
    assert decide(TABLE, UPCOMING, (), DEPARTS) == Miss(
        "slipped", ("it had not been cut: nobody was there to when it should have departed",)
    )


def test_it_departs_on_the_instant_when_nothing_is_against_it() -> None:
    assert isinstance(decide(TABLE, ONGOING, (), DEPARTS - SECOND), Wait)
    assert decide(TABLE, ONGOING, (), DEPARTS) == Depart()
    assert decide(TABLE, replace(ONGOING, release=None), (), DEPARTS) == Miss("held", ("nothing rides",))


@pytest.mark.parametrize(
    ("missed", "move"),
    [
        pytest.param("hold", Miss("held", ("1.4.0 has not passed staging",)), id="hold"),
        pytest.param("slip", Miss("slipped", ("1.4.0 has not passed staging",)), id="slip"),
        pytest.param("cancel", Miss("cancelled", ("1.4.0 has not passed staging",)), id="cancel"),
        pytest.param("eject", Eject(("b" * 40,), ("1.4.0 has not passed staging",)), id="eject"),
    ],
)
def test_missing_a_gate_means_what_the_file_says(missed: str, move: object) -> None:
    assert decide(replace(TABLE, missed=missed), replace(ONGOING, late=(LATE,)), AGAINST, DEPARTS) == move


def test_with_nobody_left_to_throw_out_it_is_held() -> None:
    assert decide(replace(TABLE, missed="eject"), ONGOING, AGAINST, DEPARTS) == Miss("held", ("1.4.0 has not passed staging",))


def test_a_held_train_still_leaves_within_its_grace_and_slips_at_its_end() -> None:
    held = ended(ONGOING, Miss("held", ("x",)), DEPARTS)
    assert decide(TABLE, held, (), DEPARTS + timedelta(minutes=30)) == Depart()
    assert isinstance(decide(TABLE, held, AGAINST, DEPARTS + timedelta(hours=1) - SECOND), Wait)
    late = decide(TABLE, held, AGAINST, DEPARTS + timedelta(hours=1))
    assert late == Miss("slipped", ("1.4.0 has not passed staging", "held for 3600 s, and no longer"))


def test_go_is_asked_of_those_who_say_it() -> None:
    assert [one.text for one in go_objections(TABLE, ONGOING)] == ["tally/weekly/2026-03-03T10:00Z waits for 1 more to say go: dana, frank"]
    assert go_objections(TABLE, called(ONGOING, "mallory", CUTS, True)) != ()
    going = called(ONGOING, "Dana", CUTS, True)
    assert go_objections(TABLE, going) == ()
    assert go_objections(TABLE, going, revoked=("dana",)) != ()
    stopped = called(going, "frank", CUTS, False, "the queue is full")
    assert [one.text for one in go_objections(TABLE, stopped)] == ["frank says no-go: the queue is full"]
    assert go_objections(TABLE, called(stopped, "frank", CUTS + SECOND, True)) == ()


ASKING = replace(ONGOING, late=(replace(LATE, boarded=None),))
BOARDED = boarded(ASKING, LATE.commit, "tally@1.4.1", CUTS)
WAITS = "tally/weekly/2026-03-03T10:00Z waits for 1 more to say go: dana, frank"


def says(train: Train, by: str = "dana", at: datetime = CUTS, go: bool = True) -> Train:
    return called(train, by, at, go, "" if go else "the queue is full")


@pytest.mark.parametrize(
    ("train", "why"),
    [
        pytest.param(
            boarded(says(ASKING), LATE.commit, "tally@1.4.1", CUTS),
            "dana's go was for tally@1.4.0, before bbbbbbbbbb boarded",
            id="a late change boards",
        ),
        pytest.param(
            ejected(says(BOARDED), [LATE.commit], "tally@1.4.2", "staging failed"),
            "dana's go was for tally@1.4.1, before bbbbbbbbbb was ejected",
            id="an eject",
        ),
        pytest.param(
            ejected(boarded(says(ASKING), LATE.commit, "tally@1.4.1", CUTS), [LATE.commit], "tally@1.4.0", "staging failed"),
            "dana's go was for tally@1.4.0, before bbbbbbbbbb boarded",
            id="an eject after which the same rides again",
        ),
        pytest.param(
            replace(says(ONGOING), release="tally@1.4.0-rc.2"),
            "dana's go was for tally@1.4.0, which is not what rides",
            id="a new candidate",
        ),
        pytest.param(
            replace(says(ONGOING), commit="c" * 40), "dana's go was for tally@1.4.0, which is not what rides", id="another commit"
        ),
        pytest.param(
            replace(ONGOING, calls=(Call("dana", CUTS, True),)),
            "dana's go was given before it was noted for what",
            id="a go of an earlier Headway",
        ),
    ],
)
def test_a_go_is_for_what_rode_when_it_was_said(train: Train, why: str) -> None:
    assert [one.text for one in go_objections(TABLE, train)] == [f"{WAITS}; {why}"]
    assert go_objections(TABLE, says(train, at=CUTS + SECOND)) == ()
    assert go_objections(replace(TABLE, go_needed=0), train) == ()


def test_a_no_go_stands_whatever_boards() -> None:
    train = says(boarded(says(ASKING, "frank", go=False), LATE.commit, "tally@1.4.1", CUTS))
    assert [one.text for one in go_objections(TABLE, train)] == ["frank says no-go: the queue is full"]


def test_the_next_train_is_scheduled_once_and_carries_what_the_last_left_behind() -> None:
    first = scheduled(TABLE, (), CUTS)
    assert first is not None
    assert (first.departs, first.cuts) == (DEPARTS, CUTS)
    assert scheduled(TABLE, (first,), CUTS) is None
    slipped = ended(replace(ONGOING, late=(replace(LATE, boarded=None, ejected="x"),)), Miss("slipped", ("x",)), DEPARTS)
    after = scheduled(TABLE, (slipped,), DEPARTS - SECOND)
    assert after is not None
    assert after.departs == DEPARTS + timedelta(days=7)
    assert after.carried == ("a" * 40, "b" * 40)


def test_punctuality_counts_what_did_not_leave_against_it() -> None:
    trains = [
        ended(ONGOING, Depart(), DEPARTS + timedelta(minutes=1)),
        ended(ONGOING, Depart(), DEPARTS + timedelta(minutes=20)),
        ended(ONGOING, Miss("slipped", ("staging failed",)), DEPARTS),
        ended(ONGOING, Miss("cancelled", ("nothing to ship",)), DEPARTS),
        UPCOMING,
    ]
    found = punctuality(trains)
    assert (found.on_time, found.late, found.missed, found.rate) == (1, 1, 2, 0.25)
    assert [why for _, why in found.reasons] == ["staging failed", "nothing to ship"]
    assert punctuality([UPCOMING]).rate is None


@given(
    st.sampled_from(MISSED),
    st.integers(-3 * 86400, 2 * 86400),
    st.booleans(),
    st.sampled_from(["upcoming", "ongoing", "held"]),
    st.booleans(),
)
def test_a_train_never_leaves_early_nor_against_an_objection_and_never_waits_for_ever(
    missed: str, seconds: int, bad: bool, state: str, late: bool
) -> None:
    now = DEPARTS + timedelta(seconds=seconds)
    train = replace(ONGOING if state != "upcoming" else UPCOMING, state=state, late=(LATE,) if late else ())  # type: ignore[arg-type]
    move = decide(replace(TABLE, missed=missed), train, AGAINST if bad else (), now)
    if isinstance(move, Depart):
        assert now >= DEPARTS
        assert not bad
    if isinstance(move, Wait):
        assert now < move.until
        assert now < DEPARTS + timedelta(hours=1)


@given(st.lists(st.sampled_from(["go", "no-go", "board", "eject", "candidate"]), max_size=8))
def test_whoever_is_let_go_was_so_after_the_last_change_of_what_rides(deeds: list[str]) -> None:
    train = ASKING
    for number, deed in enumerate(deeds):
        at = CUTS + number * SECOND
        match deed:
            case "board":
                train = boarded(train, LATE.commit, f"tally@1.4.{number}", at)
            case "eject":
                train = ejected(train, [LATE.commit], "tally@1.4.0", "staging failed")
            case "candidate":
                train = replace(train, release=f"tally@1.4.0-rc.{number}")
            case _:
                train = says(train, at=at, go=deed == "go")
    last = next((deed for deed in reversed(deeds)), None)
    assert (go_objections(TABLE, train) == ()) == (last == "go")


def test_nothing_is_cut_for_a_train_that_was_cancelled() -> None:
    def stations(state: str) -> int:
        return icalendar([TABLE], [replace(UPCOMING, state=state)], CUTS - timedelta(days=1), most=1).count("tally weekly is cut")  # type: ignore[arg-type]

    assert (stations("upcoming"), stations("cancelled")) == (1, 0)


def test_the_calendar_is_read_by_calendars() -> None:
    odd = replace(ONGOING, reasons=("a, b; c\\d\nnew line, and so long that it must be folded: " + "ü" * 60,))
    text = icalendar([TABLE], [odd], CUTS)
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert all(len(line.encode()) <= 75 for line in lines)
    assert "\n" not in text.replace("\r\n", "")
    whole = text.replace("\r\n ", "")
    assert "DESCRIPTION:a\\, b\\; c\\\\d\\nnew line\\, and so long that it must be folded: " + "ü" * 60 + "\r\n" in whole
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT")
    assert "SUMMARY:tally weekly departs" in whole
    assert "DTSTART:20260310T100000Z" in whole
    ids = [line for line in whole.split("\r\n") if line.startswith("UID:")]
    assert len(ids) == len(set(ids))
