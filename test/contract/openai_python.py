"""Asks the mock everything through the official client, and prints what it got as one JSON object.

OPENAI_BASE_URL and OPENAI_API_KEY say whom to ask.
"""

import asyncio
import json

import openai

MESSAGES = [{"role": "user", "content": "Good morning"}]
client = openai.OpenAI(max_retries=0)


def chat():
    answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    return {
        "text": answer.choices[0].message.content,
        "finish_reason": answer.choices[0].finish_reason,
        "output_tokens": answer.usage.completion_tokens,
        "request_id": answer._request_id,
    }


def chat_stream():
    chunks = list(
        client.chat.completions.create(
            model="gpt-4o",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    return {
        "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "finish_reason": chunks[-2].choices[0].finish_reason,
        "output_tokens": chunks[-1].usage.completion_tokens,
    }


def chat_helper():
    with client.chat.completions.stream(model="gpt-4o", messages=MESSAGES) as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_completion()
    return {"text": answer.choices[0].message.content, "last_event": events[-1]}


async def chat_async():
    async with openai.AsyncOpenAI(max_retries=0) as asynchronous:
        stream = await asynchronous.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True
        )
        return {"text": "".join([c.choices[0].delta.content or "" async for c in stream])}


def responses():
    answer = client.responses.create(model="gpt-4o", input="Good morning")
    return {"text": answer.output_text, "status": answer.status}


def responses_helper():
    with client.responses.stream(model="gpt-4o", input="Good morning") as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_response()
    return {"text": answer.output_text, "last_event": events[-1]}


def embeddings():
    answer = client.embeddings.create(model="e", input=["one", "two"], dimensions=8)
    return {"lengths": [len(one.embedding) for one in answer.data]}


def models():
    return {"ids": [model.id for model in client.models.list()]}


def name_error(model, stream=False):
    """The class and status of the error that a model raises."""
    try:
        answer = client.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
        for _ in answer:
            pass
    except openai.APIError as error:
        return [type(error).__name__, getattr(error, "status_code", None)]
    return None


print(
    json.dumps(
        {
            "chat": chat(),
            "chat_stream": chat_stream(),
            "chat_helper": chat_helper(),
            "chat_async": asyncio.run(chat_async()),
            "responses": responses(),
            "responses_helper": responses_helper(),
            "embeddings": embeddings(),
            "models": models(),
            "errors": {
                name: name_error(f"mock-{name}")
                for name in [
                    "bad-request",
                    "unauthorized",
                    "not-found",
                    "rate-limited",
                    "server-error",
                    "unavailable",
                    "reset-before",
                    "nope",
                ]
            },
            "error_event": name_error("mock-error-event", stream=True),
        }
    )
)
