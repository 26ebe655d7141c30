"""What every request passes: its id, its line in the log, the headers of each answer."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import Metrics
from app.problems import fail
from app.record import Record, current

USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'",
}
DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
STARTS = ("http.response.start", "websocket.http.response.start", "websocket.accept")


class RequestLayer:
    """One pure ASGI layer for it all: each BaseHTTPMiddleware would cost more than the rest of
    the request, and would hide from the handler that the client has left."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, origins: list[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.inner: ASGIApp = self.answer_problems
        if origins:
            self.inner = CORSMiddleware(
                self.inner,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "X-Request-Id"],
                expose_headers=["X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After"],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        given = Headers(scope=scope).get("x-request-id", "")
        own_id = given if USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        record = Record(own_id, scope.get("method", "GET"))
        if record.method == "HEAD":  # Answered as GET is; the server leaves out the body.
            scope = {**scope, "method": "GET"}

        async def send_stamped(message: Message) -> None:
            if message["type"] in STARTS:
                record.status = message.get("status")
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update({"X-Request-Id": own_id} | SECURITY | record.headers)
                if scope["path"] == "/docs":
                    headers["Content-Security-Policy"] = DOCS_POLICY
                if scope["path"] == "/generate":
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        token = current.set(record)
        try:
            with self.metrics.follow(record):
                await self.inner(scope, receive, send_stamped)
                record.route = getattr(scope.get("route"), "path", None)
        finally:
            current.reset(token)

    async def answer_problems(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = current.get()
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            record.leave()
        except Exception as error:
            started = record.status is not None
            problem = fail(error)
            if not started:
                await problem.response()(scope, receive, send)
