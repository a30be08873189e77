"""A server that is told to end before it serves: in a pod it is process 1, for whom the kernel drops a signal that nobody handles."""

import signal
import socket
import subprocess
import sys
from pathlib import Path


def test_told_to_end_while_it_fetches_for_the_first_time_it_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/shop.git"
        argv = (sys.executable, "-m", "headway", "--home", str(tmp_path / "home"), "serve", "--no-local", "--repo", url)
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
            try:
                git, _ = listener.accept()
                with git:
                    server.send_signal(signal.SIGTERM)
                    assert server.wait(timeout=30) == 0, "ended by itself, not by the signal"
            finally:
                server.kill()
