"""Serves the application in this process or in several, and stops it without cutting answers."""

import asyncio
import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from socket import socket
from tempfile import TemporaryDirectory
from types import FrameType

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE

from app.lifetime import CUT_GRACE, Lifetimes
from app.logs import logging_config
from app.main import create_app, logger
from app.settings import Settings, load_settings


def make_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=logging_config(settings.log_level),
        access_log=False,
        server_header=False,
        # Anyone can send X-Forwarded-For: only what a proxy of ours says is true.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        ws="wsproto",
        ws_max_size=settings.max_body_bytes,
        ws_per_message_deflate=False,
    )


class Server(uvicorn.Server):
    """Uvicorn stops listening and then waits. This one goes on, answers that it is about to stop,
    and stops when nothing is under way any more."""

    def __init__(self, config: uvicorn.Config, lifetimes: Lifetimes) -> None:
        super().__init__(config)
        self.lifetimes = lifetimes

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches all processes of a terminal, and then the parent tells its children.
        if sig != signal.SIGINT or multiprocessing.parent_process() is None:
            asyncio.get_running_loop().call_soon_threadsafe(self.lifetimes.drain)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self.lifetimes.drained()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time() + 0.1, self.lifetimes.drains_until + CUT_GRACE), self.abort)
        await super().shutdown(sockets)

    def abort(self) -> None:
        """What is left does not even read our last words."""
        self.force_exit = True
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def serve(sockets: list[socket] | None, drain_at_most: float | None = None) -> None:
    settings = load_settings()
    if drain_at_most is not None:
        settings.drain_timeout = min(settings.drain_timeout, drain_at_most)
    app = create_app(settings)
    gc.freeze()  # What is imported stays: neither the collector nor the exit has to look at it.
    Server(make_config(app, settings), app.state.service.lifetimes).run(sockets)


def serve_briefly(sockets: list[socket] | None) -> None:
    """While one develops: an open stream must not hold back a reload."""
    serve(sockets, drain_at_most=0.5)


def work(sockets: list[socket]) -> None:
    parent = multiprocessing.parent_process()

    def stop_with_parent() -> None:
        if parent:
            parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_with_parent, daemon=True).start()
    serve(sockets)


def supervise(count: int, sockets: list[socket]) -> None:
    """Keep `count` workers at work. A first signal drains them all, a second one stops them."""
    spawn = multiprocessing.get_context("spawn")
    workers: dict[BaseProcess, float] = {}
    stopping = False
    failed = False

    def start() -> None:
        worker = spawn.Process(target=work, args=(sockets,))
        worker.start()
        workers[worker] = time.monotonic()

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for worker in tuple(workers):
            worker.terminate()

    gc.freeze()
    with TemporaryDirectory(prefix="llm-api-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, stop)
        for _ in range(count):
            start()
        while workers:
            multiprocessing.connection.wait([worker.sentinel for worker in workers])
            for worker in [worker for worker in workers if not worker.is_alive()]:
                lived = time.monotonic() - workers.pop(worker)
                mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
                if stopping:
                    continue
                if worker.exitcode == STARTUP_FAILURE:
                    failed = True
                    stop()
                    continue
                logger.error("worker %s died: starting another", worker.pid)
                time.sleep(max(0, 1 - lived))  # Not in a tight loop, should it die at once again.
                start()
    sys.exit(failed)
