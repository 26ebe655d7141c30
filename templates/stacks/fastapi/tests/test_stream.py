"""POST /generate with `"stream": true`."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from aiohttp import web
from starlette.types import Message, Receive, Scope, Send

from app import generate
from tests.conftest import Connect, MakeApp
from tests.upstream import FINISH, Handler, Pausing, answers, frame, piece, says, streams

pytestmark = pytest.mark.anyio

HI = {"prompt": "Hi", "stream": True}
SSE = {"Content-Type": "text/event-stream"}
ENDLESS = says(headers=SSE, body=frame(piece("Hel")) + b"secret" * 2**18)


async def test_sends_each_piece_then_done(connect: Connect) -> None:
    response = await (await connect(answers)).post("/generate", json=HI)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.text == (
        'data: {"text":"Hel"}\n\n'
        'data: {"text":"lo"}\n\n'
        'data: {"finish_reason":"stop","model":"m-1",'
        '"usage":{"input_tokens":9,"output_tokens":2}}\n\n'
        "data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("upstream", "status", "problem"),
    [
        (says(500), 502, "upstream-failed"),
        (says(json={"not": "a stream"}), 502, "upstream-failed"),
        (streams("not json"), 502, "upstream-failed"),
        (streams({"error": {"message": "secret"}}), 502, "upstream-failed"),
        (streams(), 502, "upstream-truncated"),
    ],
)
async def test_a_failure_before_the_first_piece_has_its_own_status(
    connect: Connect, upstream: Handler, status: int, problem: str
) -> None:
    response = await (await connect(upstream)).post("/generate", json=HI)

    assert response.status_code == status
    assert response.json()["type"] == f"/problems/{problem}"


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [
        (streams(piece("Hel")), "upstream-truncated"),
        (streams(piece("Hel"), "[DONE]"), "upstream-truncated"),
        (streams(piece("Hel"), {"error": {"message": "secret"}}), "upstream-failed"),
        (ENDLESS, "upstream-failed"),
    ],
)
async def test_a_later_failure_is_the_last_event(
    connect: Connect, upstream: Handler, problem: str
) -> None:
    response = await (await connect(upstream)).post("/generate", json=HI)

    first, last = response.text.removesuffix("\n\n").split("\n\n")
    assert first == 'data: {"text":"Hel"}'
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == f"/problems/{problem}"
    assert "secret" not in response.text


async def test_the_total_deadline_holds_while_the_upstream_drips(connect: Connect) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=SSE)
        await response.prepare(request)
        while True:
            await response.write(frame(piece(".")))
            await asyncio.sleep(0.001)

    client = await connect(drip, request_timeout=0.3)
    response = await client.post("/generate", json=HI)

    assert response.text.count('{"text":"."}') > 1
    assert "/problems/upstream-timeout" in response.text
    assert "[DONE]" not in response.text


async def test_an_upstream_that_falls_silent_is_given_up(connect: Connect) -> None:
    async def fall_silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=SSE)
        await response.prepare(request)
        for text in ("Hel", "lo"):
            await response.write(frame(piece(text)))
            await asyncio.sleep(0.1)
        await asyncio.Event().wait()
        return response

    response = await (await connect(fall_silent, idle_timeout=0.3)).post("/generate", json=HI)

    assert response.text.startswith('data: {"text":"Hel"}\n\ndata: {"text":"lo"}\n\n')
    assert "/problems/upstream-timeout" in response.text


async def test_an_upstream_that_sends_comments_is_not_silent(connect: Connect) -> None:
    async def think(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=SSE)
        await response.prepare(request)
        await response.write(frame(piece("Hel")))
        for _ in range(100):
            await response.write(b": thinking\n\n")
            await asyncio.sleep(0.01)
        await response.write(frame(FINISH))
        return response

    response = await (await connect(think, idle_timeout=0.5)).post("/generate", json=HI)

    assert response.text.endswith("data: [DONE]\n\n")


async def test_comments_keep_a_silent_stream_open(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PING_INTERVAL", 0.01)
    upstream = Pausing()
    app = await make_app(upstream, request_timeout=10)

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message.get("body") == b": ping\n\n":
                upstream.go.set()
            await send(message)

        await app(scope, receive, send_on)

    transport = httpx2.ASGITransport(listen)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post("/generate", json=HI)

    assert ": ping\n\n" in response.text
    assert response.text.endswith("data: [DONE]\n\n")


async def test_a_stream_that_is_not_silent_needs_no_comments(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PING_INTERVAL", 0.3)

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=SSE)
        await response.prepare(request)
        for _ in range(50):
            await response.write(frame(piece(".")))
            await asyncio.sleep(0.01)
        await response.write(frame(FINISH))
        return response

    response = await (await connect(drip)).post("/generate", json=HI)

    assert response.text.endswith("data: [DONE]\n\n")
    assert ": ping" not in response.text


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_upstream_call_ends_when_the_client_leaves(
    make_app: MakeApp, streamed: bool
) -> None:
    upstream = Pausing()
    body = json.dumps(HI | {"stream": streamed}).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        await upstream.called.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/generate",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await (await make_app(upstream))(scope, receive, send)

    await upstream.ended.wait()
    assert "[DONE]" not in str(sent)
