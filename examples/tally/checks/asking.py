"""What the checks share: one keep-alive connection to $HEADWAY_URL, and a way to end with one line."""

import http.client
import json
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


class Wrong(Exception):  # noqa: N818 - named for what it says of the release
    """The release is not as it should be; the text is the one line that people read."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: str

    def json(self) -> dict[str, object]:
        try:
            content = json.loads(self.text)
        except ValueError:
            raise Wrong(f"expected JSON, found {self.text[:60]!r}") from None
        if not isinstance(content, dict):
            raise Wrong(f"expected a JSON object, found {self.text[:60]!r}")
        return content


class Service:
    """The release under test, as its users reach it."""

    def __init__(self) -> None:
        address = urlsplit(os.environ.get("HEADWAY_URL", ""))
        if address.scheme != "http" or not address.hostname:
            raise Wrong("HEADWAY_URL must be set to the environment's URL, such as http://127.0.0.1:8000")
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)

    def ask(self, method: str, path: str, content: object = None, *, raw: bytes | None = None) -> Reply:
        body = raw if content is None else json.dumps(content).encode()
        try:
            self._connection.request(method, path, body)
            answer = self._connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Wrong(f"{method} {path} got no answer: {error!r}") from error

    def expect(self, status: int, method: str, path: str, content: object = None) -> dict[str, object]:
        reply = self.ask(method, path, content)
        if reply.status != status:
            raise Wrong(f"{method} {path} answered {reply.status}, expected {status}: {reply.text[:100].strip()}")
        return reply.json()


def some_choice(check: str) -> str:
    """A choice nobody else votes for just now, from so few that they never fill the table."""
    return f"{check}-{secrets.randbelow(500)}"


def count_of(service: Service, choice: str) -> int:
    votes = service.expect(200, "GET", "/votes").get("votes")
    if not isinstance(votes, dict):
        raise Wrong("GET /votes has no votes in it")
    count = votes.get(choice, 0)
    if not isinstance(count, int):
        raise Wrong(f"GET /votes counts {choice} as {count!r}")
    return count


def run(check: Callable[[Service], str]) -> None:
    """Exit 0 or 1, with one line that says why."""
    try:
        print("good:", check(Service()))
    except Wrong as wrong:
        print("failed:", wrong)
        sys.exit(1)
