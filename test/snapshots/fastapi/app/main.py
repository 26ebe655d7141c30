"""Builds the application. Nothing here listens, and nothing reads the environment at import."""

import asyncio
import gc
import logging
import os
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.addons import install_addons
from app.generate import STREAMED, Answer, Service
from app.problems import HEADERS, KINDS, Problem, answer_problem, describe, describe_headers, fail
from app.record import configure_logging
from app.settings import Settings, load_settings

logger = logging.getLogger(__name__)

USABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
POLICY = b"content-security-policy", b"default-src 'none'"
DOCS_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; connect-src 'self'; img-src 'self' data:; "
    b"script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'",
)
STARTS = ("http.response.start", "websocket.http.response.start", "websocket.accept")


class RequestLayer:
    """What every request passes: its id and record, the headers of each answer. Pure ASGI: each
    BaseHTTPMiddleware would cost more than the rest, and would hide that the client has left."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        own_id = given.decode() if USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        record = self.service.record(request_id=own_id, method=scope.get("method", "GET"))
        if record.method == "HEAD":  # Answered as GET is; the server leaves out the body.
            scope = {**scope, "method": "GET"}

        async def send_stamped(message: Message) -> None:
            if message["type"] in STARTS:
                record.status = message.get("status")
                own = [(b"x-request-id", own_id.encode()), *SECURITY, *record.headers]
                own.append(DOCS_POLICY if scope["path"] == "/docs" else POLICY)
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        with record.follow():
            try:
                await self.app(scope, receive, send_stamped)
            except Exception as error:
                if record.status is None:  # Of a WebSocket: others have been answered.
                    fail(error)
            record.route = getattr(scope.get("route"), "path", None)


def create_app(settings: Settings) -> FastAPI:
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.openai_api_key is None:
            logger.warning("OPENAI_API_KEY is not set: POST /generate answers 502")
        async with service.upstream.connect():
            heeding = asyncio.create_task(service.gate.heed_signals())
            yield
            heeding.cancel()

    # FastAPI, with the files of /docs served from here rather than from a public CDN.
    app = FastAPIOffline(
        title="LLM API",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys([Problem, HTTPException, Exception], answer_problem),
        responses={200: {"headers": describe_headers("X-Request-Id")}},
        # Off unless you turn it on here: exporters would come and go with the environment.
        telemetry={"auto_configure": False},
    )
    app.state.service = service
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=[*HEADERS, "Idempotent-Replayed", "Cache-Status"],
        )
    # Around all layers of FastAPI's own: the outermost of these answers what nobody expected.
    app.middleware_stack = RequestLayer(app.build_middleware_stack(), service)

    limited = ["RateLimit-Policy", "RateLimit"]
    problems = KINDS.keys() - {"forbidden", "not-found", "method-not-allowed"}
    stream = {"text/event-stream": {"schema": {"type": "string"}, "example": STREAMED}}
    answer = {"headers": describe_headers("X-Request-Id", *limited), "content": stream}

    @app.post(
        "/generate",
        response_model=Answer,
        responses={200: answer, **describe(problems, *limited)},
        dependencies=[Security(HTTPBearer(auto_error=False))] if settings.api_keys else [],
    )
    async def generate(request: service.request_model) -> None:  # type: ignore[name-defined]
        """Ask the model. With `"stream": true` the answer comes as server-sent events, whose last one
        says why it ends, or has the `error` that ended it."""

    # Described like any other, but called as plain ASGI: what FastAPI puts around an endpoint
    # (exit stacks, dependencies) would be a tenth of the time of a request.
    app.router.routes[-1].app = service.generate  # type: ignore[attr-defined]
    app.websocket("/generate/ws")(service.converse)

    @app.get("/")
    async def index() -> dict[str, str]:
        """What this is, and where to read on."""
        return {"name": "LLM API", "docs": "/docs", "openapi": "/openapi.json"}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "ok"}

    @app.get("/readyz", responses=describe(["draining"]))
    async def readyz() -> dict[str, str]:
        """Answers 503 once the server is about to stop: send it nothing new."""
        if service.gate.draining:
            raise Problem("draining", "Send it nothing new.", {"Retry-After": "1"})
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """For Prometheus; open to whoever reaches it."""
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # The sum of all workers: see __main__.py.
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def nowhere(*_: object) -> None:
        raise HTTPException(404)

    app.router.default = nowhere  # Starlette's own would refuse a WebSocket without a word.
    return app


def load_app() -> FastAPI:
    """The application as the environment says: what uvicorn calls in each of its processes."""
    settings = load_settings(Settings)
    configure_logging(settings.log_level)
    logging.getLogger("uvicorn.error").setLevel("WARNING")  # "info" has a line for each WebSocket.
    app = create_app(settings)
    install_addons(app, app.state.service)
    gc.freeze()  # What is there now stays: the collector has no need to look at it.
    return app
