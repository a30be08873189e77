"""Asks a running server over its unix socket: the same verbs, the same answers, the same errors."""

from pathlib import Path

import httpx2

from headway.errors import Contradiction, Failed, Fenced, HeadwayError, InvalidSpec, Refused, Unavailable

BY_NAME: dict[str, type[HeadwayError]] = {one.__name__: one for one in (InvalidSpec, Failed, Unavailable, Contradiction, Fenced)}
PATIENCE = 30.0
"""Seconds that an answer may take."""
LONG = {"cut": 3600.0, "poke": 3600.0, "collect": 600.0, "ping": 3.0}
"""And where it is another matter: cutting a release runs its build, and a poke may cut several."""


class Remote:
    """A server, as seen by the command line."""

    def __init__(self, socket: Path | None, url: str = "http://headway", token: str = "") -> None:
        self._socket = socket
        self._url = url
        self._token = token
        self._called = f"the server at {socket or url}"

    @classmethod
    def at(cls, url: str, token: str) -> "Remote":
        """One elsewhere, asked over the network."""
        if not url.startswith(("http://", "https://")):
            raise InvalidSpec(f"a server is named by its URL, such as https://headway.example; found {url!r}")
        if not token:
            raise InvalidSpec(f"{url} answers who has a token; set HEADWAY_TOKEN")
        return cls(None, url.rstrip("/"), token)

    def call(self, verb: str, **arguments: object) -> dict[str, object]:
        """One verb with its arguments; raises what the verb raised there."""
        patience = LONG.get(verb, PATIENCE)
        transport = _over(self._socket) if self._socket else None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            timeout = httpx2.Timeout(patience, connect=5.0)
            with httpx2.Client(transport=transport, base_url=self._url, timeout=timeout, headers=headers) as client:
                answer = client.post(f"/api/v1/{verb}", json=arguments)
        except httpx2.TimeoutException as error:
            raise Unavailable(f"{self._called} gave no answer in {patience:g} s; is it stopped, or very busy?") from error
        except httpx2.HTTPError as error:
            raise Unavailable(f"{self._called} did not answer: {error or type(error).__name__}") from error
        if self._socket is None and answer.status_code == 404:
            raise Refused(f"{self._called} does not {verb.replace('_', ' ')} for anybody over the network", ("ask where it runs",))
        try:
            body = answer.json()
        except ValueError as error:
            raise Unavailable(f"{self._called} answered {answer.status_code} and no JSON") from error
        if not isinstance(body, dict):
            raise Unavailable(f"{self._called} answered {answer.status_code} and no object")
        if answer.is_success:
            return body
        raise _error(body, answer.status_code)

    def answers(self) -> bool:
        """Is somebody there?"""
        try:
            self.call("ping")
        except HeadwayError:
            return False
        return True


def _over(socket: Path) -> httpx2.HTTPTransport:
    """Nothing is encrypted on the way to a socket: to read whom this machine trusts would take longer than the answer."""
    return httpx2.HTTPTransport(uds=str(socket), verify=False)


def _error(body: dict[str, object], status: int) -> HeadwayError:
    """The error behind a problem document."""
    name, text = str(body.get("title", "")), str(body.get("detail", f"the server answered {status}"))
    if name == Refused.__name__:
        objections = body.get("objections")
        return Refused(str(body.get("what", text)), [str(one) for one in objections] if isinstance(objections, list) else ())
    kind = BY_NAME.get(name)
    return kind(text) if kind else Unavailable(text)
