"""The app under test, and in place of its upstream a function: no test opens a connection."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings

Handler = Callable[[httpx2.Request], Any]
MakeApp = Callable[..., FastAPI]
Connect = Callable[..., httpx2.AsyncClient]


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
def make_app() -> MakeApp:
    """`make_app(upstream, max_retries=1)`: the upstream answers requests, the rest are settings."""

    def make(upstream: Handler, **settings: Any) -> FastAPI:
        defaults: dict[str, Any] = {"openai_api_key": "sk-test", "llm_model": "m", "max_retries": 0}
        http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(upstream))
        return create_app(Settings(**(defaults | settings)), http_client=http_client)

    return make


@pytest.fixture
async def connect(make_app: MakeApp) -> AsyncIterator[Connect]:
    """Like `make_app`, but a client of it."""
    async with AsyncExitStack() as stack:

        def connect_to(upstream: Handler, **settings: Any) -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(make_app(upstream, **settings))
            client = httpx2.AsyncClient(transport=transport, base_url="http://test")
            stack.push_async_callback(client.aclose)
            return client

        yield connect_to
