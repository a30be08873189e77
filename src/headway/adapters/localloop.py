"""Keeps the local stage current: looks at what changed, starts again what must, tells what became of it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headway.adapters.localstage import LocalStage
from headway.adapters.watching import changes
from headway.environments.local import Local, matters
from headway.errors import HeadwayError
from headway.releases.model import RunSpec


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall run, as the file says now."""

    run: RunSpec
    local: Local
    values: Mapping[str, str]
    port: int


@dataclass(slots=True)
class _Look:
    """What was told of the present run, so that it is told once."""

    began: float
    answered: bool = False
    late: bool = False


def keep(stage: LocalStage, load: Callable[[], Wanted], stop: threading.Event) -> None:
    """Run it until `stop` is set. The first start must succeed; a later one that does not is told, and the next change tries again."""
    wanted = load()
    try:
        found = changes(stage.folder, stop)
        next(found)  # it watches from now on: nothing that changes during the start is missed
        stage.start(wanted.run, wanted.local, wanted.values, wanted.port)
        look = _Look(time.monotonic())
        for changed in found:
            if relevant := matters(changed, wanted.local.watch):
                stage.tell("headway", f"changed: {', '.join(relevant[:3])}{' ...' if len(relevant) > 3 else ''}")
                wanted = _again(stage, load, wanted)
                look = _Look(time.monotonic())
            _tell(stage, wanted, look)
    finally:
        stage.stop(wanted.run.grace)


def _again(stage: LocalStage, load: Callable[[], Wanted], before: Wanted) -> Wanted:
    """Stop and start; with what was wanted before if the file has just become wrong."""
    wanted = before
    try:
        wanted = load()
    except HeadwayError as error:
        stage.tell("headway", f"{error}\nheadway.yaml is as it was before until that is mended")
    stage.stop(before.run.grace)
    try:
        stage.start(wanted.run, wanted.local, wanted.values, wanted.port)
    except HeadwayError as error:
        stage.tell("headway", f"{error}\nwaiting for a change")
    return wanted


def _tell(stage: LocalStage, wanted: Wanted, look: _Look) -> None:
    if (end := stage.ended()) is not None:
        stage.tell("headway", f"{end}; waiting for a change")
        look.answered = look.late = True
    if look.answered:
        return
    took = time.monotonic() - look.began
    if stage.answers(wanted.run.health):
        look.answered = True
        stage.tell("headway", f"ready at http://127.0.0.1:{wanted.port} after {took:.1f} s")
    elif took > wanted.run.ready_within and not look.late:
        look.late = True
        stage.tell(
            "headway", f"GET {wanted.run.health} does not answer 200 after {took:.0f} s: no release like this would ever get traffic"
        )
