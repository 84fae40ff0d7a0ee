"""The docs say what the code says."""

import re
import runpy
from pathlib import Path

from pullsvc.cli.main import app

ROOT = Path(__file__).parents[1]


def test_the_reference_is_up_to_date() -> None:
    """Run `python tools/reference.py` when this fails."""
    written = runpy.run_path(str(ROOT / "tools" / "reference.py"))["reference"]()

    assert (ROOT / "docs" / "reference.md").read_text() == written


def test_the_readme_names_every_room() -> None:
    readme = (ROOT / "README.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "src" / "pullsvc").glob("*/rules.py")} | {"board", "feed", "web"}

    assert {room for room in rooms if f"| `{room}` |" not in readme} == set()


def test_the_commands_that_the_docs_show_exist() -> None:
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    text = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    shown = set(re.findall(r"pullsvc ([a-z]+)(?=[ `\n])", text))

    assert shown - {"is", "serves"} - commands == set()
    assert {"serve", "migrate", "audit", "keys", "demo"} <= shown


def test_every_link_between_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
