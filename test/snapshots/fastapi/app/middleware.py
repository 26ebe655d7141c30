"""What every request passes: its id, the cap on its body, its line in the log."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import request_id
from app.problems import Problem

logger = logging.getLogger(__name__)

USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestLayer:
    """One pure ASGI layer for it all: each BaseHTTPMiddleware would cost more than the rest of
    the request, and would hide from the handler that the client has left."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        own_id = given if USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(own_id)
        start = time.perf_counter()
        status: int | None = None
        received = 0
        complete = left = False

        async def receive_capped() -> Message:
            nonlocal received, left
            declared = headers.get("content-length", "")
            if declared.isdecimal() and int(declared) > self.max_body_bytes:
                raise self.too_large()
            message = await receive()
            left = message["type"] == "http.disconnect" and not complete
            # A chunked body declares no length: only counting tells.
            received += len(message.get("body", b""))
            if received > self.max_body_bytes:
                raise self.too_large()
            return message

        async def send_stamped(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = own_id
            elif not message.get("more_body", False):
                complete = True
            await send(message)

        try:
            await self.app(scope, receive_capped, send_stamped)
        except Exception:
            logger.exception("unhandled error")
            if status is None:
                problem = Problem("internal-error", "The mistake is ours, and it is in our log.")
                await problem.response()(scope, receive, send_stamped)
        finally:
            fields = {
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", None),
                # 499 is never sent: it is how logs say that the client left before the end.
                "status": 499 if left else status,
                "problem": scope.get("problem"),
                "duration_ms": round((time.perf_counter() - start) * 1000, 1),
            }
            logger.info("request", extra={"fields": fields})
            request_id.reset(token)

    def too_large(self) -> Problem:
        return Problem("too-large", f"The body may have {self.max_body_bytes} bytes.")
