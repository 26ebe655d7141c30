"""`python -m app` serves; `python -m app --reload` restarts at each change of a file."""

import argparse
import logging
import signal
import socket
import sys

import uvicorn
from uvicorn.supervisors import ChangeReload

from app.logs import logging_config
from app.main import create_app, create_app_from_environment
from app.settings import PROJECT, load_settings

logger = logging.getLogger("app")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app", description="Serve the API.")
    parser.add_argument("--reload", action="store_true", help="restart when a file changes")
    reload: bool = parser.parse_args().reload

    # Uvicorn stops gracefully and then repeats the signal; a stop that was asked for is exit 0.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))

    settings = load_settings()
    factory = create_app_from_environment
    config = uvicorn.Config(
        f"{factory.__module__}:{factory.__name__}" if reload else create_app(settings),
        factory=reload,
        reload=reload,
        reload_dirs=[str(PROJECT / "app")] if reload else None,
        log_config=logging_config(settings.log_level),
        access_log=False,
        server_header=False,
        # Without a bound an open stream would hold back the exit, and each reload, for ever.
        timeout_graceful_shutdown=1 if reload else settings.drain_timeout,
    )
    listener = listen(settings.host, settings.port)
    server = uvicorn.Server(config)
    if reload:
        ChangeReload(config, target=server.run, sockets=[listener]).run()
    else:
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise SystemExit(f"Cannot listen on {host}:{port}: {reason}.") from None
    logger.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    return listener


if __name__ == "__main__":
    main()
