"""The model's provider: the one module that speaks its protocol, `POST /chat/completions`.

There is no SDK in between: it makes objects of all there is in each event, where we need a field or
two. With it one core answered a seventh of the calls and a twenty-fifth of the streams.
"""

import asyncio
import logging
import math
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
import truststore

from app.problems import Problem
from app.record import current
from app.settings import Settings

logger = logging.getLogger(__name__)

MAX_RETRY_WAIT = 5.0  # Seconds; if the upstream's Retry-After is longer, the caller is told.
MAX_EVENT_BYTES = 1_048_576  # Of a line that has not ended, kept until it does.
LOOKS = 8  # In IDLE_TIMEOUT, whether the upstream is silent.
END_WAIT = 0.5  # Seconds that the upstream has to end a body after its [DONE].
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


class Usage(msgspec.Struct, gc=False):
    input_tokens: int = msgspec.field(name="prompt_tokens")
    output_tokens: int = msgspec.field(name="completion_tokens")


class Text(msgspec.Struct, gc=False):
    content: str | None = None


class Choice(msgspec.Struct, gc=False):
    message: Text | None = None
    delta: Text | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct, gc=False):
    """What we read of a completion or of a chunk of one; the rest is skipped, not built."""

    choices: list[Choice]
    model: str | None = None
    usage: Usage | None = None


decode, encode = msgspec.json.Decoder(Completion).decode, msgspec.json.Encoder().encode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Upstream:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = f"{str(settings.openai_base_url).rstrip('/')}/chat/completions"
        self.open = self._open  # What add-ons wrap.

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        settings, url = self._settings, self._settings.openai_base_url
        connect, idle = settings.connect_timeout, settings.idle_timeout
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
        tls = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            skip_auto_headers=["Accept-Encoding"],
            # MAX_CONCURRENCY is the limit of connections: a second one would only get in its way.
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(sock_connect=connect, sock_read=idle),
            proxy=None if proxy_bypass(url.host or "") else getproxies().get(url.scheme),
            raise_for_status=True,
        ) as self._session:
            yield

    async def complete(self, call: dict[str, Any]) -> bytes:
        """The whole answer as JSON, or a `Problem`."""
        async with self.open(call) as response:
            text = note(decode(await response.read()))
        if text is None:
            raise Problem("upstream-failed", "The provider's answer has no text.")
        return encode({"text": text, **current.get().end})

    async def stream(self, call: dict[str, Any]) -> AsyncGenerator[bytes]:
        """The events of an answer, as many at a time as have come, or a `Problem`."""
        record, rest, is_over = current.get(), b"", False
        async with self.open(call | STREAM) as response:
            if response.content_type != "text/event-stream":
                raise Problem("upstream-failed", "The provider's answer is no stream.")
            while not is_over:
                if len(rest) > MAX_EVENT_BYTES:
                    raise Problem("upstream-failed", "An event of the provider's is too long.")
                chunk = await response.content.readany()
                *lines, rest = (rest + chunk).split(b"\n")
                events: list[bytes] = []
                try:
                    is_over = read_events(lines, events) or not chunk
                finally:  # What came before something unreadable counts as well.
                    if events:
                        record.ttft_ms = record.ttft_ms or record.measure()
                        yield b"".join(events)
            # What was cut cleanly looks as if it had ended.
            if record.end["finish_reason"] is None:
                raise Problem("upstream-truncated", "The answer ended without a finish reason.")
            yield b"data: %b\n\n" % encode(record.end)

    @asynccontextmanager
    async def _open(self, call: dict[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body is still to be read. Failures become problems."""
        if self._settings.openai_api_key is None:
            raise Problem("upstream-misconfigured", "The server has no key for its provider.")
        try:
            async with await self._send(encode(call)) as response, AsyncExitStack() as held:
                held.callback(asyncio.create_task(self._end_silence(response)).cancel)
                yield response
                # Only a body read to its end leaves a connection that can be used again.
                with suppress(TimeoutError, aiohttp.ClientError):
                    async with asyncio.timeout(END_WAIT):
                        await response.content.wait_eof()
        except (aiohttp.ClientError, TimeoutError, *UNREADABLE) as error:
            status = getattr(error, "status", "none")
            logger.warning("upstream call failed: %s, status %s", type(error).__name__, status)
            raise judge(error)[0] from None

    async def _end_silence(self, response: aiohttp.ClientResponse) -> None:
        """Aiohttp would begin its timer anew with each piece, a fifth of what a piece costs: here one
        looks now and then. While our caller does not read, we do not either: that is no silence."""
        connection, content, looks, known = response.connection, response.content, 0, -1
        if connection is None or connection.protocol is None or connection.transport is None:
            return  # The body is here already.
        connection.protocol.read_timeout, transport = None, connection.transport
        while looks < LOOKS:
            await asyncio.sleep(self._settings.idle_timeout / LOOKS)
            is_silent = content.total_bytes == known and transport.is_reading()
            looks, known = looks + 1 if is_silent else 0, content.total_bytes
        content.set_exception(TimeoutError())

    async def _send(self, body: bytes, attempt: int = 0) -> aiohttp.ClientResponse:
        """Send until an answer starts; nothing has been read of it, so trying again is safe."""
        record = current.get()
        try:
            return await self._session.post(self._url, data=body, headers=record.passed_on)
        except aiohttp.ClientError as error:
            _, wait = judge(error, attempt)
            left = record.deadline - asyncio.get_running_loop().time()
            if attempt == self._settings.max_retries or not wait <= min(left, MAX_RETRY_WAIT):
                raise
        await asyncio.sleep(wait)
        return await self._send(body, attempt + 1)


def read_events(lines: list[bytes], events: list[bytes]) -> bool:
    """Add to our events what these lines of theirs say. Was it the last of them?"""
    for line in lines:
        if not line.startswith(b"data:"):
            continue  # A comment, or the blank line behind an event.
        data = line[5:].strip()
        if data == b"[DONE]":
            return True
        if text := note(decode(data)):
            events.append(b'data: {"text":%b}\n\n' % encode(text))
    return False


def note(completion: Completion) -> str | None:
    """Its text; whatever else it says becomes known of the request."""
    record, text = current.get(), None
    for choice in completion.choices:
        said = choice.delta or choice.message
        text = said.content if said else None
        if choice.finish_reason:
            record.end["finish_reason"] = choice.finish_reason
            record.end["model"] = completion.model or record.model
    if usage := completion.usage:
        record.input_tokens, record.output_tokens = usage.input_tokens, usage.output_tokens
        record.end["usage"] = msgspec.structs.asdict(usage)
    return text


def judge(error: Exception, attempt: int = 0) -> tuple[Problem, float]:
    """What a failure is to the caller, and in how many seconds to try again, if ever."""
    wait = 0.5 * 2**attempt * random.uniform(0.5, 1)
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
