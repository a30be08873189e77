"""How requests find the new release besides by its share of the traffic: testers ask for it, users stay with it, copies are sent to it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mark:
    """By which testers are known: they send exactly this value in a header, or a cookie, of this name."""

    by: Literal["header", "cookie"]
    name: str
    value: str

    def __str__(self) -> str:
        return f"the {self.by} {self.name}: {self.value}" if self.by == "header" else f"the cookie {self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Routing:
    """What a canary does with requests besides dividing them by weights, as the file says it.

    `testers` reach the new release before it has any weight, and for as long as it has not all. `sticky`: nobody is thrown back while the
    weight grows. `mirror` percent of what users read is copied to the new release while it has no weight; nobody sees its answers.
    `alone` seconds, at least, it stays with testers and copies before it gets its first share.
    """

    testers: tuple[Mark, ...] = ()
    sticky: bool = False
    mirror: int = 0
    alone: float = 0.0

    @property
    def before_weight(self) -> bool:
        """Does anything reach the new release before it has weight?"""
        return bool(self.testers or self.mirror)


BY_WEIGHT = Routing()
"""Nothing besides."""
