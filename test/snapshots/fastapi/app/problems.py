"""Every error this server answers, as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.logs import request_id

KINDS: dict[str, tuple[int, str]] = {
    "invalid-json": (400, "The body is not JSON"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This address does not take this method"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body has to be JSON"),
    "invalid-request": (422, "The request is not valid"),
    "upstream-rate-limited": (429, "The model's provider limits our rate"),
    "internal-error": (500, "The server failed"),
    "upstream-misconfigured": (502, "The model's provider refuses our requests"),
    "upstream-failed": (502, "The model's provider failed"),
    "upstream-truncated": (502, "The model's answer ended early"),
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
    request_id: str | None = Field(default_factory=lambda: request_id.get(None))
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
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.headers = headers
        self.errors = errors or []

    def body(self) -> ProblemBody:
        status, title = KINDS[self.slug]
        return ProblemBody(
            type=f"/problems/{self.slug}",
            title=title,
            status=status,
            detail=self.detail,
            errors=self.errors,
        )

    def response(self) -> Response:
        return render_problem(self.body(), self.headers)


def render_problem(body: ProblemBody, headers: Mapping[str, str] | None) -> Response:
    media_type = "application/problem+json"
    return Response(body.model_dump_json(), body.status, headers, media_type)


def add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def answer_problem(request: Request, error: Problem) -> Response:
        request.scope["problem"] = error.slug
        return error.response()

    @app.exception_handler(HTTPException)
    async def answer_http_exception(request: Request, error: HTTPException) -> Response:
        """The framework's own errors, such as no route or a wrong method, and those you raise."""
        phrase = HTTPStatus(error.status_code).phrase
        slug = phrase.lower().replace(" ", "-")
        _, title = KINDS.get(slug, (error.status_code, phrase))
        body = ProblemBody(
            type=f"/problems/{slug}", title=title, status=error.status_code, detail=error.detail
        )
        return render_problem(body, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def answer_nobody(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)
