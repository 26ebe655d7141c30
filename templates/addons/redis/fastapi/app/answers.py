"""Answers that are given again: to a caller who repeats a request with its Idempotency-Key, and with
CACHE_TTL to whoever asks the same. Both stand around the call of the upstream, plain or streaming."""

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from app.gate import Gate
from app.problems import Problem
from app.record import current
from app.store import PREFIX, Away, Store

LOCK = 10_000  # Milliseconds after which somebody else does what a process was at that was killed.
POLL = 0.1  # Seconds.
USABLE_KEY = re.compile(r"[!-~]{1,255}")
REUSED = 422, "The Idempotency-Key belongs to another request"

CLAIM = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'body', ARGV[1], 'owner', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'body', 'owner', 'answer')
"""
# For so many milliseconds more (0: no longer), unless it has become somebody else's.
HOLD = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return end
if ARGV[3] then redis.call('HSET', KEYS[1], 'answer', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

Call = dict[str, Any]  # What is sent upstream.
Batches = AsyncGenerator[bytes]  # The events of an answer; a plain one comes at once.
Source = Callable[[Call], Batches]

asked: ContextVar[HTTPConnection] = ContextVar("asked")  # The request as it came.


class Repeats:
    """Whoever repeats a request with its key gets the first one's answer, once that is there. Only
    whole answers are kept: after a failure the next one tries itself."""

    def __init__(self, store: Store, gate: Gate, ttl: float) -> None:
        self._store, self._gate, self._ttl = store, gate, int(ttl * 1000)

    def around(self, source: Source) -> Source:
        def choose(call: Call) -> Batches:
            request = asked.get(None)
            key = request.headers.get("idempotency-key") if request else None
            if request is None or key is None:
                return source(call)
            if not USABLE_KEY.fullmatch(key):
                message = "Send 1 to 255 visible characters of ASCII."
                errors = [{"field": "Idempotency-Key", "message": message}]
                raise Problem("invalid-request", "A header is wrong: see errors.", errors=errors)
            name = f"idempotency:{digest(self._gate.identify(request), key)}"
            return self._answer_once(name, digest(call), source(call))

        return choose

    async def _answer_once(self, name: str, body: str, batches: Batches) -> Batches:
        owner, kept = uuid.uuid4().hex, None
        try:
            with suppress(Away):  # As if there were no key.
                kept = await self._wait_for_turn(name, body, owner)
        except asyncio.CancelledError:
            with suppress(Away):  # The claim may be on its way: the key is free behind it.
                await self._store.run(HOLD, name, owner, 0)
            raise
        if kept is not None:
            current.get().headers.append((b"idempotent-replayed", b"true"))
            yield kept
            return
        said: list[bytes] = []
        async with self._keep(name, owner, said), aclosing(batches):
            async for events in batches:
                said.append(events)
                yield events

    async def _wait_for_turn(self, name: str, body: str, owner: str) -> bytes | None:
        """The answer, if there is one; otherwise it is ours to find."""
        while True:
            kept: bytes | None
            about, holder, kept = await self._store.rely_on(CLAIM, name, body, owner, LOCK)
            if about != body.encode():
                raise Problem("idempotency-key-reused", "Take a new one.", kind=REUSED)
            if kept is not None or holder == owner.encode():
                return kept
            await asyncio.sleep(POLL)

    @asynccontextmanager
    async def _keep(self, name: str, owner: str, said: list[bytes]) -> AsyncIterator[None]:
        """Nobody else's until the end of the block; then what was said is kept."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LOCK / 4000)
                with suppress(Away):
                    await self._store.run(HOLD, name, owner, LOCK)

        end: list[Any] = [0]
        renewing = asyncio.create_task(renew())
        try:
            yield
            end = [self._ttl, b"".join(said)]
        finally:
            renewing.cancel()
            with suppress(Away):
                await self._store.run(HOLD, name, owner, *end)


class Cache:
    def __init__(self, store: Store, url: str, ttl: float) -> None:
        self._store, self._url, self._ttl = store, url, int(ttl * 1000)

    def around(self, source: Source) -> Source:
        async def look_first(call: Call) -> Batches:
            name, kept = f"{PREFIX}cache:{digest(self._url, call)}", None
            with suppress(Away):  # It promises nothing, whatever REDIS_FAIL says.
                kept = await self._store.ask("GET", name)
            status = b"llm-api; hit" if kept else b"llm-api; fwd=miss"
            current.get().headers.append((b"cache-status", status))
            if kept:
                yield kept
                return
            said: list[bytes] = []
            async with aclosing(source(call)) as batches:
                async for events in batches:
                    said.append(events)
                    yield events
            with suppress(Away):
                await self._store.ask("SET", name, b"".join(said), "PX", self._ttl)

        return look_first


def digest(*parts: Any) -> str:
    return sha256(msgspec.json.encode(parts)).hexdigest()[:32]
