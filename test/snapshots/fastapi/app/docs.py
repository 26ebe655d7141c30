"""What FastAPI cannot know of the OpenAPI document: our errors, our headers, our stream."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.problems import KINDS, ErrorEvent, ProblemBody
from app.settings import Settings
from app.upstream import FinalEvent, TextEvent

HEADERS = {
    "X-Request-Id": "The caller's own id of this request, or one we made. It is in our log.",
    "Retry-After": "When to try again: seconds, or what the provider said.",
    "RateLimit-Policy": "How many requests (q) a caller has in how many seconds (w).",
    "RateLimit": "How many are left (r), and in how many seconds there are more (t).",
    "WWW-Authenticate": "Bearer",
}
ANSWER = {
    "text": "Hello",
    "finish_reason": "stop",
    "model": "…",
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
STREAM = """\
data: {"text":"Hel"}

data: {"text":"lo"}

data: {"finish_reason":"stop","model":"…","usage":{"input_tokens":9,"output_tokens":2}}

data: [DONE]

"""
STREAM_DESCRIPTION = """\
Each event's data is a TextEvent, the FinalEvent or, after a failure, an ErrorEvent. A stream that \
succeeded ends with [DONE]; a comment comes after each 15 s of silence."""
NOT_FROM_GENERATE = {"not-found", "method-not-allowed"}


def describe(app: FastAPI, settings: Settings, request_model: type[BaseModel]) -> None:
    """Complete the document that the app serves at /openapi.json."""
    document = app.openapi()
    outputs = (ProblemBody, TextEvent, FinalEvent, ErrorEvent)
    refs, defs = models_json_schema(
        [(request_model, "validation"), *((model, "serialization") for model in outputs)],
        ref_template="#/components/schemas/{model}",
    )
    document["components"]["schemas"].update(defs["$defs"])
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}

    operation = document["paths"]["/generate"]["post"]
    operation["security"] = [{"key": []}] if settings.api_keys else [{"key": []}, {}]
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": refs[request_model, "validation"],
                "examples": {
                    "plain": {"value": {"prompt": "Say hello"}},
                    "streamed": {"value": {"prompt": "Say hello", "stream": True}},
                },
            }
        },
    }
    responses = operation["responses"]
    responses["200"]["description"] = "The answer, or with `stream` its pieces."
    responses["200"]["content"]["application/json"]["example"] = ANSWER
    responses["200"]["content"]["text/event-stream"] = {
        "schema": {"type": "string", "description": STREAM_DESCRIPTION},
        "example": STREAM,
    }
    problem = refs[ProblemBody, "serialization"]
    for slug in KINDS.keys() - NOT_FROM_GENERATE:
        add_problem(responses, slug, problem)
    for response in responses.values():
        add_headers(response, "RateLimit-Policy", "RateLimit")
    add_problem(document["paths"]["/readyz"]["get"]["responses"], "draining", problem)
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                add_headers(response, "X-Request-Id")


def add_problem(responses: dict[str, Any], slug: str, schema: dict[str, Any]) -> None:
    """Two problems may share a status."""
    status, title = KINDS[slug]
    content = {"application/problem+json": {"schema": schema}}
    response = responses.setdefault(str(status), {"description": "", "content": content})
    response["description"] += f"\n- `/problems/{slug}`: {title}."
    if status in (429, 503):
        add_headers(response, "Retry-After")
    if status == 401:
        add_headers(response, "WWW-Authenticate")


def add_headers(response: dict[str, Any], *names: str) -> None:
    for name in names:
        header = {"description": HEADERS[name], "schema": {"type": "string"}}
        response.setdefault("headers", {})[name] = header
