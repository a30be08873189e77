"""How a Python service is installed, served and tested, from its files."""

import re
import shlex
import tomllib
from dataclasses import dataclass
from typing import Any

from headway.spec.recognised import Files, Way, asks_for_port, code
from headway.spec.recognised_poetry import requirements

PIP = "python3 -m pip install --quiet --no-compile --target"
REQUIREMENTS = ("requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt")
TESTING = ("requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt", "requirements/dev.txt", "requirements/test.txt")
EXTRAS = ("test", "tests", "testing", "dev")
FRAMEWORKS = {
    "Flask": "wsgi",
    "Bottle": "wsgi",
    "FastAPI": "asgi",
    "Starlette": "asgi",
    "Quart": "asgi",
    "Litestar": "asgi",
    "BlackSheep": "asgi",
}
MADE = re.compile(rf"^(\w+)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)?({'|'.join(FRAMEWORKS)})\(", re.MULTILINE)
FACTORY = re.compile(r"^def (create_app|make_app|get_app|build_app)\(", re.MULTILINE)
DJANGO = re.compile(r"^(\w+)\s*=\s*get_(wsgi|asgi)_application\(\)", re.MULTILINE)
PLAIN_WSGI = re.compile(r"^(?:def (app|application)\(\s*environ\b|(\w+)\s*=\s*\w*(?:WSGI|Wsgi)\w*\()", re.MULTILINE)
PLAIN_ASGI = re.compile(r"^async def (app|application)\(\s*scope\b", re.MULTILINE)
USUAL = ("wsgi", "asgi", "app", "main", "application", "server", "web", "api", "__init__")


@dataclass(frozen=True, slots=True)
class App:
    """An application that a server calls: where it is, and by which protocol."""

    path: str
    module: str
    attribute: str
    protocol: str
    framework: str
    factory: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """What the packaging files say."""

    name: str | None
    dependencies: frozenset[str]
    install: str | None
    """What pip is told to install; None: there is nothing to."""
    before: str
    """What must be done before pip can be told that."""
    tests: str | None
    """What pip is told for the tests, beside pytest."""
    tests_before: str = ""
    scripts: tuple[tuple[str, str], ...] = ()
    guesses: tuple[str, ...] = ()
    where: str = ""


def python(files: Files, command: str | None = None) -> Way | None:
    """The way of a Python service, or None when nothing here is one. A `command` that people wrote down is not second-guessed."""
    project = project_of(files)
    # A command and what it needs are enough: somebody else's service is run without a line of one's own.
    if not any(path.endswith(".py") for path in files) and not (command and project.install):
        return None
    served = (command, "", (), ()) if command else _served(files, project) or _started(files, project)
    if served is None:
        return None
    run, added, because, guesses = served
    build = _pip(project, "vendor", project.install, added)
    path = search_path(files, project, build)
    if project.where:
        because = (*because, f"dependencies from {project.where}")
    return Way(
        kind="Python",
        run=_with_programs(run, path) if build and command else with_path(run, path),
        because=because,
        guesses=(*guesses, *(() if command else _unknown(files, project)), *project.guesses),
        name=project.name,
        build=build,
        unit=_unit(files, project),
        local_run=_without_server(files, project) if added else None,
        hints=_django_hints(files),
    )


def search_path(files: Files, project: Project, build: str | None) -> str:
    """Where Python looks besides the artifact's own folder."""
    inside = any(path.startswith("src/") and path.endswith(".py") for path in files)
    installed = project.install is not None and project.install.rpartition(" ")[2] == "."
    root = django_root(files)
    return ":".join(part for part, there in (("vendor", build), (root, root), ("src", inside and not installed)) if there)


def django_root(files: Files) -> str:
    """The folder of manage.py, from which a Django project imports its own modules; empty for the repository's own."""
    found = min((path for path in files if path.rpartition("/")[2] == "manage.py"), key=lambda path: path.count("/"), default="")
    return found.rpartition("/")[0]


def with_path(run: str, path: str) -> str:
    """The command with that search path; `env` is a program, so no shell is needed unless the command is a line of several."""
    if path and re.search(r"[;&|]|^(cd|exec|export) |^\w+=", run):
        whole = ":".join(f"$PWD/{part}" for part in path.split(":"))  # the line may change folders
        return f'export PYTHONPATH="{whole}"; {run}'
    return f"env PYTHONPATH={path} {run}" if path else run


