"""Builds an artifact from a clean export of a commit, after the checks that the file names have passed.

The version is written into the files that carry it before anything runs: checks and build see the same source.

The checks share one copy of the source and the build has another, so that nothing the checks write reaches the artifact. The commands
see PATH, LANG, TZ, a HOME and TMPDIR of their own, CI, and what makes builds repeatable: SOURCE_DATE_EPOCH (the commit's time),
PYTHONHASHSEED=0, PYTHONDONTWRITEBYTECODE=1 (and PYTHONUNBUFFERED=1, for the logs). They see no secret and nothing else of our
environment but what the operator adds.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headway.adapters.folders import disk, remove
from headway.adapters.local import processes
from headway.adapters.outcomes import log_of, outcome
from headway.adapters.sources import Sources
from headway.adapters.stamping import stamp
from headway.adapters.system import new_id
from headway.errors import Failed, InvalidSpec, Unavailable
from headway.ports import Commit, Store
from headway.releases.model import Artifact, BuildSpec, CheckSpec
from headway.releases.tree import path_fault
from headway.rollout.seen import CheckState

_LAST_LINES = 15
_GRACE = 1.0
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Evidence:
    """One command that ran for a build: how it ended, in a sentence, and where the whole log is (empty: it printed nothing)."""

    name: str
    passed: bool
    text: str
    seconds: float
    log: str


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact and what was done to get it."""

    artifact: Artifact
    evidence: tuple[Evidence, ...]
    stamped: Mapping[str, str] = field(default_factory=dict)


class Builder:
    """Builds on this machine. `extra` is added to every command's environment; the logs may show it, so no secrets there."""

    def __init__(
        self, home: Path, store: Store, sources: Sources, *, path: str | None = None, extra: Mapping[str, str] | None = None
    ) -> None:
        self._home = home / "builds"
        self._store = store
        self._sources = sources
        self._path = path or os.environ.get("PATH", os.defpath)
        self._extra = dict(extra or {})

    def build(
        self,
        service: str,
        commit: Commit,
        spec: BuildSpec,
        checks: Mapping[str, CheckSpec],
        tell: Callable[[Evidence], None] = lambda _: None,
        version: str = "",
    ) -> Built:
        """Check, build, store. Failed with the reason, the last lines and the log's place; `tell` hears of each command as it ends."""
        wanted = _wanted(spec, checks)
        logs = self._home / f"{commit.id[:12]}-{new_id()}"
        evidence: list[Evidence] = []
        with self._scratch(logs) as scratch:
            job = _Job(logs, self._environment(commit, scratch), evidence, tell)
            if wanted:
                self._source(service, commit, spec, version, scratch / "checks")
                for check in wanted:
                    _check(job, check, scratch / "checks")
            stamped = self._source(service, commit, spec, version, scratch / "build")
            if spec.argv:
                _must_pass(job.run("build", spec.argv, scratch / "build", spec.timeout))
            return Built(self._store.put(_output(spec, scratch / "build", job)), tuple(evidence), stamped)

    def _source(self, service: str, commit: Commit, spec: BuildSpec, version: str, into: Path) -> Mapping[str, str]:
        """A clean copy of the source, with the version in the files that carry it."""
        self._sources.copy(service, commit.id, into)
        return stamp(into, spec.stamps, version) if spec.stamps else {}

    @contextmanager
    def _scratch(self, logs: Path) -> Iterator[Path]:
        scratch = logs / "scratch"
        with disk(f"build in {logs}"):
            for name in ("home", "tmp"):
                (scratch / name).mkdir(parents=True)
        try:
            yield scratch
        finally:
            remove(scratch)

    def _environment(self, commit: Commit, scratch: Path) -> Mapping[str, str]:
        return {
            **{"PATH": self._path, "LANG": "C.UTF-8", "TZ": "UTC", "CI": "1"},
            **{"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp")},
            **{"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
            # A tool that asks git must not find the repository that Headway's own folder may lie in.
            "GIT_CEILING_DIRECTORIES": str(scratch),
            "SOURCE_DATE_EPOCH": str(int(commit.committed.timestamp())),
            **self._extra,
        }


