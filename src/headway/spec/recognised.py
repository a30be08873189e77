"""What a repository tells of itself: the nouns of `headway init`, and what its code gives away."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

Files = Mapping[str, str]
"""The files of a repository, by path. A text may be empty where only the path matters."""

ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "example", "bench", "benchmarks", "migrations", "scripts", "tools", "e2e"})
CODE = frozenset({".py", ".js", ".mjs", ".cjs", ".ts"})


@dataclass(frozen=True, slots=True)
class Way:
    """How one service is built, run and tested, why we think so, and what of it is a guess.

    Commands are as people write them; where one needs a shell, the file says so with `[sh, -ec, ...]`.
    """

    kind: str
    run: str
    because: tuple[str, ...]
    guesses: tuple[str, ...] = ()
    name: str | None = None
    build: str | None = None
    unit: str | None = None
    smoke: str = "python"
    """Which interpreter asks: one that this service needs anyway."""
    config: Mapping[str, str] | None = None
    local: Mapping[str, str] | None = None
    """Variables of `headway dev` alone."""
    local_run: str | None = None
    """What runs there, if the build adds a server that a working tree does not have."""
    hints: tuple[str, ...] = ()
    """Comments for the file."""


def code(files: Files) -> Iterator[tuple[str, str]]:
    """The service's own code: shallow files first, tests and the like left out."""
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        whole = PurePosixPath(path)
        if whole.suffix in CODE and not ASIDE.intersection(whole.parts[:-1]) and not whole.name.startswith(("test_", "conftest")):
            yield path, files[path]


HEALTHS = ("health", "healthz", "health-check", "healthcheck", "livez", "live", "-/healthy", "ping", "up", "status")
READIES = ("ready", "readyz", "readiness", "-/ready")


def health(files: Files) -> tuple[str, str] | None:
    """A path that the code answers for its health, and the file that does."""
    return _route(files, HEALTHS)


def ready(files: Files) -> tuple[str, str] | None:
    """A path that the code answers when it is ready, and the file that does."""
    return _route(files, READIES)


def _route(files: Files, names: tuple[str, ...]) -> tuple[str, str] | None:
    for name in names:
        written = re.compile(rf"""["'`](/(?:api/|api/v1/|_)?{re.escape(name)}/?)["'`]""")
        django = re.compile(rf"""\bpath\(\s*["']({re.escape(name)}/?)["']""")
        for path, text in code(files):
            if found := written.search(text) or django.search(text):
                return "/" + found[1].removeprefix("/"), path
    return None


OURS = frozenset({"PORT", "HOME", "PATH", "LANG", "LOG_LEVEL", "DEBUG"})
DEMANDED = re.compile(r"""os\.environ\[\s*["']([A-Z][A-Z0-9_]{1,127})["']\s*\](?!\s*=[^=])""")


def demanded(files: Files) -> Mapping[str, str]:
    """Variables that the code cannot do without, each with the file that says so. Only Python's `os.environ[...]` is that plain."""
    found: dict[str, str] = {}
    for path, text in code(files):
        for name in DEMANDED.findall(text):
            if name not in OURS and not name.startswith("HEADWAY_"):
                found.setdefault(name, path)
    return dict(sorted(found.items()))


def asks_for_port(files: Files) -> bool:
    """Whether any code asks for the variable PORT."""
    written = re.compile(r"""["']PORT["']|\benv\.PORT\b|\$\{?PORT\b|\{[^{}]*\bPORT\b[^{}]*\}\s*=\s*process\.env\b""")
    return any(written.search(text) for _, text in code(files))


def service_name(*candidates: str | None) -> str:
    """The first of these that can be made a service's name."""
    for one in candidates:
        name = re.sub(r"[^a-z0-9]+", "-", (one or "").rpartition("/")[2].lower()).strip("-")
        name = re.sub(r"^[^a-z]+", "", name)[:40].rstrip("-")
        if name:
            return name
    return "service"
