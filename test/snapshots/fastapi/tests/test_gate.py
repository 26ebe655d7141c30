"""Who may call, how often, and how many at a time."""

import asyncio
from hashlib import sha256

import pytest

from tests.conftest import Connect
from tests.upstream import Pausing, answers

pytestmark = pytest.mark.anyio

HI = {"prompt": "Hi"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("entry", ["sesame", f"sha256:{sha256(b'sesame').hexdigest()}"])
async def test_a_key_opens(connect: Connect, entry: str) -> None:
    client = await connect(answers, api_keys=f"other, {entry}")
    response = await client.post("/generate", json=HI, headers=bearer("sesame"))

    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic sesame"}])
async def test_without_a_key_nothing_is_read(connect: Connect, headers: dict[str, str]) -> None:
    client = await connect(answers, api_keys="sesame")
    response = await client.post("/generate", content=b"not even JSON", headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "/problems/unauthorized"
    assert "ratelimit" not in response.headers


async def test_each_key_has_its_own_rate(connect: Connect) -> None:
    client = await connect(answers, api_keys="one,two", rate_limit="2/minute")
    first = await client.post("/generate", json=HI, headers=bearer("one"))
    await client.post("/generate", json="a mistake counts too", headers=bearer("one"))
    refused = await client.post("/generate", json=HI, headers=bearer("one"))
    other = await client.post("/generate", json=HI, headers=bearer("two"))

    assert first.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert first.headers["ratelimit"] == '"default";r=1;t=60'
    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.headers["retry-after"] == "60"
    assert other.status_code == 200


async def test_what_does_not_fit_is_refused_at_once(connect: Connect) -> None:
    """One call of the upstream, one request in the queue, and one too many."""
    upstream = Pausing()
    client = await connect(upstream, max_concurrency=1, max_queue=1)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.post("/generate", json=HI))
        await upstream.called.wait()
        requests = [group.create_task(client.post("/generate", json=HI)) for _ in range(2)]
        done, waiting = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        upstream.go.set()

    refused, queued = done.pop().result(), waiting.pop().result()
    assert (running.result().status_code, queued.status_code) == (200, 200)
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/overloaded"
    assert refused.headers["retry-after"] == "1"


async def test_nobody_waits_for_ever(connect: Connect) -> None:
    upstream = Pausing()
    client = await connect(upstream, max_concurrency=1, queue_timeout=0.01)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.post("/generate", json=HI))
        await upstream.called.wait()
        refused = await client.post("/generate", json=HI)
        metrics = await client.get("/metrics")
        upstream.go.set()

    assert refused.json()["type"] == "/problems/overloaded"
    assert "llm_api_in_flight 1.0" in metrics.text
    assert 'llm_api_shed_total{reason="queue-timeout"} 1.0' in metrics.text


async def test_browsers_of_other_origins_are_told(connect: Connect) -> None:
    client = await connect(answers, cors_origins="https://a.example")
    origin = {"Origin": "https://a.example"}
    ours = await client.post("/generate", json={}, headers=origin)
    theirs = await client.post("/generate", json={}, headers={"Origin": "https://b.example"})

    assert ours.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-origin" not in theirs.headers
