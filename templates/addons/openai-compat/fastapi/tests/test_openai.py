"""The API that OpenAI's clients know."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from aiohttp import web

from app.openai import install_openai
from tests.conftest import MakeApp
from tests.upstream import FINISH, LAST, Handler, answers, completion, frame, piece, says, streams

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
HI = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
LONG = [{"role": "user", "content": [{"text": "123"}, {"text": "456"}]}]
SSE = "text/event-stream"
Connect = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
async def connect(make_app: MakeApp) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connect_to(upstream: Handler, **settings: Any) -> httpx2.AsyncClient:
            app = await make_app(upstream, **settings)
            install_openai(app, app.state.service)
            transport = httpx2.ASGITransport(app)
            client = httpx2.AsyncClient(transport=transport, base_url="http://test")
            return await stack.enter_async_context(client)

        yield connect_to


async def test_what_is_asked_goes_on_as_it_came_but_capped(connect: Connect) -> None:
    asked: list[Any] = []

    async def listen(request: web.Request) -> web.StreamResponse:
        asked.append(await request.json())
        return web.json_response(completion())

    client = await connect(listen, max_output_tokens=7)
    tools = [{"type": "function", "function": {"name": "now"}}]
    more = HI | {"tools": tools, "seed": 1.5, "odd": None}
    await client.post(PATH, json=more)
    await client.post(PATH, json=more | {"max_tokens": 3})

    assert asked == [more | {"max_completion_tokens": 7}, more | {"max_tokens": 3}]


async def test_a_whole_answer_comes_back_untouched(connect: Connect) -> None:
    body = json.dumps(completion() | {"odd": [1.50, "ü"]}, indent=3).encode()
    client = await connect(says(body=body, content_type="application/json"))
    response = await client.post(PATH, json=HI)

    assert response.status_code == 200
    assert response.content == body


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
async def test_a_stream_comes_back_untouched(connect: Connect, end: bytes) -> None:
    events = [json.dumps(each).encode() for each in (piece("é"), piece("lo"), FINISH, LAST)]
    lines = [b": a comment", *(b"id: 1\ndata:" + event for event in events)]
    whole = b"".join(line + end for line in lines) + b"data: [DONE]\n\n"

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": SSE})
        await response.prepare(request)
        for byte in whole:
            await response.write(bytes([byte]))
            await asyncio.sleep(0)
        return response

    for upstream in (says(body=whole, content_type=SSE), drip):
        client = await connect(upstream)
        response = await client.post(PATH, json=HI | {"stream": True})

        assert response.headers["content-type"].startswith(SSE)
        assert response.content == whole


@pytest.mark.parametrize(
    ("upstream", "code"),
    [
        (streams(piece("Hel")), "upstream-truncated"),
        (streams(piece("Hel"), {"error": {"message": "secret"}}), "upstream-failed"),
        (says(body=frame(piece("Hel")) + b"data: {", content_type=SSE), "upstream-failed"),
    ],
)
async def test_a_late_failure_is_the_last_event(
    connect: Connect, upstream: Handler, code: str
) -> None:
    response = await (await connect(upstream)).post(PATH, json=HI | {"stream": True})
    first, last = response.content.removesuffix(b"\n\n").split(b"\n\n")

    assert first + b"\n\n" == frame(piece("Hel"))
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == code
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"model": "other"}, 404, "model_not_found", None),
        ({"model": 1}, 400, "invalid-request", "model"),
        ({"messages": []}, 400, "invalid-request", "messages"),
        ({"messages": LONG}, 400, "invalid-request", "messages"),
        ({"tools": [{"function": {"description": "123"}}]}, 400, "invalid-request", "messages"),
        ({"response_format": {"any": [["123"]]}}, 400, "invalid-request", "messages"),
        ({"max_tokens": 4097}, 400, "invalid-request", "max_tokens"),
        ({"n": 2}, 400, "invalid-request", "n"),
    ],
)
async def test_mistakes_are_told_as_openai_does(
    connect: Connect, changes: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    client = await connect(answers, max_prompt_chars=8)
    response = await client.post(PATH, json=HI | changes)

    error = response.json()["error"]
    assert response.status_code == status
    assert error["type"] == "invalid_request_error"
    assert (error["code"], error["param"]) == (code, param)


async def test_it_has_the_keys_and_limits_of_the_rest(connect: Connect) -> None:
    client = await connect(answers, api_keys="sesame", rate_limit="1/minute")
    stranger = await client.post(PATH, json=HI)
    client.headers["Authorization"] = "Bearer sesame"
    known, late = [await client.post(PATH, json=HI) for _ in range(2)]

    assert stranger.status_code == 401
    assert stranger.json()["error"]["type"] == "authentication_error"
    assert known.status_code == 200
    assert late.json()["error"]["type"] == "rate_limit_error"
    assert late.headers["retry-after"] == "60"


async def test_models_are_those_that_one_may_ask_for(connect: Connect) -> None:
    client = await connect(answers, allowed_models="a/b, m")
    listed = await client.get("/v1/models")
    found, missing = await client.get("/v1/models/a%2Fb"), await client.get("/v1/models/c")

    assert [each["id"] for each in listed.json()["data"]] == ["m", "a/b"]
    assert found.json()["id"] == "a/b"
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"
