"""Asking a running Envoy: its statistics and its members, over a unix socket that only its owner may open."""

import hashlib
import http.client
import json
import os
import re
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headway.analysis.model import Counters
from headway.errors import Unavailable

LONGEST = 100
"""The system takes 108 bytes for a unix socket's path on Linux, 104 on macOS; the longer path would fail without saying why."""

BETWEEN_READS = 0.02
"""Histograms lag one poll behind: the second read, this much later, has them."""


@dataclass(frozen=True, slots=True)
class Member:
    """One replica as Envoy sees it. Healthy: it gets traffic."""

    healthy: bool
    draining: bool
    active: int


def socket_path(folder: Path) -> Path:
    """Where the admin socket goes: in the folder, or where that path is too long in a short one of our own."""
    path = folder / "admin.sock"
    if len(os.fsencode(path)) <= LONGEST:
        return path
    short = Path(tempfile.gettempdir()) / f"headway-{os.getuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    about = short.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077 or short.is_symlink():
        raise Unavailable(f"{short} must be a folder of user {os.getuid()} with mode 0700 to hold Envoy's admin socket; remove it")
    return short / (hashlib.sha256(os.fsencode(folder)).hexdigest()[:16] + ".sock")


class Admin:
    """One Envoy's admin interface."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ready(self) -> bool:
        """Whether it serves."""
        try:
            return self._get("/ready").strip() == b"LIVE"
        except Unavailable:
            return False

    def epoch(self) -> int:
        """Which one answers: how often it was replaced since the last cold start."""
        return self.counters(r"^server\.hot_restart_epoch$").get("server.hot_restart_epoch", 0)

    def counters(self, pattern: str) -> Mapping[str, int]:
        """Counters and gauges whose names match the (RE2) pattern."""
        reply = self._json(f"/stats?format=json&filter={quote(pattern)}")
        return {one["name"]: one["value"] for one in reply["stats"] if "value" in one}

    def members(self) -> Mapping[str, Mapping[int, Member]]:
        """By cluster, by port."""
        reply = self._json("/clusters?format=json")
        return {
            cluster["name"]: {host["address"]["socket_address"]["port_value"]: _member(host) for host in cluster.get("host_statuses", ())}
            for cluster in reply.get("cluster_statuses", ())
        }

    def measure(self) -> Mapping[str, Counters]:
        """Cumulative counters by cluster, all from one read."""
        path = "/stats?format=json&usedonly&histogram_buckets=detailed&filter=" + quote(_MEASURED)
        self._get(path)
        time.sleep(BETWEEN_READS)
        return readings(self._json(path))

    def _json(self, path: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._get(path)))
        except ValueError as error:
            raise Unavailable(f"Envoy's answer to {path} is not JSON: {error}") from error

    def _get(self, path: str) -> bytes:
        connection = _UnixConnection(self.path)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"Envoy does not answer at {self.path}: {error}") from error
        finally:
            connection.close()
        if reply.status not in (200, 503):
            raise Unavailable(f"Envoy answered {path} with {reply.status}: {body[:200]!r}")
        return body


_COUNTED = {
    "upstream_rq_completed": "completed",
    "upstream_rq_5xx": "failures",
    "upstream_rq_retry": "retries",
    "upstream_rq_active": "active",
}
_REFUSED = ("upstream_cx_connect_fail", "upstream_rq_pending_overflow", "upstream_rq_retry_overflow")
_LATENCY = "upstream_rq_time"
_MEASURED = rf"^cluster\.[^.]+\.({'|'.join((*_COUNTED, *_REFUSED, _LATENCY))})$"


def readings(reply: Mapping[str, Any], named: str = r"(?P<service>[^.]+)") -> Mapping[str, Counters]:
    """Counters by cluster, from the answer of `/stats` with detailed buckets. Requests without an answer have no latency.

    `named` is an expression for a cluster's name; its group `service` is the part that the answer goes by.
    """
    numbers: dict[str, dict[str, int]] = {}
    latency: dict[str, dict[float, int]] = {}
    for one in reply["stats"]:
        if "histograms" in one:
            for histogram in one["histograms"].get("details", ()):
                cluster, name = _split(histogram["name"], named)
                if name == _LATENCY:
                    latency[cluster] = _buckets(histogram["totals"])
            continue
        cluster, name = _split(one["name"], named)
        noun = "refused" if name in _REFUSED else _COUNTED.get(name)
        if noun is not None:
            counts = numbers.setdefault(cluster, {})
            counts[noun] = counts.get(noun, 0) + one["value"]
    return {cluster: Counters(**numbers.get(cluster, {}), latency=latency.get(cluster, {})) for cluster in {*numbers, *latency}}


def _split(name: str, named: str) -> tuple[str, str]:
    found = re.fullmatch(rf"cluster\.{named}\.(?P<statistic>[^.]+)", name)
    return (found["service"], found["statistic"]) if found else ("", "")


def _buckets(totals: list[dict[str, float]]) -> dict[float, int]:
    buckets: dict[float, int] = {}
    for bucket in totals:
        edge = round(float(bucket["lower_bound"] + bucket["width"]), 6)
        buckets[edge] = buckets.get(edge, 0) + int(bucket["count"])
    return buckets


def _member(host: Mapping[str, Any]) -> Member:
    health = host.get("health_status", {})
    active = next((int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_active"), 0)
    draining = health.get("eds_health_status") == "DRAINING"
    sick = any(health.get(flag) for flag in ("failed_active_health_check", "failed_outlier_check", "pending_active_hc"))
    return Member(healthy=not sick and not draining, draining=draining, active=active)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
