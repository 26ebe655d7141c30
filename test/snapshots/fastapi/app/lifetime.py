"""The one place that ends a request's work before it is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.problems import Problem


@asynccontextmanager
async def lifetime(receive: Receive, deadline: float) -> AsyncIterator[None]:
    """Cancel the block, whatever it waits for, when the client leaves or the deadline passes.

    Nobody tells an ASGI application that its client has left: it has to ask, with `receive()`,
    while it waits for something else. Call this only after the body has been read.

    Raises `ClientDisconnect`, or the problem `upstream-timeout`.
    """
    left = False

    async def watch_client(scope: asyncio.Timeout) -> None:
        nonlocal left
        while (await receive())["type"] != "http.disconnect":
            pass
        left = True
        if not scope.expired():
            scope.reschedule(0)

    try:
        async with asyncio.timeout_at(deadline) as scope:
            watcher = asyncio.create_task(watch_client(scope))
            try:
                yield
            finally:
                watcher.cancel()
    except TimeoutError:
        if left:
            raise ClientDisconnect from None
        raise Problem("upstream-timeout", "The answer took longer than we wait.") from None
