"""Freezes, checklists, gates, advice, groups, trains and hotfixes in the file: what they become, and what is wrong with them."""

from datetime import datetime, time

import pytest

from headway.errors import InvalidSpec
from headway.promotion.checklists import USUAL
from headway.promotion.model import Advisory, BreakGlass, Command, Freeze, Gate, Item, Stage
from headway.promotion.windows import Cron, Dated, Weekly
from headway.releases.model import CheckSpec
from headway.spec.file import File
from headway.spec.read import read
from headway.spec.views import stages
from headway.trains.model import Phase, Timetable

HEAD = "services: {web: {run: app}}\nenvironments: {staging: {}, production: {%s}}\n"


def file(lines: str, production: str = "") -> File:
    return read(HEAD % production + lines)


def stage(lines: str, production: str = "", name: str = "production") -> Stage:
    return next(one for one in stages(file(lines, production), "web") if one.environment.name == name)


def faults(lines: str, production: str = "") -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        file(lines, production)
    return [fault.removeprefix("headway.yaml:") for fault in caught.value.faults]


def test_freezes_come_in_three_forms_and_to_the_environments_they_name() -> None:
    text = """\
freezes:
  weekends: {weekly: Fri 16:00 to mon 08:00, timezone: Europe/Berlin, why: nobody watches}
  nights: {cron: 0 22 * * *, lasts: 8h, environments: production, stops: [promote, approve], binds: automation}
  year-end: {from: 2026-12-20 00:00, until: 2027-01-04 08:00, environments: staging, except: carol}
"""
    weekends = Freeze("weekends", Weekly(4, time(16), 0, time(8)), "Europe/Berlin", why="nobody watches")
    nights = Freeze("nights", Cron("0 22 * * *", 28800), "UTC", ("production",), ("promote", "approve"), ("automation",))
    dated = Dated(datetime(2026, 12, 20), datetime(2027, 1, 4, 8))
    assert stage(text).freezes == (weekends, nights)
    assert stage(text, name="staging").freezes == (weekends, Freeze("year-end", dated, "UTC", ("staging",), exempt=("carol",)))


def test_the_team_s_clock_is_that_of_all_that_names_no_other() -> None:
    text = """\
people: {timezone: Europe/Berlin}
freezes: {nights: {cron: 0 22 * * *, lasts: 8h}, days: {cron: 0 8 * * *, lasts: 1h, timezone: Asia/Tokyo}}
gates: {day: time.hour > 8, there: {when: time.hour > 8, timezone: UTC}}
"""
    found = stage(text, "gates: [day, there]")
    assert [one.timezone for one in (found, *found.freezes, *found.gates)] == [
        "Europe/Berlin", "Europe/Berlin", "Asia/Tokyo", "Europe/Berlin", "UTC",
    ]  # fmt: skip


def test_an_item_may_be_answered_by_a_command() -> None:
    text = """\
checklists: {release: {items: {load: {text: it carries the load, run: ./load.sh, against: staging, timeout: 5m, settings: [TOKEN]}}}}
"""
    command = Command(CheckSpec("load", ("./load.sh",), timeout=300, settings=("TOKEN",)), "staging")
    assert stage(text, "checklist: release").checklist == (Item("load", "it carries the load", command=command),)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        pytest.param("run: a, by: zoe", "has run and by, expected one that answers it", id="a command and a person"),
        pytest.param('run: a, when: "true"', "has when and run, expected one that answers it", id="a command and an expression"),
        pytest.param("timeout: 5m", "has timeout, which only run uses", id="a time for nothing"),
        pytest.param("run: a, against: stagin", 'against names "stagin", which is not there; did you mean "staging"?', id="nowhere"),
    ],
)
def test_an_item_has_one_that_answers_it(item: str, fault: str) -> None:
    (told,) = faults(f"checklists: {{release: {{items: {{load: {{text: it carries the load, {item}}}}}}}}}\n")
    assert fault in told


