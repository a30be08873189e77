"""The programs, compiled from the Go module proxy at pinned versions; a second run finds them in the cache."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lab.layout import PROGRAMS, cache
from lab.trouble import Trouble

_KUBERNETES = "k8s.io/component-base/version"
ROOTS = {"go.etcd.io/etcd/server/v3": "etcd"}
"""Packages whose last part is not the program's name."""
KEPT = {"github.com/projectcontour/contour": ("examples/contour/01-crds.yaml", "examples/gateway/00-crds.yaml")}


def build() -> Path:
    """Compile what is not in the cache yet; returns the cache."""
    into = cache()
    missing = [
        (module, package) for module in sorted(PROGRAMS.iterdir()) for package in tools(module) if not (into / _name(package)).exists()
    ]
    if missing and not shutil.which("go"):
        raise Trouble("the test cluster is compiled from source and `go` 1.26 or later is not on PATH")
    into.mkdir(parents=True, exist_ok=True)
    for module, package in missing:
        sys.stderr.write(f"compiling {_name(package)} (once; the first takes minutes)\n")
        _keep(module, into)
        _compile(module, package, into / _name(package))
    return into


def _keep(module: Path, into: Path) -> None:
    """What else of the sources the cluster needs, so that later runs need no sources at all."""
    for name in (one for one in KEPT if f"{one} " in (module / "go.mod").read_text()):
        # `go list` knows no folder of what was not downloaded yet; on a fresh machine that is everything.
        found = subprocess.run(["go", "mod", "download", "-json", name], cwd=module, capture_output=True, text=True, check=False)
        if found.returncode:
            raise Trouble(f"{name} cannot be downloaded: {found.stdout.strip()} {found.stderr.strip()}")
        for file in KEPT[name]:
            shutil.copyfile(Path(json.loads(found.stdout)["Dir"]) / file, into / Path(file).name)


def tools(module: Path) -> list[str]:
    """The packages that a go.mod names as its tools."""
    text = (module / "go.mod").read_text()
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    return block[1].split() if block else re.findall(r"^tool (\S+)$", text, re.MULTILINE)


def _name(package: str) -> str:
    return ROOTS.get(package, package.rsplit("/", 1)[-1])


def _compile(module: Path, package: str, program: Path) -> None:
    draft = program.with_suffix(".part")
    flags = ["-s", "-w"]
    if found := re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)$", (module / "go.mod").read_text(), re.MULTILINE):
        facts = {"gitVersion": found[1], "gitMajor": found[2], "gitMinor": found[3], "gitTreeState": "clean"}
        flags += [f"-X {_KUBERNETES}.{fact}={value}" for fact, value in facts.items()]
    environment = os.environ | {"CGO_ENABLED": "0"}
    argv = ["go", "build", "-trimpath", "-ldflags", " ".join(flags), "-o", str(draft), package]
    if subprocess.run(argv, cwd=module, env=environment, check=False).returncode:
        raise Trouble(f"compiling {package} failed; what go said stands above")
    draft.rename(program)  # whole or not at all: a build that was interrupted leaves nothing that looks finished
