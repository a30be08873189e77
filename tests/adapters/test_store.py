"""The store keeps exactly what was built, hands out nothing else, and takes nothing crooked."""

import gzip
import hashlib
import io
import os
import resource
import socket
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.adapters.archives import Limits
from headway.adapters.folders import remove
from headway.adapters.store import FileStore
from headway.errors import Failed, InvalidSpec, Refused, Unavailable

ELSEWHERE = "sha256:" + "0" * 64


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "store"
    remove(tmp_path / "store")


@pytest.fixture
def store(root: Path) -> FileStore:
    return FileStore(root, young=0)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    (folder / "bin").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "app.py").write_text("print('hello')\n")
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o750)
    (folder / "bin" / "start").symlink_to("run")
    return folder


def stored(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_what_comes_out_is_what_went_in(store: FileStore, built: Path) -> None:
    artifact = store.put(built)
    tree = store.path(artifact.digest)
    assert (tree / "app.py").read_text() == "print('hello')\n"
    assert os.access(tree / "bin" / "run", os.X_OK)
    assert (tree / "bin" / "start").readlink() == Path("run")
    assert artifact.size == len("print('hello')\n") + len("#!/bin/sh\n")


def test_what_is_stored_is_read_only(store: FileStore, built: Path) -> None:
    tree = store.path(store.put(built).digest)
    for path in (tree, tree / "bin", tree / "app.py", tree / "bin" / "run"):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path


def test_the_same_tree_is_stored_once(store: FileStore, built: Path, root: Path) -> None:
    first = store.put(built)
    os.utime(built / "app.py", (1, 1))
    (built / "another empty folder").mkdir()
    assert store.put(built) == first
    assert len(stored(root)) == 1


def test_an_empty_folder_is_not_part_of_an_artifact(store: FileStore, built: Path) -> None:
    assert not (store.path(store.put(built).digest) / "empty").exists()


def test_many_may_store_the_same_at_once(store: FileStore, built: Path, root: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(store.put(built).digest)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert stored(root) == [found[0].replace(":", "-")]


def _change(tree: Path) -> None:
    (tree / "app.py").chmod(0o644)
    (tree / "app.py").write_text("print('HELLO')\n")
    (tree / "app.py").chmod(0o444)
    os.utime(tree / "app.py", (0, 0))


def _add(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "sitecustomize.py").write_text("")


def _take_away(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "app.py").unlink()


def _turn(tree: Path) -> None:
    (tree / "bin").chmod(0o755)
    (tree / "bin" / "start").unlink()
    (tree / "bin" / "start").symlink_to("/bin/sh")


def _rewrite_the_manifest(tree: Path) -> None:
    path = tree.parent / "manifest"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("app.py", "spp.py"))


def _put_a_socket(tree: Path) -> None:
    tree.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as door:
        here = Path.cwd()
        os.chdir(tree)  # a socket's path may be 107 bytes long
        try:
            door.bind("door")
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        pytest.param(_change, "app.py was changed", id="a file changed, its time and size kept"),
        pytest.param(_add, "sitecustomize.py was added", id="a file added"),
        pytest.param(_take_away, "app.py is missing", id="a file taken away"),
        pytest.param(_turn, "bin/start was changed", id="a link turned"),
        pytest.param(lambda tree: (tree / "bin" / "run").chmod(0o444), "bin/run was an executable", id="a program made none"),
        pytest.param(_rewrite_the_manifest, "manifest was changed", id="the manifest rewritten"),
        pytest.param(_put_a_socket, "door is no file", id="a socket put in"),
    ],
)
def test_a_tampered_artifact_is_not_handed_out(store: FileStore, built: Path, tamper: Callable[[Path], None], says: str) -> None:
    digest = store.put(built).digest
    tamper(store.path(digest))
    with pytest.raises(Failed, match=says) as failed:
        store.path(digest)
    assert digest in str(failed.value)


