"""The listing that people copy: FastAPI and the OpenAI SDK, both with their defaults.

pip install fastapi uvicorn[standard] openai && uvicorn fastapi_snippet:app
"""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

app = FastAPI()
client = AsyncOpenAI()


class Prompt(BaseModel):
    prompt: str
    stream: bool = False


async def stream_events(prompt: str) -> AsyncIterator[str]:
    stream = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": prompt}], stream=True
    )
    async for chunk in stream:
        yield f"data: {chunk.model_dump_json()}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/generate")
async def generate(body: Prompt):
    if body.stream:
        return StreamingResponse(stream_events(body.prompt), media_type="text/event-stream")
    completion = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": body.prompt}]
    )
    return {"text": completion.choices[0].message.content}
