"""Takes the picture of the README: runs the demo's story for real and keeps the moment after the bad release came back.

python scripts/demo_picture.py docs/images/demo.svg
"""

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from headway.cli.demo.display import Display
from headway.cli.demo.project import Project
from headway.cli.demo.serving import Serving
from headway.cli.demo.story import Story

WIDTH = 150
# Without the fonts that rich would load from elsewhere: a picture in a README asks nobody for anything.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")


class Camera(Display):
    """A display that nobody watches, and that keeps what it would have shown at one moment."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO(), width=WIDTH), quiet=True)
        self.picture = Console(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor")

    def tells(self, text: str, style: str = "") -> None:
        super().tells(text, style)
        if text.startswith("rolled back by itself"):
            self._seen = self._look()
            self.picture.print(self._view())


def main(target: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="headway-picture-"))
    camera = Camera()
    serving = Serving(scratch / "home", scratch / "tally")
    story = Story(Project(scratch / "tally"), serving, camera, lambda _: True)
    try:
        camera.start(story.look)
        outcome = story.tell()
    finally:
        camera.stop()
        serving.down()
        shutil.rmtree(scratch, ignore_errors=True)
    told = outcome.to_json()
    camera.picture.print(Text("…", style="dim"))
    camera.picture.print(Text.assemble((f"{told['requests']} real requests", "bold"), f" in {told['seconds']} s"))
    camera.picture.print(Text.assemble(("  completed in production: ", "green"), ", ".join(outcome.completed)))
    back = f"{', '.join(outcome.rolled_back)}; it cost {outcome.failed_by_bad_release} requests"
    camera.picture.print(Text.assemble(("  rolled back by itself:   ", "red"), back))
    camera.picture.print(Text.assemble(("  lost by Headway's moves, its kill -9 included: ", "green"), str(outcome.failed_by_headway)))
    camera.picture.save_svg(str(target), title="make demo", code_format=FORMAT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
