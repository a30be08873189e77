"""Commands that a repository has written down for others to run: Procfile and Dockerfile."""

import json
import re
from dataclasses import dataclass

from headway.spec.recognised import Files

MODULES = {"gunicorn": "gunicorn", "uvicorn": "uvicorn", "hypercorn": "hypercorn", "waitress-serve": "waitress", "daphne": "daphne"}
"""Programs of packages, with the modules that are the same: `python3 -m` finds those wherever they were installed."""


def procfile(files: Files) -> dict[str, str]:
    """The processes of a Procfile, by name."""
    return dict(re.findall(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t]*$", files.get("Procfile", ""), re.MULTILINE))


def through_python(command: str) -> str:
    """A command with Python's programs called as modules, since nothing is on the PATH in an artifact."""
    first, _, rest = command.partition(" ")
    if first in MODULES:
        return f"python3 -m {MODULES[first]} {rest}".strip()
    return f"python3 {rest}" if first == "python" else command


PORTS = (
    (r"gunicorn|hypercorn", r"(-b|--bind)\b", "--bind 127.0.0.1:$PORT"),
    (r"uvicorn", r"--(port|uds|fd)\b", "--host 127.0.0.1 --port $PORT"),
    (r"waitress(-serve)?", r"--(listen|port|unix-socket)\b", "--listen=127.0.0.1:$PORT"),
    (r"daphne", r"(-p|--port|-u|-e)\b", "-b 127.0.0.1 -p $PORT"),
    (r"flask\b.* run", r"(-p|--port)\b", "--port $PORT"),
)
"""Servers, the options with which a command names their port, and what names ours."""


def with_port(command: str) -> str:
    """A server's command that names no port, with ours. Most platforms have it in a variable that not every server reads."""
    if "PORT" in command or re.search(r"[;&|`\n]", command):
        return command
    for server, named, ours in PORTS:
        if re.match(rf"(python3? -m )?({server})\b", command) and not re.search(rf"(^|\s){named}", command):
            program, first, rest = re.match(rf"((?:python3? -m )?(?:{server}))(\s*)(.*)", command).groups()  # type: ignore[union-attr]
            return f"{program} {ours}{first}{rest}"
    return command


@dataclass(frozen=True, slots=True)
class Image:
    """What a Dockerfile says of how the service is run."""

    path: str
    port: str | None
    command: str | None


def image(files: Files) -> Image | None:
    """The last stage of the Dockerfile."""
    path = next((name for name in ("Dockerfile", "docker/Dockerfile", "Containerfile") if name in files), None)
    if path is None:
        return None
    text = re.sub(r"\\\r?\n", " ", files[path])
    stage = re.split(r"^FROM\b", text, flags=re.MULTILINE | re.IGNORECASE)[-1]
    port = re.search(r"^EXPOSE\s+(\d+)", stage, re.MULTILINE | re.IGNORECASE)
    entry, command = _words(stage, "ENTRYPOINT"), _words(stage, "CMD")
    whole = " ".join(part for part in (entry, command) if part)
    return Image(path, port[1] if port else None, whole or None)


def _words(stage: str, instruction: str) -> str | None:
    found = re.findall(rf"^{instruction}\s+(.+?)\s*$", stage, re.MULTILINE | re.IGNORECASE)
    if not found:
        return None
    try:
        words = json.loads(found[-1])
    except ValueError:
        return str(found[-1])
    return " ".join(_quoted(str(word)) for word in words) if isinstance(words, list) else str(found[-1])


def _quoted(word: str) -> str:
    # Not shlex.quote: it would put $PORT into quotes that a shell takes literally.
    return word if re.fullmatch(r"[\w@%+=:,./$-]+", word) else json.dumps(word, ensure_ascii=False)


def at_our_port(image: Image) -> str | None:
    """Its command with our port in the place of the one that the image exposes."""
    if image.command is None or image.port is None:
        return image.command
    return re.sub(rf"(?<!\d){image.port}(?!\d)", "$PORT", image.command).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - taken out, not bound
