"""Who may ask over the network, as the operator's file says."""

import os
from pathlib import Path

import pytest

from headway.adapters.tokens import Tokens, line_of, new_token
from headway.errors import InvalidSpec, Unavailable


def test_a_token_is_whose_the_file_says_and_the_file_is_worth_nothing_to_who_reads_it(tmp_path: Path) -> None:
    alices, bobs, file = new_token(), new_token(), tmp_path / "tokens"
    file.write_text(f"# people\n{line_of('alice', alices)}\n\n{line_of('bob', bobs)}  # until spring\n")
    tokens = Tokens(file)
    assert (tokens.person(alices), tokens.person(bobs), tokens.person(new_token()), tokens.person("")) == ("alice", "bob", None, None)
    assert [tokens.person(word) for word in file.read_text().split()] == [None] * len(file.read_text().split())


def test_a_token_that_is_taken_out_is_worth_nothing_at_once(tmp_path: Path) -> None:
    token, file = new_token(), tmp_path / "tokens"
    file.write_text(f"{line_of('alice', token)}\n")
    tokens = Tokens(file)
    assert tokens.person(token) == "alice"
    file.write_text("")
    os.utime(file, ns=(1, 1))
    assert tokens.person(token) is None


@pytest.mark.parametrize(
    "line", [pytest.param("alice", id="no hash"), pytest.param("alice secret", id="the token itself"), pytest.param("a b c", id="more")]
)
def test_a_line_that_is_no_name_and_hash_is_told_by_its_number_and_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# nobody yet\n{line}\n")
    with pytest.raises(InvalidSpec, match=r"tokens:2: expected a name and a hash") as said:
        Tokens(file)
    assert "secret" not in str(said.value)


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        Tokens(tmp_path / "tokens")


def test_a_name_has_no_spaces() -> None:
    with pytest.raises(InvalidSpec, match="one name without spaces"):
        line_of("ada lovelace", "x")
