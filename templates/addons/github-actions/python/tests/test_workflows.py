"""What the workflows may do, and that they do what a developer does."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_each_may_only_read_and_uses_what_is_pinned(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)
    for action in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", action)


def test_they_lint_and_test() -> None:
    commands = re.findall(r"- run: (.*)", (FOLDER / "ci.yml").read_text())
    assert commands[-4:] == ["ruff check", "ruff format --check", "mypy", "pytest"]
