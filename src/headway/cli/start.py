"""Where `headway` starts. `headway version next` stands in hooks and prompts, so its usual calls are answered before the command line's
library is imported, which takes longer than the answer. Whatever is not plain is left to the command line proper, errors included.
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

FLAGS = frozenset({"--json", "--explain"})
VALUES = frozenset({"--pre", "--path", "--line", "--revision"})


def main() -> None:
    """The entry point."""
    any_terminal()
    code = _quickly(sys.argv[1:]) if sys.argv[1:3] == ["version", "next"] else None
    if code is not None:
        sys.exit(code)
    from headway.cli.main import main as properly

    properly()


def any_terminal() -> None:
    """What a terminal cannot show is written out: commit messages have every letter there is, and no letter may end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def every_letter() -> bool:
    """Whether standard output can show every letter; otherwise data for programs keeps to ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _quickly(arguments: Sequence[str]) -> int | None:
    """The exit code, if this is a call that needs no command line's library; None if it must be asked properly."""
    options = understood(arguments[2:])
    if options is None:
        return None
    from pathlib import Path

    from headway.cli.exits import TROUBLE
    from headway.cli.nextversion import answer
    from headway.errors import HeadwayError
    from headway.releases.lines import line
    from headway.releases.version import is_channel

    channel, named, path = options.get("--pre"), options.get("--line"), options.get("--path")
    of = line(named) if named else None
    if (channel is not None and not is_channel(channel)) or (named is not None and of is None):
        return None
    try:
        where = Path(path) if path is not None else None
        return answer("--json" in options, "--explain" in options, channel, where, of, options.get("--revision", "HEAD"))
    except HeadwayError:
        return None  # nothing was said yet; asked once more, it is told as every error is
    except (BrokenPipeError, KeyboardInterrupt):
        return TROUBLE


def understood(words: Sequence[str]) -> dict[str, str] | None:
    """The options by name; None where there is anything else than options that we know, each with its value."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in FLAGS and not equals:
            found[name] = ""
        elif name in VALUES:
            given = value if equals else next(rest, None)
            if given is None or (not equals and given.startswith("-")):
                return None
            found[name] = given
        else:
            return None
    return found
