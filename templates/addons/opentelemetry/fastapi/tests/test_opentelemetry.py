"""What a collector would hear of requests; here it is kept in memory."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from aiohttp import web
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.opentelemetry import OpenTelemetrySettings, watch
from app.settings import load_settings
from app.spans import Telemetry
from tests.conftest import MakeApp
from tests.upstream import Handler, answers, piece, says, streams

pytestmark = pytest.mark.anyio

HI = {"prompt": "a private matter"}
CALLER = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
Spans = dict[SpanKind, ReadableSpan]
Ask = Callable[..., Awaitable[Spans]]


@pytest.fixture(autouse=True)
def no_telemetry_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OpenTelemetrySettings.model_config, "env_file", None)
    for name in OpenTelemetrySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def ask(make_app: MakeApp, reader: InMemoryMetricReader) -> Ask:
    """`await ask(upstream, {…})`: the spans of one request, by their kind."""

    async def ask_once(upstream: Handler, body: dict[str, Any], captures: bool = False) -> Spans:
        app = await make_app(upstream)
        traces, kept = TracerProvider(), InMemorySpanExporter()
        traces.add_span_processor(SimpleSpanProcessor(kept))
        metrics, service = MeterProvider(metric_readers=[reader]), app.state.service
        watch(app, service, Telemetry(traces, metrics, service.settings, captures))
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.get("/healthz")
            await client.post("/generate", json=body, headers=CALLER)
        return {span.kind: span for span in kept.get_finished_spans()}

    return ask_once


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_and_its_call_are_spans_of_the_callers_trace(
    ask: Ask, stream: bool
) -> None:
    told: list[str] = []

    async def listen(request: web.Request) -> web.StreamResponse:
        told.append(request.headers["traceparent"])
        return await answers(request)

    spans = await ask(listen, HI | {"stream": stream})
    request, call = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]

    assert request.parent is not None
    assert request.parent.span_id == int("b" * 16, 16)
    assert request.name == "POST /generate"
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert call.parent == request.context
    assert call.name == "chat m"
    assert call.attributes is not None
    assert call.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert call.attributes["gen_ai.usage.output_tokens"] == 2
    assert call.context is not None
    assert told == [f"00-{'a' * 32}-{call.context.span_id:016x}-01"]
    assert "private" not in request.to_json() + call.to_json()


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [(says(500), "upstream-failed"), (streams(piece("Hel")), "upstream-truncated")],
)
async def test_a_failure_is_told_on_both(ask: Ask, upstream: Handler, problem: str) -> None:
    spans = await ask(upstream, HI | {"stream": True})

    for span in spans.values():
        assert span.status.status_code == StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] == problem


async def test_a_callers_mistake_is_no_failure(ask: Ask) -> None:
    spans = await ask(answers, {})

    assert list(spans) == [SpanKind.SERVER]
    assert spans[SpanKind.SERVER].status.status_code == StatusCode.UNSET


async def test_metrics_tell_of_time_and_tokens(ask: Ask, reader: InMemoryMetricReader) -> None:
    await ask(answers, HI | {"stream": True})
    data = json.loads(getattr(reader.get_metrics_data(), "to_json", str)())
    metrics = data["resource_metrics"][0]["scope_metrics"][0]["metrics"]

    points = {metric["name"]: metric["data"]["data_points"] for metric in metrics}
    assert {name: len(each) for name, each in points.items()} == {
        "gen_ai.client.operation.duration": 1,
        "gen_ai.client.operation.time_to_first_chunk": 1,
        "gen_ai.client.token.usage": 2,
    }
    assert [point["sum"] for point in points["gen_ai.client.token.usage"]] == [9, 2]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_said_is_told_if_you_want_it(ask: Ask, stream: bool) -> None:
    spans = await ask(answers, HI | {"stream": stream}, captures=True)
    attributes = spans[SpanKind.CLIENT].attributes or {}

    [asked] = json.loads(str(attributes["gen_ai.input.messages"]))
    [said] = json.loads(str(attributes["gen_ai.output.messages"]))
    assert asked["parts"] == [{"type": "text", "content": "a private matter"}]
    assert said["parts"] == [{"type": "text", "content": "Hello"}]
    assert said["finish_reason"] == "stop"


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "secret")

    with pytest.raises(SystemExit) as stopped:
        load_settings(OpenTelemetrySettings)

    assert "\n  OTEL_EXPORTER_OTLP_ENDPOINT: " in str(stopped.value)
    assert "\n  OTEL_EXPORTER_OTLP_HEADERS: " in str(stopped.value)
    assert "secret" not in str(stopped.value)
