"""How the instances of one release behave on the fake platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """One release's behaviour. Times in seconds since an instance started (`spoils_after`: since the first of them did).

    `errors` is the share of requests that fail, once it has spoiled; `slow` the share answered in `slow_ms` instead of `quick_ms`;
    `silent` leaves no counters to be read; `hangs` answers nothing until the proxy gives up.
    """

    ready_after: float = 2.0
    stops_after: float = 1.0
    errors: float = 0.0
    spoils_after: float = 0.0
    slow: float = 0.0
    quick_ms: float = 25.0
    slow_ms: float = 2500.0
    silent: bool = False
    hangs: bool = False
    never_ready: bool = False
    crashes: bool = False
    """At every start: bad news that no waiting will mend."""
    dies_after: float | None = None
    """An instance that ran for so long stops answering, and stays that way."""

    @property
    def good(self) -> bool:
        """Is there nothing to hold against it?"""
        blameless = not (self.errors or self.slow or self.silent or self.hangs or self.never_ready or self.crashes)
        return blameless and self.dies_after is None


GOOD = Script()
ERRORS = Script(errors=0.5)
SLOW = Script(slow=0.6)
SILENT = Script(silent=True)
HANGS = Script(hangs=True)
NEVER_READY = Script(never_ready=True)
CRASHES = Script(crashes=True)
LEAKS = Script(errors=0.5, spoils_after=60.0)
DIES_LATER = Script(dies_after=40.0)
