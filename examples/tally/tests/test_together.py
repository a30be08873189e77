"""Two replicas on one database, as they run in an environment; no third party, nothing left behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
START_SECONDS = 10


class Replica:
    """One real process of tally."""

    def __init__(self, state: str) -> None:
        self.port = free_port()
        environ = {**os.environ, "PORT": str(self.port), "HEADWAY_STATE": state, "TALLY_FAULT": "off", "GREETING": "hello"}
        self.process = subprocess.Popen([sys.executable, "-B", "-m", "tally"], cwd=HOME, env=environ, stderr=subprocess.DEVNULL)
        self._wait()

    def ask(self, method: str, path: str, content: object = None) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, None if content is None else json.dumps(content))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise AssertionError(f"tally did not get ready on port {self.port} within {START_SECONDS} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TogetherTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.one = Replica(folder.name)
        self.addCleanup(self.one.stop)
        self.other = Replica(folder.name)
        self.addCleanup(self.other.stop)

    def test_a_vote_for_one_replica_is_counted_by_the_other(self) -> None:
        self.assertEqual(self.one.ask("POST", "/votes", {"choice": "tea"}), (201, {"choice": "tea", "count": 1}))
        self.assertEqual(self.other.ask("GET", "/votes"), (200, {"votes": {"tea": 1}, "total": 1}))

    def test_votes_for_both_at_once_are_all_counted(self) -> None:
        def vote(replica: Replica) -> None:
            for _ in range(40):
                replica.ask("POST", "/votes", {"choice": "tea"})

        voters = [threading.Thread(target=vote, args=(replica,)) for replica in (self.one, self.other) * 2]
        for voter in voters:
            voter.start()
        for voter in voters:
            voter.join()
        self.assertEqual(self.one.ask("GET", "/votes"), (200, {"votes": {"tea": 160}, "total": 160}))

    def test_votes_outlive_a_replica_that_is_told_to_stop(self) -> None:
        self.one.ask("POST", "/votes", {"choice": "tea"})
        self.assertEqual(self.one.stop(), 0)
        self.assertEqual(self.other.ask("GET", "/votes")[1]["total"], 1)
