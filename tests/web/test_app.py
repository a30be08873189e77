"""What the engine says reaches the command line unchanged: answers, errors and their exit codes."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from headway.adapters.remote import Remote
from headway.cli.exits import exit_code
from headway.engine.commands import Commands
from headway.errors import Contradiction, Failed, HeadwayError, InvalidSpec, Refused, Unavailable
from headway.testing import FakeWorld, sample_release, sample_stage
from headway.web.app import app
from headway.web.server import ping

ERRORS = {
    "invalid": InvalidSpec("headway.yaml:1:1: found this, expected that"),
    "refused": Refused("1.0.0 may not enter", ("it has not passed staging", "it needs bob")),
    "failed": Failed("unit failed"),
    "unavailable": Unavailable("the disk is full"),
    "contradiction": Contradiction("two records disagree"),
}


def breaks(how: str) -> dict[str, object]:
    """Raise the error of that name."""
    raise ERRORS[how]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging")]
    fake.release(sample_release("1.0.0"))
    path = Path(tmp_path_factory.mktemp("web")) / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    server = uvicorn.Server(
        uvicorn.Config(app(Commands(fake.world), {"breaks": breaks, "ping": ping}), log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    listener.listen()
    thread.start()
    yield Remote(path)
    server.should_exit = True
    thread.join(10)


def test_a_verb_answers_with_what_the_engine_says(remote: Remote) -> None:
    view = remote.call("promote", release="1.0.0", environment="staging", by="alice")
    assert (view["release"], view["environment"], view["new"]) == ("tally@1.0.0", "staging", True)
    assert remote.call("rollout", target="staging")["phase"] == "pending"


@pytest.mark.parametrize("how", ERRORS)
def test_an_error_arrives_as_what_it_was(remote: Remote, how: str) -> None:
    with pytest.raises(HeadwayError) as raised:
        remote.call("breaks", how=how)
    sent = ERRORS[how]
    assert type(raised.value) is type(sent)
    assert str(raised.value) == str(sent)
    assert exit_code(raised.value) == exit_code(sent)


def test_objections_arrive_one_by_one(remote: Remote) -> None:
    with pytest.raises(Refused) as raised:
        remote.call("breaks", how="refused")
    assert raised.value.objections == ("it has not passed staging", "it needs bob")


def test_a_missing_argument_is_no_traceback(remote: Remote) -> None:
    with pytest.raises(HeadwayError):
        remote.call("promote", release="1.0.0")


def test_where_nobody_listens_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="did not answer"):
        Remote(tmp_path / "nobody").call("status")
