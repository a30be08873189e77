"""Words that would change nothing are answered, not swallowed."""

from dataclasses import replace

import pytest
from makers import NOW, at, canary_plan, under_way

from headway.rollout.hear import in_vain, listen, listen_on_the_way_back
from headway.rollout.model import Watch
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Signal, Word

SAID = [word for word in Word if word is not Word.WAKE]
BUT_THE_ENDED = [phase for phase in Phase if phase not in ENDED and phase is not Phase.PENDING]


@pytest.mark.parametrize("phase", BUT_THE_ENDED, ids=[one.value for one in BUT_THE_ENDED])
@pytest.mark.parametrize("word", SAID, ids=[one.value for one in SAID])
def test_whoever_is_told_that_it_would_change_nothing_is_told_the_truth(word: Word, phase: Phase) -> None:
    plan = canary_plan()
    rollout = replace(under_way(plan, at(plan, Watch), weight=25), phase=phase)
    signals = (Signal(word, "ada", NOW),)
    if phase is Phase.ROLLING_BACK:
        changed = bool(listen_on_the_way_back(rollout, signals)[1])
    else:
        changed = listen(rollout, signals, NOW)[0] != rollout
    done_elsewhere = word is Word.ABORT  # decide() hears it first
    so_already = (word, phase) in {(Word.PAUSE, Phase.PAUSED), (Word.RESUME, Phase.RUNNING), (Word.RETRY, Phase.RUNNING)}
    assert (in_vain(rollout, word) is None) is (changed or done_elsewhere or so_already)
