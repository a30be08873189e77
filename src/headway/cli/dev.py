"""`headway dev`: the local stage of one service. It needs no engine and no database, so it goes past `wiring`."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import FrameType

import rich_click as click
from rich.text import Text

from headway.cli.caller import Context, with_context
from headway.cli.context import talk
from headway.environments.local import told
from headway.errors import InvalidSpec, Unavailable
from headway.spec.file import File
from headway.spec.read import read

STYLES = ("cyan", "magenta", "green", "yellow", "blue")


@click.command()
@click.option("--service", metavar="NAME", help="Which service, if the file has several.")
@click.option("--file", "path", type=click.Path(path_type=Path), default="headway.yaml", show_default=True, help="The file to read.")
@click.option("--port", type=click.IntRange(1, 65535), help="Instead of the port of the file.")
@click.option("--reset", is_flag=True, help="Forget the state and run the seed again before starting.")
@with_context
def dev(context: Context, service: str | None, path: Path, port: int | None, reset: bool) -> None:
    """Run the working tree here: uncommitted changes too, started again on every change, mocked neighbours beside it. Ctrl-C ends it."""
    from headway.adapters.localloop import Wanted, keep
    from headway.adapters.localstage import LocalStage
    from headway.adapters.secrets import resolve

    def load() -> Wanted:
        file = _read(path)
        part = file.services[_chosen(file, service)]
        configuration = told(file.settings, part.local).configuration
        secrets = {name: _secret(name, reference, resolve) for name, reference in configuration.secrets.items()}
        return Wanted(part.run, part.local, {**configuration.values, **secrets}, port or part.local.port)

    name = _chosen(_read(path), service)
    folder = path.resolve().parent
    home = context.home / "local" / f"{name}-{sha256(str(folder).encode()).hexdigest()[:10]}"
    stage = LocalStage(name, folder, home, _teller(name))
    if reset:
        stage.reset()
    with _interruptible():
        try:
            keep(stage, load, threading.Event())
        except KeyboardInterrupt:
            stage.tell("headway", "stopped")


def _read(path: Path) -> File:
    try:
        return read(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidSpec(f"{path}: cannot be read: {error.strerror}; do: headway init") from error


def _chosen(file: File, service: str | None) -> str:
    names = tuple(file.services)
    if service is None and len(names) == 1:
        return names[0]
    if service not in names:
        asked = f'{file.path} has no service "{service}"' if service else f"{file.path} has {len(names)} services; say which with --service"
        raise InvalidSpec(f"{asked}; there are: {', '.join(names)}")
    return service


def _secret(name: str, reference: str, resolve: Callable[[str], str]) -> str:
    try:
        return resolve(reference)
    except Unavailable as error:
        raise Unavailable(f"{error}\nor give {name} a value for this machine: local: {{config: {{{name}: ...}}}}") from error


def _teller(service: str) -> Callable[[str, str], None]:
    """Lines with the name of who said them before; several threads tell."""
    lock = threading.Lock()
    styles = {"headway": "bold", service: STYLES[0]}

    def tell(who: str, text: str) -> None:
        with lock:
            style = styles.setdefault(who, STYLES[(len(styles) - 1) % len(STYLES)])
            for line in text.splitlines() or [""]:
                talk.print(Text(f"{who:>10} │ ", style=style).append(line, style=""), soft_wrap=True)

    return tell


@contextmanager
def _interruptible() -> Iterator[None]:
    """Whatever asks us to end is Ctrl-C; a second one does not stop the tidying up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for one in ASKED:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, interrupt) for one in ASKED}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMMANDS = (dev,)
