"""What OpenTelemetry hears of a request: a span, one below it for its call of the provider, and the
metrics of that. Names, attributes and buckets are of its conventions for generative AI:
https://opentelemetry.io/docs/specs/semconv/gen-ai/

FastAPI has telemetry of its own, but cannot know how an answer ended that began with 200, nor that
each message of a WebSocket is a request."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, MeterProvider
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.datastructures import Headers
from starlette.types import Scope

from app.contents import Heard, render_answer, render_messages
from app.record import COUNTS, FIRST, SECONDS, Record, current
from app.settings import Settings

NAME = "llm-api"
QUIET = {"/healthz", "/readyz", "/metrics"}  # Asked by machines, every few seconds.

Attributes = dict[str, AttributeValue]
Open = Callable[[dict[str, Any]], AbstractAsyncContextManager[aiohttp.ClientResponse]]

propagator = TraceContextTextMapPropagator()
watched: ContextVar["tuple[Telemetry, Scope]"] = ContextVar("watched")


@dataclass
class Call:
    """Of the provider. Why it failed is known only once the request has ended."""

    span: Span
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0
    ended_at: int = 0  # Nanoseconds since 1970.
    is_whole: bool = False
    heard: Heard | None = None


class TracedRecord(Record, kw_only=True):
    """Has a span from its beginning to its end."""

    trace_id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.telemetry, self.scope = watched.get()
        self.calls: list[Call] = []
        parent = propagator.extract(Headers(scope=self.scope), Context())
        self.span = self.telemetry.tracer.start_span(self.method, parent, SpanKind.SERVER)
        self.trace_id = format_trace_id(self.span.get_span_context().trace_id)

    def _finish(self) -> None:
        self.telemetry.end(self)
        super()._finish()


class Telemetry:
    def __init__(
        self, traces: TracerProvider, metrics: MeterProvider, settings: Settings, captures: bool
    ) -> None:
        self.tracer, self._meter = traces.get_tracer(NAME), metrics.get_meter(NAME)
        self._duration = self._measure("gen_ai.client.operation.duration", "s", SECONDS)
        self._first = self._measure("gen_ai.client.operation.time_to_first_chunk", "s", FIRST)
        self._tokens = self._measure("gen_ai.client.token.usage", "{token}", COUNTS)
        self._captures = captures
        url = settings.openai_base_url
        self._provider: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "server.address": url.host or "",
            "server.port": url.port or 0,
        }

    def _measure(self, name: str, unit: str, bounds: Sequence[float]) -> Histogram:
        return self._meter.create_histogram(
            name, unit, explicit_bucket_boundaries_advisory=list(bounds)
        )

    def around(self, open_call: Open) -> Any:
        @asynccontextmanager
        async def open_traced(call: dict[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
            record = current.get()
            assert isinstance(record, TracedRecord)  # noqa: S101
            max_tokens = call.get("max_completion_tokens") or call.get("max_tokens")
            about = self._describe(record) | {"gen_ai.request.max_tokens": max_tokens}
            if self._captures:
                about["gen_ai.input.messages"] = render_messages(call["messages"])
            above, name = set_span_in_context(record.span), f"chat {record.model}"
            span = self.tracer.start_span(name, above, SpanKind.CLIENT, about)
            propagator.inject(record.passed_on, set_span_in_context(span))
            mine = Call(span)
            record.calls.append(mine)
            try:
                async with open_call(call) as response:
                    mine.heard = Heard(response) if self._captures else None
                    yield mine.heard or response  # type: ignore[misc]
                mine.is_whole = True
            finally:
                mine.seconds = time.perf_counter() - mine.started
                mine.ended_at = time.time_ns()

        return open_traced

    def _describe(self, record: Record) -> Attributes:
        return self._provider | {"gen_ai.request.model": record.model or ""}

    def end(self, record: TracedRecord) -> None:
        failure = None if record.outcome == "ok" else record.outcome
        for call in record.calls:
            self._end_call(call, record, None if call.is_whole else failure)
        if record.route in QUIET:
            return  # A span that does not end is never sent.
        status = record.status or 0
        about: Attributes = {
            "http.request.method": record.method,
            "url.path": record.scope["path"],
            "url.scheme": record.scope["scheme"],
        }
        if record.route:
            about["http.route"] = record.route
        if status != 499:  # Which says that nobody was there to be answered.
            about["http.response.status_code"] = status
        record.span.update_name(f"{record.method} {record.route or ''}".rstrip())
        # A mistake of the caller's is none of ours.
        end(record.span, about, None if 400 <= status < 499 else failure)

    def _end_call(self, call: Call, record: TracedRecord, failure: str | None) -> None:
        known, about = self._describe(record), Attributes()
        reason, tokens = record.end["finish_reason"], [record.input_tokens, record.output_tokens]
        if reason:
            known["gen_ai.response.model"] = about["gen_ai.response.model"] = record.end["model"]
            about["gen_ai.response.finish_reasons"] = [reason]
        if call.heard:
            answer = render_answer(b"".join(call.heard.chunks), reason)
            about["gen_ai.output.messages"] = answer
        for kind, count in zip(("input", "output"), tokens, strict=True):
            if count is not None:
                about[f"gen_ai.usage.{kind}_tokens"] = count
                self._tokens.record(count, known | {"gen_ai.token.type": kind})
        if record.ttft_ms is not None:
            before = call.started - record.started
            self._first.record(max(0, record.ttft_ms / 1000 - before), known)
        self._duration.record(call.seconds, known | ({"error.type": failure} if failure else {}))
        end(call.span, about, failure, call.ended_at)


def end(span: Span, about: Attributes, failure: str | None, at: int | None = None) -> None:
    span.set_attributes(about)
    if failure:
        span.set_attribute("error.type", failure)
        span.set_status(StatusCode.ERROR)
    span.end(at)