def test_a_group_stands_for_its_people_wherever_people_are_named() -> None:
    text = """\
people: {groups: {cab: [dana, frank], ops: [erin, dana]}, revoked: mallory, break_glass: {from: [ops, zoe], within: 20m}}
freezes: {nights: {cron: 0 22 * * *, lasts: 8h, except: cab}}
checklists: {release: {items: {load: {text: it carries the load, by: ops}}}}
"""
    found = stage(text, "approvals: {needed: 3, from: [cab, ops]}, advisory: {group: cab, needed: 2, risk: high}, checklist: release")
    assert found.approvals.people == ("dana", "frank", "erin")
    assert found.break_glass == BreakGlass(("erin", "dana", "zoe"), 1200)
    assert found.freezes[0].exempt == ("dana", "frank")
    assert found.checklist == (Item("load", "it carries the load", people=("erin", "dana")),)
    assert found.advisory == Advisory("cab", ("dana", "frank"), 2, risk="high")
    assert found.revoked == ("mallory",)


def test_a_checklist_may_start_with_the_usual_items_and_replace_some() -> None:
    fast = "{text: it is fast, when: metrics.requests > 9, for: major}"
    text = f"checklists: {{release: {{usual: true, items: {{notes-written: ours, fast: {fast}}}}}}}"
    found = stage(text, "checklist: release").checklist
    assert [item.name for item in found] == [*(item.name for item in USUAL), "fast"]
    assert next(item for item in found if item.name == "notes-written").text == "ours"
    assert found[-1] == Item("fast", "it is fast", "metrics.requests > 9", kinds=("major",))


def test_gates_are_named_once_and_used_where_they_are_wanted() -> None:
    text = "gates: {early: time.hour < 16, calm: {when: metrics.error_rate < 0.01, why: it must be calm, timezone: Europe/Berlin}}"
    assert stage(text, "gates: calm").gates == (Gate("calm", "metrics.error_rate < 0.01", "it must be calm", "Europe/Berlin"),)
    assert stage(text, "gates: calm", "staging").gates == ()


def test_a_train_takes_what_it_does_not_say_from_the_file() -> None:
    text = """\
gates: {early: time.hour < 16}
people: {groups: {leads: [dana]}}
trains:
  weekly:
    departs: 0 10 * * tue
    timezone: Europe/Berlin
    cut: 2d
    phases: {freeze: {begins: 1d, late: blockers, approvals: 2, gates: early}, stabilise: {begins: 2d}}
    missed: eject
    go: leads
"""
    (found,) = file(text).trains
    assert found == Timetable(
        "weekly",
        "web",
        "0 10 * * tue",
        "Europe/Berlin",
        172800,
        "production",
        phases=(Phase("stabilise", 172800), Phase("freeze", 86400, "blockers", 2, (Gate("early", "time.hour < 16"),))),
        missed="eject",
        go_needed=1,
        go_people=("dana",),
    )


def test_what_a_hotfix_may_skip_is_named() -> None:
    assert stage("hotfix: {skips: staging}").skipped == ("staging",)
    assert stage("").skipped == ()


