"""Every error this server answers, as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import Request, Response
from pydantic import BaseModel, Field

from app.record import current

logger = logging.getLogger(__name__)

KINDS: dict[str, tuple[int, str]] = {
    "invalid-json": (400, "The body is not JSON"),
    "unauthorized": (401, "The key is missing or wrong"),
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


class FieldError(BaseModel):
    field: str
    message: str


class ProblemBody(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = Field(default_factory=lambda: getattr(current.get(None), "id", None))
    errors: list[FieldError] = Field(default=[], exclude_if=lambda errors: not errors)


class Problem(Exception):
    """Raise it anywhere under a request; before the answer has started it becomes the answer.

    `detail` reaches the caller: never put a prompt, a key or the upstream's words into it.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[FieldError] | None = None,
        status: int = 500,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.headers = headers
        self.status, title = KINDS.get(slug, (status, slug))
        self.body = ProblemBody(
            type=f"/problems/{slug}",
            title=title,
            status=self.status,
            detail=detail,
            errors=errors or [],
        )

    def response(self) -> Response:
        media_type = "application/problem+json"
        return Response(self.body.model_dump_json(), self.status, self.headers, media_type)


class ErrorEvent(BaseModel):
    """The last object of a stream that failed: what came before is not the whole answer."""

    error: ProblemBody


def fail(error: Exception) -> Problem:
    """What an exception is to the caller; the request's record learns of it."""
    problem = error
    if not isinstance(problem, Problem):
        logger.error("unhandled error", exc_info=error)
        problem = Problem("internal-error", "The mistake is ours, and it is in our log.")
    record = current.get()
    record.outcome = problem.slug
    record.status = record.status or problem.status
    return problem


async def raise_problem(request: Request, error: Any) -> NoReturn:
    """For an HTTPException: the framework's own, such as no route, and those you raise."""
    slug = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    raise Problem(slug, error.detail, headers=error.headers, status=error.status_code)
