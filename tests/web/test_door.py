"""Over the network: health to everybody, the verbs to whoever has a token, in that one's name and nobody else's."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn

from headway.adapters.remote import Remote
from headway.engine.commands import Commands
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.testing import FakeWorld, sample_release, sample_stage
from headway.web.door import Person, door

PEOPLE = {"open-sesame": "alice", "count-me": "metrics"}


@contextmanager
def opened(person: Person | None, **more: object) -> Iterator[str]:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging")]
    fake.release(sample_release("1.0.0"))
    said: dict[str, object] = {"alive": lambda: True, "ready": lambda: None} | more
    said.setdefault("metrics", lambda: "headway_leader 1\n")
    own = {"down": lambda: {"stopping": True}, "ping": lambda: {"pid": 1}}
    application = door(Commands(fake.world), own, person, **said)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with opened(PEOPLE.get) as found:
        yield found


def test_whoever_has_a_token_is_answered_and_is_who_asked(url: str) -> None:
    remote = Remote.at(url, "open-sesame")
    assert remote.answers()
    view = remote.call("promote", release="1.0.0", environment="staging", by="")
    assert view["release"] == "tally@1.0.0"
    (asked,) = remote.call("rollout", target="staging")["events"]  # type: ignore[attr-defined]
    assert (asked["who"], asked["data"]["identity"]) == ("alice", "the name is that of the token's owner")


def test_nobody_speaks_for_somebody_else(url: str) -> None:
    with pytest.raises(Refused, match=r"(?s)this token is alice's.*cannot speak for bob"):
        Remote.at(url, "open-sesame").call("approve", release="1.0.0", environment="staging", by="bob")


@pytest.mark.parametrize("token", ["alice", "open-sesame "[:-2], "x"])
def test_without_a_token_of_ours_nothing_is_told(url: str, token: str) -> None:
    with pytest.raises(Refused, match=r"(?s)answers who has a token.*HEADWAY_TOKEN"):
        Remote.at(url, token).call("status")
    for path in ("/api/v1/status", "/api/v1/openapi.json", "/", "/api/v1/nothing"):
        assert httpx2.get(f"{url}{path}").status_code == 401


def test_what_belongs_on_the_servers_own_machine_is_not_asked_from_elsewhere(url: str) -> None:
    with pytest.raises(Refused, match="does not down for anybody over the network"):
        Remote.at(url, "open-sesame").call("down")


def test_health_is_told_to_everybody(url: str) -> None:
    assert (httpx2.get(f"{url}/healthz").status_code, httpx2.get(f"{url}/readyz").text) == (200, "ready\n")


def test_a_server_that_nobody_has_tokens_for_tells_its_health_and_nothing_else() -> None:
    with opened(None) as url:
        assert httpx2.get(f"{url}/healthz").status_code == 200
        with pytest.raises(Refused, match=r"(?s)answers nobody over the network.*--tokens"):
            Remote.at(url, "open-sesame").call("status")


def test_what_is_wrong_with_it_is_told() -> None:
    def away() -> None:
        raise Unavailable("the ledger headway on PostgreSQL at db does not answer")

    with opened(PEOPLE.get, alive=lambda: False, ready=away) as url:
        sick, unready = httpx2.get(f"{url}/healthz"), httpx2.get(f"{url}/readyz")
    assert (sick.status_code, unready.status_code) == (503, 503)
    assert "does not answer" in unready.text


def test_a_server_elsewhere_needs_a_url_and_a_token() -> None:
    with pytest.raises(InvalidSpec, match="named by its URL"):
        Remote.at("headway.example", "x")
    with pytest.raises(InvalidSpec, match="set HEADWAY_TOKEN"):
        Remote.at("https://headway.example", "")


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_metrics_are_told_to_whoever_has_a_token_as_text_that_prometheus_reads(url: str) -> None:
    assert httpx2.get(f"{url}/metrics").status_code == 401
    for token in PEOPLE:
        answer = httpx2.get(f"{url}/metrics", headers=bearing(token))
        assert (answer.status_code, answer.text) == (200, "headway_leader 1\n")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_the_token_of_metrics_asks_for_nothing_else(url: str) -> None:
    with pytest.raises(Refused, match="the token of metrics reads /metrics and nothing else"):
        Remote.at(url, "count-me").call("promote", release="1.0.0", environment="staging", by="")


def test_metrics_are_told_to_nobody_without_tokens_unless_they_are_open() -> None:
    with opened(None) as url:
        assert httpx2.get(f"{url}/metrics").status_code == 403
    with opened(None, open_metrics=True) as url:
        assert httpx2.get(f"{url}/metrics").status_code == 200
        assert httpx2.get(f"{url}/api/v1/status").status_code == 403


def test_answers_are_counted_by_their_status_but_for_health() -> None:
    heard: list[int] = []
    with opened(PEOPLE.get, answered=heard.append) as url:
        for path, token in (
            ("/healthz", "x"),
            ("/metrics", "count-me"),
            ("/api/v1/status", "nobody's"),
            ("/api/v1/nothing", "open-sesame"),
        ):
            httpx2.get(f"{url}{path}", headers=bearing(token))
    assert heard == [200, 401, 404]
