"""A clock that stands still until told to go on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Virtual time: `pass_time` is the only thing that moves it, and only forward."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def pass_time(self, seconds: float) -> datetime:
        """Let so many seconds go by."""
        return self.go_to(self.at + timedelta(seconds=seconds))

    def go_to(self, when: datetime) -> datetime:
        """Let time go by until then; a time that has passed changes nothing."""
        self.at = max(self.at, when)
        return self.at
