"""Changes of files below a folder, as they happen."""

import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

_SETTLED = 60
"""Milliseconds without a further change: an editor that saves, or a checkout, is one change."""


class _Ours(DefaultFilter):
    """What the library leaves out (.git, caches, editors' leftovers), whatever the folder above is called."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, str(Path("/", Path(path).relative_to(self._folder))))


def changes(folder: Path, stop: threading.Event) -> Iterator[tuple[str, ...]]:
    """The paths that changed, relative to the folder; nothing, a few times a second, while nothing does. Ends when `stop` is set."""
    whole = folder.resolve()
    found = watch(
        whole, watch_filter=_Ours(whole), debounce=400, step=_SETTLED, stop_event=stop, rust_timeout=200, yield_on_timeout=True,
    )  # fmt: skip
    for batch in found:
        yield tuple(sorted({Path(path).relative_to(whole).as_posix() for _, path in batch}))
