"""What FastAPI cannot know of the OpenAPI document: our errors, our headers, our stream."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.problems import KINDS, ProblemBody
from app.streaming import ErrorEvent
from app.upstream import FinalEvent, TextEvent

REQUEST_ID = {
    "description": "The caller's own id of this request, or one we made. It is in our log.",
    "schema": {"type": "string"},
}
RETRY_AFTER = {
    "description": "When to try again, as the provider said it.",
    "schema": {"type": "string"},
}
STREAM = """\
data: {"text":"Hel"}

data: {"text":"lo"}

data: {"finish_reason":"stop","model":"…","usage":{"input_tokens":9,"output_tokens":2}}

data: [DONE]

"""
NOT_FROM_GENERATE = {"not-found", "method-not-allowed"}


def describe(app: FastAPI, request_model: type[BaseModel]) -> None:
    """Complete the document that the app serves at /openapi.json."""
    document = app.openapi()
    refs, defs = models_json_schema(
        [
            (request_model, "validation"),
            (ProblemBody, "serialization"),
            (TextEvent, "serialization"),
            (FinalEvent, "serialization"),
            (ErrorEvent, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    document["components"]["schemas"].update(defs["$defs"])

    operation = document["paths"]["/generate"]["post"]
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": refs[request_model, "validation"]}},
    }
    operation["responses"]["200"]["description"] = "The answer, or with `stream` its pieces."
    operation["responses"]["200"]["content"]["text/event-stream"] = {
        "schema": {
            "type": "string",
            "description": "Each event's data is a TextEvent, the FinalEvent or, after a failure, "
            "an ErrorEvent. A stream that succeeded ends with [DONE]; a comment comes after "
            "each 15 s of silence.",
        },
        "example": STREAM,
    }
    operation["responses"] |= describe_problems(refs[ProblemBody, "serialization"])
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-Id"] = REQUEST_ID


def describe_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """One response for each status; two problems may share one."""
    responses: dict[str, Any] = {}
    for slug, (status, title) in KINDS.items():
        if slug in NOT_FROM_GENERATE:
            continue
        content = {"application/problem+json": {"schema": schema}}
        response = responses.setdefault(str(status), {"description": "", "content": content})
        response["description"] += f"\n- `/problems/{slug}`: {title}."
        if status == 429:
            response["headers"] = {"Retry-After": RETRY_AFTER}
    return responses
