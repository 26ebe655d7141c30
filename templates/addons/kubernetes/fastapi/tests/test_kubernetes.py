"""What the manifests in kubernetes/ promise of this server, and of each other."""

import re
from pathlib import Path

import pytest

from app.settings import PROJECT, Settings

FOLDER = PROJECT / "kubernetes"
BASE = FOLDER / "base"
OVERLAYS = sorted((FOLDER / "overlays").iterdir())


def read_settings(*folders: Path) -> dict[str, str]:
    """The settings of configMapGenerator: those of the base, and an overlay's on top."""
    texts = [(folder / "kustomization.yaml").read_text() for folder in folders]
    return dict(re.findall(r"^ +- ([A-Z_]+)=(.*)$", "\n".join(texts), re.MULTILINE))


def read_number(name: str) -> int:
    (number,) = re.findall(rf"^ +{name}: (\d+)$", (BASE / "deployment.yaml").read_text(), re.M)
    return int(number)


@pytest.fixture(params=OVERLAYS, ids=lambda overlay: str(overlay.name))
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As in a pod of this overlay, where the keys come from the Secret."""
    given = read_settings(BASE, request.param)
    assert given.keys() <= {name.upper() for name in Settings.model_fields}
    for name, value in (given | {"OPENAI_API_KEY": "sk-test", "API_KEYS": "key"}).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_a_pod_is_reached_where_the_server_listens(settings: Settings) -> None:
    assert (settings.app_env, settings.host) == ("production", "0.0.0.0")  # noqa: S104
    assert settings.port == read_number("containerPort")


def test_a_request_may_end_before_its_pod_does(settings: Settings) -> None:
    assert settings.drain_timeout >= settings.request_timeout
    grace = read_number("terminationGracePeriodSeconds")
    assert grace > read_number("seconds") + settings.drain_timeout


def test_keys_are_in_the_secret_only() -> None:
    for folder in (BASE, *OVERLAYS):
        assert not read_settings(folder).keys() & {"OPENAI_API_KEY", "API_KEYS"}
