"""Who may call, how often, and how many at a time. All of it is in this process's memory."""

import asyncio
import hmac
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import HTTPConnection

from app.lifetime import Lifetimes, draining
from app.metrics import Metrics
from app.problems import Problem
from app.record import current
from app.settings import Settings

MAX_CALLERS = 100_000
"""Callers whose rate is remembered at a time; beyond, the oldest is forgotten."""


@dataclass
class Window:
    ends: float
    used: int = 0


class Gate:
    def __init__(self, settings: Settings, lifetimes: Lifetimes, metrics: Metrics) -> None:
        self._keys = settings.api_keys
        self._rate = settings.rate_limit
        self._max_queue = settings.max_queue
        self._queue_timeout = settings.queue_timeout
        self._lifetimes = lifetimes
        self._metrics = metrics
        self._windows: dict[str, Window] = {}
        self._places = asyncio.Semaphore(settings.max_concurrency)
        self._queued = 0

    def check_open(self) -> None:
        if self._lifetimes.draining:
            self._metrics.shed("draining")
            raise draining()

    def identify(self, connection: HTTPConnection) -> str:
        """Whose rate it is: the key's, or without keys the address's."""
        if not self._keys:
            return connection.client.host if connection.client else ""
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        digest = sha256(key.strip().encode("latin-1")).digest()
        known = [hmac.compare_digest(digest, each) for each in self._keys]  # All, found or not.
        if scheme.lower() != "bearer" or not any(known):
            headers = {"WWW-Authenticate": "Bearer"}
            raise Problem("unauthorized", "Send Authorization: Bearer KEY.", headers=headers)
        current.get().key_id = digest.hex()[:8]
        return digest.hex()

    def count(self, caller: str) -> None:
        """A window begins with a caller's first request. All are equally long: the oldest of the
        dictionary is always the first to end, so that forgetting costs nothing."""
        amount, period = self._rate
        if not amount:
            return
        now = time.monotonic()
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest].ends > now and len(self._windows) < MAX_CALLERS:
                break
            del self._windows[oldest]
        window = self._windows.setdefault(caller, Window(now + period))
        window.used += 1
        seconds = math.ceil(window.ends - now)
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        current.get().headers |= {
            "RateLimit-Policy": f'"default";q={amount};w={period}',
            "RateLimit": f'"default";r={max(0, amount - window.used)};t={seconds}',
        }
        if window.used > amount:
            self._metrics.shed("rate-limited")
            headers = {"Retry-After": str(seconds)}
            raise Problem("rate-limited", f"Try again in {seconds} s.", headers=headers)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among those that call upstream, after a wait in the queue if there is none."""
        if self._places.locked() and self._queued >= self._max_queue:
            raise self._overloaded("overloaded", "The queue is full.")
        self._queued += 1
        self._metrics.queued.inc()
        try:
            async with asyncio.timeout(self._queue_timeout):
                await self._places.acquire()
        except TimeoutError:
            raise self._overloaded("queue-timeout", "No place became free in time.") from None
        finally:
            self._queued -= 1
            self._metrics.queued.dec()
        self._metrics.in_flight.inc()
        try:
            yield
        finally:
            self._places.release()
            self._metrics.in_flight.dec()

    def _overloaded(self, reason: str, detail: str) -> Problem:
        self._metrics.shed(reason)
        return Problem("overloaded", detail, headers={"Retry-After": "1"})
