"""POST /generate without streaming: what a caller sends, what the upstream gets, what comes back."""

from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Connect
from tests.upstream import answers, says

pytestmark = pytest.mark.anyio


async def test_answers_a_prompt(connect: Connect) -> None:
    response = await (await connect(answers)).post("/generate", json={"prompt": "Hi"})

    assert response.status_code == 200
    assert response.json() == {
        "text": "Hello",
        "model": "m-1",
        "finish_reason": "stop",
        "usage": {"input_tokens": 9, "output_tokens": 2},
    }


@pytest.mark.parametrize(
    ("body", "call"),
    [
        (
            {"prompt": "Hi"},
            {
                "model": "m",
                "messages": [{"role": "user", "content": "Hi"}],
                "max_completion_tokens": 50,
            },
        ),
        (
            {"prompt": "Hi", "system": "Rhyme", "model": "n", "temperature": 0, "max_tokens": 5},
            {
                "model": "n",
                "messages": [
                    {"role": "system", "content": "Rhyme"},
                    {"role": "user", "content": "Hi"},
                ],
                "max_completion_tokens": 5,
                "temperature": 0,
            },
        ),
    ],
    ids=["defaults", "everything"],
)
async def test_calls_the_upstream_with(
    connect: Connect, body: dict[str, Any], call: dict[str, Any]
) -> None:
    calls: list[Any] = []

    async def record(request: web.Request) -> web.StreamResponse:
        calls.append((await request.json(), request.headers["Authorization"]))
        return await answers(request)

    client = await connect(record, allowed_models="n", max_output_tokens=50)
    await client.post("/generate", json=body)

    assert calls == [(call, "Bearer sk-test")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "12345678901"}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "Hi", "model": "other"}, "model"),
        ({"prompt": "Hi", "temperature": 2.1}, "temperature"),
        ({"prompt": "Hi", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "Hi", "max_tokens": 51}, "max_tokens"),
        ({"prompt": "Hi", "stream": "yes"}, "stream"),
        ({"prompt": "Hi", "promt": "Hi"}, "promt"),
        (["Hi"], "body"),
    ],
    ids=str,
)
async def test_refuses(connect: Connect, body: Any, field: str) -> None:
    client = await connect(answers, max_prompt_chars=10, max_output_tokens=50)
    response = await client.post("/generate", json=body)

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/invalid-request"
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_counts_characters_not_bytes(connect: Connect) -> None:
    client = await connect(answers, max_prompt_chars=2)

    assert (await client.post("/generate", json={"prompt": "🦜🦜"})).status_code == 200


async def test_tries_again_before_the_first_token(connect: Connect) -> None:
    replies = [says(503, {"Retry-After": "0"}), answers]

    async def reply(request: web.Request) -> web.StreamResponse:
        return await replies.pop(0)(request)

    client = await connect(reply, max_retries=1)

    assert (await client.post("/generate", json={"prompt": "Hi"})).json()["text"] == "Hello"
