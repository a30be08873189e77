"""What is answered over the network: whether the server is well, to everybody; the verbs, to whoever has a token, in that one's name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from headway.engine.callers import OWNED, known
from headway.engine.commands import Commands
from headway.errors import HeadwayError, Refused
from headway.web.app import VERBS, app
from headway.web.exposition import TYPE

INDOORS = frozenset({"down", "repo_add", "policies_use", "policies_drop", "policies_check"})
"""Verbs that name files of the server's own machine, or end it: asked there, over its socket."""
METRICS = "/metrics"
SCRAPER = "metrics"
"""Whose token may ask for nothing but the metrics: Prometheus needs no say in what is promoted."""
Person = Callable[[str], str | None]


def door(
    commands: Commands,
    extra: Mapping[str, Callable[..., Any]],
    person: Person | None,
    alive: Callable[[], bool],
    ready: Callable[[], object],
    metrics: Callable[[], str],
    answered: Callable[[int], None] = lambda _: None,
    *,
    open_metrics: bool = False,
) -> FastAPI:
    """The application of the network side. Without `person` nobody has a token, and nothing but health is told.

    `answered` hears the status of every answer but health's; `open_metrics`: those are told to everybody, too.
    """
    verbs = {name: getattr(commands, name) for name in VERBS} | dict(extra)
    outside = {name: function for name, function in verbs.items() if name not in INDOORS} if person else {}
    api = app(None, {name: _in_ones_name(function) for name, function in outside.items()})

    @api.get("/healthz", include_in_schema=False)
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("it turns\n") if alive() else PlainTextResponse("one of its threads has ended\n", 503)

    @api.get("/readyz", include_in_schema=False)
    def readyz() -> PlainTextResponse:
        try:
            ready()
        except HeadwayError as error:
            return PlainTextResponse(f"{error}\n", 503)
        return PlainTextResponse("ready\n")

    @api.get(METRICS, include_in_schema=False)
    def measured() -> PlainTextResponse:
        return PlainTextResponse(metrics(), media_type=TYPE)

    to_everybody = {"/healthz", "/readyz", *((METRICS,) if open_metrics else ())}

    @api.middleware("http")
    async def asked(request: Request, call_next: Callable[[Request], Any]) -> Any:
        if request.url.path in to_everybody:
            return await call_next(request)
        answer = await _answer(request, call_next)
        answered(answer.status_code)
        return answer

    async def _answer(request: Request, call_next: Callable[[Request], Any]) -> Any:
        if person is None:
            return _problem(403, "this server answers nobody over the network", "start it with --tokens FILE; see `headway token --help`")
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        request.state.who = person(token.strip()) if kind.lower() == "bearer" else None
        if request.state.who is None:
            return _problem(401, "this server answers who has a token", "give it as HEADWAY_TOKEN; `headway token NAME` makes one")
        if request.state.who == SCRAPER and request.url.path != METRICS:
            return _problem(403, f"the token of {SCRAPER} reads {METRICS} and nothing else", "`headway token NAME` makes one for a person")
        return await call_next(request)

    return api


def _in_ones_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb, asked by whom the token belongs to, whatever the question says; who claims to be somebody else is refused."""
    signature = inspect.signature(function)
    if "by" not in signature.parameters:
        return function

    def asked(request: Request, by: str, **arguments: Any) -> Any:
        who = request.state.who
        if by not in {"", who}:
            raise Refused(f"this token is {who}'s", (f"it cannot speak for {by}; leave --as and HEADWAY_USER out",))
        with known(OWNED):
            return function(by=who, **arguments)

    parameters = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, default="")
        if one.name == "by"
        else one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in signature.parameters.values()
    ]
    request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    asked.__signature__ = signature.replace(parameters=[request, *parameters])  # type: ignore[attr-defined]
    asked.__doc__ = function.__doc__
    return asked


def _problem(status: int, what: str, hint: str) -> JSONResponse:
    body = {"type": "about:blank", "title": Refused.__name__, "detail": f"{what}\n- {hint}", "what": what, "objections": [hint]}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
