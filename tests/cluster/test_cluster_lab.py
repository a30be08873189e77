"""Where the cluster of these tests cannot be had, a sentence says what is missing and how to come by it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lab import packages, processes, programs
from lab.trouble import Trouble


def test_without_root_it_says_so_and_what_else_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Trouble, match="needs root; or name a cluster of yours: HEADWAY_TEST_KUBECONFIG="):
        packages.demand()


def test_without_go_it_says_where_go_is_to_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Trouble, match=r"`go` 1.26 or later is not on PATH: https://go.dev/dl"):
        programs.build()


def test_on_another_system_than_debian_it_names_what_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Trouble, match=r"needs what Debian calls .*containerd .*runc .*; install these your way"):
        packages.demand()


def test_a_part_that_has_ended_by_itself_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "STATE", tmp_path)
    over = subprocess.Popen(["true"])
    over.wait()
    (tmp_path / "pids").mkdir()
    for name, pid in (("etcd", os.getpid()), ("kube-proxy", over.pid)):
        (tmp_path / "pids" / name).write_text(str(pid))
    assert processes.ended() == ["kube-proxy"]
