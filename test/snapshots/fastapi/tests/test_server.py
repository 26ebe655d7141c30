"""Everything around the endpoint: settings, logs, documentation, health."""

import json
import logging

import pytest

from app.logs import JsonFormatter
from app.settings import load_settings
from tests.conftest import Connect
from tests.upstream import answers

pytestmark = pytest.mark.anyio


def test_every_wrong_setting_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("OPENAI_API_KEY", "sk secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://secret")
    monkeypatch.setenv("PORT", "0")

    with pytest.raises(SystemExit) as stopped:
        load_settings()

    message = str(stopped.value)
    assert "PORT: " in message
    assert "OPENAI_API_KEY: " in message
    assert "OPENAI_BASE_URL: " in message
    assert "secret" not in message


def test_production_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")

    with pytest.raises(SystemExit, match="OPENAI_API_KEY: is required"):
        load_settings()


async def test_health(connect: Connect) -> None:
    assert (await connect(answers).get("/healthz")).json() == {"status": "ok"}


async def test_the_docs_need_no_other_host(connect: Connect) -> None:
    client = connect(answers)

    assert "https://" not in (await client.get("/docs")).text
    assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200


async def test_the_document_tells_every_answer(connect: Connect) -> None:
    document = (await connect(answers).get("/openapi.json")).json()
    responses = document["paths"]["/generate"]["post"]["responses"]

    assert set(responses) == {"200", "400", "413", "415", "422", "429", "500", "502", "504"}
    assert set(responses["200"]["content"]) == {"application/json", "text/event-stream"}
    assert all("X-Request-Id" in response["headers"] for response in responses.values())
    limits = document["components"]["schemas"]["LimitedRequest"]["properties"]
    assert limits["prompt"]["maxLength"] == 32_768


async def test_one_log_line_tells_of_a_request_but_not_what_it_said(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(JsonFormatter())
    await connect(answers).post(
        "/generate", json={"prompt": "a private matter"}, headers={"X-Request-Id": "one"}
    )

    lines = [json.loads(line) for line in caplog.text.splitlines() if line.startswith("{")]
    line = next(line for line in lines if line["message"] == "request")
    assert line["request_id"] == "one"
    assert line["route"] == "/generate"
    assert line["status"] == 200
    assert "private" not in caplog.text
