"""Images: built by buildah, pushed to the cluster's own registry, known by digest."""

import fcntl
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab.layout import IMAGES, PAUSE, REGISTRY, STATE, cache
from lab.network import inside
from lab.trouble import Trouble


def pause() -> None:
    """The image that every pod starts with."""
    push(PAUSE, "pause")


def little(version: str, behaviour: Mapping[str, object] | None = None) -> str:
    """The little service in this version with this behaviour; returns its reference by digest."""
    variables = {"VERSION": version, **{name: str(value) for name, value in (behaviour or {}).items()}}
    if not STATE.exists():
        return push(f"{REGISTRY}/little:{version}", "little", variables)
    # Several processes test in one cluster: what one of them built and pushed, the others only name.
    known = STATE / "little" / hashlib.sha256(json.dumps(variables, sort_keys=True).encode()).hexdigest()[:16]
    known.parent.mkdir(exist_ok=True)
    with (known.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            known.write_text(push(f"{REGISTRY}/little:{version}", "little", variables))
    return known.read_text()


def migrating(version: str, dbmate: Path, migrations: Mapping[str, str], behaviour: Mapping[str, object]) -> str:
    """The little service with a tool that migrates, and its migrations; returns its reference by digest."""
    with tempfile.TemporaryDirectory(dir=_scratch(), prefix="migrating-") as made:
        folder = Path(made)
        for name, text in migrations.items():
            (folder / name).write_text(text)
        variables = {"VERSION": version, **{name: str(value) for name, value in behaviour.items()}}
        return push(f"{REGISTRY}/little:{version}", "little", variables, {"/dbmate": dbmate, "/db": folder})


def push(reference: str, name: str, variables: Mapping[str, str] | None = None, beside: Mapping[str, Path] | None = None) -> str:
    """Build an image that holds one program and what is to lie beside it, push it, and answer with its reference by digest."""
    program = compiled(name)
    container = _buildah("from", "scratch")
    try:
        _buildah("copy", container, str(program), f"/{name}")
        for where, what in (beside or {}).items():
            _buildah("copy", container, str(what), where)
        described = [f"--env={key}={value}" for key, value in (variables or {}).items()]
        _buildah("config", f'--entrypoint=["/{name}"]', "--user=1000:1000", *described, container)
        _buildah("commit", "--quiet", "--format=oci", container, reference)
    finally:
        _buildah("rm", container)
    with tempfile.NamedTemporaryFile("r", dir=_scratch(), prefix="digest-") as digest:
        _buildah("push", "--quiet", "--tls-verify=false", f"--digestfile={digest.name}", reference)
        return f"{reference.rpartition(':')[0]}@{digest.read().strip()}"


def compiled(name: str) -> Path:
    """One of our own programs, from its source beside us; kept by the source's content."""
    source = IMAGES / name
    mark = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()[:12]
    program = cache() / f"image-{name}-{mark}"
    cache().mkdir(parents=True, exist_ok=True)
    if not program.exists():
        draft = program.with_suffix(".part")
        argv = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(draft), "."]
        run(*argv, cwd=source, environment={"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"})
        draft.rename(program)
    return program


def _buildah(*argv: str) -> str:
    folders = (f"--root={_scratch()}/buildah", f"--runroot={_scratch()}/buildah-run")
    whole = ["buildah", *folders, "--storage-driver=vfs", *argv]
    return run(*(inside(whole) if STATE.exists() else whole), environment={"BUILDAH_ISOLATION": "chroot"})


def _scratch() -> Path:
    """With the cluster's own things, or, with a cluster of your own, in the cache."""
    return STATE if STATE.exists() else cache()


def run(*argv: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a command says; Trouble with what it said last if it fails."""
    whole = os.environ | dict(environment or {})
    done = subprocess.run(argv, cwd=cwd, env=whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{' '.join(argv)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout.strip()
