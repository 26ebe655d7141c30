"""What a client of this API sees. The upstream is a function: no test uses the network."""

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import app as project

Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Your environment and your .env change no test."""
    monkeypatch.setattr(project, "ENV_FILE", tmp_path / ".env")
    for name in project.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def answer_hello(request: httpx2.Request) -> httpx2.Response:
    message = {"role": "assistant", "content": "Hello!"}
    return httpx2.Response(200, json={"choices": [{"index": 0, "message": message}]})


def start(upstream: Handler = answer_hello, **settings: Any) -> FlaskClient:
    """The app with an upstream of our own."""
    http_client = httpx2.Client(transport=httpx2.MockTransport(upstream))
    client = openai.OpenAI(api_key="sk-test", http_client=http_client, max_retries=project.RETRIES)
    values = {"openai_api_key": "sk-test", "llm_model": "test-model", **settings}
    return project.create_app(project.Settings(**values), client).test_client()


def assert_problem(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    problem: dict[str, Any] = response.get_json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert problem["title"] and problem["detail"]
    return problem


def test_a_prompt_is_answered_with_text() -> None:
    response = start().post("/generate", json={"prompt": "Hi"})
    assert response.status_code == 200
    assert response.json == {"text": "Hello!"}


def test_the_upstream_gets_the_prompt_and_the_model() -> None:
    bodies: list[object] = []

    def upstream(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return answer_hello(request)

    start(upstream).post("/generate", json={"prompt": "Hi"})
    assert bodies == [{"model": "test-model", "messages": [{"role": "user", "content": "Hi"}]}]


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_the_other_pages_answer(path: str) -> None:
    assert start().get(path).status_code == 200


def test_a_request_id_is_taken_from_the_caller() -> None:
    response = start().get("/healthz", headers={"X-Request-Id": "abc-1"})
    assert response.headers["X-Request-Id"] == "abc-1"


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129])
def test_an_unfit_request_id_is_replaced(sent: str) -> None:
    response = start().get("/healthz", headers={"X-Request-Id": sent})
    assert response.headers["X-Request-Id"] not in ("", sent)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"prompt": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_not_json(body: bytes) -> None:
    response = start().post("/generate", data=body, content_type="application/json")
    assert_problem(response, 400, "invalid-json")


def test_no_such_route() -> None:
    assert_problem(start().get("/nowhere"), 404, "not-found")


def test_a_wrong_method_is_told_the_right_one() -> None:
    response = start().get("/generate")
    assert_problem(response, 405, "method-not-allowed")
    assert "POST" in response.headers["Allow"]


def test_a_body_that_is_too_large() -> None:
    body = b'{"prompt": "Hi"}'
    fits, too_small = start(max_body_bytes=len(body)), start(max_body_bytes=len(body) - 1)
    for chunked in ({}, {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}):
        request: dict[str, Any] = {
            "data": body,
            "content_type": "application/json",
            "environ_overrides": chunked,
        }
        assert fits.post("/generate", **request).status_code == 200
        assert_problem(too_small.post("/generate", **request), 413, "too-large")


def test_a_body_that_does_not_say_it_is_json() -> None:
    response = start().post("/generate", data='{"prompt": "Hi"}')
    assert_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "éééé"}, "prompt"),
        ({"prompt": "Hi", "stream": True}, "stream"),
        (["Hi"], "body"),
    ],
)
def test_a_request_that_breaks_a_rule(body: object, field: str) -> None:
    response = start(max_prompt_chars=3).post("/generate", json=body)
    errors = assert_problem(response, 422, "invalid-request")["errors"]
    assert [error["field"] for error in errors] == [field]
    assert errors[0]["message"]


def test_a_prompt_is_measured_in_characters() -> None:
    assert start(max_prompt_chars=3).post("/generate", json={"prompt": "ééé"}).status_code == 200


def test_the_upstream_rate_limit_is_passed_on_at_once() -> None:
    def upstream(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, headers={"Retry-After": "60"})

    response = start(upstream).post("/generate", json={"prompt": "Hi"})
    assert_problem(response, 429, "upstream-rate-limited")
    assert response.headers["Retry-After"] == "60"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_the_upstream_rejects_our_key_or_model(status: int) -> None:
    response = start(lambda _: httpx2.Response(status, text="sk-secret")).post(
        "/generate", json={"prompt": "Hi"}
    )
    assert_problem(response, 502, "upstream-misconfigured")
    assert "sk-secret" not in response.text


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(500, text="sk-secret"),
        httpx2.Response(200, text="<html>sk-secret"),
        httpx2.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
        httpx2.Response(200, json={}),
        httpx2.Response(200, json={"choices": []}),
        httpx2.Response(200, json={"choices": [{"message": {"content": None}}]}),
    ],
)
def test_the_upstream_fails(answer: httpx2.Response) -> None:
    response = start(lambda _: answer).post("/generate", json={"prompt": "Hi"})
    assert_problem(response, 502, "upstream-failed")
    assert "sk-secret" not in response.text


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (httpx2.ConnectError("refused"), 502, "upstream-failed"),
        (httpx2.RemoteProtocolError("reset"), 502, "upstream-failed"),
        (httpx2.ReadTimeout("silent"), 504, "upstream-timeout"),
    ],
)
def test_the_upstream_is_out_of_reach(error: Exception, status: int, slug: str) -> None:
    def upstream(request: httpx2.Request) -> httpx2.Response:
        raise error

    assert_problem(start(upstream).post("/generate", json={"prompt": "Hi"}), status, slug)


@pytest.mark.parametrize(
    ("timeout", "status", "slug"), [(60.0, 502, "upstream-failed"), (-1.0, 504, "upstream-timeout")]
)
def test_the_upstream_does_not_end_its_answer(
    monkeypatch: pytest.MonkeyPatch, timeout: float, status: int, slug: str
) -> None:
    def drip() -> Iterator[bytes]:
        yield b"{"
        raise httpx2.ReadError("reset")

    monkeypatch.setattr(project, "TIMEOUT", timeout)
    client = start(lambda _: httpx2.Response(200, content=drip()))
    assert_problem(client.post("/generate", json={"prompt": "Hi"}), status, slug)


def test_without_a_key_the_app_starts_and_says_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = start(openai_api_key="")
    assert "OPENAI_API_KEY" in caplog.text
    assert_problem(client.post("/generate", json={"prompt": "Hi"}), 502, "upstream-misconfigured")


def test_a_bug_is_a_problem_too() -> None:
    client = start()
    client.application.add_url_rule("/bug", view_func=lambda: str(1 / 0))
    assert_problem(client.get("/bug"), 500, "internal-server-error")


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("OPENAI_BASE_URL", "nowhere")
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret \n")
    with pytest.raises(SystemExit) as stop:
        project.load_settings()
    message = str(stop.value)
    assert all(name in message for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PORT"))
    assert "sk-secret" not in message


def test_production_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(SystemExit, match="OPENAI_API_KEY"):
        project.load_settings()


def test_the_environment_wins_over_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    project.ENV_FILE.write_text("LLM_MODEL=from-file\nPORT=9001\nOTHER=1\n")
    monkeypatch.setenv("PORT", "9002")
    settings = project.load_settings()
    assert (settings.llm_model, settings.port) == ("from-file", 9002)


def test_the_development_server_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    with pytest.raises(SystemExit, match="HOST"):
        runpy.run_path(str(Path(project.__file__).with_name("dev.py")))


def test_gunicorn_waits_longer_than_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    config = runpy.run_path(str(Path(project.__file__).with_name("gunicorn.conf.py")))
    assert config["timeout"] > 2 * project.TIMEOUT * (project.RETRIES + 1)
    assert config["worker_class"] == "gthread"
    assert config["bind"] == "127.0.0.1:8000"
