"""Commands are found by a table, and only those that are called are imported."""

import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import headway.cli
from headway.cli.lazy import MODULES
from headway.cli.main import cli

HEAVY = (
    "pydantic",
    "fastapi",
    "sqlalchemy",
    "uvicorn",
    "rich.table",
    "rich.console",
    "httpx2",
    "ruamel",
    "headway.wiring",
    "headway.engine",
)


def test_the_table_names_every_command_that_a_module_exports() -> None:
    exported = {}
    for file in Path(headway.cli.__path__[0]).glob("*.py"):
        module = f"headway.cli.{file.stem}"
        for command in getattr(import_module(module), "COMMANDS", ()):
            exported[command.name] = module
    assert dict(MODULES) == exported


def test_every_command_of_the_table_is_there() -> None:
    with cli.make_context("headway", ["--home", "/nowhere", "schema"]) as context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            assert command is not None
            assert command.name == name
        assert cli.get_command(context, "nonsense") is None


def test_the_next_version_is_decided_without_the_engine() -> None:
    code = f"import sys, headway.cli.main, headway.cli.version; print([name for name in {HEAVY!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


SERVER = """
import http.server, json, socketserver, sys, threading
home = sys.argv[1]
class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"rollouts": []}')
    def address_string(self): return ""
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): daemon_threads = True
server = Server(home + "/socket", Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
from headway.cli.main import main
try: main(["--home", home, "list", "--json"])
except SystemExit as ended: print("exit", ended.code)
print([name for name in ("sqlalchemy", "fastapi", "headway.wiring", "headway.engine") if name in sys.modules])
"""


def test_whoever_asks_a_running_server_does_not_load_what_serves() -> None:
    with tempfile.TemporaryDirectory(prefix="hw-") as home:  # short: a socket's path has a hundred characters
        said = subprocess.run([sys.executable, "-c", SERVER, home], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[-3:] == ["exit 0", "[]", ""], said
