"""The machine's own clock and chance."""

import secrets
import threading
import time
from datetime import UTC, datetime

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TICKS_PER_SECOND = 100_000
_TIME_WIDTH = 10
_CHANCE_WIDTH = 10

_lock = threading.Lock()
_last = 0


class SystemClock:
    """The only source of now: the machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def new_id() -> str:
    """An id nobody else has, 20 of [a-z0-9]: later ids sort after earlier ones, and within one process strictly so."""
    global _last  # noqa: PLW0603 - the order of ids is a fact about this process
    with _lock:
        # A clock that was set back must not make ids sort before those already given out.
        _last = max(_last + 1, time.time_ns() * _TICKS_PER_SECOND // 1_000_000_000)
        tick = _last
    return _in_base_36(tick, _TIME_WIDTH) + "".join(secrets.choice(_DIGITS) for _ in range(_CHANCE_WIDTH))


def token() -> str:
    """A value nobody can guess: the holder of a lease proves itself with it."""
    return secrets.token_hex(16)


def _in_base_36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")
