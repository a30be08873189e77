"""Adding cumulative counters."""

from collections.abc import Mapping

from headway.analysis.model import Counters


def added(one: Counters, other: Counters) -> Counters:
    """Both together; `active` too, of which a past life has none."""
    edges = {*one.latency, *other.latency}
    return Counters(
        completed=one.completed + other.completed,
        failures=one.failures + other.failures,
        retries=one.retries + other.retries,
        refused=one.refused + other.refused,
        active=one.active + other.active,
        latency={edge: one.latency.get(edge, 0) + other.latency.get(edge, 0) for edge in sorted(edges)},
    )


def counted(some: Mapping[str, Counters], others: Mapping[str, Counters]) -> Mapping[str, Counters]:
    """Both together, name by name."""
    return {name: added(some.get(name, Counters()), others.get(name, Counters())) for name in sorted({*some, *others})}
