"""What a server tells of itself in the text that Prometheus scrapes, format 0.0.4."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from headway import __version__
from headway.engine.measures import BOUNDS, Measures
from headway.environments.branches import shared_of
from headway.ports import Tallied
from headway.rollout.phases import Phase

TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOR_A_PERSON = frozenset({Phase.PAUSED.value, Phase.HELD.value, Phase.PARKED.value})
"""Nothing but somebody's word moves these; what is pending may also wait for a time or for another rollout."""

Labels = tuple[tuple[str, str], ...]


def exposition(measures: Measures, tally: Iterable[Tallied] | None, now: datetime) -> str:
    """All of it. Without a tally the record did not answer: that is told, and nothing that would look like zero rollouts."""
    return "".join(f"{line}\n" for line in (*_about(measures, tally), *_standing(tally or (), now), *_counted(measures), *_turns(measures)))


def _about(measures: Measures, tally: Iterable[Tallied] | None) -> Iterator[str]:
    yield from _family("headway_build_info", "gauge", "The version of this server.", [((("version", __version__),), 1)])
    yield from _family("headway_leader", "gauge", "1 on the server that follows branches and runs trains.", [((), measures.leads)])
    yield from _family("headway_record_up", "gauge", "1 while the record answers.", [((), tally is not None)])


def _standing(tally: Iterable[Tallied], now: datetime) -> Iterator[str]:
    numbers: dict[Labels, float] = {}
    oldest: dict[Labels, float] = {}
    people: dict[Labels, float] = {}
    for one in tally:
        where = ("environment", shared_of(one.environment))
        by = (where, ("state", one.phase))
        numbers[by] = numbers.get(by, 0) + one.count
        oldest[by] = max(oldest.get(by, 0.0), (now - one.oldest).total_seconds())
        people[where,] = people.get((where,), 0) + (one.count if one.phase in FOR_A_PERSON else 0)
    yield from _family("headway_rollouts", "gauge", "Rollouts that have not ended.", numbers.items())
    yield from _family("headway_rollouts_for_a_person", "gauge", "Those that nothing but a person's word moves.", people.items())
    about = "Since the first of those that have not ended was asked for."
    yield from _family("headway_rollout_oldest_seconds", "gauge", about, oldest.items())


COUNTED = (
    ("ended", "headway_rollouts_ended_total", "Rollouts that ended, as this server wrote it down."),
    ("rollbacks", "headway_rollbacks_total", "Releases that began to be replaced by the one before, by why."),
    ("verdicts", "headway_verdicts_total", "Verdicts that were acted on."),
    (
        "troubles",
        "headway_troubles_total",
        "Times that a rollout met trouble that is not its release's.",
    ),
    ("requests", "headway_http_requests_total", "Questions over the network, by the status of the answer."),
)


def _counted(measures: Measures) -> Iterator[str]:
    for what, name, about in COUNTED:
        yield from _family(name, "counter", about, measures.counts(what).items())


def _turns(measures: Measures) -> Iterator[str]:
    name, turns = "headway_turn_seconds", measures.turns()
    yield from _head(name, "histogram", "How long turns of rollouts took.")
    for bound, count in zip((*BOUNDS, "+Inf"), (*turns.within, turns.count), strict=True):
        yield _sample(f"{name}_bucket", (("le", str(bound)),), count)
    yield _sample(f"{name}_sum", (), turns.seconds)
    yield _sample(f"{name}_count", (), turns.count)


def _family(name: str, kind: str, about: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield from _head(name, kind, about)
    for labels, value in samples:
        yield _sample(name, labels, value)


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{told}}} {float(value):.10g}" if told else f"{name} {float(value):.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
