"""What may be asked by OpenAI's own API: which models, and how much."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.generate import drop_zeros
from app.problems import Problem
from app.settings import Settings

READ = ["messages", "tools", "response_format"]  # By the model: MAX_PROMPT_CHARS is for them.
EXAMPLE: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}


class ChatRequest(BaseModel):
    """As of OpenAI's API; what is not listed here goes to the provider as it is."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [EXAMPLE]})

    n: Literal[1] | None = None  # Each of several answers costs as much as the first.
    stream: bool | None = None


def limit_chat(settings: Settings) -> type[ChatRequest]:
    """The request with its limits in the type, so that /docs tells them and pydantic checks them."""

    known = AfterValidator(lambda name: find_model(settings, name))
    tokens = Field(ge=1, le=settings.max_output_tokens), BeforeValidator(drop_zeros)

    class LimitedChatRequest(ChatRequest):
        model: Annotated[str, known]
        messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
        max_tokens: Annotated[int, *tokens] | None = None
        max_completion_tokens: Annotated[int, *tokens] | None = None

    return LimitedChatRequest


def check_length(call: dict[str, Any], limit: int) -> None:
    """Of every text that the model may read, in whatever member it stands."""
    count, left = 0, [call.get(name) for name in READ]
    while left:
        match left.pop():
            case str() as text:
                count += len(text)
            case dict() as members:
                left += members.values()
            case list() as items:
                left += items
    if count > limit:
        message = f"{', '.join(READ)} may have {limit} characters in all"
        errors = [{"field": "messages", "message": message}]
        raise Problem("invalid-request", "Some fields are wrong: see errors.", errors=errors)


def list_models(settings: Settings) -> list[str]:
    return list(dict.fromkeys([settings.llm_model, *settings.allowed_models]))


def find_model(settings: Settings, name: str) -> str:
    if name in list_models(settings):
        return name
    kind = 404, "There is no such model"
    raise Problem("model_not_found", "There is no such model here.", kind=kind)
