"""What the server reads from its environment, and from `.env` beside the `app` folder."""

import re
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

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
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_MODEL = "gpt-4o"  # fmt: skip
DEFAULT_BASE_URL = "https://api.openai.com/v1"  # fmt: skip

PROJECT = Path(__file__).resolve().parent.parent
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def check_url(value: str) -> str:
    TypeAdapter(HttpUrl).validate_python(value)
    return value


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_rate(text: str) -> tuple[int, int]:
    """How many in how many seconds; (0, 0) is no limit."""
    if text == "0":
        return 0, 0
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


def check_printable(text: str) -> None:
    """It goes into a header: a stray line break would fail each request, far from its cause."""
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("must be printable ASCII without spaces")


def check_key(key: SecretStr) -> SecretStr:
    check_printable(key.get_secret_value())
    return key


def hash_keys(text: str) -> list[bytes]:
    if not text:
        return []
    keys = split(text)
    if not keys:
        raise ValueError("has no key in it")
    check_printable("".join(keys))
    hashes = [key.removeprefix("sha256:") for key in keys if key.startswith("sha256:")]
    if not all(re.fullmatch(r"[0-9a-fA-F]{64}", each) for each in hashes):
        raise ValueError("has a sha256: without 64 hexadecimal digits")
    plain = [key for key in keys if not key.startswith("sha256:")]
    return [bytes.fromhex(each) for each in hashes] + [sha256(k.encode()).digest() for k in plain]


Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]


Rate = Annotated[tuple[int, int], NoDecode, BeforeValidator(parse_rate)]
Origins = Annotated[list[str], NoDecode, BeforeValidator(parse_origins)]
Proxies = Annotated[list[str], NoDecode, BeforeValidator(parse_proxies)]
Hashes = Annotated[list[bytes], NoDecode, BeforeValidator(hash_keys)]


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

    openai_api_key: Annotated[SecretStr, AfterValidator(check_key)] | None = None
    openai_base_url: Annotated[str, AfterValidator(check_url)] = DEFAULT_BASE_URL
    llm_model: str = DEFAULT_MODEL
    allowed_models: str = ""

    api_keys: Hashes = Field(default=[], repr=False)
    rate_limit: Rate = Field(default=(60, 60), validate_default=False)
    cors_origins: Origins = Field(default=[], validate_default=False)
    trusted_proxies: Proxies = Field(default=[], validate_default=False)

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
    def check_production(cls, keys: Any, info: ValidationInfo) -> Any:
        if not keys and info.data.get("app_env") == "production":
            raise ValueError("is required when APP_ENV is production")
        return keys

    @property
    def models(self) -> list[str]:
        """The models that a request may name, the default one first."""
        return list(dict.fromkeys([self.llm_model, *split(self.allowed_models)]))


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