@dataclass(frozen=True, slots=True)
class _Job:
    logs: Path
    env: Mapping[str, str]
    evidence: list[Evidence]
    tell: Callable[[Evidence], None]

    def run(self, name: str, argv: Sequence[str], cwd: Path, timeout: float) -> tuple[CheckState, Evidence]:
        folder = self.logs / f"{len(self.evidence) + 1}-{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}"
        begun = processes.start(folder, argv, cwd=cwd, env=self.env).started
        state = _wait(folder, timeout)
        ended = state.at if isinstance(state, processes.Exited) else begun
        seconds = max(0.0, (ended - begun).total_seconds())
        last = next((line for line in reversed(processes.tail(folder)) if line.strip()), "")
        found, text = outcome(name, state, seconds=seconds, timeout=timeout, last=last)
        evidence = Evidence(name, found is CheckState.PASSED, text, seconds, log_of(folder))
        self.evidence.append(evidence)
        self.tell(evidence)
        return found, evidence


def _wanted(spec: BuildSpec, checks: Mapping[str, CheckSpec]) -> Sequence[CheckSpec]:
    unknown = [name for name in spec.checks if name not in checks]
    if unknown:
        raise InvalidSpec(*(f"build.checks names {name!r}, and there is no such check; there are: {', '.join(checks)}" for name in unknown))
    wanted = [checks[name] for name in spec.checks]
    if by_hand := [check.name for check in wanted if not check.argv]:
        raise InvalidSpec(*(f"build.checks names {name!r}, which a person does; a build waits for nobody" for name in by_hand))
    return wanted


def _check(job: _Job, check: CheckSpec, cwd: Path) -> None:
    for _ in range(check.retries):
        found, _ = job.run(check.name, check.argv, cwd, check.timeout)
        if found is CheckState.PASSED:
            return
    _must_pass(job.run(check.name, check.argv, cwd, check.timeout))


def _must_pass(ran: tuple[CheckState, Evidence]) -> None:
    found, evidence = ran
    if found is CheckState.PASSED:
        return
    lines = processes.tail(Path(evidence.log).parent, _LAST_LINES) if evidence.log else ()
    text = "\n".join((evidence.text, *(f"    {line}" for line in lines), f"  the whole log: {evidence.log or 'it printed nothing'}"))
    if found is CheckState.FAILED:
        raise Failed(text)
    raise Unavailable(text)


def _wait(folder: Path, timeout: float) -> processes.State:
    until = time.monotonic() + timeout
    try:
        while isinstance(state := processes.state(folder), processes.Running):
            if time.monotonic() >= until:
                break
            time.sleep(_POLL)
        else:
            return state
    except BaseException:
        processes.stop(folder, grace=_GRACE)  # nobody waits for it any more
        raise
    return processes.stop(folder, grace=_GRACE)


def _output(spec: BuildSpec, tree: Path, job: _Job) -> Path:
    """The folder that the build was to make, which lies in the build's own tree."""
    name = spec.output.rstrip("/").removeprefix("./") or "."
    if name != "." and (fault := path_fault(name)) is not None:
        raise InvalidSpec(f"build.output is a folder that the build makes; {spec.output!r} {fault}")
    folder = tree / name
    log = f"; the whole log: {job.evidence[-1].log or 'it printed nothing'}" if job.evidence else ""
    if not folder.exists():
        made = ", ".join(sorted(path.name for path in tree.iterdir())) or "nothing"
        raise Failed(f"the build made no folder {name!r} (build.output); there is: {made}{log}")
    if not folder.is_dir():
        raise Failed(f"the build made {name!r} (build.output), but it is no folder{log}")
    if not folder.resolve().is_relative_to(tree.resolve()):
        raise Failed(f"the build made {name!r} (build.output) as a link that leads out of its own tree{log}")
    return folder
