"""What goes wrong, and how it is told. An answer never repeats what the upstream said."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from aiohttp import web
from fastapi import HTTPException

from tests.conftest import Connect, MakeApp
from tests.upstream import Handler, Pausing, answers, completion, says

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


async def test_a_problem_is_complete(connect: Connect) -> None:
    response = await (await connect(answers)).get("/nowhere", headers={"X-Request-Id": "caller.1"})

    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "caller.1"
    assert response.json() == {
        "type": "/problems/not-found",
        "title": "There is nothing here",
        "status": 404,
        "detail": "Not Found",
        "request_id": "caller.1",
    }


async def test_an_unusable_request_id_is_replaced(connect: Connect) -> None:
    response = await (await connect(answers)).get("/healthz", headers={"X-Request-Id": "a b"})

    assert len(response.headers["x-request-id"]) == 32


async def test_a_wrong_method_names_the_right_one(connect: Connect) -> None:
    response = await (await connect(answers)).get("/generate")

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize(
    ("content", "headers", "status", "problem"),
    [
        (b"{", JSON, 400, "invalid-json"),
        (b"", JSON, 400, "invalid-json"),
        (b'{"prompt": "\\ud800"}', JSON, 400, "invalid-json"),
        (b'{"prompt": "Hi"}', {}, 415, "unsupported-media-type"),
        (b"prompt=Hi", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        (b" " * 65, JSON, 413, "too-large"),
    ],
)
async def test_a_body_that_cannot_be_read(
    connect: Connect, content: bytes, headers: dict[str, str], status: int, problem: str
) -> None:
    client = await connect(answers, max_body_bytes=64)
    response = await client.post("/generate", content=content, headers=headers)

    assert response.status_code == status
    assert response.json()["type"] == f"/problems/{problem}"


async def test_a_body_without_a_length_is_counted(connect: Connect) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b" "

    client = await connect(answers, max_body_bytes=64)
    response = await client.post("/generate", content=chunks(), headers=JSON)

    assert response.status_code == 413


def fails(status: int, headers: dict[str, str] | None = None) -> Handler:
    return says(status, headers, json={"error": {"message": "secret"}})


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    ("upstream", "status", "problem"),
    [
        (fails(400), 502, "upstream-misconfigured"),
        (fails(401), 502, "upstream-misconfigured"),
        (fails(403), 502, "upstream-misconfigured"),
        (fails(404), 502, "upstream-misconfigured"),
        (fails(429), 429, "upstream-rate-limited"),
        (fails(500), 502, "upstream-failed"),
        (fails(200), 502, "upstream-failed"),
        (says(text="secret"), 502, "upstream-failed"),
        (says(body=b"\xff"), 502, "upstream-failed"),
        (says(body=b"[" * 100_000), 502, "upstream-failed"),
        (says(json=completion(None)), 502, "upstream-failed"),
        (hang_up, 502, "upstream-failed"),
        (Pausing(), 504, "upstream-timeout"),
    ],
)
async def test_an_upstream_failure(
    connect: Connect, upstream: Handler, status: int, problem: str
) -> None:
    client = await connect(upstream, idle_timeout=0.1)
    response = await client.post("/generate", json={"prompt": "Hi"})

    assert response.status_code == status
    assert response.json()["type"] == f"/problems/{problem}"
    assert "secret" not in response.text


async def test_a_long_retry_after_is_passed_on_at_once(connect: Connect) -> None:
    client = await connect(fails(429, {"Retry-After": "30"}), max_retries=2)
    response = await client.post("/generate", json={"prompt": "Hi"})

    assert response.headers["retry-after"] == "30"


async def test_without_a_key_the_upstream_is_not_called(connect: Connect) -> None:
    client = await connect(hang_up, openai_api_key=None)
    response = await client.post("/generate", json={"prompt": "Hi"})

    assert response.json()["type"] == "/problems/upstream-misconfigured"


async def test_an_exception_of_the_framework_is_a_problem(make_app: MakeApp) -> None:
    app = await make_app(answers)

    @app.get("/taken")
    async def taken() -> None:
        raise HTTPException(409, "Somebody else has it.")

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        response = await client.get("http://test/taken")

    assert response.status_code == 409
    assert response.json()["type"] == "/problems/conflict"
    assert response.json()["detail"] == "Somebody else has it."


async def test_a_mistake_of_ours_tells_nothing(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = await make_app(answers)

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        response = await client.get("http://test/broken")

    assert response.status_code == 500
    assert response.json()["type"] == "/problems/internal-error"
    assert "secret" not in response.text
