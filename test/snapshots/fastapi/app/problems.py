"""Every error this server answers, as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.record import SHED, current

logger = logging.getLogger(__name__)

KINDS = {
    "invalid-json": (400, "The body is not JSON"),
    "unauthorized": (401, "The key is missing or wrong"),
    "forbidden": (403, "Pages of this origin may not call"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This address does not take this method"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body has to be JSON"),
    "invalid-request": (422, "The request is not valid"),
    "rate-limited": (429, "This caller asks too often"),
    "upstream-rate-limited": (429, "The model's provider limits our rate"),
    "internal-error": (500, "The server failed"),
    "upstream-misconfigured": (502, "The model's provider refuses our requests"),
    "upstream-failed": (502, "The model's provider failed"),
    "upstream-truncated": (502, "The model's answer ended early"),
    "overloaded": (503, "The server has too much to do"),
    "draining": (503, "The server is about to stop"),
    "upstream-timeout": (504, "The model's provider took too long"),
}
HEADERS = {
    "X-Request-Id": "The caller's own id of this request, or one we made. It is in our log.",
    "Retry-After": "When to try again: seconds, or what the provider said.",
    "RateLimit-Policy": "How many requests (q) a caller has in how many seconds (w).",
    "RateLimit": "How many are left (r), and in how many seconds there are more (t).",
    "WWW-Authenticate": "Bearer",
}
HEADERS_OF = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


class ProblemBody(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[dict[str, str]] = []


class Problem(Exception):
    """Raise it anywhere under a request; before the answer has started it becomes the answer.
    `detail` reaches the caller: never put a prompt, a key or the upstream's words into it. `more`
    are further members, or the `kind` of what KINDS does not have."""

    def __init__(
        self, slug: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        kind: tuple[int, str] = more.pop("kind", None) or KINDS[slug]
        self.slug, self.headers, self.status = slug, headers, kind[0]
        about = {"type": f"/problems/{slug}", "title": kind[1], "status": self.status}
        about |= {"detail": detail, "request_id": current.get().request_id, **more}
        self.body = msgspec.json.encode(about)


def shed(reason: str, detail: str, slug: str = "overloaded", seconds: int = 1) -> Problem:
    """A refusal that keeps the server well."""
    SHED.labels(reason).inc()
    close = {"Connection": "close"} if slug == "draining" else {}
    return Problem(slug, detail, {"Retry-After": str(seconds)} | close)


def fail(error: Exception) -> Problem:
    """What an exception is to the caller; the request's record learns of it."""
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, HTTPException):  # The framework's own, such as no route, and yours.
        phrase = HTTPStatus(error.status_code).phrase
        slug = phrase.lower().replace(" ", "-")
        kind = KINDS.get(slug, (error.status_code, phrase))
        problem = Problem(slug, error.detail, error.headers, kind=kind)
    else:
        logger.error("unhandled error", exc_info=error)
        problem = Problem("internal-error", "The mistake is ours, and it is in our log.")
    record = current.get()
    record.outcome, record.status = problem.slug, record.status or problem.status
    return problem


async def answer_problem(request: object, error: Exception) -> Response:
    problem = fail(error)
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    return Response(problem.body, problem.status, headers, "application/problem+json")


def describe_headers(*names: str) -> dict[str, Any]:
    return {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}


def describe(slugs: Iterable[str], *headers: str) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document. Two problems may share a status."""
    content = {"application/problem+json": {"schema": ProblemBody.model_json_schema()}}
    responses: dict[int | str, dict[str, Any]] = {}
    for status, title, slug in ((*KINDS[slug], slug) for slug in slugs):
        told = describe_headers("X-Request-Id", *headers, *HEADERS_OF.get(status, []))
        new = {"description": "", "headers": told, "content": content}
        responses.setdefault(status, new)["description"] += f"\n- `/problems/{slug}`: {title}."
    return responses
