"""The cluster's API in the few calls that Headway makes: dicts in, dicts out, its exceptions in our words."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import httpx2
from lightkube import Client
from lightkube.config import client_adapter
from lightkube.config.client_adapter import ConnectionParams
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource

from headway.adapters.kubernetes.fencing import by_policy
from headway.adapters.kubernetes.identity import chosen
from headway.adapters.kubernetes.kinds import MANAGER, Kind, Object, name_of
from headway.adapters.kubernetes.rights import Right, missing
from headway.errors import Fenced, HeadwayError, Refused, Unavailable

TIMEOUT = 10.0


class Conflict(HeadwayError):  # noqa: N818 - named for what it is, as errors.py does
    """Somebody wrote this object since it was read."""


class Forbidden(Unavailable):
    """The cluster answered, and what it said was no: a right that is missing, a quota, an admission policy."""

    def __init__(self, text: str, right: Right | None = None) -> None:
        super().__init__(text)
        self.right = right


class Connection:
    """To one cluster, made when it is first needed; every namespace of it is asked by the same."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._client: Client | None = None
        self._plain: httpx2.Client | None = None
        self._lock = threading.Lock()

    def open(self) -> Client:
        """The client of the cluster."""
        with self._lock:
            if self._client is None:
                self._client = Client(config=chosen(self._context), field_manager=MANAGER, timeout=httpx2.Timeout(TIMEOUT))
            return self._client

    def plain(self) -> httpx2.Client:
        """The same cluster, asked in words that the client does not know."""
        with self._lock:
            if self._plain is None:
                self._plain = client_adapter.Client(chosen(self._context), ConnectionParams(timeout=httpx2.Timeout(TIMEOUT)))
            return self._plain

    def close(self) -> None:
        """Let go; whoever asks again connects again."""
        with self._lock:
            if self._plain is not None:
                self._plain.close()
                self._plain = None
            if self._client is not None:
                self._client.close()
                self._client = None


