"""The one place that ends work before it is done: client gone, deadline passed, server stopping."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.problems import Problem

Gone = Callable[[], Awaitable[Any]]
"""Returns when the client has left."""

CUT_GRACE = 0.3
"""Seconds that what was cut has to say so; see `DRAIN_TIMEOUT` in the README."""

DETAILS = {
    "upstream-timeout": "The answer took longer than we wait.",
    "draining": "Try again: another server will answer.",
}


def draining() -> Problem:
    headers = {"Retry-After": "1", "Connection": "close"}
    return Problem("draining", DETAILS["draining"], headers=headers)


async def wait_until_gone(receive: Receive) -> None:
    """Nobody tells an ASGI application that its client has left: it has to ask while it waits for
    something else. Only after the body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Lifetimes:
    """All that is under way. Times are of the running loop's clock."""

    def __init__(self, drain_timeout: float) -> None:
        self._drain_timeout = drain_timeout
        self._ends: set[Callable[[str], None]] = set()
        self.drains_until = math.inf

    @property
    def draining(self) -> bool:
        return self.drains_until < math.inf

    def drain(self) -> None:
        """Take nothing new. Called again: end now what is under way."""
        loop = asyncio.get_running_loop()
        self.drains_until = loop.time() + (0 if self.draining else self._drain_timeout)
        loop.call_at(self.drains_until, self._cut)

    def _cut(self) -> None:
        for end in tuple(self._ends):
            end("draining")

    def drained(self) -> bool:
        overdue = asyncio.get_running_loop().time() > self.drains_until + CUT_GRACE
        return self.draining and (not self._ends or overdue)

    @asynccontextmanager
    async def lifetime(self, deadline: float, gone: Gone | None = None) -> AsyncIterator[None]:
        """Cancel the block, whatever it waits for.

        Raises `ClientDisconnect`, or the problem `upstream-timeout` or `draining`.
        """
        cause = "upstream-timeout"

        def end(why: str) -> None:
            nonlocal cause
            if not scope.expired():
                cause = why
                scope.reschedule(0)

        async def watch(gone: Gone) -> None:
            await gone()
            end("gone")

        try:
            async with asyncio.timeout_at(deadline) as scope:
                watcher = asyncio.create_task(watch(gone)) if gone else None
                self._ends.add(end)
                try:
                    if asyncio.get_running_loop().time() >= self.drains_until:
                        end("draining")
                    yield
                finally:
                    self._ends.discard(end)
                    if watcher:
                        watcher.cancel()
        except TimeoutError:
            if cause == "gone":
                raise ClientDisconnect from None
            raise draining() if cause == "draining" else Problem(cause, DETAILS[cause]) from None
