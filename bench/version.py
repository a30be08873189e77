"""How long the next version takes, against a bare `git log` over the same commits and against other tools.

`python -m bench version` makes the histories, runs each tool several times and prints one table; `python -m bench version 1000 ./PATH`
takes 1,000 made commits and, of a repository that is there, those since its first release, in a clone. Tools that are on PATH, or in the
folder named by $BENCH_TOOLS, are measured; the others are named as missing. CPU is user and system time of the tool and its children.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TYPES = ("fix", "docs", "chore", "refactor", "test", "ci", "feat", "perf")
SCOPES = ("", "(api)", "(core)", "(ui)")
SIZES = (10, 5_000, 50_000)
TIMES = 5
GIT_LOG = "git log"


@dataclass(frozen=True)
class Measured:
    """Medians, in seconds, and the answer."""

    wall: float
    cpu: float
    said: str


def main() -> None:
    sys.stdout.write(
        f"{subprocess.run(['git', '--version'], capture_output=True, text=True, check=True).stdout.strip()}, {os.cpu_count()} CPUs\n\n"
    )
    sys.stdout.write(
        "| commits since the release | tool | wall s | CPU s | times the CPU of git log | answer |\n|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(prefix="bench-version-") as scratch:
        for asked in sys.argv[1:] or SIZES:
            name, since, repository = real(Path(asked), Path(scratch)) if "/" in str(asked) else made(int(asked), Path(scratch))
            bare = 0.0
            for tool, command in tools(since).items():
                found = measure(command, repository)
                bare = found.cpu if tool == GIT_LOG else bare
                sys.stdout.write(
                    f"| {name} | {tool} | {found.wall:.3f} | {found.cpu:.3f} | {found.cpu / max(bare, 0.001):.1f} | {found.said} |\n"
                )
                sys.stdout.flush()


def made(size: int, scratch: Path) -> tuple[str, str, Path]:
    """A history of this many commits since v1.0.0."""
    make(scratch / str(size), size)
    return f"{size:,} made", "v1.0.0", scratch / str(size)


def real(source: Path, scratch: Path) -> tuple[str, str, Path]:
    """A clone that has only the first of its releases, so that there is much to read."""
    repository = scratch / "real"
    subprocess.run(["git", "clone", "-q", source, repository], check=True)
    tags = git(repository, "tag", "--merged=HEAD", "--sort=version:refname", "--list", "v[0-9]*.[0-9]*.[0-9]*").split()
    oldest = next(tag for tag in tags if "-" not in tag)
    git(repository, "tag", "-d", *(tag for tag in git(repository, "tag").split() if tag != oldest))
    settle(repository)
    return f"{int(git(repository, 'rev-list', '--count', f'{oldest}..HEAD')):,} real", oldest, repository


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=True).stdout


def tools(since: str) -> Mapping[str, Sequence[str]]:
    """What is measured; bare git first."""
    path = os.pathsep.join(filter(None, (os.environ.get("BENCH_TOOLS"), str(Path(sys.executable).parent), os.environ["PATH"])))
    wanted = {
        "headway": ("headway", "version", "next"),
        "git-cliff": ("git-cliff", "--bumped-version"),
        "commitizen": ("cz", "bump", "--get-next", "--yes"),
        "python-semantic-release": ("semantic-release", "--noop", "version", "--print"),
    }
    found: dict[str, Sequence[str]] = {GIT_LOG: ("git", "--no-pager", "log", f"{since}..HEAD")}
    for name, (program, *arguments) in wanted.items():
        where = shutil.which(program, path=path)
        if where is None:
            sys.stderr.write(f"{name} is not here: {program} is neither on PATH nor in $BENCH_TOOLS\n")
        else:
            found[name] = (where, *arguments)
    return found


def measure(command: Sequence[str], repository: Path) -> Measured:
    """The medians of several runs after one that warms the caches."""
    walls, cpus, said = [], [], ""
    # As installed: pip compiles what it installs, and the run that warms the caches does so for a checkout.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(TIMES + 1):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ran = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - begun)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        said = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() and ran.returncode == 0 else f"exit {ran.returncode}"
    return Measured(median(walls[1:]), median(cpus[1:]), said if "log" not in command else "")


def make(repository: Path, size: int) -> None:
    """A release, then this many commits with messages such as people write."""
    subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input="".join(stream(size)), text=True, check=True)
    settle(repository)
    subprocess.run(["git", "remote", "add", "origin", "https://example.org/bench/bench.git"], cwd=repository, check=True)


def settle(repository: Path) -> None:
    """What the other tools want to be told."""
    settings = (
        '[tool.commitizen]\nversion_provider = "scm"\ntag_format = "v$version"\n\n[tool.semantic_release]\nallow_zero_version = true\n'
    )
    (repository / "pyproject.toml").write_text(settings)
    (repository / "cliff.toml").unlink(missing_ok=True)


def stream(size: int) -> Iterator[str]:
    yield commit(0, "feat: the first")
    yield "reset refs/tags/v1.0.0\nfrom :1\n\n"
    for number in range(1, size + 1):
        message = f"{TYPES[number * 5 % 8]}{SCOPES[number * 3 // 2 % 4]}: change number {number} of the thing\n"
        if number % 5 < 2:
            message += "\nA longer body that explains\nwhat happens and why over\ntwo or three lines.\n"
        if number % 10 in {1, 4, 7}:
            message += f"\nRefs: #{number}\nSigned-off-by: Ada <ada@example.org>\n"
        yield commit(number, message)


def commit(number: int, message: str) -> str:
    data = f"data {len(message.encode())}\n{message}\n"
    content = f"{number}\n"
    file = f"M 644 inline file-{number % 50}.txt\ndata {len(content)}\n{content}\n" if number % 10 == 0 else ""
    return (
        f"commit refs/heads/main\nmark :{number + 1}\ncommitter Ada <ada@example.org> {1_600_000_000 + number * 60} +0000\n{data}{file}\n"
    )


if __name__ == "__main__":
    main()
