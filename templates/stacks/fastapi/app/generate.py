"""POST /generate, from top to bottom: open? who? how often? read, validate, wait for a place, call
the upstream, answer. Each message of GET /generate/ws goes the same way."""

import asyncio
import json
from collections import deque
from contextlib import ExitStack, aclosing, suppress
from typing import Annotated, Any, Literal

from fastapi import Request, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.gate import CUT_GRACE, Gate
from app.problems import Problem, fail
from app.record import Record, current
from app.settings import Settings
from app.upstream import STREAM, Upstream

MAX_WAITING = 8  # Messages of a WebSocket, behind the one that is answered.
PING_INTERVAL = 15.0  # Seconds after which proxies may close a connection that is silent.
JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
ASKED: Any = {"examples": [{"prompt": "Say hello"}, {"prompt": "Say hello", "stream": True}]}
FINAL = '{"finish_reason":"stop","model":"…","usage":{"input_tokens":9,"output_tokens":2}}'
ANSWERED: list[Any] = [{"text": "Hello"} | json.loads(FINAL)]
STREAMED = f'data: {{"text":"Hello"}}\n\ndata: {FINAL}\n\ndata: [DONE]\n\n'


class Answer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": ANSWERED})

    text: str
    finish_reason: str | None
    model: str
    usage: dict[Literal["input_tokens", "output_tokens"], int] | None


def limit_request(settings: Settings) -> type[BaseModel]:
    """The request with its limits in the type, so that /docs tells them and pydantic checks them."""
    tokens = Field(ge=1, le=settings.max_output_tokens)

    class GenerateRequest(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=ASKED)

        prompt: str = Field(min_length=1, max_length=settings.max_prompt_chars, pattern=r"\S")
        system: str | None = None
        model: Literal[settings.llm_model, *settings.allowed_models] | None = None  # type: ignore[name-defined]
        temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
        max_tokens: Annotated[int, tokens, BeforeValidator(drop_zeros)] | None = None
        stream: bool = False

    return GenerateRequest


