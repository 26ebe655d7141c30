"""`python -m app` serves; `python -m app --reload` restarts at each change of a file."""

import argparse
import logging.config
import signal
import socket
import sys

import uvicorn
from uvicorn.supervisors import ChangeReload

from app.logs import logging_config
from app.server import serve, serve_briefly, supervise
from app.settings import PROJECT, load_settings

logger = logging.getLogger("app")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app", description="Serve the API.")
    parser.add_argument("--reload", action="store_true", help="restart when a file changes")
    reload: bool = parser.parse_args().reload

    # A stop that was asked for is exit 0, before there is a server to drain as well.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))

    settings = load_settings()
    logging.config.dictConfig(logging_config(settings.log_level))
    listener = listen(settings.host, settings.port)
    if reload:
        folder = str(PROJECT / "app")
        config = uvicorn.Config("app.main:create_app", reload=True, reload_dirs=[folder])
        ChangeReload(config, target=serve_briefly, sockets=[listener]).run()
    elif settings.workers > 1:
        logger.info(
            "%d workers: MAX_CONCURRENCY, MAX_QUEUE and RATE_LIMIT hold in each of them, so that "
            "together they let through up to %d times as much",
            settings.workers,
            settings.workers,
        )
        supervise(settings.workers, [listener])
    else:
        serve([listener])


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise SystemExit(f"Cannot listen on {host}:{port}: {reason}.") from None
    logger.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    return listener


if __name__ == "__main__":
    main()
