"""What a registry says of a release's image just now, and what follows from that."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """An image as its registry has it. `means` is the digest of the tag by which the release was cut, if it was and still is there."""

    there: bool
    architectures: frozenset[str] = frozenset()
    """Those that it runs on; empty: it does not say."""
    means: str | None = None


def objections(image: str, found: Found, wanted: Iterable[str]) -> tuple[str, ...]:
    """Why no node could run it. Neither changes while the release is what it is: a digest is what it is for good."""
    if not found.there:
        return (f"there is no {image} in its registry, so no node could pull it; push exactly that, or cut a release of what is there",)
    if found.architectures and (lacking := sorted(set(wanted) - found.architectures)):
        has = ", ".join(sorted(found.architectures))
        return (f"{image} is for {has}, and its nodes are {', '.join(lacking)}; build it for these too and cut another version",)
    return ()


def advice(tag: str, digest: str, found: Found) -> tuple[str, ...]:
    """The release keeps its digest whatever becomes of the tag; whoever looks at the tag should know that it tells of something else."""
    if not tag or found.means == digest:
        return ()
    now = f"means {found.means[:19]}… now" if found.means else "is gone"
    return (f"the tag {tag}, by which it was cut, {now}; the release stays at {digest[:19]}…",)


def stray(found: Found, nodes: Iterable[str]) -> tuple[str, ...]:
    """Where nodes are of several kinds, some may be unable to run it, and the scheduler does not ask."""
    if not found.architectures or not (lacking := sorted(set(nodes) - found.architectures)):
        return ()
    instead = f"write nodeSelector: {{kubernetes.io/arch: {min(found.architectures)}}} for its pods"
    return (f"some nodes are {', '.join(lacking)}, for which the image is not made; {instead}",)
