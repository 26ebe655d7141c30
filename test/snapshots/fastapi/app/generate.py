"""POST /generate, from top to bottom: open? who? how often? read, validate, wait for a place, call
the upstream, answer. GET /generate/ws goes the same way for each message."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import HTTPConnection

from app.gate import Gate
from app.lifetime import Gone, Lifetimes, wait_until_gone
from app.metrics import Metrics
from app.problems import FieldError, Problem
from app.record import current
from app.settings import Settings
from app.streaming import EventStream
from app.upstream import Answer, FinalEvent, TextEvent, Upstream

router = APIRouter()


class GenerateRequest(BaseModel):
    """What a caller may ask, before the limits of this server's settings."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str
    system: str | None = None
    model: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    max_tokens: int | None = None
    stream: bool = False


def drop_zeros(value: object) -> object:
    """To JSON Schema 5.0 is an integer, to pydantic it is not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def limit_request(settings: Settings) -> type[GenerateRequest]:
    """The request with its limits in the type, so that /docs tells them and pydantic checks them."""
    allowed = Literal[tuple(settings.models)]  # type: ignore[valid-type]

    class LimitedRequest(GenerateRequest):
        prompt: Annotated[
            str, Field(min_length=1, max_length=settings.max_prompt_chars, pattern=r"\S")
        ]
        model: allowed | None = None  # type: ignore[valid-type]
        max_tokens: (
            Annotated[int, Field(ge=1, le=settings.max_output_tokens), BeforeValidator(drop_zeros)]
            | None
        ) = None

    return LimitedRequest


@dataclass
class Service:
    """What an application has; /generate and /generate/ws share it."""

    settings: Settings
    lifetimes: Lifetimes
    metrics: Metrics
    gate: Gate
    upstream: Upstream
    request_model: type[GenerateRequest]

    def parse(self, body: str | bytes) -> GenerateRequest:
        try:
            request = self.request_model.model_validate_json(body)
            current.get().model = request.model or self.settings.llm_model
            return request
        except ValidationError as error:
            mistakes = error.errors(include_input=False, include_url=False, include_context=False)
        if mistakes[0]["type"] == "json_invalid":
            raise Problem("invalid-json", "The body cannot be parsed as JSON.")
        errors = [
            FieldError(
                field=".".join(map(str, mistake["loc"])) or "body",
                message=mistake["msg"].removeprefix("Value error, "),
            )
            for mistake in mistakes
        ]
        detail = "Some fields are missing or wrong: see errors."
        raise Problem("invalid-request", detail, errors=errors)

    @asynccontextmanager
    async def place(self, deadline: float, gone: Gone) -> AsyncIterator[None]:
        """The time that a request has, with a place among those that call upstream."""
        async with self.lifetimes.lifetime(deadline, gone), self.gate.place():
            yield

    @asynccontextmanager
    async def stream(
        self, request: GenerateRequest, deadline: float, gone: Gone
    ) -> AsyncIterator[AsyncGenerator[TextEvent | FinalEvent]]:
        call = build_call(request, self.settings)
        async with self.place(deadline, gone), aclosing(self.upstream.stream(call, deadline)) as s:
            yield s


def get_service(connection: HTTPConnection) -> Service:
    return cast(Service, connection.app.state.service)


@router.post("/generate", response_model=Answer)
async def generate(request: Request) -> Response:
    """Ask the model. With `"stream": true` the answer comes as server-sent events."""
    service = get_service(request)
    deadline = asyncio.get_running_loop().time() + service.settings.request_timeout
    service.gate.check_open()
    service.gate.count(service.gate.identify(request))
    async with service.lifetimes.lifetime(deadline):
        body = service.parse(await read_json(request, service.settings.max_body_bytes))
    gone = partial(wait_until_gone, request.receive)
    if body.stream:
        return EventStream(service.stream(body, deadline, gone))
    async with service.place(deadline, gone):
        answer = await service.upstream.complete(build_call(body, service.settings), deadline)
    return Response(answer.model_dump_json(), media_type="application/json")


async def read_json(request: Request, max_bytes: int) -> bytes:
    content_type = Message()
    content_type["Content-Type"] = request.headers.get("content-type", "")
    if content_type.get_content_type() != "application/json":
        raise Problem("unsupported-media-type", "Send Content-Type: application/json.")
    too_large = Problem("too-large", f"The body may have {max_bytes} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():  # A chunked body declares no length: only counting tells.
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)


def build_call(body: GenerateRequest, settings: Settings) -> dict[str, Any]:
    """The parameters of chat.completions; what the caller left out is left to the upstream."""
    messages = [{"role": "user", "content": body.prompt}]
    if body.system:
        messages.insert(0, {"role": "system", "content": body.system})
    call: dict[str, Any] = {
        "model": body.model or settings.llm_model,
        "messages": messages,
        # Always capped: without a cap one prompt can cost as much as the model can write.
        "max_completion_tokens": body.max_tokens or settings.max_output_tokens,
    }
    if body.temperature is not None:
        call["temperature"] = body.temperature
    return call
