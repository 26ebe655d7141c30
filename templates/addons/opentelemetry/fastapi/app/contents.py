"""What was asked and said, for those who want it in their traces: `gen_ai.input.messages` and
`gen_ai.output.messages`."""

import json
from contextlib import suppress
from typing import Any

import aiohttp


class Heard:
    """A response that is listened to, with what `app/upstream.py` needs of one."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self.content, self.chunks = response, self, list[bytes]()
        self.content_type = response.content_type
        self.wait_eof = response.content.wait_eof

    async def read(self) -> bytes:
        self.chunks.append(await self._response.read())
        return self.chunks[-1]

    async def readany(self) -> bytes:
        self.chunks.append(await self._response.content.readany())
        return self.chunks[-1]


def render_messages(messages: list[dict[str, Any]]) -> str:
    rendered = []
    for message in messages:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        told = [{"type": "text", "content": text} for text in texts if isinstance(text, str)]
        rendered.append({"role": message.get("role"), "parts": told})
    return json.dumps(rendered)


def render_answer(body: bytes, finish_reason: str | None) -> str:
    """Of what the provider sent, whole or as a stream. What was cut off in the middle is left out."""
    if not body.lstrip().startswith(b"{"):
        documents = [line[5:] for line in body.splitlines() if line.startswith(b"data:")]
    else:
        documents = [body]
    text = ""
    for document in documents:
        with suppress(ValueError, LookupError, TypeError):
            choice = json.loads(document)["choices"][0]
            text += choice.get("delta", choice.get("message"))["content"] or ""
    parts = [{"type": "text", "content": text}]
    return json.dumps([{"role": "assistant", "parts": parts, "finish_reason": finish_reason}])
