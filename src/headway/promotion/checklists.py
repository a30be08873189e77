"""Is everything on the list ticked, for exactly this release?

A tick is bound to the artifact by its digest. The last word about an item counts; a machine's item is answered by its expression, or by
the last run of its command, alone, and no person can tick it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headway.promotion.model import Candidate, Item, ItemRun, Objection, Tick
from headway.promotion.people import same_person

USUAL = (
    Item("passed-before", "it passed every stage before this one", when="environment.after.all(name, name in release.passed)"),
    Item("migrations-rehearsed", "its migrations ran on a copy of the data, or it has none"),
    Item("rollback-rehearsed", "the way back was tried in the stage before, and took no longer than it may"),
    Item("config-diff-read", "somebody read what changes in the settings (headway plan shows it)"),
    Item("dashboards-ready", "the dashboards that show whether it works are open"),
    Item("on-call-ready", "whoever is on call knows that it goes out, and what to look at"),
    Item("notes-written", "the notes say what changes for users"),
    Item("stakeholders-told", "support and whoever else is asked about it have been told"),
)
"""What most teams tick before production."""

State = Literal["open", "ticked", "unticked"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How one item stands: whether, on whose word, and what they said."""

    item: Item
    state: State
    by: str = ""
    said: str = ""
    tick: Tick | None = None
    run: ItemRun | None = None


def answers(
    candidate: Candidate,
    items: Sequence[Item],
    ticks: Sequence[Tick],
    machine: Mapping[str, bool | str],
    runs: Sequence[ItemRun] = (),
) -> tuple[Answer, ...]:
    """Every item that concerns this kind of release. `machine` has the expressions' answers by item: true, false, or why there is none."""
    return tuple(_answer(candidate, item, ticks, machine, runs) for item in concerning(candidate, items))


def concerning(candidate: Candidate, items: Sequence[Item]) -> tuple[Item, ...]:
    """The items for this kind of release; where nobody could tell the kind, all of them."""
    return tuple(item for item in items if not item.kinds or candidate.kind in {*item.kinds, ""})


def last_run(item: Item, digest: str, runs: Sequence[ItemRun]) -> ItemRun | None:
    """How the newest go of this item's command for this artifact stands."""
    mine = (run for run in runs if (run.item, run.digest) == (item.name, digest))
    return max(mine, key=lambda run: (run.number, run.state != "asked"), default=None)


def objections(
    candidate: Candidate,
    items: Sequence[Item],
    ticks: Sequence[Tick],
    machine: Mapping[str, bool | str],
    revoked: Sequence[str] = (),
    runs: Sequence[ItemRun] = (),
) -> tuple[Objection, ...]:
    """One for each item that is not ticked."""
    counting = [tick for tick in ticks if not any(same_person(tick.by, name) for name in revoked)]
    return tuple(Objection(_text(candidate, one)) for one in answers(candidate, items, counting, machine, runs) if one.state != "ticked")


def may_tick(by: str, item: Item, revoked: Sequence[str] = ()) -> str | None:
    """Why this person cannot answer this item; None if they can."""
    if item.when is not None:
        return f"{item.name} is answered by a machine: {item.when}"
    if item.command is not None:
        return f"{item.name} is answered by a machine: {' '.join(item.command.check.argv)}; to have it run again: headway checklist run"
    if not same_person(by, by):
        return f"{item.name} needs somebody with a name"
    if any(same_person(by, name) for name in revoked):
        return f"{by} no longer speaks for anything here"
    if item.people and not any(same_person(by, name) for name in item.people):
        return f"{by} may not tick {item.name}; these may: {', '.join(item.people)}"
    return None


def _answer(candidate: Candidate, item: Item, ticks: Sequence[Tick], machine: Mapping[str, bool | str], runs: Sequence[ItemRun]) -> Answer:
    if item.command is not None:
        return _ran(item, last_run(item, candidate.digest, runs), machine.get(item.name))
    if item.when is not None:
        found = machine.get(item.name, "nobody asked")
        if isinstance(found, str):
            return Answer(item, "open", "headway", found)
        return Answer(item, "ticked" if found else "unticked", "headway", item.when)
    given = (tick for tick in ticks if (tick.item, tick.digest) == (item.name, candidate.digest) and may_tick(tick.by, item) is None)
    # At the same instant the bad news counts.
    last = max(given, key=lambda tick: (tick.at, not tick.good, tick.by, tick.comment), default=None)
    if last is None:
        return Answer(item, "open")
    return Answer(item, "ticked" if last.good else "unticked", last.by, last.comment, last)


def _ran(item: Item, run: ItemRun | None, not_yet: bool | str | None) -> Answer:
    match run.state if run is not None else None:
        case None:
            return Answer(item, "open", "headway", str(not_yet or "its command has not run yet"))
        case "asked":
            return Answer(item, "open", "headway", "its command runs", run=run)
        case "passed":
            return Answer(item, "ticked", "headway", run.text if run else "", run=run)
        case "failed":
            return Answer(item, "unticked", "headway", run.text if run else "", run=run)
        case _:  # trouble on our side is no evidence, neither way
            return Answer(item, "open", "headway", run.text if run else "", run=run)


def _text(candidate: Candidate, answer: Answer) -> str:
    item, said = answer.item, f": {answer.said.strip()}" if answer.said.strip() else ""
    if item.command is not None:
        log = f" (log: {answer.run.log})" if answer.run and answer.run.log else ""
        word = "failed" if answer.state == "unticked" else "has no answer yet"
        return f"{item.name} on the checklist {word} for {candidate.version}{said}{log}"
    if item.when is not None and answer.state == "open":
        return f"{item.name} on the checklist cannot be answered for {candidate.version}{said}"
    if item.when is not None:
        return f"{item.name} on the checklist does not hold for {candidate.version}: {item.text} ({item.when})"
    if answer.state == "open":
        who = f" (by {', '.join(item.people)})" if item.people else ""
        return f"{item.name} on the checklist is not ticked for {candidate.version}{who}: {item.text}"
    return f"{item.name} on the checklist was unticked for {candidate.version} by {answer.by}{said}"
