"""A repository that knows nothing of Headway: `headway init`, a commit, and it serves; not a line of the file was edited."""

import shutil
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from scene import Scene

from headway.cli.demo.project import Project
from headway.spec.read import read

SHOP = {
    "Procfile": "web: python serve.py\n",
    "requirements.txt": "--no-index\n--find-links wheels\ngreeter==1.0\n",
    "serve.py": """\
import http.server
import os

import greeter


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if not self.headers["Host"].startswith("127.0.0.1"):
            return self.send_error(400, "who is that?")  # as Django does
        if self.path not in ("/", "/healthz"):
            return self.send_error(404)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(greeter.HELLO)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
""",
    "tests/test_serve.py": """\
import unittest

import greeter
import serve


class Serve(unittest.TestCase):
    def test_it_greets(self) -> None:
        self.assertIn(b"hello", serve.greeter.HELLO)
""",
}
CART = {
    "package.json": '{"name": "cart", "scripts": {"start": "node server.js", "test": "node --test"}}\n',
    "server.js": """\
const http = require("http");
const { hello } = require("./hello");

http
  .createServer((request, response) => {
    response.writeHead(["/", "/healthz"].includes(request.url) ? 200 : 404);
    response.end(hello);
  })
  .listen(process.env.PORT, "127.0.0.1");
""",
    "hello.js": 'exports.hello = "hello from a module";\n',
    "hello.test.js": """\
const assert = require("assert");
require("node:test")("it greets", () => assert.match(require("./hello").hello, /hello/));
""",
}
SERVICES = [
    pytest.param("shop", SHOP, b"hello from a dependency", id="Python, by its Procfile"),
    pytest.param(
        "cart",
        CART,
        b"hello from a module",
        id="Node, by its package.json",
        marks=pytest.mark.skipif(shutil.which("npm") is None, reason="there is no node with npm on this machine"),
    ),
]


def wheel(folder: Path) -> None:
    """A package as an index would hand it out, so that pip is real and the network is not needed."""
    folder.mkdir()
    info = "greeter-1.0.dist-info"
    with zipfile.ZipFile(folder / "greeter-1.0-py3-none-any.whl", "w") as file:
        file.writestr("greeter.py", "HELLO = b'hello from a dependency'\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"greeter.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def scene(tmp_path: Path):
    made = Scene(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize(("name", "files", "greeting"), SERVICES)
def test_the_written_file_takes_a_repository_to_staging_as_it_is(
    scene: Scene, name: str, files: Mapping[str, str], greeting: bytes
) -> None:
    shop = Project(scene.folder / name)
    for path, text in files.items():
        (shop.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.folder / path).write_text(text)
    if "requirements.txt" in files:
        wheel(shop.folder / "wheels")
    shop.git("init", "--quiet", "--initial-branch=main")
    scene.headway("init", str(shop.folder))
    scene.headway("validate", str(shop.folder / "headway.yaml"))
    shop.commit("feat: a shop")
    written = read((shop.folder / "headway.yaml").read_text())
    replicas = written.environments["staging"].stage.environment.replicas

    scene.repos = [shop.folder]
    scene.start()
    view = scene.until(lambda: scene.ask("rollouts", environment="staging"), lambda found: found["rollouts"], "the merge to arrive")
    rollout = view["rollouts"][0]
    served = scene.when(rollout, lambda one: one["ended"] or "soak" in one["why"], "it to soak")
    assert served["phase"] == "running", served["why"]
    with urllib.request.urlopen(scene.place("staging", name)["url"], timeout=5) as reply:
        assert reply.read() == greeting
    assert replicas == 2
    assert written.services[name].build.checks == ("unit",)
    assert any("smoke" in " ".join(event["why"]) for event in served["events"])
