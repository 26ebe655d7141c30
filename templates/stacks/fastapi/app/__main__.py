"""`python -m app` serves; `python -m app --reload` restarts at each change of a file."""

import argparse
import logging
import os
import signal
import sys
from tempfile import TemporaryDirectory

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess

from app.gate import CUT_GRACE
from app.record import configure_logging
from app.settings import PROJECT, Settings, load_settings

logger = logging.getLogger("app")


class Supervisor(Multiprocess):
    def stop(self, *_: object) -> None:
        """The first signal drains all workers, a second one tells them to end at once."""
        if self.should_exit.is_set():
            self.terminate_all()
        self.should_exit.set()

    def keep_subprocess_alive(self) -> None:
        """Uvicorn would ping each worker all the time, and kill one that takes long to start."""
        dead = [worker.pid for worker in self.processes if worker.exitcode is not None]
        if dead:
            super().keep_subprocess_alive()
        for pid in dead:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app", description="Serve the API.")
    parser.add_argument("--reload", action="store_true", help="restart when a file changes")
    reload: bool = parser.parse_args().reload

    # A stop that was asked for is exit 0, before there is a server to drain as well.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))

    settings = load_settings(Settings)
    configure_logging(settings.log_level)
    config = uvicorn.Config(
        "app.main:load_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Anyone can send X-Forwarded-For: only what a proxy of ours says is true.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        ws="wsproto",
        ws_max_size=settings.max_body_bytes,
        ws_per_message_deflate=False,
        reload=reload,
        reload_dirs=[str(PROJECT / "app")] if reload else None,
        workers=settings.workers,
        # Longer than proxies use one again (nginx and ALB: 60 s): a request must not meet its end.
        timeout_keep_alive=75,
        # What is left after a drain does not even read our last words.
        timeout_graceful_shutdown=CUT_GRACE,  # type: ignore[arg-type]
    )
    try:
        sockets = [config.bind_socket()]
    except SystemExit:
        raise SystemExit(f"Cannot listen on {settings.host}:{settings.port}.") from None
    if reload:
        # While one develops, an open stream must not hold back a reload.
        os.environ["DRAIN_TIMEOUT"] = str(min(settings.drain_timeout, 0.5))
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=sockets).run()
    elif settings.workers == 1:
        uvicorn.Server(config).run(sockets)
    else:
        config.load_app()()  # What add-ons refuse is told once, not by each worker.
        logger.info("%d workers multiply limits (RATE_LIMIT not with Redis)", settings.workers)
        with TemporaryDirectory(prefix="llm-api-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            supervisor = Supervisor(config, sockets)
            for stop in (signal.SIGINT, signal.SIGTERM):
                signal.signal(stop, supervisor.stop)
            supervisor.run()
        sys.exit(any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes))


if __name__ == "__main__":
    main()
