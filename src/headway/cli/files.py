"""Commands about headway.yaml itself."""

import json
import sys
from pathlib import Path

import rich_click as click
from rich.markup import escape

from headway.cli.context import say
from headway.errors import InvalidSpec
from headway.spec.file import File
from headway.spec.policies import NONE, read_policies
from headway.spec.read import read
from headway.spec.schema import schema as json_schema
from headway.spec.views import stages


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="headway.yaml")
@click.option(
    "--policies",
    type=click.Path(path_type=Path),
    envvar="HEADWAY_POLICIES",
    help="The policies.yaml of the server: what it inherits from there, and whether it contradicts it.",
)
@click.option("--manifests/--no-manifests", default=True, help="Check the manifests of environments on Kubernetes too, as they lie here.")
def validate(path: Path, policies: Path | None, manifests: bool) -> None:
    """Check a headway.yaml: every fault at once, with line and column; and the manifests for Kubernetes that it names."""
    over = read_policies(_text(policies), str(policies)) if policies is not None else NONE
    file = read(_text(path), str(path), over)
    if manifests:
        _manifests(file, path.parent)
    say(f"[green]{path} is good[/green]: {', '.join(file.services)} through {', '.join(file.environments)}")


def _manifests(file: File, folder: Path) -> None:
    """Tell what is wrong with them; errors are faults as those of the file are."""
    from headway.adapters.kubernetes.inspecting import inspect, routed
    from headway.environments.manifests.model import Grade
    from headway.rollout.dividing import judged, moved, unsuited

    told: dict[str, Grade] = {}
    for service in file.services:
        for stage in stages(file, service):
            if (cluster := stage.environment.cluster) is not None:
                told |= {one.text: one.grade for one in inspect(folder, service, cluster)}
                if (gated := routed(folder, service, cluster)) is None:
                    continue
                where, testers = f"{service} in {stage.environment.name}", bool(stage.routing and stage.routing.testers)
                say(f"{escape(where)}: traffic moves by {moved(gated)}; {judged(stage.thresholds, cluster)}")
                if not gated:
                    told |= {f"{where}: {one}": Grade.ERROR for one in unsuited(stage.thresholds, cluster, testers=testers)}
    for text in (text for text, grade in told.items() if grade is Grade.WARNING):
        say(f"[yellow]warning[/yellow]  {escape(text)}")
    if faults := [text for text, grade in told.items() if grade is Grade.ERROR]:
        raise InvalidSpec(*faults)


@click.command()
def schema() -> None:
    """Print the JSON Schema of headway.yaml, for editors."""
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSpec(f"{path}: cannot be read: {error.strerror}; expected a {path.name}") from error


COMMANDS = (validate, schema)
