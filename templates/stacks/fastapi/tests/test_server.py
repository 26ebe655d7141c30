"""Everything around the endpoint: settings, logs, documentation, health."""

import json
import logging

import pytest

from app.settings import Settings, load_settings
from tests.conftest import Connect
from tests.upstream import answers

pytestmark = pytest.mark.anyio


def test_every_wrong_setting_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("OPENAI_API_KEY", "sk secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://secret")
    monkeypatch.setenv("PORT", "0")

    with pytest.raises(SystemExit) as stopped:
        load_settings(Settings)

    message = str(stopped.value)
    assert "PORT: " in message
    assert "OPENAI_API_KEY: " in message
    assert "OPENAI_BASE_URL: " in message
    assert "secret" not in message


def test_production_needs_keys_and_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")

    with pytest.raises(SystemExit) as stopped:
        load_settings(Settings)

    assert "OPENAI_API_KEY: is required" in str(stopped.value)
    assert "\n  API_KEYS: is required" in str(stopped.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEYS", "secret,sha256:secret"),
        ("API_KEYS", ","),
        ("RATE_LIMIT", "secret/minute"),
        ("CORS_ORIGINS", "secret"),
        ("TRUSTED_PROXIES", "secret"),
        ("WORKERS", "0"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match=f"\n  {name}: ") as stopped:
        load_settings(Settings)

    assert "secret" not in str(stopped.value)


async def test_health(connect: Connect) -> None:
    assert (await (await connect(answers)).get("/healthz")).json() == {"status": "ok"}


async def test_the_docs_need_no_other_host(connect: Connect) -> None:
    client = await connect(answers)

    assert "https://" not in (await client.get("/docs")).text
    assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200


async def test_the_document_tells_every_answer(connect: Connect) -> None:
    document = (await (await connect(answers)).get("/openapi.json")).json()
    responses = document["paths"]["/generate"]["post"]["responses"]

    expected = "200 400 401 413 415 422 429 500 502 503 504"
    assert set(responses) == set(expected.split())
    assert set(responses["200"]["content"]) == {"application/json", "text/event-stream"}
    assert all("X-Request-Id" in response["headers"] for response in responses.values())
    body = document["components"]["schemas"]["GenerateRequest"]
    assert body["properties"]["prompt"]["maxLength"] == 32_768


async def test_one_log_line_tells_of_a_request_but_not_what_it_said(
    connect: Connect, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await (await connect(answers)).post(
        "/generate", json={"prompt": "a private matter"}, headers={"X-Request-Id": "one"}
    )

    said = capsys.readouterr().out
    line = json.loads(said)
    assert line["request_id"] == "one"
    assert line["route"] == "/generate"
    assert line["status"] == 200
    assert "private" not in said + caplog.text


async def test_metrics_tell_of_time_and_tokens_by_model(connect: Connect) -> None:
    client = await connect(answers, llm_model="one-of-its-own")
    await client.post("/generate", json={"prompt": "Hi", "stream": True})
    await client.get("/nowhere")
    text = (await client.get("/metrics")).text

    labels = 'gen_ai_operation_name="chat",gen_ai_request_model="one-of-its-own"'
    assert f"gen_ai_server_request_duration_seconds_count{{{labels}}} 1.0" in text
    assert f"gen_ai_server_time_to_first_token_seconds_count{{{labels}}} 1.0" in text
    usage = f'gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type="output"}} 2.0'
    assert usage in text
    assert 'llm_api_requests_total{method="GET",route="unknown",status="404"}' in text
    assert "nowhere" not in text


async def test_every_answer_has_the_headers_that_browsers_want(connect: Connect) -> None:
    client = await connect(answers)
    plain = await client.post("/generate", json={"prompt": "Hi"})
    missing = await client.get("/nowhere")

    for response in (plain, missing):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "default-src 'none'"
    assert plain.headers["cache-control"] == "no-store"
