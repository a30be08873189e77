"""A notice arrives as it was written, or a sentence says why it did not."""

import http.server
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.adapters.notify import Command, Router, Webhook
from headway.errors import InvalidSpec, Unavailable
from headway.ports import Notice

NOTICE = Notice("oncall", "tally 1.4.0 went back", "error rate 12 %\nover 1 %", {"rollout": "r1", "where": Path("here")})


class Hook(http.server.ThreadingHTTPServer):
    """A webhook that answers what it is told to and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.answers: list[int] = []
        self.got: list[dict[str, object]] = []
        self.go = threading.Event()
        self.go.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Hook)
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.go.wait(10)
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


def test_a_webhook_gets_the_whole_notice_as_json(hook: Hook) -> None:
    Webhook(hook.url).send(NOTICE)
    data = {"rollout": "r1", "where": "here"}
    assert hook.got == [{"target": "oncall", "title": NOTICE.title, "text": NOTICE.text, "data": data}]


def test_a_hiccup_is_tried_once_more(hook: Hook) -> None:
    hook.answers = [503]
    Webhook(hook.url).send(NOTICE)
    assert len(hook.got) == 2


def test_a_refusal_is_not_tried_again(hook: Hook) -> None:
    hook.answers = [404]
    with pytest.raises(Unavailable, match="answered 404"):
        Webhook(hook.url).send(NOTICE)
    assert len(hook.got) == 1


def test_a_notice_goes_nowhere_but_where_it_was_sent(hook: Hook) -> None:
    hook.answers = [302]
    with pytest.raises(Unavailable, match="redirects"):
        Webhook(hook.url).send(NOTICE)
    assert len(hook.got) == 1


@pytest.mark.parametrize("answer", [500, 404, 302, None], ids=["trouble there", "not found", "a redirect", "silence"])
def test_no_error_and_no_log_shows_where_the_webhook_lives(hook: Hook, answer: int | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hook.answers = [answer] * 2 if answer else []
    if answer is None:
        hook.go.clear()
    url = hook.url.replace("//", "//user-part:pass-part@") + "/path-part?query-part=1"
    with pytest.raises(Unavailable) as error:
        Webhook(url, timeout=0.3 if answer is None else 5).send(NOTICE)
    for part in ("user-part", "pass-part", "path-part", "query-part"):
        assert part not in str(error.value)
        assert part not in "\n".join(record.getMessage() for record in caplog.records)
    assert "127.0.0.1" in str(error.value)


def test_nobody_there_is_said_so(hook: Hook) -> None:
    hook.server_close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        Webhook(hook.url, timeout=0.5, attempts=1).send(NOTICE)


@pytest.mark.parametrize("url", ["", "oncall", "ftp://example.org/x", "https://", "//example.org"])
def test_what_is_no_url_is_said_at_once(url: str) -> None:
    with pytest.raises(InvalidSpec, match="https://"):
        Webhook(url)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_command_gets_the_text_and_the_whole_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_TEST_UNRELATED", "no")
    code = f"import json, os, sys; json.dump([sys.stdin.read(), dict(os.environ)], open({str(tmp_path / 'got')!r}, 'w'))"
    Command(python(code)).send(NOTICE)
    text, env = json.loads((tmp_path / "got").read_text())
    assert text == f"{NOTICE.title}\n\n{NOTICE.text}\n"
    assert json.loads(env["HEADWAY_NOTICE"])["data"]["rollout"] == "r1"
    assert "HEADWAY_TEST_UNRELATED" not in env


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(python("print('a'); print('no such room'); raise SystemExit(3)"), "ended with 3: no such room", id="it says no"),
        pytest.param(("no-such-command",), "could not be started", id="it is not there"),
        pytest.param(python("import time; time.sleep(60)"), "did not end within", id="it hangs"),
    ],
)
def test_a_command_that_does_not_deliver_says_why(argv: tuple[str, ...], says: str) -> None:
    with pytest.raises(Unavailable, match=says):
        Command(argv, timeout=1.0 if "hang" in says or "within" in says else 20.0).send(NOTICE)


def test_a_command_need_not_read() -> None:
    Command(python("")).send(NOTICE)


def test_a_notice_of_any_length_is_delivered(tmp_path: Path) -> None:
    code = f"import json, os, sys; json.loads(os.environ['HEADWAY_NOTICE']); open({str(tmp_path / 'got')!r}, 'w').write(sys.stdin.read())"
    Command(python(code)).send(Notice("oncall", "title", "ü" * 500_000))
    assert (tmp_path / "got").read_text().count("ü") == 500_000


def test_a_notice_goes_to_whom_it_names(tmp_path: Path) -> None:
    router = Router({name: Command(("touch", str(tmp_path / name))) for name in ("oncall", "team")})
    router.send(NOTICE)
    assert [path.name for path in tmp_path.iterdir()] == ["oncall"]


def test_a_target_that_nobody_declared_is_said_so() -> None:
    with pytest.raises(Unavailable, match="'oncall' to notify; there are: team"):
        Router({"team": Command(("true",))}).send(NOTICE)
