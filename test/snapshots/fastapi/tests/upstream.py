"""What an OpenAI-compatible upstream says."""

import json
from typing import Any

import httpx2

USAGE = {"prompt_tokens": 9, "completion_tokens": 2}


def completion(text: str | None = "Hello") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    return {"model": "m-1", "choices": [choice], "usage": USAGE}


def piece(text: str) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}}]}


FINISH = {"model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
LAST = {"model": "m-1", "choices": [], "usage": USAGE}


def frame(event: dict[str, Any] | str) -> bytes:
    data = event if isinstance(event, str) else json.dumps(event)
    return f"data: {data}\n\n".encode()


def stream(*events: dict[str, Any] | str) -> httpx2.Response:
    content = b"".join(map(frame, events))
    return httpx2.Response(200, content=content, headers={"Content-Type": "text/event-stream"})


def answers(request: httpx2.Request) -> httpx2.Response:
    """An upstream that is well."""
    if json.loads(request.content).get("stream"):
        return stream(piece("Hel"), piece("lo"), FINISH, LAST, "[DONE]")
    return httpx2.Response(200, json=completion())
