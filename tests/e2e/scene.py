"""What the end-to-end tests stand on: a repository, a real `headway serve`, users, and an end that leaves nothing behind.

Nothing is faked: git, Envoy, the service's processes and the ledger are real, and everything is asked as people ask it, by the
command line or over the server's socket. Only the sample's waits are shortened, in its own file.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from headway.adapters.remote import Remote
from headway.adapters.traffic import Counts, Traffic
from headway.cli.demo.project import Project, sample
from headway.cli.main import main
from headway.wiring import socket_path

File = dict[str, Any]
Edit = Callable[[File], None]
View = dict[str, Any]
PATIENCE = 40.0
RATE = 80.0


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> View:
        answer: View = json.loads(self.out)
        return answer

    @property
    def text(self) -> str:
        """All of it, however it was wrapped."""
        return " ".join(f"{self.out} {self.err}".split())


class Repo(Project):
    """The sample's repository, its file edited as the story needs it."""

    def found(self, edit: Edit, message: str = "Count votes") -> str:
        """The first commit."""
        shutil.copytree(sample(), self.folder, ignore=shutil.ignore_patterns("__pycache__", "dist"), dirs_exist_ok=True)
        (self.folder / ".gitignore").write_text("dist/\n__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.edit(edit)
        return self.commit(f"{message}\n\nRelease-As: 1.0.0")

    def edit(self, edit: Edit) -> None:
        """Change headway.yaml, not yet committed."""
        yaml = YAML(typ="safe")
        path = self.folder / "headway.yaml"
        file = yaml.load(path.read_text())
        edit(file)
        text = io.StringIO()
        yaml.dump(file, text)
        path.write_text(text.getvalue())

    def release(self, version: str, *, fault: str | None = None, trailers: Sequence[str] = (), edit: Edit | None = None) -> str:
        """A commit on the present branch that asks for this version; by its fault it is good or bad. Returns its id."""
        if fault is not None:
            path = self.folder / "tally" / "fault.py"
            lines = [f'FAULT = "{fault}"' if line.startswith("FAULT = ") else line for line in path.read_text().splitlines()]
            path.write_text("\n".join(lines) + "\n")
        if edit is not None:
            self.edit(edit)
        (self.folder / "tally" / "build.txt").write_text(f"{version}\n")  # so that each version is an artifact of its own
        return self.commit("\n".join((f"feat: {version}", "", *trailers, f"Release-As: {version}")))


def quick(file: File) -> None:
    """The sample with short waits: one check, few replicas, seconds instead of minutes."""
    service = file["services"]["tally"]
    service["build"]["checks"] = []
    service |= {"stop_grace": "2s", "request_timeout": "1s"}
    for name in ("dev", "staging"):
        file["environments"][name] |= {"replicas": 1, "checks": ["smoke"], "soak": "0s", "keep_warm": "0s"}
    file["environments"]["production"] |= {
        "replicas": 2,
        "strategy": {"canary": [50, 100]},
        "analysis": {"error_rate": "1%", "latency_p95": "300ms", "needs": 10, "min_time": "1s", "hold_for": "20s"},
        "soak": "1s",
        "keep_warm": "5s",
    }


def by_health(file: File) -> None:
    """Production as quick as staging, for stories of what comes before it: one replica, no users needed."""
    quick(file)
    file["environments"]["production"] |= {"replicas": 1, "strategy": "rolling", "analysis": "health", "soak": "0s", "notify": []}


def straight_to_production(file: File) -> None:
    """Every merge goes to production at once, so that a story of production is about nothing else."""
    quick(file)
    production = file["environments"]["production"]
    del production["after"]
    file["environments"] = {"production": production | {"trigger": {"merge": "main"}, "approvals": 0}}


@dataclass
class Users:
    """People who never stop coming, and what became of their requests."""

    traffic: Traffic
    counts: Counts | None = None

    def leave(self) -> Counts:
        """Every answer that is due is waited for."""
        self.counts = self.traffic.stop()
        return self.counts


@dataclass
class Scene:
    """One home with one server and one repository."""

    folder: Path
    database: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    service: str = "tally"
    server: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.repo = Repo(self.folder / self.service)
        self.repos: list[Path] = [self.repo.folder]
        self.remote = Remote(socket_path(self.home))

    # -- the server

    def start(self) -> int:
        """`headway serve`; its process id once it answers."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        registered = [word for repo in self.repos for word in ("--repo", str(repo))]
        with (self.folder / "serve.log").open("ab") as log:
            self.server = subprocess.Popen(
                (*self.command_line(), "serve", *registered),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self.environ(),
            )
        end = time.monotonic() + PATIENCE
        while not self.remote.answers():
            assert self.server.poll() is None, f"the server ended:\n{self.log()}"
            assert time.monotonic() < end, f"the server does not answer:\n{self.log()}"
            time.sleep(0.02)
        return self.server.pid

    def kill(self) -> None:
        """kill -9 of the server, and of nothing else."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")[-4000:]

    # -- asking

    def headway(self, *words: str, by: str = "alice", code: int | None = 0) -> Said:
        """A command, through the command line's own entry point. No answer is ever a traceback.

        In this process: a new interpreter for each would be most of the time of a story. `shell` starts one.
        """
        out, err, ended = io.StringIO(), io.StringIO(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main([*self.command_line(by)[3:], *words])
            except SystemExit as end:
                ended = end.code
        return self._checked(Said(ended if isinstance(ended, int) else -1, out.getvalue(), err.getvalue()), words, code)

    def shell(self, *words: str, by: str = "alice", code: int | None = 0, **environment: str) -> Said:
        """A command in a process of its own."""
        done = subprocess.run(
            (*self.command_line(by), *words),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=150,
            check=False,
            env=self.environ() | environment,
            cwd=self.folder,
        )
        return self._checked(Said(done.returncode, done.stdout, done.stderr), words, code)

    def _checked(self, said: Said, words: Sequence[str], code: int | None) -> Said:
        assert "Traceback" not in said.text, said.text
        assert code is None or said.code == code, f"headway {' '.join(words)}: {said.code}, expected {code}\n{said.text}"
        return said

    def ask(self, verb: str, **arguments: object) -> View:
        """A verb over the socket."""
        return self.remote.call(verb, **arguments)

    def until(self, look: Callable[[], View], good: Callable[[View], object], what: str) -> View:
        """Look until it is so."""
        end = time.monotonic() + PATIENCE
        while not good(view := look()):
            assert time.monotonic() < end, f"waited {PATIENCE:.0f} s for {what}; found {json.dumps(view, indent=1)[:3000]}\n{self.log()}"
            time.sleep(0.05)
        return view

    def rollout(self, release: str, environment: str = "production") -> View:
        """The newest rollout of this release there, waited for."""

        def mine(view: View) -> list[View]:
            return [one for one in view["rollouts"] if one["release"] == f"{self.service}@{release}" and one["kind"] == "promotion"]

        found = self.until(lambda: self.ask("rollouts", environment=environment), mine, f"a rollout of {release} in {environment}")
        return self.ask("rollout", target=mine(found)[0]["rollout"])

    def when(self, rollout: View, good: Callable[[View], object], what: str) -> View:
        """This rollout, as soon as it is so."""
        return self.until(lambda: self.ask("rollout", target=rollout["rollout"]), good, what)

    def ended(self, release: str, environment: str = "production", phase: str = "completed") -> View:
        """The rollout's end, which must be this one."""
        view = self.when(self.rollout(release, environment), lambda one: one["ended"], f"the end of {release} in {environment}")
        said = "\n".join(f"{event['what']}: {'; '.join(event['why'])}" for event in view["events"])
        assert view["phase"] == phase, f"{release} in {environment} is {view['phase']}: {view['why']}\n{said}"
        return view

    def shifted(self, release: str, environment: str = "production") -> View:
        """The rollout, once it has some of the traffic and not all."""
        return self.when(self.rollout(release, environment), lambda one: 0 < one["weight"] < 100, f"{release} to get traffic")

    def place(self, environment: str = "production", service: str | None = None) -> View:
        """What runs there."""
        places: list[View] = self.ask("status")["places"]
        return next(one for one in places if one["environment"] == environment and one["service"] == (service or self.service))

    def live(self, environment: str = "production") -> str:
        return str((self.place(environment)["live"] or {}).get("version"))

    def push(self) -> None:
        """What a post-receive hook does."""
        self.ask("poke")

    # -- the world

    @contextlib.contextmanager
    def users(self, environment: str = "production", rate: float = RATE, paths: Sequence[str] = ()) -> Iterator[Users]:
        """Users of an environment, for a while; they come once it is open for the first time."""

        def is_open(place: View) -> bool:
            return bool(place["live"] or any(one["weight"] == 100 for one in place["rollouts"]))

        url = self.until(lambda: self.place(environment), is_open, f"{environment} to open")["url"]
        traffic = Traffic(url, rate=rate, paths=paths)
        traffic.start()
        try:
            yield (users := Users(traffic))
            if users.counts is None:
                users.leave()
        finally:
            traffic.kill()

    def named(self, word: str) -> list[int]:
        """The process ids of those whose command line has this in one of its words. One may end while it is looked at."""
        found = []
        for one in self.processes():
            with contextlib.suppress(psutil.Error):
                if any(word in told for told in one.cmdline()):
                    found.append(one.pid)
        return found

    def processes(self) -> list[psutil.Process]:
        """Everything that runs out of this scene's folder: Envoys, shims, replicas, checks, the server."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                told = (*process.cmdline(), process.cwd(), process.environ().get("HEADWAY_STATE", ""))
                if process.pid != os.getpid() and any(str(self.folder) in word for word in told):
                    found.append(process)
        return found

    def running(self) -> set[int]:
        """The process ids of what serves users: everything but the server and passing helpers."""
        found = set()
        for one in self.processes():
            with contextlib.suppress(psutil.Error):
                if one.pid != (self.server.pid if self.server else 0) and one.name() != "git":
                    found.add(one.pid)
        return found

    def end(self) -> None:
        """`headway down`, then nothing may be left; what is left is ended by its id, and told."""
        try:
            if self.home.exists():
                self.shell("down", code=None)
            if self.server is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.server.wait(timeout=30)
        finally:
            left = self._gone(after=10.0)
            told = [" ".join(one.cmdline()) for one in left if one.is_running()]
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if self.server is not None:
                self.server.wait(timeout=10)
        assert not told, f"`headway down` left running:\n{chr(10).join(told)}\n{self.log()}"
        shutil.rmtree(self.folder, ignore_errors=True)

    def _gone(self, after: float) -> list[psutil.Process]:
        end = time.monotonic() + after
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def command_line(self, by: str = "ops") -> tuple[str, ...]:
        """`headway` as this scene calls it, for a process of its own."""
        database = ("--database", self.database) if self.database else ()
        return (sys.executable, "-m", "headway", "--home", str(self.home), "--as", by, *database)

    def environ(self) -> dict[str, str]:
        """What such a process sees."""
        return {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "1000", "NO_COLOR": "1", "TERM": "dumb", **self.environment}


def lost_by_headway(counts: Counts, *bad: View) -> list[str]:
    """The failures that no bad release answered for: those that nobody answered count as ours, too."""
    to_blame = {view["workload"] for view in bad}
    ours = [
        f"{one.request} {one.why} by {one.release or 'nobody'} at {one.at:.2f}" for one in counts.failures if one.release not in to_blame
    ]
    total = counts.failed - sum(failed for name, failed in counts.failed_by.items() if name in to_blame) + counts.skipped
    return ours or ([f"{total} requests, {counts.statuses}"] if total else [])
