"""The production server; `gunicorn` finds this file by itself."""

import signal
import socket
from typing import Any

from app import RETRIES, TIMEOUT, load_settings

settings = load_settings()

wsgi_app = "app:create_app()"
preload_app = True  # made before the fork, the app's memory is shared
ipv6 = ":" in settings.host
bind = f"[{settings.host}]:{settings.port}" if ipv6 else f"{settings.host}:{settings.port}"
worker_class = "gthread"  # a sync worker is killed in the middle of a slow answer
threads = 32  # as many prompts at a time
timeout = int(2 * TIMEOUT * (RETRIES + 1)) + 30  # more than app.py can take for an answer
graceful_timeout = 30
control_socket_disable = True  # it would be a file under HOME, which may be read-only
loglevel = settings.log_level
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(M)sms %({x-request-id}o)s'


def on_starting(server: Any) -> None:
    """Say at once what gunicorn says after five tries."""
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        reason = (error.strerror or "").partition(" (")[0]  # Python repeats the address there
        raise SystemExit(f"Cannot listen on {bind}: {reason}.") from None


def post_worker_init(worker: Any) -> None:
    """End on Ctrl-C as on SIGTERM: a thread's quick exit can wait for its own pool for ever."""
    signal.signal(signal.SIGQUIT, worker.handle_exit)
    signal.signal(signal.SIGINT, worker.handle_exit)
