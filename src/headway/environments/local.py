"""The local stage: what differs when a service runs on its author's machine, and which change of a file makes it start again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from headway.environments.configuration import Layer, Resolved, Setting, resolve

FROM = "headway dev"
DEFAULTS: Layer = {"DEBUG": Setting("true", FROM), "LOG_LEVEL": Setting("debug", FROM)}
"""As a developer wants it; `local.config` has the last word."""

ALWAYS = "headway.yaml"
SOURCES = tuple(
    f"*.{ending}"
    for ending in (
        *("py", "js", "mjs", "cjs", "jsx", "ts", "tsx", "go", "rb", "php", "java", "kt", "ex", "rs"),
        *("html", "css", "scss", "sql", "toml", "yaml", "yml", "graphql", "jinja", "j2", "tmpl", "mustache", "erb"),
    )
)
"""What people write. Data files are left out on purpose: a service that writes one would start itself again and again."""

ASIDE = frozenset({"node_modules", "__pycache__", "venv", "vendor", "dist", "build", "target"})
"""Folders that tools fill."""


@dataclass(frozen=True, slots=True)
class Local:
    """What the file says of the local stage of one service."""

    argv: tuple[str, ...] = ()
    """Instead of the service's own command; empty: that one."""
    port: int = 8000
    settings: Layer = field(default_factory=dict)
    seed: tuple[str, ...] = ()
    mocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Stand-ins for neighbours: a name, and the command that plays it."""
    watch: tuple[str, ...] = SOURCES


def told(base: Layer, local: Local) -> Resolved:
    """What the service is told here: the file's own variables, a developer's defaults over them, and `local` over those."""
    return resolve(base, DEFAULTS, local.settings)


def address_name(mock: str) -> str:
    """The variable in which the service finds a mock: `payments` is `PAYMENTS_URL`."""
    return f"{mock.upper().replace('-', '_')}_URL"


def matters(changed: Iterable[str], watch: tuple[str, ...]) -> tuple[str, ...]:
    """Of these changed files those that start the service again; hidden folders and those that tools fill never count."""
    return tuple(
        sorted(path for path in set(changed) if path == ALWAYS or (not _aside(path) and any(_matches(path, one) for one in watch)))
    )


def _aside(path: str) -> bool:
    return any(part.startswith(".") or part in ASIDE for part in path.split("/")[:-1])


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern.removeprefix("**/").removeprefix("./")) or fnmatchcase(path, pattern)
