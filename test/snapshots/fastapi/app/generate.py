"""POST /generate, from top to bottom: read, validate, call the upstream, answer."""

import asyncio
from email.message import Message
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from app.lifetime import lifetime
from app.problems import FieldError, Problem
from app.settings import Settings
from app.streaming import EventStream
from app.upstream import Answer, Upstream

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

    @field_validator("prompt")
    @classmethod
    def check_not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("Input should not be blank")
        return value


def limit_request(settings: Settings) -> type[GenerateRequest]:
    """The request with its limits in the type, so that /docs tells them and pydantic checks them."""

    def check_allowed(value: str) -> str:
        if value not in settings.models:
            raise ValueError(f"Input should be one of: {', '.join(settings.models)}")
        return value

    class LimitedRequest(GenerateRequest):
        prompt: Annotated[str, Field(min_length=1, max_length=settings.max_prompt_chars)]
        model: (
            Annotated[
                str,
                AfterValidator(check_allowed),
                WithJsonSchema({"enum": settings.models}),
            ]
            | None
        ) = None
        max_tokens: Annotated[int, Field(ge=1, le=settings.max_output_tokens)] | None = None

    return LimitedRequest


def get_settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def get_upstream(request: Request) -> Upstream:
    return cast(Upstream, request.app.state.upstream)


async def read_request(request: Request) -> GenerateRequest:
    """Read the body here rather than as a parameter: a dependency runs in its turn, so what is
    declared before it has had its say before a byte is read, and each mistake has its status."""
    content_type = Message()
    content_type["Content-Type"] = request.headers.get("content-type", "")
    if content_type.get_content_type() != "application/json":
        raise Problem("unsupported-media-type", "Send Content-Type: application/json.")
    model: type[GenerateRequest] = request.app.state.request_model
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False, include_context=False)
    if mistakes[0]["type"] == "json_invalid":
        raise Problem("invalid-json", "The body cannot be parsed as JSON.")
    raise Problem(
        "invalid-request",
        "Some fields are missing or wrong: see errors.",
        errors=[
            FieldError(
                field=".".join(map(str, mistake["loc"])) or "body",
                message=mistake["msg"].removeprefix("Value error, "),
            )
            for mistake in mistakes
        ],
    )


@router.post("/generate", response_model=Answer)
async def generate(
    request: Request,
    body: Annotated[GenerateRequest, Depends(read_request)],
    settings: Annotated[Settings, Depends(get_settings)],
    upstream: Annotated[Upstream, Depends(get_upstream)],
) -> Response:
    """Ask the model. With `"stream": true` the answer comes as server-sent events."""
    deadline = asyncio.get_running_loop().time() + settings.request_timeout
    call = build_call(body, settings)
    if body.stream:
        return EventStream(upstream.stream(call, deadline), deadline)
    async with lifetime(request.receive, deadline):
        answer = await upstream.complete(call, deadline)
    return Response(answer.model_dump_json(), media_type="application/json")


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
