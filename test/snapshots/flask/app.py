"""One prompt in, one text out: POST /generate {"prompt": "..."} answers {"text": "..."}."""

import json
import re
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import httpx2
import openai
from flask import Flask, Response, abort, g, request
from flask.typing import ResponseReturnValue as Answer
from pydantic import BaseModel, Field, HttpUrl, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings
from werkzeug.exceptions import HTTPException
from werkzeug.serving import is_running_from_reloader

ENV_FILE = Path(__file__).with_name(".env")
DEFAULT_MODEL = "gpt-4o"  # fmt: skip
DEFAULT_BASE_URL = "https://api.openai.com/v1"  # fmt: skip
TIMEOUT = 60.0  # seconds for the upstream to begin its answer, and again for it to end
RETRIES = 0  # the SDK may sleep two minutes before one, and our caller can retry as well


class Settings(BaseSettings, env_ignore_empty=True, extra="ignore", validate_default=True):
    app_env: Literal["development", "production"] = "development"
    openai_api_key: str = Field("", repr=False)
    openai_base_url: HttpUrl = HttpUrl(DEFAULT_BASE_URL)
    llm_model: str = DEFAULT_MODEL
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_prompt_chars: int = Field(32_768, ge=1)
    max_body_bytes: int = Field(1_048_576, ge=1)

    @field_validator("openai_api_key")
    @classmethod
    def check_key(cls, key: str, info: ValidationInfo) -> str:
        if not key and info.data.get("app_env") == "production":
            raise ValueError("Required when APP_ENV is production")
        if not re.fullmatch(r"[!-~]*", key):
            raise ValueError("Contains a character that no key has")
        return key


def load_settings() -> Settings:
    """Read the environment and .env; stop the program with all mistakes at once."""
    try:
        return Settings(_env_file=ENV_FILE)
    except ValidationError as error:
        mistakes = [f"\n  {e['field'].upper()}: {e['message']}" for e in list_errors(error)]
        raise SystemExit("Cannot start, these settings are wrong:" + "".join(mistakes)) from None


def list_errors(error: ValidationError) -> list[dict[str, str]]:
    """Say where and why, never the value: it may be a key or a prompt."""
    return [
        {
            "field": ".".join(map(str, e["loc"])) or "body",
            "message": e["msg"].removeprefix("Value error, "),
        }
        for e in error.errors()
    ]


def problem(status: int, slug: str, detail: str, headers: Any = (), **more: Any) -> Answer:
    """Answer an error in the format of RFC 9457."""
    title = slug.replace("-", " ").capitalize()
    body = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    body |= {"request_id": g.request_id, **more}
    return body, status, {**dict(headers), "Content-Type": "application/problem+json"}


def create_app(settings: Settings | None = None, client: openai.OpenAI | None = None) -> Flask:
    settings = settings or load_settings()
    client = client or openai.OpenAI(
        api_key=settings.openai_api_key or "none",  # /generate never calls without one
        base_url=str(settings.openai_base_url),
        timeout=TIMEOUT,
        max_retries=RETRIES,
    )
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1  # cuts a chunked body there
    app.logger.setLevel(settings.log_level.upper())
    if not settings.openai_api_key and not is_running_from_reloader():
        app.logger.warning("OPENAI_API_KEY is not set: POST /generate will answer 502.")

    max_chars = settings.max_prompt_chars

    class GenerateRequest(BaseModel, extra="forbid"):
        prompt: str = Field(max_length=max_chars)

        @field_validator("prompt")
        @classmethod
        def check_prompt(cls, prompt: str) -> str:
            if not prompt.strip():
                raise ValueError("Should hold more than white space")
            return prompt

    @app.post("/generate")
    def generate() -> Answer:
        if not request.is_json:
            abort(415, "Send JSON with the header Content-Type: application/json.")
        sent = request.get_data()
        if len(sent) > settings.max_body_bytes:
            abort(413)
        prompt = GenerateRequest.model_validate_json(sent).prompt
        if not settings.openai_api_key:
            return problem(502, "upstream-misconfigured", "OPENAI_API_KEY is not set.")
        body = {"model": settings.llm_model, "messages": [{"role": "user", "content": prompt}]}
        # chat.completions.create() walks through its types: a quarter more work for each request.
        call = client.post("/chat/completions", cast_to=httpx2.Response, body=body, stream=True)
        with closing(call) as response:  # an answer may come in drips
            answer, deadline = b"", monotonic() + TIMEOUT
            for chunk in response.iter_bytes():
                answer += chunk
                if monotonic() > deadline:
                    raise httpx2.ReadTimeout("The upstream began its answer and did not end it.")
        try:
            text = json.loads(answer)["choices"][0]["message"]["content"]
        except (IndexError, KeyError, TypeError, ValueError):
            text = None
        if not isinstance(text, str):
            return problem(502, "upstream-failed", "The upstream sent no text.")
        return {"text": text}

    @app.get("/")
    def index() -> Answer:
        return {"generate": 'POST /generate {"prompt": "..."}', "health": "GET /healthz"}

    @app.get("/healthz")
    def healthz() -> Answer:
        return {"status": "ok"}

    @app.before_request
    def choose_request_id() -> None:
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if re.fullmatch(r"[A-Za-z0-9._-]{1,128}", sent) else uuid4().hex

    @app.after_request
    def send_request_id(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        return response

    @app.errorhandler(ValidationError)
    def answer_invalid_request(error: ValidationError) -> Answer:
        errors = list_errors(error)
        if error.errors()[0]["type"] == "json_invalid":
            return problem(400, "invalid-json", errors[0]["message"])
        return problem(422, "invalid-request", "See the list of errors.", errors=errors)

    @app.errorhandler(openai.APIError)
    @app.errorhandler(httpx2.RequestError)
    def answer_upstream_error(error: openai.APIError | httpx2.RequestError) -> Answer:
        status = getattr(error, "status_code", None)
        app.logger.warning("%s: upstream %s %s", g.request_id, type(error).__name__, status)
        match error:
            case openai.APITimeoutError() | httpx2.TimeoutException():
                return problem(504, "upstream-timeout", "The upstream took too long.")
            case openai.RateLimitError():
                wait = error.response.headers.get("Retry-After")
                headers = {"Retry-After": wait} if wait else {}
                return problem(429, "upstream-rate-limited", "The upstream is busy.", headers)
            case openai.APIStatusError(status_code=400 | 401 | 403 | 404 | 422):
                detail = f"It answered {status}: check OPENAI_API_KEY, OPENAI_BASE_URL, LLM_MODEL."
                return problem(502, "upstream-misconfigured", detail)
        return problem(502, "upstream-failed", "The upstream failed or is out of reach.")

    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> Answer:
        slug = "too-large" if error.code == 413 else error.name.lower().replace(" ", "-")
        return problem(error.code or 500, slug, error.description or "", error.get_headers())

    return app
