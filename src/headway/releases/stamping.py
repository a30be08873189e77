"""Which files carry the version, and what is written into them.

A version is stamped into the clean export before it is built. A candidate is built once and becomes stable by record alone, so what is
written for `1.4.0-rc.2` is `1.4.0`, which it may become; the running service learns what it is called now from `HEADWAY_VERSION`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headway.releases.version import Version, channel, version

PYTHON = (".py", "pyproject.toml", "setup.cfg")
"""Where versions are written by PEP 440."""
KNOWN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "pyproject.toml": (("project", "version"), ("tool", "poetry", "version")),
    "Cargo.toml": (("package", "version"), ("workspace", "package", "version")),
    "package.json": (("version",),),
    "package-lock.json": (("version",), ("packages", "", "version")),
    "composer.json": (("version",),),
    "Chart.yaml": (("version",), ("appVersion",)),
    "VERSION": (),
    "version.txt": (),
}
"""Files whose form is known by their name, with where the version stands in them; () is a file that is nothing but the version."""
ALL = frozenset({"package-lock.json", "Chart.yaml"})
"""Files in which every place that is there is written; in the others the first."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file that carries the version. `find` is an expression whose one group is the version; None: the file's name says its form."""

    file: str
    find: str | None = None

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.file.rpartition("/")[2]


def stamped(of: str, *, label: bool) -> str:
    """What is written for this version. A candidate's is the one that it leads to; a branch's label stays what it is."""
    found = version(of)
    return of if found is None or found.stable or label else str(found.core)


def written(text: str, file: str) -> str:
    """The version as this file's readers understand it."""
    found = version(text)
    return _python(found) if found is not None and file.endswith(PYTHON) else text


def _python(of: Version) -> str:
    """By PEP 440: `1.4.0`, `1.4.0rc2`; what has no form there is a local version below the release, `1.4.0.dev3+feature.x`."""
    core, local = f"{of.major}.{of.minor}.{of.patch}", of.build.replace("-", ".")
    if not of.pre:
        return f"{core}+{local}" if local else core
    short = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "rc": "rc"}
    counted = channel(of.pre)
    if counted and counted[0] in short:
        return f"{core}{short[counted[0]]}{counted[1]}{f'+{local}' if local else ''}"
    name, number = counted or (".".join(of.pre), 0)
    words = ".".join(word for word in (*name.replace("-", ".").split("."), *local.split(".")) if word).lower()
    return f"{core}.dev{number}+{words}" if words else f"{core}.dev{number}"
