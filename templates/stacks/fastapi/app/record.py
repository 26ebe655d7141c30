"""What becomes known of a request on its way: for its line in the log, and for the metrics."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field


class Usage(BaseModel):
    input_tokens: int = Field(validation_alias="prompt_tokens")
    output_tokens: int = Field(validation_alias="completion_tokens")


@dataclass
class Record:
    id: str
    method: str
    route: str | None = None
    key_id: str | None = None
    status: int | None = None
    outcome: str = "ok"
    model: str | None = None
    usage: Usage | None = None
    to_first_token: float | None = None
    started: float = field(default_factory=time.perf_counter)
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer carries, whatever it is."""

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    def note_token(self) -> None:
        if self.to_first_token is None:
            self.to_first_token = self.elapsed

    def leave(self) -> None:
        """The client left. 499 is never sent: it is how logs say so."""
        self.status, self.outcome = 499, "client_closed"

    def fields(self) -> dict[str, Any]:
        """Its line in the log: never what a caller or the upstream said."""
        first = self.to_first_token
        return {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "duration_ms": round(self.elapsed * 1000, 1),
            "ttft_ms": None if first is None else round(first * 1000, 1),
            "input_tokens": self.usage and self.usage.input_tokens,
            "output_tokens": self.usage and self.usage.output_tokens,
            "key_id": self.key_id,
        }


current: ContextVar[Record] = ContextVar("current")
