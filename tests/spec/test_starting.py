"""A first headway.yaml: what is recognised in a repository, and that the file is one that can be used as it is."""

import json
from collections.abc import Mapping

import pytest

from headway.spec.file import File, ReleasePart
from headway.spec.read import read
from headway.spec.starting import Start, command, start

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
PYTEST = {"tests/test_it.py": "def test_it() -> None:\n    assert True\n"}
EXPRESS = "const port = process.env.PORT;\nserver.get('/healthz', ok);\n"


def node(**package: object) -> str:
    return json.dumps({"name": "shop", **package})


def begun(files: Mapping[str, str], folder: str = "shop", branch: str | None = "main", *branches: str) -> tuple[Start, File, ReleasePart]:
    made = start(files, folder, branch, branches)
    file = read(made.text)
    return made, file, next(iter(file.services.values()))


VENDOR = ("python3", "-m", "pip", "install", "--quiet", "--no-compile", "--target", "vendor")
SHELL = ("sh", "-ec")

WAYS = [
    pytest.param(
        {"Procfile": "web: gunicorn wsgi:app --workers 2\n", "wsgi.py": "", "requirements.txt": "gunicorn\n"},
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "--bind", "127.0.0.1:$PORT", "wsgi:app", "--workers", "2"),
        (*VENDOR, "-r", "requirements.txt"),
        id="a Procfile that leaves the port to the platform",
    ),
    pytest.param(
        {
            "backend/manage.py": "import django\n",
            "backend/shop/wsgi.py": "application = get_wsgi_application()\n",
            "requirements.txt": "Django\ngunicorn\n",
        },
        ("env", "PYTHONPATH=vendor:backend", "python3", "-m", "gunicorn", "shop.wsgi:application", "--bind", "127.0.0.1:$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="django in a folder of its own",
    ),
    pytest.param(
        {"Procfile": "web: python3 -m pypiserver run --port $PORT\n", "requirements.txt": "pypiserver==2.3.2\n"},
        ("env", "PYTHONPATH=vendor", "python3", "-m", "pypiserver", "run", "--port", "$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="somebody else's service, without a line of our own",
    ),
    pytest.param(
        {"Procfile": "web: datasette books.db --port $PORT\n", "requirements.txt": "datasette==0.65.4\n"},
        (*SHELL, 'export PYTHONPATH="$PWD/vendor" PATH="$PWD/vendor/bin:$PATH"; exec datasette books.db --port $PORT'),
        (*VENDOR, "-r", "requirements.txt"),
        id="a program that only the build installs",
    ),
    pytest.param(
        {"app.py": FLASK, "requirements.txt": "flask==3.1\ngunicorn==23 # served by it\n"},
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "app:app", "--bind", "127.0.0.1:$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="flask with gunicorn",
    ),
    pytest.param(
        {"app.py": FLASK, "requirements.txt": "flask\n"},
        ("env", "PYTHONPATH=vendor", "python3", "-m", "waitress", "--listen=127.0.0.1:$PORT", "app:app"),
        (*VENDOR, "-r", "requirements.txt", "waitress>=3,<4"),
        id="flask without a server gets one",
    ),
    pytest.param(
        {
            "shop/__init__.py": "from flask import Flask\n\ndef create_app():\n    return Flask('shop')\n",
            "requirements.txt": "Flask\nGunicorn\n",
        },
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "shop:create_app()", "--bind", "127.0.0.1:$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="a factory",
    ),
    pytest.param(
        {
            "src/shop/api.py": "import fastapi\napi = fastapi.FastAPI()\n",
            "pyproject.toml": "[project]\nname = 'shop'\ndependencies = ['fastapi[standard]>=0.100']\n[build-system]\nrequires = []\n",
        },
        ("env", "PYTHONPATH=vendor", "python3", "-m", "uvicorn", "shop.api:api", "--host", "127.0.0.1", "--port", "$PORT"),
        (*VENDOR, "."),
        id="fastapi as a package below src",
    ),
    pytest.param(
        {
            "main.py": "from starlette.applications import Starlette\napp: Starlette = Starlette()\n",
            "pyproject.toml": "[project]\nname = 'shop'\ndependencies = ['starlette', 'hypercorn']\n",
        },
        ("env", "PYTHONPATH=vendor", "python3", "-m", "hypercorn", "main:app", "--bind", "127.0.0.1:$PORT"),
        SHELL,
        id="starlette in a pyproject that builds no package",
    ),
    pytest.param(
        {
            "app.py": FLASK,
            "pyproject.toml": "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = '^3.11'\nflask = '^3.0.2'\n"
            "gunicorn = '*'\nattrs = '~22.1'\nclick = {version = '>=8,<9', extras = ['a']}\nzeros = '^0.3'\nbare = '1.2'\n"
            "[build-system]\nrequires = ['poetry-core']\n",
        },
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "app:app", "--bind", "127.0.0.1:$PORT"),
        (*VENDOR, "flask>=3.0.2,<4", "gunicorn", "attrs>=22.1,<22.2", "click[a]>=8,<9", "zeros>=0.3,<0.4", "bare==1.2"),
        id="poetry without a package",
    ),
    pytest.param(
        {
            "manage.py": "import django\n",
            "site1/wsgi.py": "application = get_wsgi_application()\n",
            "site1/asgi.py": "",
            "requirements.txt": "Django\ngunicorn\n",
        },
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "site1.wsgi:application", "--bind", "127.0.0.1:$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="django",
    ),
    pytest.param(
        {"shop/__init__.py": "", "shop/__main__.py": "os.environ['PORT']"}, ("python3", "-m", "shop"), (), id="a package that runs"
    ),
    pytest.param(
        {"src/shop/__main__.py": "os.environ['PORT']"}, ("env", "PYTHONPATH=src", "python3", "-m", "shop"), (), id="such a one below src"
    ),
    pytest.param({"server.py": "os.environ['PORT']; __name__ == '__main__'"}, ("python3", "server.py"), (), id="one file"),
    pytest.param(
        {"package.json": node(scripts={"start": "node server.js"}), "server.js": EXPRESS},
        ("node", "server.js"),
        (),
        id="node without dependencies, called without npm",
    ),
    pytest.param(
        {
            "package.json": node(
                scripts={"start": "next start", "build": "next build"}, dependencies={"next": "15"}, devDependencies={"a": "1"}
            ),
            "package-lock.json": "",
        },
        ("npm", "run", "start"),
        (*SHELL, "npm ci && npm run build && npm prune --omit=dev"),
        id="node with a build",
    ),
    pytest.param(
        {"package.json": node(main="index.js", dependencies={"a": "1"}), "index.js": EXPRESS, "yarn.lock": ""},
        ("node", "index.js"),
        ("yarn", "install", "--frozen-lockfile"),
        id="node with yarn and a main file",
    ),
    pytest.param(
        {"Procfile": "web: ./bin/serve --port $PORT\nworker: ./bin/work\n"}, ("./bin/serve", "--port", "$PORT"), (), id="a Procfile alone"
    ),
    pytest.param(
        {"Procfile": "web: gunicorn shop:app -b :$PORT\n", "shop.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
        ("env", "PYTHONPATH=vendor", "python3", "-m", "gunicorn", "shop:app", "-b", ":$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="a Procfile wins over what the code suggests, and the build stays",
    ),
    pytest.param(
        {"Procfile": "web: python serve.py\n", "serve.py": "", "requirements.txt": "a"},
        ("env", "PYTHONPATH=vendor", "python3", "serve.py"),
        (*VENDOR, "-r", "requirements.txt"),
        id="a Procfile whose code says nothing still gets its dependencies",
    ),
    pytest.param(
        {"Procfile": "web: cd shop && python serve.py\n", "shop/serve.py": "", "requirements.txt": "a"},
        (*SHELL, 'export PYTHONPATH="$PWD/vendor"; cd shop && python serve.py'),
        (*VENDOR, "-r", "requirements.txt"),
        id="a Procfile that changes folders first",
    ),
    pytest.param(
        {"Procfile": "web: npm run web\n", "package.json": node(dependencies={"a": "1"}), "package-lock.json": ""},
        ("npm", "run", "web"),
        ("npm", "ci"),
        id="the same with node",
    ),
    pytest.param(
        {"Dockerfile": "FROM python\nEXPOSE 80\nCMD python serve.py 80\n", "serve.py": "", "requirements.txt": "a"},
        ("env", "PYTHONPATH=vendor", "python3", "serve.py", "$PORT"),
        (*VENDOR, "-r", "requirements.txt"),
        id="a Dockerfile whose code says nothing, too",
    ),
    pytest.param(
        {"Procfile": "web: ./serve -w ${WORKERS:-2}\n"}, (*SHELL, "exec ./serve -w ${WORKERS:-2}"), (), id="a Procfile that needs a shell"
    ),
    pytest.param(
        {"Dockerfile": 'FROM a AS b\nCMD ["no"]\nFROM c\nEXPOSE 8080\nENTRYPOINT ["./serve"]\nCMD ["--on", "0.0.0.0:8080"]\n'},
        ("./serve", "--on", "127.0.0.1:$PORT"),
        (),
        id="a Dockerfile alone is a hint, with our port in it",
    ),
    pytest.param({"README.md": ""}, ("./run",), (), id="nothing at all"),
]


@pytest.mark.parametrize(("files", "run", "build"), WAYS)
def test_the_way_a_service_is_built_and_run_is_recognised(files: Mapping[str, str], run: tuple[str, ...], build: tuple[str, ...]) -> None:
    _, file, part = begun(files)
    assert part.run.argv == run
    assert part.build.argv[: len(build)] == build
    assert bool(part.build.argv) == bool(build)
    assert part.build.output == "."
    assert list(file.environments) == ["dev", "staging", "production"]


def test_the_environments_are_those_of_the_usual_table() -> None:
    _, file, part = begun({"app.py": FLASK, **PYTEST}, "shop", "trunk", "trunk", "develop")
    dev, staging, production = (one.stage for one in file.environments.values())
    assert (dev.trigger.push, dev.environment.replicas, dev.newer) == (("feature/*", "develop"), 1, "supersedes")
    assert (staging.trigger.merge, staging.environment.replicas) == ("trunk", 2)
    assert (production.after, production.environment.replicas, production.approvals.needed) == (("staging",), 5, 1)
    assert (production.strategy, production.weights, production.soak) == ("canary", (10, 50), 900.0)
    levels = {name: one.settings["LOG_LEVEL"].value for name, one in file.environments.items() if "LOG_LEVEL" in one.settings}
    assert levels == {"dev": "debug", "production": "warning"}
    assert file.settings["LOG_LEVEL"].value == "info"
    assert part.build.checks == ("unit",)
    assert all("smoke" in stage.checks for stage in (dev, staging, production))


HEALTHS = [
    pytest.param("@app.get('/healthz')", "/healthz", id="a route"),
    pytest.param("path('health/', ok)", "/health/", id="django's, with its slash"),
    pytest.param('if path == "/health": ...', "/health", id="a comparison"),
    pytest.param("hello", "/", id="none: the root is a guess"),
]


@pytest.mark.parametrize(("line", "path"), HEALTHS)
def test_the_health_path_is_taken_from_the_code(line: str, path: str) -> None:
    made, _, part = begun({"app.py": FLASK + line, "tests/test_a.py": "'/status'"})
    assert part.run.health == path
    assert any("must answer 200" in guess for guess in made.guessed) == (path == "/")
    assert path in part.checks["smoke"].argv[-1]


UNITS = [
    pytest.param({"app.py": FLASK, **PYTEST}, "pytest -q", id="functions named test are for pytest"),
    pytest.param({"app.py": FLASK, "tests/test_a.py": "import unittest"}, "unittest discover -q -s tests", id="unittest needs nothing"),
    pytest.param({"app.py": FLASK, **PYTEST, "requirements-dev.txt": "pytest"}, "-r requirements-dev.txt pytest", id="what tests need"),
    pytest.param(
        {
            "app.py": FLASK,
            **PYTEST,
            "pyproject.toml": "[project]\nname='a'\n[dependency-groups]\ndev=['pytest', 'x']\n",
        },
        """['dependency-groups']['dev'], sep='\\n')" > "$TMPDIR/tests.txt" && """,
        id="a group of pyproject.toml, as uv makes them",
    ),
    pytest.param(
        {"app.py": FLASK, **PYTEST, "pyproject.toml": "[project]\nname='a'\n[project.optional-dependencies]\ntest=['x']\n"},
        """['project']['optional-dependencies']['test'], sep='\\n')" > "$TMPDIR/tests.txt" && """,
        id="an extra of what builds no package",
    ),
    pytest.param(
        {"app.py": FLASK, **PYTEST, "pyproject.toml": "[dependency-groups]\nlint=['ruff']\ntest=['x>1', {include-group='lint'}]\n"},
        "'x>1' ruff pytest",
        id="a group that takes in another is written out",
    ),
    pytest.param(
        {"app.py": FLASK, **PYTEST, "pyproject.toml": "[tool.poetry.group.dev.dependencies]\nx='^1.2'\n"},
        "'x>=1.2,<2' pytest",
        id="a group of poetry",
    ),
    pytest.param({"package.json": node(scripts={"start": "a", "test": "vitest run"})}, "npm run test", id="the script test"),
    pytest.param(
        {"package.json": node(scripts={"start": "a", "build": "tsc", "test": "node --test dist/"})},
        "npm run build && npm run test",
        id="tests of what the build makes",
    ),
    pytest.param({"package.json": node(scripts={"start": "a", "test": 'echo "Error: no test specified"'})}, None, id="npm's placeholder"),
    pytest.param({"app.py": FLASK}, None, id="no tests"),
]


@pytest.mark.parametrize(("files", "part_of"), UNITS)
def test_unit_tests_run_before_the_build(files: Mapping[str, str], part_of: str | None) -> None:
    _, _, part = begun(files)
    assert part.build.checks == (("unit",) if part_of else ())
    assert part_of is None or part_of in " ".join(part.checks["unit"].argv)


def test_what_the_code_cannot_do_without_is_a_reference_to_the_servers_variable() -> None:
    made, file, _ = begun({"app.py": FLASK + "KEY = os.environ['SECRET_KEY']\nos.environ['SET'] = '1'\nos.environ['PORT']\n"})
    assert {name: one.value for name, one in file.settings.items() if one.secret} == {"SECRET_KEY": "env:SECRET_KEY"}
    assert any("SECRET_KEY is demanded by app.py" in guess for guess in made.guessed)


TOLD = [
    pytest.param({"package.json": node(scripts={"start": "node a.js"}, dependencies={"a": "1"})}, "no lock file", id="no lock file"),
    pytest.param({"package.json": node(scripts={"start": "vite"})}, "server for developers", id="a server for developers"),
    pytest.param({"package.json": "{", "Procfile": "web: a $PORT"}, None, id="a package.json that is none"),
    pytest.param({"package.json": "{"}, "package.json cannot be read", id="a package.json that is none, and nothing else"),
    pytest.param({"pyproject.toml": "["}, "pyproject.toml cannot be read", id="a pyproject that is none, and nothing else"),
    pytest.param({"wsgi.py": FLASK, "Pipfile": ""}, "flask is imported by wsgi.py, and Pipfile is not read", id="a Pipfile"),
    pytest.param(
        {"services/a/app.py": FLASK, "services/a/requirements.txt": "flask"},
        "flask is imported by services/a/app.py, and services/a/requirements.txt is not read",
        id="a service that is not at the top",
    ),
    pytest.param({"app.py": FLASK}, "no file says which version", id="dependencies that nobody wrote down"),
    pytest.param(
        {"app.py": FLASK, "pyproject.toml": "[tool.poetry.dependencies]\nflask = {git = 'https://example.org/flask'}\n"},
        "flask is left out",
        id="a poetry dependency that pip is not told of",
    ),
    pytest.param({"pyproject.toml": "[", "app.py": FLASK}, "pyproject.toml cannot be read", id="a pyproject that is none"),
    pytest.param({"app.py": FLASK, "package.json": node(scripts={"start": "a"})}, "package.json is here as well", id="two languages"),
    pytest.param({"shop/__main__.py": ""}, "no file asks for the variable PORT", id="a port of its own"),
    pytest.param({"Dockerfile": "FROM a\nCMD serve\n"}, "containers are not run on the local platform", id="a container alone"),
    pytest.param({}, "nothing here says how", id="nothing"),
]


@pytest.mark.parametrize(("files", "words"), TOLD)
def test_guesses_are_told_and_stand_in_the_file(files: Mapping[str, str], words: str | None) -> None:
    made, _, _ = begun(files)
    if words is not None:
        assert any(words in guess for guess in made.guessed)
        assert words in made.text


def test_a_container_beside_code_is_mentioned_and_not_used() -> None:
    made, _, part = begun({"app.py": FLASK, "Dockerfile": "FROM python\nEXPOSE 80\nCMD python other.py\n"})
    assert "other.py" not in " ".join(part.run.argv)
    assert "# Dockerfile is there, which says: python other.py. Containers are not run on the local platform" in made.text


NAMES = [
    pytest.param("My Shop.git", "my-shop-git", id="a folder with blanks"),
    pytest.param("2048", "service", id="digits alone"),
    pytest.param("x" * 60, "x" * 40, id="a long one"),
]


@pytest.mark.parametrize(("folder", "name"), NAMES)
def test_the_service_is_named_after_the_project_or_its_folder(folder: str, name: str) -> None:
    assert name in read(start({"app.py": FLASK}, folder, "main").text).services
    assert "shop" in read(start({"package.json": node(scripts={"start": "a"})}, folder, "main").text).services


def test_another_default_branch_is_the_protected_one_and_no_git_is_said() -> None:
    assert "headway repo add . --branch trunk" in start({}, "shop", "trunk").next
    bare = start({}, "shop", None)
    assert any("no git repository" in guess for guess in bare.guessed)
    assert "git init --initial-branch=main" in bare.next


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a b", id="plain"),
        pytest.param("a 'b: c' # d", id="what YAML would misread"),
        pytest.param("env A=b c --x={y}", id="braces"),
        pytest.param("a: b", id="a colon"),
        pytest.param("A=b c", id="a variable before it"),
        pytest.param('a > b && c "$HOME" ü', id="a shell"),
        pytest.param("- a", id="a dash"),
    ],
)
def test_any_command_can_be_written(text: str) -> None:
    flow = f"services: {{web: {{run: a, checks: {{unit: {{run: {command(text)}, timeout: 1m}}}}}}}}\nenvironments: {{dev: {{}}}}\n"
    block = f"services:\n  web:\n    run: {command(text)}\nenvironments: {{dev: {{}}}}\n"
    assert read(flow).services["web"].checks["unit"].argv == read(block).services["web"].run.argv
