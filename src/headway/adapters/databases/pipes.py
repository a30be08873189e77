"""Programs in a row, each reading what the one before wrote. All must end well: a dump that was cut short is found by its end."""

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from headway.errors import HeadwayError, Unavailable

Argv = Sequence[str]


@contextmanager
def row(
    commands: Sequence[Argv],
    environment: Mapping[str, str],
    mask: Callable[[object], str],
    feed: Iterable[bytes] | BinaryIO | None = None,
    into: BinaryIO | None = None,
) -> Iterator[IO[bytes] | None]:
    """Start them. Gives the last one's output, unless it goes `into` a file; on the way out waits, and raises unless all ended with 0."""
    with tempfile.TemporaryFile() as said:
        running: list[subprocess.Popen[bytes]] = []
        feeding: threading.Thread | None = None
        direct = feed is not None and hasattr(feed, "fileno")
        source: object = feed if direct else (subprocess.PIPE if feed is not None else subprocess.DEVNULL)
        try:
            for at, argv in enumerate(commands):
                target = into if into is not None and at == len(commands) - 1 else subprocess.PIPE
                stdin = source if at == 0 else running[-1].stdout
                running.append(_start(argv, environment, stdin, target, said))
                if at > 0 and running[-2].stdout is not None:
                    running[-2].stdout.close()  # so that the one before learns when its reader is gone
            trouble: list[HeadwayError] = []
            if feed is not None and not direct:
                feeding = threading.Thread(target=_feed, args=(feed, running[0].stdin, trouble), daemon=True)
                feeding.start()
            yield running[-1].stdout
            if feeding is not None:
                feeding.join()
            codes = [one.wait() for one in running]
            if trouble:
                raise trouble[0]
            if any(codes):
                said.seek(0)
                last = mask(said.read().decode(errors="replace")).strip().splitlines()[-4:]
                failed = next(argv[0] for argv, code in zip(commands, codes, strict=True) if code)
                raise Unavailable(f"{Path(failed).name} failed: {' / '.join(last) or 'it said nothing'}")
        finally:
            for one in running:
                if one.poll() is None:
                    one.kill()
                one.wait()
                for stream in (one.stdout, one.stdin):
                    if stream is not None:
                        with contextlib.suppress(OSError):
                            stream.close()


def _start(argv: Argv, environment: Mapping[str, str], stdin: object, stdout: object, stderr: object) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, env=dict(environment), stdin=stdin, stdout=stdout, stderr=stderr)  # type: ignore[call-overload,no-any-return]
    except OSError as error:
        raise Unavailable(f"{argv[0]} cannot be started: {error.strerror}") from error


def _feed(feed: Iterable[bytes], pipe: BinaryIO, trouble: list[HeadwayError]) -> None:
    try:
        for chunk in feed:
            pipe.write(chunk)
    except HeadwayError as error:
        trouble.append(error)
    except OSError:
        pass  # the reader ended early, and its exit code tells why
    finally:
        with contextlib.suppress(OSError):
            pipe.close()
