"""What the server reads from its environment, and from `.env` beside the `app` folder."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt, Secret, ValidationError, ValidationInfo
from pydantic.functional_validators import BeforeValidator, field_validator
from pydantic.networks import HttpUrl, IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_MODEL = "gpt-4o"  # fmt: skip
DEFAULT_BASE_URL = "https://api.openai.com/v1"  # fmt: skip

Kind = TypeVar("Kind", bound=BaseSettings)
PROJECT = Path(__file__).resolve().parent.parent

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]
# A stray line break in a key would fail each request, far from its cause.
Key = Annotated[str, Field(pattern=r"^[!-~]+$")]
KeyOrHash = Annotated[str, Field(pattern=r"^(?!sha256:)[!-~]+$|^sha256:[0-9a-fA-F]{64}$")]
Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")]
Rate = Annotated[str, Field(pattern=r"^(0|[1-9]\d{0,9}/(second|minute|hour|day))$")]


class Settings(BaseSettings):
    """Every setting; in the environment their names are in capitals."""

    model_config = SettingsConfigDict(
        env_file=PROJECT / ".env", env_ignore_empty=True, extra="ignore", regex_engine="python-re"
    )

    app_env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    workers: PositiveInt = 1
    log_level: LogLevel = "info"

    openai_api_key: Secret[Key] | None = None
    openai_base_url: HttpUrl = HttpUrl(DEFAULT_BASE_URL)
    llm_model: str = DEFAULT_MODEL

    allowed_models: Annotated[list[str], NoDecode] = []
    api_keys: Annotated[list[KeyOrHash], NoDecode, Field(repr=False)] = []
    cors_origins: Annotated[list[Origin], NoDecode] = []
    trusted_proxies: Annotated[list[IPvAnyNetwork], NoDecode] = []

    rate_limit: Rate = "60/minute"
    max_prompt_chars: PositiveInt = 32_768
    max_body_bytes: PositiveInt = 1_048_576
    max_output_tokens: PositiveInt = 4096
    max_concurrency: PositiveInt = 256
    max_queue: NonNegativeInt = 256
    queue_timeout: Seconds = 10
    connect_timeout: Seconds = 5
    idle_timeout: Seconds = 60
    request_timeout: Seconds = 120
    max_retries: NonNegativeInt = 2
    drain_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30

    @field_validator("allowed_models", "api_keys", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if value and not any(parts):
            raise ValueError("has nothing between its commas")
        return [part for part in parts if part]

    @field_validator("openai_api_key", "api_keys")
    @classmethod
    def check_production(cls, keys: Any, info: ValidationInfo) -> Any:
        if not keys and info.data.get("app_env") == "production":
            raise ValueError("is required when APP_ENV is production")
        return keys


def load_settings(kind: type[Kind]) -> Kind:
    """Read the settings, or end the process with every mistake at once (no values: secrets)."""
    try:
        return kind()
    except ValidationError as error:
        mistakes = [
            f"  {str(mistake['loc'][0]).upper()}: {mistake['msg'].removeprefix('Value error, ')}"
            for mistake in error.errors(include_input=False)
        ]
    raise SystemExit("\n".join(["The server cannot start. Wrong settings:", *mistakes]))
