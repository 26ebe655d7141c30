"""What the server reads from its environment, and from `.env` beside the `app` folder."""

import re
from hashlib import sha256
from ipaddress import ip_network
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
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def check_url(value: str) -> str:
    TypeAdapter(HttpUrl).validate_python(value)
    return value


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_rate(text: str) -> tuple[int, int] | None:
    """How many in how many seconds."""
    if text == "0":
        return None
    amount, _, period = text.partition("/")
    if not re.fullmatch(r"[1-9]\d{0,9}", amount) or period not in PERIODS:
        raise ValueError(f"should be like 60/minute (or {', '.join(PERIODS)}), or 0 for no limit")
    return int(amount), PERIODS[period]


def parse_origins(text: str) -> list[str]:
    origins = split(text)
    if not all(re.fullmatch(r"\*|https?://[^/\s]+", origin) for origin in origins):
        raise ValueError("should be origins like https://example.com, separated by commas, or *")
    return origins


def parse_proxies(text: str) -> list[str]:
    try:
        return [str(ip_network(address, strict=False)) for address in split(text)]
    except ValueError:
        raise ValueError("should be addresses or networks, separated by commas") from None


def hash_keys(text: str) -> list[bytes]:
    keys = split(text)
    if not keys:
        raise ValueError("has no key in it")
    hashes = [key.removeprefix("sha256:") for key in keys if key.startswith("sha256:")]
    if not all(re.fullmatch(r"[0-9a-fA-F]{64}", each) for each in hashes):
        raise ValueError("has a sha256: without 64 hexadecimal digits")
    plain = [key for key in keys if not key.startswith("sha256:")]
    return [bytes.fromhex(each) for each in hashes] + [sha256(k.encode()).digest() for k in plain]


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
    workers: Count = 1
    log_level: LogLevel = "info"

    openai_api_key: SecretStr | None = None
    openai_base_url: Annotated[str, AfterValidator(check_url)] = DEFAULT_BASE_URL
    llm_model: str = DEFAULT_MODEL
    allowed_models: str = ""

    api_keys: SecretStr | None = None
    rate_limit: str = "60/minute"
    cors_origins: str = ""
    trusted_proxies: str = ""

    max_prompt_chars: Count = 32_768
    max_body_bytes: Count = 1_048_576
    max_output_tokens: Count = 4096

    max_concurrency: Count = 256
    max_queue: Annotated[int, Field(ge=0)] = 256
    queue_timeout: Seconds = 10
    connect_timeout: Seconds = 5
    idle_timeout: Seconds = 60
    request_timeout: Seconds = 120
    max_retries: Annotated[int, Field(ge=0)] = 2
    drain_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30

    @field_validator("openai_api_key", "api_keys")
    @classmethod
    def check_keys(cls, keys: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if keys is None:
            if info.data.get("app_env") == "production":
                raise ValueError("is required when APP_ENV is production")
            return None
        text = keys.get_secret_value()
        if info.field_name == "api_keys":
            hash_keys(text)
            text = "".join(split(text))
        # It goes into a header: a stray line break would fail each request, far from its cause.
        if not all("!" <= character <= "~" for character in text):
            raise ValueError("must be printable ASCII without spaces")
        return keys

    @field_validator("rate_limit", "cors_origins", "trusted_proxies")
    @classmethod
    def check_syntax(cls, text: str, info: ValidationInfo) -> str:
        parsers = {
            "rate_limit": parse_rate,
            "cors_origins": parse_origins,
            "trusted_proxies": parse_proxies,
        }
        parsers[info.field_name or ""](text)
        return text

    @property
    def models(self) -> list[str]:
        """The models that a request may name, the default one first."""
        return list(dict.fromkeys([self.llm_model, *split(self.allowed_models)]))

    @property
    def rate(self) -> tuple[int, int] | None:
        return parse_rate(self.rate_limit)

    @property
    def origins(self) -> list[str]:
        return parse_origins(self.cors_origins)

    @property
    def proxies(self) -> list[str]:
        return parse_proxies(self.trusted_proxies)

    @property
    def key_hashes(self) -> list[bytes]:
        return hash_keys(self.api_keys.get_secret_value()) if self.api_keys else []


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
