"""Redis, which may be away: no request waits for it longer than PATIENCE."""

import asyncio
import logging
import re
import time
from contextvars import Context
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.networks import RedisDsn
from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.problems import shed
from app.settings import Seconds, Settings

logger = logging.getLogger(__name__)

PATIENCE = 0.25  # Seconds.
STEPS = 5  # Parts of these in which nothing may come: our own event loop can be late as well.
PAUSE = 0.5  # Seconds in which nobody asks a Redis that did not answer.
PREFIX = "llm-api:"


def check_database(url: RedisDsn) -> RedisDsn:
    if url.query or not re.fullmatch(r"/?\d*", url.path or ""):
        raise ValueError("has to end in its port or the number of a database")
    return url


RedisUrl = Annotated[RedisDsn, AfterValidator(check_database), Field(repr=False)]


class RedisSettings(BaseSettings):
    model_config = Settings.model_config

    redis_url: RedisUrl = RedisDsn("redis://127.0.0.1:6379/0")
    redis_fail: Literal["open", "closed"] = "open"
    idempotency_ttl: Seconds = 86_400
    cache_ttl: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0


class Away(Exception):
    """Redis did not answer, or not in time."""


class Store:
    """Commands that come while others are on their way go together: a pipeline of a hundred takes
    little longer than one command, for us and for Redis."""

    def __init__(self, settings: RedisSettings) -> None:
        self._fails_open = settings.redis_fail == "open"
        # Without the password that may be in the URL.
        self._address = f"{settings.redis_url.host}:{settings.redis_url.port}"
        self._is_away, self._ask_again_at = False, 0.0
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None
        self.client = Redis.from_url(
            str(settings.redis_url),
            protocol=2,
            # A connection that was idle may be dead: a second one is tried at once.
            retry=Retry(NoBackoff(), 1),
        )

    async def ask(self, *command: Any) -> Any:
        """What Redis says, or `Away`."""
        # One asks for all: whoever comes meanwhile waits for what it hears.
        if self._is_away and self._sending is None and time.monotonic() < self._ask_again_at:
            raise Away
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sending is None:
            # It sends for all: its words in the log are about no request.
            self._sending = asyncio.create_task(self._send(), context=Context())
        return await answer

    async def run(self, script: str, key: str, *args: Any) -> Any:
        """What a script in Lua says about a key: nothing happens between its lines."""
        return await self.ask("EVAL", script, 1, PREFIX + key, *args)

    async def rely_on(self, script: str, key: str, *args: Any) -> Any:
        """The same for what callers are promised: with REDIS_FAIL=closed they are refused."""
        try:
            return await self.run(script, key, *args)
        except Away:
            if self._fails_open:
                raise
            raise shed("redis", "The server cannot reach what it shares with others.") from None

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    said = await self._execute([command for command, _ in batch])
                except Exception as error:  # Whatever it is, nobody must wait for ever.
                    batch, self._waiting = batch + self._waiting, []
                    said = [error] * len(batch)
                # A Redis that refuses (its password, a replica) is as good as none.
                self._note(next((each for each in said if isinstance(each, Exception)), None))
                for (_, answer), each in zip(batch, said, strict=True):
                    if answer.done():  # Who asked has left.
                        continue
                    if isinstance(each, Exception):
                        answer.set_exception(Away())
                    else:
                        answer.set_result(each)
        finally:
            self._sending = None

    async def _execute(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        pipeline = self.client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        executing = asyncio.create_task(pipeline.execute(raise_on_error=False))
        for _ in range(STEPS):
            await asyncio.wait([executing], timeout=PATIENCE / STEPS)
            if executing.done():
                return executing.result()
        executing.cancel()
        await asyncio.wait([executing], timeout=PATIENCE / STEPS)  # It drops its connection.
        raise TimeoutError

    def _note(self, error: Exception | None) -> None:
        if error and not self._is_away:
            meanwhile = "each process counts for itself" if self._fails_open else "requests get 503"
            logger.warning(
                "Redis does not answer at %s (%s): %s until it does",
                self._address,
                type(error).__name__,
                meanwhile,
            )
        if self._is_away and not error:
            logger.warning("Redis answers again")
        self._is_away, self._ask_again_at = error is not None, time.monotonic() + PAUSE
