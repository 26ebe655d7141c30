"""What the server reads from its environment, and from `.env` beside the `app` folder."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_MODEL = "gpt-4o"  # fmt: skip
DEFAULT_BASE_URL = "https://api.openai.com/v1"  # fmt: skip

PROJECT = Path(__file__).resolve().parent.parent
HTTP_URL = TypeAdapter(HttpUrl)


def check_url(value: str) -> str:
    HTTP_URL.validate_python(value)
    return value


Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]


class Settings(BaseSettings):
    """Every setting; in the environment their names are in capitals."""

    model_config = SettingsConfigDict(
        env_file=PROJECT / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        validate_default=True,
    )

    app_env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    log_level: LogLevel = "info"

    openai_api_key: SecretStr | None = None
    openai_base_url: Annotated[str, AfterValidator(check_url)] = DEFAULT_BASE_URL
    llm_model: str = DEFAULT_MODEL
    allowed_models: str = ""

    max_prompt_chars: Count = 32_768
    max_body_bytes: Count = 1_048_576
    max_output_tokens: Count = 4096

    connect_timeout: Seconds = 5
    idle_timeout: Seconds = 60
    request_timeout: Seconds = 120
    max_retries: Annotated[int, Field(ge=0)] = 2
    drain_timeout: Annotated[int, Field(ge=0)] = 30

    @field_validator("openai_api_key")
    @classmethod
    def check_key(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if key is None and info.data.get("app_env") == "production":
            raise ValueError("is required when APP_ENV is production")
        # It goes into a header: a stray line break would fail each request, far from its cause.
        if key and not all("!" <= character <= "~" for character in key.get_secret_value()):
            raise ValueError("must be printable ASCII without spaces")
        return key

    @property
    def models(self) -> list[str]:
        """The models that a request may name, the default one first."""
        allowed = (name.strip() for name in self.allowed_models.split(","))
        return list(dict.fromkeys(filter(None, (self.llm_model, *allowed))))


def load_settings() -> Settings:
    """Read the settings, or end the process with every mistake at once (no values: secrets)."""
    try:
        return Settings()
    except ValidationError as error:
        mistakes = [
            f"  {str(mistake['loc'][0]).upper()}: {mistake['msg'].removeprefix('Value error, ')}"
            for mistake in error.errors(include_input=False)
        ]
    raise SystemExit("\n".join(["The server cannot start. Wrong settings:", *mistakes]))
