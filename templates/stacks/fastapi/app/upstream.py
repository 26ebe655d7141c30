"""The model's provider: the one module that knows the OpenAI SDK."""

import asyncio
import contextlib
import itertools
import logging
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import openai
from pydantic import BaseModel, ValidationError

from app.problems import Problem
from app.record import Usage, current
from app.settings import Settings

logger = logging.getLogger(__name__)

MAX_RETRY_WAIT = 5.0
"""Seconds a request may sleep because the upstream said Retry-After; beyond, the caller is told."""

END_WAIT = 0.5
"""Seconds that the upstream has to end a body after its [DONE]."""


class TextEvent(BaseModel):
    """The next piece of the answer."""

    text: str


class FinalEvent(BaseModel):
    """The last object of a stream: the answer is complete."""

    finish_reason: str | None
    model: str
    usage: Usage | None


class Answer(FinalEvent, TextEvent):
    """The whole answer."""


class _Text(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Text | None = None
    delta: _Text | None = None
    finish_reason: str | None = None


class _Completion(BaseModel):
    """What we read of a completion or of a chunk of one. The SDK's own model holds all there is;
    building that for each chunk would be most of what a stream costs."""

    model: str | None = None
    choices: list[_Choice]
    usage: Usage | None = None


class Upstream:
    """Calls chat completions. `deadline` is a time of the running loop's clock."""

    def __init__(self, settings: Settings, http_client: httpx2.AsyncClient | None = None) -> None:
        key = settings.openai_api_key
        self._has_key = key is not None
        self._max_retries = settings.max_retries
        connect = settings.connect_timeout
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else "none",
            base_url=settings.openai_base_url,
            max_retries=0,  # The SDK would sleep a Retry-After of up to two minutes.
            timeout=httpx2.Timeout(settings.idle_timeout, connect=connect, pool=connect),
            # MAX_CONCURRENCY is the limit of connections: a second one would only get in its way.
            http_client=http_client
            or openai.DefaultAsyncHttpxClient(limits=httpx2.Limits(max_keepalive_connections=100)),
        )
        # The SDK imports most of itself at the first use of this: not while a caller waits.
        self._create = self._client.chat.completions.with_streaming_response.create

    async def complete(self, call: dict[str, Any], deadline: float) -> Answer:
        """The whole answer, or a `Problem`."""
        async with self._open(call, deadline) as response:
            completion = _Completion.model_validate_json(await response.aread())
        choice = completion.choices[0] if completion.choices else _Choice()
        if choice.message is None or choice.message.content is None:
            raise Problem("upstream-failed", "The provider's answer has no text.")
        current.get().usage = completion.usage
        return Answer(
            text=choice.message.content,
            finish_reason=choice.finish_reason,
            model=completion.model or call["model"],
            usage=completion.usage,
        )

    async def stream(
        self, call: dict[str, Any], deadline: float
    ) -> AsyncGenerator[TextEvent | FinalEvent]:
        """The answer's pieces, then one `FinalEvent`, or a `Problem` at any point."""
        record = current.get()
        finish_reason: str | None = None
        model: str = call["model"]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        async with self._open(call | options, deadline) as response:
            events = aiter(httpx2.EventSource(response))
            async for event in events:
                if event.data == "[DONE]":
                    # Only a body read to its end leaves a connection that can be used again.
                    with contextlib.suppress(TimeoutError, httpx2.RequestError):
                        async with asyncio.timeout(END_WAIT):
                            await anext(events, None)
                    break
                chunk = _Completion.model_validate_json(event.data)
                model = chunk.model or model
                record.usage = chunk.usage or record.usage
                for choice in chunk.choices:
                    if choice.delta and choice.delta.content:
                        record.note_token()
                        yield TextEvent(text=choice.delta.content)
                    finish_reason = choice.finish_reason or finish_reason
        if finish_reason is None:
            # A stream that was cut cleanly looks like one that ended.
            raise Problem("upstream-truncated", "The answer ended without a finish reason.")
        yield FinalEvent(finish_reason=finish_reason, model=model, usage=record.usage)

    async def close(self) -> None:
        await self._client.close()

    @asynccontextmanager
    async def _open(self, call: dict[str, Any], deadline: float) -> AsyncIterator[httpx2.Response]:
        """A successful response whose body is still to be read. Failures become problems."""
        if not self._has_key:
            raise Problem("upstream-misconfigured", "The server has no key for its provider.")
        try:
            async with AsyncExitStack() as stack:
                yield await self._send(stack, call, deadline)
        except (openai.OpenAIError, httpx2.RequestError, ValidationError) as error:
            status = getattr(error, "status_code", None)
            fields = {"error": type(error).__name__, "upstream_status": status}
            logger.warning("upstream call failed", extra={"fields": fields})
            raise to_problem(error) from None

    async def _send(
        self, stack: AsyncExitStack, call: dict[str, Any], deadline: float
    ) -> httpx2.Response:
        """Send until an answer starts; nothing has been read of it, so trying again is safe."""
        headers = {"X-Request-Id": current.get().id}
        for attempt in itertools.count():
            try:
                response = await stack.enter_async_context(
                    self._create(**call, extra_headers=headers)
                )
                break
            except openai.APIError as error:
                wait = retry_wait(error, attempt)
                left = deadline - asyncio.get_running_loop().time()
                if attempt == self._max_retries or not wait <= min(left, MAX_RETRY_WAIT):
                    raise
                await asyncio.sleep(wait)
        raw: httpx2.Response = response.http_response
        return raw


def retry_wait(error: openai.APIError, attempt: int) -> float:
    """Seconds until trying again makes sense: for ever where it makes none."""
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in (408, 409, 429) and error.status_code < 500:
            return math.inf
        with contextlib.suppress(KeyError, ValueError):
            return float(error.response.headers["retry-after"])
    # A timeout has used its time, and the model may still be at work on it: not twice.
    elif isinstance(error, openai.APITimeoutError):
        return math.inf
    backoff: float = 0.5 * 2**attempt * random.uniform(0.75, 1)
    return backoff


def to_problem(error: Exception) -> Problem:
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return Problem("upstream-timeout", "The provider was silent for too long.")
        case openai.RateLimitError():
            wait = error.response.headers.get("retry-after")
            headers = {"Retry-After": wait} if wait else None
            return Problem("upstream-rate-limited", "Try again later.", headers=headers)
        case openai.APIStatusError(status_code=status):
            refused = status < 500 and status not in (408, 409)
            slug = "upstream-misconfigured" if refused else "upstream-failed"
            return Problem(slug, f"The provider answered {status}.")
        case openai.APIConnectionError() | httpx2.RequestError():
            return Problem("upstream-failed", "The connection to the provider failed.")
        case _:
            return Problem("upstream-failed", "The provider's answer cannot be read.")
