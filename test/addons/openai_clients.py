"""Asks a server through the official client, and prints what it got as one JSON object.

OPENAI_BASE_URL and OPENAI_API_KEY say whom to ask, the arguments for which model and what.
"""

import asyncio
import json
import sys

import openai

MODEL, PROMPT = sys.argv[1:]
MESSAGES = [{"role": "user", "content": PROMPT}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
client = openai.OpenAI(max_retries=0)


def chat():
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return {
        "text": answer.choices[0].message.content,
        "output_tokens": answer.usage.completion_tokens,
        "request_id": answer._request_id,
    }


async def stream():
    async with openai.AsyncOpenAI(max_retries=0) as asynchronous:
        events = await asynchronous.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [event async for event in events]
    return {
        "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "output_tokens": chunks[-1].usage.completion_tokens,
    }


def tools():
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES, tools=[TOOL]) as events:
        asking = events.get_final_completion().choices[0]
    call = asking.message.tool_calls[0]
    said = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    messages = [*MESSAGES, asking.message.model_dump(exclude_none=True), said]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    return {
        "finish_reason": asking.finish_reason,
        "call": [call.function.name, json.loads(call.function.arguments)],
        "text": answer.choices[0].message.content,
    }


def name_error(using=client, **fields):
    """The class, status and code of the error that a request raises."""
    try:
        for _ in using.chat.completions.create(**{"model": MODEL, "messages": MESSAGES, **fields}):
            pass
    except openai.APIError as error:
        return [type(error).__name__, getattr(error, "status_code", None), error.code]
    return None


print(
    json.dumps(
        {
            "chat": chat(),
            "stream": asyncio.run(stream()),
            "tools": tools(),
            "models": [model.id for model in client.models.list()],
            "model": client.models.retrieve(MODEL).id,
            "errors": [
                name_error(client.with_options(api_key="wrong")),
                name_error(model="gpt-unknown"),
                name_error(max_tokens=100_000),
                name_error(model="mock-rate-limited"),
                name_error(model="mock-server-error"),
                name_error(model="mock-error-event", stream=True),
            ],
        }
    )
)
