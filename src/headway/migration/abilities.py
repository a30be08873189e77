"""What a migration tool that is not ours can do, as its adapter declares it. What is not declared is never assumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Promises:
    """What a tool can and cannot do, for the plan. `atomic`: a migration that fails leaves nothing of itself."""

    atomic: bool
    has_down: bool
    has_checksum: bool
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> "Promises":
        """Back from what a view says."""
        return cls(bool(view["atomic"]), bool(view["has_down"]), bool(view["has_checksum"]), tuple(view["notes"]))

    @property
    def words(self) -> tuple[str, ...]:
        """The same as sentences."""
        return (
            "a migration that fails leaves nothing of itself" if self.atomic else "a failure may leave a migration half applied",
            "it has a way down" if self.has_down else "it has no way down",
            "it notices a changed file" if self.has_checksum else "it does not notice a file that changed after it was applied",
            *self.notes,
        )


@dataclass(frozen=True, slots=True)
class ByTool:
    """The tool that migrates for a rollout, by the release's own command, and what it promised when the plan was frozen."""

    name: str
    service: str
    promises: Promises
    command: tuple[str, ...] = ()
    """Empty: the tool's usual one."""
    url_in: str = "DATABASE_URL"
    """The variable in which it gets the database's URL."""
