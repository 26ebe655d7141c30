"""Who may call, how often, how many at a time, and until when: `Gate.lifetime` is the one place
that ends work before it is done. All of it is in this process's memory."""

import asyncio
import hmac
import math
import multiprocessing
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from hashlib import sha256

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive

from app.problems import Problem, shed
from app.record import IN_FLIGHT, QUEUED, current
from app.settings import Settings

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
MAX_CALLERS = 100_000  # Whose rate is remembered; beyond, who was silent longest is forgotten.
CUT_GRACE = 0.3  # Seconds that what was cut by a drain has to say so.
GONE = 0.0  # When the time of a client that has left is over.


class Windows(dict[str, tuple[float, int]]):
    """Of each caller: when it ends, and the calls in it. It begins with a caller's first request."""

    async def count(self, caller: str, period: int) -> tuple[int, float]:
        """The calls in the window of this caller, this one included, and the seconds left of it."""
        now = time.monotonic()
        ends, used = self.pop(caller, (now, 0))
        if ends <= now:
            ends, used = now + period, 0
        self[caller] = ends, used + 1
        if len(self) > MAX_CALLERS:
            del self[next(iter(self))]
        return used + 1, ends - now


class Gate:
    """Times are of the running loop's clock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = [hash_key(key) for key in settings.api_keys]
        self._places = asyncio.Semaphore(settings.max_concurrency)
        self._queue = asyncio.Semaphore(settings.max_queue)
        self._lifetimes: set[asyncio.Timeout] = set()
        self.windows, self.cut_at = Windows(), math.inf

    @property
    def draining(self) -> bool:
        return self.cut_at < math.inf

    @property
    def drained(self) -> bool:
        late = asyncio.get_running_loop().time() > self.cut_at + CUT_GRACE
        return self.draining and (late or not self._lifetimes)

    def check_open(self) -> None:
        if self.draining:
            raise shed("draining", "Try again: another server will answer.", "draining")

    def identify(self, connection: HTTPConnection) -> str:
        """Whose rate it is: the key's, or without keys the address's."""
        if not self._keys:
            return connection.client.host if connection.client else ""
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        digest = sha256(key.strip().encode("latin-1")).digest()
        known = [hmac.compare_digest(digest, each) for each in self._keys]  # All, found or not.
        if scheme.lower() != "bearer" or not any(known):
            headers = {"WWW-Authenticate": "Bearer"}
            raise Problem("unauthorized", "Send Authorization: Bearer KEY.", headers)
        current.get().key_id = digest.hex()[:8]
        return digest.hex()

    async def count(self, caller: str) -> None:
        quota, _, period = self._settings.rate_limit.partition("/")
        if quota == "0":
            return
        used, rest = await self.windows.count(caller, PERIODS[period])
        left, seconds = int(quota) - used, math.ceil(rest)
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        current.get().headers += [
            (b"ratelimit-policy", f'"default";q={quota};w={PERIODS[period]}'.encode()),
            (b"ratelimit", f'"default";r={max(0, left)};t={seconds}'.encode()),
        ]
        if left < 0:
            raise shed("rate-limited", f"Try again in {seconds} s.", "rate-limited", seconds)

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator[asyncio.Timeout]:
        """The time that a request has: then the block is cancelled, whatever it waits for, and what
        is raised says why: `ClientDisconnect`, or the problem `upstream-timeout` or `draining`."""
        deadline = asyncio.get_running_loop().time() + self._settings.request_timeout
        current.get().deadline = deadline = min(deadline, self.cut_at)
        try:
            async with asyncio.timeout_at(deadline) as lifetime:
                self._lifetimes.add(lifetime)
                try:
                    yield lifetime
                finally:
                    self._lifetimes.remove(lifetime)
        except TimeoutError:
            if lifetime.when() == GONE:
                raise ClientDisconnect from None
            if lifetime.when() == self.cut_at:
                self.check_open()
            raise Problem("upstream-timeout", "The answer took longer than we wait.") from None

    @asynccontextmanager
    async def place(self, lifetime: asyncio.Timeout, receive: Receive) -> AsyncIterator[ExitStack]:
        """A place among those that call upstream, for as long as the client is there. Nobody tells
        an ASGI application that its client has left: it has to ask, once it has read the body."""

        async def watch() -> None:
            while not (await receive())["type"].endswith(".disconnect"):
                pass
            if not lifetime.expired():
                lifetime.reschedule(GONE)

        with ExitStack() as held:
            held.callback(asyncio.create_task(watch()).cancel)
            await self._wait_for_place()
            held.callback(self._places.release)
            held.enter_context(IN_FLIGHT.track_inprogress())
            yield held

    async def _wait_for_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._queue.locked():
            raise shed("overloaded", "The queue is full.")
        try:
            async with self._queue, asyncio.timeout(self._settings.queue_timeout):
                with QUEUED.track_inprogress():
                    await self._places.acquire()
        except TimeoutError:
            raise shed("queue-timeout", "No place became free in time.") from None

    def drain(self) -> None:
        """Take nothing new. Called again: end now what is under way."""
        seconds = 0 if self.draining else self._settings.drain_timeout
        self.cut_at = asyncio.get_running_loop().time() + seconds
        for lifetime in self._lifetimes:
            if (lifetime.when() or 0) > self.cut_at:
                lifetime.reschedule(self.cut_at)

    async def heed_signals(self) -> None:
        """Uvicorn would stop listening and then wait. It hears of a signal only once nothing is
        under way: until then whoever is new is told to go elsewhere."""
        if threading.current_thread() is not threading.main_thread():
            return  # Of a test: no signal comes there.
        loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: loop.call_soon_threadsafe(self.drain))
        parent = multiprocessing.parent_process()
        if parent:  # Ctrl-C reaches all processes of a terminal, and then the parent tells us.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not self.drained:
            await asyncio.sleep(0.1)  # As often as uvicorn itself looks up.
            if parent and not parent.is_alive() and not self.draining:
                self.drain()
        if callable(stop):
            stop(signal.SIGTERM, None)


def hash_key(key: str) -> bytes:
    return bytes.fromhex(key[7:]) if key.startswith("sha256:") else sha256(key.encode()).digest()
