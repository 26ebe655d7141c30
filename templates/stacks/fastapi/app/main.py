"""Builds the application. Nothing here listens, and nothing reads the environment at import."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from app import generate, websocket
from app.docs import describe
from app.gate import Gate
from app.generate import Service, get_service, limit_request
from app.lifetime import Lifetimes, draining
from app.metrics import Metrics
from app.middleware import RequestLayer
from app.problems import raise_problem
from app.settings import Settings
from app.upstream import Upstream

logger = logging.getLogger(__name__)


router = APIRouter()


@router.get("/")
async def index() -> dict[str, str]:
    """What this is, and where to read on."""
    return {"name": "LLM API", "docs": "/docs", "openapi": "/openapi.json"}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answers while the process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """Answers 503 once the server is about to stop: send it nothing new."""
    if get_service(request).lifetimes.draining:
        raise draining()
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """For Prometheus; open to whoever reaches it."""
    text = get_service(request).metrics.render()
    return PlainTextResponse(text, media_type=CONTENT_TYPE_LATEST)


def create_app(settings: Settings, *, http_client: httpx2.AsyncClient | None = None) -> FastAPI:
    """The application for these settings; tests pass a client whose upstream is a function."""
    lifetimes = Lifetimes(settings.drain_timeout)
    metrics = Metrics()
    gate = Gate(settings, lifetimes, metrics)
    upstream = Upstream(settings, http_client)
    request_model = limit_request(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.openai_api_key is None:
            logger.warning("OPENAI_API_KEY is not set: POST /generate answers 502")
        yield
        await upstream.close()

    # FastAPI, with the files of /docs served from here rather than from a public CDN.
    app = FastAPIOffline(
        title="LLM API",
        version="0.1.0",
        description="Ask a large language model: one answer at a time, or as a stream.",
        redoc_url=None,
        swagger_ui_parameters={"validatorUrl": None},
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers={HTTPException: raise_problem},
        # Off unless you turn it on here: exporters would come and go with the environment.
        telemetry={"auto_configure": False},
    )
    app.state.service = Service(settings, lifetimes, metrics, gate, upstream, request_model)
    app.add_middleware(RequestLayer, metrics=metrics, origins=settings.cors_origins)
    app.include_router(generate.router)
    app.include_router(websocket.router)
    app.include_router(router)
    describe(app, settings, request_model)
    return app
