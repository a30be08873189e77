"""How a Node service is installed, built, run and tested, from its package.json."""

import json
import re
from dataclasses import dataclass
from typing import Any

from headway.spec.recognised import Files, Way, asks_for_port


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: the lock file that gives it away, and its words."""

    lock: str
    install: str
    run: str
    prune: str


MANAGERS = (
    Manager("pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm run", "pnpm prune --prod"),
    Manager("yarn.lock", "yarn install --frozen-lockfile", "yarn run", ""),
    Manager("package-lock.json", "npm ci", "npm run", "npm prune --omit=dev"),
    Manager("npm-shrinkwrap.json", "npm ci", "npm run", "npm prune --omit=dev"),
)
UNLOCKED = Manager("", "npm install", "npm run", "npm prune --omit=dev")
MAINS = ("server.js", "server.mjs", "index.js", "index.mjs", "app.js", "src/server.js", "src/index.js", "main.js")
FOR_DEVELOPERS = re.compile(r"\b(react-scripts start|vite( dev)?$|next dev|nuxt dev|ng serve|nodemon|webpack serve|--watch)")


def node(files: Files, command: str | None = None) -> Way | None:
    """The way of a Node service, or None when nothing here is one. A `command` that people wrote down is not second-guessed."""
    if "package.json" not in files:
        return None
    package, guesses = _package(files["package.json"])
    scripts = _table(package.get("scripts"))
    manager = next((one for one in MANAGERS if one.lock in files), UNLOCKED)
    run, because = (command, "") if command else _run(files, package, scripts, manager)
    if run is None:
        return None
    needs = _table(package.get("dependencies"))
    tools = _table(package.get("devDependencies"))
    if (needs or tools) and manager is UNLOCKED:
        guesses += ("there is no lock file: npm install may bring other versions on another day; commit a package-lock.json",)
    if not command and FOR_DEVELOPERS.search(scripts.get("start", "")):
        guesses += (f"the script start ({scripts['start']}) is a server for developers; production wants another one",)
    if not command and not asks_for_port(files):
        guesses += ("no file asks for process.env.PORT: the service must listen on 127.0.0.1 at $PORT",)
    return Way(
        kind="Node",
        run=run,
        because=(*((because,) if because else ()), *_installs(manager, needs or tools)),
        guesses=guesses,
        name=str(package.get("name") or "") or None,
        build=_build(scripts, manager, bool(needs or tools), bool(tools)),
        unit=_unit(scripts, manager, bool(needs or tools)),
        smoke="node",
        config={"NODE_ENV": "production"},
        local={"NODE_ENV": "development"},
    )


def package_guesses(files: Files) -> tuple[str, ...]:
    """What keeps a package.json from being read, if anything does."""
    return _package(files["package.json"])[1] if "package.json" in files else ()


def _package(text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        return {}, (f"package.json cannot be read ({error}): its scripts are not known",)
    return (found, ()) if isinstance(found, dict) else ({}, ("package.json is no object: its scripts are not known",))


def _table(found: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _run(files: Files, package: dict[str, Any], scripts: dict[str, str], manager: Manager) -> tuple[str | None, str]:
    start = scripts.get("start", "").strip()
    if re.fullmatch(r"node( [\w./=:-]+)+", start):
        # Without npm in between, SIGTERM reaches the service itself.
        return start, "the script start of package.json, called without npm, so that signals reach it"
    if start:
        return f"{manager.run} start", "the script start of package.json"
    main = str(package.get("main") or "").removeprefix("./")
    found = next((path for path in (main, *MAINS) if path in files), None)
    return (f"node {found}", f"{found}, which package.json or custom names") if found else (None, "")


def _installs(manager: Manager, needs: dict[str, str]) -> tuple[str, ...]:
    return (f"dependencies by {manager.install}" + (f", because of {manager.lock}" if manager.lock else ""),) if needs else ()


def _build(scripts: dict[str, str], manager: Manager, installs: bool, tools: bool) -> str | None:
    steps = [manager.install] if installs else []
    if "build" in scripts:
        steps.append(f"{manager.run} build")
    if tools and manager.prune:
        steps.append(manager.prune)
    return " && ".join(steps) or None


def _unit(scripts: dict[str, str], manager: Manager, installs: bool) -> str | None:
    test = scripts.get("test", "")
    if not test or "no test specified" in test:
        return None
    # Tests of what a build makes need it made.
    built = "build" in scripts and re.search(r"\b(dist|build|lib|out)\b", test)
    return " && ".join((*([manager.install] if installs else []), *([f"{manager.run} build"] if built else []), f"{manager.run} test"))
