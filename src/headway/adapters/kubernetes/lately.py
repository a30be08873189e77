"""What was asked a moment ago need not be asked again: a board that many look at, a judge who looks four times a second."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """Answers that stay good for some seconds, or until `forget`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[K, tuple[float, V]] = {}
        self._forgotten = 0
        self._lock = threading.Lock()

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer to this; whatever asking raises is no answer, and is asked again."""
        with self._lock:
            until, forgotten = self._known[key][0] if key in self._known else 0.0, self._forgotten
            if time.monotonic() < until:
                return self._known[key][1]
        answer = ask()
        with self._lock:
            # What somebody changed while we asked may not be in the answer.
            if forgotten == self._forgotten:
                self._known = {one: kept for one, kept in self._known.items() if time.monotonic() < kept[0]}
                self._known[key] = (time.monotonic() + self._seconds, answer)
        return answer

    def forget(self) -> None:
        """Something changed."""
        with self._lock:
            self._known.clear()
            self._forgotten += 1
