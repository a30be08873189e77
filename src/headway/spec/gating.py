"""Freezes, checklists, gates, advice, people and trains of the file, as nouns."""

from collections.abc import Iterable, Mapping
from typing import Any

from headway.promotion.checklists import USUAL
from headway.promotion.model import Advisory, BreakGlass, Command, Freeze, Gate, Item
from headway.promotion.windows import Cron, Dated, Window
from headway.releases.model import CheckSpec
from headway.spec.shapes import NOTHING, Found
from headway.trains.model import Phase, Timetable


def groups(file: Found) -> dict[str, tuple[str, ...]]:
    """The groups and their people."""
    return {name: found.values() for name, found in file["people"]["groups"].parts()}


def expanded(names: Iterable[str], known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """People, with every group replaced by its people, each once."""
    return tuple(dict.fromkeys(person for name in names for person in known.get(name, (name,))))


def rules(file: Found, name: str, environment: Found) -> dict[str, Any]:
    """What the file says of who may enter this environment, and when: fields of its Stage."""
    known = groups(file)
    glass = file["people"]["break_glass"]
    return {
        "freezes": tuple(one for one in freezes(file, known) if not one.environments or name in one.environments),
        "break_glass": BreakGlass(expanded(glass["from"].values(), known), glass["within"].value) if glass.given else BreakGlass(),
        "checklist": tuple(item for one in environment["checklist"].values() for item in _checklist(file["checklists"][one], known)),
        "gates": tuple(gate(one, file) for one in environment["gates"].values()),
        "advisory": _advisory(environment["advisory"], known),
        "skipped": file["hotfix"]["skips"].values(),
        "revoked": file["people"]["revoked"].values(),
        "groups": known,
        "timezone": str(file["people"]["timezone"].value or "UTC"),
    }


def freezes(file: Found, known: Mapping[str, tuple[str, ...]]) -> tuple[Freeze, ...]:
    """The freezes that this file names."""
    return tuple(
        Freeze(
            name=name,
            window=_window(found),
            timezone=_zone(file, found),
            environments=found["environments"].values(),
            stops=found["stops"].values(),
            binds=found["binds"].values(),
            exempt=expanded(found["except"].values(), known),
            why=found["why"].value or "",
        )
        for name, found in file["freezes"].parts()
    )


def _window(found: Found) -> Window:
    if found["weekly"].given:
        weekly: Window = found["weekly"].value
        return weekly
    if found["cron"].given:
        return Cron(found["cron"].value, found["lasts"].value)
    return Dated(found["from"].value, found["until"].value)


def _checklist(found: Found, known: Mapping[str, tuple[str, ...]]) -> tuple[Item, ...]:
    own = {name: _item(name, item, known) for name, item in found["items"].parts()}
    usual = {item.name: item for item in USUAL} if found["usual"].value else {}
    return tuple((usual | own).values())


def _item(name: str, found: Found, known: Mapping[str, tuple[str, ...]]) -> Item:
    people = expanded(found["by"].values(), known)
    return Item(name, found["text"].value, found["when"].value, people, found["for"].values(), _command(name, found))


def _command(name: str, found: Found) -> Command | None:
    if not found["run"].given:
        return None
    timeout = found["timeout"].value or CheckSpec(name).timeout
    return Command(CheckSpec(name, found["run"].value, timeout=timeout, settings=found["settings"].values()), found["against"].value)


def gate(name: str, file: Found) -> Gate:
    """A question, as it is written."""
    found = file["gates"][name]
    return Gate(name, found["when"].value, found["why"].value or "", _zone(file, found))


def _zone(file: Found, found: Found) -> str:
    """By whose clock this is: its own word, else the team's."""
    return str(found["timezone"].value or file["people"]["timezone"].value or "UTC")


def _advisory(found: Found, known: Mapping[str, tuple[str, ...]]) -> Advisory | None:
    if not found.given:
        return None
    group = found["group"].value
    return Advisory(group, known[group], found["needed"].value, found["within"].value, found["risk"].value)


def trains(file: Found, order: Iterable[str]) -> tuple[Timetable, ...]:
    """The timetables. `order` are the environments in pipeline order: the last is where a train goes that says nothing."""
    return tuple(_timetable(name, found, file, tuple(order)) for name, found in file["trains"].parts())


def _timetable(name: str, found: Found, file: Found, order: tuple[str, ...]) -> Timetable:
    known = groups(file)
    phases = [_phase(phase, one, file) for phase, one in found["phases"].parts()]
    go = found["go"] if found["go"].given else NOTHING
    return Timetable(
        name=name,
        service=found["service"].value or next(one for one, _ in file["services"].parts()),
        departs=found["departs"].value,
        timezone=_zone(file, found),
        cut=found["cut"].value,
        to=found["to"].value or order[-1],
        branch=found["branch"].value,
        phases=tuple(sorted(phases, key=lambda phase: -phase.begins)),
        missed=found["missed"].value,
        grace=found["grace"].value,
        within=found["late_within"].value,
        go_needed=go["needed"].value or 0,
        go_people=expanded(go["from"].values(), known),
    )


def _phase(name: str, found: Found, file: Found) -> Phase:
    gates = tuple(gate(one, file) for one in found["gates"].values())
    return Phase(name, found["begins"].value, found["late"].value, found["approvals"].value, gates)