class Api:
    """One namespace of one cluster."""

    def __init__(self, context: str, namespace: str, connection: Connection | None = None) -> None:
        self.namespace = namespace
        self._where = f"the cluster of context {context}" if context else "the cluster"
        self._connection = connection or Connection(context)

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """One object; None if there is none."""
        with self._said(f"read {kind.name} {name}"):
            try:
                return _plain(self._open().get(_resource(kind), name, namespace=self.namespace))
            except ApiError as error:
                if error.status.code == 404:
                    return None
                raise

    def list(self, kind: Kind, labels: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """Those with these labels; None: whatever the label says."""
        with self._said(f"list {kind.plural}"):
            try:
                found = self._open().list(_resource(kind), namespace=self.namespace, labels=cast(Any, dict(labels)))
                return [_plain(one) for one in found]
            except httpx2.HTTPStatusError as error:  # no ApiError: of a kind that it does not know the cluster speaks in plain text
                if error.response.status_code == 404:
                    return []
                raise

    def table(self, kind: Kind, labels: Mapping[str, str]) -> tuple[tuple[str, ...], ...] | None:
        """What kubectl shows of those with these labels, without what changes by itself; None where that cannot be told.

        A tenth of what a list of them is.
        """
        where = f"/apis/{kind.api}" if kind.group else f"/api/{kind.version}"
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        try:
            answer = self._connection.plain().get(
                f"{where}/namespaces/{self.namespace}/{kind.plural}",
                params={"labelSelector": selector, "includeObject": "None"},
                headers={"accept": "application/json;as=Table;g=meta.k8s.io;v=v1,application/json"},
            )
            told = answer.json() if answer.status_code == 200 else {}
            columns = [str(one["name"]) for one in told["columnDefinitions"]]
            return tuple(_row(columns, one["cells"]) for one in told.get("rows") or ())
        except (httpx2.HTTPError, ConfigError, OSError, ValueError, KeyError, TypeError):
            return None  # whoever asks for all of it is told what the trouble is

    def apply(self, kind: Kind, thing: Object, manager: str = MANAGER, *, force: bool = False, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply; without force a field that somebody else owns is refused with that somebody's name."""
        whole = _resource(kind)(dict(thing) | {"apiVersion": kind.api, "kind": kind.name})
        with self._said(f"apply {kind.name} {name_of(thing)}"):
            client = self._open()
            done = client.apply(whole, name_of(thing), namespace=self.namespace, field_manager=manager, force=force, dry_run=dry_run)
            return _plain(done)

    def put(self, kind: Kind, thing: Object) -> dict[str, Any]:
        """Write a whole object: new if it has no resourceVersion, else only over exactly that one; Conflict otherwise."""
        whole = _resource(kind)(dict(thing) | {"apiVersion": kind.api, "kind": kind.name})
        with self._said(f"write {kind.name} {name_of(thing)}"):
            client = self._open()
            if thing.get("metadata", {}).get("resourceVersion"):
                return _plain(client.replace(whole, name_of(thing), namespace=self.namespace, field_manager=MANAGER))
            return _plain(client.create(whole, namespace=self.namespace, field_manager=MANAGER))

    def nodes(self) -> Iterable[dict[str, Any]]:
        """All nodes; Forbidden where Headway has rights in its namespace only."""
        with self._said("list nodes"):
            return [_plain(one) for one in self._open().list(_nodes())]

    def imagine(self, kind: Kind, thing: Object) -> None:
        """What creating this would meet; nothing is kept of it."""
        whole = _resource(kind)(dict(thing) | {"apiVersion": kind.api, "kind": kind.name})
        with self._said(f"create {kind.name} {name_of(thing)}"):
            self._open().create(whole, namespace=self.namespace, field_manager=MANAGER, dry_run=True)

    def delete(self, kind: Kind, name: str) -> None:
        """Gone, and what it made with it; no trouble if it was not there."""
        with self._said(f"delete {kind.name} {name}"):
            try:
                self._open().delete(_resource(kind), name, namespace=self.namespace)
            except ApiError as error:
                if error.status.code != 404:
                    raise

    def log(self, pod: str, container: str, lines: int) -> tuple[str, ...]:
        """A container's last lines; none where there are none to be had."""
        try:
            with self._said(f"read the log of {pod}"):
                log = self._open().log(pod, namespace=self.namespace, container=container, tail_lines=lines, newlines=False)
                return tuple(log)
        except Forbidden as no:
            return (str(no),) if no.right else ()
        except (Unavailable, Refused):
            return ()

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    def _open(self) -> Client:
        return self._connection.open()

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            raise self._in_words(what, error) from error
        except httpx2.HTTPStatusError as error:  # in plain text: who answers so is no API of this kind
            code = error.response.status_code
            unknown = code == 404
            says = "it has no such kind; is the extension that brings it installed?" if unknown else f"it answered {code}"
            raise (Forbidden if unknown else Unavailable)(f"{self._where} could not {what} in {self.namespace}: {says}") from error
        except httpx2.HTTPError as error:
            raise Unavailable(f"{self._where} did not answer when asked to {what}: {error or type(error).__name__}") from error
        except (ConfigError, OSError) as error:
            raise Unavailable(f"{self._where} cannot be reached to {what}: {error}") from error

    def _in_words(self, what: str, error: ApiError) -> HeadwayError:
        status = error.status
        message = status.message or status.reason or "without a word"
        if by_policy(message):
            return Fenced(f"could not {what} in {self.namespace}: {message}")
        if status.code == 409 and status.details is not None and _fields(status.details):
            return Refused(f"could not {what} in {self.namespace}: somebody else owns fields of it", _fields(status.details))
        if status.code == 409:
            return Conflict(f"could not {what} in {self.namespace}: {message}")
        if (right := missing(message)) is not None:
            no = f"{self._where} does not allow Headway to {what} in {self.namespace}"
            return Forbidden(f"{no}: the right to {right.verb} {right.resource} is missing; give it: {right.given()}", right)
        if status.code in {401, 403}:
            return Forbidden(f"{self._where} does not allow Headway to {what} in {self.namespace}: {message}")
        if status.code in {400, 404, 405, 415, 422}:
            return Refused(f"{self._where} refuses to {what} in {self.namespace}: {message}")
        return Unavailable(f"{self._where} could not {what} in {self.namespace} ({status.code}): {message}")


def _row(columns: Sequence[str], cells: Sequence[Any]) -> tuple[str, ...]:
    """Without the age; `2 (5m ago)` are 2 restarts."""
    return tuple(str(cell).partition(" (")[0] for name, cell in zip(columns, cells, strict=True) if name != "Age")


def _fields(details: Any) -> tuple[str, ...]:
    """Who owns which field, of a conflict between field managers."""
    causes = getattr(details, "causes", None) or ()
    return tuple(f"{one.field}: {one.message}" for one in causes if one.reason == "FieldManagerConflict")


@cache
def _resource(kind: Kind) -> type[Any]:
    return cast(type[Any], create_namespaced_resource(kind.group, kind.version, kind.name, kind.plural))


@cache
def _nodes() -> type[Any]:
    return cast(type[Any], create_global_resource("", "v1", "Node", "nodes"))


def _plain(thing: Any) -> dict[str, Any]:
    return dict(thing)
