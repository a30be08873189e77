"""What is remembered of replicas that ended when nobody asked them to: how often, why, and what they said last."""

from collections import deque

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
WITHIN = 60.0
TOO_OFTEN = 3


class Exits:
    """One workload's unasked exits. Times are those of a steady clock."""

    def __init__(self) -> None:
        self._ended: deque[tuple[float, str]] = deque(maxlen=50)
        self._hopeless = ""
        self.log: tuple[str, ...] = ()

    def count(self, now: float, why: str, log: tuple[str, ...]) -> None:
        """One more."""
        self._ended.append((now, why))
        self.log = log

    def despair(self, why: str) -> None:
        """This alone is bad news: the command cannot be started, or it was not ready in its time."""
        self._hopeless = why

    def recover(self) -> None:
        """All that is wanted is ready."""
        self._hopeless = ""

    def wait_until(self) -> float:
        """No new replica before: 0.2 s after the first exit, doubling to 10 s."""
        if not self._ended:
            return 0.0
        last = self._ended[-1][0]
        return last + min(FIRST_WAIT * 2.0 ** (len(self._recent(last)) - 1), LONGEST_WAIT)

    def bad_news(self, now: float) -> tuple[str, ...]:
        """What no waiting will mend; empty while there is hope."""
        if self._hopeless:
            return (self._hopeless,)
        recent = self._recent(now)
        if len(recent) < TOO_OFTEN:
            return ()
        return (f"{len(recent)} exits within {WITHIN:g} s, the last: {recent[-1]}",)

    def _recent(self, now: float) -> list[str]:
        return [why for at, why in self._ended if now - at < WITHIN]
