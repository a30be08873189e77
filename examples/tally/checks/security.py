"""Is it safe to show to the world? Reads the sources, tries the running release, and asks bandit and pip-audit where they are installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a check leaves nothing behind in the folder it came in

from asking import Reply, Service, Wrong, run  # noqa: E402
from scan import scan  # noqa: E402

HOME = Path(__file__).resolve().parents[1]
SOURCES = HOME / "tally"
REQUIREMENTS = HOME / "tally" / "requirements.txt"
TOOLS = {
    "bandit": ("bandit", "-q", "-r", str(SOURCES)),
    "pip_audit": ("pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off", "-r", str(REQUIREMENTS)),
}
TOO_LARGE = b'{"choice": "' + b"x" * 20_000 + b'"}'
LEAKS = ("Traceback", 'File "', "sqlite3.", "Error(")


def security(service: Service) -> str:
    if not SOURCES.is_dir():
        raise Wrong(f"there are no sources to scan in {SOURCES}")
    findings = [*scan(SOURCES), *_probe(service)]
    ran = ["the source scan", "the probes of the running release"]
    for tool, arguments in TOOLS.items():
        if importlib.util.find_spec(tool) is None:
            ran.append(f"not {tool} (not installed)")
            continue
        ran.append(tool)
        findings += _ask_tool(tool, arguments)
    if findings:
        raise Wrong("; ".join(findings))
    return f"nothing found; ran {', '.join(ran)}"


def _probe(service: Service) -> list[str]:
    """What an unfriendly visitor would try first."""
    tries = {
        "a body that is no JSON": service.ask("POST", "/votes", raw=b"\xff{"),
        "deeply nested JSON": service.ask("POST", "/votes", raw=b"[" * 4000),
        "a wrong type": service.ask("POST", "/votes", {"choice": {"$gt": ""}}),
        "SQL in a vote": service.ask("POST", "/votes", {"choice": "'); DROP TABLE votes; --\n"}),
        "a path that climbs": service.ask("GET", "/..%2f..%2fetc%2fpasswd"),
        "an unknown method": service.ask("PATCH", "/votes"),
        "a body that is too large": service.ask("POST", "/votes", raw=TOO_LARGE),
        "the front page": service.ask("GET", "/"),
    }
    findings = [finding for what, reply in tries.items() for finding in _leaks(what, reply)]
    findings += [f"{what} is answered {reply.status}" for what, reply in tries.items() if reply.status >= 500]
    if (status := tries["a body that is too large"].status) != 413:
        findings.append(f"a body of {len(TOO_LARGE)} bytes is answered {status}, expected 413")
    if (status := tries["SQL in a vote"].status) != 400:
        findings.append(f"a vote with control characters is answered {status}, expected 400")
    return findings


def _leaks(what: str, reply: Reply) -> list[str]:
    findings = [f"{what} is answered with inner workings ({leak})" for leak in LEAKS if leak in reply.text]
    for header in ("Server", "X-Powered-By"):
        shown = reply.headers.get(header, "")
        if any(character.isdigit() for character in shown):
            findings.append(f"{what} is answered with a version in {header}: {shown}")
    return findings


def _ask_tool(tool: str, arguments: tuple[str, ...]) -> list[str]:
    ended = subprocess.run((sys.executable, "-m", *arguments), capture_output=True, text=True, timeout=45, check=False)
    if ended.returncode == 0:
        return []
    print(ended.stdout, ended.stderr, sep="")
    return [f"{tool} exits {ended.returncode}, see above"]


run(security)
