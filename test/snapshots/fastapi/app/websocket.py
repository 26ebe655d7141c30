"""GET /generate/ws: many requests one after another on one connection, each answered with the
objects of a stream, one message each."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket
from starlette.requests import ClientDisconnect
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from app.generate import Service, get_service
from app.lifetime import CUT_GRACE
from app.problems import ErrorEvent, Problem, fail
from app.record import Record, current

router = APIRouter()

MAX_WAITING = 8
"""Messages that may wait behind the one that is answered; one more and the socket is closed."""


@router.websocket("/generate/ws")
async def converse(socket: WebSocket) -> None:
    service = get_service(socket)
    service.gate.check_open()
    caller = service.gate.identify(socket)
    await socket.accept()
    handshake = current.get()
    inbox: asyncio.Queue[Message | None] = asyncio.Queue()
    over = asyncio.Event()
    unanswered = 0
    code = 1000

    async def read() -> None:
        nonlocal unanswered, code
        while (message := await socket.receive())["type"] == "websocket.receive":
            unanswered += 1
            if unanswered > 1 + MAX_WAITING:
                code = 1008
                break
            inbox.put_nowait(message)
        over.set()
        inbox.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while not over.is_set() and (message := await inbox.get()):
            record = Record(handshake.id, "GET", "/generate/ws", handshake.key_id)
            current.set(record)
            with service.metrics.follow(record), suppress(ClientDisconnect, WebSocketDisconnect):
                await answer(service, socket, message, caller, over)
            unanswered -= 1
            if record.outcome == "draining":
                code = 1012
                break
    finally:
        reader.cancel()
        current.set(handshake)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code)


async def answer(
    service: Service, socket: WebSocket, message: Message, caller: str, over: asyncio.Event
) -> None:
    record = current.get()
    deadline = asyncio.get_running_loop().time() + service.settings.request_timeout
    try:
        service.gate.check_open()
        service.gate.count(caller)
        if message.get("text") is None:
            raise Problem("unsupported-media-type", "Send the request as a text message.")
        body = service.parse(message["text"])
        async with service.stream(body, deadline, over.wait) as events:
            async for event in events:
                await socket.send_text(event.model_dump_json())
                record.status = 200
    except (ClientDisconnect, WebSocketDisconnect):
        record.leave()
    except Exception as error:
        last_words = ErrorEvent(error=fail(error).body).model_dump_json()
        with suppress(TimeoutError):
            async with asyncio.timeout(CUT_GRACE / 2):
                await socket.send_text(last_words)