@pytest.mark.parametrize(
    ("lines", "production", "found"),
    [
        pytest.param(
            "freezes: {x: {weekly: friday 16:00 to mon 08:00}}",
            "",
            '3:23: freezes.x.weekly is "friday 16:00 to mon 08:00", expected a part of the week such as fri 16:00 to mon 08:00; '
            "days are mon, tue, wed, thu, fri, sat, sun",
            id="a day written out",
        ),
        pytest.param(
            "freezes: {x: {cron: 0 25 * * *, lasts: 1h}}",
            "",
            '3:21: freezes.x.cron is "0 25 * * *", expected five fields of cron such as "0 22 * * mon-fri"; bad hour',
            id="no such hour",
        ),
        pytest.param(
            "freezes: {x: {cron: 0 0 30 2 *, lasts: 1h}}",
            "",
            '3:21: freezes.x.cron is "0 0 30 2 *", expected five fields of cron such as "0 22 * * mon-fri"; bad day-of-month',
            id="a day that never comes",
        ),
        pytest.param("freezes: {x: {cron: 0 22 * * *}}", "", "3:15: freezes.x has cron, expected lasts with it", id="cron alone"),
        pytest.param(
            "freezes: {x: {from: 2026-12-20 00:00, until: 2026-12-19 00:00}}", "", "3:46: freezes.x ends before it begins", id="backwards"
        ),
        pytest.param(
            "freezes: {x: {from: 2026-02-30 00:00, until: 2026-12-19 00:00}}",
            "",
            '3:21: freezes.x.from is "2026-02-30 00:00", expected a date and time such as 2026-12-20 00:00; there is no such day',
            id="no such day",
        ),
        pytest.param(
            "freezes: {x: {weekly: fri 16:00 to mon 08:00, timezone: Europe/Berln}}",
            "",
            '3:57: freezes.x.timezone is "Europe/Berln", expected the name of a timezone such as Europe/Berlin or UTC',
            id="no such timezone",
        ),
        pytest.param(
            "freezes: {x: {weekly: fri 16:00 to mon 08:00, environments: prod}}",
            "",
            '3:61: freezes.x.environments names "prod", which is not there; the environments are staging, production',
            id="no such environment",
        ),
        pytest.param(
            "gates: {x: release.vresion == '1'}",
            "gates: x",
            "3:12: gates.x is \"release.vresion == '1'\", expected an expression (CEL) that is true or false; "
            'there is no field vresion; did you mean "version"?, at 9',
            id="a misspelt field",
        ),
        pytest.param(
            "gates: {x: release.ref.matches('v(1')}",
            "gates: x",
            "3:12: gates.x is \"release.ref.matches('v(1')\", expected an expression (CEL) that is true or false; "
            "'v(1' is no regular expression: unclosed group, at 21",
            id="a regular expression that does not compile",
        ),
        pytest.param(
            "", "gates: early", '2:49: environments.production.gates names "early", which is not there; there are no gates', id="no gate"
        ),
        pytest.param(
            "people: {groups: {cab: [dana]}}",
            "advisory: {group: cab, needed: 2}",
            "2:52: environments.production.advisory needs 2, but cab has 1; that could never open",
            id="a group that is too small",
        ),
        pytest.param(
            "people: {groups: {cab: [dana]}}",
            "advisory: cap",
            '2:52: environments.production.advisory names "cap", which is not there; did you mean "cab"?',
            id="no such group",
        ),
        pytest.param(
            "checklists: {a: {items: {notes: x}}, b: {items: {notes: y}}}",
            "checklist: [a, b]",
            '2:57: environments.production.checklist has "notes" from a and from b, expected it once',
            id="an item twice",
        ),
        pytest.param(
            "trains: {x: {departs: 0 10 * * tue, cut: 1d, phases: {a: {begins: 1d, late: blockers}, b: {begins: 2h, late: fixes}}}}",
            "",
            "3:88: trains.x.phases.b lets board what a before it does not; criteria tighten",
            id="criteria that loosen",
        ),
        pytest.param(
            "trains: {x: {departs: 0 10 * * tue, cut: 1d, phases: {a: {begins: 2d}}}}",
            "",
            "3:67: trains.x.phases.a begins before the cut",
            id="a phase before the cut",
        ),
        pytest.param(
            "hotfix: {skips: stagin}",
            "",
            '3:17: hotfix.skips names "stagin", which is not there; did you mean "staging"?',
            id="a skipped stage",
        ),
    ],
)
def test_a_fault_says_where_what_and_what_instead(lines: str, production: str, found: str) -> None:
    assert faults(lines, production) == [found]


def test_all_faults_come_at_once() -> None:
    assert len(faults("freezes: {x: {cron: never}}\ngates: {y: 1 + 1}\ntrains: {z: {}}", "checklist: none-such")) >= 4
