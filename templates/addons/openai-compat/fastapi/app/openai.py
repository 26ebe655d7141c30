"""OpenAI's own API, for its clients: what they send goes to the provider as it came, what the provider
says goes back untouched, and errors are in OpenAI's words. The way is that of POST /generate."""

import re
from collections.abc import AsyncGenerator, Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Response, Security
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.chat_request import ChatRequest, check_length, find_model, limit_chat, list_models
from app.generate import Service, check
from app.problems import HEADERS_OF, Problem, describe_headers, fail
from app.record import current
from app.upstream import MAX_EVENT_BYTES, Usage

TYPES = {401: "authentication_error", 429: "rate_limit_error"}
EVENT_END = re.compile(rb"\n\r?\n")
NO_STORE = {"Cache-Control": "no-store"}
ERROR: dict[str, Any] = {name: {"type": "string"} for name in ("message", "type", "code")}
ERROR["param"] = {"type": ["string", "null"]}
ERRORS = {"type": "object", "properties": {"error": {"type": "object", "properties": ERROR}}}


class Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class Completion(msgspec.Struct, gc=False):
    """What we read of an answer, or of an event of one, on its way."""

    choices: list[Choice]
    model: str | None = None
    usage: Usage | None = None


decode = msgspec.json.Decoder(Completion).decode


def note(data: bytes) -> None:
    completion, record = decode(data), current.get()
    for choice in completion.choices:
        if choice.finish_reason:
            record.end["finish_reason"] = choice.finish_reason
            record.end["model"] = completion.model or record.model
    if usage := completion.usage:
        record.input_tokens, record.output_tokens = usage.input_tokens, usage.output_tokens


class ChatService(Service):
    """The same gate and the same upstream, for requests and answers of another form."""

    def __init__(self, service: Service) -> None:
        self.settings, self.gate, self.upstream = service.settings, service.gate, service.upstream
        self.complete, self.stream = self.relay, self.relay_events
        self.chat_model = limit_chat(service.settings)

    def parse(self, body: str | bytes) -> dict[str, Any]:
        request: ChatRequest = check(self.chat_model, body)
        call = request.model_dump(exclude_unset=True)
        check_length(call, self.settings.max_prompt_chars)
        record = current.get()
        record.model = record.end["model"] = call["model"]
        if not (call.get("max_completion_tokens") or call.get("max_tokens")):
            call["max_completion_tokens"] = self.settings.max_output_tokens
        return call

    async def relay(self, call: dict[str, Any]) -> bytes:
        async with self.upstream.open(call) as response:
            body = await response.read()
            note(body)
        return body

    async def relay_events(self, call: dict[str, Any]) -> AsyncGenerator[bytes]:
        """Whole events as they come, but not `[DONE]`, which `generate` says itself."""
        record, has_begun, is_over, rest = current.get(), False, False, b""
        async with self.upstream.open(call) as response:
            if response.content_type != "text/event-stream":
                raise Problem("upstream-failed", "The provider's answer is no stream.")
            while not is_over:
                if len(rest) > MAX_EVENT_BYTES:
                    raise Problem("upstream-failed", "An event of the provider's is too long.")
                chunk, known, end = await response.content.readany(), len(rest), 0
                rest += chunk or (rest and b"\n\n")
                try:
                    for found in EVENT_END.finditer(rest, max(0, known - 2)):
                        data = read_data(rest[end : found.end()])
                        if is_over := data == b"[DONE]":
                            break
                        if data:
                            note(data)
                            has_begun = True
                        end = found.end()
                    if not (chunk or is_over or record.end["finish_reason"]):
                        detail = "The answer ended without a finish reason."
                        raise Problem("upstream-truncated", detail)
                    is_over = is_over or not chunk
                finally:  # What came before something unreadable counts as well.
                    # A comment does not say yet whether there will be an answer.
                    if has_begun and end:
                        record.ttft_ms = record.ttft_ms or record.measure()
                        yield rest[:end]
                        rest = rest[end:]

    def explain(self, problem: Problem) -> bytes:
        return msgspec.json.encode(translate(problem)[1])


def read_data(event: bytes) -> bytes:
    lines = (line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))
    return b"\n".join(lines)


def translate(problem: Problem) -> tuple[int, dict[str, str | None]]:
    """Its status and what it is in OpenAI's words; what is 422 here is 400 there."""
    status = 400 if problem.status == 422 else problem.status
    about = msgspec.json.decode(problem.body)
    errors: list[dict[str, str]] = about.get("errors", [])
    told = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    field = errors[0]["field"] if errors else "body"
    return status, {
        "message": told or about["detail"],
        "type": "server_error" if status >= 500 else TYPES.get(status, "invalid_request_error"),
        "param": None if field == "body" else field,
        "code": problem.slug,
    }


def in_its_words(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            problem = fail(error)
            status, body = translate(problem)
            # Its clients try again after 5xx, unless they are told that it will not help.
            final = {"X-Should-Retry": "false"} if problem.slug == "upstream-misconfigured" else {}
            headers = {**NO_STORE, **final, **(problem.headers or {})}
            content = msgspec.json.encode({"error": body})
            response = Response(content, status, headers, "application/json")
            await response(scope, receive, send)

    return answer


def install_openai(app: FastAPI, service: Service) -> None:
    settings, chat = service.settings, ChatService(service)

    async def answer_models(scope: Scope, receive: Receive, send: Send) -> None:
        service.gate.check_open()
        caller = service.gate.identify(Request(scope))
        async with service.gate.lifetime():
            await service.gate.count(caller)
        name = scope["path_params"].get("model")
        names = [find_model(settings, name)] if name else list_models(settings)
        models = [
            {"id": each, "object": "model", "created": 0, "owned_by": "llm-api"} for each in names
        ]
        found = models[0] if name else {"object": "list", "data": models}
        response = Response(msgspec.json.encode(found), 200, NO_STORE, "application/json")
        await response(scope, receive, send)

    def add(path: str, asgi: ASGIApp, *failures: int, **about: Any) -> None:
        """Described like any other, but called as plain ASGI, as POST /generate is."""
        security = [Security(HTTPBearer(auto_error=False))] if settings.api_keys else []
        about["responses"] = about.get("responses", {}) | describe_errors(failures)
        app.add_api_route(path, lambda: None, response_model=None, dependencies=security, **about)
        app.router.routes[-1].app = in_its_words(asgi)  # type: ignore[attr-defined]

    headers = describe_headers("X-Request-Id", "RateLimit-Policy", "RateLimit")
    content = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}
    asked = {"application/json": {"schema": chat.chat_model.model_json_schema()}}
    add(
        "/v1/chat/completions",
        chat.generate,
        *(400, 401, 404, 413, 415, 429, 500, 502, 503, 504),
        summary="Chat, as with OpenAI",
        methods=["POST"],
        responses={200: {"headers": headers, "content": content}},
        openapi_extra={"requestBody": {"required": True, "content": asked}},
    )
    add("/v1/models", answer_models, 401, 429, 503, summary="The models that one may ask for")
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    one = {"summary": "One of them", "openapi_extra": {"parameters": [name]}}
    add("/v1/models/{model:path}", answer_models, 401, 404, 429, 503, **one)


def describe_errors(statuses: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": ERRORS}},
            "headers": describe_headers("X-Request-Id", *HEADERS_OF.get(status, [])),
        }
        for status in statuses
    }
