"""Server-sent events whose status waits for the first event."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from fastapi import Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.lifetime import lifetime
from app.problems import Problem, ProblemBody

PING_INTERVAL = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the connection."""


class ErrorEvent(BaseModel):
    """The last object of a stream that failed: what came before is not the whole answer."""

    error: ProblemBody


class EventStream(Response):
    """Sends each event as it comes, then `[DONE]`.

    Starlette's StreamingResponse sends its 200 before it asks for the first chunk; here a failure
    before the first event is an answer with the failure's own status.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[BaseModel], deadline: float) -> None:
        self.events = events
        self.deadline = deadline
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        last_sent: float | None = None

        async def send_bytes(chunk: bytes, more: bool = True) -> None:
            nonlocal last_sent
            if last_sent is None:
                start = {"status": self.status_code, "headers": self.raw_headers}
                await send({"type": "http.response.start", **start})
            last_sent = loop.time()
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

        async def ping() -> None:
            while True:
                due = (last_sent or loop.time()) + PING_INTERVAL
                await asyncio.sleep(due - loop.time())
                if last_sent is not None and loop.time() >= last_sent + PING_INTERVAL:
                    await send_bytes(b": ping\n\n")

        try:
            async with lifetime(receive, self.deadline), contextlib.aclosing(self.events):
                pinger = asyncio.create_task(ping())
                try:
                    async for event in self.events:
                        await send_bytes(encode(event))
                finally:
                    pinger.cancel()
            await send_bytes(b"data: [DONE]\n\n", more=False)
        except Problem as problem:
            if last_sent is None:
                raise
            scope["problem"] = problem.slug
            # Too late for a status. A client that does not read must not hold us here either.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await send_bytes(encode(ErrorEvent(error=problem.body())), more=False)
        except ClientDisconnect:
            if last_sent is None:
                raise


def encode(event: BaseModel) -> bytes:
    return b"data: %b\n\n" % event.model_dump_json().encode()
