"""What the demo shows: where every release is, what users get, and what just happened."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headway.adapters.traffic.handle import Snapshot
from headway.cli.render import COLOURS

BARS = " ▁▂▃▄▅▆▇█"
REFRESH = 0.25
LINES = 14

Look = Callable[[], tuple[dict[str, Any] | None, Snapshot | None]]


class Display:
    """A live view on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._began = time.monotonic()
        self._lines: deque[Text] = deque(maxlen=LINES)
        self._title = ""
        self._look: Look = lambda: (None, None)
        self._seen: tuple[dict[str, Any] | None, Snapshot | None] = (None, None)
        self._stopping = threading.Event()
        self._asking = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def start(self, look: Look) -> None:
        """Show what `look` sees, a few times a second."""
        self._look = look
        if self._quiet or not self._console.is_terminal:
            return
        self._live = Live(self._view(), console=self._console, auto_refresh=False, transient=True)
        self._live.start()
        self._thread = threading.Thread(target=self._keep_showing, name="display", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the terminal as it was, with the story below it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._live is not None:
            self._live.stop()
            self._live = None
            for line in self._lines:
                self._console.print(line, soft_wrap=True)

    def act(self, title: str) -> None:
        """A new part of the story."""
        self._title = title
        self._say(Text(f"── {title} ", style="bold"))

    def does(self, person: str, command: str) -> None:
        """What a person types."""
        self._say(Text.assemble((f"{person} $ ", "dim"), (command, "cyan")))

    def tells(self, text: str, style: str = "") -> None:
        """What happened."""
        self._say(Text(text, style=style))

    def asks(self, question: Callable[[], bool]) -> bool:
        """Step aside while a person is asked."""
        if self._live is None:
            return question()
        self._asking.set()
        self._live.stop()
        try:
            return question()
        finally:
            self._live.start()
            self._asking.clear()

    def _say(self, line: Text) -> None:
        # One line each: a panel counts lines, and the newest must never fall out of it.
        stamped = Text.assemble((f"{time.monotonic() - self._began:5.1f} s  ", "dim"), line, no_wrap=True, overflow="ellipsis")
        self._lines.append(stamped)
        if self._live is None and not self._quiet:
            self._console.print(stamped, soft_wrap=True)

    def _keep_showing(self) -> None:
        while not self._stopping.is_set():
            self._seen = self._look()
            if self._live is not None and not self._asking.is_set():
                self._live.update(self._view(), refresh=True)
            self._stopping.wait(REFRESH)

    def _view(self) -> RenderableType:
        view, traffic = self._seen
        header = Text.assemble(
            ("Headway", "bold"), ("  from a push to production and back", "dim"), f"   {time.monotonic() - self._began:.0f} s"
        )
        return Group(
            header,
            _environments(view),
            _users(traffic),
            Panel(Group(*self._lines), title=self._title, border_style="dim", height=LINES + 2),
        )


def _environments(view: dict[str, Any] | None) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    places = view["places"] if view else []
    for _ in places:
        table.add_column(ratio=1)
    table.add_row(*(_environment(place) for place in places))
    return table


def _environment(place: dict[str, Any]) -> RenderableType:
    live = place["live"]["version"] if place["live"] else "nothing yet"
    lines: list[RenderableType] = [Text.assemble("live ", (live, "bold green" if place["live"] else "dim"))]
    rollouts = place["rollouts"]
    border = "dim"
    if rollouts:
        active = next((one for one in rollouts if one["phase"] != "pending"), rollouts[-1])
        version = active["release"].partition("@")[2]
        colour = COLOURS.get(active["phase"], "")
        border = colour or "dim"
        lines.append(Text.assemble(f"{version} ", (active["phase"], colour)))
        lines.append(_share(active["weight"]))
        lines.append(Text(_short(active["why"]), style="dim"))
    while len(lines) < 4:
        lines.append(Text(""))
    return Panel(Group(*lines), title=place["environment"], border_style=border, height=7)


def _share(weight: int) -> Text:
    filled = round(weight / 5)
    return Text.assemble(("█" * filled, "cyan"), ("░" * (20 - filled), "dim"), f" {weight:3d} %")


def _short(text: str) -> str:
    return text if len(text) <= 110 else text[:109] + "…"


def _users(traffic: Snapshot | None) -> RenderableType:
    if traffic is None:
        return Panel(Text("no users yet", style="dim"), title="production's users", border_style="dim")
    recent = traffic.seconds[-60:]
    top = max((second.counts.requests for second in recent), default=1) or 1
    line = Text()
    for second in recent:
        height = BARS[min(8, round(8 * second.counts.requests / top))]
        line.append(height, style="red" if second.counts.failed else "green")
    total = traffic.total
    waits = traffic.seconds[-1].counts if traffic.seconds else total
    figures = Text.assemble(
        f"{total.requests} requests, ",
        (f"{total.failed} failed", "red" if total.failed else "green"),
        f", last second {waits.requests}, p95 {1000 * (waits.percentile(95) or 0):.0f} ms",
    )
    return Panel(Group(line, figures), title="production's users", border_style="dim")
