"""What runs already becomes the release that is replaced: no strategy, and no judge, has to know how it came there."""

import re
from dataclasses import dataclass

from headway.analysis.model import Thresholds
from headway.environments.model import Cluster, Configuration
from headway.releases.model import RunSpec
from headway.releases.version import version as read
from headway.rollout.model import Adopted, Plan, Scale, Side, Workload

_SHA = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Foundling:
    """What serves in a place although no Headway started it.

    `workload` is how the platform would call it, `image` what really runs, by digest, `named` the image as its manifest has it, `says` the
    version that it claims for itself. `others` are sentences: who wrote the fields that Headway is going to write. `by_hand` are the
    commands that give it all the traffic again.
    """

    workload: str
    what: str
    where: Adopted
    image: str = ""
    named: str = ""
    says: str = ""
    replicas: int = 0
    ready: int = 0
    others: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    unfit: str = ""
    """Why it cannot be adopted as it is; empty: it can."""

    @property
    def digest(self) -> str:
        """Of what runs."""
        return self.image.rpartition("@")[2]

    @property
    def tag(self) -> str:
        """Of the image as its manifest names it; empty if it has none, or one that means nothing."""
        last = self.named.partition("@")[0].rpartition("/")[2]
        return last.partition(":")[2]


def version_of(found: Foundling) -> str:
    """The version that it goes by when nobody says another: what it claims, what its tag says, or one that says nothing but which image."""
    for claimed in (found.says, found.tag):
        if (said := read(claimed.removeprefix("v"))) is not None:
            return str(said)
    return f"0.0.0-adopted.g{found.digest.removeprefix('sha256:')[:7]}"


def commit_in(tag: str) -> str | None:
    """The commit that an image's tag names, where a pipeline names images by commits: `1a2b3c4`, `main-1a2b3c4`, `sha-1a2b3c4`."""
    last = tag.rpartition("-")[2]
    return last if _SHA.fullmatch(last) and not last.isdigit() else None


def workload(found: Foundling, version: str, commit: str, run: RunSpec, cluster: Cluster) -> Workload:
    """It as a release: nothing is known of its configuration but that it is its own."""
    unknown = Configuration(digest="adopted")
    return Workload(found.workload, version, commit, found.digest, run, unknown, image=found.image, cluster=cluster, adopted=found.where)


def plan(one: Workload, ready: int) -> Plan:
    """What its adoption does: put it on the record, and nothing else. The old side is itself, so that no way back ever stops it."""
    steps = (Scale(Side.NEW, ready),)
    return Plan(new=one, old=one, replicas=ready, steps=steps, strategy="adopt", thresholds=Thresholds(mode="health"), keep_warm=0.0)


def sentences(found: Foundling, version: str, commit: str) -> tuple[str, ...]:
    """What is adopted, in words: for the plan, before anything is touched, and for the record."""
    size = f"{found.ready} of {found.replicas} replicas ready"
    return (
        f"{found.what} serves there already ({found.image}, {size}) and is adopted first, as {version} of {commit[:10]}: it keeps running, "
        "its pods untouched",
        *found.others,
    )
