"""What all processes and machines share through Redis: the rates of callers, and answers."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.answers import REUSED, Batches, Cache, Call, Repeats, Source, asked, digest
from app.gate import Windows
from app.generate import Service
from app.settings import load_settings
from app.store import Away, RedisSettings, Store
from app.upstream import STREAM

COUNT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}
"""
HEADERS = {
    "Idempotent-Replayed": "true, if this is the answer of an earlier request with the same key.",
    "Cache-Status": "Whether the answer was kept (hit) or is new (fwd=miss).",
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeat a request with the same key to get the same answer, not a second one.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


class SharedWindows(Windows):
    """While Redis is away, each process counts for itself."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    async def count(self, caller: str, period: int) -> tuple[int, float]:
        try:
            name = f"rate:{digest(caller)}"
            used, milliseconds = await self._store.rely_on(COUNT, name, period * 1000)
        except Away:
            return await super().count(caller, period)
        return used, milliseconds / 1000


def install_redis(app: FastAPI, service: Service, settings: RedisSettings | None = None) -> Store:
    settings = settings or load_settings(RedisSettings)
    store = Store(settings)
    service.gate.windows = SharedWindows(store)
    share_answers(service, store, settings)

    (route,) = (
        each for each in app.routes if isinstance(each, APIRoute) and each.name == "generate"
    )
    generate, lifespan = route.app, app.router.lifespan_context
    describe(route)

    async def remember_request(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set(HTTPConnection(scope))
        await generate(scope, receive, send)

    @asynccontextmanager
    async def live_with_redis(app: FastAPI) -> AsyncIterator[Any]:
        async with store.client, lifespan(app) as state:
            yield state

    route.app, app.router.lifespan_context = remember_request, live_with_redis
    return store


def describe(route: APIRoute) -> None:
    headers = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }
    status, title = REUSED
    route.responses[200]["headers"] |= headers
    route.responses[status]["description"] += f"\n- `/problems/idempotency-key-reused`: {title}."
    route.openapi_extra = {**(route.openapi_extra or {}), "parameters": [KEY]}


def share_answers(service: Service, store: Store, settings: RedisSettings) -> None:
    complete, stream = service.complete, service.stream

    async def complete_as_stream(call: Call) -> Batches:
        yield await complete(call)

    def share(source: Source) -> Source:
        if settings.cache_ttl:
            url = str(service.settings.openai_base_url)
            source = Cache(store, url, settings.cache_ttl).around(source)
        return Repeats(store, service.gate, settings.idempotency_ttl).around(source)

    share_plain, share_stream = share(complete_as_stream), share(stream)

    async def complete_shared(call: Call) -> bytes:
        async with aclosing(share_plain(call)) as batches:
            return b"".join([answer async for answer in batches])

    service.complete = complete_shared
    service.stream = lambda call: share_stream(call | STREAM)
