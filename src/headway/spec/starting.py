"""A first headway.yaml for a repository that exists: what it is, how it runs, and the usual way to production.

Files in, text out. What was recognised, what was guessed and what comes next are told beside it, so that nobody must trust it blindly.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headway.spec import values
from headway.spec.recognised import Files, Way, asks_for_port, demanded, health, ready, service_name
from headway.spec.recognised_commands import MODULES, Image, at_our_port, image, procfile, through_python, with_port
from headway.spec.recognised_node import node, package_guesses
from headway.spec.recognised_python import app_of, project_of, python
from headway.spec.starting_text import environments


@dataclass(frozen=True, slots=True)
class Start:
    """The file, and what a person should know of how it came about."""

    text: str
    recognised: tuple[str, ...]
    guessed: tuple[str, ...]
    """What may be wrong, each with what to do."""
    next: tuple[str, ...]
    """Commands, in order."""
    environments: tuple[str, ...] = ("dev", "staging", "production")
    files: Mapping[str, str] = field(default_factory=dict)
    """Others that go with it, by path."""
    noted: tuple[str, ...] = ()
    """What was found and is not in the file, or needs a person's hand."""


def start(files: Files, folder: str, branch: str | None, branches: tuple[str, ...] = ()) -> Start:
    """The file for these files. `folder` names the service if nothing else does; `branch` is git's default branch, None without git."""
    way = way_of(files)
    if way is None:
        nothing = "nothing here says how the service is run: write it into `run:`"
        way = Way("service", "./run", (), (nothing, *project_of(files).guesses, *package_guesses(files)))
    main = branch or "main"
    name = service_name(way.name, folder)
    found, answers = health(files), ready(files)
    guesses = list(way.guesses)
    if found is None:
        guesses.append("no health path was found in the code: `health: /` must answer 200; better give it a /health of its own")
    demands = demanded(files) if way.kind == "Python" else {}
    guesses += [f"{one} is demanded by {path}: it is read from the server's variable of that name" for one, path in demands.items()]
    if branch is None:
        guesses.append("this is no git repository: Headway ships commits, so there must be one; merges are taken from main")
    path = found[0] if found else "/"
    because = (*way.because, *((f"health at {path}, in {found[1]}",) if found else ()))
    text = "\n".join(
        (
            *head(name),
            *_service(name, way, path, answers[0] if answers and answers[0] != path else None),
            *_settings(way, tuple(demands)),
            *environments(main, "develop" in branches),
        )
    )
    return Start(text, tuple(dict.fromkeys(because)), tuple(guesses), _next(branch, main, way), noted=way.hints)


def _next(branch: str | None, main: str, way: Way) -> tuple[str, ...]:
    edit = () if way.because else ("edit headway.yaml: run",)
    git = () if branch else ("git init --initial-branch=main",)
    protected = "" if main == "main" else f" --branch {main}"
    commands = ("headway dev", *git, "git add headway.* && git commit", f"headway repo add .{protected}", "headway serve")
    return (*edit, "headway validate", *commands)


# -- which of the things that were found says how it is run


def way_of(files: Files) -> Way | None:
    """How the service is run. The command that was written for others to run wins over what the code suggests; containers come last."""
    built = image(files)
    processes = procfile(files)
    way = _of_procfile(files, processes) if "web" in processes else _code(files)
    if built is None:
        return way
    if way is None:
        return _of_image(files, built)
    says = f", which says: {built.command}" if built.command else ""
    hint = f"{built.path} is there{says}. Containers are not run on the local platform, so it is not used."
    return replace(way, hints=(*way.hints, hint))


def _code(files: Files, command: str | None = None) -> Way | None:
    """What the code is, with the command it is run by if somebody wrote one down."""
    snake, script = python(files, through_python(command) if command else None), node(files, command)
    if snake is None or script is None:
        return snake or script
    served = app_of(files) is not None or (command or "").startswith(("python", *MODULES))
    chosen, other = (snake, "package.json") if served else (script, "Python code")
    guess = f"{other} is here as well, and its build is not run: add it to build.run if the service needs it"
    return replace(chosen, guesses=(*chosen.guesses, guess))


def _of_procfile(files: Files, processes: dict[str, str]) -> Way:
    command = with_port(processes["web"])
    way = _code(files, command) or Way("service", command, ())
    hints = tuple(
        f"Procfile has {name} as well, which listens nowhere: it is not run by Headway."
        for name in processes
        if name not in {"web", "release"}
    )
    if "release" in processes:
        hints += (f"Procfile runs before each release: {processes['release']}. Here that is a migration (headway migrate).",)
    port = () if "PORT" in command or asks_for_port(files) else ("neither Procfile nor code mentions PORT: it must listen at $PORT",)
    because = (f"Procfile's web: {processes['web']}", *way.because)
    return replace(way, because=because, guesses=(*way.guesses, *port), hints=(*way.hints, *hints))


