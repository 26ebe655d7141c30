"""What the image promises of this server."""

import json
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
IGNORED = (PROJECT / ".dockerignore").read_text().splitlines()


def test_it_starts_a_program_of_the_project_without_a_shell() -> None:
    program, *_ = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    assert list(Path(sys.executable).parent.glob(f"{program}*"))


def test_it_runs_as_nobody() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)[-1] == "65532:65532"


def test_no_key_gets_into_it() -> None:
    assert ".env*" in IGNORED
    assert not re.search(r"^(ARG|ENV)\b.*(KEY|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE)


def test_all_that_the_server_needs_gets_into_it() -> None:
    assert not {"app", "app.py", "gunicorn.conf.py", "requirements.txt"} & set(IGNORED)
