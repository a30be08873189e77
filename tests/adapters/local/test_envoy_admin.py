"""Reading Envoy's statistics."""

from pathlib import Path

import pytest

from headway.adapters.local import envoy_admin
from headway.adapters.local.envoy_admin import Admin, readings, socket_path
from headway.analysis.model import Counters
from headway.errors import Unavailable


def test_counters_by_cluster() -> None:
    reply = {
        "stats": [
            {"name": "cluster.web--a.upstream_rq_completed", "value": 7},
            {"name": "cluster.web--a.upstream_rq_5xx", "value": 2},
            {"name": "cluster.web--a.upstream_rq_retry", "value": 3},
            {"name": "cluster.web--a.upstream_cx_connect_fail", "value": 4},
            {"name": "cluster.web--a.upstream_rq_pending_overflow", "value": 5},
            {"name": "cluster.web--a.upstream_rq_active", "value": 1},
            {"name": "cluster.web--a.internal.upstream_rq_completed", "value": 900},
            {"name": "cluster.web--b.upstream_rq_completed", "value": 1},
            {
                "histograms": {
                    "details": [
                        {
                            "name": "cluster.web--a.upstream_rq_time",
                            "totals": [{"lower_bound": 1, "width": 0.1, "count": 5}, {"lower_bound": 10, "width": 1, "count": 2}],
                        }
                    ]
                }
            },
        ]
    }
    assert readings(reply) == {
        "web--a": Counters(completed=7, failures=2, retries=3, refused=9, active=1, latency={1.1: 5, 11.0: 2}),
        "web--b": Counters(completed=1),
    }


def test_counts_of_an_earlier_life_are_added() -> None:
    earlier, now = Counters(5, 1, latency={1.0: 5}), Counters(2, 0, active=1, latency={1.0: 1, 2.0: 1})
    assert now + earlier == Counters(7, 1, active=1, latency={1.0: 6, 2.0: 1})


def test_a_path_too_long_for_a_socket_becomes_a_short_private_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envoy_admin.tempfile, "gettempdir", lambda: str(tmp_path))
    assert socket_path(Path("/short")) == Path("/short/admin.sock")
    long = socket_path(Path("/" + "x" * 100))
    assert long.parent.parent == tmp_path
    assert long.parent.stat().st_mode & 0o777 == 0o700
    assert long != socket_path(Path("/" + "y" * 100))
    long.parent.chmod(0o755)
    with pytest.raises(Unavailable, match="mode 0700"):
        socket_path(Path("/" + "x" * 100))


def test_an_envoy_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    admin = Admin(tmp_path / "admin.sock")
    assert not admin.ready()
    with pytest.raises(Unavailable, match="Envoy does not answer"):
        admin.members()
