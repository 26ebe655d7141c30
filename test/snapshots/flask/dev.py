"""The development server: restarts when a file changes, open to this machine only."""

import os

from flask.cli import cli
from werkzeug.serving import is_running_from_reloader

# The reloader runs this file twice. Only the parent reads app.py here, so that
# a typo in app.py leaves the server up, waiting for the next change.
if not is_running_from_reloader():
    from app import load_settings

    settings = load_settings()
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise SystemExit("The development server stays on this machine: set HOST to 127.0.0.1.")
    os.environ["FLASK_RUN_HOST"] = settings.host
    os.environ["FLASK_RUN_PORT"] = str(settings.port)
    os.environ["FLASK_SKIP_DOTENV"] = "1"  # app.py reads .env itself, again after each change

cli.main(["--app", "app", "run", "--reload", "--no-debugger", "--extra-files", ".env"])
