"""A secret is in the process that was granted it, and nowhere else."""

import secrets as chance
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from scene import File, Scene, by_health

ASKING = "import os; print('token', os.environ.get('TOKEN')); print('names', *sorted(os.environ))"


def with_a_secret(file: File) -> None:
    by_health(file)
    checks = file["services"]["tally"]["checks"]
    checks["granted"] = {"run": ["python3", "-c", ASKING + "; assert os.environ['TOKEN']"], "settings": ["TOKEN"]}
    checks["plain"] = {"run": ["python3", "-c", ASKING + "; assert 'TOKEN' not in os.environ"]}
    # The service prints it as well, as services do on a bad day.
    file["services"]["tally"]["run"] = ["sh", "-c", 'echo "started with $TOKEN"; exec python3 -m tally']
    staging = file["environments"]["staging"] | {"checks": ["granted", "plain"], "secrets": {"TOKEN": "env:TALLY_TOKEN"}}
    file["environments"] = {"staging": staging}


@pytest.fixture(scope="module")
def token() -> str:
    return chance.token_hex(16)


@pytest.fixture(scope="module")
def scene(scenes, token: str) -> Iterator[Scene]:
    made = scenes(with_a_secret, TALLY_TOKEN=token)
    made.ended("1.0.0", "staging")
    return made


def logs(scene: Scene) -> str:
    return "\n".join(path.read_text(errors="replace") for path in (scene.home / "checks").rglob("*") if path.is_file())


def test_a_check_sees_what_it_was_granted_and_nothing_of_the_server(scene: Scene, token: str) -> None:
    said = logs(scene)
    assert "token None" in said, "the check without a grant has none"
    names = {name for line in said.splitlines() if line.startswith("names ") for name in line.split()[1:]}
    assert "HEADWAY_URL" in names
    assert not names & {"TALLY_TOKEN", "HEADWAY_HOME", "PYTEST_CURRENT_TEST"}


def test_a_secret_is_masked_in_logs_and_stands_in_no_file_of_ours(scene: Scene, token: str) -> None:
    found = [str(path.relative_to(scene.folder)) for path in scene.folder.rglob("*") if path.is_file() and _holds(path, token)]
    assert found == []
    started = [path for path in (scene.home / "environments").rglob("*") if path.is_file() and _holds(path, "started with")]
    assert started, "the service's own log was to be there, with the secret masked"


def test_no_answer_and_no_process_list_shows_a_secret(scene: Scene, token: str) -> None:
    answers = [
        scene.ask("status"),
        scene.ask("rollouts"),
        scene.ask("rollout", target="staging"),
        scene.ask("release", release="1.0.0"),
        scene.ask("log", most=1000),
        scene.headway("plan", "1.0.0", "--to", "staging", "--json").text,
        scene.log(),
    ]
    assert token not in str(answers)
    listed = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    assert "headway" in listed
    assert token not in listed


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()
