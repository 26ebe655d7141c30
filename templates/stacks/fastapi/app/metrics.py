"""What /metrics tells. Names and buckets are those of OpenTelemetry's conventions for GenAI:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.record import Record

logger = logging.getLogger(__name__)

DURATION = [0.01 * 2**power for power in range(14)]
FIRST_TOKEN = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
TOKENS = [4**power for power in range(14)]


class Metrics:
    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def histogram(name: str, text: str, buckets: list[float], *labels: str) -> Histogram:
            names = ["gen_ai_request_model", "gen_ai_operation_name", *labels]
            return Histogram(name, text, names, buckets=buckets, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, registry=registry, multiprocess_mode="livesum")

        self._duration = histogram(
            "gen_ai_server_request_duration_seconds", "Time to the answer's end.", DURATION
        )
        self._first_token = histogram(
            "gen_ai_server_time_to_first_token_seconds", "Of streams.", FIRST_TOKEN
        )
        self._tokens = histogram(
            "gen_ai_client_token_usage", "As billed.", TOKENS, "gen_ai_token_type"
        )
        labels = ["method", "route", "status"]
        self._requests = Counter("llm_api_requests", "All.", labels, registry=registry)
        self._shed = Counter("llm_api_shed", "Refused to stay well.", ["reason"], registry=registry)
        self.in_flight = gauge("llm_api_in_flight", "Calls of the provider under way.")
        self.queued = gauge("llm_api_queued", "Requests that wait for one.")
        for reason in ("overloaded", "rate-limited", "draining", "queue-timeout"):
            self._shed.labels(reason)

    def shed(self, reason: str) -> None:
        self._shed.labels(reason).inc()

    @contextmanager
    def follow(self, record: Record) -> Iterator[None]:
        """Log and count a request at its end. A WebSocket's handshake is one if it was refused."""
        try:
            yield
        finally:
            if record.status is not None:
                logger.info("request", extra={"fields": record.fields()})
                self._observe(record)

    def _observe(self, record: Record) -> None:
        self._requests.labels(record.method, record.route or "unknown", record.status).inc()
        if record.model is None:
            return
        labels = (record.model, "chat")
        self._duration.labels(*labels).observe(record.elapsed)
        if record.to_first_token is not None:
            self._first_token.labels(*labels).observe(record.to_first_token)
        if record.usage is not None:
            self._tokens.labels(*labels, "input").observe(record.usage.input_tokens)
            self._tokens.labels(*labels, "output").observe(record.usage.output_tokens)

    def render(self) -> bytes:
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # The sum of all workers: see app/server.py.
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
