"""What tally answers to a request: plain values in, a status and a JSON object out."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from tally.settings import Settings
from tally.votes import Votes

LONGEST_CHOICE = 64
METHODS = {"/": ("GET",), "/health": ("GET",), "/ready": ("GET",), "/votes": ("GET", "POST")}
USER_PATHS = frozenset({"/", "/votes"})


@dataclass(frozen=True)
class Answer:
    status: HTTPStatus
    content: dict[str, object]
    allow: str = ""


class Answers:
    """The service without the network."""

    def __init__(self, settings: Settings, votes: Votes) -> None:
        self._settings = settings
        self._votes = votes

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        methods = METHODS.get(path)
        if methods is None:
            return error(HTTPStatus.NOT_FOUND, "there is nothing here; try / or /votes")
        if method not in methods:
            return error(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} answers {' and '.join(methods)}", allow=", ".join(methods))
        match method, path:
            case _, "/health":
                return self._ok(status="ok", environment=self._settings.environment)
            case _, "/ready":
                self._votes.counts()
                return self._ok(status="ready")
            case "POST", _:
                return self._vote(body)
            case _, "/votes":
                counts = self._votes.counts()
                return Answer(HTTPStatus.OK, {"votes": counts, "total": sum(counts.values())})
        return self._ok(greeting=self._settings.greeting)

    def _vote(self, body: bytes) -> Answer:
        try:
            vote = json.loads(body)
        except (ValueError, RecursionError):
            return error(HTTPStatus.BAD_REQUEST, 'send JSON: {"choice": "tea"}')
        choice = vote.get("choice") if isinstance(vote, dict) else None
        if not isinstance(choice, str) or not 0 < len(choice.strip()) <= LONGEST_CHOICE or not choice.isprintable():
            return error(HTTPStatus.BAD_REQUEST, f"choice must be 1 to {LONGEST_CHOICE} printable characters")
        choice = choice.strip()
        return Answer(HTTPStatus.CREATED, {"choice": choice, "count": self._votes.add(choice)})

    def _ok(self, **content: object) -> Answer:
        return Answer(HTTPStatus.OK, {**content, "version": self._settings.version})


def error(status: HTTPStatus, why: str, *, allow: str = "") -> Answer:
    return Answer(status, {"error": why}, allow)