def _with_programs(command: str, path: str) -> str:
    """A command that people wrote down; its first word may be a program that only the build installs."""
    program = command.partition(" ")[0]
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", program) or program in ELSEWHERE:
        return with_path(command, path)
    whole = ":".join(f"$PWD/{part}" for part in path.split(":"))
    return f'export PYTHONPATH="{whole}" PATH="$PWD/vendor/bin:$PATH"; exec {command}'


ELSEWHERE = frozenset({"python3", "env", "sh", "bash", "node", "npm", "exec", "cd", "export"})
"""Words that no package brings."""


# -- what is served, and by what


def _served(files: Files, project: Project) -> tuple[str, str, tuple[str, ...], tuple[str, ...]] | None:
    app = app_of(files)
    if app is None:
        return None
    because = (f"a {app.framework} application: {app.attribute} in {app.path}",)
    server = next((name for name in SERVERS[app.protocol] if name in project.dependencies), None)
    if server is not None:
        return _command(server, app), "", (*because, f"served by {server}, which is among the dependencies"), ()
    if app.protocol == "wsgi" and not project.install:
        guess = (
            "served by wsgiref, which answers one request at a time: add waitress or gunicorn to the dependencies before real users come"
        )
        return _wsgiref(app), "", because, (guess,)
    server, pinned = ("waitress", "'waitress>=3,<4'") if app.protocol == "wsgi" else ("uvicorn", "'uvicorn>=0.30,<1'")
    guess = f"no {app.protocol} server is among the dependencies: the build adds {server}; add the one you want, with its version"
    return _command(server, app), pinned, because, (guess,)


SERVERS = {"wsgi": ("gunicorn", "waitress"), "asgi": ("uvicorn", "hypercorn", "granian", "daphne")}


def _command(server: str, app: App) -> str:
    """How each server is told the application and the port."""
    target = f"{app.module}:{app.attribute}"
    called = f"'{target}()'" if app.factory else target
    return {
        "gunicorn": f"python3 -m gunicorn {called} --bind 127.0.0.1:$PORT",
        "waitress": f"python3 -m waitress --listen=127.0.0.1:$PORT {'--call ' if app.factory else ''}{target}",
        "uvicorn": f"python3 -m uvicorn {target} --host 127.0.0.1 --port $PORT{' --factory' if app.factory else ''}",
        "hypercorn": f"python3 -m hypercorn {called} --bind 127.0.0.1:$PORT",
        "granian": f"python3 -m granian --interface asgi --host 127.0.0.1 --port $PORT {target}{' --factory' if app.factory else ''}",
        "daphne": f"python3 -m daphne -b 127.0.0.1 -p $PORT {target}",
    }[server]


def _wsgiref(app: App) -> str:
    made = f"{app.attribute}()" if app.factory else app.attribute
    return (
        f'python3 -c "import os; from wsgiref.simple_server import make_server; from {app.module} import {app.attribute}; '
        f"make_server('127.0.0.1', int(os.environ['PORT']), {made}).serve_forever()\""
    )


def _without_server(files: Files, project: Project) -> str | None:
    """What runs the application before any server is installed: the framework's own, or the standard library's."""
    app = app_of(files)
    if app is None or app.protocol != "wsgi":
        return None
    path = search_path(files, project, None)
    if app.framework == "Flask":
        return with_path(f"python3 -m flask --app {app.module} run --port $PORT", path)
    manage = f"{django_root(files)}/manage.py".removeprefix("/")
    if app.framework == "Django" and manage in files:
        return f"python3 {manage} runserver --noreload 127.0.0.1:$PORT"
    return with_path(_wsgiref(app), path)


def app_of(files: Files) -> App | None:
    """The application to serve: the shallowest, and of those the one in a file with a usual name."""
    root = django_root(files)
    apps = [app for path, text in code(files) if path.endswith(".py") and (app := _app(path, text, root)) is not None]
    return min(apps, key=_usual, default=None)


def _usual(app: App) -> tuple[bool, int, int]:
    # Django's own files are the official door, however deep; a factory is what is left when nothing is made at import.
    stem = app.path.rpartition("/")[2].removesuffix(".py")
    return (app.factory, 0 if app.framework == "Django" else app.path.count("/"), USUAL.index(stem) if stem in USUAL else len(USUAL))