def test_storing_it_again_mends_a_tampered_artifact(store: FileStore, built: Path) -> None:
    digest = store.put(built).digest
    _change(store.path(digest))
    assert store.put(built).digest == digest
    assert (store.path(digest) / "app.py").read_text() == "print('hello')\n"


def test_an_artifact_that_is_not_here_is_unavailable(store: FileStore) -> None:
    with pytest.raises(Unavailable, match="not in the store"):
        store.path(ELSEWHERE)


@pytest.mark.parametrize("digest", ["", "latest", "sha256:abc", "sha256:../../etc", "sha256:" + "G" * 64])
def test_what_is_no_digest_is_said_so(store: FileStore, built: Path, digest: str) -> None:
    with pytest.raises(InvalidSpec, match="64 hex digits"):
        store.path(digest)
    with pytest.raises(InvalidSpec, match="64 hex digits"):
        store.take(built, digest)


def test_an_artifact_with_nothing_in_it_is_refused(store: FileStore, tmp_path: Path, root: Path) -> None:
    (tmp_path / "nothing" / "in here").mkdir(parents=True)
    with pytest.raises(Refused, match="at least one file"):
        store.put(tmp_path / "nothing")
    assert stored(root) == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "bin/../../secret"])
def test_a_link_that_leads_out_is_refused(store: FileStore, built: Path, root: Path, target: str) -> None:
    (built / "way out").symlink_to(target)
    with pytest.raises(Refused, match="way out links"):
        store.put(built)
    assert stored(root) == []


def test_a_pipe_is_no_part_of_an_artifact(store: FileStore, built: Path) -> None:
    os.mkfifo(built / "pipe")
    with pytest.raises(Refused, match="pipe is no file"):
        store.put(built)


