"""A real Prometheus that scrapes the gateway's Envoy, in the cluster's network, on a port of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from stand import until


@dataclass
class Scraping:
    """It can be killed, and started again with what it had."""

    folder: Path
    target: str
    every: str
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{self.address}"
        job = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": [self.target]}]}
        config = {"global": {"scrape_interval": self.every, "scrape_timeout": self.every}, "scrape_configs": [job]}
        (self.folder / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML

    def start(self) -> None:
        argv = ["prometheus", f"--config.file={self.folder}/prometheus.json", f"--storage.tsdb.path={self.folder}/data"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*argv, f"--web.listen-address={self.address}"], stdout=log, stderr=log)
        until("Prometheus has scraped the gateway", self._has_scraped, within=60)

    def kill(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _has_scraped(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?query=up", timeout=5) as answer:
                return any(one["value"][1] == "1" for one in json.load(answer)["data"]["result"])
        except OSError:
            return False


@contextmanager
def scraping(folder: Path, target: str, every: str = "1s") -> Iterator[Scraping]:
    if not shutil.which("prometheus"):
        pytest.skip("the tests with Prometheus start one themselves: apt-get install prometheus")
    made = Scraping(folder, target, every)
    made.start()
    try:
        yield made
    finally:
        made.kill()
