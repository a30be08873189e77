"""The programs, compiled from the Go module proxy at pinned versions; a second run finds them in the cache."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.layout import cache, folder, modules, tools
from lab.trouble import Trouble

_KUBERNETES = "k8s.io/component-base/version"
KEPT = {"github.com/projectcontour/contour": ("examples/contour/01-crds.yaml", "examples/gateway/00-crds.yaml")}


def build() -> None:
    """Compile what is not in the cache yet."""
    if not _missing():
        return
    if not shutil.which("go"):
        raise Trouble(
            "the test cluster is compiled from source and `go` 1.26 or later is not on PATH: https://go.dev/dl, or a newer Debian's "
            "package golang-go; or name a cluster of yours: HEADWAY_TEST_KUBECONFIG=/path/to/kubeconfig make test-cluster"
        )
    with _alone():
        for module, name, package in _missing():
            sys.stderr.write(f"compiling {name} (once; the first takes minutes)\n")
            folder(module).mkdir(parents=True, exist_ok=True)
            _keep(module, folder(module))
            _compile(module, package, folder(module) / name)


def _missing() -> list[tuple[Path, str, str]]:
    return [
        (module, name, package) for module in modules() for name, package in tools(module).items() if not (folder(module) / name).exists()
    ]


@contextmanager
def _alone() -> Iterator[None]:
    """Two checkouts share the cache: whoever comes second waits, and finds everything there."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("another process compiles the cluster's programs; waiting for it\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep(module: Path, into: Path) -> None:
    """What else of the sources the cluster needs, so that later runs need no sources at all."""
    for name in (one for one in KEPT if f"{one} " in (module / "go.mod").read_text()):
        # `go list` knows no folder of what was not downloaded yet; on a fresh machine that is everything.
        found = subprocess.run(["go", "mod", "download", "-json", name], cwd=module, capture_output=True, text=True, check=False)
        if found.returncode:
            raise Trouble(f"{name} cannot be downloaded: {found.stdout.strip()} {found.stderr.strip()}")
        for file in KEPT[name]:
            shutil.copyfile(Path(json.loads(found.stdout)["Dir"]) / file, into / Path(file).name)


def _compile(module: Path, package: str, program: Path) -> None:
    draft = program.with_suffix(".part")
    flags = ["-s", "-w"]
    if found := re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)", (module / "go.mod").read_text(), re.MULTILINE):
        facts = {"gitVersion": found[1], "gitMajor": found[2], "gitMinor": found[3], "gitTreeState": "clean"}
        flags += [f"-X {_KUBERNETES}.{fact}={value}" for fact, value in facts.items()]
    environment = os.environ | {"CGO_ENABLED": "0"}
    argv = ["go", "build", "-trimpath", "-ldflags", " ".join(flags), "-o", str(draft), package]
    if subprocess.run(argv, cwd=module, env=environment, check=False).returncode:
        raise Trouble(f"compiling {package} failed; what go said stands above")
    draft.rename(program)  # whole or not at all: a build that was interrupted leaves nothing that looks finished
