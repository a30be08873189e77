"""What people may say to a running rollout, and what it changes."""

from dataclasses import replace
from datetime import datetime

from headway.rollout.model import Intent, Rollout, SetReplicas, Shift, Soak, Watch
from headway.rollout.moves import Said, calm, plan_of, present, word_of
from headway.rollout.phases import Phase, move
from headway.rollout.seen import Signal, Word


def in_vain(rollout: Rollout, word: Word) -> str | None:
    """Why this word would change nothing as things are, and what would; None where it is heard, or is so already."""
    match word, rollout.phase:
        case ((Word.ABORT | Word.WAKE), _):
            return None
        case Word.GIVE_UP, _:
            return None if rollout.stuck and rollout.phase is Phase.ROLLING_BACK else "only a way back that cannot be gone is given up"
        case _, Phase.PENDING:
            return f"it has not started, so there is nothing to {word.value}; `headway abort` withdraws it"
        case ((Word.PAUSE | Word.RESUME), Phase.ROLLING_BACK):
            return "it is on its way back, which nothing holds up"
        case Word.PAUSE, (Phase.HELD | Phase.PARKED):
            return "it stands still already, and waits for `headway retry` or `headway abort`"
        case Word.RETRY, Phase.PAUSED:
            return "it is paused; `headway resume` lets it go on"
        case Word.ADVANCE, Phase.PARKED:
            return "nobody knows what its last deed did; look, then `headway retry` or `headway abort`"
    return None


def listen(rollout: Rollout, signals: tuple[Signal, ...], now: datetime) -> tuple[Rollout, tuple[Said, ...]]:
    """Fold in what people said, in the order they said it. A word that does not fit the phase changes nothing."""
    said: list[Said] = []
    for signal in signals:
        heard = _hear(rollout, signal, now)
        if heard is not rollout:
            said.append(word_of(signal))
        rollout = heard
    return rollout, tuple(said)


def listen_on_the_way_back(rollout: Rollout, signals: tuple[Signal, ...]) -> tuple[Rollout, tuple[Said, ...]]:
    """There, three words count: advance (do not wait for the old release's full size), retry (now), give up (once it is stuck)."""
    said: list[Said] = []
    for signal in signals:
        match signal.word:
            case Word.ADVANCE:
                rollout = replace(rollout, advanced=True)
            case Word.RETRY:
                rollout = replace(calm(rollout), intent=by_force(rollout))
            case Word.GIVE_UP if rollout.stuck:
                rollout = replace(rollout, given_up=f"given up by {signal.by}" + (f": {signal.why}" if signal.why else ""))
            case _:
                continue
        said.append(word_of(signal))
    return rollout, tuple(said)


def _hear(rollout: Rollout, signal: Signal, now: datetime) -> Rollout:
    if rollout.hands and rollout.phase in {Phase.RUNNING, Phase.HELD} and signal.word in {Word.RETRY, Word.ADVANCE}:
        return _answered(rollout, signal.word, now)
    match signal.word, rollout.phase:
        case Word.PAUSE, Phase.RUNNING:
            why = f"paused by {signal.by}" + (f": {signal.why}" if signal.why else "")
            return replace(rollout, phase=move(rollout.phase, Phase.PAUSED), reasons=(why,))
        case Word.RESUME, Phase.PAUSED:
            return replace(rollout, phase=move(rollout.phase, Phase.RUNNING), reasons=(), undecided_since=None)
        case ((Word.RETRY | Word.RESUME), Phase.PARKED) if rollout.paused_from is Phase.ROLLING_BACK:
            return _back_again(rollout, now)
        case ((Word.RETRY | Word.RESUME), (Phase.HELD | Phase.PARKED)):
            return _again(rollout, now)
        case Word.RETRY, Phase.RUNNING:
            rerun = rollout.check is not None
            return replace(
                calm(rollout),
                intent=by_force(rollout),
                attempt=1,
                check=None,
                again=None,
                asked=rollout.asked and not rerun,
                undecided_since=None,
            )
        case Word.ADVANCE, (Phase.RUNNING | Phase.PAUSED) if isinstance(present(rollout), Watch | Soak):
            return replace(rollout, advanced=True)
        case Word.ADVANCE, Phase.HELD:
            return replace(_again(rollout, now), advanced=True)
    return rollout


def _answered(rollout: Rollout, word: Word, now: datetime) -> Rollout:
    """What somebody else did to its releases is accepted, or set right."""
    on = _again(rollout, now) if rollout.phase is Phase.HELD else replace(rollout, undecided_since=None)
    if word is Word.ADVANCE:
        return replace(on, accepted=(*on.accepted, *on.hands), hands=())
    return replace(on, mend=True, hands=())


def by_force(rollout: Rollout) -> Intent | None:
    """What is left undone, done whoever else has a hand on it: somebody was told, and asked for it again."""
    intent = rollout.intent
    if intent is None or rollout.trouble is None or not isinstance(intent.effect, SetReplicas):
        return intent
    return replace(intent, effect=replace(intent.effect, mend=True))


def _again(rollout: Rollout, now: datetime) -> Rollout:
    """Take up the present step anew; when traffic was taken away meanwhile, from the weight before it."""
    plan, cursor = plan_of(rollout), rollout.cursor
    if Phase.HELD in (rollout.phase, rollout.paused_from):
        while cursor > 0 and not isinstance(plan.steps[cursor], Shift):
            cursor -= 1
    return replace(
        calm(rollout),
        phase=move(rollout.phase, Phase.RUNNING),
        cursor=cursor,
        since=now,
        asked=False,
        attempt=1,
        check=None,
        run=None,
        again=None,
        intent=None,
        reasons=(),
        undecided_since=None,
        unready_since=None,
        late_since=None,
        paused_from=None,
    )


def _back_again(rollout: Rollout, now: datetime) -> Rollout:
    """It was on its way back when nobody could tell; a person's word does not turn it round again."""
    phase = move(rollout.phase, Phase.ROLLING_BACK)
    return replace(calm(rollout), phase=phase, since=now, intent=None, weighed_at=None, paused_from=None)
