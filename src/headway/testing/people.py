"""The people who are told."""

from dataclasses import dataclass, field

from headway.errors import Unavailable
from headway.ports import Notice
from headway.rollout.news import News


@dataclass
class FakeHerald:
    """Keeps what it was told."""

    told: list[News] = field(default_factory=list)

    def tell(self, news: News) -> None:
        self.told.append(news)


@dataclass
class FakeNotifier:
    """Keeps what it was given; `down` makes it not answer."""

    sent: list[Notice] = field(default_factory=list)
    down: bool = False

    def send(self, notice: Notice) -> None:
        if self.down:
            raise Unavailable(f"nobody answers at {notice.target}")
        self.sent.append(notice)