def _app(path: str, text: str, root: str) -> App | None:
    inner = path.removeprefix(f"{root}/") if root else path.removeprefix("src/")
    module = re.sub(r"(/__init__)?\.py$", "", inner).replace("/", ".")
    if module == "__init__":
        return None
    if found := DJANGO.search(text):
        return App(path, module, found[1], found[2], "Django")
    if found := MADE.search(text):
        return App(path, module, found[1], FRAMEWORKS[found[2]], found[2])
    framework = next((name for name in FRAMEWORKS if re.search(rf"\b{name}\(", text)), None)
    if framework and (found := FACTORY.search(text)):
        return App(path, module, found[1], FRAMEWORKS[framework], framework, factory=True)
    if found := PLAIN_ASGI.search(text):
        return App(path, module, found[1], "asgi", "plain ASGI")
    if found := PLAIN_WSGI.search(text):
        return App(path, module, found[1] or found[2], "wsgi", "plain WSGI")
    return None


def _started(files: Files, project: Project) -> tuple[str, str, tuple[str, ...], tuple[str, ...]] | None:
    """A program that listens by itself."""
    port = () if asks_for_port(files) else ("no file asks for the variable PORT: the service must listen on 127.0.0.1 at $PORT",)
    paths = [path for path, _ in code(files)]
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == "__main__.py" and folder.removeprefix("src/").count("/") == 0 and folder not in {"", "src"}:
            return f"python3 -m {folder.removeprefix('src/')}", "", (f"a package that runs: {path}",), port
    for path, text in code(files):
        if "/" not in path and path.endswith(".py") and re.search(r"""["']PORT["']""", text) and "__main__" in text:
            return f"python3 {path}", "", (f"a program that asks for PORT: {path}",), ()
    for name, target in project.scripts:
        module, _, function = target.partition(":")
        guess = f"{name} is the first of project.scripts: the service must listen on 127.0.0.1 at $PORT"
        run = f'python3 -c "from {module} import {function.partition(".")[0]}; {function}()"'
        return run, "", (f"a script of pyproject.toml: {name}",), (guess,)
    return None


def _django_hints(files: Files) -> tuple[str, ...]:
    if not any(path.rpartition("/")[2] == "manage.py" for path in files):
        return ()
    return ("Django: ALLOWED_HOSTS must have 127.0.0.1, by which it is asked for its health; collectstatic belongs into build.run.",)


# -- what is installed


def project_of(files: Files) -> Project:
    """The packaging files, read. One that cannot be read is told, not guessed around."""
    table, guesses = _toml(files)
    declared = table.get("project", {})
    poetry = table.get("tool", {}).get("poetry", {})
    wanted = [*_strings(declared.get("dependencies")), *(name for name in poetry.get("dependencies", {}) if name != "python")]
    source = next((path for path in REQUIREMENTS if path in files), None)
    listed = _requirements(files, source) if source else []
    packaged = "build-system" in table or "setup.py" in files
    if poetry.get("package-mode") is False:
        packaged = False  # pip refuses to install what Poetry does not package
    by_poetry = {} if source or packaged or "dependencies" in declared else poetry.get("dependencies", {})
    said, left_out = requirements(by_poetry)
    guesses += tuple(f"{name} is left out: pip cannot be told of it as pyproject.toml tells Poetry" for name in left_out)
    if said or left_out:
        install, before, where = " ".join(f"'{one}'" for one in said) or None, "", "pyproject.toml, as Poetry reads it"
    else:
        install, before, where = _installed(source, listed, wanted, packaged, files)
    scripts = tuple((str(name), str(target)) for name, target in declared.get("scripts", {}).items())
    tests, tests_before = _test_requirements(files, table, packaged)
    return Project(
        name=declared.get("name") or poetry.get("name"),
        dependencies=frozenset(_names([*wanted, *listed])),
        install=install,
        before=before,
        tests=tests,
        tests_before=tests_before,
        scripts=scripts,
        guesses=guesses,
        where=where,
    )


ELSEWHERE_LISTED = ("Pipfile", "environment.yml", "environment.yaml", "setup.cfg", *REQUIREMENTS, "pyproject.toml")


def _unknown(files: Files, project: Project) -> tuple[str, ...]:
    """A framework that is imported while nothing is installed: what is written then works only where it was installed by hand."""
    app = app_of(files)
    if app is None or project.install or app.framework.startswith("plain"):
        return ()
    unread = next((path for name in ELSEWHERE_LISTED for path in sorted(files) if path.rpartition("/")[2] == name), None)
    said = f"{unread} is not read" if unread else "no file says which version"
    return (f"{app.framework.lower()} is imported by {app.path}, and {said}: name the dependencies in a requirements.txt at the top",)


def _toml(files: Files) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        return tomllib.loads(files.get("pyproject.toml", "")), ()
    except tomllib.TOMLDecodeError as error:
        return {}, (f"pyproject.toml cannot be read ({error}): its dependencies are not known",)


