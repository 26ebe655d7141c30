"""GET /generate/ws, spoken to as a server speaks to an ASGI application."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from tests.conftest import MakeApp
from tests.upstream import Pausing, answers

pytestmark = pytest.mark.anyio

HI = '{"prompt": "Hi"}'


class Socket:
    def __init__(self) -> None:
        self.to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.to_app.put_nowait({"type": "websocket.connect"})

    def say(self, text: str) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1005})

    async def hear(self) -> dict[str, Any]:
        """The objects of one answer: the last one, with all text in `said`."""
        said = ""
        while True:
            message = json.loads((await self.from_app.get())["text"])
            if "text" not in message:
                return {**message, "said": said}
            said += message["text"]


@asynccontextmanager
async def open_socket(
    app: FastAPI, *headers: tuple[bytes, bytes], path: str = "/generate/ws"
) -> AsyncIterator[Socket]:
    socket = Socket()
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(app(scope, socket.to_app.get, socket.from_app.put))
        yield socket
        socket.leave()


async def test_answers_one_after_another(make_app: MakeApp) -> None:
    async with open_socket(await make_app(answers), (b"x-request-id", b"one")) as socket:
        accepted = await socket.from_app.get()
        socket.say(HI)
        socket.say("not JSON")
        socket.say(HI)
        first, mistake, second = [await socket.hear() for _ in range(3)]

    assert accepted["type"] == "websocket.accept"
    assert (b"x-request-id", b"one") in accepted["headers"]
    assert first["said"] == second["said"] == "Hello"
    assert first["usage"] == {"input_tokens": 9, "output_tokens": 2}
    assert mistake["error"]["type"] == "/problems/invalid-json"


async def test_is_refused_before_the_upgrade_without_a_key(make_app: MakeApp) -> None:
    async with open_socket(await make_app(answers, api_keys="sesame")) as socket:
        refused = await socket.from_app.get()
        body = await socket.from_app.get()

    assert refused["type"] == "websocket.http.response.start"
    assert refused["status"] == 401
    assert json.loads(body["body"])["type"] == "/problems/unauthorized"


async def test_each_message_counts(make_app: MakeApp) -> None:
    async with open_socket(await make_app(answers, rate_limit="1/minute")) as socket:
        await socket.from_app.get()
        socket.say(HI)
        socket.say(HI)
        await socket.hear()
        refused = await socket.hear()

    assert refused["error"]["type"] == "/problems/rate-limited"


async def test_who_leaves_ends_the_call(make_app: MakeApp) -> None:
    upstream = Pausing()
    async with open_socket(await make_app(upstream)) as socket:
        socket.say(HI)
        await upstream.called.wait()

    await upstream.ended.wait()


async def test_who_says_too_much_at_once_is_sent_away(make_app: MakeApp) -> None:
    async with open_socket(await make_app(Pausing())) as socket:
        for _ in range(1 + 8 + 1):
            socket.say(HI)
        while (last := await socket.from_app.get())["type"] != "websocket.close":
            pass

    assert last["code"] == 1008


@pytest.mark.parametrize(
    ("origin", "origins", "is_let_in"),
    [
        (b"http://test", "", True),
        (b"https://a.example", "https://a.example", True),
        (b"https://a.example", "*", True),
        (b"https://a.example", "", False),
        (b"https://test.a.example", "https://a.example", False),
        (b"null", "", False),
    ],
)
async def test_pages_of_other_sites_are_refused(
    make_app: MakeApp, origin: bytes, origins: str, is_let_in: bool
) -> None:
    app = await make_app(answers, **({"cors_origins": origins} if origins else {}))
    async with open_socket(app, (b"host", b"test"), (b"origin", origin)) as socket:
        first = await socket.from_app.get()

    assert (first["type"] == "websocket.accept") == is_let_in
    assert first.get("status") == (None if is_let_in else 403)


async def test_elsewhere_there_is_none(make_app: MakeApp) -> None:
    async with open_socket(await make_app(answers), path="/nowhere") as socket:
        refused = await socket.from_app.get()

    assert refused["status"] == 404
