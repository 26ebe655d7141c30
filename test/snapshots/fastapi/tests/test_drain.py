"""The way to the end: nothing new, what was accepted goes on, and at last it is cut."""

import asyncio
import json

import httpx2
import pytest
from fastapi import FastAPI

from app.gate import Gate
from tests.conftest import MakeApp
from tests.upstream import Pausing, answers

pytestmark = pytest.mark.anyio

HI = {"prompt": "Hi"}


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")


def gate_of(app: FastAPI) -> Gate:
    gate = app.state.service.gate
    assert isinstance(gate, Gate)
    return gate


async def test_nothing_new_is_taken(make_app: MakeApp) -> None:
    app = await make_app(answers)
    gate_of(app).drain()
    async with client_of(app) as client:
        refused = await client.post("/generate", json=HI)
        ready = await client.get("/readyz")
        healthy = await client.get("/healthz")

    for response in (refused, ready):
        assert response.status_code == 503
        assert response.json()["type"] == "/problems/draining"
        assert response.headers["retry-after"] == "1"
    assert refused.headers["connection"] == "close"
    assert healthy.status_code == 200
    assert gate_of(app).drained


async def test_what_was_accepted_goes_on(make_app: MakeApp) -> None:
    upstream = Pausing()
    app = await make_app(upstream)
    async with client_of(app) as client, asyncio.TaskGroup() as group:
        stream = group.create_task(client.post("/generate", json=HI | {"stream": True}))
        await upstream.called.wait()
        gate_of(app).drain()
        assert not gate_of(app).drained
        upstream.go.set()

    assert stream.result().text.endswith("data: [DONE]\n\n")
    assert gate_of(app).drained


async def test_until_the_deadline(make_app: MakeApp) -> None:
    upstream = Pausing()
    app = await make_app(upstream, drain_timeout=0.1)
    async with client_of(app) as client, asyncio.TaskGroup() as group:
        stream = group.create_task(client.post("/generate", json=HI | {"stream": True}))
        await upstream.called.wait()
        gate_of(app).drain()

    last = stream.result().text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "/problems/draining"
