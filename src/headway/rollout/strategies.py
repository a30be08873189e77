"""The strategies, as data: each turns a few numbers into the steps that decide() interprets."""

from collections.abc import Iterable, Iterator

from headway.rollout.dividing import pods_for
from headway.rollout.model import ALL, NONE, RunCheck, Scale, Shift, Side, Soak, Step, Watch, Weight
from headway.rollout.routing import BY_WEIGHT, Routing


def rolling(replicas: int, *, batch: int, old: bool, warm: bool, checks: Iterable[str], soak: float) -> tuple[Step, ...]:
    """Replace the old release batch by batch, its share of the traffic following its share of the replicas.

    With `warm` the old instances stay, idle, for an instant way back; without it each batch that arrives lets one go, for machines
    that cannot hold both.
    """
    return (*_batches(replicas, batch, old=old, warm=warm), *map(RunCheck, checks), Soak(soak))


def canary(
    replicas: int,
    *,
    weights: Iterable[int],
    holdback: int,
    old: bool,
    watch: float,
    preview: Iterable[str],
    checks: Iterable[str],
    soak: float,
    routing: Routing = BY_WEIGHT,
    beside: int = 0,
) -> tuple[Step, ...]:
    """Give the new release growing shares of the traffic, judged at each; never more traffic than its replicas can carry.

    With a `holdback` the old release keeps that many percent through the soak, so that the judge keeps something to compare with.
    With testers or copies, it is watched with them alone before its first share. Where pods divide the traffic, `beside` so many of the old
    release, there are as many new ones as come nearest to the share, never more than at full size; and nothing is held back: one old pod
    would keep far more than that.
    """
    if not old:  # nothing to compare with and nobody to lose: the first release takes it all at once
        return blue_green(replicas, preview=preview, checks=checks, soak=soak)
    holdback = 0 if beside else holdback
    shares = _shares(replicas, weights, 100 - holdback, watch, (*_preview(preview), *_alone(routing, watch)), routing.mirror, beside)
    last = (Shift(ALL),) if holdback else ()
    return (*shares, *map(RunCheck, checks), Soak(soak), *last)


def blue_green(replicas: int, *, preview: Iterable[str], checks: Iterable[str], soak: float) -> tuple[Step, ...]:
    """The whole new side beside the old one, looked at while idle; then all traffic in one move, and one move back."""
    return (Scale(Side.NEW, replicas), *_preview(preview), Shift(ALL), *map(RunCheck, checks), Soak(soak))


def straight(replicas: int) -> tuple[Step, ...]:
    """The way back after completion: bring the former release up to full size, then give it everything, at once."""
    return (Scale(Side.NEW, replicas), Shift(ALL))


def at_once(steps: Iterable[Step], replicas: int) -> tuple[Step, ...]:
    """The same with the new release whole from its first step on, and the old one left as it is: their sizes are an autoscaler's."""
    whole: Step = Scale(Side.NEW, replicas)
    up = False
    kept: list[Step] = []
    for step in steps:
        if not isinstance(step, Scale):
            kept.append(step)
        elif not up:
            kept.append(whole)
            up = True
    return tuple(kept)


def _batches(replicas: int, batch: int, *, old: bool, warm: bool) -> Iterator[Step]:
    if not old:
        yield Scale(Side.NEW, replicas)
        yield Shift(ALL)
        return
    arrived = 0
    while arrived < replicas:
        arrived = min(replicas, arrived + batch)
        yield Scale(Side.NEW, arrived)
        yield Shift(Weight(100 * arrived // replicas))
        if not warm:
            yield Scale(Side.OLD, replicas - arrived)


def _preview(checks: Iterable[str]) -> tuple[Step, ...]:
    return tuple(RunCheck(name, preview=True) for name in checks)


def _alone(routing: Routing, watch: float) -> tuple[Step, ...]:
    return (Shift(NONE), Watch(max(watch, routing.alone))) if routing.before_weight else ()


def _shares(
    replicas: int, weights: Iterable[int], last: int, watch: float, before: tuple[Step, ...], mirror: int, beside: int
) -> Iterator[Step]:
    up = 0
    for percent in (*(weight for weight in weights if weight < last), last):
        # Rounded up, and at full size before the last share: what is held back comes without another wait.
        load = percent if up else max(percent, mirror)  # copies are load too, and come before the first share
        needed = replicas if percent == last else max(1, -(-replicas * load // 100))
        if beside and percent < last:
            needed = max(needed, pods_for(percent, beside, replicas))
        if needed > up:
            yield Scale(Side.NEW, needed)
        if not up:
            yield from before
        up = max(up, needed)
        yield Shift(Weight(percent))
        if percent < last:
            yield Watch(watch)
