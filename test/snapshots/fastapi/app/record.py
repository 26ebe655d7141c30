"""What becomes known of a request on its way: its line in the log and its part of the metrics. These
are OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/"""

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge, Histogram

logger = logging.getLogger(__name__)

CHAT = ["gen_ai_request_model", "gen_ai_operation_name"]
SECONDS, COUNTS = [0.01 * 2**power for power in range(14)], [4**power for power in range(14)]
FIRST = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
DURATION = Histogram("gen_ai_server_request_duration_seconds", "Whole.", CHAT, buckets=SECONDS)
FIRST_TOKEN = Histogram("gen_ai_server_time_to_first_token_seconds", "-", CHAT, buckets=FIRST)
TOKENS = Histogram("gen_ai_client_token_usage", "-", [*CHAT, "gen_ai_token_type"], buckets=COUNTS)
REQUESTS = Counter("llm_api_requests", "All.", ["method", "route", "status"])
SHED = Counter("llm_api_shed", "Refused to stay well.", ["reason"])
IN_FLIGHT = Gauge("llm_api_in_flight", "Calls upstream.", multiprocess_mode="livesum")
QUEUED = Gauge("llm_api_queued", "Requests that wait.", multiprocess_mode="livesum")


class Record(msgspec.Struct, dict=True, kw_only=True):
    """A request's line in the log, which never quotes what a caller or the upstream said."""

    time: datetime | None = None
    level: str = "info"
    message: str = "request"
    request_id: str
    method: str
    route: str | None = None
    status: int | None = None
    outcome: str = "ok"
    key_id: str | None = None
    model: str | None = None
    duration_ms: float = 0
    ttft_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def __post_init__(self) -> None:
        # The last words of an answer, as the upstream says them.
        self.end: dict[str, Any] = {"finish_reason": None, "model": None, "usage": None}
        self.started, self.deadline = time.perf_counter(), 0.0  # The latter of the loop's clock.
        self.headers: list[tuple[bytes, bytes]] = []  # Of the answer, whatever it is.
        self.passed_on = {"X-Request-Id": self.request_id}  # Headers of the call upstream.

    def measure(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Log and count it at its end. A WebSocket's handshake is one only if it was refused."""
        token = current.set(self)
        try:
            yield
        finally:
            current.reset(token)
            if self.status is not None:
                self._finish()

    def _finish(self) -> None:
        self.time, self.duration_ms = datetime.now(UTC), self.measure()
        if logger.isEnabledFor(logging.INFO):
            write_line(self)
        REQUESTS.labels(self.method, self.route or "unknown", self.status).inc()
        if self.model:
            DURATION.labels(self.model, "chat").observe(self.duration_ms / 1000)
            if self.ttft_ms is not None:
                FIRST_TOKEN.labels(self.model, "chat").observe(self.ttft_ms / 1000)
            if self.input_tokens is not None:
                TOKENS.labels(self.model, "chat", "input").observe(self.input_tokens)
                TOKENS.labels(self.model, "chat", "output").observe(self.output_tokens or 0)


current: ContextVar[Record] = ContextVar("current")


def write_line(line: object) -> None:
    with suppress(OSError):  # Whoever read the log may have left: no reason to fail a request.
        print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201


class JsonHandler(logging.Handler):
    """For what is no request's line."""

    def emit(self, entry: logging.LogRecord) -> None:
        line = {"time": datetime.now(UTC), "level": entry.levelname.lower()}
        line |= {"message": entry.getMessage().strip()}
        if record := current.get(None):
            line |= {"request_id": record.request_id}
        if entry.exc_info and (error := entry.exc_info[1]):
            # Where it happened, but not the exception's message: that may quote a prompt.
            places = traceback.extract_tb(error.__traceback__)
            trace = [f"{place.filename}:{place.lineno} {place.name}" for place in places]
            line |= {"error": type(error).__name__, "trace": trace}
        write_line(line)


def configure_logging(level: str) -> None:
    logging.basicConfig(level=level.upper(), handlers=[JsonHandler()], force=True)
