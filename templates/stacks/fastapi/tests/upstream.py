"""A provider on loopback that says what a test wants."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Reply = web.StreamResponse
Handler = Callable[[web.Request], Awaitable[Reply]]

USAGE = {"prompt_tokens": 9, "completion_tokens": 2}


def completion(text: str | None = "Hello") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    return {"model": "m-1", "choices": [choice], "usage": USAGE}


def piece(text: str) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}}]}


FINISH = {"model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
LAST = {"model": "m-1", "choices": [], "usage": USAGE}


def frame(event: dict[str, Any] | str) -> bytes:
    data = event if isinstance(event, str) else json.dumps(event)
    return f"data: {data}\n\n".encode()


def says(status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Handler:
    """The same answer each time; `json=` or `body=` is what is in it."""

    async def handle(request: web.Request) -> Reply:
        if "json" in more:
            return web.json_response(more["json"], status=status, headers=headers)
        return web.Response(status=status, headers=headers, **more)

    return handle


def streams(*events: dict[str, Any] | str) -> Handler:
    return says(body=b"".join(map(frame, events)), content_type="text/event-stream")


async def answers(request: web.Request) -> Reply:
    """A provider that is well."""
    is_stream = (await request.json()).get("stream")
    whole = streams(piece("Hel"), piece("lo"), FINISH, LAST, "[DONE]")
    return await (whole if is_stream else says(json=completion()))(request)


class Pausing:
    """Says one word of a stream, and the rest when told to `go`; `ended` when its caller left."""

    def __init__(self) -> None:
        self.called, self.go, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, request: web.Request) -> Reply:
        is_stream = (await request.json()).get("stream")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            if is_stream:
                await response.prepare(request)
                await response.write(frame(piece("Hel")))
            self.called.set()
            await self.go.wait()
            if not is_stream:
                return web.json_response(completion())
            await response.write(frame(FINISH))
            return response
        finally:
            self.ended.set()
