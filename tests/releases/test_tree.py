"""A tree's digest names its files and nothing else."""

import hashlib
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.releases.tree import Entry, EntryKind, digest, first_difference, is_digest, link_fault, manifest, parse, path_fault

FILE, EXEC, LINK = EntryKind.FILE, EntryKind.EXEC, EntryKind.LINK


def content(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


HELLO = Entry("hello.txt", FILE, content("hello"))
RUN = Entry("bin/run", EXEC, content("#!/bin/sh\n"))
CURRENT = Entry("current", LINK, "bin/run")

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=6).filter(
    lambda n: n not in (".", "..")
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(Entry, paths, st.sampled_from([FILE, EXEC]), st.text().map(lambda t: content(ascii(t)))),
    st.builds(Entry, paths, st.just(LINK), names),
)


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    drawn = {entry.path: entry for entry in draw(st.lists(entries, max_size=8))}
    return [e for p, e in drawn.items() if not any(other.startswith(p + "/") for other in drawn)]


def test_the_format_is_what_the_documentation_says() -> None:
    text = (
        '["headway-tree",1]\n'
        f'["exec","bin/run","{content("#!/bin/sh" + chr(10))}"]\n'
        '["link","current","bin/run"]\n'
        f'["file","hello.txt","{content("hello")}"]\n'
    )
    assert manifest([HELLO, CURRENT, RUN]) == text
    assert digest([HELLO, CURRENT, RUN]) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@given(trees(), st.data())
def test_the_order_of_listing_does_not_matter(tree: list[Entry], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(tree))
    assert digest(shuffled) == digest(tree)


@given(trees())
def test_a_manifest_reads_back_as_the_same_tree(tree: list[Entry]) -> None:
    assert sorted(parse(manifest(tree)), key=lambda e: e.path) == sorted(tree, key=lambda e: e.path)


@given(trees(), trees())
def test_two_trees_have_the_same_digest_only_when_they_are_the_same(one: list[Entry], other: list[Entry]) -> None:
    assert (digest(one) == digest(other)) == (set(one) == set(other))
    assert (first_difference(one, other) is None) == (set(one) == set(other))


@given(trees().filter(bool), st.data())
def test_any_change_of_one_entry_changes_the_digest(tree: list[Entry], data: st.DataObject) -> None:
    victim = data.draw(st.sampled_from(tree))
    rest = [entry for entry in tree if entry is not victim]
    if victim.kind is LINK:
        changed = Entry(victim.path, LINK, victim.content + "x")
    else:
        changed = Entry(victim.path, EXEC if victim.kind is FILE else FILE, victim.content)
    assert digest([*rest, changed]) != digest(tree)
    assert digest(rest) != digest(tree)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param([RUN, CURRENT], "hello.txt is missing", id="a file went missing"),
        pytest.param([HELLO, RUN, CURRENT, Entry("a", FILE, content(""))], "a was added", id="a file was added"),
        pytest.param([Entry("hello.txt", FILE, content("bye")), RUN, CURRENT], "hello.txt was changed", id="a file was changed"),
        pytest.param([HELLO, RUN, Entry("current", LINK, "hello.txt")], "current was changed", id="a link was turned"),
        pytest.param(
            [HELLO, Entry("bin/run", FILE, RUN.content), CURRENT],
            "bin/run was an executable file and is a file that is not executable",
            id="a program is no program any more",
        ),
    ],
)
def test_the_first_difference_is_named(found: list[Entry], says: str) -> None:
    assert first_difference([HELLO, RUN, CURRENT], found) == says


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="nothing"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("../up", id="climbs out"),
        pytest.param("a/../../up", id="climbs out later"),
        pytest.param("a//b", id="an empty part"),
        pytest.param("./a", id="a dot"),
        pytest.param("a/", id="a slash at the end"),
        pytest.param("a\0b", id="a NUL"),
    ],
)
def test_a_path_that_is_not_inside_a_tree_cannot_be_an_entry(path: str) -> None:
    assert path_fault(path) is not None
    with pytest.raises(ValueError, match=r"path|NUL|part|leaves"):
        Entry(path, FILE, content(""))


def test_two_entries_at_one_path_are_no_tree() -> None:
    with pytest.raises(ValueError, match="there twice"):
        digest([HELLO, Entry("hello.txt", LINK, "bin/run")])


def test_a_path_is_not_a_file_and_a_folder() -> None:
    with pytest.raises(ValueError, match="a folder of"):
        digest([Entry("a", LINK, "b"), Entry("a/b", FILE, content(""))])


@pytest.mark.parametrize("kind, name", [(FILE, "abc"), (LINK, ""), (LINK, "a\0b")], ids=["a short sum", "a link to nothing", "a NUL"])
def test_nonsense_cannot_be_an_entry(kind: EntryKind, name: str) -> None:
    with pytest.raises(ValueError):
        Entry("a", kind, name)


@pytest.mark.parametrize(
    "text", ["", "[]\n", '["headway-tree",2]\n', '["headway-tree",1]', '["headway-tree",1]\n["file","a"]\n', '["headway-tree",1]\n{}\n']
)
def test_what_is_no_manifest_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("path", "target", "leads_out"),
    [
        pytest.param("a", "b", False, id="a neighbour"),
        pytest.param("a", "./b/", False, id="a neighbour, wordily"),
        pytest.param("bin/a", "../lib/a", False, id="up and down again"),
        pytest.param("bin/a", "..", False, id="the tree itself"),
        pytest.param("a", "..", True, id="the folder above"),
        pytest.param("bin/a", "../../etc", True, id="too far up"),
        pytest.param("a", "/etc/passwd", True, id="absolute"),
        pytest.param("a/b", "d/../x", True, id="up after a name, which may be a link"),
    ],
)
def test_links_stay_inside(path: str, target: str, leads_out: bool) -> None:
    assert (link_fault(Entry(path, LINK, target)) is not None) is leads_out


@given(paths, st.lists(st.sampled_from(["..", ".", "x", "y"]), min_size=1, max_size=6).map("/".join))
def test_a_link_without_fault_never_climbs_out(path: str, target: str) -> None:
    if link_fault(Entry(path, LINK, target)) is None:
        landed = posixpath.normpath(posixpath.join("/root", posixpath.dirname(path), target))
        assert landed == "/root" or landed.startswith("/root/")


def test_a_digest_is_known_by_its_shape() -> None:
    assert is_digest(digest([HELLO]))
    assert not is_digest("sha256:abc")
    assert not is_digest(digest([HELLO]).upper())
