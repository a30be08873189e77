"""The day it is. Apart from `system.py`, whose chance takes longer to import than the next version takes to decide."""

from datetime import UTC, date, datetime


def today() -> date:
    """By the machine's clock, in UTC."""
    return datetime.now(UTC).date()
