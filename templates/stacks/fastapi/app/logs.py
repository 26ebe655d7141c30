"""Logs as one JSON object a line, which never quote what a caller or the upstream said."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from app.record import current


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
        }
        if request := current.get(None):
            line["request_id"] = request.id
        line.update(getattr(record, "fields", {}))
        if record.exc_info and (error := record.exc_info[1]):
            # Where it happened, but not the exception's message: that may quote a prompt.
            line["error"] = type(error).__name__
            line["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        return json.dumps(line, ensure_ascii=False)


def logging_config(level: str) -> dict[str, Any]:
    """The `logging.config.dictConfig` of the server. Uvicorn's access log is off: we write it."""
    # Below "warning" these would log prompts and answers, and a line for each WebSocket.
    quiet = ("openai", "httpx2", "httpcore2", "uvicorn.error")
    stdout = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stdout": stdout},
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        "loggers": {name: {"level": "WARNING"} for name in quiet},
    }
