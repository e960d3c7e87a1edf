"""OpenAI, when there is a key. Every failure is one exception: AIError."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from planner.db import Embedding
from planner.embedding import DIMENSIONS
from planner.parser import ParsedTask, Priority, clean_title
from planner.settings import Settings

_SECONDS = 15  # all attempts together; the parser is waiting
_PROMPT = (
    "Extract the task from the user's message. Title: short, in the message's language, without "
    "the date and priority. Due: ISO date or null. Today is {today:%A} {today:%Y-%m-%d}."
)


class AIError(Exception):
    """The AI did not give a usable answer; the message is safe to log."""


class _Answer(BaseModel):
    """The shape the model has to answer in; also its JSON schema."""

    model_config = ConfigDict(extra="forbid")
    title: str = Field(min_length=1)
    due: date | None
    priority: Priority


class AI:
    """The three calls the planner makes."""

    def __init__(self, api_key: str, settings: Settings) -> None:
        """Import the client only here: it costs 10 MiB that a planner without a key keeps."""
        import openai  # noqa: PLC0415

        self._model = settings.openai_model
        self._embedding_model = settings.openai_embedding_model
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=settings.openai_base_url,
            timeout=_SECONDS,
            max_retries=0,  # falling back is quicker than trying again
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def extract(self, text: str, today: date) -> ParsedTask:
        """Let the model read title, due date and priority."""
        async with self._failing_as_ai_error():
            completion = await self._client.chat.completions.create(
                model=self._model,
                messages=[
                    {"role": "system", "content": _PROMPT.format(today=today)},
                    {"role": "user", "content": text},
                ],
                response_format={
                    "type": "json_schema",
                    "json_schema": {
                        "name": "task",
                        "strict": True,
                        "schema": _Answer.model_json_schema(),
                    },
                },
            )
            answer = _Answer.model_validate_json(completion.choices[0].message.content or "")
            title = clean_title(answer.title)
            if not title:
                raise ValueError
            return ParsedTask(title, answer.due, answer.priority)

    async def embed(self, text: str) -> Embedding:
        """Let the model embed a text."""
        async with self._failing_as_ai_error():
            answer = await self._client.embeddings.create(
                model=self._embedding_model, input=text, dimensions=DIMENSIONS
            )
            vector = answer.data[0].embedding
            if len(vector) != DIMENSIONS or not any(vector):
                raise ValueError
            return Embedding(vector, self._embedding_model)

    async def check(self) -> None:
        """Raise unless the API knows our model and accepts our key; costs no tokens."""
        async with self._failing_as_ai_error():
            await self._client.models.retrieve(self._model)

    @asynccontextmanager
    async def _failing_as_ai_error(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_SECONDS):
                yield
        except Exception as exc:  # the client does not check the shape of answers
            raise AIError(type(exc).__name__) from exc
