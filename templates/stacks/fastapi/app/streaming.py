"""Server-sent events whose status waits for the first event."""

import asyncio
from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager, suppress

from fastapi import Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.lifetime import CUT_GRACE
from app.problems import ErrorEvent, fail

PING_INTERVAL = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the connection."""


class EventStream(Response):
    """Sends each event as it comes, then `[DONE]`.

    Starlette's StreamingResponse sends its 200 before it asks for the first chunk; here a failure
    before the first event is an answer with the failure's own status.
    """

    media_type = "text/event-stream"

    def __init__(self, turn: AbstractAsyncContextManager[AsyncIterable[BaseModel]]) -> None:
        self.turn = turn
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
            async with self.turn as events:
                pinger = asyncio.create_task(ping())
                try:
                    async for event in events:
                        await send_bytes(encode(event))
                finally:
                    pinger.cancel()
            await send_bytes(b"data: [DONE]\n\n", more=False)
        except Exception as error:
            if last_sent is None or isinstance(error, ClientDisconnect):
                raise
            # Too late for a status. A client that does not read must not hold us here either.
            last_words = encode(ErrorEvent(error=fail(error).body))
            with suppress(TimeoutError):
                async with asyncio.timeout(CUT_GRACE / 2):
                    await send_bytes(last_words, more=False)


def encode(event: BaseModel) -> bytes:
    return b"data: %b\n\n" % event.model_dump_json().encode()