def _listed(name: str, *keys: str) -> str:
    """Writes the requirements at this place of pyproject.toml into a file, for pip has no word for them alone, or not every pip has."""
    at = "".join(f"[{key!r}]" for key in keys)
    told = f"import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb')){at}, sep='\\n')"
    return f'python3 -c "{told}" > "$TMPDIR/{name}.txt" && '


def _installed(source: str | None, listed: list[str], wanted: list[str], packaged: bool, files: Files) -> tuple[str | None, str, str]:
    """What pip is told, what comes before that, and where it is from."""
    inside = any(path.startswith("src/") and path.endswith(".py") for path in files)
    if source and listed:
        return (f"-r {source} ." if packaged and inside else f"-r {source}"), "", source
    if packaged and (wanted or inside or "setup.py" in files):
        return ".", "", "setup.py" if "setup.py" in files and "pyproject.toml" not in files else "pyproject.toml"
    if wanted:
        # This pyproject.toml builds no package.
        return '-r "$TMPDIR/wanted.txt"', _listed("wanted", "project", "dependencies"), "pyproject.toml"
    return None, "", ""


def _pip(project: Project, target: str, *wanted: str | None) -> str | None:
    """Installs these into a folder, or nothing if there is nothing to install."""
    words = " ".join(one for one in wanted if one)
    return f"{project.before}{PIP} {target} {words}" if words else None


def _strings(found: object) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _requirements(files: Files, source: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in files[source].splitlines())
    return [line for line in lines if line]


def _names(requirements: list[str]) -> list[str]:
    names = []
    for one in requirements:
        if found := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?", one):
            name = re.sub(r"[-_.]+", "-", found[1]).lower()
            names.append(name)
            if name == "fastapi" and re.search("standard|all", found[2] or ""):
                names.append("uvicorn")
    return names


# -- what tests it


def _test_requirements(files: Files, table: dict[str, Any], packaged: bool) -> tuple[str | None, str]:
    """What pip is told for the tests, and what comes before that."""
    if source := next((path for path in TESTING if path in files), None):
        return f"-r {source}", ""
    extras, groups = table.get("project", {}).get("optional-dependencies", {}), table.get("dependency-groups", {})
    extra, group = (next((name for name in EXTRAS if name in found), None) for found in (extras, groups))
    if extra and packaged:
        return f"'.[{extra}]'", ""
    if group:
        return _grouped(groups, group, ("dependency-groups", group))
    if extra:
        return _grouped(extras, extra, ("project", "optional-dependencies", extra))
    by_poetry = table.get("tool", {}).get("poetry", {}).get("group", {})
    named: dict[str, Any] = next((by_poetry[name].get("dependencies", {}) for name in EXTRAS if name in by_poetry), {})
    said, _ = requirements(named)
    return " ".join(map(shlex.quote, said)) or None, ""


def _grouped(groups: dict[str, Any], name: str, keys: tuple[str, ...]) -> tuple[str | None, str]:
    """By reference where its lines are all of it, so that what is added there later counts here; else written out."""
    if all(isinstance(one, str) for one in groups[name]):
        return '-r "$TMPDIR/tests.txt"', _listed("tests", *keys)
    return " ".join(map(shlex.quote, _members(groups, name, frozenset()))) or None, ""


def _members(groups: dict[str, Any], name: str, inside: frozenset[str]) -> list[str]:
    """The requirements of a group with those of the groups that it takes in."""
    found: list[str] = []
    for one in groups.get(name, []):
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict) and (other := str(one.get("include-group"))) not in inside:
            found += _members(groups, other, inside | {name, other})
    return found


def _unit(files: Files, project: Project) -> str | None:
    """How the tests run; they have a copy of the source to themselves, and leave their tools in a place that is thrown away."""
    tests = {path: text for path, text in files.items() if re.search(r"(^|/)(test_\w+|\w+_test)\.py$", path)}
    if not tests:
        return None
    pytest = any(re.search(r"^(import|from) pytest\b|^(async )?def test_", text, re.MULTILINE) for text in tests.values())
    folder = next((name for name in ("tests", "test") if any(path.startswith(f"{name}/") for path in tests)), ".")
    run = "python3 -m pytest -q" if pytest else f"python3 -m unittest discover -q -s {folder}"
    install = _pip(project, '"$TMPDIR/tools"', project.install, project.tests, "pytest" if pytest else None)
    install = f"{project.tests_before}{install}" if install else None
    path = ":".join(part for part, there in (("$TMPDIR/tools", install), ("src", search_path(files, project, None))) if there)
    return f'{install} && PYTHONPATH="{path}" {run}' if install else with_path(run, path)
