"""Builds the application. Nothing here listens, and nothing reads the environment at import."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import generate
from app.docs import describe
from app.middleware import RequestLayer
from app.problems import add_problem_handlers
from app.settings import Settings, load_settings
from app.upstream import Upstream

logger = logging.getLogger(__name__)


def create_app(settings: Settings, *, http_client: httpx2.AsyncClient | None = None) -> FastAPI:
    """The application for these settings; tests pass a client whose upstream is a function."""
    upstream = Upstream(settings, http_client)

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
        # Off unless you turn it on here: exporters would come and go with the environment.
        telemetry={"auto_configure": False},
    )
    app.state.settings = settings
    app.state.upstream = upstream
    app.state.request_model = generate.limit_request(settings)
    app.add_middleware(RequestLayer, max_body_bytes=settings.max_body_bytes)
    add_problem_handlers(app)
    app.include_router(generate.router)

    @app.get("/")
    async def index() -> dict[str, str]:
        """What this is, and where to read on."""
        return {"name": app.title, "docs": "/docs", "openapi": "/openapi.json"}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "ok"}

    describe(app, app.state.request_model)
    return app


def create_app_from_environment() -> FastAPI:
    """For servers that import a factory: `uvicorn --factory app.main:create_app_from_environment`."""
    return create_app(load_settings())
