"""How fast FastAPI can be in front of a model: no SDK, no middleware, no checks, bytes relayed.

pip install fastapi uvicorn[standard] aiohttp && uvicorn --no-access-log fastapi_bare:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientResponse, ClientSession, TCPConnector
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}


@asynccontextmanager
async def hold_session(app: FastAPI) -> AsyncIterator[None]:
    async with ClientSession(headers=HEADERS, connector=TCPConnector(limit=0)) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=hold_session)


class Prompt(BaseModel):
    prompt: str
    stream: bool = False


async def relay(answer: ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for chunk in answer.content.iter_any():
            yield chunk


@app.post("/generate")
async def generate(body: Prompt) -> Response:
    call = {"model": "gpt-4o", "messages": [{"role": "user", "content": body.prompt}]}
    post = app.state.session.post
    if body.stream:
        answer = await post(URL, json={**call, "stream": True})
        return StreamingResponse(relay(answer), media_type="text/event-stream")
    async with post(URL, json=call) as answer:
        return Response(await answer.read(), media_type="application/json")