def drop_zeros(value: object) -> object:
    """To JSON Schema 5.0 is an integer, to pydantic it is not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Service:
    """What an application has; POST /generate and GET /generate/ws share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.gate, self.upstream = settings, Gate(settings), Upstream(settings)
        # What add-ons wrap, and what they know more of.
        self.complete, self.stream = self.upstream.complete, self.upstream.stream
        self.record, self.request_model = Record, limit_request(settings)

    async def generate(
        self, scope: Scope, receive: Receive, send: Send, message: str | None = None
    ) -> None:
        """One request, or one `message` of a WebSocket."""
        http, record = Request(scope, receive), current.get()
        headers, clock, spoke_at = EVENT_STREAM, asyncio.get_running_loop().time, 0.0

        async def write(data: bytes, more: bool = True) -> None:
            nonlocal spoke_at
            spoke_at = clock()
            if record.status is None:
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": data, "more_body": more})

        async def ping() -> None:
            while True:
                await asyncio.sleep(spoke_at + PING_INTERVAL - clock())
                if clock() >= spoke_at + PING_INTERVAL:
                    await write(b": ping\n\n")

        async def pass_on(call: dict[str, Any], held: ExitStack) -> None:
            """In a task of its own: a piece wakes this, and not each layer from the server to here."""
            async with aclosing(self.stream(call)) as batches:
                async for events in batches:
                    if record.status is None:
                        held.callback(asyncio.create_task(ping()).cancel)
                    await write(events)

        try:
            self.gate.check_open()
            caller = self.gate.identify(http)
            async with self.gate.lifetime() as lifetime:
                await self.gate.count(caller)
                call = self.parse(await self.read(http) if message is None else message)
                async with self.gate.place(lifetime, receive) as held:
                    if call.get("stream") or message is not None:
                        await asyncio.create_task(pass_on(call, held))
                        last = b"data: [DONE]\n\n"
                    else:
                        last = await self.complete(call)
                        headers = [*JSON, (b"content-length", b"%d" % len(last))]
            await write(last, more=False)
        except (ClientDisconnect, WebSocketDisconnect):
            record.status, record.outcome = 499, "client_closed"  # Never sent, for the log only.
        except Exception as error:
            if record.status is None and message is None:
                raise
            # Too late for a status. A client that does not read must not hold us here either.
            with suppress(TimeoutError):
                async with asyncio.timeout(CUT_GRACE / 2):
                    await write(b'data: {"error":%b}\n\n' % self.explain(fail(error)), more=False)

    async def converse(self, socket: WebSocket) -> None:
        """Each message is a request for a stream, each of its events a message."""
        self.gate.check_open()
        self.check_origin(socket)
        self.gate.identify(socket)
        await socket.accept()
        scope, request_id = {**socket.scope, "type": "http"}, current.get().request_id
        waiting: deque[Message] = deque()

        async def receive() -> Message:
            waiting.append(await socket.receive())
            return waiting[-1] if len(waiting) <= MAX_WAITING else {"type": "websocket.disconnect"}

        async def send(message: Message) -> None:
            record.status = record.status or 200
            for line in message.get("body", b"").splitlines():
                if line.startswith(b"data: {"):
                    await socket.send_text(line[6:].decode())

        while len(waiting) <= MAX_WAITING:
            message = waiting.popleft() if waiting else await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            record = self.record(request_id=request_id, method="GET", route="/generate/ws")
            with record.follow(), suppress(WebSocketDisconnect):
                await self.generate(scope, receive, send, message.get("text") or "")
            if waiting and waiting[-1]["type"] == "websocket.disconnect":
                return
        await socket.close(1008)

    def check_origin(self, socket: WebSocket) -> None:
        """A page of another site must not spend our money: browsers let any page open a WebSocket,
        but say whose page it is. Other clients name no origin."""
        origin = socket.headers.get("origin")
        host = (origin or "").partition("://")[2]
        allowed = {"*", origin} & set(self.settings.cors_origins)
        if origin is not None and host != socket.headers.get("host") and not allowed:
            raise Problem("forbidden", "CORS_ORIGINS does not name the origin of this page.")

    async def read(self, http: Request) -> bytes:
        kind = http.headers.get("content-type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise Problem("unsupported-media-type", "Send Content-Type: application/json.")
        body = b""
        async for chunk in http.stream():
            body += chunk
            if len(body) > self.settings.max_body_bytes:
                raise Problem("too-large", f"Send {self.settings.max_body_bytes} bytes at most.")
        return body

    def parse(self, body: str | bytes) -> dict[str, Any]:
        """The parameters of chat.completions; what the caller left out is left to the upstream."""
        request = check(self.request_model, body)
        record = current.get()
        record.model = record.end["model"] = request.model or self.settings.llm_model
        system = [{"role": "system", "content": request.system}] if request.system else []
        call: dict[str, Any] = {
            "model": record.model,
            "messages": [*system, {"role": "user", "content": request.prompt}],
            # Always capped: without a cap one prompt can cost as much as the model can write.
            "max_completion_tokens": request.max_tokens or self.settings.max_output_tokens,
        }
        if request.temperature is not None:
            call["temperature"] = request.temperature
        return call | STREAM if request.stream else call

    def explain(self, problem: Problem) -> bytes:
        return problem.body


def check(model: type[BaseModel], body: str | bytes) -> Any:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False, include_context=False)
    if mistakes[0]["type"] == "json_invalid":
        raise Problem("invalid-json", "The body cannot be parsed as JSON.")
    told = [(".".join(map(str, each["loc"])), each["msg"]) for each in mistakes]
    errors = [{"field": field or "body", "message": message} for field, message in told]
    raise Problem("invalid-request", "Some fields are wrong: see errors.", errors=errors)
