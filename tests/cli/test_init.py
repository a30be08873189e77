"""`headway init` writes once, tells what it saw, and never overwrites unasked."""

import json
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from headway.cli.main import main
from headway.spec.read import read

APP = "from flask import Flask\napp = Flask('shop')\n@app.get('/health')\n"


def headway(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def git(folder: Path, *words: str) -> None:
    subprocess.run(("git", "-C", str(folder), *words), check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / ".gitignore").write_text("old/\n")
    (folder / "old").mkdir()
    (folder / "old" / "package.json").write_text("{}")
    git(folder, "init", "--initial-branch=trunk")
    return folder


def test_what_was_recognised_and_guessed_is_told_with_the_next_command(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headway("init", str(shop)) == 0
    said = capsys.readouterr().err
    assert "recognised  a Flask application: app in app.py" in said
    assert "guessed     served by wsgiref" in said
    assert "next: headway validate" in said
    assert "headway repo add . --branch trunk" in said
    file = read((shop / "headway.yaml").read_text())
    assert list(file.services) == ["shop"]
    assert file.environments["staging"].stage.trigger.merge == "trunk"
    assert sorted(path.name for path in shop.iterdir()) == [".git", ".gitignore", "app.py", "headway.schema.json", "headway.yaml", "old"]


def test_an_editor_finds_the_schema_and_has_nothing_to_say_of_what_was_written(shop: Path) -> None:
    assert headway("init", str(shop)) == 0
    text = (shop / "headway.yaml").read_text()
    first = text.partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = json.loads((shop / first.partition("=")[2]).read_text())
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(YAML(typ="safe", pure=True).load(text)))
    assert list(Draft202012Validator(schema).iter_errors(YAML(typ="safe", pure=True).load(text.replace("soak:", "sock:"))))


def test_without_the_schema_there_is_one_file(shop: Path) -> None:
    assert headway("init", str(shop), "--no-schema") == 0
    assert "yaml-language-server" not in (shop / "headway.yaml").read_text()
    assert not (shop / "headway.schema.json").exists()


def test_a_file_that_is_there_is_kept_unless_forced(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "headway.yaml").write_text("mine")
    assert headway("init", str(shop)) == 12
    assert (shop / "headway.yaml").read_text() == "mine"
    assert "--force replaces it" in capsys.readouterr().err
    assert headway("init", str(shop), "--stdout") == 0
    assert read(capsys.readouterr().out)
    assert (shop / "headway.yaml").read_text() == "mine"
    assert headway("init", str(shop), "--force") == 0
    assert read((shop / "headway.yaml").read_text())


def test_a_link_to_nowhere_counts_as_there(shop: Path) -> None:
    (shop / "headway.yaml").symlink_to("elsewhere.yaml")
    assert headway("init", str(shop)) == 12
    assert not (shop / "elsewhere.yaml").exists()


def test_the_branch_of_origin_is_the_default_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(shop, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/live")
    assert headway("init", str(shop), "--stdout") == 0
    assert "trigger: {merge: live}" in capsys.readouterr().out


def test_without_git_it_still_looks_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "server.js").write_text("listen(process.env.PORT)")
    (tmp_path / "package.json").write_text('{"name": "@acme/Cart", "scripts": {"start": "node server.js"}}')
    assert headway("init", str(tmp_path)) == 0
    assert "this is no git repository" in " ".join(capsys.readouterr().err.split())
    assert read((tmp_path / "headway.yaml").read_text()).services["cart"].run.argv == ("node", "server.js")


def test_a_bare_repository_gets_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tmp_path, "init", "--bare", "shop.git")
    assert headway("init", str(tmp_path / "shop.git")) == 2
    assert "in a clone of it" in capsys.readouterr().err
    assert not (tmp_path / "shop.git" / "headway.yaml").exists()


def test_what_it_leaves_out_is_told_and_not_only_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "Procfile").write_text("web: flask run\nworker: ./work\nrelease: flask db upgrade\n")
    assert headway("init", str(shop)) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "note Procfile has worker as well, which listens nowhere: it is not run by Headway." in said
    assert "note Procfile runs before each release: flask db upgrade. Here that is a migration (headway migrate)." in said


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headway("init", str(tmp_path / "nowhere")) == 2
    assert "is not a folder" in capsys.readouterr().err
