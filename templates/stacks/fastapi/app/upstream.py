"""The model's provider: the one module that speaks its protocol, `POST /chat/completions`.

There is no SDK in between: it builds objects of all there is in each event, where we need a field
or two, and most of what a call and a token cost would be its.
"""

import asyncio
import itertools
import logging
import math
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
import truststore

from app.problems import Problem
from app.record import current
from app.settings import Settings

logger = logging.getLogger(__name__)

MAX_RETRY_WAIT = 5.0
"""Seconds a request may sleep because the upstream said Retry-After; beyond, the caller is told."""
END_WAIT = 0.5
"""Seconds that the upstream has to end a body after its [DONE]."""
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


class Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class Text(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    message: Text | None = None
    delta: Text | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """What we read of a completion or of a chunk of one; the rest is skipped, not built."""

    choices: list[Choice]
    model: str | None = None
    usage: Usage | None = None


decode = msgspec.json.Decoder(Completion).decode
encode = msgspec.json.Encoder().encode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Upstream:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = f"{str(settings.openai_base_url).rstrip('/')}/chat/completions"
        self._session: aiohttp.ClientSession

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        settings, url = self._settings, self._settings.openai_base_url
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
        tls = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            skip_auto_headers=["Accept-Encoding"],
            # MAX_CONCURRENCY is the limit of connections: a second one would only get in its way.
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                sock_connect=settings.connect_timeout, sock_read=settings.idle_timeout
            ),
            proxy=None if proxy_bypass(url.host or "") else getproxies().get(url.scheme),
            raise_for_status=True,
        ) as self._session:
            yield

    async def complete(self, call: dict[str, Any], lifetime: asyncio.Timeout) -> bytes:
        """The whole answer as JSON, or a `Problem`."""
        async with self._open(call, lifetime) as response:
            completion = decode(await response.read())
        message = completion.choices[0].message if completion.choices else None
        if message is None or message.content is None:
            raise Problem("upstream-failed", "The provider's answer has no text.")
        transcript = Transcript(call["model"])
        transcript.note(completion)
        return encode({"text": message.content} | transcript.conclude())

    async def stream(
        self, call: dict[str, Any], lifetime: asyncio.Timeout
    ) -> AsyncGenerator[list[bytes]]:
        """The objects of a stream as JSON, as many at a time as have come, or a `Problem`."""
        record, transcript = current.get(), Transcript(call["model"])
        async with self._open(call | STREAMED, lifetime) as response:
            if response.content_type != "text/event-stream":
                raise Problem("upstream-failed", "The provider's answer is no stream.")
            while not transcript.is_over:
                if events := transcript.read(await response.content.readany()):
                    record.ttft_ms = record.ttft_ms or record.measure()
                    yield events
                if transcript.failure:
                    raise transcript.failure
            # Only a body read to its end leaves a connection that can be used again.
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(END_WAIT):
                    await response.content.wait_eof()

    @asynccontextmanager
    async def _open(
        self, call: dict[str, Any], lifetime: asyncio.Timeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body is still to be read. Failures become problems."""
        if self._settings.openai_api_key is None:
            raise Problem("upstream-misconfigured", "The server has no key for its provider.")
        try:
            async with await self._send(encode(call), lifetime) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError, *UNREADABLE) as error:
            status = getattr(error, "status", "none")
            logger.warning("upstream call failed: %s, status %s", type(error).__name__, status)
            raise judge(error)[0] from None

    async def _send(self, body: bytes, lifetime: asyncio.Timeout) -> aiohttp.ClientResponse:
        """Send until an answer starts; nothing has been read of it, so trying again is safe."""
        headers = {"X-Request-Id": current.get().request_id}
        for attempt in itertools.count():
            try:
                return await self._session.post(self._url, data=body, headers=headers)
            except aiohttp.ClientError as error:
                _, wait = judge(error, attempt)
                left = (lifetime.when() or 0) - asyncio.get_running_loop().time()
                if attempt == self._settings.max_retries or not wait <= min(left, MAX_RETRY_WAIT):
                    raise
            await asyncio.sleep(wait)
        raise AssertionError


class Transcript:
    """What has been said so far."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._finish_reason: str | None = None
        self._rest = b""
        self.is_over = False
        self.failure: Exception | None = None

    def read(self, chunk: bytes) -> list[bytes]:
        """The events that are complete now, as our JSON. An empty chunk is the end of the body."""
        events: list[bytes] = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self.is_over = not chunk
        try:
            for line in lines:
                if line.startswith(b"data:"):  # Neither a comment nor the end of an event.
                    self._read_data(line[5:].strip(), events)
            if self.is_over and self._finish_reason is None:
                # A stream that was cut cleanly looks like one that ended.
                raise Problem("upstream-truncated", "The answer ended without a finish reason.")
            if self.is_over:
                events.append(encode(self.conclude()))
        except (Problem, *UNREADABLE) as error:
            self.failure = error
        return events

    def _read_data(self, data: bytes, events: list[bytes]) -> None:
        if data == b"[DONE]":
            self.is_over = True
            return
        completion = decode(data)
        self.note(completion)
        for choice in completion.choices:
            if choice.delta and choice.delta.content:
                events.append(b'{"text":%b}' % encode(choice.delta.content))

    def note(self, completion: Completion) -> None:
        self._model = completion.model or self._model
        for choice in completion.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
        if completion.usage:
            record = current.get()
            record.input_tokens = completion.usage.prompt_tokens
            record.output_tokens = completion.usage.completion_tokens

    def conclude(self) -> dict[str, Any]:
        record = current.get()
        tokens = {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens}
        usage = None if record.input_tokens is None else tokens
        return {"finish_reason": self._finish_reason, "model": self._model, "usage": usage}


def judge(error: Exception, attempt: int = 0) -> tuple[Problem, float]:
    """What a failure is to the caller, and in how many seconds to try again, if ever."""
    wait = 0.5 * 2**attempt * random.uniform(0.75, 1)
    match error:
        case TimeoutError():  # The model may still be at work on it: not twice.
            return Problem("upstream-timeout", "The provider was silent for too long."), math.inf
        case aiohttp.ClientResponseError(status=status, headers=headers):
            told = headers.get("Retry-After") if headers else None
            with suppress(TypeError, ValueError):
                wait = float(told)  # type: ignore[arg-type]
            if status == 429:
                passed_on = {"Retry-After": told} if told else None
                return Problem("upstream-rate-limited", "Try again later.", passed_on), wait
            detail = f"The provider answered {status}."
            if status >= 500 or status in (408, 409):
                return Problem("upstream-failed", detail), wait
            return Problem("upstream-misconfigured", detail), math.inf
        case aiohttp.ClientError():
            return Problem("upstream-failed", "The connection to the provider failed."), wait
        case _:
            return Problem("upstream-failed", "The provider's answer is unreadable."), math.inf
