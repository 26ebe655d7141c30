"""Sends traces and metrics to a collector, over OTLP/HTTP. Nothing waits for that."""

import asyncio
import logging
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic import BeforeValidator, Field
from pydantic.networks import HttpUrl
from pydantic_settings import BaseSettings, NoDecode
from starlette.types import Receive, Scope, Send

from app.gate import CUT_GRACE
from app.generate import Service
from app.settings import Settings, load_settings
from app.spans import Telemetry, TracedRecord, watched

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT = 2.0  # Seconds that a stop waits for the collector at most.


def parse_headers(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        raise ValueError("has to be name=value, separated by commas")
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}


Headers = Annotated[dict[str, str], NoDecode, BeforeValidator(parse_headers), Field(repr=False)]


class OpenTelemetrySettings(BaseSettings):
    model_config = Settings.model_config | {"validate_default": False}

    otel_exporter_otlp_endpoint: HttpUrl | None = None
    otel_exporter_otlp_headers: Headers = {}
    otel_service_name: str = "llm-api"
    otel_instrumentation_genai_capture_message_content: bool = False


class WarnOnce(logging.Handler):
    """The SDK says of each batch that it was not delivered, and quotes what it was told."""

    has_warned = False

    def emit(self, entry: logging.LogRecord) -> None:
        if not self.has_warned:
            self.has_warned = True
            logger.warning("traces and metrics do not all reach their collector: %s", entry.name)


def install_opentelemetry(
    app: FastAPI, service: Service, settings: OpenTelemetrySettings | None = None
) -> None:
    settings = settings or load_settings(OpenTelemetrySettings)
    if settings.otel_exporter_otlp_endpoint is None:
        return
    about = {
        "service.name": settings.otel_service_name,
        "service.instance.id": str(uuid.uuid4()),
    }
    resource = Resource.create(about)
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    metrics = MeterProvider(resource=resource, shutdown_on_exit=False)
    captures = settings.otel_instrumentation_genai_capture_message_content
    watch(app, service, Telemetry(traces, metrics, service.settings, captures))

    headers = settings.otel_exporter_otlp_headers
    url = str(settings.otel_exporter_otlp_endpoint).rstrip("/")
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def export_meanwhile(app: FastAPI) -> AsyncIterator[Any]:
        quiet = logging.getLogger("opentelemetry")
        quiet.handlers, quiet.propagate = [WarnOnce(logging.WARNING)], False
        spans = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces", headers=headers))
        numbers = PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{url}/v1/metrics", headers=headers)
        )
        traces.add_span_processor(spans)
        metrics.add_metric_reader(numbers)
        async with lifespan(app) as state:
            yield state
        left = min(service.gate.cut_at - asyncio.get_running_loop().time(), FLUSH_TIMEOUT)
        await send_rest(spans, numbers, max(left, CUT_GRACE))

    app.router.lifespan_context = export_meanwhile


def watch(app: FastAPI, service: Service, telemetry: Telemetry) -> None:
    service.record = TracedRecord
    service.upstream.open = telemetry.around(service.upstream.open)
    stack = app.middleware_stack or app.build_middleware_stack()

    async def watch_request(scope: Scope, receive: Receive, send: Send) -> None:
        watched.set((telemetry, scope))
        await stack(scope, receive, send)

    app.middleware_stack = watch_request


async def send_rest(
    spans: BatchSpanProcessor, numbers: PeriodicExportingMetricReader, seconds: float
) -> None:
    """In threads that the end of the process need not wait for."""
    loop, sent = asyncio.get_running_loop(), asyncio.Semaphore(0)

    def send(part: BatchSpanProcessor | PeriodicExportingMetricReader) -> None:
        part.shutdown()
        with suppress(RuntimeError):  # The loop may be closed by now.
            loop.call_soon_threadsafe(sent.release)

    for part in (spans, numbers):
        threading.Thread(target=send, args=[part], daemon=True).start()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await sent.acquire()
            await sent.acquire()
