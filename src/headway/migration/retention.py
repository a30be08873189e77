"""Which backups stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """The newest `last`, and the newest of each of the last `days` days and `weeks` weeks."""

    last: int = 7
    days: int = 14
    weeks: int = 8

    def __post_init__(self) -> None:
        if self.last < 1 or self.days < 0 or self.weeks < 0:
            raise ValueError("a policy keeps at least the newest backup")


def kept(backups: Mapping[str, datetime], policy: Keep) -> frozenset[str]:
    """The names that stay. Days without a backup do not count: an outage of the schedule must not empty the shelf."""
    newest = sorted(backups, key=lambda name: (backups[name], name), reverse=True)
    return frozenset(
        (
            *newest[: policy.last],
            *_newest_of_each(newest, [f"{backups[name]:%Y-%m-%d}" for name in newest], policy.days),
            *_newest_of_each(newest, [f"{backups[name]:%G-%V}" for name in newest], policy.weeks),
        )
    )


def _newest_of_each(names: Sequence[str], spans: Sequence[str], most: int) -> Sequence[str]:
    first: dict[str, str] = {}
    for name, span in zip(names, spans, strict=True):
        first.setdefault(span, name)
    return tuple(first.values())[:most]