def _of_image(files: Files, built: Image) -> Way | None:
    command = at_our_port(built)
    if command is None:
        return None
    way = _code(files, command) or Way("service", command, ())
    where = "containers are not run on the local platform, so its command must work here as it is"
    guesses: tuple[str, ...] = (f"only {built.path} says how the service is run: {where}",)
    if "$PORT" not in command and not asks_for_port(files):
        guesses += ("that command does not mention a port: the service must listen on 127.0.0.1 at $PORT",)
    because = (f"the command of {built.path}: {built.command}", *way.because)
    return replace(way, because=because, guesses=(*guesses, *way.guesses))


# -- the text


def head(name: str) -> tuple[str, ...]:
    """What the file begins with."""
    return (
        f"# The way of {name} to production. Written by `headway init` from what it found here; from now on it is yours.",
        "# `headway validate` checks it, `headway schema` lets your editor complete it, `headway dev` runs it here.",
        "headway: 1",
        "",
    )


def _service(name: str, way: Way, health: str, ready: str | None) -> list[str]:
    lines = ["services:", f"  {name}:"]
    lines += [f"    # Recognised: {reason}." for reason in way.because] or ["    # Nothing was recognised: say how it is run."]
    lines += [f"    # A guess: {guess}." for guess in way.guesses]
    lines += [f"    # {hint}" for hint in way.hints]
    lines += _build(way)
    lines += [
        f"    run: {command(way.run)}",
        "    # It listens on 127.0.0.1 at $PORT; data that outlives a release belongs into a database or the folder $HEADWAY_STATE.",
        f"    health: {health}                  # asked all the time; anything but 200 takes a replica out of traffic",
        *((f"    ready: {ready}                   # asked before the first request",) if ready else ()),
        "    ready_within: 30s",
        "    stop_grace: 10s                  # after SIGTERM, when its last request is answered",
        "    checks:",
        *((f"      unit: {{run: {command(way.unit)}, timeout: 10m}}",) if way.unit else ()),
        f"      smoke: {smoke(way, health)}",
        "      # integration: {run: ./checks/integration, timeout: 5m}     # sees the environment's address in $HEADWAY_URL",
        "      # qa: {manual: somebody tries what is new}",
        *_local(way),
        "",
    ]
    return lines


def _build(way: Way) -> list[str]:
    if not (way.build or way.unit):
        return ["    # Nothing is built: the commit's own files are the artifact."]
    lines = ["    build:"]
    if way.unit:
        lines.append("      checks: [unit]                 # nothing is stored before these pass")
    if way.build:
        lines.append("      # In a clean export of the commit; all of it, with what this adds, is the artifact.")
        lines.append(f"      run: {command(way.build)}")
    return lines


def smoke(way: Way, path: str) -> str:
    """A first request, by an interpreter that is there anyway."""
    if way.smoke == "node":
        asked = (
            f"fetch(process.env.HEADWAY_URL + '{path}').then(r => process.exit(r.ok ? 0 : 1), e => {{ console.error(e); process.exit(1) }})"
        )
        return f"[node, -e, {json.dumps(asked)}]"
    asked = f"import os, urllib.request as web; web.urlopen(os.environ['HEADWAY_URL'] + '{path}', timeout=5)"
    return f"[python3, -c, {json.dumps(asked)}]"


def _local(way: Way) -> list[str]:
    lines = ["    local:                           # `headway dev` alone: on this machine, from the working tree"]
    if way.local:
        lines.append(f"      config: {{{', '.join(f'{name}: {value}' for name, value in way.local.items())}}}")
    if way.local_run:
        lines.append(f"      run: {command(way.local_run)}")
    return [
        *lines,
        "      port: 8000",
        "      # seed: ./seed                  # fills $HEADWAY_STATE the first time, and after --reset",
        "      # mocks: {payments: ./mocks/payments}     # beside it, at its own $PORT; the service finds it in $PAYMENTS_URL",
    ]


def _settings(way: Way, demands: tuple[str, ...]) -> list[str]:
    lines = [
        "config:                              # variables of every environment; each environment may say otherwise",
        "  LOG_LEVEL: info",
    ]
    lines += [f"  {name}: {value}" for name, value in (way.config or {}).items()]
    lines.append("")
    if demands:
        lines += ["secrets:                             # by reference, never written out: env:NAME of the server, or file:/path"]
        lines += [f"  {name}: env:{name}" for name in demands]
        lines.append("")
    return lines


def command(text: str) -> str:
    """A command as YAML: as it is written where no shell is needed, else as words of one."""
    try:
        values.words(text)
    except ValueError:
        # A shell that becomes the service, so that SIGTERM reaches it; with several commands there is nothing to become.
        simple = not re.search(r"[;&|\n]|^\s*(exec|export|cd)\b", text) and not re.match(r"\w+=", text)
        return f"[sh, -ec, {json.dumps(f'exec {text}' if simple else text, ensure_ascii=False)}]"
    plain = re.fullmatch(r"[A-Za-z0-9./$_][^#:{}\[\],\"'\n]*(:[^\s#{}\[\],\"'\n]+[^#:{}\[\],\"'\n]*)*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)
