"""Adding cumulative counters."""

from collections.abc import Mapping

from headway.analysis.model import Counters


def counted(some: Mapping[str, Counters], others: Mapping[str, Counters]) -> Mapping[str, Counters]:
    """Both together, name by name."""
    return {name: some.get(name, Counters()) + others.get(name, Counters()) for name in sorted({*some, *others})}
