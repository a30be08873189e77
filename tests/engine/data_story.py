"""A world with one environment and its database, in virtual time."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.releases.model import MigrationSpec
from headway.testing import FakeWorld, sample_release

URL = "env:PRODUCTION_DATABASE"


@dataclass
class Story:
    """A world with one environment and its database."""

    fake: FakeWorld
    commands: Commands
    seen: list[str] = field(default_factory=list)
    where: str = "production"

    def cut(self, version: str, files: dict[str, str]) -> str:
        release = replace(sample_release(version), migrations=MigrationSpec("migrations"))
        self.fake.migrations.files[release.commit] = files
        return self.fake.release(release).name

    def promote(self, version: str, seconds: float = 60.0) -> dict[str, object]:
        asked = self.commands.promote(f"tally@{version}", self.where, "alice")
        self.run(seconds)
        return self.shown(str(asked["rollout"]))

    def shown(self, rollout: str) -> dict[str, object]:
        return self.commands.rollout(rollout)

    def run(self, seconds: float = 60.0) -> None:
        end = self.fake.clock.now() + timedelta(seconds=seconds)
        for _ in self.turns():
            if self.fake.clock.now() >= end:
                return

    def turns(self) -> Iterator[None]:
        fake = self.fake
        while True:
            now = fake.clock.now()
            for held in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10):
                turned = turn(held, now, fake.world)
                while turned.held is not None and turned.again <= fake.clock.now():
                    turned = turn(turned.held, turned.saved, fake.world)
                if turned.held is not None:  # given back, as by a server that ends
                    at = turned.held.rollout
                    fake.world.rollouts.save(turned.held, at, why="turning", due=turned.again, until=None, now=fake.clock.now())
            fake.clock.pass_time(0.2)
            yield

    @property
    def ledger(self) -> list[int]:
        self.fake.migrations.settle()
        return sorted(self.fake.migrations.database(URL).rows)

    @property
    def said(self) -> str:
        return "\n".join(
            f"{one.event.what}: {'; '.join(one.event.why)}"
            for one in self.fake.ledger.tables.recorded
            if not one.stream.startswith("release")
        )
