"""What staging finds is staging's, and what production finds people are told of."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from scene import File, Scene, by_health


@pytest.fixture(scope="module")
def hook() -> Iterator[tuple[str, list[dict]]]:
    """A webhook that keeps what it gets."""
    heard: list[dict] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def pager(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pager") / "pages"


@pytest.fixture(scope="module")
def scene(scenes, hook: tuple[str, list[dict]], pager: Path) -> Scene:
    def told(file: File) -> None:
        by_health(file)
        file["environments"]["staging"] |= {"checks": ["smoke", "rollback-drill"], "keep_warm": "5s"}
        file["environments"]["production"] |= {"approvals": 0, "notify": ["chat", "pager"], "checks": ["e2e"]}
        file["notify"] = {"chat": {"webhook": hook[0]}, "pager": {"command": ["sh", "-c", f"cat >> {pager}; echo -- >> {pager}"]}}

    made = scenes(told)
    made.ended("1.0.0", "staging")
    made.headway("promote", "1.0.0", "--to", "production", "--wait", "30")
    return made


def test_a_check_that_fails_in_staging_brings_staging_back_and_says_why(scene: Scene) -> None:
    # A smoke check may be lucky with a third of wrong answers; one that asks often is not.
    often = ["sh", "-c", "for n in 1 2 3 4 5 6 7 8; do python3 checks/smoke.py || exit 1; done"]
    scene.repo.edit(lambda file: file["services"]["tally"]["checks"].update(smoke=often))
    scene.repo.release("1.1.1", fault="errors@staging")
    scene.push()
    view = scene.ended("1.1.1", "staging", phase="rolled back")
    assert "smoke" in view["why"]
    assert "answered 500" in view["why"]
    assert scene.live("staging") == "1.0.0"
    refused = scene.headway("promote", "1.1.1", "--to", "production", code=11).text
    assert "smoke" in refused
    scene.headway("abort", "production")
    scene.repo.release("1.1.2", fault="none", trailers=["Fixes: 1.1.1"])
    scene.push()
    drilled = scene.ended("1.1.2", "staging")
    told = [event["what"] for event in drilled["events"]]
    moves = [what.split()[0] for what in told if what.startswith(("route 100 %", "drilled: the way back to 1.0.0"))]
    assert moves == ["route", "route", "drilled:", "route"], "there, back, and there again"
    assert "drilled in staging: it took" in scene.headway("plan", "1.1.2", "--to", "production").text


def test_a_rollback_in_production_reaches_the_webhook_and_the_command(scene: Scene, hook: tuple[str, list[dict]], pager: Path) -> None:
    scene.repo.release("1.2.0", fault="crash@production")
    scene.push()
    scene.ended("1.2.0", "staging")
    scene.headway("promote", "1.2.0", "--to", "production", "--wait", "30", code=3)

    def heard() -> dict:
        return {"chat": [one["title"] for one in hook[1]], "pager": pager.read_text() if pager.exists() else ""}

    title = "tally@1.2.0 was rolled back in production"
    told = scene.until(heard, lambda one: title in one["chat"] and title in one["pager"], "the alerts")
    assert "cannot start" in told["pager"]
    alert = next(one for one in hook[1] if one["title"] == title)
    assert alert["data"]["environment"] == "production"
    assert "cannot start" in alert["text"]
