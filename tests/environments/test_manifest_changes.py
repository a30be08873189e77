"""What would change on a cluster is shown as a diff that people know, and never what a secret is."""

from headway.environments.manifests.changes import change, masked

SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"SIZE": "small", "COLOUR": "red"}}


def secret(**data: str) -> dict[str, object]:
    return {"kind": "Secret", "metadata": {"name": "key"}, "data": data}


def test_what_is_the_same_says_so_and_nothing_else() -> None:
    assert change("settings", SETTINGS, {**SETTINGS, "data": {"COLOUR": "red", "SIZE": "small"}}).word == "same"


def test_what_differs_is_a_diff_of_yaml() -> None:
    found = change("settings", SETTINGS, {**SETTINGS, "data": {"SIZE": "small", "COLOUR": "blue", "ON": "true"}})
    assert found.word == "changed"
    assert [line for line in found.lines if line[0] in "+-"] == ["-  COLOUR: red", "+  COLOUR: blue", "+  ON: true"]


def test_what_is_new_is_there_as_a_whole() -> None:
    found = change("settings-0123456789", None, SETTINGS)
    assert (found.word, found.name) == ("new", "settings-0123456789")
    assert "+  SIZE: small" in found.lines


def test_lists_mappings_and_long_texts_read_as_people_write_them() -> None:
    after = {"kind": "X", "rules": [{"from": ["a", "b"], "to": {}}, "1.10"], "text": "one\ntwo\n"}
    assert change("x", None, after).lines[1:] == (
        "+kind: X",
        "+rules:",
        "+  - from:",
        "+      - a",
        "+      - b",
        "+    to: {}",
        '+  - "1.10"',
        "+text: |",
        "+  one",
        "+  two",
    )


def test_of_a_secret_only_its_keys_are_shown_and_which_of_them_change() -> None:
    found = change("key", secret(same="c2FtZQ==", other="b25l", gone="Z29uZQ=="), secret(same="c2FtZQ==", other="dHdv", fresh="bmV3"))
    assert {line.strip() for line in found.lines if "***" in line} == {
        "+  fresh: ***",
        "-  gone: *** (before)",
        "-  other: *** (before)",
        "+  other: *** (after)",
        "same: ***",
    }
    assert not any(value in repr(found) for value in ("c2FtZQ", "b25l", "Z29uZQ", "dHdv", "bmV3"))


def test_a_secret_that_stays_is_the_same_however_it_is_written() -> None:
    assert masked(secret(a="x"), {**secret(), "stringData": {"a": "x"}})[1]["data"] == {"a": "***"}
    assert change("key", secret(a="x"), secret(a="x")).word == "same"


def test_a_variable_that_is_called_like_a_secret_shows_no_value_either() -> None:
    pod = {"kind": "Deployment", "env": [{"name": "DB_PASSWORD", "value": "not for eyes"}, {"name": "SIZE", "value": "small"}]}
    lines = change("shop", None, pod).lines
    assert "not for eyes" not in repr(lines)
    assert any("small" in line for line in lines)
