"""Carries notices to people: to a webhook as JSON, or to a command on its standard input.

One try here is one request, repeated once or twice within seconds when the network hiccups; the outbox repeats over hours. Where a
webhook lives is often a secret (the path of a chat's hook is its password), so errors name the host only.
"""

import json
import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO
from urllib.parse import urlsplit

import httpx2
import stamina

from headway.errors import InvalidSpec, Unavailable
from headway.ports import Notice, Notifier

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_LARGEST_VARIABLE = 100_000
_TOO_EARLY_OR_MANY = frozenset({408, 425, 429})


# The clients would write every URL into the log.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _Passing(Unavailable):
    """The next second may be better."""


class Webhook:
    """Posts a notice as JSON. A redirect is an error: a notice goes where the file says and nowhere else."""

    def __init__(self, url: str, *, timeout: float = 10.0, attempts: int = 2) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSpec("a webhook is an http:// or https:// URL with a host; what stands there is neither")
        self._url = url
        self._where = f"the webhook at {parts.scheme}://{parts.hostname}"
        self._timeout = timeout
        self._attempts = attempts

    def send(self, notice: Notice) -> None:
        """Deliver it, or say in a sentence why not."""
        for attempt in stamina.retry_context(on=_Passing, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_jitter=0.2):
            with attempt:
                self._post(notice)

    def _post(self, notice: Notice) -> None:
        # None of these `from error`, and translated before stamina logs them: the client's own texts carry the whole URL.
        try:
            answer = httpx2.post(self._url, json=_body(notice), timeout=self._timeout, follow_redirects=False)
        except httpx2.TimeoutException:
            raise _Passing(f"{self._where} did not answer within {self._timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _Passing(f"{self._where} cannot be reached: {type(error).__name__}") from None
        if answer.is_success:
            return
        said = f"{self._where} answered {answer.status_code} to {notice.title!r}"
        if answer.is_redirect:
            raise Unavailable(f"{said}: it redirects, and notices go where the file says; name the new address there")
        raise _Passing(said) if answer.status_code >= 500 or answer.status_code in _TOO_EARLY_OR_MANY else Unavailable(said)


class Command:
    """Runs a command for each notice: the text on its standard input, the whole of it as JSON in HEADWAY_NOTICE."""

    def __init__(self, argv: Sequence[str], *, timeout: float = 30.0) -> None:
        if not argv:
            raise InvalidSpec("a command to notify people with has at least a program")
        self._argv = tuple(argv)
        self._timeout = timeout

    def send(self, notice: Notice) -> None:
        """Run it to its end; an exit status other than 0 is a notice that did not arrive."""
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env["HEADWAY_NOTICE"] = _in_a_variable(_body(notice))
        program = self._argv[0]
        # A file, not a pipe: what it leaves running may hold a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    self._argv, env=env, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
                )
            except (OSError, ValueError) as error:
                raise Unavailable(f"the command {program} could not be started: {error}") from error
            with process:
                try:
                    process.communicate(f"{notice.title}\n\n{notice.text}\n".encode(), timeout=self._timeout)
                except subprocess.TimeoutExpired as error:
                    raise Unavailable(f"the command {program} did not end within {self._timeout:g} s") from error
                finally:
                    _end(process)
            if process.returncode != 0:
                raise Unavailable(f"the command {program} ended with {process.returncode}{_last_line(output)}")


class Router:
    """Gives each notice to the notifier that its target names."""

    def __init__(self, targets: Mapping[str, Notifier]) -> None:
        self._targets = targets

    def send(self, notice: Notice) -> None:
        """Deliver it by its target's way."""
        if notice.target not in self._targets:
            known = ", ".join(sorted(self._targets)) or "none"
            raise Unavailable(f"nobody is known as {notice.target!r} to notify; there are: {known}")
        self._targets[notice.target].send(notice)


def _body(notice: Notice) -> Mapping[str, object]:
    data = json.loads(json.dumps(dict(notice.data), default=str))
    return {"target": notice.target, "title": notice.title, "text": notice.text, "data": data}


def _in_a_variable(body: Mapping[str, object]) -> str:
    """As JSON, cut where the system would refuse the whole command: one variable may have 128 KiB."""
    whole = json.dumps(body)
    if len(whole) <= _LARGEST_VARIABLE:
        return whole
    return json.dumps({**body, "title": str(body["title"])[:500], "text": str(body["text"])[:5000] + "…", "data": {}, "cut": True})


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The whole of it: what a command left running in its group is not needed any more."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _last_line(output: IO[bytes]) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - 1000))
    last = output.read().decode(errors="replace").strip().rpartition("\n")[2][:200]
    return f": {last}" if last else ""
