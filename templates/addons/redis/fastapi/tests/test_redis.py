"""What is shared through Redis, and what happens without it."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from pydantic.networks import RedisDsn

from app.redis import install_redis
from app.settings import load_settings
from app.store import RedisSettings, Store
from tests.conftest import MakeApp
from tests.upstream import Handler, Pausing, answers, says

pytestmark = pytest.mark.anyio

HI = {"prompt": "Hi"}
KEY = {"Idempotency-Key": "one"}
Connect = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture(autouse=True)
def no_redis_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RedisSettings.model_config, "env_file", None)
    for name in RedisSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def nowhere() -> str:
    return f"redis://127.0.0.1:{find_free_port()}"


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed here")
    port = find_free_port()
    arguments = ["--port", str(port), "--save", "", "--appendonly", "no"]
    argv = [program, *arguments]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE) as redis:  # noqa: S603
        assert redis.stdout is not None
        while b"Ready to accept connections" not in redis.stdout.readline():
            assert redis.poll() is None
        yield f"redis://127.0.0.1:{port}"
        redis.kill()


@pytest.fixture
async def connect(make_app: MakeApp) -> AsyncIterator[Connect]:
    """`await connect(upstream, redis_url, cache_ttl=1, of_app={…})`: a client of one more process."""
    async with AsyncExitStack() as stack:

        async def connect_to(
            upstream: Handler, redis_url: str, of_app: dict[str, Any] | None = None, **more: Any
        ) -> httpx2.AsyncClient:
            app = await make_app(upstream, **(of_app or {}))
            settings = RedisSettings(redis_url=RedisDsn(redis_url), **more)
            store = install_redis(app, app.state.service, settings)
            await stack.enter_async_context(store.client)
            transport = httpx2.ASGITransport(app)
            client = httpx2.AsyncClient(transport=transport, base_url="http://test")
            return await stack.enter_async_context(client)

        yield connect_to


def test_every_wrong_setting_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://:secret@127.0.0.1")
    monkeypatch.setenv("REDIS_FAIL", "secret")
    monkeypatch.setenv("IDEMPOTENCY_TTL", "0")
    monkeypatch.setenv("CACHE_TTL", "-1")

    with pytest.raises(SystemExit) as stopped:
        load_settings(RedisSettings)

    names = [line.partition(":")[0].strip() for line in str(stopped.value).splitlines()[1:]]
    assert names == ["REDIS_URL", "REDIS_FAIL", "IDEMPOTENCY_TTL", "CACHE_TTL"]
    assert "secret" not in str(stopped.value)


async def test_without_redis_each_process_counts(connect: Connect, nowhere: str) -> None:
    client = await connect(answers, nowhere, of_app={"rate_limit": "2/minute"})
    responses = [await client.post("/generate", json=HI, headers=KEY) for _ in range(3)]

    assert [each.status_code for each in responses] == [200, 200, 429]
    assert all("idempotent-replayed" not in each.headers for each in responses)


async def test_without_redis_requests_are_refused_if_you_say_so(
    connect: Connect, nowhere: str
) -> None:
    client = await connect(answers, nowhere, redis_fail="closed")
    response = await client.post("/generate", json=HI)

    assert response.status_code == 503
    assert response.json()["type"] == "/problems/overloaded"
    assert response.headers["retry-after"] == "1"


async def test_a_rate_is_shared(connect: Connect, redis_url: str) -> None:
    one, two = [
        await connect(answers, redis_url, of_app={"rate_limit": "2/minute"}) for _ in range(2)
    ]
    first, second = await one.post("/generate", json=HI), await two.post("/generate", json=HI)
    refused = await one.post("/generate", json=HI)

    assert first.headers["ratelimit"] == '"default";r=1;t=60'
    assert second.status_code == 200
    assert refused.status_code == 429


@pytest.mark.parametrize("stream", [False, True])
async def test_a_repeated_request_gets_the_answer_of_the_first(
    connect: Connect, redis_url: str, stream: bool
) -> None:
    asked = HI | {"stream": stream}
    one, two = await connect(answers, redis_url), await connect(says(500), redis_url)
    first = await one.post("/generate", json=asked, headers=KEY)
    again = await two.post("/generate", json=asked, headers=KEY)

    assert again.status_code == 200
    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


async def test_a_key_is_for_one_request(connect: Connect, redis_url: str) -> None:
    client = await connect(answers, redis_url)
    await client.post("/generate", json=HI, headers=KEY)
    other = await client.post("/generate", json={"prompt": "Ho"}, headers=KEY)
    unusable = await client.post("/generate", json=HI, headers={"Idempotency-Key": "a b"})

    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert unusable.status_code == 422
    assert unusable.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_who_repeats_what_still_runs_waits(connect: Connect, redis_url: str) -> None:
    upstream = Pausing()
    one, two = await connect(upstream, redis_url), await connect(says(500), redis_url)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(one.post("/generate", json=HI, headers=KEY))
        await upstream.called.wait()
        again = group.create_task(two.post("/generate", json=HI, headers=KEY))
        upstream.go.set()

    assert again.result().text == first.result().text
    assert again.result().headers["idempotent-replayed"] == "true"


async def test_who_leaves_while_it_asks_for_its_turn_frees_its_key(
    connect: Connect, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, ask = asyncio.Event(), Store.ask

    async def ask_and_tell(store: Store, *command: Any) -> Any:
        asking.set()
        return await ask(store, *command)

    monkeypatch.setattr(Store, "ask", ask_and_tell)
    client = await connect(answers, redis_url, of_app={"rate_limit": "0"})
    leaving = asyncio.create_task(client.post("/generate", json=HI, headers=KEY))
    await asking.wait()
    leaving.cancel()
    async with asyncio.timeout(5):
        again = await client.post("/generate", json=HI, headers=KEY)

    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers


async def test_a_failure_is_not_kept(connect: Connect, redis_url: str) -> None:
    failing, well = await connect(says(500), redis_url), await connect(answers, redis_url)
    first = await failing.post("/generate", json=HI, headers=KEY)
    again = await well.post("/generate", json=HI, headers=KEY)

    assert (first.status_code, again.status_code) == (502, 200)
    assert "idempotent-replayed" not in again.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_the_cache_answers_whoever_asks_the_same(
    connect: Connect, redis_url: str, stream: bool
) -> None:
    upstream = iter([answers, says(500)])

    async def answer_once(request: web.Request) -> web.StreamResponse:
        return await next(upstream)(request)

    asked = HI | {"stream": stream}
    client = await connect(answer_once, redis_url, cache_ttl=60)
    first, again = [await client.post("/generate", json=asked) for _ in range(2)]
    other = await client.post("/generate", json=asked | {"temperature": 1})

    assert first.headers["cache-status"] == "llm-api; fwd=miss"
    assert again.headers["cache-status"] == "llm-api; hit"
    assert again.text == first.text
    assert other.status_code == 502
