"""Does it answer at all?"""

import sys

sys.dont_write_bytecode = True  # a check leaves nothing behind in the folder it came in

from asking import Service, Wrong, run  # noqa: E402


def smoke(service: Service) -> str:
    health = service.expect(200, "GET", "/health")
    if health.get("status") != "ok":
        raise Wrong(f"/health says {health.get('status')!r}, expected 'ok'")
    front = service.expect(200, "GET", "/")
    if not front.get("greeting"):
        raise Wrong("the front page has no greeting")
    return f"version {front.get('version')} says {front.get('greeting')!r} and is healthy"


run(smoke)
