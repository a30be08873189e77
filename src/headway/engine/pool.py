"""A few threads for what takes long, such as builds."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Pool:
    """Does what it is given, in order, `most` at a time. Its threads keep no process from ending: what they did is done again."""

    def __init__(self, most: int) -> None:
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._most = most
        self._started = False
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], None]) -> None:
        """Have this done as soon as somebody is free. It must not raise: there is nobody to hear it."""
        with self._lock:
            if not self._started:
                self._started = True
                for number in range(self._most):
                    threading.Thread(target=self._run, name=f"build-{number}", daemon=True).start()
        self._waiting.put(work)

    def _run(self) -> None:
        while True:
            self._waiting.get()()
