"""The HTTP API: one route per verb of engine.commands, and nothing of its own."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from headway import __version__
from headway.engine.commands import Commands
from headway.errors import Contradiction, Failed, HeadwayError, InvalidSpec, Refused, Unavailable

VERBS = (
    "cut", "releases", "release", "withdraw", "clear", "plan", "promote", "approve", "tick", "tell",
    "rollback", "reset", "adopt", "rollout", "rollouts", "status", "log", "verify", "collect",
)  # fmt: skip
STATUS: tuple[tuple[type[HeadwayError], int], ...] = (
    (InvalidSpec, 422),
    (Refused, 409),
    (Failed, 424),
    (Unavailable, 503),
    (Contradiction, 500),
)


def app(commands: Commands | None, extra: dict[str, Callable[..., Any]]) -> FastAPI:
    """The application. `extra` are the server's own verbs, such as ping and poke; without `commands` they are all there are."""
    api = FastAPI(title="Headway", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    for name in VERBS if commands is not None else ():
        _route(api, name, getattr(commands, name))
    for name, function in extra.items():
        _route(api, name, function)

    @api.exception_handler(HeadwayError)
    async def problem(_: Request, error: HeadwayError) -> JSONResponse:
        return JSONResponse(_problem(error), status_code=_status(error), media_type="application/problem+json")

    return api


def _route(api: FastAPI, name: str, function: Callable[..., Any]) -> None:
    """A verb takes its arguments as one JSON object, named as in the method."""

    def endpoint(**arguments: Any) -> Any:  # sync on purpose: verbs touch disks and databases, so each runs in a thread
        return function(**arguments)

    signature = inspect.signature(function)
    parameters = [
        parameter
        if parameter.annotation is Request
        else parameter.replace(annotation=Annotated[parameter.annotation, Body(embed=True)], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
    ]
    endpoint.__signature__ = signature.replace(parameters=parameters, return_annotation=Any)  # type: ignore[attr-defined]
    endpoint.__doc__ = function.__doc__
    api.add_api_route(f"/api/v1/{name}", endpoint, methods=["POST"], name=name)


def _problem(error: HeadwayError) -> dict[str, object]:
    body: dict[str, object] = {"type": "about:blank", "title": type(error).__name__, "detail": str(error)}
    if isinstance(error, Refused):
        body |= {"what": str(error).partition("\n")[0], "objections": list(error.objections)}
    return body


def _status(error: HeadwayError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)