def test_a_full_disk_leaves_nothing_half_there(store: FileStore, built: Path, root: Path) -> None:
    (built / "large").write_bytes(b"x" * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(Unavailable, match="the disk is full"):
            store.put(built)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stored(root) == []
    assert store.put(built)


class TestCollecting:
    def test_what_is_kept_stays_and_the_rest_goes(self, store: FileStore, built: Path, root: Path) -> None:
        kept = store.put(built).digest
        (built / "app.py").write_text("print('bye')\n")
        gone = store.put(built).digest
        assert store.collect(frozenset({kept})) == (gone,)
        assert stored(root) == [kept.replace(":", "-")]
        with pytest.raises(Unavailable):
            store.path(gone)

    def test_an_artifact_whose_release_is_not_on_record_yet_stays(self, built: Path, root: Path) -> None:
        store = FileStore(root)
        digest = store.put(built).digest
        assert store.collect(frozenset()) == ()
        os.utime(root / digest.replace(":", "-"), (0, 0))
        store.put(built)  # young again
        assert store.collect(frozenset()) == ()
        os.utime(root / digest.replace(":", "-"), (0, 0))
        assert store.collect(frozenset()) == (digest,)

    def test_who_reads_one_while_it_goes_reads_on(self, store: FileStore, built: Path) -> None:
        digest = store.put(built).digest
        with (store.path(digest) / "app.py").open() as file:
            store.collect(frozenset())
            assert file.read() == "print('hello')\n"

    def test_a_reader_beside_it_sees_all_or_nothing(self, store: FileStore, built: Path) -> None:
        for number in range(50):
            (built / f"file {number}").write_text(str(number))
        wrong: list[BaseException] = []
        done = threading.Event()

        def read(digest: str) -> None:
            while not done.is_set():
                try:
                    store.path(digest)
                except Unavailable:
                    pass
                except BaseException as error:
                    wrong.append(error)
                    return

        reader = threading.Thread(target=read, args=(store.put(built).digest,))
        reader.start()
        for _ in range(15):
            store.put(built)
            store.collect(frozenset())
        done.set()
        reader.join()
        assert wrong == []

    def test_what_a_crash_left_goes_too(self, store: FileStore, root: Path) -> None:
        for name in (".old-1", ".new-1", ".new-2"):
            (root / name / "tree").mkdir(parents=True)
        os.utime(root / ".new-1", (0, 0))
        store.collect(frozenset())
        assert stored(root) == [".new-2"]


def tar_of(folder: Path, path: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, arcname=".")
    return path


def zip_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for found in sorted(folder.rglob("*")):
            info = zipfile.ZipInfo(str(found.relative_to(folder)) + ("/" if found.is_dir() and not found.is_symlink() else ""))
            info.external_attr = found.lstat().st_mode << 16
            content = str(found.readlink()).encode() if found.is_symlink() else b"" if found.is_dir() else found.read_bytes()
            archive.writestr(info, content)
    return path


class TestTaking:
    @pytest.mark.parametrize(
        "pack",
        [
            pytest.param(lambda folder, path: folder, id="a folder"),
            pytest.param(lambda folder, path: tar_of(folder, path, "w"), id="a tar"),
            pytest.param(lambda folder, path: tar_of(folder, path, "w:gz"), id="a tar.gz"),
            pytest.param(lambda folder, path: tar_of(folder, path, "w:bz2"), id="a tar.bz2"),
            pytest.param(lambda folder, path: tar_of(folder, path, "w:xz"), id="a tar.xz"),
            pytest.param(zip_of, id="a zip"),
        ],
    )
    def test_every_way_of_packing_gives_the_same_artifact(
        self, store: FileStore, built: Path, tmp_path: Path, root: Path, pack: Callable[[Path, Path], Path]
    ) -> None:
        expected = FileStore(tmp_path / "other").put(built)
        assert store.take(pack(built, tmp_path / "packed"), expected.digest) == expected
        assert (store.path(expected.digest) / "bin" / "start").readlink() == Path("run")
        assert len(stored(root)) == 1
        remove(tmp_path / "other")

    def test_hard_links_become_files(self, store: FileStore, built: Path, tmp_path: Path) -> None:
        (built / "same.py").hardlink_to(built / "app.py")
        digest = store.put(built).digest
        store.collect(frozenset())
        assert store.take(tar_of(built, tmp_path / "packed.tar"), digest).digest == digest

    def test_another_digest_than_announced_is_refused_with_both(self, store: FileStore, built: Path, tmp_path: Path, root: Path) -> None:
        digest = store.put(built).digest
        store.collect(frozenset())
        with pytest.raises(Refused) as refused:
            store.take(tar_of(built, tmp_path / "packed.tar"), ELSEWHERE)
        assert ELSEWHERE in str(refused.value)
        assert digest in str(refused.value)
        assert stored(root) == []

    def test_who_gives_the_archives_own_sum_is_told_so(self, store: FileStore, built: Path, tmp_path: Path) -> None:
        packed = tar_of(built, tmp_path / "packed.tar")
        with pytest.raises(Refused, match="that of the archive file"):
            store.take(packed, "sha256:" + hashlib.sha256(packed.read_bytes()).hexdigest())

    def test_an_archive_that_is_not_there(self, store: FileStore, tmp_path: Path) -> None:
        with pytest.raises(InvalidSpec, match="is not there"):
            store.take(tmp_path / "nothing.tar", ELSEWHERE)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info, content


OUT = "sent.txt"


class TestHostileArchives:
    @pytest.mark.parametrize(
        ("members", "says"),
        [
            pytest.param([member("/tmp/" + OUT)], "absolute", id="an absolute path"),
            pytest.param([member("../" + OUT)], "leaves the tree", id="a path upwards"),
            pytest.param([member("a/../../" + OUT)], "leaves the tree", id="a path upwards, later"),
            pytest.param([member("out", tarfile.SYMTYPE, ".."), member("out/" + OUT)], "folder of|both a file", id="through a link"),
            pytest.param([member("out", tarfile.SYMTYPE, "/etc")], "absolute path /etc", id="a link out"),
            pytest.param([member("a", tarfile.LNKTYPE, "/etc/passwd")], "absolute path", id="a hard link out"),
            pytest.param([member("a", tarfile.LNKTYPE, "b")], "did not come before", id="a hard link to nothing"),
            pytest.param([member("s", tarfile.SYMTYPE, "x"), member("a", tarfile.LNKTYPE, "s")], "not come", id="a hard link to a link"),
            pytest.param([member("zero", tarfile.CHRTYPE)], "device or a pipe", id="a device"),
            pytest.param([member("pipe", tarfile.FIFOTYPE)], "device or a pipe", id="a pipe"),
            pytest.param([member("a"), member("./a")], "there twice", id="a name twice"),
            pytest.param([member("a"), member("a", tarfile.SYMTYPE, "b")], "there twice", id="a file and a link of one name"),
            pytest.param([member("a"), member("a/b")], "both a file and a folder", id="a file that is a folder"),
            pytest.param([member("big", content=b"x" * 2000)], "more than 1000 bytes", id="too large"),
            pytest.param([member(f"{n}") for n in range(30)], "more than 20 entries", id="too many"),
            pytest.param([member("a\0b" * 5, tarfile.SYMTYPE, "..")], "links", id="a NUL in a name"),
            pytest.param([], "at least one file", id="nothing in it"),
        ],
    )
    def test_a_crooked_tar_is_refused(self, root: Path, tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], says: str) -> None:
        store = FileStore(root, limits=Limits(bytes=1000, entries=20))
        with tarfile.open(tmp_path / "bad.tar", "w") as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content) if info.size else None)
        with pytest.raises(Refused, match=says):
            store.take(tmp_path / "bad.tar", ELSEWHERE)
        assert stored(root) == []
        assert not list(tmp_path.rglob(OUT))

    @pytest.mark.parametrize(
        ("name", "mode", "content", "says"),
        [
            pytest.param("../" + OUT, 0o100644, b"x", "leaves the tree", id="a path upwards"),
            pytest.param("/" + OUT, 0o100644, b"x", "absolute", id="an absolute path"),
            pytest.param("out", 0o120777, b"/etc", "absolute path /etc", id="a link out"),
            pytest.param("pipe", 0o010644, b"", "device or a pipe", id="a pipe"),
            pytest.param("bomb", 0o100644, b"\0" * 5_000_000, "more than 1000 bytes", id="a bomb"),
        ],
    )
    def test_a_crooked_zip_is_refused(self, root: Path, tmp_path: Path, name: str, mode: int, content: bytes, says: str) -> None:
        store = FileStore(root, limits=Limits(bytes=1000, entries=20))
        with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
        with pytest.raises(Refused, match=says):
            store.take(tmp_path / "bad.zip", ELSEWHERE)
        assert stored(root) == []

    def test_a_bomb_that_hides_in_a_header_is_refused(self, root: Path, tmp_path: Path) -> None:
        store = FileStore(root, limits=Limits(bytes=1000, entries=20))
        head = tarfile.TarInfo("x")
        head.type, head.size = tarfile.XHDTYPE, 200_000_000
        with gzip.open(tmp_path / "bad.tar.gz", "wb", compresslevel=1) as packed:
            packed.write(head.tobuf())
            packed.write(bytes(1_000_000))
        with pytest.raises(Refused, match="no honest archive"):
            store.take(tmp_path / "bad.tar.gz", ELSEWHERE)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"hello", id="no archive"),
            pytest.param(b"", id="nothing"),
            pytest.param(gzip.compress(b"x" * 5000)[:30], id="a gzip cut short"),
            pytest.param(b"\x1f\x8b" + b"\0" * 30, id="a broken gzip"),
            pytest.param(b"BZh9" + b"\0" * 30, id="a broken bz2"),
            pytest.param(b"\xfd7zXZ\x00" + b"\0" * 30, id="a broken xz"),
            pytest.param(b"PK\x05\x06" + b"\xff" * 18, id="a broken zip"),
        ],
    )
    def test_what_is_no_archive_is_refused_in_a_sentence(self, store: FileStore, tmp_path: Path, root: Path, content: bytes) -> None:
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(Refused, match=r"is not taken|at least one file"):
            store.take(tmp_path / "bad", ELSEWHERE)
        assert stored(root) == []
