"""The app under test, and in place of its provider a server on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from tests.upstream import Handler

MakeApp = Callable[..., Awaitable[FastAPI]]
Connect = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has in the environment and in .env must not change what a test says."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def make_app() -> AsyncIterator[MakeApp]:
    """`await make_app(upstream, max_retries=1)`: who answers for the provider, and settings."""
    async with AsyncExitStack() as stack:

        async def make(upstream: Handler, **settings: Any) -> FastAPI:
            async def answer(request: web.Request) -> web.StreamResponse:
                return await upstream(request)

            provider = web.Application()
            provider.router.add_post("/v1/chat/completions", answer)
            server = await stack.enter_async_context(
                TestServer(provider, handler_cancellation=True)
            )
            own: dict[str, Any] = {
                "openai_api_key": "sk-test",
                "openai_base_url": str(server.make_url("/v1")),
                "llm_model": "m",
                "max_retries": 0,
            }
            app = create_app(Settings(**(own | settings)))
            await stack.enter_async_context(app.state.service.upstream.connect())
            return app

        yield make


@pytest.fixture
async def connect(make_app: MakeApp) -> AsyncIterator[Connect]:
    """Like `make_app`, but a client of it."""
    async with AsyncExitStack() as stack:

        async def connect_to(upstream: Handler, **settings: Any) -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(await make_app(upstream, **settings))
            client = httpx2.AsyncClient(transport=transport, base_url="http://test")
            return await stack.enter_async_context(client)

        yield connect_to
